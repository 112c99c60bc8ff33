// SPDX-License-Identifier: Apache-2.0
// search_faiss.cpp - what search.c does, by faiss: IndexFlatIP on one thread
// over the same vectors, printed in the same form.
#include <faiss/IndexFlat.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "search_vectors.h"

static const int K = 10, BATCH = 64;

static double now()
{
    using namespace std::chrono;
    return duration<double, std::milli>(
        steady_clock::now().time_since_epoch())
        .count();
}

int main(int argc, char **argv)
{
    const size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    const size_t dim = argc > 2 ? strtoull(argv[2], NULL, 10) : 128;
    const int threads = argc > 3 ? atoi(argv[3]) : 1;
    const int repeats = argc > 4 ? atoi(argv[4]) : 5;
    std::vector<float> rows(count * dim), queries(BATCH * dim), score(BATCH * K);
    std::vector<faiss::Index::idx_t> ids(BATCH * K);
    vectors v = vectors_of(1);

    omp_set_num_threads(threads);
    for (int q = 0; q < BATCH; q++)
        vectors_next(&v, &queries[q * dim], dim);
    for (size_t i = 0; i < count; i++)
        vectors_next(&v, &rows[i * dim], dim);
    faiss::IndexFlatIP index(dim);
    index.add(count, rows.data());
    std::vector<float>().swap(rows);
    for (int batch : { 1, BATCH }) {
        std::vector<double> times;
        for (int r = -1; r < repeats; r++) {
            const size_t shift = batch == 1 ? (size_t)(r + 1) % BATCH : 0;
            const double begin = now();
            index.search(batch, &queries[shift * dim], K, &score[shift * K],
                &ids[shift * K]);
            if (r >= 0)
                times.push_back((now() - begin) / batch);
        }
        std::sort(times.begin(), times.end());
        std::printf("faiss %s %.4f ms\n", batch == 1 ? "single" : "batch",
            times[repeats / 2]);
    }
    for (int q = 0; q < BATCH; q++) {
        std::printf("ids");
        for (int i = 0; i < K; i++)
            std::printf(" %lld", (long long)ids[q * K + i] + 1);
        std::printf("\n");
    }
}
