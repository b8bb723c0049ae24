"""The M-step of the oracle: sharing, fixing, and normal distributions free in part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.oracle.e_step import e_step
from tests.oracle.m_step import (
    FIXED,
    FreeDistribution,
    Member,
    block_derivatives,
    maximise_normal,
    moments,
    newton_step,
    normal_derivatives,
    update_distribution,
    update_proportions,
)
from tests.oracle.models import Floats
from tests.oracle.test_e_step import TWO_BY_TWO, TWO_GROUPS, group, some_data
from tests.tolerances import ROUNDING

TOLERANCE = 1e-9
"""Newton's method to its end, with numbers of order 1."""

CORRELATION_ONLY = FreeDistribution(0, np.zeros(2, bool), ~np.eye(2, dtype=bool))


def node_counts() -> Floats:
    return e_step(TWO_GROUPS, some_data()).n_gl[0]


def test_members_of_a_block_add_their_derivatives() -> None:
    counts = e_step(TWO_GROUPS, some_data())
    everything = (0, 1, 2)
    shared = (Member(0, 1, everything), Member(1, 1, everything))
    _, gradient, hessian = block_derivatives(TWO_GROUPS, counts, shared)
    alone = [block_derivatives(TWO_GROUPS, counts, (member,)) for member in shared]
    np.testing.assert_allclose(gradient, alone[0][1] + alone[1][1], rtol=ROUNDING)
    np.testing.assert_allclose(hessian, alone[0][2] + alone[1][2], rtol=ROUNDING)
    new = newton_step(TWO_GROUPS, counts, shared)
    np.testing.assert_array_equal(new[0, 1].eta(), new[1, 1].eta())


def test_a_fixed_parameter_stays() -> None:
    counts = e_step(TWO_GROUPS, some_data())
    item = TWO_GROUPS.groups[0].items[0]
    assert item is not None
    moved = newton_step(TWO_GROUPS, counts, (Member(0, 0, (0, FIXED, 1, FIXED)),))[0, 0]
    changed = moved.eta() != item.eta()
    np.testing.assert_array_equal(changed, [True, False, True, False])


def test_the_slip_of_the_distribution_update() -> None:
    """Printed for one pattern alone: it depends on the pattern; the weighted mean solves eq. 12."""
    given = some_data()
    only, counts = TWO_GROUPS.groups[0], e_step(TWO_GROUPS, given)
    rows = given.observed_group == 0
    printed = counts.posterior[0][rows] @ only.theta
    assert np.ptp(printed, axis=0).min() > 0.5
    mean, covariance = moments(only.theta, counts.n_gl[0])
    weighted = given.weights[rows] @ printed / given.weights[rows].sum()
    np.testing.assert_allclose(mean, weighted, rtol=0, atol=TOLERANCE)
    _, gradient, _ = normal_derivatives(mean, covariance, only.theta, counts.n_gl[0])
    np.testing.assert_allclose(gradient, 0, rtol=0, atol=TOLERANCE)


def test_all_free_by_newton_is_the_moments() -> None:
    n_gl, where = node_counts(), group(0.0)
    everything = FreeDistribution(0, np.ones(2, bool), np.ones((2, 2), bool))
    by_newton = maximise_normal(where, n_gl, everything)
    for newton, closed in zip(by_newton, moments(where.theta, n_gl), strict=True):
        np.testing.assert_allclose(newton, closed, rtol=TOLERANCE, atol=TOLERANCE)


def test_a_free_correlation_is_the_maximum_on_a_fine_search() -> None:
    where = replace(group(0.0), covariance=np.array([[1.0, 0.1], [0.1, 1.0]]))
    n_gl = node_counts()
    mean, covariance = update_distribution(where, n_gl, CORRELATION_ONLY)
    np.testing.assert_array_equal(mean, where.mean)
    np.testing.assert_array_equal(np.diag(covariance), [1.0, 1.0])

    def value(rho: float) -> float:
        matrix = np.array([[1.0, rho], [rho, 1.0]])
        return normal_derivatives(where.mean, matrix, where.theta, n_gl)[0]

    search = np.linspace(-0.999, 0.999, 3997)
    best = search[np.argmax([value(rho) for rho in search])]
    np.testing.assert_allclose(covariance[0, 1], best, rtol=0, atol=search[1] - search[0])
    assert value(covariance[0, 1]) >= value(best)


def test_rescaling_the_unconstrained_answer_is_not_the_maximum() -> None:
    where = replace(group(0.0), covariance=np.array([[1.0, 0.1], [0.1, 1.0]]))
    n_gl = node_counts()
    _, covariance = update_distribution(where, n_gl, CORRELATION_ONLY)
    _, unconstrained = moments(where.theta, n_gl)
    rescaled = unconstrained[0, 1] / np.sqrt(unconstrained[0, 0] * unconstrained[1, 1])
    assert abs(rescaled - covariance[0, 1]) > 1e-3


def test_a_distant_start_reaches_the_same_correlation() -> None:
    n_gl, results = node_counts(), []
    for rho in (-0.99, 0.0, 0.99):
        start = replace(group(0.0), covariance=np.array([[1.0, rho], [rho, 1.0]]))
        results.append(maximise_normal(start, n_gl, CORRELATION_ONLY)[1][0, 1])
    np.testing.assert_allclose(results, results[0], rtol=0, atol=TOLERANCE)


def test_proportions_are_those_within_the_observed_group() -> None:
    given = some_data()
    counts = e_step(TWO_BY_TWO, given)
    proportions = update_proportions(TWO_BY_TWO, counts)
    for o in range(2):
        size = given.weights[given.observed_group == o].sum()
        expected = [counts.n_gl[2 * o + c].sum() / size for c in range(2)]
        np.testing.assert_allclose(proportions[o], expected, rtol=ROUNDING)
