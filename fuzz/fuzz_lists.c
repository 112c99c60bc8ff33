/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_lists.c - hunts fields beyond the end of a line, numbers beyond the
 * pictures listed, and embeddings of differing length. The first byte picks
 * the reader. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "facet/calibration.h"
#include "facet/detection.h"
#include "facet/protocol.h"
#include "fuzz.h"

/* The readers want files. */
static int write_list(const uint8_t *data, size_t size, char *path)
{
    const int fd = mkstemp(path);
    const int good = fd >= 0 && write(fd, data, size) == (ssize_t)size;

    if (fd >= 0)
        close(fd);
    return good;
}

static void read_list(unsigned kind, const char *path)
{
    const char *const tables[] = { path };
    facet_protocol protocol = { 0 };
    facet_vectors vectors = { 0 };
    facet_labels *labels = NULL;
    facet_status st;

    switch (kind % 7) {
    case 0:
        st = facet_protocol_read_pairs(path, NULL, &protocol, NULL);
        break;
    case 1:
        st = facet_protocol_read_lfw(path, false, NULL, &protocol, NULL);
        break;
    case 2:
        st = facet_protocol_read_identify(path, NULL, &protocol, NULL);
        break;
    case 3:
        st = facet_protocol_read_ijb(
            tables, 1, NULL, NULL, NULL, NULL, &protocol, NULL);
        break;
    case 4:
        st = facet_vectors_read_jsonl(path, &vectors, NULL);
        break;
    case 5:
        st = facet_vectors_read_npy(path, path, &vectors, NULL);
        break;
    default:
        st = facet_labels_read(path, &labels, NULL);
    }
    (void)st;
    facet_labels_free(labels);
    facet_protocol_free(&protocol);
    facet_vectors_free(&vectors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "fuzz_lists_XXXXXX";

    if (size == 0)
        return 0;
    if (write_list(data + 1, size - 1, path))
        read_list(data[0], path);
    unlink(path);
    return 0;
}
