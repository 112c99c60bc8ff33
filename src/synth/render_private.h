/* SPDX-License-Identifier: Apache-2.0 */
/* render_private.h - between the renderer and what is said of its pictures. */
#ifndef FACET__RENDER_PRIVATE_H
#define FACET__RENDER_PRIVATE_H

#include "synth/figure.h"
#include "synth/raster.h"

facet__camera facet__scene_camera(const facet_synth_scene *scene);

/* Everything is initialized, finite and in range, or FACET_EINVAL. */
facet_status facet__scene_check(const facet_synth_person *people,
    const facet_synth_pose *poses, size_t count, const facet_synth_scene *scene,
    facet_error *err);

/* `raster` has `n` x `n` samples a pixel; the figure's triangles are those from
 * `first` on. */
void facet__truth_of(const facet__figure *figure, const facet__camera *camera,
    const facet__raster *raster, int n, uint32_t first, facet_synth_truth *out);

#endif
