/* SPDX-License-Identifier: Apache-2.0 */
/* landmarks.c - see landmarks.h.
 *
 * The square is set by six fiducials (two eye centers, nose tip, three of the
 * mouth), brought to where the mean head has them. The paper's anchors are
 * those of a face from the front; for a turned face they would shift the square
 * to the side, and networks trained on squares around the head err there by
 * twenty degrees of yaw (measured). So the anchors are the mean head's as it is
 * turned: scale, roll and middle of the affine camera through the six. */
#include "face/landmarks.h"

#include <math.h>

#include "facet/frontal.h"

enum { FIDUCIALS = 6 };

/* A box of YuNet spans so much of the mean head (measured on renders): from
 * hairline to chin, a little less. */
static const float box_mm = 172;

/* The fiducials of the mean head, and what lies in the middle of its box from
 * wherever it is seen, mm. */
static const facet_point3 mean_six[FIDUCIALS] = { { -31.5F, 0.2F, 80 },
    { 31.5F, 0.2F, 80 }, { 0, -34.5F, 118 }, { -25, -66, 90 }, { 25, -66, 90 },
    { 0, -67, 100 } };
static const facet_point3 middle_of_head = { 0, -22, 45 };

int facet__landmark_mirrored(int i)
{
    static const unsigned char eyes[12] = { 45, 44, 43, 42, 47, 46, 39, 38, 37,
        36, 41, 40 };
    static const unsigned char mouth[20] = { 54, 53, 52, 51, 50, 49, 48, 59, 58,
        57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65 };

    return i < 17   ? 16 - i
           : i < 27 ? 43 - i
           : i < 31 ? i
           : i < 36 ? 66 - i
           : i < 48 ? eyes[i - 36]
                    : mouth[i - 48];
}

facet_similarity facet__square_around(
    facet_point middle, double box, double margin, double turn, int64_t width)
{
    const double step = box * margin / (double)width;
    const double half = 0.5 * (double)(width - 1);
    facet_similarity s = { step * cos(turn), step * sin(turn), 0, 0 };

    s.tx = (double)middle.x - (s.a - s.b) * half;
    s.ty = (double)middle.y - (s.b + s.a) * half;
    return s;
}

static facet_point mean_of(const facet_point *points, int from, int count)
{
    facet_point sum = { 0, 0 };

    for (int i = from; i < from + count; i++) {
        sum.x += points[i].x / (float)count;
        sum.y += points[i].y / (float)count;
    }
    return sum;
}

static void fiducials_of(
    const facet_point points[FACET_HEAD_POINTS], facet_point six[FIDUCIALS])
{
    six[0] = mean_of(points, 36, 6);
    six[1] = mean_of(points, 42, 6);
    six[2] = points[30];
    six[3] = points[48];
    six[4] = points[54];
    six[5] = mean_of(points, 48, 20);
}

facet_status facet__landmark_square(const facet_point points[FACET_HEAD_POINTS],
    double margin, int64_t width, facet_similarity *square)
{
    facet_point six[FIDUCIALS];
    facet_camera camera;
    facet_head_pose pose;
    facet_status st;

    fiducials_of(points, six);
    st = facet_camera_fit(mean_six, six, FIDUCIALS, NULL, &camera, NULL);
    if (st == FACET_OK)
        st = facet_camera_pose(&camera, &pose);
    if (st == FACET_OK)
        *square =
            facet__square_around(facet_camera_project(&camera, middle_of_head),
                (double)(pose.scale * box_mm), margin,
                (double)pose.roll * 0.017453292519943295, width);
    return st;
}
