"""Maximum likelihood and weighted likelihood scores, against SciPy on the fitted curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq, minimize

import mixirt
from mixirt import datasets
from tests.reference.fitting import fitted

COARSE_STEP = 0.011
"""The points that are searched are .01 apart; a neighbour may win."""

FINE_STEP = 1.1e-4
"""Points 1e-4 apart; the likelihood is so flat at its top that a neighbour may win."""

AT_THE_ROOT = 1e-10
"""Newton's method has come to rest: what is left is rounding."""

SEARCHED = 1e-4
"""Nelder-Mead stops where the log-likelihood changes by 1e-12: within about 1e-6 of the top."""

ROOT = 1e-5
"""Roots of central differences with a step of 1e-4, which err by its square."""

STEP = 1e-4


def curves(result: mixirt.Result, points: Any) -> Any:
    """Category probabilities (I, K, M) at the points (K,) of one attribute."""
    design = result.model.design
    table = result.category_probabilities(np.asarray(points, dtype=float))
    n_categories = len(design.category_labels[0])
    shape = (len(design.items), len(points), n_categories)
    return table["probability"].to_numpy().reshape(shape)


def tables(result: mixirt.Result, theta: float) -> tuple[Any, Any, Any]:
    """P, P' and P'' of all items (I, M) by central differences."""
    below, here, above = curves(result, [theta - STEP, theta, theta + STEP]).transpose(1, 0, 2)
    return here, (above - below) / (2 * STEP), (above - 2 * here + below) / STEP**2


def information(result: mixirt.Result, theta: float) -> float:
    p, first, _ = tables(result, theta)
    return float((first**2 / p).sum())


def slope(result: mixirt.Result, row: Any, theta: float, *, weighted: bool) -> float:
    p, first, second = tables(result, theta)
    chosen = np.arange(len(row)), row
    found = (first[chosen] / p[chosen]).sum()
    if weighted:
        found += (first * second / p).sum() / (2 * (first**2 / p).sum())
    return float(found)


CASES = [("science_gpcm", 1), ("science_grm", 1), ("lsat7_2pl", 0)]


def some_rows(name: str, lowest: int) -> Any:
    responses = datasets.load(name.split("_", maxsplit=1)[0]).responses - lowest
    inner = [row for row in responses if 0 < row.sum() < responses.max() * len(row)]
    return np.unique(inner, axis=0)[::3][:12]


@pytest.mark.parametrize(("name", "lowest"), CASES)
@pytest.mark.parametrize("method", ["ml", "wle"])
def test_roots(name: str, lowest: int, method: str) -> None:
    result, rows = fitted(name), some_rows(name, lowest)
    scores = result.score(rows, method)
    for row, theta, se in zip(rows, scores.theta[:, 0], scores.se[:, 0], strict=True):
        root = brentq(lambda t, r=row: slope(result, r, t, weighted=method == "wle"), -6, 6)
        np.testing.assert_allclose(theta, root, rtol=0, atol=ROOT)
        np.testing.assert_allclose(se, information(result, theta) ** -0.5, rtol=ROOT)


def guessing() -> mixirt.Result:
    rows = datasets.load("lsat7").responses
    model = mixirt.Model("3pl", items=5).prior("guessing", mixirt.priors.beta(5, 17))
    return mixirt.fit(rows, model)


def test_three_pl_takes_the_highest_maximum() -> None:
    result = guessing()
    rows = np.unique(datasets.load("lsat7").responses, axis=0)
    found = result.score(rows, "ml").theta[:, 0]
    points = np.linspace(-20, 20, 4001)
    log_p = np.log(curves(result, points))
    for row, theta in zip(rows, found, strict=True):
        value = log_p[np.arange(5), :, row].sum(axis=0)
        best = points[value.argmax()]
        if np.isfinite(theta):
            np.testing.assert_allclose(theta, best, rtol=0, atol=COARSE_STEP)
        else:
            assert value[0 if theta < 0 else -1] >= value.max() - 1e-6
    weighted = result.score(rows, "wle").theta[:, 0]
    assert np.isfinite(weighted).all()
    for row, theta in zip(rows, weighted, strict=True):
        # On a step of 1e-4, second differences of probabilities carry some 1e-8 of rounding.
        if abs(theta) < 4:
            assert abs(slope(result, row, theta, weighted=True)) < 1e-4


