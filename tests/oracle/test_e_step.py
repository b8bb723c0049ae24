"""The E-step of the oracle: what groups, classes, missing responses and weights mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.oracle.e_step import e_step, log_likelihood_of_nodes
from tests.oracle.grids import rectangular
from tests.oracle.models import (
    MISSING,
    Bools,
    Ints,
    OracleData,
    OracleGroup,
    OracleItem,
    OracleModel,
    data,
)
from tests.oracle.probabilities import log_probabilities, log_sum_exp

TOLERANCE = 1e-11
"""Sums of a few hundred terms of order 1 to 100."""

N_ROWS = 40


def group(shift: float, observed: int = 0, latent: int = 0) -> OracleGroup:
    """Return a group of two attributes and five items of all families."""
    mean, covariance = np.array([shift, 0.0]), np.array([[1.0, 0.4], [0.4, 1.5]])
    theta, weights = rectangular(mean, covariance, 9)
    items = (
        OracleItem("gpcm", np.array([1.0, 0.0]), np.array([0.5 + shift, -0.2])),
        OracleItem("gpcm", np.array([0.7, 0.9]), np.array([0.1])),
        OracleItem("grm", np.array([0.0, 1.2]), np.array([1.0, -0.5 - shift])),
        OracleItem("3pl", np.array([1.4, 0.0]), np.array([-0.3]), guessing_logit=-1.5),
        OracleItem("gpcm", np.array([0.0, 0.8]), np.array([0.3, 0.6])),
    )
    return OracleGroup(items, mean, covariance, theta, weights, observed, latent)


def some_data(missing: bool = True) -> OracleData:
    """Rows with arbitrary codes, weights and, by default, missing responses."""
    rng = np.random.default_rng(11)
    x = rng.integers(0, [3, 2, 3, 2, 3], size=(N_ROWS, 5))
    if missing:
        x[rng.uniform(size=x.shape) < 0.2] = MISSING
    return data(x, weights=rng.uniform(0.5, 3, N_ROWS), observed_group=np.arange(N_ROWS) % 2)


def rows_of(given: OracleData, chosen: Bools | Ints) -> OracleData:
    return OracleData(
        given.responses[chosen],
        given.weights[chosen],
        given.observed_group[chosen],
        given.known_class[chosen],
    )


TWO_GROUPS = OracleModel((group(0.0), group(0.6, observed=1)), np.ones((2, 1)))

TWO_BY_TWO = OracleModel(
    (
        group(0.0),
        group(-0.4, latent=1),
        group(0.6, observed=1),
        group(1.0, observed=1, latent=1),
    ),
    np.array([[0.3, 0.7], [0.6, 0.4]]),
)
"""Two latent classes within each of two observed groups, in other proportions."""


def test_one_respondent_by_hand() -> None:
    """Equations 3 to 5, in probabilities instead of logarithms."""
    one = rows_of(some_data(), np.array([0]))
    only = TWO_GROUPS.groups[0]
    product = only.weights.copy()
    for item, x in zip(only.items, one.responses[0], strict=True):
        assert item is not None
        if x != MISSING:
            product *= np.exp(log_probabilities(item, only.theta))[x]
    counts = e_step(OracleModel((only,), np.ones((1, 1))), one)
    weight = one.weights[0]
    np.testing.assert_allclose(counts.loglik, weight * np.log(product.sum()), rtol=TOLERANCE)
    np.testing.assert_allclose(counts.n_gl[0], weight * product / product.sum(), rtol=TOLERANCE)
    for n_lm, x in zip(counts.n_glim[0], one.responses[0], strict=True):
        assert n_lm is not None
        expected = np.zeros_like(n_lm)
        if x != MISSING:
            expected[x] = counts.n_gl[0]
        np.testing.assert_allclose(n_lm, expected, rtol=TOLERANCE)


def test_counts_add_up() -> None:
    given = some_data()
    counts = e_step(TWO_BY_TWO, given)
    np.testing.assert_allclose(sum(n.sum() for n in counts.n_gl), given.weights.sum())
    for i in range(5):
        answered = given.weights[given.responses[:, i] != MISSING].sum()
        total = sum(n_lm[i].sum() for n_lm in counts.n_glim)
        np.testing.assert_allclose(total, answered)


def test_observed_groups_are_estimated_apart() -> None:
    given = some_data()
    together = e_step(TWO_GROUPS, given)
    apart = 0.0
    for g, only in enumerate(TWO_GROUPS.groups):
        rows = rows_of(given, given.observed_group == g)
        rows = replace(rows, observed_group=np.zeros_like(rows.observed_group))
        counts = e_step(OracleModel((replace(only, observed_group=0),), np.ones((1, 1))), rows)
        apart += counts.loglik
        np.testing.assert_allclose(together.n_gl[g], counts.n_gl[0], rtol=TOLERANCE)
    np.testing.assert_allclose(together.loglik, apart, rtol=TOLERANCE)


def test_classes_are_mixed_in_the_proportions_of_the_observed_group() -> None:
    given = some_data()
    by_class = [
        log_sum_exp(np.log(g.weights) + log_likelihood_of_nodes(g, given.responses), axis=1)
        for g in TWO_BY_TWO.groups
    ]
    for n, o in enumerate(given.observed_group):
        shares = TWO_BY_TWO.proportions[o]
        mixed = shares @ np.exp([by_class[2 * o][n], by_class[2 * o + 1][n]])
        actual = e_step(TWO_BY_TWO, given).row_loglik[n]
        np.testing.assert_allclose(actual, np.log(mixed), rtol=TOLERANCE)


def test_a_known_class_adds_the_logarithm_of_its_proportion() -> None:
    """All classes known: the classes are observed groups, and their sizes multinomial."""
    given = some_data()
    known = np.arange(N_ROWS) // 2 % 2
    four = OracleModel(
        tuple(
            replace(g, observed_group=k, latent_class=0) for k, g in enumerate(TWO_BY_TWO.groups)
        ),
        np.ones((4, 1)),
    )
    as_groups = e_step(four, replace(given, observed_group=2 * given.observed_group + known))
    as_classes = e_step(TWO_BY_TWO, replace(given, known_class=known))
    log_shares = np.log(TWO_BY_TWO.proportions[given.observed_group, known])
    np.testing.assert_allclose(
        as_classes.loglik, as_groups.loglik + given.weights @ log_shares, rtol=TOLERANCE
    )
    for mixture, observed in zip(as_classes.n_gl, as_groups.n_gl, strict=True):
        np.testing.assert_allclose(mixture, observed, rtol=TOLERANCE, atol=TOLERANCE)


def test_some_known_classes() -> None:
    """A respondent of known class leaves no trace in the other; the rest are as before."""
    given = some_data()
    known = np.full(N_ROWS, MISSING)
    known[:10] = 1
    free, partly = e_step(TWO_BY_TWO, given), e_step(TWO_BY_TWO, replace(given, known_class=known))
    for g, (before, after) in enumerate(zip(free.posterior, partly.posterior, strict=True)):
        np.testing.assert_array_equal(before[10:], after[10:])
        if TWO_BY_TWO.groups[g].latent_class == 0:
            assert np.all(after[:10] == 0)


def test_an_item_nobody_takes_and_an_item_nobody_answers_are_the_same() -> None:
    given = some_data()
    x = given.responses.copy()
    x[given.observed_group == 1, 2] = MISSING
    first, second = TWO_GROUPS.groups
    without = replace(second, items=(*second.items[:2], None, *second.items[3:]))
    absent = e_step(OracleModel((first, without), np.ones((2, 1))), given)
    missing = e_step(TWO_GROUPS, replace(given, responses=x))
    np.testing.assert_allclose(absent.loglik, missing.loglik, rtol=TOLERANCE)
    np.testing.assert_allclose(absent.n_gl[1], missing.n_gl[1], rtol=TOLERANCE)
    assert absent.n_glim[1][2] is None
    assert absent.n_glim[0][2] is not None


def test_a_weight_of_three_is_three_rows() -> None:
    given = replace(some_data(), weights=np.full(N_ROWS, 3.0))
    repeated = np.repeat(np.arange(N_ROWS), 3)
    rows = replace(rows_of(given, repeated), weights=np.ones(3 * N_ROWS))
    weighted, tripled = e_step(TWO_BY_TWO, given), e_step(TWO_BY_TWO, rows)
    np.testing.assert_allclose(weighted.loglik, tripled.loglik, rtol=TOLERANCE)
    for a, b in zip(weighted.n_gl, tripled.n_gl, strict=True):
        np.testing.assert_allclose(a, b, rtol=TOLERANCE)


def test_three_thousand_items_do_not_underflow() -> None:
    """Equal items, half of them right: only differences of nodes matter, and those are known."""
    mean, covariance = np.zeros(1), np.eye(1)
    theta, weights = rectangular(mean, covariance, 21)
    item = OracleItem("gpcm", np.array([1.0]), np.array([0.0]))
    only = OracleGroup((item,) * 3000, mean, covariance, theta, weights)
    counts = e_step(OracleModel((only,), np.ones((1, 1))), data([[0, 1] * 1500]))
    assert counts.loglik < -2000
    np.testing.assert_allclose(counts.n_gl[0].sum(), 1.0)
    assert np.argmax(counts.n_gl[0]) == 10
