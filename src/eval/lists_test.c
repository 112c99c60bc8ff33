/* SPDX-License-Identifier: Apache-2.0 */
/* lists_test.c - every list format, good and bad, and embeddings for them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "facet/protocol.h"

static char folder[] = "lists_test_XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return chdir("..") == 0 && system(command) == 0 ? 0 : -1;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    fclose(f);
}

typedef facet_status list_reader(const char *path,
    const facet_protocol_opts *opts, facet_protocol *out, facet_error *err);

static facet_status read_lfw(const char *path, const facet_protocol_opts *opts,
    facet_protocol *out, facet_error *err)
{
    return facet_protocol_read_lfw(path, false, opts, out, err);
}

/* The text is refused and the message holds `says`. */
static void refused(list_reader *reader, const char *text, const char *says)
{
    facet_protocol p;
    facet_error err = { 0 };
    facet_status status;

    write_file("bad", text);
    status = reader("bad", NULL, &p, &err);
    if (status == FACET_OK || !strstr(err.msg, says))
        fail_msg(
            "%s: got %d, '%s', want '%s'", text, (int)status, err.msg, says);
    assert_int_equal(p.n_files, 0);
    assert_null(p.pairs);
}

static void test_pairs_are_read_with_folds_and_subjects(void **state)
{
    facet_protocol p;

    (void)state;
    write_file("pairs", "2\t1\n# x\na one\tb\t1\nc\td\t0\n\nb\te\t1\nf\tg\t0");
    CHECK_OK(facet_protocol_read_pairs("pairs", NULL, &p, NULL));
    assert_int_equal(p.n_pairs, 4);
    assert_int_equal(p.n_files, 7);
    assert_string_equal(p.files[0], "a one");
    assert_int_equal(p.pairs[2].fold, 1);
    assert_int_equal(p.pairs[2].line, 6);
    assert_true(p.pairs[2].mated && !p.pairs[3].mated);
    /* a-b and b-e make a, b, e one person */
    assert_int_equal(p.templates[0].subject, p.templates[4].subject);
    assert_true(p.templates[2].subject != p.templates[3].subject);
    facet_protocol_free(&p);
    write_file("pairs", "a b 1\nc d 0\n");
    CHECK_OK(facet_protocol_read_pairs("pairs", NULL, &p, NULL));
    assert_int_equal(p.n_pairs, 2);
    facet_protocol_free(&p);
}

static void test_bad_pairs_are_refused_with_the_line(void **state)
{
    facet_protocol p;
    facet_error err;
    facet_protocol_opts opts;

    (void)state;
    refused(facet_protocol_read_pairs, "a b 1\nc d\n", "line 2");
    refused(facet_protocol_read_pairs, "a b 1\nc d 2\n", "line 2");
    refused(facet_protocol_read_pairs, "a b 1\nc c 0\n", "line 2");
    refused(facet_protocol_read_pairs, "a b 1\nc d 0\nb a 1\n",
        "line 3: the pair of line 1 again");
    refused(facet_protocol_read_pairs, "a b 1\nc d 1\n", "line 2");
    refused(facet_protocol_read_pairs, "a b 1\nb c 1\nd c 0\na c 0\n",
        "line 4: two people here");
    refused(facet_protocol_read_pairs, "2 1\na b 1\nc d 0\n", "2 folds");
    refused(facet_protocol_read_pairs, "# nothing\n", "lists nothing");
    assert_int_equal(
        facet_protocol_read_pairs("absent", NULL, &p, &err), FACET_ENOTFOUND);
    facet_protocol_opts_init(&opts);
    opts.max_items = 1;
    write_file("pairs", "a b 1\nc d 0\n");
    assert_int_equal(
        facet_protocol_read_pairs("pairs", &opts, &p, &err), FACET_ELIMIT);
    opts.max_items = 9;
    opts.duplicates = opts.one_sided = true;
    write_file("pairs", "a b 1\nb a 1\n");
    CHECK_OK(facet_protocol_read_pairs("pairs", &opts, &p, &err));
    facet_protocol_free(&p);
}

