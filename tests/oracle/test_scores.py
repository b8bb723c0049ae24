"""Scores of the oracle against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle.e_step import e_step
from tests.oracle.grids import rectangular
from tests.oracle.models import MISSING, OracleGroup, OracleModel, data
from tests.oracle.scores import (
    class_map,
    class_probabilities,
    eap,
    log_posterior,
    map_on_grid,
    posterior_mode,
)
from tests.oracle.test_derivatives import TOLERANCE, differences
from tests.oracle.test_e_step import TWO_BY_TWO, TWO_GROUPS, group, some_data
from tests.tolerances import ROUNDING

CUT_OFF = 1e-6
"""What lies beyond the 61 nodes of the grid."""

AT_THE_MODE = 1e-10
"""Newton's method has come to rest: what is left is rounding."""

SLOPE = 1e-9
"""The same in the gradient: steps times the curvature."""

NO_ANSWER = np.full(5, MISSING)


def regridded(coarse: OracleGroup, n_points: int) -> OracleGroup:
    theta, weights = rectangular(coarse.mean, coarse.covariance, n_points)
    return OracleGroup(coarse.items, coarse.mean, coarse.covariance, theta, weights)


def test_without_answers_the_posterior_is_the_distribution() -> None:
    only = regridded(group(0.6), 61)
    theta, covariance = eap([only.weights[None]], [only.theta])
    np.testing.assert_allclose(theta[0], only.mean, rtol=0, atol=CUT_OFF)
    np.testing.assert_allclose(covariance[0], only.covariance, rtol=0, atol=CUT_OFF)
    mode, spread = posterior_mode(only, NO_ANSWER)
    np.testing.assert_allclose(mode, only.mean, rtol=0, atol=AT_THE_MODE)
    np.testing.assert_allclose(spread, only.covariance, rtol=AT_THE_MODE)


def test_eap_over_classes_mixes_those_within_classes() -> None:
    given = some_data()
    counts = e_step(TWO_BY_TWO, given)
    thetas = [g.theta for g in TWO_BY_TWO.groups]
    mixed, covariance = eap(list(counts.posterior), thetas)
    shares = class_probabilities(counts.posterior)
    rows = np.flatnonzero(given.observed_group == 0)
    within = [eap([counts.posterior[c][rows]], [thetas[c]]) for c in range(2)]
    mean = sum(shares[rows, c, None] * within[c][0] for c in range(2))
    np.testing.assert_allclose(mixed[rows], mean, rtol=0, atol=ROUNDING)
    second = sum(
        shares[rows, c, None, None]
        * (within[c][1] + within[c][0][:, :, None] * within[c][0][:, None, :])
        for c in range(2)
    )
    expected = second - mean[:, :, None] * mean[:, None, :]
    np.testing.assert_allclose(covariance[rows], expected, rtol=0, atol=ROUNDING)


def test_class_map_is_the_class_of_largest_probability() -> None:
    counts = e_step(TWO_BY_TWO, some_data())
    p = class_probabilities(counts.posterior)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    chosen = class_map(counts.posterior)
    assert len(set(chosen.tolist())) > 2
    np.testing.assert_array_equal(p[np.arange(len(p)), chosen], p.max(axis=1))


def test_map_on_grid_is_the_node_next_to_the_mode() -> None:
    only = regridded(group(0.0), 21)
    rows = some_data().responses[:8]
    counts = e_step(OracleModel((only,), np.ones((1, 1))), data(rows))
    nodes = map_on_grid(counts.posterior[0], only.theta)
    step = (only.theta[-1] - only.theta[0]) / 20
    for node, row in zip(nodes, rows, strict=True):
        mode, _ = posterior_mode(only, row)
        assert log_posterior(only, row, mode)[0] >= log_posterior(only, row, node)[0]
        assert np.all(np.abs(node - mode) <= 1.5 * step)


@pytest.mark.parametrize("n", range(6))
def test_posterior_derivatives_and_mode(n: int) -> None:
    only, row = TWO_GROUPS.groups[0], some_data(missing=False).responses[n]
    at = np.array([0.3, -0.8])
    _, gradient, hessian = log_posterior(only, row, at)
    by_difference = differences(lambda t: np.array(log_posterior(only, row, t)[0]), at)
    np.testing.assert_allclose(gradient, by_difference, rtol=TOLERANCE, atol=TOLERANCE)
    by_difference = differences(lambda t: log_posterior(only, row, t)[1], at)
    np.testing.assert_allclose(hessian, by_difference, rtol=TOLERANCE, atol=TOLERANCE)
    mode, _ = posterior_mode(only, row)
    np.testing.assert_allclose(log_posterior(only, row, mode)[1], 0, rtol=0, atol=SLOPE)
