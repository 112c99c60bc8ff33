/* SPDX-License-Identifier: Apache-2.0 */
/* compare.c - are these two photos of one person?
 *
 *   compare DETECTOR.onnx EMBEDDER.onnx A.jpg B.jpg                         */
#include <facet/facet.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    facet_pipeline_opts opts;
    facet_pipeline *pipeline = NULL;
    facet_image *image[2] = { NULL, NULL };
    facet_faces *faces[2] = { NULL, NULL };
    facet_error err = { FACET_EINVAL, "usage: compare DETECTOR EMBEDDER A B" };
    facet_status st = argc == 5 ? FACET_OK : FACET_EINVAL;
    float similarity;

    facet_pipeline_opts_init(&opts);
    opts.policy = FACET_POLICY_LARGEST;
    if (st == FACET_OK) {
        opts.detector = argv[1];
        opts.embedder = argv[2];
        st = facet_pipeline_open(&opts, &pipeline, &err);
    }
    for (int i = 0; i < 2 && st == FACET_OK; i++) {
        st = facet_image_read(argv[3 + i], NULL, &image[i], &err);
        if (st == FACET_OK)
            st = facet_pipeline_faces(pipeline, image[i], &faces[i], &err);
    }
    if (st == FACET_OK)
        st = facet_embedding_compare(facet_faces_embedding(faces[0], 0),
            facet_faces_embedding(faces[1], 0), &similarity, &err);
    if (st == FACET_OK)
        printf("similarity %.3f\n", (double)similarity);
    else
        fprintf(stderr, "%s: %s\n", facet_status_name(st), err.msg);
    for (int i = 0; i < 2; i++) {
        facet_faces_free(faces[i]);
        facet_image_free(image[i]);
    }
    facet_pipeline_close(pipeline);
    return st == FACET_OK ? 0 : 1;
}