static void test_lfw_lists_of_both_views(void **state)
{
    facet_protocol p;

    (void)state;
    write_file("lfw", "2\t1\nA_B\t1\t2\nA_B\t1\tC\t3\nD 1 4\nD 4 E 1\n");
    CHECK_OK(read_lfw("lfw", NULL, &p, NULL));
    assert_int_equal(p.n_pairs, 4);
    assert_string_equal(p.files[0], "A_B/A_B_0001.jpg");
    assert_int_equal(p.pairs[2].fold, 1);
    assert_true(p.pairs[2].mated);
    assert_int_equal(p.pairs[0].a, p.pairs[1].a);
    assert_int_equal(p.templates[0].subject, p.templates[1].subject);
    facet_protocol_free(&p);
    write_file("lfw", "1\nA 1 2\nA 1 C 3\n");
    CHECK_OK(facet_protocol_read_lfw("lfw", true, NULL, &p, NULL));
    assert_string_equal(p.files[0], "A_0001.jpg");
    facet_protocol_free(&p);
    refused(read_lfw, "1 1\nA 1 2\nA 1 A 3\n", "line 3");
    refused(read_lfw, "1 1\nA 1 x\nA 1 B 3\n", "line 2");
    refused(read_lfw, "1 1\nA 1 1\nA 1 B 3\n", "line 2");
    refused(read_lfw, "1 2\nA 1 2\nA 1 B 3\n", "2 + 2");
    refused(read_lfw, "A 1 2\nA 1 B 3\n", "line 1");
}

static void test_identification_lists(void **state)
{
    facet_protocol p;

    (void)state;
    write_file("id", "gallery\ta\tX\nprobe\tb\tX\nprobe\tc\tY\n");
    CHECK_OK(facet_protocol_read_identify("id", NULL, &p, NULL));
    assert_int_equal(p.n_gallery, 1);
    assert_int_equal(p.n_probes, 2);
    assert_int_equal(p.n_subjects, 2);
    facet_protocol_free(&p);
    refused(
        facet_protocol_read_identify, "gallery a X\ngallery b X\n", "line 2");
    refused(facet_protocol_read_identify, "gallery a X\nprobe a X\n", "line 2");
    refused(facet_protocol_read_identify, "gallery a X\nprob b X\n", "line 2");
    refused(facet_protocol_read_identify, "gallery a X\n", "without probes");
}

static void make_folder(const char *path)
{
    assert_int_equal(mkdir(path, 0777), 0);
}

static facet_status read_ytf(const char *path, const facet_protocol_opts *opts,
    facet_protocol *out, facet_error *err)
{
    return facet_protocol_read_ytf(path, "ytf", 2, opts, out, err);
}

static void test_ytf_takes_the_first_frames_of_each_video(void **state)
{
    facet_protocol p;

    (void)state;
    make_folder("ytf");
    make_folder("ytf/A");
    make_folder("ytf/A/0");
    make_folder("ytf/A/1");
    make_folder("ytf/B");
    make_folder("ytf/B/0");
    write_file("ytf/A/0/2.jpg", "");
    write_file("ytf/A/0/1.jpg", "");
    write_file("ytf/A/0/3.jpg", "");
    write_file("ytf/A/1/0.10.jpg", "");
    write_file("ytf/A/1/0.9.jpg", "");
    write_file("ytf/A/1/0.123.jpg", "");
    write_file("ytf/B/0/1.jpg", "");
    write_file("splits", "split number, first name, second name, same\n"
                         "1, A/0, A/1, 1\n2, A/0, B/0, 0\n");
    CHECK_OK(read_ytf("splits", NULL, &p, NULL));
    assert_int_equal(p.n_templates, 3);
    assert_int_equal(p.templates[0].count, 2);
    assert_string_equal(p.files[0], "A/0/1.jpg");
    assert_string_equal(p.files[2], "A/1/0.9.jpg");
    assert_string_equal(p.files[3], "A/1/0.10.jpg");
    assert_int_equal(p.pairs[1].fold, 1);
    facet_protocol_free(&p);
    refused(read_ytf, "1, A/0, B/0, 1\n", "line 1");
    refused(read_ytf, "1, A/0, A/1, 1\n1, A/0, C/0, 0\n", "line 2");
}

#define IJB_HEAD "TEMPLATE_ID,SUBJECT_ID,FILE,MEDIA_ID,SIGHTING_ID\n"

