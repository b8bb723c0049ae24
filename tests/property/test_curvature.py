"""Gradient, contributions and information against the log-posterior, for every kind of model.

The log-posterior is differenced, for the information twice: values of the engine's log-likelihood,
which `tests/oracle_agreement` compares with the paper's equations in NumPy, and a log prior written
down here. No derivative of the engine is in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mixirt
from mixirt import _core
from tests.small_models import (
    SMALL_MODELS,
    TIGHT,
    N,
    attribute,
    attribute_in_groups,
    binary,
    graded,
    small,
)
from tests.tolerances import ROUNDING

Floats = NDArray[np.float64]

#: Step in units of a standard error of a parameter when the others are known. Values of the
#: log-likelihood are rounded to 1e-12, which is divided by its square.
STEP = 0.05
#: The error asked of the information matrix, scaled to unit diagonal.
ASKED = 1e-6
#: The gradient is that of normal distributions. The log-likelihood is that of nodes which move with
#: them and end some standard deviations out: its slope by a variance differs by 2e-6 per standard
#: error, with 41 nodes as with 101.
OF_NODES = 5e-6


def _missing_by_design() -> mixirt.Result:
    groups, theta = attribute_in_groups()
    answers = graded(2, 8, theta).astype(float)
    answers[groups == "a", 5:] = np.nan
    answers[groups == "b", :3] = np.nan
    kinds = ["grm"] * 4 + ["gpcm"] * 4
    options: dict[str, Any] = {"groups": groups, "invariance": "scalar", "free_items": ["item4"]}
    return mixirt.fit(answers, kinds, **options, **TIGHT)


def _known(n_attributes: int) -> mixirt.Result:
    """Two classes, of which a third of the respondents' is known."""
    generator = np.random.default_rng(7)
    member = (generator.random(N) < 0.4).astype(int)
    b = 1.5 * np.repeat([[1, -1], [-1, 1]], 4, axis=1)
    p = 1 / (1 + np.exp(-(0.8 * n_attributes * attribute(8)[:, None] + b[member])))
    answers = (np.random.default_rng(9).random(p.shape) < p).astype(np.int64)
    known = [c + 1 if generator.random() < 0.3 else None for c in member.tolist()]
    model = mixirt.Model(
        "rasch" if n_attributes else "gpcm",
        items=8,
        attributes=["theta"][:n_attributes],
        q_matrix=np.ones((8, n_attributes), dtype=int),
        n_classes=2,
    )
    model = model.start("intercept", b.ravel()[np.arange(16)])
    return mixirt.fit(answers, model, known_classes=known, **TIGHT)


def _anchored() -> mixirt.Result:
    """One item fixed; mean and variance free."""
    model = mixirt.Model("2pl", items=6).fix("slope", 1.2, item="item1")
    model = model.fix("intercept", -0.5, item="item1").free("mean").free("variance")
    return mixirt.fit(binary(22, 6, 0.5 + 1.3 * attribute(23)), model, **TIGHT)


def _tied() -> mixirt.Result:
    """Slopes of two items tied, and intercepts within one."""
    model = mixirt.Model("gpcm", items=6, n_categories=3).tie("slope", item=["item1", "item2"])
    model = model.tie("intercept", across=("item", "category"), item="item3")
    return mixirt.fit(graded(24, 6, attribute(25)), model, **TIGHT)


def _real_scores() -> mixirt.Result:
    model = mixirt.Model("gpcm", items=6, n_categories=3, category_scores=[-1.5, 0.25, 2.0])
    model = model.fix("slope", 1.0).free("variance")
    weights = np.random.default_rng(3).uniform(0.2, 3.0, N)
    return mixirt.fit(graded(24, 6, attribute(25)), model, weights=weights, **TIGHT)


def _crossed() -> mixirt.Result:
    """Two attributes with free variances and covariance, and an item that measures both."""
    first, second = attribute(3), 0.5 * attribute(3) + np.sqrt(0.75) * attribute(4)
    q = np.repeat(np.eye(2, dtype=int), 4, axis=0)
    q[3] = 1
    model = mixirt.Model("2pl", items=8, q_matrix=q, n_quadrature=40)
    for item in ("item1", "item5"):
        model = model.fix("slope", 1.0, item=item)
    answers = np.hstack([binary(5, 4, first), binary(6, 4, second)])
    return mixirt.fit(answers, model.free("variance"), **TIGHT)


