/* SPDX-License-Identifier: Apache-2.0 */
/* head.c - the mean head as a mesh, and all that is computed from it once:
 * fields of displacement, how much of the sky each vertex sees, the depth of
 * the face from the front. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "synth/head_private.h"
#include "synth/raster.h"

void facet__mesh_normals(const facet__vec3 *vertices, size_t n_vertices,
    const uint32_t (*triangles)[3], size_t n_triangles, facet__vec3 *normals)
{
    memset(normals, 0, n_vertices * sizeof *normals);
    for (size_t i = 0; i < n_triangles; i++) {
        const uint32_t *t = triangles[i];
        const facet__vec3 n =
            facet__cross(facet__sub(vertices[t[1]], vertices[t[0]]),
                facet__sub(vertices[t[2]], vertices[t[0]]));

        for (int k = 0; k < 3; k++)
            normals[t[k]] = facet__add(normals[t[k]], n);
    }
    for (size_t i = 0; i < n_vertices; i++)
        normals[i] = facet__unit(normals[i]);
}

/* ---- The mesh ---- */

static void put_quad(facet_head *head, size_t a, size_t b, size_t c, size_t d)
{
    uint32_t(*t)[3] = head->triangles + head->n_triangles;

    t[0][0] = (uint32_t)a;
    t[0][1] = (uint32_t)b;
    t[0][2] = (uint32_t)c;
    t[1][0] = (uint32_t)a;
    t[1][1] = (uint32_t)c;
    t[1][2] = (uint32_t)d;
    head->n_triangles += 2;
}

static void build_loft(facet_head *head)
{
    for (size_t r = 0; r < head->n_rows; r++)
        for (size_t c = 0; c < head->n_columns; c++)
            head->mean[r * head->n_columns + c] =
                facet__loft_point(head->row_place[r], head->column_angle[c]);
    for (size_t r = 0; r + 1 < head->n_rows; r++)
        for (size_t c = 0; c < head->n_columns; c++) {
            const size_t right = (c + 1) % head->n_columns;
            const size_t up = r * head->n_columns;
            const size_t down = up + head->n_columns;

            put_quad(head, up + c, down + c, down + right, up + right);
        }
}

enum { EAR_VERTICES = FACET__EAR_RINGS * FACET__EAR_SPOKES };

size_t facet__ear_first(const facet_head *head, int sign)
{
    return head->n_rows * head->n_columns + (sign > 0 ? EAR_VERTICES : 0);
}

/* An ear: rings from its root out over the rim and back in to the hollow of its
 * middle. Along and back are measured in the plane of the ear. */
static facet__vec3 ear_point(int ring, int spoke, float sign)
{
    /* Of each ring: radius, height over the root. */
    static const float profile[FACET__EAR_RINGS][2] = { { 0.50F, -6 },
        { 0.90F, 1 }, { 0.99F, 7 }, { 0.96F, 10 }, { 0.86F, 9 }, { 0.76F, 5 },
        { 0.58F, 7 }, { 0.40F, 1 }, { 0.05F, -3 } };
    const float angle = 6.2831853F * (float)spoke / (float)FACET__EAR_SPOKES;
    const float radius = profile[ring][0];
    /* 62 high, 36 wide; the lobe is narrower. */
    const float up = 30 * cosf(angle) * radius;
    const float narrow = 1 - 0.30F * facet__step(0, 31, -up);
    const float back = 16.0F * sinf(angle) * radius * narrow;
    const float lean = 0.22F, flare = 0.36F;
    const float out = profile[ring][1] * (1 - 0.45F * facet__step(8, 30, -up)) +
                      flare * (back + 12);
    facet__vec3 p;

    p.x = sign * (69.5F + out);
    p.y = -11 + up - lean * back;
    p.z = -18 - back * (1 - 0.2F * flare) - lean * up;
    return p;
}