static void test_ijb_tables_make_templates_of_media(void **state)
{
    static const char *const tables[] = { "meta" };
    facet_protocol p;
    facet_error err;

    (void)state;
    write_file("meta", IJB_HEAD "7,1,img/1.jpg,10,1\n7,1,frame/2.png,11,2\n"
                                "8,1,img/3.jpg,12,3\n9,2,img/4.jpg,13,4\n");
    write_file("matches", "7,8\n7,9\n");
    CHECK_OK(facet_protocol_read_ijb(
        tables, 1, "matches", NULL, NULL, NULL, &p, NULL));
    assert_int_equal(p.n_templates, 3);
    assert_int_equal(p.templates[0].count, 2);
    assert_true(p.members[0].medium != p.members[1].medium);
    assert_true(p.pairs[0].mated && !p.pairs[1].mated);
    facet_protocol_free(&p);
    write_file("gallery", IJB_HEAD "1,1,g1,1,1\n2,2,g2,2,2\n");
    write_file("probes", IJB_HEAD "3,1,p1,3,3\n4,5,p2,4,4\n");
    CHECK_OK(facet_protocol_read_ijb(
        NULL, 0, NULL, "gallery", "probes", NULL, &p, NULL));
    assert_int_equal(p.n_gallery, 2);
    assert_int_equal(p.n_probes, 2);
    facet_protocol_free(&p);
    write_file("gallery", IJB_HEAD "1,1,g1,1,1\n2,1,g2,2,2\n");
    assert_int_equal(facet_protocol_read_ijb(
                         NULL, 0, NULL, "gallery", "probes", NULL, &p, &err),
        FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "line 3"));
    write_file("matches", "7,8\n7,99\n");
    assert_int_equal(facet_protocol_read_ijb(
                         tables, 1, "matches", NULL, NULL, NULL, &p, &err),
        FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "line 2"));
    write_file("meta", IJB_HEAD "7,1,a,1,1\n8,1,b,2,2\n7,1,c,3,3\n");
    assert_int_equal(facet_protocol_read_ijb(
                         tables, 1, "matches", NULL, NULL, NULL, &p, &err),
        FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "line 4"));
    write_file("meta", "TEMPLATE_ID,FILE\n1,a\n");
    assert_int_equal(facet_protocol_read_ijb(
                         tables, 1, "matches", NULL, NULL, NULL, &p, &err),
        FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "SUBJECT_ID"));
}

static void test_cfp_numbers_pictures_from_its_lists(void **state)
{
    facet_protocol p;
    facet_error err;
    char path[128];

    (void)state;
    make_folder("cfp");
    make_folder("cfp/Protocol");
    make_folder("cfp/Protocol/Split");
    make_folder("cfp/Protocol/Split/FP");
    write_file("cfp/Protocol/Pair_list_F.txt",
        "1 ../Data/Images/001/frontal/01.jpg\n"
        "2 ../Data/Images/002/frontal/01.jpg\n");
    write_file("cfp/Protocol/Pair_list_P.txt",
        "1 ../Data/Images/001/profile/01.jpg\n"
        "2 ../Data/Images/002/profile/01.jpg\n");
    for (int fold = 1; fold <= 10; fold++) {
        snprintf(path, sizeof path, "cfp/Protocol/Split/FP/%02d", fold);
        make_folder(path);
        snprintf(
            path, sizeof path, "cfp/Protocol/Split/FP/%02d/same.txt", fold);
        write_file(path, "1,1\n2,2\n");
        snprintf(
            path, sizeof path, "cfp/Protocol/Split/FP/%02d/diff.txt", fold);
        write_file(path, "1,2\n");
    }
    CHECK_OK(facet_protocol_read_cfp("cfp", true, NULL, &p, NULL));
    assert_int_equal(p.n_pairs, 30);
    assert_int_equal(p.pairs[29].fold, 9);
    assert_string_equal(
        p.files[p.pairs[0].b], "Data/Images/001/profile/01.jpg");
    facet_protocol_free(&p);
    write_file("cfp/Protocol/Split/FP/03/diff.txt", "1,2\n1,1\n");
    assert_int_equal(
        facet_protocol_read_cfp("cfp", true, NULL, &p, &err), FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "line 2"));
    write_file("cfp/Protocol/Pair_list_P.txt",
        "2 ../Data/Images/002/profile/01.jpg\n"
        "1 ../Data/Images/001/profile/01.jpg\n");
    assert_int_equal(
        facet_protocol_read_cfp("cfp", true, NULL, &p, &err), FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "Pair_list_P.txt, line 1: picture 2"));
}

