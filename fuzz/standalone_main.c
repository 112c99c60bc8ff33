/* SPDX-License-Identifier: Apache-2.0 */
/* standalone_main.c - runs a fuzz target once on each file named, or in the
 * folders named: how corpora and past crashes are replayed without libFuzzer.
 * Subfolders are not entered. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz.h"

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat about;
    uint8_t *data = NULL;
    int failed = 1;

    if (!file || fstat(fileno(file), &about) != 0)
        goto done;
    data = malloc((size_t)about.st_size + 1);
    if (!data ||
        fread(data, 1, (size_t)about.st_size, file) != (size_t)about.st_size)
        goto done;
    LLVMFuzzerTestOneInput(data, (size_t)about.st_size);
    failed = 0;
done:
    if (failed)
        fprintf(stderr, "cannot read %s\n", path);
    free(data);
    if (file)
        fclose(file);
    return failed;
}

static int run_folder(const char *path, int *count)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    int failed = 0;

    if (!folder)
        return 1;
    while ((entry = readdir(folder)) != NULL) {
        char name[4096];
        struct stat about;

        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (stat(name, &about) != 0 || !S_ISREG(about.st_mode))
            continue;
        failed |= run_file(name);
        ++*count;
    }
    closedir(folder);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0, count = 0;

    for (int i = 1; i < argc; i++) {
        struct stat about;

        if (stat(argv[i], &about) == 0 && S_ISDIR(about.st_mode)) {
            failed |= run_folder(argv[i], &count);
        } else {
            failed |= run_file(argv[i]);
            count++;
        }
    }
    printf("%d inputs\n", count);
    return failed || !count;
}
