"""Conversion tables from sum scores: against all response patterns, and their identities."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mixirt
from mixirt import datasets
from tests.oracle.from_model import all_patterns
from tests.reference.fitting import fitted
from tests.small_models import SMALL_MODELS, small

SYMMETRIC = 1e-9
"""Sums over the nodes that make up for one another, weighted with values of up to 6."""

CUT_OFF = 1e-6
"""A grid to 6 standard deviations cuts 1e-7 off a variance."""

FACTORIALS = 1e-8
"""Logarithms of factorials err by a few units in the last place of 1e4."""

TOTAL = 1e-12
"""The sum of a few numbers, each of them rounded."""

MANY = 1e-10
"""Probabilities of thousands of sums, each rounded thousands of times."""

ROUNDING = 1e-11
"""Sums of a few thousand products of doubles, of attributes around 1."""

Points = list[list[float]]


def by_pattern(
    result: mixirt.Result, group: Any, items: list[int], points: Points
) -> dict[str, Any]:
    """Make the same table from the posterior of every response pattern."""
    design = result.model.design
    patterns = all_patterns([design.n_categories[i] for i in items])
    codes = np.full((len(patterns), len(design.items)), np.nan)
    codes[:, items] = patterns
    groups = None if group is None else [group] * len(codes)
    found = result.score(codes, groups=groups)
    p = np.exp(found.log_probability)
    sums = [
        sum((Fraction(str(points[k][code])) for k, code in enumerate(row)), Fraction(0))
        for row in patterns.tolist()
    ]
    distinct = sorted(set(sums))
    which = np.array([[s == d for s in sums] for d in distinct], dtype=float)
    probability = which @ p
    theta = (which @ (p[:, None] * found.theta)) / probability[:, None]
    second = found.covariance + np.einsum("nj,nk->njk", found.theta, found.theta)
    second = np.einsum("sn,n,njk->sjk", which, p, second) / probability[:, None, None]
    return {
        "score": np.array([float(d) for d in distinct]),
        "probability": probability,
        "theta": theta,
        "covariance": second - np.einsum("sj,sk->sjk", theta, theta),
        "class_probabilities": which
        @ (p[:, None] * found.class_probabilities)
        / probability[:, None],
    }


def agrees(found: mixirt.SumScores, expected: dict[str, NDArray[np.float64]]) -> None:
    np.testing.assert_array_equal(found.score, expected.pop("score"))
    for field, values in expected.items():
        np.testing.assert_allclose(getattr(found, field), values, rtol=ROUNDING, atol=ROUNDING)
    np.testing.assert_allclose(found.probability.sum(), 1, rtol=ROUNDING)
    np.testing.assert_allclose(found.class_probabilities.sum(axis=1), 1, rtol=ROUNDING)


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_the_table_is_that_of_all_patterns(name: str) -> None:
    result = small(name)
    design = result.model.design
    for group in design.groups if design.has_groups else (None,):
        points: Points = [list(range(m)) for m in design.n_categories]
        every = list(range(len(design.items)))
        agrees(result.sum_scores(group=group), by_pattern(result, group, every, points))


@pytest.mark.parametrize("name", ["graded", "bifactor", "mixture"])
def test_some_items_with_points_of_their_own(name: str) -> None:
    result = small(name)
    design = result.model.design
    items = [4, 0, 5]
    points: Points = [list(range(design.n_categories[i])) for i in items]
    points[1] = [0.1 + 0.2 * m for m in range(design.n_categories[0])]
    points[2] = [-1.5, *range(1, design.n_categories[5])]
    points = [[round(p, 6) for p in own] for own in points]
    names = [design.items[i] for i in items]
    given = {names[1]: points[1], names[2]: points[2]}
    agrees(result.sum_scores(names, scores=given), by_pattern(result, None, items, points))


def test_sums_of_decimals_are_merged_exactly() -> None:
    scores = {"item1": [0, 0.1], "item2": [0, 0.2], "item3": [0, 0.3]}
    found = fitted("lsat7_2pl").sum_scores(list(scores), scores=scores)
    # 0.1 + 0.2 is 0.3, although it is not in floating point.
    assert found.score.tolist() == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]


def test_the_models_own_category_scores() -> None:
    weights = [[0, 1, 3], [0, 2, 2.5]]
    answers = np.array(all_patterns([3, 3]))
    model = mixirt.Model("gpcm", items=2, n_categories=3, category_scores=weights).fix("slope", 1.0)
    result = mixirt.fit(answers, model, max_cycles=0)
    found = result.sum_scores(scores="model")
    assert found.score.tolist() == [0, 1, 2, 2.5, 3, 3.5, 5, 5.5]
    agrees(found, by_pattern(result, None, [0, 1], weights))


def test_the_sum_is_sufficient_in_the_rasch_model() -> None:
    result = fitted("lsat7_rasch")
    table = result.sum_scores()
    rows = np.array(all_patterns([2] * 5))
    scores = result.score(rows)
    np.testing.assert_allclose(table.theta[rows.sum(axis=1)], scores.theta, rtol=0, atol=ROUNDING)
    np.testing.assert_allclose(table.se[rows.sum(axis=1)], scores.se, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("name", ["two groups", "two attributes", "graded"])
def test_moments_add_up_to_those_of_the_group(name: str) -> None:
    """The mean of the EAPs is the prior mean; their spread and the posterior one its variance."""
    result = small(name)
    group = "b" if name == "two groups" else None
    table = result.sum_scores(group=group)
    p, theta = table.probability, table.theta
    np.testing.assert_allclose(p @ theta, result.mean(group), rtol=0, atol=SYMMETRIC)
    spread = np.einsum("s,sj,sk->jk", p, theta - p @ theta, theta - p @ theta)
    within = np.einsum("s,sjk->jk", p, table.covariance)
    np.testing.assert_allclose(spread + within, result.covariance(group), rtol=0, atol=CUT_OFF)


@pytest.mark.parametrize("n_items", [240, 2000])
def test_long_tests_do_not_underflow(n_items: int) -> None:
    """Items of which each is known: at every node the sum is binomial, in logs by hand."""
    model = mixirt.Model("2pl", items=n_items).fix("slope", 1.2).fix("intercept", 0.5)
    answers = np.zeros((2, n_items), dtype=int)
    answers[1] = 1
    result = mixirt.fit(answers, model, max_cycles=0)
    found = result.sum_scores()
    # The default axis of 64 points; the rest is plain arithmetic.
    z = 6 * (2 * np.arange(64) - 63) / 63
    log_w = -0.5 * z**2 - np.log(np.exp(-0.5 * z**2).sum())
    eta = 1.2 * z + 0.5
    s = np.arange(n_items + 1)[:, None]
    steps = np.log(np.arange(1, n_items + 1))
    log_factorial = np.concatenate([[0.0], np.cumsum(steps)])
    choose = log_factorial[-1] - log_factorial - log_factorial[::-1]
    log_joint = choose[:, None] - s * np.logaddexp(0, -eta)
    log_joint = log_joint - (n_items - s) * np.logaddexp(0, eta) + log_w
    top = log_joint.max(axis=1, keepdims=True)
    joint = np.exp(log_joint - top)
    theta = joint @ z / joint.sum(axis=1)
    log_p = np.log(joint.sum(axis=1)) + top[:, 0]
    np.testing.assert_allclose(found.theta[:, 0], theta, rtol=0, atol=SYMMETRIC)
    np.testing.assert_allclose(np.log(found.probability), log_p, rtol=0, atol=FACTORIALS)
    np.testing.assert_allclose(found.probability.sum(), 1, rtol=MANY)


def test_more_items_say_more() -> None:
    result = fitted("science_grm")
    every, some = result.sum_scores(), result.sum_scores(["Comfort", "Future"])
    reliability = [t.probability @ (t.theta[:, 0] ** 2) for t in (some, every)]
    assert 0 < reliability[0] < reliability[1] < 1


def test_the_frame_and_the_scorer() -> None:
    result = small("mixture")
    table = result.scorer().sum_scores()
    frame = table.frame(n=200)
    assert list(frame.columns[:5]) == ["score", "probability", "expected", "theta", "theta_se"]
    assert list(frame.columns[5:]) == ["class_1", "class_2", "class_map"]
    np.testing.assert_allclose(frame["expected"].sum(), 200, rtol=TOTAL)
    np.testing.assert_array_equal(frame["theta"], result.sum_scores(n_threads=1).theta[:, 0])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"items": ["q9"]}, mixirt.SpecError, "unknown item 'q9'"),
        ({"items": "item1"}, mixirt.SpecError, "must be a list of names"),
        ({"items": []}, mixirt.SpecError, "at least one item"),
        ({"items": ["item1", "item1"]}, mixirt.SpecError, "'item1' is there twice"),
        ({"group": "a"}, mixirt.DataError, "the model has none"),
        ({"scores": {"item1": [0, 1, 2]}}, mixirt.SpecError, "2 finite numbers"),
        ({"scores": {"item1": [0, np.nan]}}, mixirt.SpecError, "2 finite numbers"),
        ({"scores": {"item1": 3}}, mixirt.SpecError, "2 finite numbers"),
        ({"scores": {"item7": [0, 1]}}, mixirt.SpecError, "unknown item 'item7'"),
        ({"scores": "codes"}, mixirt.SpecError, "or 'model'"),
        (
            {"scores": {"item1": [0, 1 / 3], "item2": [1e-9, 1e9]}},
            mixirt.SpecError,
            "too many digits",
        ),
    ],
)
def test_wrong_requests_are_named(options: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        fitted("lsat7_2pl").sum_scores(**options)


def test_groups_are_needed_and_have_their_own_items() -> None:
    result = small("two groups")
    with pytest.raises(mixirt.DataError, match="say which group"):
        result.sum_scores()
    with pytest.raises(mixirt.DataError, match="unknown group 'c'"):
        result.sum_scores(group="c")
    first, second = (result.sum_scores(group=g).theta[:, 0] for g in "ab")
    assert second[3] > first[3]  # the second group's mean is higher


def test_items_that_a_group_does_not_have() -> None:
    rows = np.array(datasets.load("lsat7").responses, dtype=float)
    groups = ["x", "y"] * 500
    rows[::2, 0] = np.nan
    rows[1::2, 4] = np.nan
    model = mixirt.Model(
        "rasch",
        items=5,
        groups=["x", "y"],
        items_by_group={
            "x": ["item2", "item3", "item4", "item5"],
            "y": ["item1", "item2", "item3", "item4"],
        },
    )
    result = mixirt.fit(rows, model, groups=groups)
    assert result.sum_scores(group="x").score.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(mixirt.SpecError, match="item 'item1' is not in the item set of group 'x'"):
        result.sum_scores(["item1"], group="x")


def test_too_many_sums_are_refused() -> None:
    n_items = 40
    model = mixirt.Model("2pl", items=n_items).fix("slope", 1.0).fix("intercept", 0.0)
    result = mixirt.fit(np.eye(n_items, dtype=int), model, max_cycles=0)
    scores = {f"item{i + 1}": [0, 2**i] for i in range(n_items)}
    with pytest.raises(mixirt.SpecError, match="different sum scores"):
        result.sum_scores(scores=scores)
