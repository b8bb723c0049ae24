"""Maximum and weighted likelihood scores against SciPy on the oracle's likelihood."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog, minimize, root

import mixirt
from tests.oracle.from_model import oracle_model
from tests.oracle.models import MISSING, Floats, Ints, OracleGroup
from tests.oracle.probabilities import log_probabilities
from tests.oracle.scores import (
    answered,
    bias_correction,
    expected_information,
    log_likelihood,
)
from tests.small_models import small

ESTIMATE = 2e-6
"""SciPy stops where the gradient is 1e-9; flat likelihoods turn that into this in theta."""

COVARIANCE = 1e-5
"""Relative: the information at points that far apart."""

SMALL = ("2pl", "graded", "gpcm, missing, weights", "two groups", "two attributes", "mixture")
N_ROWS = 20


def at_values(model: mixirt.Model, seed: int) -> mixirt.Result:
    """Put a model at random parameters, whose responses are drawn from it."""
    rng = np.random.default_rng(seed)
    for i, item in enumerate(model.design.items):
        for j in np.flatnonzero(model.design.q_matrix[i]):
            name = model.design.attributes[j]
            model = model.fix("slope", rng.uniform(0.7, 2.0), item=item, attribute=name)
        spread = np.sort(rng.uniform(-1.5, 1.5, model.design.n_categories[i] - 1))[::-1]
        for category, value in enumerate(spread, start=1):
            model = model.fix("intercept", float(value), item=item, category=category)
    n_categories = model.design.n_categories
    rows = rng.integers(0, n_categories, (50, len(n_categories)))
    return mixirt.fit(rows, model, max_cycles=0)


@cache
def crossed(family: str) -> mixirt.Result:
    """Two correlated attributes, some items measuring both."""
    q = np.array([[1, 0]] * 4 + [[1, 1]] * 3 + [[0, 1]] * 4)
    n_categories = 2 if family in {"2pl", "3pl"} else 3
    model = mixirt.Model(
        family, items=len(q), q_matrix=q, n_categories=n_categories, n_quadrature=15
    )
    if family == "3pl":
        model = model.fix("guessing", 0.2)
    return at_values(model.fix("covariance", 0.4), 5)


@cache
def bifactor() -> mixirt.Result:
    """Make a general attribute and two specific ones, which are summed out."""
    model = mixirt.bifactor(["x"] * 7 + ["y"] * 7, n_quadrature=9)
    result = at_values(model, 6)
    assert "eliminat" in result.plan() or "summed out" in result.plan()
    return result


def cases() -> dict[str, Any]:
    found: dict[str, Any] = {name: lambda name=name: small(name) for name in SMALL}
    for family in ("2pl", "gpcm", "grm"):
        found[f"crossed {family}"] = lambda family=family: crossed(family)
    return {**found, "bifactor": bifactor}


CASES = cases()


def some_rows(result: mixirt.Result, seed: int = 1) -> tuple[Ints, list[Any] | None]:
    """Draw codes, one in eight missing, put the extreme ones first, and draw groups."""
    rng = np.random.default_rng(seed)
    n_categories = np.array(result.model.design.n_categories)
    rows = rng.integers(0, n_categories, (N_ROWS, len(n_categories)))
    rows[rng.random(rows.shape) < 0.125] = MISSING
    rows[0], rows[1], rows[2] = 0, n_categories - 1, MISSING
    groups = result.model.design.groups
    labels = [groups[g] for g in rng.integers(0, len(groups), N_ROWS)]
    return rows, labels if result.model.design.has_groups else None


def scored(result: mixirt.Result, method: str, rows: Ints, groups: Any) -> mixirt.Scores:
    given = np.where(rows == MISSING, np.nan, rows)
    labels = result.model.design.category_labels
    assert all(own == tuple(range(len(own))) for own in labels)
    return result.score(given, method, groups=groups)


def oracle_groups(result: mixirt.Result, scores: mixirt.Scores, groups: Any) -> list[OracleGroup]:
    """Give each respondent's group: that of the most probable class."""
    design = result.model.design
    model = oracle_model(result.model, result._values, 3)
    observed = (
        [0] * len(scores.theta) if groups is None else [design.groups.index(g) for g in groups]
    )
    classes = scores.class_map - 1
    return [model.groups[o * design.n_classes + c] for o, c in zip(observed, classes, strict=True)]


