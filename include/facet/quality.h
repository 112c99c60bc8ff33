/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_QUALITY_H
#define FACET_QUALITY_H

/**
 * @file
 * How much a face can be relied on: a guard at enrolment, and a reason to let a
 * person look at a match. Six plain measurements, no network; none says
 * anything about who it is.
 *
 * Thread safety: all functions may be called at any time.
 */

#include "facet/detector.h"
#include "facet/image.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Each part is 0 (useless) to 1 (nothing to wish for). */
typedef struct facet_quality {
    float value;      /**< the least of the parts */
    const char *part; /**< its name: "size", "score", "pose", "brightness",
                           "contrast" or "sharpness"; static memory */
    float size;       /**< of the box in the photo: 16 pixels to 64 */
    float score;      /**< of the detector: 0.5 to 0.8 */
    float pose; /**< how far the nose is from the middle of the eyes, along
                     the line through them: 0.6 of their distance to 0.2 */
    float brightness; /**< of the crop: black or white to 50 ... 200 of 255 */
    float contrast;   /**< standard deviation of the crop: 8 to 32 */
    float sharpness;  /**< change from pixel to pixel over that deviation */
} facet_quality;

/**
 * Look at a face.
 *
 * @param face  As the detector gave it.
 * @param crop  Its aligned crop, of any template; its middle is looked at.
 *
 * Errors: FACET_EINVAL (NULL; a crop under 16 pixels; eyes that fall together).
 */
FACET_API FACET_MUST_USE facet_status facet_face_quality(const facet_face *face,
    const facet_image *crop, facet_quality *out, facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
