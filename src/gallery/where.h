/* SPDX-License-Identifier: Apache-2.0 */
/* where.h - addresses of servers, and the passwords in them. */
#ifndef FACET__GALLERY_WHERE_H
#define FACET__GALLERY_WHERE_H

#include <stdbool.h>
#include <stddef.h>

/* Is it the address of a server, not the path of a file? */
bool facet__where_is_server(const char *where);

/* Can there be no doubt which part of an address is the password? What has to
 * be escaped in it is what could be taken for the end of another part. */
bool facet__where_is_plain(const char *address);

#endif