static void build_ear(facet_head *head, int sign)
{
    const size_t first = facet__ear_first(head, sign);

    for (int ring = 0; ring < FACET__EAR_RINGS; ring++)
        for (int spoke = 0; spoke < FACET__EAR_SPOKES; spoke++)
            head->mean[first + (size_t)(ring * FACET__EAR_SPOKES + spoke)] =
                ear_point(ring, spoke, (float)sign);
    for (size_t ring = 0; ring + 1 < FACET__EAR_RINGS; ring++)
        for (size_t spoke = 0; spoke < FACET__EAR_SPOKES; spoke++) {
            const size_t next = (spoke + 1) % FACET__EAR_SPOKES;
            const size_t in = first + ring * FACET__EAR_SPOKES;
            const size_t out = in + FACET__EAR_SPOKES;

            if (sign > 0)
                put_quad(head, in + spoke, in + next, out + next, out + spoke);
            else
                put_quad(head, in + spoke, out + spoke, out + next, in + next);
        }
}

float facet__shell_place(size_t row)
{
    /* Denser on the head than where hair hangs. */
    return row < 30 ? 0.3F * (float)row : 9 + 0.5F * (float)(row - 30);
}

float facet__shell_angle(size_t column)
{
    return 360.0F / FACET__SHELL_COLUMNS * (float)column - 180;
}

static void build_shell(facet_head *head)
{
    size_t v = head->n_vertices;

    for (size_t r = 0; r < FACET__SHELL_ROWS; r++)
        for (size_t c = 0; c < FACET__SHELL_COLUMNS; c++, v++) {
            const float place = facet__shell_place(r);
            const float angle = facet__shell_angle(c);

            head->mean[v] = facet__loft_point(place, angle);
            head->place[v] = place;
            head->open[v] = 1;
        }
}

/* ---- What is computed from it ---- */

static void fill_places(facet_head *head)
{
    const float at_ears = 8;

    for (size_t v = 0; v < head->n_vertices; v++)
        head->place[v] = v < head->n_rows * head->n_columns
                             ? head->row_place[v / head->n_columns]
                             : at_ears;
}

static void fill_fields(facet_head *head)
{
    for (size_t k = 0; k < FACET__VARIATIONS; k++)
        for (size_t v = 0; v < head->n_all; v++)
            head->fields[k * head->n_all + v] =
                facet__variation_at(k, head->mean[v]);
    for (size_t v = 0; v < head->n_all; v++)
        head->jaw[v] = facet__jaw_weight(head->mean[v]);
}

/* The roots' normals, from their grid. */
static void fill_shell_normals(facet_head *head)
{
    const facet__vec3 *at = head->mean + head->n_vertices;
    facet__vec3 *normals = head->normals + head->n_vertices;
    enum { ROWS = FACET__SHELL_ROWS, COLUMNS = FACET__SHELL_COLUMNS };

    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < COLUMNS; c++) {
            const size_t down = r + 1 < ROWS ? r + 1 : r;
            const size_t up = r ? r - 1 : r;
            const facet__vec3 along =
                facet__sub(at[down * COLUMNS + c], at[up * COLUMNS + c]);
            const facet__vec3 across =
                facet__sub(at[r * COLUMNS + (c + 1) % COLUMNS],
                    at[r * COLUMNS + (c + COLUMNS - 1) % COLUMNS]);

            normals[r * COLUMNS + c] =
                r ? facet__unit(facet__cross(along, across))
                  : (facet__vec3){ 0, 1, 0 };
        }
}

/* The mesh seen along `from` (a unit vector towards the eye), 1 sample every
 * `size` millimeters. */
static void look(const facet_head *head, facet__vec3 from, float size,
    facet__raster *raster, facet__vec3 *seen)
{
    const facet__vec3 any = fabsf(from.y) < 0.9F ? (facet__vec3){ 0, 1, 0 }
                                                 : (facet__vec3){ 1, 0, 0 };
    const facet__vec3 across = facet__unit(facet__cross(any, from));
    const facet__vec3 up = facet__cross(from, across);

    for (size_t v = 0; v < head->n_vertices; v++) {
        const facet__vec3 p =
            facet__sub(head->mean[v], (facet__vec3){ 0, -30, 0 });

        seen[v].x = facet__dot3(p, across) / size + 0.5F * (float)raster->width;
        seen[v].y = facet__dot3(p, up) / size + 0.5F * (float)raster->height;
        seen[v].z = facet__dot3(p, from);
    }
    facet__raster_clear(raster);
    facet__raster_draw(raster, seen, (const uint32_t(*)[3])head->triangles,
        (uint32_t)head->n_triangles, 0);
}

