/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_gallery_import.c - hunts imports that are half done: JSON of the wrong
 * type where a text, a number or an object is expected, base64 of odd length,
 * persons that are never named. Whatever the text, it is taken in wholly or not
 * at all. */
#include "fuzz_gallery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_place place;
    facet_gallery *g = fuzz_gallery(&place);
    facet_import_report report;
    facet_gallery_info info;
    const facet_status st =
        facet_gallery_import(g, (const char *)data, size, &report, NULL);

    if (facet_gallery_stats(g, &info, NULL) != FACET_OK ||
        info.templates != 2 + report.templates ||
        (st != FACET_OK && (report.templates || info.people != 1)))
        abort();
    fuzz_gallery_end(&place, g);
    return 0;
}
