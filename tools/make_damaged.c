/* SPDX-License-Identifier: Apache-2.0 */
/* make_damaged.c - writes the corpus of damaged pictures or networks (and, with
 * --whole, the files before they were damaged: seeds for fuzzing) into a
 * folder. The same files every time.
 *
 *     make_damaged [--whole] pictures|models FOLDER */
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

typedef int give_files(damage_use *use, void *context);

int main(int argc, char **argv)
{
    static give_files *const what[2][2] = { { damage_each, damage_none },
        { damage_models_each, damage_models_none } };
    const int whole = argc == 4 && !strcmp(argv[1], "--whole");
    int models;

    if (argc != 3 + whole || (strcmp(argv[1 + whole], "pictures") != 0 &&
                                 strcmp(argv[1 + whole], "models") != 0)) {
        fprintf(stderr, "usage: %s [--whole] pictures|models FOLDER\n", *argv);
        return 2;
    }
    models = !strcmp(argv[1 + whole], "models");
    mkdir(argv[2 + whole], 0777); /* may be there already */
    printf("%d %s\n", what[models][whole](write_one, argv[2 + whole]),
        argv[1 + whole]);
    return 0;
}
