/* SPDX-License-Identifier: Apache-2.0 */
/* A whole training in which each allocation fails once: the answer must be
 * FACET_ENOMEM, nothing may be lost (LeakSanitizer sees that), and the folder
 * is fit for a run that is given memory. */
#include "folder.h"

#include "base/file.h"
#include "facet/train.h"
#include "small_network.h"
#include "torture.h"
#include "train/projection.h"
#include "train/teacher.h"
#include "train/toy.h"
#include "train/train.h"

static toy net;

static int setup_folder(void **state)
{
    char path[128];
    FILE *list;

    (void)state;
    make_folder("torture");
    toy_pictures(folder);
    snprintf(path, sizeof path, "%s/faces.txt", folder);
    list = fopen(path, "w");
    assert_non_null(list);
    for (int i = 0; i < 8; i++)
        fprintf(list, "%d.png\n1\n1 1 6 6 0 0 0 0 0 0\n", i);
    fclose(list);
    return 0;
}

static const char recipe_text[] =
    "network: { kind: mobilefacenet-tiny, dim: 8, width: 8, height: 8 }\n"
    "data: { paths: pictures, frame: 8 }\n"
    "sampler: { kind: people-by-images, batch: 8, people: 4, images: 2 }\n"
    "augment: { flip: .5, shrink: 1, jpeg: 1 }\n"
    "loss: [{ kind: center }, { kind: tpe, dim: 4 }]\n"
    "optimizer: { kind: muon, ema: .9, accumulate: 2 }\n"
    "schedule: { rate: 0.01, steps: 2 }\n"
    "run: { checkpoint: 1, log: 1 }\n";

static facet_status read_and_train(void *context)
{
    const facet__trainable as_net = toy_start(&net);
    char path[128], out[128];
    facet__train_opts opts = { .folder = out, .resume = true };
    facet__recipe *recipe;
    facet_error err;
    facet_status st;

    (void)context;
    snprintf(path, sizeof path, "%s/recipe.yaml", folder);
    snprintf(out, sizeof out, "%s/run", folder);
    st = facet__recipe_parse(
        path, recipe_text, sizeof recipe_text - 1, &recipe, &err);
    if (st == FACET_OK)
        st = facet__train(recipe, &as_net, NULL, &opts, &err);
    facet__recipe_free(recipe);
    return torture_may_do_without(st); /* a batch loaded ahead, the last */
}

static void test_training_without_memory_says_so(void **state)
{
    (void)state;
    torture("training", read_and_train, NULL, 7);
}

/* With answers of its own, which lean towards their people's then. */
static facet_status ask_and_remember(void *context)
{
    char recipe[128], out[128], answers[160], names[160], pictures[128];
    const facet_train_opts opts = { .size = sizeof opts };
    facet__dataset_setup setup;
    facet__dataset *data = NULL;
    facet__teacher teacher = { .self = NULL };
    facet_status st;

    (void)context;
    snprintf(recipe, sizeof recipe, "%s/teacher.yaml", folder);
    snprintf(out, sizeof out, "%s/answers", folder);
    snprintf(answers, sizeof answers, "%s/answers.npy", out);
    snprintf(names, sizeof names, "%s/names.txt", out);
    snprintf(pictures, sizeof pictures, "%s/pictures", folder);
    facet__dataset_setup_init(&setup);
    setup.paths[setup.n_paths++] = pictures;
    st = facet_teach(recipe, out, &opts, NULL);
    if (st == FACET_OK)
        st = facet__dataset_open(&setup, &data, NULL);
    if (st == FACET_OK)
        st = facet__teacher_remember(answers, names, .5, data, &teacher, NULL);
    facet__teacher_close(&teacher);
    facet__dataset_close(data);
    return st;
}

static void test_asking_a_teacher_without_memory_says_so(void **state)
{
    static const char text[] =
        "network: { kind: mobilefacenet-tiny, dim: 8, width: 8, height: 8 }\n"
        "data: { paths: pictures, frame: 8 }\n"
        "teacher: { init: small.onnx }\n"
        "loss: { kind: distill-cosine }\n"
        "schedule: { rate: 0.01, steps: 2 }\n"
        "run: { threads: 1 }\n";
    char path[128];

    (void)state;
    snprintf(path, sizeof path, "%s/small.onnx", folder);
    CHECK_OK(small_network_write(path, TOY_SIDE, NULL));
    snprintf(path, sizeof path, "%s/teacher.yaml", folder);
    CHECK_OK(facet__file_write(path, text, sizeof text - 1, NULL));
    torture("asking", ask_and_remember, NULL, 7);
}

