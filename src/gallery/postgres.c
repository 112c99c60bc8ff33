/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "gallery/db.h"
static facet_status no_libpq(const char *where, const facet_gallery_opts *opts,
    bool create, facet__db **out, facet_error *err)
{
    (void)where, (void)opts, (void)create, (void)out;
    return facet__fail(err, FACET_EUNSUPPORTED,
        "this facet was built without PostgreSQL: install libpq-dev and build "
        "again");
}
const facet__driver facet__postgres = { .open = no_libpq };
