"""Plausible values: draws against the posteriors that the oracle and the scores give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

import mixirt
from mixirt import datasets
from mixirt import plausible_values as module
from tests.oracle.from_model import oracle_model
from tests.oracle.models import MISSING, OracleGroup
from tests.oracle.probabilities import log_probabilities
from tests.reference.fitting import fitted
from tests.small_models import SMALL_MODELS, small

SHRINKAGE = 0.05
"""EAP scores lose more than half of this variance; draws miss it by what 1,000 respondents leave
open."""

N_DRAWS = 20_000

STANDARD_ERRORS = 5.0
"""Means of draws deviate by more once in a million; some hundreds are looked at, from one seed."""

SMALLEST_P = 1e-3
"""Of tests of distributions, from fixed seeds; those of draws of nodes alone are below 1e-30."""


def some_rows(result: mixirt.Result, n: int = 4) -> tuple[NDArray[np.uint8], Any]:
    """Give the codes of some fitted respondents, and their groups."""
    read = result._fitted.responses
    rows = np.linspace(0, read.n_rows - 1, n).astype(int)
    groups = None
    if read.groups is not None:
        groups = [read.group_labels[g] for g in read.groups[rows]]
    return read.matrix()[rows], groups


def draws_of(result: mixirt.Result, codes: Any, groups: Any, **options: Any) -> Any:
    """Draw for respondents with these codes."""
    labels = [(*own, None) for own in result.model.design.category_labels]
    answers = [
        [own[min(code, len(own) - 1)] for own, code in zip(labels, row, strict=True)]
        for row in codes.tolist()
    ]
    return result.plausible_values(answers, groups=groups, **options), answers


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_moments_are_those_of_the_scores(name: str) -> None:
    result = small(name)
    codes, groups = some_rows(result)
    drawn, answers = draws_of(result, codes, groups, n_draws=N_DRAWS, seed=3)
    scores = result.score(answers, groups=groups)
    n_classes = scores.class_probabilities.shape[1]
    shares = (drawn.classes[:, :, None] == np.arange(1, n_classes + 1)).mean(axis=1)
    p = scores.class_probabilities
    error = STANDARD_ERRORS * np.sqrt(np.maximum(p * (1 - p), 0) / N_DRAWS)
    assert (np.abs(shares - p) <= error + 1e-12).all()
    theta = drawn.theta
    error = STANDARD_ERRORS * scores.se / np.sqrt(N_DRAWS)
    assert (np.abs(theta.mean(axis=1) - scores.theta) <= error).all()
    for row in range(len(codes)):
        products = theta[row] - scores.theta[row]
        products = products[:, :, None] * products[:, None, :]
        error = STANDARD_ERRORS * products.std(axis=0) / np.sqrt(N_DRAWS)
        assert (np.abs(products.mean(axis=0) - scores.covariance[row]) <= error).all()


def log_density(group: OracleGroup, row: Any, theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log posterior density at points (K, J), up to a constant."""
    offset = theta - group.mean
    value = -0.5 * np.einsum("kj,jl,kl->k", offset, np.linalg.inv(group.covariance), offset)
    for item, x in zip(group.items, row, strict=True):
        if item is not None and x not in (MISSING, 255):
            value = value + log_probabilities(item, theta)[x]
    return value


def cumulative(points: NDArray[np.float64], log_p: NDArray[np.float64]) -> Any:
    """Distribution function of a density on a fine grid, by trapezoids."""
    p = np.exp(log_p - log_p.max())
    steps = np.concatenate([[0.0], np.cumsum((p[1:] + p[:-1]) / 2 * np.diff(points))])
    return lambda x: np.interp(x, points, steps / steps[-1])