def _gauss_hermite() -> mixirt.Result:
    groups, theta = attribute_in_groups()
    options: dict[str, Any] = {"groups": groups, "invariance": "scalar"}
    options |= {"quadrature": "gauss-hermite", "n_quadrature": 61}
    return mixirt.fit(binary(2, 6, theta), "2pl", **options, **TIGHT)


def _beta() -> mixirt.Result:
    model = mixirt.Model("3pl", items=8).prior("guessing", mixirt.priors.beta(5, 17))
    return mixirt.fit(binary(10, 8, attribute(11, 2 * N), guessing=0.2), model, **TIGHT)


#: What the small models leave out.
MORE: dict[str, Callable[[], mixirt.Result]] = {
    "missing by design, partial invariance": _missing_by_design,
    "latent classes, some known": lambda: _known(0),
    "mixture, some known": lambda: _known(1),
    "anchored": _anchored,
    "tied": _tied,
    "real scores, variance, weights": _real_scores,
    "two attributes, crossed": _crossed,
    "gauss-hermite, two groups": _gauss_hermite,
    "3pl, beta prior": _beta,
}


@cache
def _result(name: str) -> mixirt.Result:
    return small(name) if name in SMALL_MODELS else MORE[name]()


@pytest.mark.parametrize("name", [*SMALL_MODELS, *MORE])
def test_the_default_is_the_curvature_of_the_log_posterior(name):
    result = _result(name)
    x, found = np.array(result._found["x"]), result.vcov()
    assert found.error < ASKED
    basis, information = _directions(result, found.matrix)
    scale = 1 / np.sqrt(np.diagonal(information))

    def along(step: Floats) -> float:
        return _log_posterior(result, x + basis @ (scale * step))

    # One extrapolation: the error of the differences is the fourth power of the step.
    curvature = (4 * _second_differences(along, len(scale), STEP / 2)
                 - _second_differences(along, len(scale), STEP)) / 3  # fmt: skip
    scaled = information * np.outer(scale, scale)
    np.testing.assert_allclose(-curvature, scaled, rtol=0, atol=ASKED)


@pytest.mark.parametrize("name", [*SMALL_MODELS, *MORE])
def test_the_gradient_is_the_slope_of_the_log_posterior(name):
    """Half a standard error from the maximum, where it is not zero."""
    result, ways = _away(_result(name))
    found = result.gradient()
    expected = _slopes(lambda x: _log_posterior(result, x), result, ways)
    np.testing.assert_allclose(ways.T @ found, expected, rtol=0, atol=OF_NODES)
    assert np.abs(expected).max() > 0.1
    proportions = [name.startswith("proportion") for name in result.contributions().names]
    assert found[proportions].sum() == pytest.approx(0, abs=ROUNDING)


def _away(result: mixirt.Result) -> tuple[mixirt.Result, Floats]:
    """Go half a standard error from the maximum; give directions of a standard error as well.

    They are `(n_free, d)`.
    """
    basis, information = _directions(result, result.vcov().matrix)
    ways = basis / np.sqrt(np.diagonal(information))
    signs = np.where(np.arange(ways.shape[1]) % 2, 1.0, -1.0)
    return result._moved(np.array(result._found["x"]) + ways @ (0.5 * signs)), ways


def _slopes(f: Callable[[Floats], Any], result: mixirt.Result, ways: Floats) -> Floats:
    """Difference a function of the free parameters along directions `(n_free, d)`: `(d, ...)`.

    One extrapolation: the error is the fourth power of the step.
    """
    x = np.array(result._found["x"])

    def by(step: float) -> Floats:
        ends = [(f(x + step * way), f(x - step * way)) for way in ways.T]
        return np.array([(up - down) / (2 * step) for up, down in ends])

    return (4 * by(STEP / 2) - by(STEP)) / 3


def _weights(result: mixirt.Result) -> Floats:
    given = result._fitted.responses.weights
    return np.ones(result.data.n_respondents) if given is None else given


