"""Curves of fitted items against finite differences and against one another."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mixirt
from mixirt import datasets
from tests.reference.fitting import fitted
from tests.tolerances import ROUNDING

RELATIVE = 1e-5
"""The same relative to larger values; the step's own error is of the order of its square."""

NAMES = ["science_grm", "science_gpcm", "lsat7_2pl", "sat12_3pl_prior"]
THETA = np.linspace(-3, 3, 13)

DIFFERENCE = 1e-7
"""Central differences with a step of 1e-5 of functions of the order of 1."""


@cache
def real_scores() -> mixirt.Result:
    return mixirt.fit(
        datasets.load("science").responses - 1, "gpcm", category_scores=[-1.0, 0.5, 0.75, 3.0]
    )


def results() -> list[Any]:
    return [*(lambda name=name: fitted(name) for name in NAMES), real_scores]


def tables(result: mixirt.Result, theta: Any) -> list[Any]:
    """Category probabilities of each item (M, n)."""
    frame = result.category_probabilities(theta)
    n = len(theta)
    return [
        part["probability"].to_numpy().reshape(n, -1).T
        for _, part in frame.groupby("item", sort=False)
    ]


@pytest.mark.parametrize("get", results())
def test_probabilities_sum_to_one(get: Any) -> None:
    for p in tables(get(), THETA):
        np.testing.assert_allclose(p.sum(axis=0), 1, rtol=ROUNDING)
        assert (p > 0).all()


@pytest.mark.parametrize("get", results())
def test_information_is_the_expected_squared_slope(get: Any) -> None:
    """`sum_m (p_m')^2 / p_m`, the slopes by central differences."""
    result, h = get(), 1e-5
    information = result.information(THETA)
    up, down = tables(result, THETA + h), tables(result, THETA - h)
    for i, p in enumerate(tables(result, THETA)):
        slope = (up[i] - down[i]) / (2 * h)
        np.testing.assert_allclose(
            information[:, i, 0, 0], (slope**2 / p).sum(axis=0), rtol=RELATIVE, atol=DIFFERENCE
        )
    np.testing.assert_allclose(
        result.test_information(THETA), information.sum(axis=1), rtol=ROUNDING
    )


@pytest.mark.parametrize("get", results())
def test_expected_scores(get: Any) -> None:
    result = get()
    scores = result.model.design.category_scores
    expected = [np.array(s) @ p for s, p in zip(scores, tables(result, THETA), strict=True)]
    np.testing.assert_allclose(result.expected_scores(THETA), np.transpose(expected), rtol=ROUNDING)


def test_gpcm_information_is_the_variance_of_the_score() -> None:
    """For the GPCM: `a^2 var(s)`, and the expected score has slope `a var(s)`."""
    result = real_scores()
    slopes = result.parameters(se=None).query("parameter == 'slope'")["estimate"].to_numpy()
    scores = np.array([-1.0, 0.5, 0.75, 3.0])
    for i, p in enumerate(tables(result, THETA)):
        variance = scores**2 @ p - (scores @ p) ** 2
        np.testing.assert_allclose(
            result.information(THETA)[:, i, 0, 0], slopes[i] ** 2 * variance, rtol=1e-10
        )


def test_two_attributes() -> None:
    q = [[1, 0], [1, 0], [1, 0], [1, 1], [0, 1], [0, 1], [0, 1], [0, 1]]
    result = mixirt.fit(
        datasets.load("mobility").responses[::8], "2pl", q_matrix=q,
        tol_parameter=1e-2, tol_deviance=1e-1,
    )  # fmt: skip
    points = np.array([[0.0, 0.0], [1.0, -0.5]])
    information = result.information(points)
    assert information.shape == (2, 8, 2, 2)
    assert (information[:, 0, 1, :] == 0).all()
    cross = information[:, 3]
    np.testing.assert_allclose(np.linalg.det(cross), 0, rtol=0, atol=ROUNDING)
    h = 1e-5
    for j in range(2):
        step = h * np.eye(2)[j]
        up, down = tables(result, points + step)[3], tables(result, points - step)[3]
        slope = (up - down) / (2 * h)
        p = tables(result, points)[3]
        np.testing.assert_allclose(
            cross[:, j, j], (slope**2 / p).sum(axis=0), rtol=RELATIVE, atol=DIFFERENCE
        )


def test_frame_has_the_users_words() -> None:
    words = np.array(["no", "yes"], dtype=object)[datasets.load("lsat7").responses]
    frame = pd.DataFrame(words, columns=["q1", "q2", "q3", "q4", "q5"])
    result = mixirt.fit(frame, "rasch", categories=["no", "yes"])
    found = result.category_probabilities([0.0, 1.0], item="q2")
    assert found["item"].tolist() == ["q2"] * 4
    assert found["category"].tolist() == ["no", "yes"] * 2
    assert found["point"].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda r: r.category_probabilities(), mixirt.SpecError, "give theta"),
        (lambda r: r.category_probabilities([[0, 1]]), mixirt.SpecError, "each of the 1"),
        (lambda r: r.category_probabilities([np.nan]), mixirt.SpecError, "finite"),
        (lambda r: r.category_probabilities([0], item="itm1"), mixirt.SpecError, "mean 'item1'"),
        (lambda r: r.category_probabilities([0], group="A"), mixirt.DataError, "has none; leave"),
        (lambda r: r.category_probabilities([0], class_=2), mixirt.SpecError, "class 2 does not"),
        (lambda r: r.category_probabilities(["a"]), mixirt.SpecError, "number"),
        (lambda r: r.expected_scores("high"), mixirt.SpecError, "number"),
        (lambda r: r.expected_scores([0], group="A"), mixirt.DataError, "has none; leave"),
        (lambda r: r.information(None), mixirt.SpecError, "theta"),
        (lambda r: r.test_information([[0, 1]]), mixirt.SpecError, "each of the 1"),
    ],
)
def test_arguments_that_cannot_be_used(call: Any, error: type[Exception], message: str) -> None:
    result = mixirt.fit(datasets.load("lsat7").responses, "2pl")
    with pytest.raises(error, match=message):
        call(result)
