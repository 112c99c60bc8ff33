/* SPDX-License-Identifier: Apache-2.0 */
/* libpq.h - PostgreSQL's client library, opened by whoever first asks for a
 * gallery on a server. Linked, it would bring 22 libraries (TLS, Kerberos,
 * LDAP) and 6 MB into every program that looks for a face. */
#ifndef FACET__GALLERY_LIBPQ_H
#define FACET__GALLERY_LIBPQ_H

#include <libpq-fe.h>

#include "facet/status.h"

/* Those that are used; PQclear is facet__pq.clear. */
#define FACET__LIBPQ(NAME)                                                     \
    NAME(clear)                                                                \
    NAME(connectdbParams)                                                      \
    NAME(conninfoFree)                                                         \
    NAME(conninfoParse)                                                        \
    NAME(errorMessage)                                                         \
    NAME(exec)                                                                 \
    NAME(execParams)                                                           \
    NAME(finish)                                                               \
    NAME(freemem)                                                              \
    NAME(ftype)                                                                \
    NAME(getResult)                                                            \
    NAME(getisnull)                                                            \
    NAME(getlength)                                                            \
    NAME(getvalue)                                                             \
    NAME(nfields)                                                              \
    NAME(ntuples)                                                              \
    NAME(putCopyData)                                                          \
    NAME(putCopyEnd)                                                           \
    NAME(resultErrorField)                                                     \
    NAME(resultStatus)                                                         \
    NAME(setNoticeReceiver)                                                    \
    NAME(status)                                                               \
    NAME(transactionStatus)

typedef struct facet__libpq {
#define MEMBER(name) __typeof__(PQ##name) *name;
    FACET__LIBPQ(MEMBER)
#undef MEMBER
} facet__libpq;

/* Filled by facet__libpq_open. */
extern facet__libpq facet__pq;

/* Open it, once a process; it stays. From any thread. FACET_EUNSUPPORTED where
 * it is not installed. */
facet_status facet__libpq_open(facet_error *err);

#endif
