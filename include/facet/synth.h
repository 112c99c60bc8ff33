/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_SYNTH_H
#define FACET_SYNTH_H

/**
 * @file
 * Faces of people who do not exist: a parametric head, and a renderer that
 * takes pictures of it with exact ground truth. Pictures made so need no
 * license and no consent; they serve tests, documents and demonstrations. They
 * are no substitute for photos of people where accuracy is measured.
 *
 * A picture is a scene (camera, light, background) with people in it; each
 * stands in it in a pose. What a picture shows is a function of these structs
 * alone: the same ones give the same bytes, in any thread.
 *
 * Space is in millimeters: x to the right as seen in a picture of the face from
 * the front, y up, z out of the face; the origin lies between the ears at the
 * height of the pupils.
 */

#include <stddef.h>
#include <stdint.h>

#include "facet/detector.h"
#include "facet/geometry.h"
#include "facet/image.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /** The points of the common 68-point layout: jaw 0 to 16, brows 17 to 26,
     * nose 27 to 35, eyes 36 to 47, mouth 48 to 67; from left to right as seen
     * in the picture. */
    FACET_HEAD_POINTS = 68,
    /** Numbers that make a shape, see facet_head_shape_name. */
    FACET_HEAD_SHAPES = 48,
};

/** The head: mesh, landmarks and ways to vary. Immutable, shared by threads. */
typedef struct facet_head facet_head;

/**
 * Make the head. Takes a fraction of a second and some 10 MiB.
 *
 * @param out  Receives the head; free it with facet_head_free. NULL on failure.
 *
 * Errors: FACET_EINVAL (NULL), FACET_ENOMEM.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_head_create(
    facet_head **out, facet_error *err);

/** NULL is a no-op. */
FACET_API void facet_head_free(facet_head *head);

/** A point in space, millimeters. */
typedef struct facet_point3 {
    float x, y, z;
} facet_point3;

/** The landmarks of the mean head. */
FACET_API void facet_head_mean_points(
    const facet_head *head, facet_point3 points[FACET_HEAD_POINTS]);

/** What the index-th of the 68 points is, for example "nose tip"; static
 * memory; NULL out of range. Left and right as seen in the picture. */
FACET_API const char *facet_head_point_name(size_t index);

/** The mean head without hair, borrowed until the head is freed. */
typedef struct facet_head_mesh {
    const facet_point3 *vertices;   /**< [n_vertices] */
    const uint32_t (*triangles)[3]; /**< [n_triangles], counterclockwise seen
                                         from outside */
    size_t n_vertices, n_triangles;
} facet_head_mesh;
FACET_API facet_head_mesh facet_head_mean_mesh(const facet_head *head);

/** The name of a shape number, for example "nose length"; static memory; NULL
 * out of range. 0 is the mean, 1 and -1 are common, 2.5 is much. */
FACET_API const char *facet_head_shape_name(size_t index);

/** A color, sRGB, 0 to 1 each; of light, linear factors. */
typedef struct facet_tint {
    float r, g, b;
} facet_tint;

typedef enum facet_hair_style {
    FACET_HAIR_NONE = 0,   /**< bald */
    FACET_HAIR_BUZZ = 1,   /**< millimeters all over */
    FACET_HAIR_SHORT = 2,  /**< short sides, more on top */
    FACET_HAIR_PARTED = 3, /**< side parting */
    FACET_HAIR_FRINGE = 4, /**< over the forehead */
    FACET_HAIR_BOB = 5,    /**< down to the chin */
    FACET_HAIR_LONG = 6,   /**< over the shoulders */
    FACET_HAIR_CURLY = 7,  /**< a large mass */
    FACET_HAIR_BACK = 8,   /**< combed back and tied */
    FACET_HAIR_FRIAR = 9,  /**< none on top, a ring around */
} facet_hair_style;
enum { FACET_HAIR_STYLES = 10 };

/** Somebody: everything that stays from picture to picture. Numbers without a
 * unit are 0 to 1 unless said otherwise. */
typedef struct facet_synth_person {
    size_t size;                    /**< set by facet_synth_person_init */
    float shape[FACET_HEAD_SHAPES]; /**< standard deviations */
    facet_tint skin, lips, hair, brows, iris, clothes;
    facet_hair_style hair_style;
    float hair_volume;                            /**< 0.5 to 2, 1 is usual */
    float hairline;                               /**< -1 low to 1 receding */
    float curl;                                   /**< of the strands */
    float brow_thickness, brow_arch, brow_height; /**< 0.5 is the mean */
    float lid_opening;                            /**< 0.7 to 1.3, 1 is usual */
    float lid_crease; /**< 0: no fold over the eye */
    float lashes, eye_shadow;
    float lip_fullness; /**< 0.6 to 1.4, 1 is usual */
    float blush, freckles, wrinkles, eye_bags;
    float stubble, beard, moustache;
    int moles;           /**< how many */
    float glasses;       /**< 0: none; else how strong the frame is */
    float glasses_round; /**< 0 rectangular to 1 round */
    facet_tint frame;    /**< of the glasses */
    uint64_t grain;      /**< where noise begins: pores, moles, strands */
} facet_synth_person;

