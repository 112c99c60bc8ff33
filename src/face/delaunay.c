/* SPDX-License-Identifier: Apache-2.0 */
/* delaunay.c - Bowyer 1981 and Watson 1981: points are put in one by one; the
 * triangles whose circles hold the new point are taken out, and the hole is
 * filled with triangles from its rim to the point. A hundred points, once: the
 * square of their number costs nothing, so nothing cleverer is done. */
#include "face/delaunay.h"

#include <math.h>
#include <stdbool.h>

#include "base/alloc.h"

enum { MOST = 1000, OUTER = 3 };

typedef struct place {
    double x, y;
} place;

typedef struct edge {
    unsigned short from, to;
} edge;

typedef struct mesh {
    place *places; /* [count + 3]; the last three are far outside */
    facet__triangle *triangles;
    edge *rim;
    size_t n_triangles, n_rim;
} mesh;

/* Twice the area, positive when a, b, c turn like the axes. */
static double area(place a, place b, place c)
{
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

/* Is p inside the circle through the corners of a triangle of positive area? */
static bool in_circle(const mesh *m, const facet__triangle *t, place p)
{
    double d[3][3];

    for (int i = 0; i < 3; i++) {
        d[i][0] = m->places[t->corners[i]].x - p.x;
        d[i][1] = m->places[t->corners[i]].y - p.y;
        d[i][2] = d[i][0] * d[i][0] + d[i][1] * d[i][1];
    }
    return d[0][0] * (d[1][1] * d[2][2] - d[1][2] * d[2][1]) -
               d[0][1] * (d[1][0] * d[2][2] - d[1][2] * d[2][0]) +
               d[0][2] * (d[1][0] * d[2][1] - d[1][1] * d[2][0]) >
           0;
}

/* An edge that comes twice lies inside the hole and goes. */
static void toggle(mesh *m, unsigned short from, unsigned short to)
{
    for (size_t i = 0; i < m->n_rim; i++)
        if (m->rim[i].from == to && m->rim[i].to == from) {
            m->rim[i] = m->rim[--m->n_rim];
            return;
        }
    m->rim[m->n_rim++] = (edge){ from, to };
}

static void put_in(mesh *m, unsigned short point)
{
    size_t kept = 0;

    m->n_rim = 0;
    for (size_t i = 0; i < m->n_triangles; i++) {
        const facet__triangle t = m->triangles[i];

        if (in_circle(m, &t, m->places[point])) {
            for (int k = 0; k < 3; k++)
                toggle(m, t.corners[k], t.corners[(k + 1) % 3]);
        } else {
            m->triangles[kept++] = t;
        }
    }
    for (size_t i = 0; i < m->n_rim; i++)
        m->triangles[kept++] =
            (facet__triangle){ { m->rim[i].from, m->rim[i].to, point } };
    m->n_triangles = kept;
}

static bool usable(const facet_point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(points[i].x) || !isfinite(points[i].y))
            return false;
        for (size_t j = 0; j < i; j++)
            if (points[i].x == points[j].x && points[i].y == points[j].y)
                return false;
    }
    return true;
}

/* Around everything, so far out that its circles cut off no rim triangle. */
static void put_outer(mesh *m, size_t count)
{
    double reach = 1, x = 0, y = 0;

    for (size_t i = 0; i < count; i++) {
        x += m->places[i].x / (double)count;
        y += m->places[i].y / (double)count;
    }
    for (size_t i = 0; i < count; i++)
        reach = fmax(
            reach, fmax(fabs(m->places[i].x - x), fabs(m->places[i].y - y)));
    reach *= 1e4;
    m->places[count] = (place){ x - 2 * reach, y - reach };
    m->places[count + 1] = (place){ x + 2 * reach, y - reach };
    m->places[count + 2] = (place){ x, y + 2 * reach };
    m->triangles[0] = (facet__triangle){ { (unsigned short)count,
        (unsigned short)(count + 1), (unsigned short)(count + 2) } };
    m->n_triangles = 1;
}

static void drop_outer(mesh *m, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->n_triangles; i++) {
        const facet__triangle t = m->triangles[i];

        if (t.corners[0] < count && t.corners[1] < count &&
            t.corners[2] < count &&
            area(m->places[t.corners[0]], m->places[t.corners[1]],
                m->places[t.corners[2]]) > 0)
            m->triangles[kept++] = t;
    }
    m->n_triangles = kept;
}

facet_status facet__delaunay(const facet_point *points, size_t count,
    facet__triangle **out, size_t *n_out)
{
    /* Of n points there are fewer than 2n triangles and 3n edges. */
    const size_t room = 2 * (count + OUTER) + 8;
    mesh m = { 0 };

    *out = NULL;
    *n_out = 0;
    if (count < 3 || count > MOST || !usable(points, count))
        return FACET_EINVAL;
    m.places = facet__calloc(count + OUTER, sizeof *m.places);
    m.triangles = facet__calloc(room, sizeof *m.triangles);
    m.rim = facet__calloc(3 * room, sizeof *m.rim);
    if (m.places && m.triangles && m.rim) {
        for (size_t i = 0; i < count; i++)
            m.places[i] = (place){ (double)points[i].x, (double)points[i].y };
        put_outer(&m, count);
        for (size_t i = 0; i < count; i++)
            put_in(&m, (unsigned short)i);
        drop_outer(&m, count);
        *out = m.triangles;
        *n_out = m.n_triangles;
        m.triangles = NULL;
    }
    facet__free(m.places);
    facet__free(m.triangles);
    facet__free(m.rim);
    if (!*out)
        return FACET_ENOMEM;
    if (*n_out)
        return FACET_OK;
    facet__free(*out);
    *out = NULL;
    return FACET_EINVAL;
}
