/* SPDX-License-Identifier: Apache-2.0 */
#if FACET_HAVE_LIBPQ

#include "gallery/libpq.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"

facet__libpq facet__pq;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_open;

/* A function's address in the library, as POSIX says to take it. */
static bool find(void *library, const char *name, void *function)
{
    void *const address = dlsym(library, name);

    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static void open_library(void)
{
    void *const library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);

    is_open = library != NULL;
#define FIND(name)                                                             \
    is_open = is_open && find(library, "PQ" #name, &facet__pq.name);
    FACET__LIBPQ(FIND)
#undef FIND
}

facet_status facet__libpq_open(facet_error *err)
{
    pthread_once(&once, open_library);
    return is_open ? FACET_OK
                   : facet__fail(err, FACET_EUNSUPPORTED,
                         "galleries on a server need PostgreSQL's client "
                         "library; apt-get install libpq5");
}

#endif