@pytest.mark.parametrize(
    "name", ["3pl with priors", "graded", "gpcm, missing, weights", "two groups", "mixture"]
)
def test_one_attribute_has_its_posterior_distribution(name: str) -> None:
    result = small(name)
    design = result.model.design
    codes, groups = some_rows(result)
    drawn, _ = draws_of(result, codes, groups, n_draws=N_DRAWS, seed=4)
    oracle = oracle_model(result.model, result._values, 11)
    for row, code in enumerate(codes):
        observed = 0 if groups is None else design.groups.index(groups[row])
        for c in range(design.n_classes):
            group = oracle.groups[observed * design.n_classes + c]
            mine = drawn.theta[row, drawn.classes[row] == c + 1, 0]
            if len(mine) < 100:
                continue
            reach = 6 * np.sqrt(group.covariance[0, 0])
            points = np.linspace(group.mean[0] - reach, group.mean[0] + reach, 4001)
            distribution = cumulative(points, log_density(group, code, points[:, None]))
            assert kstest(mine, distribution).pvalue > SMALLEST_P


def test_the_steps_of_the_grid_do_not_show() -> None:
    """Thirteen points to 3.6 standard deviations: moving nodes would add a tenth to variances."""
    fine = small("2pl")
    codes, _ = some_rows(fine)
    model = mixirt.Model("2pl", items=6, n_quadrature=13).anchor(fine)
    result = mixirt.fit(fine._fitted.responses.matrix(), model, max_cycles=0)
    drawn = result.plausible_values(codes, n_draws=N_DRAWS, seed=9)
    (group,) = oracle_model(result.model, result._values, 3).groups
    reach = np.sqrt(np.pi * 0.35 * 12 * group.covariance[0, 0])
    points = np.linspace(group.mean[0] - reach, group.mean[0] + reach, 4001)
    for row, code in enumerate(codes):
        distribution = cumulative(points, log_density(group, code, points[:, None]))
        assert kstest(drawn.theta[row, :, 0], distribution).pvalue > SMALLEST_P
        assert np.abs(drawn.theta[row]).max() <= points[-1]


@pytest.mark.parametrize("name", ["two attributes", "bifactor"])
def test_several_attributes_have_theirs(name: str) -> None:
    """Every attribute by itself, and the sum of the first two, which takes their correlation."""
    result = small(name)
    codes, _ = some_rows(result, 2)
    drawn, _ = draws_of(result, codes, None, n_draws=N_DRAWS, seed=5)
    (group,) = oracle_model(result.model, result._values, 3).groups
    n = len(group.mean)
    axis = np.linspace(-4.5, 4.5, 121 if n == 2 else 61)
    theta = np.stack(np.meshgrid(*[axis] * n, indexing="ij"), axis=-1).reshape(-1, n)
    for row, code in enumerate(codes):
        log_p = log_density(group, code, theta)
        weights = np.exp(log_p - log_p.max()).reshape((len(axis),) * n)
        for j in range(n):
            marginal = weights.sum(axis=tuple(k for k in range(n) if k != j))
            distribution = cumulative(axis, np.log(marginal))
            # Trapezoids of the table above err by less than the noise of 4,000 draws.
            assert kstest(drawn.theta[row, :4000, j], distribution).pvalue > SMALLEST_P
        pair = weights.sum(axis=tuple(range(2, n)))
        sums = np.linspace(-9, 9, 2 * len(axis) - 1)
        total = np.array([np.trace(np.fliplr(pair), len(axis) - 1 - s) for s in range(len(sums))])
        distribution = cumulative(sums, np.log(np.maximum(total, 1e-300)))
        mine = drawn.theta[row, :4000, :2].sum(axis=1)
        assert kstest(mine, distribution).pvalue > SMALLEST_P


def test_a_rotated_grid_gives_the_same_distribution() -> None:
    rows = datasets.load("lsat7").responses[::50]
    model = mixirt.Model("2pl", items=5, quadrature="gauss-hermite", n_quadrature=31)
    result = mixirt.fit(datasets.load("lsat7").responses, model)
    drawn = result.plausible_values(rows[:3], n_draws=4000, seed=6)
    scores = result.score(rows[:3])
    error = STANDARD_ERRORS * scores.se / np.sqrt(4000)
    assert (np.abs(drawn.theta.mean(axis=1) - scores.theta) <= error).all()


