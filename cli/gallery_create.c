/* SPDX-License-Identifier: Apache-2.0 */
/* gallery_create.c - an empty gallery for what the networks make. */
#include "gallery.h"
#include "output.h"

int gallery_create(int argc, char **argv)
{
    static const gallery_usage usage = { .name = "facet gallery create",
        .args_doc = "FILE",
        .doc = "Begin a gallery for embeddings of the networks in use.",
        .looks = true };
    gallery_run run;
    facet_gallery *g = NULL;
    char text[FACET_CONTRACT_TEXT];
    int status;

    gallery_parse(&run, &usage, argc, argv);
    run.finder.threads = 1;
    status = finder_open(&run.finder);
    if (status == EXIT_YES)
        status =
            store_create(&run.store, &run.finder.contract, run.finder.dim, &g);
    if (status == EXIT_YES)
        status =
            json_line(json_pack("{s:o, s:s, s:I, s:s, s:b}", "gallery",
                json_path(run.store.path), "name",
                run.store.opts.name ? run.store.opts.name : "default", "dim",
                (json_int_t)run.finder.dim, "contract",
                facet_contract_text(&run.finder.contract, text), "encrypted",
                run.store.opts.key_file || run.store.passphrase_file))
                ? EXIT_YES
                : EXIT_NO_MEMORY;
    facet_gallery_free(g);
    gallery_free(&run);
    return status;
}