def test_rasch_maximum_has_the_expected_sum_score() -> None:
    result = fitted("lsat7_rasch")
    rows = [[1, 0, 0, 0, 0], [1, 1, 1, 0, 0], [0, 0, 1, 1, 0], [1, 1, 1, 1, 0]]
    theta = result.score(rows, "ml").theta[:, 0]
    expected = curves(result, theta)[:, :, 1].sum(axis=0)
    np.testing.assert_allclose(expected, [1, 3, 2, 4], rtol=0, atol=AT_THE_ROOT)


def test_rasch_weighted_estimate_is_the_maximum_with_half_log_information() -> None:
    """In the Rasch model `J / (2 I)` is half the derivative of `log I` (Warm, 1989)."""
    result = fitted("lsat7_rasch")
    rows = np.array([[0] * 5, [1, 0, 0, 0, 0], [1, 1, 1, 0, 0], [1] * 5])
    points = np.linspace(-8, 8, 160_001)
    p = curves(result, points)
    log_information = np.log((p[:, :, 0] * p[:, :, 1]).sum(axis=0))
    for row, theta in zip(rows, result.score(rows, "wle").theta[:, 0], strict=True):
        value = np.log(p[np.arange(5), :, row]).sum(axis=0) + log_information / 2
        np.testing.assert_allclose(theta, points[value.argmax()], rtol=0, atol=FINE_STEP)


@pytest.mark.parametrize("name", ["science_gpcm", "science_grm", "lsat7_2pl"])
def test_perfect_and_zero_scores_have_no_finite_maximum(name: str) -> None:
    result = fitted(name)
    n_items, top = (4, 3) if "science" in name else (5, 1)
    rows = [[0] * n_items, [top] * n_items]
    scores = result.score(rows, "ml")
    np.testing.assert_array_equal(scores.theta[:, 0], [-np.inf, np.inf])
    np.testing.assert_array_equal(scores.se[:, 0], [np.inf, np.inf])
    weighted = result.score(rows, "wle")
    assert np.isfinite(weighted.theta).all()
    assert np.isfinite(weighted.se).all()
    assert weighted.theta[0, 0] < -1 < 1 < weighted.theta[1, 0]


@pytest.mark.parametrize("method", ["ml", "wle"])
def test_who_answers_nothing_has_no_estimate(method: str) -> None:
    scores = fitted("lsat7_2pl").score([[None] * 5, [1, 0, None, None, 1]], method)
    assert np.isnan(scores.theta[0, 0])
    assert np.isnan(scores.covariance[0, 0, 0])
    assert np.isfinite(scores.theta[1, 0])


def two_attributes(q: Any) -> mixirt.Result:
    return mixirt.fit(
        datasets.load("mobility").frame(), "2pl", q_matrix=q, tol_parameter=1e-3, tol_deviance=1e-2
    )


def test_attributes_that_share_no_item_are_estimated_apart() -> None:
    result = two_attributes(np.kron(np.eye(2, dtype=int), np.ones((4, 1), dtype=int)))
    rows = [[1, 0, 1, 0, 1, 1, 1, 1], [1, 0, 1, 0, 1, 0, 1, 0], [1, 0, 1, 0] + [None] * 4]
    scores = result.score(rows, "ml")
    np.testing.assert_allclose(scores.theta[:, 0], scores.theta[0, 0], rtol=0, atol=AT_THE_ROOT)
    assert scores.theta[0, 1] == np.inf
    assert np.isfinite(scores.theta[1]).all()
    assert np.isnan(scores.theta[2, 1])
    assert scores.covariance[1, 0, 1] == 0
    weighted = result.score(rows, "wle")
    assert np.isfinite(weighted.theta[:2]).all()
    assert np.isnan(weighted.theta[2, 1])
    assert np.isnan(weighted.covariance[2, :, 1]).all()


def test_attributes_that_share_items_maximise_the_likelihood() -> None:
    q = np.array([[1, 0]] * 3 + [[1, 1]] * 2 + [[0, 1]] * 3)
    result = two_attributes(q)
    rows = np.array([[1, 0, 1, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 1, 0, 1], [1] * 8])
    scores = result.score(rows, "ml")
    assert np.isnan(scores.theta[2]).all()

    def minus(theta: Any, row: Any) -> float:
        table = result.category_probabilities(theta[None])
        p = table["probability"].to_numpy().reshape(8, 2)
        return -float(np.log(p[np.arange(8), row]).sum())

    for row, theta in zip(rows[:2], scores.theta[:2], strict=True):
        best = minimize(
            minus,
            np.zeros(2),
            (row,),
            method="Nelder-Mead",
            options={"xatol": 1e-8, "fatol": 1e-12, "maxiter": 4000},
        )
        np.testing.assert_allclose(theta, best.x, rtol=0, atol=SEARCHED)