def directions(group: OracleGroup, row: Ints) -> tuple[Floats, Floats]:
    """Give the slopes (A, J) of the answers, and whether each pulls down and up (A, 2)."""
    given = answered(group, row)
    slopes = np.array([item.slopes for item, _ in given]).reshape(len(given), len(group.mean))
    pulls = np.array([[x < item.n_categories - 1, x > 0] for item, x in given]).reshape(-1, 2)
    return slopes, pulls


def has_maximum(group: OracleGroup, row: Ints) -> bool:
    """Whether log-concave answers have one finite maximum (Albert and Anderson, 1984).

    There is none if along some direction no answer becomes less probable: no middle category's
    predictor moves, the lowest ones' do not rise and the highest ones' do not fall.
    """
    slopes, pulls = directions(group, row)
    if np.linalg.matrix_rank(slopes) < slopes.shape[1]:
        return False
    signs = np.concatenate([slopes[pulls[:, 0]], -slopes[pulls[:, 1]]])
    # Maximise how fast the answers improve within a box; 0 where no direction improves any.
    gain = signs.sum(axis=0)
    found = linprog(gain, A_ub=signs, b_ub=np.zeros(len(signs)), bounds=[(-1, 1)] * slopes.shape[1])
    return bool(found.fun > -1e-9)


def maximum(group: OracleGroup, row: Ints, start: Floats) -> Floats:
    """Maximise the log-likelihood by SciPy."""

    def minus(theta: Floats) -> tuple[float, Floats]:
        value, gradient, _ = log_likelihood(group, row, theta)
        return -value, -gradient

    found = minimize(minus, start, jac=True, method="BFGS", options={"gtol": 1e-9})
    return np.asarray(found.x)


def separate(group: OracleGroup, row: Ints) -> bool:
    """Whether no answered item ties attributes to each other."""
    slopes = directions(group, row)[0]
    return bool((np.count_nonzero(slopes, axis=1) <= 1).all())


@pytest.mark.parametrize("name", CASES)
def test_maxima_are_scipys(name: str) -> None:
    result = CASES[name]()
    rows, groups = some_rows(result)
    scores = scored(result, "ml", rows, groups)
    n_finite = 0
    found = zip(oracle_groups(result, scores, groups), rows, scores.theta, strict=True)
    for n, (group, row, theta) in enumerate(found):
        if np.isfinite(theta).all():
            n_finite += 1
            assert has_maximum(group, row)
            best = maximum(group, row, group.mean)
            np.testing.assert_allclose(theta, best, rtol=0, atol=ESTIMATE)
            inverse = np.linalg.inv(expected_information(group, row, theta))
            np.testing.assert_allclose(scores.covariance[n], inverse, rtol=COVARIANCE, atol=1e-9)
        else:
            assert not has_maximum(group, row)
    assert N_ROWS / 4 < n_finite < N_ROWS