static void test_folder_compares_all_pictures(void **state)
{
    facet_protocol p;
    facet_error err;

    (void)state;
    make_folder("people");
    make_folder("people/A");
    make_folder("people/B");
    write_file("people/A/1.jpg", "");
    write_file("people/A/2.jpg", "");
    write_file("people/B/1.jpg", "");
    write_file("people/notes.txt", "");
    CHECK_OK(facet_protocol_read_folder("people", NULL, &p, &err));
    assert_int_equal(p.n_files, 3);
    CHECK_OK(facet_protocol_all_pairs(&p, NULL, &err));
    assert_int_equal(p.n_pairs, 3);
    assert_true(p.pairs[0].mated && !p.pairs[1].mated && !p.pairs[2].mated);
    assert_int_equal(facet_protocol_all_pairs(&p, NULL, &err), FACET_EINVAL);
    facet_protocol_free(&p);
}

/* A NumPy file of 3 x 2. */
static void write_npy(const char *path, const float values[6])
{
    static const char header[] =
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }\n";
    const unsigned char start[] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0,
        sizeof header - 1, 0 };
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    fwrite(start, 1, sizeof start, f);
    fwrite(header, 1, sizeof header - 1, f);
    fwrite(values, sizeof *values, 6, f);
    fclose(f);
}

static void test_npy_with_names(void **state)
{
    const float values[] = { 3, 4, 0, 2, 1, 0 }, bad[] = { 3, 4, NAN, 2, 1, 0 };
    facet_vectors v;
    facet_error err;

    (void)state;
    write_npy("v.npy", values);
    write_file("names", "a\nb\nc\n");
    CHECK_OK(facet_vectors_read_npy("v.npy", "names", &v, &err));
    CHECK_NEAR(v.values[0], .6, 1e-7);
    CHECK_NEAR(v.values[1], .8, 1e-7);
    assert_string_equal(v.names[2], "c");
    facet_vectors_free(&v);
    write_file("names", "a\nb\n");
    assert_int_equal(
        facet_vectors_read_npy("v.npy", "names", &v, &err), FACET_EDAMAGED);
    write_file("names", "a\nb\na\n");
    assert_int_equal(
        facet_vectors_read_npy("v.npy", "names", &v, &err), FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "line 3"));
    write_file("names", "a\nb\nc\n");
    write_npy("v.npy", bad);
    assert_int_equal(
        facet_vectors_read_npy("v.npy", "names", &v, &err), FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "line 2"));
    assert_int_equal(
        facet_vectors_read_npy("names", "names", &v, &err), FACET_EDAMAGED);
}

static void jsonl_refused(const char *text, const char *says)
{
    facet_vectors v;
    facet_error err = { 0 };

    write_file("bad.jsonl", text);
    assert_int_equal(
        facet_vectors_read_jsonl("bad.jsonl", &v, &err), FACET_EDAMAGED);
    if (!strstr(err.msg, says))
        fail_msg("'%s', want '%s'", err.msg, says);
}

