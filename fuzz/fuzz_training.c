/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_training.c - hunts what a recipe and the lists beside it make a training
 * believe: keys twice, numbers out of range, fields and lines that are not
 * there. The first byte picks the reader. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "fuzz.h"
#include "train/landmarks.h"
#include "train/recipe.h"
#include "train/table.h"

/* A data set of two pictures that nobody opens, and room for a list. */
typedef struct place {
    char folder[32], person[64], pictures[2][80], list[64];
    facet__dataset *data;
} place;

static place here;

static void remove_place(void)
{
    facet__dataset_close(here.data);
    for (int i = 0; i < 2; i++)
        unlink(here.pictures[i]);
    unlink(here.list);
    rmdir(here.person);
    rmdir(here.folder);
}

static void make_place(place *p)
{
    facet__dataset_setup setup;

    snprintf(p->folder, sizeof p->folder, "fuzz_training_XXXXXX");
    if (!mkdtemp(p->folder) || atexit(remove_place) != 0)
        abort();
    snprintf(p->list, sizeof p->list, "%s/list", p->folder);
    snprintf(p->person, sizeof p->person, "%s/person", p->folder);
    if (mkdir(p->person, 0700) != 0)
        abort();
    for (int i = 0; i < 2; i++) {
        snprintf(p->pictures[i], sizeof p->pictures[i], "%s/%c.png", p->person,
            'a' + i);
        if (facet__file_write(p->pictures[i], "x", 1, NULL) != FACET_OK)
            abort();
    }
    facet__dataset_setup_init(&setup);
    setup.paths[0] = p->folder;
    setup.n_paths = 1;
    if (facet__dataset_open(&setup, &p->data, NULL) != FACET_OK)
        abort();
}

static void read_recipe(const char *text, size_t size)
{
    facet__recipe *recipe = NULL;
    facet_error err = { FACET_OK, "" };
    const facet_status st =
        facet__recipe_parse("recipe", text, size, &recipe, &err);

    if ((st == FACET_OK) != (recipe != NULL) || (st != FACET_OK && !*err.msg))
        abort();
    facet__recipe_free(recipe);
}

static void read_table(const place *p, size_t size)
{
    facet__table *table = NULL;
    size_t column, length = 0;

    if (facet__table_read(p->list, &table, NULL) == FACET_OK &&
        facet__table_column(table, "key", &column, NULL) == FACET_OK)
        for (size_t r = 0; r < facet__table_rows(table); r++)
            length += strlen(facet__table_field(table, r, column));
    if (length > size)
        abort();
    facet__table_free(table);
}

static void read_landmarks(const place *p)
{
    facet__landmarks *landmarks = NULL;

    if (facet__landmarks_open(p->list, p->data, &landmarks, NULL) == FACET_OK)
        for (uint32_t i = 0; i < facet__dataset_count(p->data); i++) {
            size_t first;
            const size_t n = facet__landmarks_of(landmarks, i, &first);

            for (size_t k = 0; k < n; k++)
                if (!(facet__landmarks_points(landmarks, first + k)->x < 1e6F))
                    abort();
        }
    facet__landmarks_close(landmarks);
}

static void write_list(const uint8_t *data, size_t size)
{
    FILE *to = fopen(here.list, "wb");

    if (!to || fwrite(data, 1, size, to) != size || fclose(to) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (!here.data)
        make_place(&here);
    if (data[0] % 3 == 0) {
        read_recipe((const char *)data + 1, size - 1);
        return 0;
    }
    write_list(data + 1, size - 1);
    if (data[0] % 3 == 1)
        read_table(&here, size);
    else
        read_landmarks(&here);
    return 0;
}
