/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_STATUS_H
#define FACET_STATUS_H

/**
 * @file
 * What every call answers: a status, and for calls that read foreign bytes an
 * error in the caller's own memory that says what was wrong and what to do.
 *
 * Thread safety: everything here is plain data; there is no global or
 * thread-local "last error".
 */

#include <stddef.h>

#if defined(__GNUC__)
#define FACET_API __attribute__((visibility("default")))
#define FACET_MUST_USE __attribute__((warn_unused_result))
#else
#define FACET_API
#define FACET_MUST_USE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Result of a call. Numbers are fixed for ever: never renumbered or reused. */
typedef enum facet_status {
    FACET_OK = 0,
    FACET_EINVAL = 1,     /**< an argument is NULL, out of range or NaN */
    FACET_ENOMEM = 2,     /**< memory could not be had */
    FACET_EIO = 3,        /**< the system refused to read or write */
    FACET_ENOTFOUND = 4,  /**< no such file, entry or person */
    FACET_EEMPTY = 5,     /**< the file has no bytes */
    FACET_ETRUNCATED = 6, /**< the file ends before its content does */
    FACET_EDAMAGED = 7,   /**< the bytes contradict their own format */
    FACET_ENOTIMAGE = 8,  /**< not a picture in any format known here */
    FACET_ELIMIT = 9,     /**< larger than a limit that the caller can raise */
    FACET_EUNSUPPORTED = 10, /**< valid, but not something this build can do */
    FACET_EMODEL = 11,       /**< the network is not fit for this use */
    FACET_ECONTRACT = 12,    /**< embeddings made by different contracts */
    FACET_ENOFACE = 13,      /**< no face where one is required */
    FACET_EMANYFACES = 14,   /**< several faces where exactly one is required */
    FACET_EEXISTS = 15,      /**< the thing to be created is there already */
    FACET_EBUSY = 16,        /**< held by another writer */
    FACET_ECANCELED = 17,    /**< stopped on request */
    FACET_EINTERNAL = 18,    /**< a defect of facet: please report it */
} facet_status;

/** An error, told. Owned by the caller; may be reused from call to call. */
typedef struct facet_error {
    facet_status code;
    char msg[256]; /**< names the place and the remedy; always terminated */
} facet_error;

/**
 * A short stable name such as "truncated" or "no_face", as it stands in the
 * `code` of the command's JSON. Total: an unknown status gives "unknown".
 */
FACET_API const char *facet_status_name(facet_status status);

/** One sentence for people. Total, never NULL. */
FACET_API const char *facet_status_str(facet_status status);

#ifdef __cplusplus
}
#endif

#endif
