"""Every derivative of the oracle against central differences; the slips of the print shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.oracle.derivatives import (
    correct_answer,
    expected_derivatives,
    expected_loglik,
    item_derivatives,
    outer,
    predictor_derivatives,
    wrong_answer,
)
from tests.oracle.m_step import normal_derivatives
from tests.oracle.models import Floats, OracleItem
from tests.oracle.probabilities import log_probabilities
from tests.oracle.test_probabilities import items, nodes

STEP = 1e-5
TOLERANCE = 1e-8
"""Central differences with this step: truncation 1e-10, rounding 1e-11, times values up to 30."""

FREE_ITEMS = range(6)
"""All items but the last: its guessing logit is fixed at minus infinity."""


def differences(function: Callable[[Floats], Floats], at: Floats) -> Floats:
    """Central differences (len(at), ...) of an array-valued function."""
    rows = []
    for v in range(len(at)):
        up, down = at.copy(), at.copy()
        up[v] += STEP
        down[v] -= STEP
        rows.append((function(up) - function(down)) / (2 * STEP))
    return np.array(rows)


@pytest.mark.parametrize("n_dims", [0, 1, 2, 3])
@pytest.mark.parametrize("which", FREE_ITEMS)
def test_item_derivatives(n_dims: int, which: int) -> None:
    item, theta = items(n_dims)[which], nodes(n_dims)
    first, second = item_derivatives(item, theta)
    by_difference = differences(
        lambda eta: log_probabilities(item.with_eta(eta), theta), item.eta()
    )
    np.testing.assert_allclose(first, by_difference, rtol=TOLERANCE, atol=TOLERANCE)
    by_difference = differences(
        lambda eta: item_derivatives(item.with_eta(eta), theta)[0], item.eta()
    )
    np.testing.assert_allclose(second, by_difference, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("which", FREE_ITEMS)
def test_predictor_derivatives(which: int) -> None:
    """`z` itself is moved by an item of one attribute with slope 1."""
    item = replace(items(1)[which], slopes=np.ones(1))
    z = nodes(1)
    first, second = predictor_derivatives(item, z)

    def moved(function: Callable[[Floats], Floats]) -> Floats:
        return differences(lambda shift: function(z + shift), np.zeros(1))[0]

    by_difference = moved(lambda at: log_probabilities(item, at))
    np.testing.assert_allclose(first, by_difference, rtol=TOLERANCE, atol=TOLERANCE)
    by_difference = moved(lambda at: predictor_derivatives(item, at)[0])
    np.testing.assert_allclose(second, by_difference, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("which", FREE_ITEMS)
def test_expected_derivatives(which: int) -> None:
    item, theta = items(2)[which], nodes(2)
    counts = np.random.default_rng(5).uniform(0, 3, (item.n_categories, len(theta)))
    gradient, _ = expected_derivatives(item, theta, counts)
    by_difference = differences(
        lambda eta: np.array(expected_loglik(item.with_eta(eta), theta, counts)), item.eta()
    )
    np.testing.assert_allclose(gradient, by_difference, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("n_dims", [1, 2, 3])
def test_normal_derivatives(n_dims: int) -> None:
    rng = np.random.default_rng(7)
    theta, n_gl = nodes(n_dims), rng.uniform(0, 5, 12)
    root = rng.normal(size=(n_dims, n_dims))
    rows, columns = np.tril_indices(n_dims)
    start = np.concatenate(
        [rng.normal(size=n_dims), (root @ root.T + np.eye(n_dims))[rows, columns]]
    )

    def at(delta: Floats) -> tuple[float, Floats, Floats]:
        covariance = np.zeros((n_dims, n_dims))
        covariance[rows, columns] = covariance[columns, rows] = delta[n_dims:]
        return normal_derivatives(delta[:n_dims], covariance, theta, n_gl)

    _, gradient, hessian = at(start)
    by_difference = differences(lambda delta: np.array(at(delta)[0]), start)
    np.testing.assert_allclose(gradient, by_difference, rtol=TOLERANCE, atol=10 * TOLERANCE)
    by_difference = differences(lambda delta: at(delta)[1], start)
    np.testing.assert_allclose(hessian, by_difference, rtol=TOLERANCE, atol=10 * TOLERANCE)


# --- the slips ---------------------------------------------------------------------------------

SLIP = 0.05
"""What a wrong formula is off by, at least, at the worst node: far beyond any rounding."""


def guessed_item() -> tuple[OracleItem, Floats]:
    return items(2)[5], nodes(2)


def test_slip_of_the_first_derivative_of_a_wrong_answer() -> None:
    """Printed `d log p_2 / (p_2 - 1)`: the factor p_2 is missing."""
    item, theta = guessed_item()
    p, first, second = correct_answer(item, theta)
    by_difference = differences(
        lambda eta: log_probabilities(item.with_eta(eta), theta)[0], item.eta()
    )
    p2 = p[1]
    assert np.max(np.abs(first / (p2 - 1) - by_difference)) > SLIP
    right = wrong_answer(p, first, second)[0]
    np.testing.assert_allclose(right, by_difference, rtol=TOLERANCE, atol=TOLERANCE)


def test_slip_of_the_second_derivative_of_a_wrong_answer() -> None:
    """Printed `[d2 log p_2 (p_2 - 1) - p_2 d log p_2 d log p_2] / (p_2 - 1)^2`.

    Multiplying the print by p_2 is not enough: its second term has a p_2 too many.
    """
    item, theta = guessed_item()
    p, first, second = correct_answer(item, theta)
    by_difference = differences(
        lambda eta: item_derivatives(item.with_eta(eta), theta)[0][:, 0], item.eta()
    )
    p2 = p[1]
    printed = (second * (p2 - 1) - p2 * outer(first, first)) / (p2 - 1) ** 2
    assert np.max(np.abs(printed - by_difference)) > SLIP
    assert np.max(np.abs(p2 * printed - by_difference)) > SLIP
    right = wrong_answer(p, first, second)[1]
    np.testing.assert_allclose(right, by_difference, rtol=TOLERANCE, atol=TOLERANCE)


def test_slip_of_scores_that_do_not_start_at_zero() -> None:
    """Printed `w (s_m - E(s))` for the slope holds only if the first category's score is 0.

    The first category's predictor is 0 whatever its score. With the printed statistic `w s_m`
    for the other categories and 0 for the first, a shift of all scores changes the model; with
    differences of scores it does not.
    """
    item, theta = items(2)[2], nodes(2)
    shifted = replace(item, scores=item.scores + 4.0)
    np.testing.assert_allclose(
        log_probabilities(shifted, theta), log_probabilities(item, theta), rtol=TOLERANCE
    )
    predictor = np.array([0.0, *item.intercepts])[:, None] + item.scores[:, None] * (
        theta @ item.slopes
    )
    predictor[0] = 0.0
    printed = predictor - np.log(np.exp(predictor).sum(axis=0))
    assert np.max(np.abs(printed - log_probabilities(item, theta))) > SLIP
