"""One small fit of every kind of model, for tests that hold for all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mixirt

N = 400
#: Close to the maximum, so that what is tested does not depend on where the fit stopped.
TIGHT = {"tol_parameter": 1e-9, "tol_deviance": 1e-9, "max_cycles": 20_000}


def binary(
    seed: int, n_items: int, theta: NDArray[np.float64], guessing: float = 0.0
) -> NDArray[np.int64]:
    """Answers to items of slopes around 1.2 that each measure the attribute `theta (N,)`."""
    generator = np.random.default_rng(seed)
    slopes = np.linspace(0.8, 1.6, n_items)
    intercepts = np.linspace(-1, 1, n_items)
    p = guessing + (1 - guessing) / (1 + np.exp(-(slopes * theta[:, None] + intercepts)))
    return (generator.random(p.shape) < p).astype(np.int64)


def graded(seed: int, n_items: int, theta: NDArray[np.float64]) -> NDArray[np.int64]:
    """Answers in three categories."""
    noise = np.random.default_rng(seed).logistic(size=(len(theta), n_items))
    z = theta[:, None] + noise
    return (z > -0.7).astype(np.int64) + (z > 0.7)


def attribute(seed: int, n: int = N) -> NDArray[np.float64]:
    """Draw an attribute of n respondents."""
    return np.random.default_rng(seed).standard_normal(n)


def attribute_in_groups() -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Draw an attribute of two groups that differ in mean and variance; groups first."""
    groups = np.repeat(["a", "b"], N)
    mean, sd = np.where(groups == "a", 0.0, 0.6), np.where(groups == "a", 1.0, 1.3)
    return groups, mean + sd * attribute(1, 2 * N)


def _two_groups() -> mixirt.Result:
    groups, theta = attribute_in_groups()
    options: dict[str, Any] = {"groups": groups, "invariance": "scalar"}
    return mixirt.fit(binary(2, 6, theta), "2pl", **options, **TIGHT)


def _two_attributes() -> mixirt.Result:
    first, noise = attribute(3), attribute(4)
    second = 0.5 * first + np.sqrt(0.75) * noise
    q = np.repeat(np.eye(2, dtype=int), 4, axis=0)
    answers = np.hstack([binary(5, 4, first), binary(6, 4, second)])
    return mixirt.fit(answers, "2pl", q_matrix=q, n_quadrature=40, **TIGHT)


def _bifactor() -> mixirt.Result:
    """Fit a general and two specific attributes; the specific ones are summed out."""
    general, specific = attribute(30, 3 * N), [attribute(seed, 3 * N) for seed in (31, 32)]
    answers = [binary(33 + k, 4, general + 0.9 * own) for k, own in enumerate(specific)]
    model = mixirt.bifactor(["x"] * 4 + ["y"] * 4, n_quadrature=17)
    return mixirt.fit(np.hstack(answers), model, **TIGHT)


def _classes(n_attributes: int) -> mixirt.Result:
    """Two classes: latent (no attribute), or a Rasch mixture."""
    n, n_items = 3 * N, 8
    member = (np.random.default_rng(7).random(n) < 0.4).astype(int)
    b = 1.5 * np.repeat([[1, -1], [-1, 1]], 4, axis=1)
    theta = attribute(8, n) * n_attributes * 0.8
    p = 1 / (1 + np.exp(-(theta[:, None] + b[member])))
    answers = (np.random.default_rng(9).random(p.shape) < p).astype(np.int64)
    q = np.ones((n_items, n_attributes), dtype=int)
    names = ["theta"][:n_attributes]
    kind = "rasch" if n_attributes else "gpcm"
    model = mixirt.Model(kind, items=n_items, attributes=names, q_matrix=q, n_classes=2)
    for c in range(2):
        for i in range(n_items):
            model = model.start("intercept", float(b[c, i]), item=f"item{i + 1}", class_=c + 1)
    return mixirt.fit(answers, model, **TIGHT)


def _three_pl() -> mixirt.Result:
    prior = mixirt.priors.normal(-1.4, 0.5)
    model = mixirt.Model("3pl", items=8).prior("guessing", prior)
    model = model.prior("slope", mixirt.priors.lognormal(0.2, 0.4))
    return mixirt.fit(binary(10, 8, attribute(11, 2 * N), guessing=0.2), model, **TIGHT)


def _missing() -> mixirt.Result:
    answers = graded(12, 6, attribute(13)).astype(float)
    answers[np.random.default_rng(14).random(answers.shape) < 0.2] = np.nan
    weights = np.random.default_rng(15).integers(1, 4, N)
    return mixirt.fit(answers, "gpcm", weights=weights, **TIGHT)


SMALL_MODELS: dict[str, Callable[[], mixirt.Result]] = {
    "rasch": lambda: mixirt.fit(binary(20, 6, attribute(21)), "rasch", **TIGHT),
    "common slope": lambda: mixirt.fit(binary(20, 6, attribute(21)), "1pl", **TIGHT),
    "2pl": lambda: mixirt.fit(binary(22, 6, attribute(23)), "2pl", **TIGHT),
    "3pl with priors": _three_pl,
    "graded": lambda: mixirt.fit(graded(24, 6, attribute(25)), "grm", **TIGHT),
    "gpcm, missing, weights": _missing,
    "two groups": _two_groups,
    "two attributes": _two_attributes,
    "bifactor": _bifactor,
    "latent classes": lambda: _classes(0),
    "mixture": lambda: _classes(1),
}


@cache
def small(name: str) -> mixirt.Result:
    """Return the fit of that name, made once."""
    return SMALL_MODELS[name]()