@pytest.mark.parametrize("name", [*SMALL_MODELS, *MORE])
def test_weighted_contributions_and_priors_add_up_to_the_gradient(name):
    result, _ = _away(_result(name))
    weighted = _weights(result)[:, None] * result.contributions().matrix
    table, x = result.model.table, result._found["x"]
    of_cell = [table.prior[c] for c in table.compiled().first_cell]
    priors = [0.0 if p is None else _prior_slope(p, v) for p, v in zip(of_cell, x, strict=True)]
    size = np.abs(weighted).sum(axis=0).max()
    found = weighted.sum(axis=0) + priors
    np.testing.assert_allclose(found, result.gradient(), rtol=0, atol=ROUNDING * size)
    assert np.abs(found).max() > 1.0


@pytest.mark.parametrize("name", [*SMALL_MODELS, *MORE])
def test_contributions_are_the_slopes_of_each_log_likelihood(name):
    result, ways = _away(_result(name))
    found = result.contributions().matrix
    expected = _slopes(lambda x: result._moved(x).score().log_probability, result, ways)
    np.testing.assert_allclose(found @ ways, expected.T, rtol=0, atol=OF_NODES)
    proportions = [name.startswith("proportion") for name in result.contributions().names]
    np.testing.assert_allclose(found[:, proportions].sum(axis=1), 0, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("name", [n for n in [*SMALL_MODELS, *MORE] if "prior" not in n])
def test_squares_of_contributions_are_the_cross_product_information(name):
    result = _result(name)
    basis, information = _directions(result, result.vcov("cross_product").matrix)
    along = result.contributions().matrix @ basis
    squares = along.T @ (_weights(result)[:, None] * along)
    scale = 1 / np.sqrt(np.diagonal(squares))
    by = np.outer(scale, scale)
    # The information was inverted twice.
    np.testing.assert_allclose(squares * by, information * by, rtol=0, atol=1e-9)


def _second_differences(f: Callable[[Floats], float], n: int, step: float) -> Floats:
    unit, middle = step * np.eye(n), f(np.zeros(n))
    ends = [(f(e), f(-e)) for e in unit]
    second = np.diag([up + down - 2 * middle for up, down in ends])
    for i in range(n):
        for j in range(i):
            both = f(unit[i] + unit[j]) + f(-unit[i] - unit[j])
            apart = f(unit[i] - unit[j]) + f(unit[j] - unit[i])
            second[i, j] = second[j, i] = (both - apart) / 4
    return second / step**2


def _directions(result: mixirt.Result, covariance: Floats) -> tuple[Floats, Floats]:
    """Return independent directions `(n_free, d)`, and the information `(d, d)` along them.

    Proportions of classes keep their sum.
    """
    assert not np.isnan(covariance).any(), "no parameter of these fits stops at a bound"
    first = result.model.table.compiled().first_cell
    basis = np.eye(len(first))
    proportions = np.flatnonzero(result.model.design.cells.is_kind("proportion")[first])
    if len(proportions):
        basis[proportions[-1], proportions[:-1]] = -1.0
        basis = np.delete(basis, proportions[-1], axis=1)
    within = np.linalg.pinv(basis)
    return basis, np.linalg.inv(within @ covariance @ within.T)


def _log_posterior(result: mixirt.Result, x: Floats) -> float:
    loglik, _ = _core.gradient(result._engine, result._fitted.engine, x, n_threads=1)
    table = result.model.table
    return loglik + sum(
        _log_prior(prior, float(value))
        for prior, value in zip(
            (table.prior[c] for c in table.compiled().first_cell), x, strict=True
        )
        if prior is not None
    )


def _log_prior(prior: mixirt.priors.Prior, value: float) -> float:
    """Log density, up to a constant."""
    if prior.name == "normal":
        return -0.5 * ((value - prior.first) / prior.second) ** 2
    if prior.name == "lognormal":
        z = (math.log(value) - prior.first) / prior.second
        return -math.log(value) - 0.5 * z**2
    # Of the probability, whatever scale it is estimated on.
    c = 1 / (1 + math.exp(-value))
    return (prior.first - 1) * math.log(c) + (prior.second - 1) * math.log(1 - c)


def _prior_slope(prior: mixirt.priors.Prior, value: float) -> float:
    """Differentiate the log density."""
    if prior.name == "normal":
        return -(value - prior.first) / prior.second**2
    if prior.name == "lognormal":
        return -(1 + (math.log(value) - prior.first) / prior.second**2) / value
    c = 1 / (1 + math.exp(-value))
    return (prior.first - 1) * (1 - c) - (prior.second - 1) * c
