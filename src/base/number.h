/* SPDX-License-Identifier: Apache-2.0 */
/* number.h - numbers as text, the same in every locale: a program that has
 * called setlocale() for a country of decimal commas reads and writes the same
 * files as all others. */
#ifndef FACET__NUMBER_H
#define FACET__NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* Read a finite float at `text`, blanks before it allowed; *end receives the
 * place behind it. False, and nothing written, when there is none. */
bool facet__number_parse(const char *text, const char **end, float *out);

enum { FACET__NUMBER_TEXT = 24 };

/* The shortest of 6 to 9 digits that reads back as the same float. Returns
 * `text`. */
char *facet__number_print(float value, char text[FACET__NUMBER_TEXT]);

#endif