static void test_json_lines_with_failures(void **state)
{
    facet_vectors v;
    facet_error err;

    (void)state;
    write_file("v.jsonl",
        "{\"image\":\"x\",\"faces\":[]}\n"
        "{\"image\":\"a\",\"faces\":[{\"embedding\":[3,4]},{}]}\n\n"
        "{\"image\":\"y\",\"error\":{\"code\":\"no_face\"}}\n"
        "{\"image\":\"b\",\"embedding\":[0,-1]}\n");
    CHECK_OK(facet_vectors_read_jsonl("v.jsonl", &v, &err));
    assert_int_equal(v.count, 4);
    assert_string_equal(v.names[0], "x");
    assert_true(isnan(v.values[0]) && isnan(v.values[5]));
    CHECK_NEAR(v.values[2], .6, 1e-7);
    CHECK_NEAR(v.values[7], -1, 0);
    assert_string_equal(v.contract, "");
    facet_vectors_free(&v);
    write_file("v.jsonl",
        "{\"image\":\"a\",\"contract\":\"aa\",\"embedding\":[3,4]}\n"
        "{\"image\":\"b\",\"contract\":\"bb\",\"embedding\":[3,4]}\n");
    assert_int_equal(
        facet_vectors_read_jsonl("v.jsonl", &v, &err), FACET_ECONTRACT);
    assert_non_null(strstr(err.msg, "line 2: an embedding of contract bb"));
    jsonl_refused("{\"image\":\"a\",\"embedding\":[1,0]}\n"
                  "{\"image\":\"b\",\"embedding\":[1]}\n",
        "line 2");
    jsonl_refused("{\"image\":\"a\",\"embedding\":[0,0]}\n", "line 1");
    jsonl_refused("{\"image\":\"a\",\"embedding\":[1,\"x\"]}\n", "line 1");
    jsonl_refused("{\"image\":\"a\",\"embedding\":[1]}\n{oh\n", "line 2");
    jsonl_refused("{\"image\":\"a\",\"faces\":[]}\n", "no embedding");
    jsonl_refused("{\"image\":\"a\",\"embedding\":[1]}\n"
                  "{\"image\":\"a\",\"embedding\":[1]}\n",
        "line 2");
}

static void test_missing_embedding_is_told_with_the_line(void **state)
{
    char a[] = "a", x[] = "x";
    char *names[] = { a, x };
    float values[] = { 1, 2 }, found[4];
    const facet_vectors v = { 2, 1, names, values, "" };
    facet_protocol p;
    facet_error err;

    (void)state;
    write_file("pairs", "a x 1\na b 0\n");
    CHECK_OK(facet_protocol_read_pairs("pairs", NULL, &p, &err));
    assert_int_equal(
        facet_protocol_look_up(&p, &v, found, &err), FACET_ENOTFOUND);
    assert_non_null(strstr(err.msg, "line 2"));
    assert_non_null(strstr(err.msg, "'b'"));
    facet_protocol_free(&p);
}

/* One template of two frames of a video and a still, one of a still, one whose
 * only file failed. */
static void test_fusion_and_comparison(void **state)
{
    static facet_member members[] = { { 0, 0 }, { 1, 0 }, { 2, 1 }, { 3, 0 },
        { 4, 0 } };
    static facet_protocol_template templates[] = { { 0, 3, 0 }, { 3, 1, 0 },
        { 4, 1, 1 } };
    static facet_pair pairs[] = { { 0, 1, 1, 0, true }, { 0, 2, 2, 0, false } };
    const facet_protocol p = { .n_files = 5,
        .n_members = 5,
        .n_templates = 3,
        .n_subjects = 2,
        .n_pairs = 2,
        .members = members,
        .templates = templates,
        .pairs = pairs };
    const float files[] = { 1, 0, 0, 1, 0, 1, .6F, .8F, NAN, NAN };
    const float quality[] = { .1F, .9F, .5F, 1, 1 };
    const float others[] = { 1, 0, 0, 1, NAN, NAN };
    facet_fusion_opts opts;
    facet_comparison c[2];
    float fused[6];

    (void)state;
    CHECK_OK(facet_protocol_fuse(&p, files, 2, NULL, fused));
    CHECK_NEAR(fused[0], .5 / sqrt(2.5), 1e-7); /* (1/2, 1/2) + (0, 1) */
    CHECK_NEAR(fused[1], 1.5 / sqrt(2.5), 1e-7);
    assert_true(isnan(fused[4]));
    CHECK_OK(facet_protocol_compare(&p, fused, 2, c));
    CHECK_NEAR(c[0].score, (.3 + 1.2) / sqrt(2.5), 1e-7);
    assert_true(c[1].score == -HUGE_VAL);
    facet_fusion_opts_init(&opts);
    opts.fusion = FACET_FUSION_MEAN_SIMILARITY;
    CHECK_OK(facet_protocol_fuse(&p, files, 2, &opts, fused));
    CHECK_OK(facet_protocol_compare(&p, fused, 2, c));
    CHECK_NEAR(c[0].score, (.6 + .8 + .8) / 3, 1e-7);
    opts.fusion = FACET_FUSION_BEST;
    assert_int_equal(
        facet_protocol_fuse(&p, files, 2, &opts, fused), FACET_EINVAL);
    opts.quality = quality;
    opts.best = 2;
    CHECK_OK(facet_protocol_fuse(&p, files, 2, &opts, fused));
    CHECK_NEAR(fused[0], 0, 0);
    CHECK_NEAR(fused[1], 1, 0);
    CHECK_OK(facet_protocol_compare_across(&p, fused, others, 2, c));
    CHECK_NEAR(c[0].score, 1, 1e-7); /* (0, 1) and (0, 1) */
    assert_true(c[1].score == -HUGE_VAL);
    CHECK_OK(facet_protocol_compare_across(&p, others, fused, 2, c));
    CHECK_NEAR(c[0].score, .6, 1e-7); /* (1, 0) and (.6, .8) */
    CHECK_OK(facet_protocol_compare_frames(&p, files, 2, 20000, 1, c));
    CHECK_NEAR(c[0].score, (.6 + .8 + .8) / 3, .005);
    assert_true(c[1].score == -HUGE_VAL);
}

