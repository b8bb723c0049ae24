"""Nodes, weights, log-likelihood, expected counts and scores of every kind of model."""

from __future__ import annotations

import numpy as np
import pytest

from mixirt import _core
from tests.oracle.from_model import own_attributes
from tests.oracle.models import MISSING, Floats
from tests.oracle.scores import class_map, class_probabilities, eap, map_on_grid, posterior_mode
from tests.oracle_agreement.bridge import Case
from tests.oracle_agreement.cases import NAMES, STRUCTURES, engine_counts, make_case

AGREEMENT = 1e-10
"""Sums of a few hundred terms of the order of 1 in another order; counts and log-likelihoods go
up to a thousand and are compared relative to their size."""

LOGLIK_AGREEMENT = 1e-12
"""Log-likelihoods are sums of a hundred logarithms of the same sign."""

SPREAD_AGREEMENT = 1e-9
"""Posterior covariances are differences of second moments, which cost a digit."""

MODE_AGREEMENT = 1e-7
"""Two Newton iterations on a function whose rounding error leaves the argument this uncertain."""


ELIMINATED = [
    (family, structure)
    for family, structure, rule in NAMES
    if rule == "rectangular" and STRUCTURES[structure].n_attributes > 1
]
"""Everything with several attributes on a grid that is not rotated."""


def projected(case: Case, group: int, item: int, n_lm: Floats, n_support: int) -> Floats:
    """Sum the counts (M, L) of an item over the attributes it does not measure: (M * K,)."""
    if n_lm.shape[1] == n_support:
        return n_lm.ravel()
    own = own_attributes(case.model, group)
    assert case.model.design.n_quadrature is not None
    n_points = case.model.design.n_quadrature[0]
    others = [1 + j for j, a in enumerate(own) if not case.model.design.q_matrix[item, a]]
    by_axis = n_lm.reshape(len(n_lm), *[n_points] * len(own))
    return by_axis.sum(axis=tuple(others)).ravel()