/* Directions spread evenly over the sphere (a spiral of the golden angle). */
static facet__vec3 direction(int i, int count)
{
    const float y = 1 - 2 * ((float)i + 0.5F) / (float)count;
    const float radius = sqrtf(1 - y * y);
    const float turn = 2.39996323F * (float)i;

    return (facet__vec3){ radius * cosf(turn), y, radius * sinf(turn) };
}

/* Ambient occlusion: the cosine-weighted share of directions in which a vertex
 * sees out. */
static facet_status fill_open(facet_head *head)
{
    enum { DIRECTIONS = 60, SIDE = 128 };
    const float size = 2.6F, bias = 4.5F;
    facet__raster raster = { 0 };
    facet__vec3 *seen = facet__calloc(head->n_vertices, sizeof *seen);
    float *all = facet__calloc(head->n_vertices, sizeof *all);
    facet_status st = facet__raster_create(SIDE, SIDE, 0, &raster);

    for (int d = 0; st == FACET_OK && seen && all && d < DIRECTIONS; d++) {
        const facet__vec3 from = direction(d, DIRECTIONS);

        look(head, from, size, &raster, seen);
        for (size_t v = 0; v < head->n_vertices; v++) {
            const float cosine = facet__dot3(head->normals[v], from);
            const int x = (int)(seen[v].x + 0.5F), y = (int)(seen[v].y + 0.5F);
            bool hidden = false;

            if (cosine <= 0)
                continue;
            if (x >= 0 && y >= 0 && x < SIDE && y < SIDE)
                hidden = raster.depth[y * SIDE + x] >
                         seen[v].z + bias * (1.4F - cosine);
            all[v] += cosine;
            head->open[v] += hidden ? 0 : cosine;
        }
    }
    for (size_t v = 0; seen && all && v < head->n_vertices; v++)
        head->open[v] = all[v] > 0 ? head->open[v] / all[v] : 1;
    if (!seen || !all)
        st = FACET_ENOMEM;
    facet__raster_free(&raster);
    facet__free(seen);
    facet__free(all);
    return st;
}

static facet_status fill_front(facet_head *head)
{
    facet__raster raster;
    facet__vec3 *seen = facet__calloc(head->n_vertices, sizeof *seen);
    facet_status st =
        facet__raster_create(FACET__MAP_W, FACET__MAP_H, 0, &raster);

    if (!seen && st == FACET_OK) {
        facet__raster_free(&raster);
        st = FACET_ENOMEM;
    }
    if (st != FACET_OK) {
        facet__free(seen);
        return st;
    }
    for (size_t v = 0; v < head->n_vertices; v++)
        seen[v] = (facet__vec3){ head->mean[v].x + FACET__MAP_W / 2,
            FACET__MAP_TOP - head->mean[v].y, head->mean[v].z };
    /* The loft only: ears lie further back. */
    facet__raster_draw(&raster, seen, (const uint32_t(*)[3])head->triangles,
        (uint32_t)(2 * (head->n_rows - 1) * head->n_columns), 0);
    facet__free(head->front);
    head->front = raster.depth;
    facet__free(seen);
    return FACET_OK;
}

facet__vec3 facet__front_point(const facet_head *head, float x, float y)
{
    const float gx =
        facet__clamp(x + FACET__MAP_W / 2, 0, (float)FACET__MAP_W - 1.001F);
    const float gy =
        facet__clamp(FACET__MAP_TOP - y, 0, (float)FACET__MAP_H - 1.001F);
    const int ix = (int)gx, iy = (int)gy;
    const float *at = head->front + iy * FACET__MAP_W + ix;
    const float fx = gx - (float)ix, fy = gy - (float)iy;
    const float top = facet__mix1(at[0], at[1], fx);
    const float low = facet__mix1(at[FACET__MAP_W], at[FACET__MAP_W + 1], fx);

    return (facet__vec3){ x, y, facet__mix1(top, low, fy) };
}

