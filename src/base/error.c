/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#undef facet__fail /* what static analysis is told stands in error.h */
#undef facet__fail_memory

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One row a status; the index is the status. */
static const struct {
    const char *name, *sentence;
} table[] = {
    [FACET_OK] = { "ok", "no error" },
    [FACET_EINVAL] = { "invalid_argument", "an argument is not usable" },
    [FACET_ENOMEM] = { "out_of_memory", "memory could not be had" },
    [FACET_EIO] = { "io_error", "the system refused to read or write" },
    [FACET_ENOTFOUND] = { "not_found", "there is no such file or entry" },
    [FACET_EEMPTY] = { "empty", "the file has no bytes" },
    [FACET_ETRUNCATED] = { "truncated", "the file ends too early" },
    [FACET_EDAMAGED] = { "damaged", "the file contradicts its own format" },
    [FACET_ENOTIMAGE] = { "not_an_image", "not a picture in a known format" },
    [FACET_ELIMIT] = { "over_limit", "larger than the limit in force" },
    [FACET_EUNSUPPORTED] = { "unsupported", "not supported by this build" },
    [FACET_EMODEL] = { "model_error", "the network does not fit this use" },
    [FACET_ECONTRACT] = { "contract_mismatch",
        "the embeddings were made by different contracts" },
    [FACET_ENOFACE] = { "no_face", "no face was found" },
    [FACET_EMANYFACES] = { "several_faces", "more than one face was found" },
    [FACET_EEXISTS] = { "exists", "it exists already" },
    [FACET_EBUSY] = { "busy", "held by another writer" },
    [FACET_ECANCELED] = { "canceled", "stopped on request" },
    [FACET_EINTERNAL] = { "internal", "a defect of facet: please report it" },
};

static size_t row(facet_status status)
{
    const size_t n = sizeof table / sizeof table[0];

    return (size_t)status < n ? (size_t)status : n;
}

const char *facet_status_name(facet_status status)
{
    const size_t i = row(status);

    return i < sizeof table / sizeof table[0] ? table[i].name : "unknown";
}

const char *facet_status_str(facet_status status)
{
    const size_t i = row(status);

    return i < sizeof table / sizeof table[0] ? table[i].sentence
                                              : "an unknown status";
}

facet_status facet__fail(
    facet_error *err, facet_status code, const char *format, ...)
{
    if (err) {
        va_list args;

        err->code = code;
        va_start(args, format);
        vsnprintf(err->msg, sizeof err->msg, format, args);
        va_end(args);
    }
    return code;
}

enum { MOST_PLACE = 120 };

/* The remedy stands at the message's end and the file's name at that of its
 * path: a long path loses its beginning. */
facet_status facet__fail_in(
    facet_error *err, facet_status code, const char *what)
{
    char inner[sizeof err->msg];
    size_t room = sizeof inner - sizeof "...: ", length = strlen(what);

    if (!err)
        return code;
    memcpy(inner, err->msg, sizeof inner);
    inner[sizeof inner - 1] = '\0';
    room -=
        strlen(inner) < room - MOST_PLACE ? strlen(inner) : room - MOST_PLACE;
    return facet__fail(err, code, "%s%.*s: %s", length > room ? "..." : "",
        (int)room, length > room ? what + length - room : what, inner);
}

facet_status facet__fail_memory(facet_error *err)
{
    return facet__fail(err, FACET_ENOMEM, "memory could not be had");
}