@pytest.mark.parametrize(("family", "structure", "rule"), NAMES)
def test_e_step(family: str, structure: str, rule: str) -> None:
    case = make_case(family, structure, rule)
    found, expected = engine_counts(case), case.oracle_counts
    np.testing.assert_allclose(found["loglik"], expected.loglik, rtol=AGREEMENT)
    for g, (ours, group) in enumerate(zip(found["groups"], case.oracle.groups, strict=True)):
        theta = ours["theta"].reshape(group.theta.shape[::-1]).T
        np.testing.assert_allclose(theta, group.theta, rtol=0, atol=AGREEMENT)
        np.testing.assert_allclose(ours["weights"], group.weights, rtol=0, atol=AGREEMENT)
        np.testing.assert_allclose(ours["n_gl"], expected.n_gl[g], rtol=AGREEMENT, atol=AGREEMENT)
        taken = [i for i, item in enumerate(group.items) if item is not None]
        assert len(ours["n_glim"]) == len(taken)
        for i, counts in zip(taken, ours["n_glim"], strict=True):
            n_lm = expected.n_glim[g][i]
            assert n_lm is not None
            wanted = projected(case, g, i, n_lm, len(counts) // len(n_lm))
            np.testing.assert_allclose(counts, wanted, rtol=AGREEMENT, atol=AGREEMENT)


@pytest.mark.parametrize(("family", "structure"), ELIMINATED)
def test_e_step_with_attributes_eliminated(family: str, structure: str) -> None:
    case = make_case(family, structure, "rectangular")
    found = _core.expected_counts(case.engine, case.engine_data, case.x, eliminate=True)
    expected = case.oracle_counts
    np.testing.assert_allclose(found["loglik"], expected.loglik, rtol=LOGLIK_AGREEMENT)
    for g, (ours, group) in enumerate(zip(found["groups"], case.oracle.groups, strict=True)):
        if group.theta.shape[1] > 1:
            assert len(ours["n_gl"]) < len(group.theta)
        n_gl = expected.n_gl[g]
        mean = n_gl @ group.theta / n_gl.sum()
        np.testing.assert_allclose(ours["mean"], mean, rtol=0, atol=AGREEMENT)
        taken = [i for i, item in enumerate(group.items) if item is not None]
        for i, counts in zip(taken, ours["n_glim"], strict=True):
            n_lm = expected.n_glim[g][i]
            assert n_lm is not None
            wanted = projected(case, g, i, n_lm, len(counts) // len(n_lm))
            np.testing.assert_allclose(counts, wanted, rtol=AGREEMENT, atol=AGREEMENT)


@pytest.mark.parametrize(("family", "structure", "rule"), NAMES)
def test_scores(family: str, structure: str, rule: str) -> None:
    case = make_case(family, structure, rule)
    found = {m: case.engine_data.score(case.engine, case.x, m) for m in ("eap", "map", "mode")}
    counts, design = case.oracle_counts, case.model.design
    np.testing.assert_allclose(
        found["eap"]["log_probability"], counts.row_loglik, rtol=0, atol=AGREEMENT
    )
    for observed in range(len(design.groups)):
        rows = np.flatnonzero(case.group == observed)
        latent = range(observed * design.n_classes, (observed + 1) * design.n_classes)
        groups = [case.oracle.groups[g] for g in latent]
        posteriors = [counts.posterior[g][rows] for g in latent]
        shares = class_probabilities(tuple(posteriors))
        for scores in found.values():
            np.testing.assert_allclose(
                scores["class_probabilities"][rows], shares, rtol=0, atol=AGREEMENT
            )
        own = own_attributes(case.model, latent[0])
        if not len(own):
            continue
        theta, covariance = eap(posteriors, [group.theta for group in groups])
        block = np.ix_(rows, own, own)
        np.testing.assert_allclose(
            found["eap"]["theta"][np.ix_(rows, own)], theta, rtol=0, atol=AGREEMENT
        )
        np.testing.assert_allclose(
            found["eap"]["covariance"][block], covariance, rtol=0, atol=SPREAD_AGREEMENT
        )
        others = np.setdiff1d(np.arange(len(design.attributes)), own)
        assert np.isnan(found["eap"]["theta"][np.ix_(rows, others)]).all()
        best = class_map(tuple(posteriors))
        for c, group in enumerate(groups):
            chosen = best == c
            np.testing.assert_allclose(
                found["map"]["theta"][np.ix_(rows[chosen], own)],
                map_on_grid(posteriors[c][chosen], group.theta),
                rtol=0,
                atol=AGREEMENT,
            )
            for row in rows[chosen][:3]:
                mode, spread = posterior_mode(group, case.codes[row])
                np.testing.assert_allclose(
                    found["mode"]["theta"][row, own], mode, rtol=0, atol=MODE_AGREEMENT
                )
                np.testing.assert_allclose(
                    found["mode"]["covariance"][row][np.ix_(own, own)],
                    spread,
                    rtol=0,
                    atol=MODE_AGREEMENT,
                )


@pytest.mark.parametrize("structure", ["one attribute", "three attributes", "two classes"])
def test_a_row_without_answers_scores_as_the_prior(structure: str) -> None:
    case = make_case("mixed", structure, "rectangular")
    assert (case.codes[-1] == MISSING).all()
    scores = case.engine_data.score(case.engine, case.x, "eap")
    shares = case.oracle.proportions[0]
    np.testing.assert_allclose(scores["log_probability"][-1], 0, rtol=0, atol=AGREEMENT)
    np.testing.assert_allclose(scores["class_probabilities"][-1], shares, rtol=0, atol=AGREEMENT)
    prior_mean = sum(
        share * group.weights @ group.theta
        for share, group in zip(shares, case.oracle.groups, strict=True)
    )
    np.testing.assert_allclose(scores["theta"][-1], prior_mean, rtol=0, atol=AGREEMENT)


def test_a_known_class_is_certain() -> None:
    case = make_case("gpcm", "known class", "rectangular")
    scores = case.engine_data.score(case.engine, case.x, "eap")
    known = case.known_class != MISSING
    assert known.any()
    certain = np.eye(2)[case.known_class[known]]
    assert (scores["class_probabilities"][known] == certain).all()


@pytest.mark.parametrize("n", [1, 2, 9])
def test_few_rows(n: int) -> None:
    """Fewer patterns than a vector has lanes."""
    whole = make_case("gpcm", "one attribute", "rectangular")
    case = Case(
        whole.model, whole.codes[:n], whole.x, whole.weights[:n], whole.group[:n],
        whole.known_class[:n],
    )  # fmt: skip
    found = _core.expected_counts(case.engine, case.engine_data, case.x)
    np.testing.assert_allclose(found["loglik"], case.oracle_counts.loglik, rtol=AGREEMENT)