/* ---- Making and freeing ---- */

static facet_status take_memory(facet_head *head)
{
    const size_t n = head->n_all;
    const size_t triangles =
        2 * ((head->n_rows - 1) * head->n_columns +
                2 * (FACET__EAR_RINGS - 1) * FACET__EAR_SPOKES);

    head->mean = facet__calloc(n, sizeof *head->mean);
    head->normals = facet__calloc(n, sizeof *head->normals);
    head->jaw = facet__calloc(n, sizeof *head->jaw);
    head->place = facet__calloc(n, sizeof *head->place);
    head->open = facet__calloc(n, sizeof *head->open);
    head->fields = facet__calloc(n * FACET__VARIATIONS, sizeof *head->fields);
    head->triangles = facet__calloc(triangles, sizeof *head->triangles);
    return head->mean && head->normals && head->jaw && head->place &&
                   head->open && head->fields && head->triangles
               ? FACET_OK
               : FACET_ENOMEM;
}

static facet_status build(facet_head *head)
{
    float places[FACET__LOFT_MAX_ROWS], angles[FACET__LOFT_MAX_COLUMNS];
    facet_status st;

    head->n_rows = facet__loft_rows(places);
    head->n_columns = facet__loft_columns(angles);
    head->n_vertices = head->n_rows * head->n_columns + 2 * EAR_VERTICES;
    head->n_all = head->n_vertices + FACET__SHELL_ROWS * FACET__SHELL_COLUMNS;
    head->row_place = facet__calloc(head->n_rows, sizeof *head->row_place);
    head->column_angle =
        facet__calloc(head->n_columns, sizeof *head->column_angle);
    if (!head->row_place || !head->column_angle)
        return FACET_ENOMEM;
    memcpy(head->row_place, places, head->n_rows * sizeof *places);
    memcpy(head->column_angle, angles, head->n_columns * sizeof *angles);
    st = take_memory(head);
    if (st != FACET_OK)
        return st;
    build_loft(head);
    build_ear(head, -1);
    build_ear(head, 1);
    facet__mesh_normals(head->mean, head->n_vertices,
        (const uint32_t(*)[3])head->triangles, head->n_triangles,
        head->normals);
    fill_places(head);
    build_shell(head);
    fill_shell_normals(head);
    fill_fields(head);
    st = fill_open(head);
    if (st == FACET_OK)
        st = fill_front(head);
    if (st == FACET_OK)
        facet__landmarks(head, &facet__mean_features, head->points);
    return st;
}

facet_status facet_head_create(facet_head **out, facet_error *err)
{
    facet_head *head;
    facet_status st;

    if (!out)
        return facet__fail(err, FACET_EINVAL, "head: `out` is NULL");
    *out = NULL;
    head = facet__calloc(1, sizeof *head);
    if (!head)
        return facet__fail_memory(err);
    st = build(head);
    if (st != FACET_OK) {
        facet_head_free(head);
        return facet__fail_memory(err);
    }
    *out = head;
    return FACET_OK;
}

void facet_head_free(facet_head *head)
{
    if (!head)
        return;
    facet__free(head->mean);
    facet__free(head->normals);
    facet__free(head->jaw);
    facet__free(head->place);
    facet__free(head->open);
    facet__free(head->row_place);
    facet__free(head->column_angle);
    facet__free(head->fields);
    facet__free(head->triangles);
    facet__free(head->front);
    facet__free(head);
}

void facet_head_mean_points(
    const facet_head *head, facet_point3 points[FACET_HEAD_POINTS])
{
    memcpy(points, head->points, sizeof head->points);
}

facet_head_mesh facet_head_mean_mesh(const facet_head *head)
{
    return (facet_head_mesh){ head->mean, (const uint32_t(*)[3])head->triangles,
        head->n_vertices, head->n_triangles };
}
