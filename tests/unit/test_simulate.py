"""Simulated responses follow the model they are drawn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import mixirt
from mixirt import datasets
from tests.reference.fitting import fitted

SHARE = 0.02
"""Shares of 14 answers of 2,000 respondents and more, which are alike: four standard errors."""

CORRELATION = 0.04
"""Four standard errors of a correlation from 20,000 respondents, below .01."""

N = 40_000

SIGMAS = 4.5
"""Of some forty proportions, each with its standard error, none should be further off."""


def assert_proportions(found: Any, expected: Any, n: int) -> None:
    """Compare shares of n draws with their probabilities, in standard errors."""
    error = np.sqrt(expected * (1 - expected) / n)
    assert (np.abs(found - expected) < SIGMAS * error).all()


def marginal(result: mixirt.Result, group: Any = None) -> list[Any]:
    """Category probabilities of each item, integrated over the attribute of a group."""
    z = np.linspace(-6, 6, 121)
    weights = np.exp(-0.5 * z**2)
    weights /= weights.sum()
    theta = result.mean(group)[0] + np.sqrt(result.covariance(group)[0, 0]) * z
    frame = result.category_probabilities(theta, group=group)
    return [
        weights @ part["probability"].to_numpy().reshape(len(z), -1)
        for _, part in frame.groupby("item", sort=False)
    ]


@pytest.mark.parametrize("name", ["science_grm", "science_gpcm", "lsat7_2pl", "sat12_3pl_prior"])
def test_marginal_proportions(name: str) -> None:
    result = fitted(name)
    drawn = result.simulate(N, seed=1)
    for i, expected in enumerate(marginal(result)):
        found = np.bincount(drawn.iloc[:, i], minlength=len(expected)) / N
        assert_proportions(found, expected, N)


def test_items_hang_together_as_the_attribute_says() -> None:
    """Joint proportions of two items, which independent draws would not have."""
    result = fitted("lsat7_2pl")
    z = np.linspace(-6, 6, 121)
    weights = np.exp(-0.5 * z**2) / np.exp(-0.5 * z**2).sum()
    p = result.expected_scores(z)
    drawn = result.simulate(N, seed=2).to_numpy()
    for i in range(4):
        both = weights @ (p[:, i] * p[:, i + 1])
        found = (drawn[:, i] & drawn[:, i + 1]).mean()
        assert_proportions(found, both, N)


def test_at_given_attributes() -> None:
    result = fitted("science_gpcm")
    drawn = result.simulate(theta=np.full(N, 1.5), seed=3)
    frame = result.category_probabilities([1.5])
    for i, (_, part) in enumerate(frame.groupby("item", sort=False)):
        found = np.bincount(drawn.iloc[:, i], minlength=4) / N
        assert_proportions(found, part["probability"].to_numpy(), N)


def test_seeds() -> None:
    result = fitted("lsat7_2pl")
    once, again = result.simulate(200, seed=4), result.simulate(200, seed=4)
    pd.testing.assert_frame_equal(once, again)
    assert not once.equals(result.simulate(200, seed=5))
    assert not result.simulate(200).equals(result.simulate(200))
    generator = np.random.default_rng(4)
    pd.testing.assert_frame_equal(once, result.simulate(200, seed=generator))
    assert not once.equals(result.simulate(200, seed=generator))


def test_groups() -> None:
    result = fitted("fims_2pl_scalar")
    groups = np.repeat(["2", "1"], N // 2)
    drawn = result.simulate(groups=groups, seed=6).to_numpy()
    for label in ("1", "2"):
        share = drawn[groups == label].mean(axis=0)
        expected = np.array([p[1] for p in marginal(result, label)])
        assert_proportions(share, expected, N // 2)


def test_as_many_as_were_fitted_in_their_groups() -> None:
    fims = datasets.load("fims")
    drawn = fitted("fims_2pl_scalar").simulate(seed=7)
    assert drawn.shape == fims.responses.shape
    assert fims.groups is not None
    shares = [drawn[fims.groups == label].to_numpy().mean() for label in ("1", "2")]
    observed = [fims.responses[fims.groups == label].mean() for label in ("1", "2")]
    np.testing.assert_allclose(shares, observed, rtol=0, atol=SHARE)


def test_items_a_group_does_not_have_are_missing() -> None:
    responses = datasets.load("lsat7").responses.astype(float)
    groups = np.where(np.arange(1000) % 2, "A", "B")
    responses[groups == "B", 0] = np.nan
    result = mixirt.fit(responses, "2pl", groups=groups, invariance="scalar")
    drawn = result.simulate(groups=["A", "B", "A"], seed=8)
    assert drawn.iloc[:, 0].isna().tolist() == [False, True, False]
    assert not drawn.iloc[:, 1:].isna().any(axis=None)


def test_the_values_are_the_users() -> None:
    words = np.array(["no", "yes"], dtype=object)[datasets.load("lsat7").responses]
    result = mixirt.fit(words, "2pl", categories=["no", "yes"])
    drawn = result.simulate(50, seed=9)
    assert set(drawn.to_numpy().ravel()) == {"no", "yes"}
    assert np.isfinite(mixirt.fit(drawn, "rasch", categories=["no", "yes"]).loglik)


@pytest.mark.filterwarnings("ignore::mixirt.RunawayWarning")  # of one item in this quarter
def test_two_attributes_with_a_correlation() -> None:
    q = np.kron(np.eye(2, dtype=int), np.ones((4, 1), dtype=int))
    result = mixirt.fit(
        datasets.load("mobility").responses[::2], "2pl", q_matrix=q, tol_parameter=1e-3,
        tol_deviance=1e-2,
    )  # fmt: skip
    again = mixirt.fit(result.simulate(20_000, seed=10), result.model, tol_parameter=1e-3)
    np.testing.assert_allclose(again.covariance(), result.covariance(), rtol=0, atol=CORRELATION)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "from 1 to"),
        ({"n": 2.5}, "whole number"),
        ({"n": "many"}, "whole number"),
        ({"groups": ["A"]}, "the model has none"),
        ({"theta": [[0.0, 1.0]]}, "theta must have shape"),
        ({"n": 3, "theta": [0.0]}, "theta must have shape"),
        ({"theta": [float("nan")]}, "finite"),
        ({"theta": ["a"]}, "number"),
        ({"n": 3, "seed": "a"}, "seed"),
        ({"n": 3, "seed": -1}, "seed"),
    ],
)
def test_arguments_that_cannot_be_used(options: dict[str, Any], message: str) -> None:
    with pytest.raises(mixirt.MixirtError, match=message):
        fitted("lsat7_2pl").simulate(**options)


def test_groups_that_cannot_be_used() -> None:
    result = fitted("fims_2pl_scalar")
    with pytest.raises(mixirt.SpecError, match="give groups="):
        result.simulate(10)
    with pytest.raises(mixirt.DataError, match="unknown group '3'"):
        result.simulate(groups=["3"])
    with pytest.raises(mixirt.SpecError, match="2 group labels"):
        result.simulate(3, groups=["1", "2"])