/** The mean of everybody, with short hair. */
FACET_API void facet_synth_person_init(facet_synth_person *person);

/** Somebody at random: the `number`-th person of `seed`. */
FACET_API void facet_synth_person_random(
    facet_synth_person *person, uint64_t seed, uint64_t number);

/** How somebody stands in a picture. */
typedef struct facet_synth_pose {
    size_t size; /**< set by facet_synth_pose_init */
    /** Degrees. Yaw turns the face to the right of the picture, pitch up, roll
     * clockwise. */
    float yaw, pitch, roll;
    float smile, mouth_open, eyes_closed, brows_raised; /**< 0 to 1 */
    float gaze_x, gaze_y; /**< degrees right and up, out of the head */
    float glasses;        /**< 0: taken off for this picture */
    /** Where the middle between the pupils would be were the head not turned,
     * pixels of the picture. */
    facet_point at;
    float scale; /**< pixels a millimeter at the origin of the head */
} facet_synth_pose;

/** Frontal, neutral; `at` and `scale` put the face in the middle of a picture
 * of width x height. */
FACET_API void facet_synth_pose_init(
    facet_synth_pose *pose, int32_t width, int32_t height);

/** Everything around the people. */
typedef struct facet_synth_scene {
    size_t size;           /**< set by facet_synth_scene_init */
    int32_t width, height; /**< pixels, 16 to 4096 */
    /** From the camera to a head that fills the picture, in heights of the
     * picture: the focal length. 1 is a wide angle, 2.5 usual, 6 far away. */
    float focal;
    float light_yaw, light_pitch; /**< degrees: where the light comes from,
                                       0 0 is the camera */
    facet_tint light, ambient;    /**< may pass 1 */
    float shadows;                /**< 0 none to 1 */
    facet_tint backdrop[2];       /**< two tints of the background */
    float clutter;                /**< 0: a plain wall; 1: many things */
    float noise;       /**< of the sensor, standard deviation, 0 to 0.1 */
    float exposure;    /**< factor of all light, 1 is usual */
    uint64_t grain;    /**< where noise and background begin */
    int supersampling; /**< n x n samples a pixel, 1 to 4; 2 is usual */
} facet_synth_scene;

/** A plain studio. */
FACET_API void facet_synth_scene_init(
    facet_synth_scene *scene, int32_t width, int32_t height);

/** How much pictures of one person vary. */
typedef struct facet_synth_limits {
    size_t size;            /**< set by facet_synth_limits_init */
    float yaw, pitch, roll; /**< degrees, up to which in both directions;
                                 default 45, 15, 15 */
    float expression;       /**< 0 neutral to 1 all; default 1 */
    float light;            /**< 0 studio to 1 from everywhere; default 1 */
} facet_synth_limits;
FACET_API void facet_synth_limits_init(facet_synth_limits *limits);

/**
 * The `number`-th picture of a person at random: pose and scene, for a portrait
 * of the scene's width and height (which have to be set, as
 * facet_synth_scene_init does). Numbers decide, not the order of calls.
 */
FACET_API void facet_synth_portrait_random(facet_synth_pose *pose,
    facet_synth_scene *scene, const facet_synth_limits *limits, uint64_t seed,
    uint64_t person, uint64_t number);

/**
 * The `number`-th group picture at random: `count` poses and a scene whose
 * width and height are set. People stand in rows and hardly hide each other's
 * faces.
 */
FACET_API void facet_synth_group_random(facet_synth_pose *poses, size_t count,
    facet_synth_scene *scene, const facet_synth_limits *limits, uint64_t seed,
    uint64_t number);

/** What is known of a face in a picture. */
typedef struct facet_synth_truth {
    /** Around what of the face is turned to the camera: hairline to chin, cheek
     * to cheek. Of no size, at the tip of the nose, when nothing is. */
    facet_box box;
    facet_point five[FACET_LANDMARKS];     /**< as facet_face, pupils first */
    facet_point points[FACET_HEAD_POINTS]; /**< the 68 */
    facet_point3 space[FACET_HEAD_POINTS]; /**< the same in space: x right, y
                                                up, z towards the camera, which
                                                is at 0 0 0 */
    /** [3][4], row-major: from the head's space to that of `space`. */
    float placement[12];
    float visible; /**< share of the face's samples that nobody hides */
} facet_synth_truth;

/**
 * Take a picture.
 *
 * @param people  `count` people, as many poses; each pair is somebody.
 * @param image   Receives the picture; free it with facet_image_free. NULL on
 *                failure.
 * @param truths  Receives `count` truths, in the order of the people; may be
 *                NULL.
 *
 * Errors: FACET_EINVAL (NULL, a struct that was not initialized, a size or a
 *         number out of range or not finite), FACET_ENOMEM.
 * Thread safety: may be called at any time, also with the same arguments.
 */
FACET_API FACET_MUST_USE facet_status facet_synth_render(const facet_head *head,
    const facet_synth_person *people, const facet_synth_pose *poses,
    size_t count, const facet_synth_scene *scene, facet_image **image,
    facet_synth_truth *truths, facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
