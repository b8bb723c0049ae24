"""Scores: methods, shapes, frames, and what they mean."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mixirt
from mixirt import datasets
from tests.libraries import polars as pl
from tests.reference.fitting import fitted
from tests.tolerances import ROUNDING

SLOPE = 1e-8
"""The slope by differences in steps of 1e-4 at a mode found to rounding."""

CURVATURE = 1e-5
"""Second differences in steps of 1e-3: their own error, and rounding over its square."""

STATIONARY = 1e-4
"""Exact at the maximum; the fit stops within 1e-5 of it."""

METHODS = ("eap", "map", "mode")

SAME = 1e-12
"""The same computation on the same numbers, over other patterns."""


@cache
def two_attributes() -> mixirt.Result:
    q = np.kron(np.eye(2, dtype=int), np.ones((4, 1), dtype=int))
    return mixirt.fit(
        datasets.load("mobility").frame(), "2pl", q_matrix=q, tol_parameter=1e-3, tol_deviance=1e-2
    )


@pytest.mark.parametrize("method", METHODS)
def test_shapes(method: str) -> None:
    scores = two_attributes().score(method=method)
    n = len(datasets.load("mobility").responses)
    assert scores.method == method
    assert scores.theta.shape == scores.se.shape == (n, 2)
    assert scores.covariance.shape == (n, 2, 2)
    assert scores.class_probabilities.shape == (n, 1)
    assert scores.log_probability.shape == (n,)
    np.testing.assert_allclose(
        scores.covariance, scores.covariance.transpose(0, 2, 1), rtol=0, atol=SAME
    )
    np.testing.assert_allclose(scores.se[:, 1] ** 2, scores.covariance[:, 1, 1], rtol=ROUNDING)
    assert (np.linalg.eigvalsh(scores.covariance) > 0).all()
    np.testing.assert_allclose(scores.log_probability.sum(), two_attributes().loglik, rtol=ROUNDING)


@pytest.mark.parametrize("method", METHODS)
def test_new_responses_score_as_the_fitted_ones(method: str) -> None:
    result = fitted("science_grm")
    responses = datasets.load("science").responses - 1
    old, new = result.score(method=method), result.score(responses[::-1], method)
    np.testing.assert_allclose(new.theta, old.theta[::-1], rtol=0, atol=SAME)
    np.testing.assert_allclose(new.covariance, old.covariance[::-1], rtol=0, atol=SAME)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_columns_are_matched_by_name_and_frames_come_back(make: Any) -> None:
    dataset = datasets.load("lsat7")
    frame = make(dict(zip("abcde", dataset.responses.T.tolist(), strict=True)))
    result = mixirt.fit(frame, "2pl")
    shuffled = make({name: frame[name] for name in "dbeac"})
    scores = result.score(shuffled)
    np.testing.assert_array_equal(scores.theta, result.score().theta)
    found = scores.frame()
    assert isinstance(found, make)
    assert list(found.columns) == ["theta", "theta_se"]
    np.testing.assert_array_equal(found["theta"].to_numpy(), scores.theta[:, 0])


def test_missing_answers_widen_the_posterior_towards_the_prior() -> None:
    result = fitted("lsat7_2pl")
    rows = [[1, 1, 1, 1, 1], [1, 1, 1, None, None], [1, None, None, None, None], [None] * 5]
    scores = result.score(rows)
    assert (np.diff(scores.se[:, 0]) > 0).all()
    assert (np.diff(scores.theta[:, 0]) < 0).all()
    np.testing.assert_allclose(scores.theta[3], 0, rtol=0, atol=ROUNDING)
    np.testing.assert_allclose(scores.log_probability[3], 0, rtol=0, atol=ROUNDING)


def test_declared_codes_are_missing() -> None:
    result = fitted("lsat7_2pl")
    np.testing.assert_array_equal(
        result.score([[1, 9, 1, 0, 9]], missing=9).theta,
        result.score([[1, None, 1, 0, None]]).theta,
    )


def test_map_is_a_node_next_to_the_mode() -> None:
    result = fitted("science_gpcm")
    grid, mode = result.score(method="map"), result.score(method="mode")
    step = 2 * 6 / 63
    nodes = np.linspace(-6, 6, 64)
    distance = np.abs(grid.theta - nodes).min(axis=1)
    np.testing.assert_allclose(distance, 0, rtol=0, atol=ROUNDING)
    assert np.abs(grid.theta - mode.theta).max() < 0.6 * step


def test_mode_is_where_the_posterior_is_flat() -> None:
    """Central differences of the log posterior built from the fitted curves alone."""
    result = fitted("science_gpcm")
    responses = datasets.load("science").responses[:10] - 1
    theta = result.score(responses, "mode").theta[:, 0]
    se = result.score(responses, "mode").se[:, 0]

    def log_posterior(points: Any) -> Any:
        curves = result.category_probabilities(points)
        p = curves["probability"].to_numpy().reshape(4, len(points), 4)
        chosen = [p[i, np.arange(10), responses[:, i]] for i in range(4)]
        return np.log(chosen).sum(axis=0) - 0.5 * points**2

    h = 1e-4
    slope = (log_posterior(theta + h) - log_posterior(theta - h)) / (2 * h)
    np.testing.assert_allclose(slope, 0, rtol=0, atol=SLOPE)
    h = 1e-3
    second = log_posterior(theta + h) - 2 * log_posterior(theta) + log_posterior(theta - h)
    np.testing.assert_allclose(se, np.sqrt(-(h**2) / second), rtol=CURVATURE)


def test_eap_and_its_variance_add_up_to_the_population() -> None:
    """Var(EAP) + E(posterior variance) = 1 at the maximum of a model whose scale is free.

    The Rasch model estimates its variance, so the posterior variances add up to it exactly.
    """
    result = fitted("lsat7_rasch")
    scores = result.score()
    total = (scores.theta[:, 0] ** 2).mean() + scores.covariance[:, 0, 0].mean()
    np.testing.assert_allclose(total, result.covariance()[0, 0], rtol=STATIONARY)


def test_groups_are_needed_and_used() -> None:
    result = fitted("fims_2pl_scalar")
    row = [[1] * 7 + [0] * 7] * 2
    with pytest.raises(mixirt.DataError, match="pass groups="):
        result.score(row)
    with pytest.raises(mixirt.DataError, match="'3', which is not a group"):
        result.score(row, groups=["1", "3"])
    one, two = result.score(row, groups=["1", "2"]).theta[:, 0]
    # The same answers, shrunk towards the mean of another country.
    assert np.sign(two - one) == np.sign(result.mean("2")[0])
