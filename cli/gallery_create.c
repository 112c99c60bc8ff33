/* SPDX-License-Identifier: Apache-2.0 */
/* gallery_create.c - an empty gallery for what the networks make. */
#include "gallery.h"
#include "output.h"

int gallery_create(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "approximate", GALLERY_APPROXIMATE, NULL, 0,
            "on a server: search by an HNSW index, which may miss somebody",
            0 },
        { "partitions", GALLERY_PARTITIONS, "N", 0,
            "into which a new server's people are divided; default 8", 0 },
        { 0 },
    };
    static const gallery_usage usage = { .name = "facet gallery create",
        .args_doc = "FILE",
        .doc = "Begin a gallery for embeddings of the networks in use.",
        .options = options,
        .embeds = true };
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
                json_where(&run.store), "name",
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