/* Of the first video's 200 frames one has a face. */
static void test_random_frames_are_drawn_among_those_with_a_face(void **state)
{
    static float files[201 * 2];
    static facet_member members[201];
    facet_protocol_template templates[] = { { 0, 200, 0 }, { 200, 1, 0 } };
    facet_pair pair = { 0, 1, 0, 0, true };
    const facet_protocol p = { .n_files = 201,
        .n_members = 201,
        .n_templates = 2,
        .n_pairs = 1,
        .members = members,
        .templates = templates,
        .pairs = &pair };
    facet_comparison c;

    (void)state;
    for (uint32_t i = 0; i < 201; i++) {
        members[i] = (facet_member){ i, 0 };
        files[2 * i] = i == 77 || i == 200 ? .6F : NAN;
        files[2 * i + 1] = .8F;
    }
    for (uint64_t seed = 1; seed < 10; seed++) {
        CHECK_OK(facet_protocol_compare_frames(&p, files, 2, 1, seed, &c));
        CHECK_NEAR(c.score, 1, 1e-7);
    }
    files[2 * 77] = NAN;
    CHECK_OK(facet_protocol_compare_frames(&p, files, 2, 1, 1, &c));
    assert_true(c.score == -HUGE_VAL);
}

static void test_search_of_a_protocol(void **state)
{
    const float values[] = { 1, 0, 0, 1, .8F, .6F, .6F, -.8F, NAN, NAN };
    facet_protocol p;
    facet_search searches[3];
    uint32_t nearest[3];

    (void)state;
    write_file("id", "gallery a X\ngallery b Y\nprobe c Y\nprobe d Z\n"
                     "probe e X\n");
    CHECK_OK(facet_protocol_read_identify("id", NULL, &p, NULL));
    CHECK_OK(facet_protocol_search(&p, values, 2, searches, nearest));
    CHECK_NEAR(searches[0].mate, .6, 1e-7);
    CHECK_NEAR(searches[0].rival, .8, 1e-7);
    assert_int_equal(searches[0].above, 1);
    assert_int_equal(nearest[0], 0);
    assert_false(searches[1].mated);
    CHECK_NEAR(searches[1].rival, .6, 1e-7);
    assert_true(searches[2].mated && searches[2].mate == -HUGE_VAL);
    facet_protocol_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_are_read_with_folds_and_subjects),
        cmocka_unit_test(test_bad_pairs_are_refused_with_the_line),
        cmocka_unit_test(test_lfw_lists_of_both_views),
        cmocka_unit_test(test_identification_lists),
        cmocka_unit_test(test_ytf_takes_the_first_frames_of_each_video),
        cmocka_unit_test(test_ijb_tables_make_templates_of_media),
        cmocka_unit_test(test_cfp_numbers_pictures_from_its_lists),
        cmocka_unit_test(test_folder_compares_all_pictures),
        cmocka_unit_test(test_npy_with_names),
        cmocka_unit_test(test_json_lines_with_failures),
        cmocka_unit_test(test_missing_embedding_is_told_with_the_line),
        cmocka_unit_test(test_fusion_and_comparison),
        cmocka_unit_test(test_random_frames_are_drawn_among_those_with_a_face),
        cmocka_unit_test(test_search_of_a_protocol),
    };

    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
