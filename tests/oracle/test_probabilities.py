"""Response functions of the oracle are probabilities, and say what they are meant to say."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle.models import Floats, OracleItem
from tests.oracle.probabilities import log_probabilities

SUM_TOLERANCE = 1e-14
"""A sum of at most five doubles below 1."""

RELATIVE_TOLERANCE = 1e-12
"""Rounding of a logarithm and an exponential."""

REAL_SCORES = np.array([-0.5, 0.3, 1.0, 2.7])


def items(n_dims: int) -> list[OracleItem]:
    """Return an item of every family, with real scores and a negative slope among them."""
    slopes = np.array([0.8, -1.3, 0.5])[:n_dims]
    return [
        OracleItem("gpcm", slopes, np.array([0.4])),
        OracleItem("gpcm", slopes, np.array([0.7, -0.2, 1.1])),
        OracleItem("gpcm", slopes, np.array([0.7, -0.2, 1.1]), scores=REAL_SCORES),
        OracleItem("grm", slopes, np.array([0.4])),
        OracleItem("grm", slopes, np.array([1.9, 0.6, -0.3, -1.4])),
        OracleItem("3pl", slopes, np.array([0.4]), guessing_logit=-1.1),
        OracleItem("3pl", slopes, np.array([0.4]), guessing_logit=-np.inf),
    ]


def nodes(n_dims: int) -> Floats:
    return np.random.default_rng(3).normal(scale=1.5, size=(12, n_dims))


@pytest.mark.parametrize("n_dims", [0, 1, 2, 3])
def test_probabilities_sum_to_one(n_dims: int) -> None:
    for item in items(n_dims):
        p = np.exp(log_probabilities(item, nodes(n_dims)))
        assert p.shape == (item.n_categories, 12)
        assert np.all(p > 0)
        np.testing.assert_allclose(p.sum(axis=0), 1.0, rtol=0, atol=SUM_TOLERANCE)


def test_gpcm_log_odds_against_the_first_category() -> None:
    item = items(2)[2]
    theta = nodes(2)
    log_p = log_probabilities(item, theta)
    for m in range(1, 4):
        odds = item.intercepts[m - 1] + (REAL_SCORES[m] - REAL_SCORES[0]) * theta @ item.slopes
        np.testing.assert_allclose(log_p[m] - log_p[0], odds, rtol=RELATIVE_TOLERANCE)


def test_grm_is_a_difference_of_logistic_functions() -> None:
    item = items(1)[4]
    theta = nodes(1)
    above = 1 / (1 + np.exp(-item.intercepts[:, None] - theta @ item.slopes))
    p = -np.diff(above, axis=0, prepend=1.0, append=0.0)
    np.testing.assert_allclose(
        np.exp(log_probabilities(item, theta)), p, rtol=0, atol=SUM_TOLERANCE
    )


def test_grm_keeps_its_digits_where_both_terms_are_near_one() -> None:
    """At a predictor of 40 the plain difference is 0; the probability is e^-40 (e^1 - 1)."""
    item = OracleItem("grm", np.array([1.0]), np.array([1.0, 0.0]))
    log_p = log_probabilities(item, np.array([[40.0]]))
    np.testing.assert_allclose(log_p[1, 0], -40 + np.log(1 - np.exp(-1)), rtol=RELATIVE_TOLERANCE)


def test_two_categories_are_the_same_model_in_every_family() -> None:
    gpcm, grm, no_guessing = (items(3)[k] for k in (0, 3, 6))
    theta = nodes(3)
    expected = log_probabilities(gpcm, theta)
    for item in (grm, no_guessing):
        np.testing.assert_allclose(
            log_probabilities(item, theta), expected, rtol=SUM_TOLERANCE, atol=SUM_TOLERANCE
        )


def test_guessing_is_the_lower_asymptote() -> None:
    item = OracleItem("3pl", np.array([1.0]), np.array([0.0]), guessing_logit=np.log(0.2 / 0.8))
    p = np.exp(log_probabilities(item, np.array([[-50.0], [0.0]])))
    np.testing.assert_allclose(p[1], [0.2, 0.6], rtol=RELATIVE_TOLERANCE)