@pytest.mark.parametrize("name", ["2pl", "graded", "mixture"])
def test_extreme_and_empty_rows_by_maximum_likelihood(name: str) -> None:
    result = CASES[name]()
    rows, groups = some_rows(result)
    scores = scored(result, "ml", rows[:3], groups)
    np.testing.assert_array_equal(scores.theta[:, 0], [-np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(scores.se[:, 0], [np.inf, np.inf, np.nan])


def weighted_root(group: OracleGroup, row: Ints, start: Floats) -> Floats:
    """Solve the weighted estimating equation by SciPy."""

    def equation(theta: Floats) -> Floats:
        return log_likelihood(group, row, theta)[1] + bias_correction(group, row, theta)

    found = root(equation, start, method="hybr", options={"xtol": 1e-12})
    assert np.abs(equation(found.x)).max() < 1e-9
    return np.asarray(found.x)


@pytest.mark.parametrize("name", [*CASES, "crossed 3pl", "3pl with priors"])
def test_weighted_estimates_solve_the_equation(name: str) -> None:
    result = {"crossed 3pl": lambda: crossed("3pl"), "3pl with priors": lambda: small(name)}.get(
        name, CASES.get(name)
    )()
    rows, groups = some_rows(result)
    scores = scored(result, "wle", rows, groups)
    assert np.isnan(scores.theta[2]).all()
    assert np.isfinite(scores.theta[:2]).all()
    n_finite = 0
    found = zip(oracle_groups(result, scores, groups), rows, scores.theta, strict=True)
    for n, (group, row, theta) in enumerate(found):
        slopes = directions(group, row)[0]
        informed = np.linalg.matrix_rank(slopes) == len(theta)
        assert np.isfinite(theta).all() == informed
        if not informed:
            continue
        n_finite += 1
        # Far out the equation is flat, and its root is known to fewer digits.
        np.testing.assert_allclose(theta, weighted_root(group, row, theta), rtol=1e-6, atol=1e-6)
        inverse = np.linalg.inv(expected_information(group, row, theta))
        np.testing.assert_allclose(scores.covariance[n], inverse, rtol=COVARIANCE, atol=1e-9)
    assert n_finite > N_ROWS / 2


@pytest.mark.parametrize("family", ["2pl", "gpcm"])
def test_of_exponential_families_they_maximise_the_weighted_likelihood(family: str) -> None:
    """`log L + log det I / 2`, of Wang (2015), as R mirt does."""
    result = crossed(family)
    rows, groups = some_rows(result)
    scores = scored(result, "wle", rows, groups)
    found = zip(oracle_groups(result, scores, groups), rows, scores.theta, strict=True)
    for group, row, theta in list(found)[:8]:
        if not np.isfinite(theta).all():
            continue

        def minus(at: Floats, group: OracleGroup = group, row: Ints = row) -> float:
            information = expected_information(group, row, at)
            return -log_likelihood(group, row, at)[0] - 0.5 * np.linalg.slogdet(information)[1]

        best = minimize(minus, theta + 0.3, method="Nelder-Mead", options={"xatol": 1e-7}).x
        # The simplex stops where values differ in their last digits: half of those of theta.
        np.testing.assert_allclose(theta, best, rtol=0, atol=1e-3)
        assert minus(theta) <= minus(best) + 1e-10


@pytest.mark.parametrize("method", ["ml", "wle"])
def test_attributes_in_simple_structure_are_scored_apart(method: str) -> None:
    q = np.repeat(np.eye(2, dtype=int), 5, axis=0)
    model = mixirt.Model("grm", items=10, n_categories=3, q_matrix=q, n_quadrature=15)
    both = at_values(model.fix("covariance", 0.6), 7)
    rows, _ = some_rows(both)
    scores = scored(both, method, rows, None)
    for j in range(2):
        own = slice(5 * j, 5 * j + 5)
        alone = mixirt.Model("grm", items=5, n_categories=3)
        for i, name in enumerate(alone.design.items):
            cells = both.parameters()
            mine = cells[cells["item"] == both.model.design.items[5 * j + i]]
            for _, cell in mine.iterrows():
                place = {} if cell["parameter"] == "slope" else {"category": int(cell["category"])}
                alone = alone.fix(cell["parameter"], float(cell["estimate"]), item=name, **place)
        drawn = np.random.default_rng(0).integers(0, 3, (50, 5))
        one = scored(mixirt.fit(drawn, alone, max_cycles=0), method, rows[:, own], None)
        # Searches start at different nodes.
        np.testing.assert_allclose(scores.theta[:, j], one.theta[:, 0], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(scores.se[:, j], one.se[:, 0], rtol=1e-8)
    both_there = np.isfinite(scores.theta).all(axis=1)
    assert (scores.covariance[both_there, 0, 1] == 0).all()


def test_the_bias_falls_with_the_square_of_the_length() -> None:
    """All outcomes of a test of three kinds of items, n of each, whose sums are sufficient."""
    theta, bias = np.array([0.5, -0.4]), {}
    for n in (8, 16):
        q = np.repeat([[1, 0], [1, 1], [0, 1]], n, axis=0)
        model = mixirt.Model("2pl", items=3 * n, q_matrix=q, n_quadrature=9).fix("slope", 1.2)
        model = model.fix("intercept", 0.3)
        rng = np.random.default_rng(1)
        result = mixirt.fit(rng.integers(0, 2, (50, 3 * n)), model, max_cycles=0)
        sums = np.stack(np.meshgrid(*[np.arange(n + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        rows = (np.arange(n) < sums[:, :, None]).reshape(-1, 3 * n).astype(int)
        p = 1 / (1 + np.exp(-(0.3 + 1.2 * np.array([theta[0], theta.sum(), theta[1]]))))
        log_p = sums @ np.log(p) + (n - sums) @ np.log1p(-p)
        ways = np.array([log_binomial(n, k) for k in range(n + 1)])[sums].sum(axis=1)
        probability = np.exp(log_p + ways)
        np.testing.assert_allclose(probability.sum(), 1.0, rtol=1e-12)
        bias[n] = probability @ result.score(rows, "wle").theta - theta
    # Twice the length: half of a bias of first order would be left, a quarter of one of second.
    assert (np.abs(bias[16]) < 0.4 * np.abs(bias[8])).all()
    assert np.abs(bias[8]).max() < 0.02


def log_binomial(n: int, k: int) -> float:
    from math import comb, log

    return log(comb(n, k))


# --- where items can be guessed ------------------------------------------------------------------


def guessed(slopes: Any, intercepts: Any, guessing: float) -> mixirt.Result:
    model = mixirt.Model("3pl", items=len(slopes)).fix("guessing", guessing)
    for item, a, b in zip(model.design.items, slopes, intercepts, strict=True):
        model = model.fix("slope", float(a), item=item).fix("intercept", float(b), item=item)
    rows = np.random.default_rng(0).integers(0, 2, (50, len(slopes)))
    return mixirt.fit(rows, model, max_cycles=0)


def profile(result: mixirt.Result, row: Any) -> tuple[Floats, Floats]:
    """Log-likelihood on a fine grid that reaches as far as estimates can be finite."""
    group = oracle_model(result.model, result._values, 3).groups[0]
    points = np.concatenate([[-50.0], np.linspace(-12, 12, 9601), [50.0]])
    values = np.zeros(len(points))
    for item, x in answered(group, np.asarray(row)):
        values += log_probabilities(item, points[:, None])[x]
    return points, values


#: Easy items wrong and hard ones right: somebody guessed, or was careless.
ABERRANT = [[0, 0, 0, 1, 1, 1], [0, 1, 0, 1, 0, 1], [1, 0, 0, 0, 0, 1], [0, 0, 1, 0, 1, 0]]
#: Right on the easiest and on the hard items, wrong on one between them: low, or high and careless.
DIVIDED = [[1, 0, 1, 1, 1, 0], [0, 0, 1, 1, 1, 0]]


@cache
def aberrant() -> mixirt.Result:
    return guessed([2.5] * 6, [4, 3, 1, -1, -3, -4], 0.25)


@cache
def divided() -> mixirt.Result:
    return guessed([2.5] * 6, [7.5, 2.5, -5, -5, -5, -10], 0.05)


@pytest.mark.parametrize(
    ("make", "row"),
    [
        *((aberrant, row) for row in [*ABERRANT, [1, 1, 1, 0, 0, 0], [0] * 6, [1] * 6]),
        *((divided, row) for row in DIVIDED),
    ],
)
def test_guessing_takes_the_highest_maximum_or_none(make: Any, row: list[int]) -> None:
    """Interior maxima, several of them, and likelihoods that only approach their supremum."""
    result = make()
    score = result.score([row], "ml")
    points, values = profile(result, row)
    best = values.argmax()
    if best in (0, len(points) - 1) or values[best] - max(values[0], values[-1]) < 1e-9:
        expected = -np.inf if values[0] >= values[-1] else np.inf
        np.testing.assert_array_equal([score.theta[0, 0], score.se[0, 0]], [expected, np.inf])
        return
    np.testing.assert_allclose(score.theta[0, 0], points[best], rtol=0, atol=0.0026)
    group = oracle_model(result.model, result._values, 3).groups[0]
    information = expected_information(group, np.asarray(row), score.theta[0])
    np.testing.assert_allclose(score.se[0, 0], information[0, 0] ** -0.5, rtol=1e-9)


def test_the_cases_of_guessing_are_all_there() -> None:
    """Some rows have two maxima, and some none but at infinity."""
    values = profile(divided(), DIVIDED[0])[1]
    inner = (values[1:-1] > values[:-2] + 1e-12) & (values[1:-1] > values[2:] + 1e-12)
    assert inner.sum() == 2
    theta = aberrant().score(ABERRANT, "ml").theta[:, 0]
    assert np.isneginf(theta).any()
    assert np.isfinite(theta).any()


def test_guessing_in_several_attributes_takes_a_maximum() -> None:
    """The one uphill of the most probable node: nothing near it is higher."""
    result = crossed("3pl")
    rows, groups = some_rows(result)
    scores = scored(result, "ml", rows, groups)
    group = oracle_model(result.model, result._values, 3).groups[0]
    finite = np.isfinite(scores.theta).all(axis=1)
    assert N_ROWS / 4 < finite.sum() < N_ROWS
    for row, theta in zip(rows[finite], scores.theta[finite], strict=True):
        _, gradient, hessian = log_likelihood(group, row, theta)
        np.testing.assert_allclose(gradient, 0, rtol=0, atol=1e-8)
        assert (np.linalg.eigvalsh(hessian) < 0).all()
