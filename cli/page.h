/* SPDX-License-Identifier: Apache-2.0 */
/* page.h - pages that need nothing but themselves: what the album and the
 * contact sheet have in common. */
#ifndef FACET_CLI_PAGE_H
#define FACET_CLI_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "facet/image.h"

/* Up to and with <body>. `style` follows the style that pages share: a head of
 * class `top`, square figures, a bar that comes up (class `up`). */
void page_begin(FILE *to, const char *title, const char *style);
/* Text, with what HTML would read otherwise in its place. */
void page_text(FILE *to, const char *text);
/* A picture as the value of src, `size` pixels wide and high; nothing when it
 * cannot be made. */
void page_picture(FILE *to, const facet_image *image, int size);

/* Write FOLDER/name whole or not at all; `put` is false when it could not.
 * Complains on failure; the exit status. */
typedef bool page_put(const void *context, FILE *to);
int page_file(
    const char *folder, const char *name, page_put *put, const void *context);

#endif