static facet_status run_all_losses(void *context)
{
    enum { N = 6, D = 4 };
    float x[N * D], dx[N * D];
    const int32_t labels[N] = { 0, 0, 1, 1, 2, 2 };
    facet_status st = FACET_OK;

    (void)context;
    for (int i = 0; i < N * D; i++)
        x[i] = (float)(i * 7919 % 13) - 6;
    for (size_t t = 0; facet__loss_types[t] && st == FACET_OK; t++) {
        const facet__batch batch = { N, x, labels, x, 1, NULL };
        facet__loss_setup setup;
        facet__loss_result result;
        facet__loss *loss;

        if (facet__loss_types[t]->needs_cells)
            continue; /* detect_a_batch */
        facet__loss_setup_init(&setup, facet__loss_types[t], D);
        setup.classes = 3;
        st =
            facet__loss_create(facet__loss_types[t], &setup, NULL, &loss, NULL);
        if (st == FACET_OK)
            st = facet__loss_run(loss, &batch, dx, &result, NULL);
        facet__loss_free(loss);
    }
    return st;
}

static void test_losses_without_memory_say_so(void **state)
{
    (void)state;
    torture("losses", run_all_losses, NULL, 1);
}

/* Labels, scenes, a loader of them, and the loss of one batch. */
static facet_status detect_a_batch(void *context)
{
    enum { SIDE = 32, DIM = 21 * 16, N = 2 };
    static float x[N * DIM], dx[N * DIM];
    const facet__loss_type *type = facet__loss_find("detection");
    facet__loss_setup loss_setup;
    facet__scene_setup setup;
    facet__loader_setup loader_setup;
    facet__dataset_setup data;
    facet__dataset *dataset = NULL;
    facet_labels *labels = NULL;
    facet__scenes *scenes = NULL;
    facet__loader *loader = NULL;
    facet__loss *loss = NULL;
    facet__loss_result result;
    facet__load load;
    char pictures[128], list[128];
    facet_status st;

    (void)context;
    snprintf(pictures, sizeof pictures, "%s/pictures", folder);
    snprintf(list, sizeof list, "%s/faces.txt", folder);
    facet__dataset_setup_init(&data);
    data.paths[data.n_paths++] = pictures;
    st = facet__dataset_open(&data, &dataset, NULL);
    if (st == FACET_OK)
        st = facet_labels_read(list, &labels, NULL);
    facet__scene_setup_init(&setup);
    setup.dataset = dataset;
    setup.labels = labels;
    if (st == FACET_OK)
        st = facet__scenes_create(&setup, &scenes, NULL);
    facet__loader_setup_init(&loader_setup);
    loader_setup.dataset = dataset;
    loader_setup.order.batch = N;
    facet__crop_init(&loader_setup.crops[0], SIDE, SIDE, SIDE);
    loader_setup.maker = (facet__maker){
        .make = facet__scene_make, .self = scenes, .with_targets = true
    };
    if (st == FACET_OK)
        st = facet__loader_create(&loader_setup, &loader, NULL);
    if (st == FACET_OK)
        st = facet__loader_next(loader, &load, NULL);
    facet__loss_setup_init(&loss_setup, type, DIM);
    loss_setup.width = loss_setup.height = SIDE;
    if (st == FACET_OK)
        st = facet__loss_create(type, &loss_setup, NULL, &loss, NULL);
    for (int i = 0; i < N * DIM; i++)
        x[i] = .5f;
    if (st == FACET_OK)
        st = facet__loss_run(loss,
            &(facet__batch){ .n = N, .x = x, .targets = load.targets }, dx,
            &result, NULL);
    facet__loss_free(loss);
    facet__loader_free(loader);
    facet__scenes_free(scenes);
    facet_labels_free(labels);
    facet__dataset_close(dataset);
    return torture_may_do_without(st); /* the batch behind it */
}

static void test_scenes_without_memory_say_so(void **state)
{
    (void)state;
    torture("scenes", detect_a_batch, NULL, 1);
}

static facet_status fit_projection(void *context)
{
    enum { N = 8, D = 3 };
    float x[N * D], w[2 * D];
    int32_t labels[N];
    facet__projection_setup setup;
    double value;

    (void)context;
    for (int i = 0; i < N; i++)
        labels[i] = i / 2;
    for (int i = 0; i < N * D; i++)
        x[i] = (float)(i * 7919 % 13) - 6;
    facet__projection_setup_init(&setup);
    setup.options[0] = 2;
    setup.steps = 2;
    return facet__projection_fit(
        &setup, x, labels, N, D, NULL, w, &value, NULL);
}

static void test_projections_without_memory_say_so(void **state)
{
    (void)state;
    torture("projection", fit_projection, NULL, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_training_without_memory_says_so),
        cmocka_unit_test(test_asking_a_teacher_without_memory_says_so),
        cmocka_unit_test(test_losses_without_memory_say_so),
        cmocka_unit_test(test_scenes_without_memory_say_so),
        cmocka_unit_test(test_projections_without_memory_say_so),
    };

    return cmocka_run_group_tests(tests, setup_folder, remove_folder);
}
