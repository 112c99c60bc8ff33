/* SPDX-License-Identifier: Apache-2.0 */
/* where.c - addresses as they may be shown: USER:PASSWORD@HOST:PORT/DATABASE
 * without the password and without parameters, which may hold one, too. What is
 * in doubt is not shown. */
#include "gallery/where.h"

#include <stdio.h>
#include <string.h>

#include "facet/gallery.h"

/* What follows the scheme; NULL: it is no address of a server. */
static const char *after_scheme(const char *where)
{
    static const char *const schemes[] = { "postgresql://", "postgres://" };

    for (int i = 0; i < 2; i++)
        if (strncmp(where, schemes[i], strlen(schemes[i])) == 0)
            return where + strlen(schemes[i]);
    return NULL;
}

bool facet__where_is_server(const char *where)
{
    return after_scheme(where) != NULL;
}

/* HOST:PORT, of which there may be several; a host may stand in brackets. */
static bool hosts_plain(const char *at, const char *end)
{
    bool in_brackets = false, in_port = false;

    for (; at < end; at++) {
        if (*at == '[' || *at == ']')
            in_brackets = *at == '[';
        else if (*at == ',')
            in_port = false;
        else if (*at == ':' && !in_brackets)
            in_port = true;
        else if (in_port && (*at < '0' || *at > '9'))
            return false;
    }
    return true;
}

bool facet__where_is_plain(const char *address)
{
    const char *rest = after_scheme(address);
    const char *at = rest ? strrchr(rest, '@') : NULL;
    const char *hosts = at ? at + 1 : rest;

    if (!rest || (at && strcspn(rest, "@/?#") < (size_t)(at - rest)))
        return false;
    return hosts_plain(hosts, hosts + strcspn(hosts, "/?#"));
}

size_t facet_gallery_where(const char *path, char *out, size_t cap)
{
    const char *rest = after_scheme(path);
    const char *at = rest ? strchr(rest, '@') : NULL;
    int n;

    if (!rest)
        n = snprintf(out, cap, "%s", path);
    else if (!facet__where_is_plain(path))
        n = snprintf(out, cap, "%.*s...", (int)(rest - path), path);
    else
        n = snprintf(out, cap, "%.*s%.*s%.*s", (int)(rest - path), path,
            at ? (int)strcspn(rest, ":@") : 0, rest,
            (int)strcspn(at ? at : rest, "?#"), at ? at : rest);
    return n > 0 ? (size_t)n : 0;
}
