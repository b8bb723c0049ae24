"""Quadrature rules of the oracle reproduce the moments of the normal distribution."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.oracle.grids import gauss_hermite, half_width, product_grid, rectangular
from tests.oracle.models import Floats
from tests.tolerances import ROUNDING

MEAN = np.array([0.5, -1.0])
COVARIANCE = np.array([[2.0, 0.6], [0.6, 0.5]])

MOMENT_TOLERANCE = 1e-8
"""41 nodes reach 6 standard deviations, beyond which 2e-9 of the probability lies."""


def test_half_width_grows_to_six() -> None:
    np.testing.assert_allclose(half_width(11), np.sqrt(np.pi * 0.35 * 10))
    assert half_width(64) == 6.0
    assert half_width(1) == 0.0


def test_the_last_axis_runs_fastest() -> None:
    grid = product_grid([np.array([0.0, 1.0]), np.array([5.0, 6.0])])
    np.testing.assert_array_equal(grid, [[0, 5], [0, 6], [1, 5], [1, 6]])
    assert product_grid([]).shape == (1, 0)


def test_rectangular_nodes_stay_on_the_axes() -> None:
    theta, weights = rectangular(MEAN, COVARIANCE, 41)
    z = np.linspace(-6, 6, 41)
    np.testing.assert_allclose(np.unique(theta[:, 0]), 0.5 + np.sqrt(2.0) * z)
    np.testing.assert_allclose(np.unique(theta[:, 1]), -1.0 + np.sqrt(0.5) * z)
    assert weights.shape == (41 * 41,)


@pytest.mark.parametrize("rule", [rectangular, gauss_hermite])
def test_moments(rule: Callable[..., tuple[Floats, Floats]]) -> None:
    theta, weights = rule(MEAN, COVARIANCE, 41)
    deviation = theta - weights @ theta
    np.testing.assert_allclose(weights.sum(), 1.0, rtol=ROUNDING)
    np.testing.assert_allclose(weights @ theta, MEAN, rtol=0, atol=MOMENT_TOLERANCE)
    covariance = (weights[:, None] * deviation).T @ deviation
    np.testing.assert_allclose(covariance, COVARIANCE, rtol=0, atol=MOMENT_TOLERANCE * 10)


@pytest.mark.parametrize("rule", [rectangular, gauss_hermite])
def test_no_attribute_is_one_node(rule: Callable[..., tuple[Floats, Floats]]) -> None:
    theta, weights = rule(np.empty(0), np.empty((0, 0)), 21)
    assert theta.shape == (1, 0)
    np.testing.assert_array_equal(weights, [1.0])
