"""What must not matter: the order of classes, items and groups, threads, and a single class."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import mixirt
from tests.latent.drawing import draw

SHARE = 1e-3
"""How far a share may be from the maximum where the log-likelihood is within 1e-5 of it."""

STATIONARY_SHARE = 1e-4
"""Proportions are means of posteriors at a maximum; fits stop within 1e-5 of one."""

LOGLIK_TOLERANCE = 1e-5
"""What is left open by the convergence criteria, on a log-likelihood of ten thousand."""

ONE_CLASS_TOLERANCE = 1e-8
"""The same computation twice."""


@pytest.fixture(scope="module")
def responses() -> Any:
    return draw("gpcm", 2, 1, n=1200).responses


def mixture(responses: Any, model: Any = "gpcm", **options: Any) -> mixirt.Result:
    options = {"n_classes": 2, "n_starts": 4, "seed": 1, "n_quadrature": 21, **options}
    return mixirt.fit(responses, model, **options)


def test_one_class_is_no_mixture(responses: Any) -> None:
    one = mixirt.fit(responses, "gpcm", n_classes=1)
    none = mixirt.fit(responses, "gpcm")
    assert abs(one.loglik - none.loglik) < ONE_CLASS_TOLERANCE


def test_order_of_items(responses: Any) -> None:
    forward, backward = mixture(responses), mixture(responses[:, ::-1])
    assert abs(forward.loglik - backward.loglik) < LOGLIK_TOLERANCE
    np.testing.assert_allclose(forward.class_sizes, backward.class_sizes, atol=SHARE)


def test_order_of_groups(responses: Any) -> None:
    labels = np.where(np.arange(len(responses)) % 3 == 0, "a", "b")
    other = np.where(labels == "a", "z", "b")
    one = mixture(responses, groups=labels, invariance="scalar")
    two = mixture(responses, groups=other, invariance="scalar", reference="z")
    assert abs(one.loglik - two.loglik) < LOGLIK_TOLERANCE
    np.testing.assert_allclose(one.proportions, two.proportions[::-1], atol=SHARE)


def test_same_bits_at_any_number_of_threads(responses: Any) -> None:
    found = [mixture(responses, n_threads=n) for n in (1, 2)]
    assert found[0].loglik == found[1].loglik
    np.testing.assert_array_equal(*(r.parameters()["estimate"] for r in found))
    np.testing.assert_array_equal(*(r._found["starts"]["loglik"] for r in found))


def test_another_seed_makes_other_starts(responses: Any) -> None:
    one, two = mixture(responses), mixture(responses, seed=2)
    assert abs(one.loglik - two.loglik) < LOGLIK_TOLERANCE
    assert set(one._found["starts"]["n_cycles"]) != {1}
    assert not np.array_equal(one._found["starts"]["loglik"], two._found["starts"]["loglik"])


def test_classes_come_in_order_of_size(responses: Any) -> None:
    for seed in range(4):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", mixirt.ReplicationWarning)
            result = mixture(responses, seed=seed, n_starts=1)
        assert result.class_sizes[0] > result.class_sizes[1]
        np.testing.assert_allclose(result.proportions[0], result.class_sizes, atol=STATIONARY_SHARE)


def test_constraints_that_tell_classes_apart_keep_their_order(responses: Any) -> None:
    free = mixture(responses)
    table = free.parameters()
    small = table[(table["class"] == 2) & (table["item"] == "item1")]["estimate"].to_numpy()
    items = [f"item{i + 1}" for i in range(12)]
    model = mixirt.Model("gpcm", items=items, n_categories=4, n_classes=2, n_quadrature=21)
    model = model.fix("slope", small[0], item="item1", class_=1)
    model = model.fix("intercept", small[1:], item="item1", class_=1)
    fixed = mixirt.fit(responses, model, n_starts=6, seed=1)
    assert abs(fixed.loglik - free.loglik) < LOGLIK_TOLERANCE
    assert fixed.class_sizes[0] < fixed.class_sizes[1]


def test_tied_parameters_are_the_same_number(responses: Any) -> None:
    result = mixture(responses, class_invariance="metric")
    table = result.parameters()
    slopes = table[table["parameter"] == "slope"]
    first, second = (slopes[slopes["class"] == c]["estimate"].to_numpy() for c in (1, 2))
    np.testing.assert_array_equal(first, second)
    assert result.n_parameters == 12 + 2 * 36 + 1 + 1


def test_a_fit_as_start_takes_one_start(responses: Any) -> None:
    first = mixture(responses)
    again = mixture(responses, n_starts=None, start=first)
    assert again.n_starts == 1
    assert abs(first.loglik - again.loglik) < LOGLIK_TOLERANCE
    assert again.n_cycles < first.n_cycles


def test_classes_told_apart_by_fixed_means_start_where_they_are_said_to(responses: Any) -> None:
    model = mixirt.Model("gpcm", items=12, n_categories=4, n_classes=2, n_quadrature=21)
    model = model.fix("mean", 1.0, class_=2).start("intercept", 0.5, class_=2)
    results = [mixirt.fit(responses, model, max_cycles=0, seed=s) for s in (1, 2)]
    assert results[0].n_starts == 1
    assert results[0].loglik == results[1].loglik
    intercepts = results[0].parameters(se=None).query("parameter == 'intercept' and `class` == 2")
    assert (intercepts["estimate"] == 0.5).all()
