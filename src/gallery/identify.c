/* SPDX-License-Identifier: Apache-2.0 */
/* identify.c - from scores to decisions. The decisions are pure functions; the
 * calls below them only fetch what they judge. */
#include "base/error.h"
#include "gallery/nearest.h"

static const facet_match nobody = { .score = -2.0F };

const char *facet_decision_name(facet_decision decision)
{
    static const char *const names[] = { "unknown", "review", "match" };

    return (unsigned)decision < 3 ? names[decision] : "invalid";
}

const char *facet_reason_name(facet_reason reason)
{
    static const char *const names[] = { "none", "empty", "too_far", "unsure",
        "ambiguous", "quality" };

    return (unsigned)reason < 6 ? names[reason] : "invalid";
}

void facet_identify_rule_init(facet_identify_rule *rule, float match_at)
{
    *rule = (facet_identify_rule){ .size = sizeof *rule,
        .match_at = match_at,
        .review_at = match_at,
        .margin = 0.05F };
}

facet_identification facet_identify_judge(const facet_identify_rule *rule,
    facet_match best, facet_match second, float quality)
{
    facet_identification out = {
        .best = best, .second = second, .margin = 2.0F
    };

    if (best.id && second.id)
        out.margin = best.score - second.score;
    if (!best.id) {
        out.reason = FACET_REASON_EMPTY;
    } else if (!(best.score >= rule->review_at)) {
        out.reason = FACET_REASON_TOO_FAR;
    } else {
        out.decision = FACET_DECISION_REVIEW;
        if (!(best.score >= rule->match_at))
            out.reason = FACET_REASON_UNSURE;
        else if (out.margin < rule->margin)
            out.reason = FACET_REASON_AMBIGUOUS;
        else if (quality < rule->min_quality)
            out.reason = FACET_REASON_QUALITY;
        else
            out.decision = FACET_DECISION_MATCH;
    }
    return out;
}

/* The two best people. */
static facet_status two_best(const facet_gallery *g, const uint8_t *contract,
    const float *query, facet_match found[2], facet_error *err)
{
    size_t n = 0;

    found[0] = found[1] = nobody;
    return facet_gallery_search(g, contract, query, 1, NULL, 2, found, &n, err);
}

facet_status facet_gallery_identify(const facet_gallery *g,
    const uint8_t *contract, const float *query, float quality,
    const facet_identify_rule *rule, facet_identification *out,
    facet_error *err)
{
    facet_match found[2];
    facet_status st;

    if (!rule || !out || !(rule->review_at <= rule->match_at))
        return facet__fail(err, FACET_EINVAL,
            "a rule is needed whose review_at is at most its match_at");
    st = two_best(g, contract, query, found, err);
    if (st == FACET_OK)
        *out = facet_identify_judge(rule, found[0], found[1], quality);
    return st;
}

void facet_enroll_rule_init(facet_enroll_rule *rule, float match_at)
{
    *rule = (facet_enroll_rule){ .size = sizeof *rule,
        .duplicate_at = match_at,
        .consistent_at = match_at / 2.0F,
        .repeated_at = 0.9999F };
}

facet_enroll_verdict facet_enroll_judge(const facet_enroll_rule *rule,
    facet_match other, facet_match own, float quality)
{
    facet_enroll_verdict out = { .other = other, .own = own };

    if (quality < rule->min_quality)
        out.reasons |= FACET_ENROLL_POOR;
    if (other.id && other.score >= rule->duplicate_at &&
        !(own.id && own.score > other.score))
        out.reasons |= FACET_ENROLL_DUPLICATE;
    if (own.id && !(own.score >= rule->consistent_at))
        out.reasons |= FACET_ENROLL_INCONSISTENT;
    if (own.id && own.score >= rule->repeated_at)
        out.reasons |= FACET_ENROLL_REPEATED;
    return out;
}

facet_status facet_gallery_enroll_check(const facet_gallery *g,
    const uint8_t *contract, const float *embedding, float quality,
    uint64_t person, const facet_enroll_rule *rule, facet_enroll_verdict *out,
    facet_error *err)
{
    facet_match found[2], own;
    float unit[FACET_GALLERY_MAX_DIM];
    facet_status st;

    if (!rule || !out)
        return facet__fail(err, FACET_EINVAL, "rule or out is NULL");
    st = two_best(g, contract, embedding, found, err);
    if (st == FACET_OK)
        st = facet__unit(embedding, g->state.active.dim, unit, err);
    if (st == FACET_OK)
        st = facet__nearest_own(g, unit, person, &own, err);
    if (st != FACET_OK)
        return st;
    *out = facet_enroll_judge(rule,
        found[0].id && found[0].person == person ? found[1] : found[0], own,
        quality);
    return FACET_OK;
}