def test_variances_of_draws_are_not_shrunk() -> None:
    result = fitted("lsat7_rasch")
    drawn = result.plausible_values(n_draws=20, seed=1)
    variance = drawn.theta[:, :, 0].var(axis=0).mean()
    # 1,000 respondents, of whom each is drawn 20 times.
    np.testing.assert_allclose(variance, result.covariance()[0, 0], rtol=SHRINKAGE)
    assert result.score().theta.var() < 0.6 * variance


def test_draws_depend_on_seed_row_and_answers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    result = small("mixture")
    rows = result._fitted.responses.matrix()[:300]
    one = result.plausible_values(rows, seed=7, n_threads=1)
    two = result.scorer("map").plausible_values(rows, seed=7, n_threads=2)
    np.testing.assert_array_equal(one.theta, two.theta)
    np.testing.assert_array_equal(one.classes, two.classes)
    other = rows.copy()
    other[::2] = 1 - other[::2]
    among_others = result.plausible_values(other, seed=7)
    np.testing.assert_array_equal(one.theta[1::2], among_others.theta[1::2])
    monkeypatch.setattr(module, "_CHUNK", 77)
    np.testing.assert_array_equal(result.plausible_values(rows, seed=7).theta, one.theta)
    assert (result.plausible_values(rows, seed=8).theta != one.theta).all()
    free = result.plausible_values(rows)
    np.testing.assert_array_equal(result.plausible_values(rows, seed=free.seed).theta, free.theta)
    # Equal answers in two rows are drawn for apart.
    twice = result.plausible_values([rows[0]] * 2, seed=7).theta
    assert (twice[0] != twice[1]).all()


@pytest.mark.parametrize("name", ["bifactor", "two groups"])
def test_draws_of_a_row_are_the_same_in_any_company(name: str) -> None:
    result = small(name)
    codes, groups = some_rows(result, 40)
    every, _ = draws_of(result, codes, groups, seed=2)
    first, _ = draws_of(result, codes[:7], groups and groups[:7], seed=2, n_threads=1)
    np.testing.assert_array_equal(every.theta[:7], first.theta)


def test_known_classes_are_kept() -> None:
    responses = datasets.load("gss87_antirel").responses
    known = [1, 2] + [None] * (len(responses) - 2)
    result = mixirt.fit_latent_class(responses, 2, seed=1, known_classes=known)
    drawn = result.plausible_values(n_draws=200, seed=1)
    assert drawn.theta.shape == (len(responses), 200, 0)
    assert (drawn.classes[0] == 1).all()
    assert (drawn.classes[1] == 2).all()
    assert 1 < drawn.classes[2:].mean() < 2


def test_frames_and_persons() -> None:
    result = small("mixture")
    frame = result.plausible_values(some_rows(result)[0], n_draws=2, seed=1).frame()
    assert list(frame.columns) == ["theta_1", "theta_2", "class_1", "class_2"]
    answers = {"who": ["Ann", "Ann", "Bea"], "item": ["item1", "item5", "item2"], "y": [1, 0, 1]}
    long = mixirt.long(answers, person="who", response="y")
    drawn = fitted("lsat7_2pl").plausible_values(long, n_draws=2, seed=1)
    assert list(drawn.frame().columns) == ["who", "theta_1", "theta_2"]
    rows = [[1, None, None, None, 0], [None, 1, None, None, None]]
    same = fitted("lsat7_2pl").plausible_values(rows, n_draws=2, seed=1)
    np.testing.assert_array_equal(drawn.theta, same.theta)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_draws": 0}, mixirt.SpecError, "n_draws must be a whole number of at least 1"),
        ({"n_draws": 2.5}, mixirt.SpecError, "n_draws must be a whole number"),
        ({"seed": -1}, mixirt.SpecError, "seed must be a whole number"),
        ({"seed": 2**63}, mixirt.SpecError, "seed must be a whole number from 0 to"),
        ({"seed": "x"}, mixirt.SpecError, "seed must be a whole number"),
        ({"groups": ["a"] * 2}, mixirt.DataError, "the model has none"),
        ({"n_threads": 0}, mixirt.SpecError, "n_threads"),
    ],
)
def test_wrong_requests_are_named(options: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        fitted("lsat7_2pl").plausible_values([[1, 0, 1, 0, 1]] * 2, **options)
