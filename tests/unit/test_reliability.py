"""Reliability of scores is the squared correlation with what they estimate."""

from __future__ import annotations

import numpy as np
import pytest

import mixirt
from mixirt import Model

SAMPLING = 0.02
"""Four standard errors of a squared correlation of .6 from 10,000 respondents, which is .005."""


def test_it_is_the_squared_correlation_with_the_attribute() -> None:
    rng = np.random.default_rng(5)
    n, items = 10_000, [f"item{i}" for i in range(12)]
    intercepts = np.linspace(-1.5, 1.5, len(items))
    slopes = {"flat": 0.7, "steep": 1.6}
    groups = np.repeat(list(slopes), n)
    theta = rng.standard_normal(2 * n)
    slope = np.repeat(list(slopes.values()), n)
    logit = slope[:, None] * theta[:, None] + intercepts
    responses = (rng.random(logit.shape) < 1 / (1 + np.exp(-logit))).astype(int)
    model = Model("2pl", items=items, groups=list(slopes)).fix("intercept", [*intercepts] * 2)
    for group, value in slopes.items():
        model = model.fix("slope", value, group=group)
    result = mixirt.fit(responses, model, groups=groups)
    found = result.reliability()
    assert list(found["group"]) == ["flat", "steep"]
    eap = result.score().theta[:, 0]
    for group, reliability in zip(found["group"], found["reliability"], strict=True):
        here = groups == group
        true = np.corrcoef(eap[here], theta[here])[0, 1] ** 2
        np.testing.assert_allclose(reliability, true, rtol=0, atol=SAMPLING)


def test_weights_count_as_respondents() -> None:
    responses = mixirt.datasets.load("lsat7").responses
    patterns, counts = np.unique(responses, axis=0, return_counts=True)
    weighted = mixirt.fit(patterns, "2pl", weights=counts).reliability()["reliability"]
    np.testing.assert_allclose(
        weighted, mixirt.fit(responses, "2pl").reliability()["reliability"], rtol=0, atol=1e-6
    )


def test_classes_have_none() -> None:
    responses = mixirt.datasets.load("lsat7").responses
    result = mixirt.fit_latent_class(responses, 2, seed=1, n_starts=2, max_cycles=2000)
    with pytest.raises(mixirt.SpecError, match="see entropy"):
        result.reliability()
