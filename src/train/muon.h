/* SPDX-License-Identifier: Apache-2.0 */
/* muon.h - the direction in which Muon moves a matrix (Jordan et al. 2024,
 * "Muon: An optimizer for hidden layers in neural networks").
 *
 * Where the singular values of a gradient say how much each direction should
 * move, nearly all of a step goes into a few of them. Muon sets all of them to
 * about 1 and keeps the directions. */
#ifndef FACET__MUON_H
#define FACET__MUON_H

#include <stddef.h>

/* Numbers of scratch that a matrix needs. */
size_t facet__muon_scratch(size_t rows, size_t columns);

/* Change x[rows][columns] = U S V' to about 0.2 sqrt(max(rows, columns)) U V':
 * the singular values that were at least 1/200 of the matrix's length come to
 * between 0.68 and 1.16 times that, smaller ones to at most 1.21. With this
 * factor the root of a step's mean square is about AdamW's, and so AdamW's
 * rates and decays fit (Liu et al. 2025, "Muon is scalable for LLM training",
 * section 2.2). A matrix of zeros stays. */
void facet__muon_direct(size_t rows, size_t columns, float *x, float *scratch);

#endif
