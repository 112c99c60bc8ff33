/* SPDX-License-Identifier: Apache-2.0 */
/* density.c - DBSCAN: M. Ester, H.-P. Kriegel, J. Sander, X. Xu, KDD 1996.
 *
 * A row with min_points at the threshold, itself included, is a core. Cores
 * within the threshold chain. Another row joins the core it is most like (the
 * original leaves that to the order of rows), or stays alone. */
#include "base/alloc.h"
#include "cluster/methods.h"

facet_status facet__group_dbscan(facet__problem *p)
{
    const facet__near *g = p->graph;
    facet__link *chains = facet__calloc(p->n_links, sizeof *chains);
    facet__link *borders = facet__calloc(g->count, sizeof *borders);
    bool *taken = facet__calloc(g->count, sizeof *taken);
    facet_status st = chains && borders && taken ? FACET_OK : FACET_ENOMEM;
    size_t n_chains = 0, n_borders = 0;

    /* (links come strongest first, so a border row meets its core first) */
    for (size_t i = 0; i < p->n_links && st == FACET_OK; i++) {
        const facet__link l = p->links[i];
        const bool a = g->counts[l.a] + 1 >= p->min_points;
        const bool b = g->counts[l.b] + 1 >= p->min_points;
        const uint32_t border = a ? l.b : l.a;

        if (a && b) {
            chains[n_chains++] = l;
        } else if ((a || b) && !taken[border]) {
            taken[border] = true;
            borders[n_borders++] = l;
        }
    }
    if (st == FACET_OK)
        st = facet__groups_join_links(p->groups, chains, n_chains);
    if (st == FACET_OK)
        st = facet__groups_join_links(p->groups, borders, n_borders);
    facet__free(chains);
    facet__free(borders);
    facet__free(taken);
    return st;
}
