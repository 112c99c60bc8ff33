/* SPDX-License-Identifier: Apache-2.0 */
/* make_small.c - the small network, or the one of two inputs, as a file for
 * tests of the command. make_small FILE SIDE [pair] */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "small_network.h"

int main(int argc, char **argv)
{
    facet_error err = { FACET_OK, "" };

    const bool pair = argc == 4 && strcmp(argv[3], "pair") == 0;
    facet_status st;
    int side;

    if (argc != 3 && !pair)
        return 2;
    side = (int)strtol(argv[2], NULL, 10);
    st = pair ? small_network_write_pair(argv[1], side, &err)
              : small_network_write(argv[1], side, &err);
    if (st == FACET_OK)
        return 0;
    fprintf(stderr, "%s\n", err.msg);
    return 1;
}
