/* SPDX-License-Identifier: Apache-2.0 */
/* make_small.c - the small network as a file, for tests of the command.
 * make_small FILE SIDE */
#include <stdio.h>
#include <stdlib.h>

#include "small_network.h"

int main(int argc, char **argv)
{
    facet_error err = { FACET_OK, "" };

    if (argc != 3)
        return 2;
    if (small_network_write(argv[1], (int)strtol(argv[2], NULL, 10), &err) !=
        FACET_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    return 0;
}
