/* SPDX-License-Identifier: Apache-2.0 */
/* cpu_count.c - processors that this process may use: not those of the machine,
 * when taskset, a container or mpirun has bound it to some of them. */
#define _GNU_SOURCE /* sched_getaffinity */
#include <sched.h>
#include <unistd.h>

#include "base/threads.h"

int facet__cpu_count(void)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    return online > 0 ? (int)online : 1; /* more than a set has room for */
}
