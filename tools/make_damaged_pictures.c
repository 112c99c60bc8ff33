/* SPDX-License-Identifier: Apache-2.0 */
/* make_damaged_pictures.c - writes the corpus of damaged pictures (and, with
 * --whole, the pictures before they were damaged: seeds for fuzzing) into a
 * folder. The same files every time.
 *
 *     make_damaged_pictures [--whole] FOLDER */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "damage.h"

static void write_one(
    const char *name, const uint8_t *bytes, size_t size, void *context)
{
    const char *folder = context;
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

int main(int argc, char **argv)
{
    const int whole = argc == 3 && !strcmp(argv[1], "--whole");
    int count;

    if (argc != 2 + whole) {
        fprintf(stderr, "usage: %s [--whole] FOLDER\n", argv[0]);
        return 2;
    }
    mkdir(argv[1 + whole], 0777); /* may be there already */
    count = whole ? damage_none(write_one, argv[2])
                  : damage_each(write_one, argv[1]);
    printf("%d pictures\n", count);
    return 0;
}
