"""Models with known parameters, and responses drawn from them by NumPy, not by the package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mixirt

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """A model with its true parameters as start values, and how its data are drawn.

    Attributes
    ----------
    name, text : str
        What it is called, and its setting in words.
    model : mixirt.Model
        The model, started at the truth.
    draw : callable
        From a generator to responses (N, I).
    groups : sequence of labels, shape (N,), optional
        Observed groups.
    vary : callable, optional
        From a generator to the case with another truth; without it all data sets have the same.
    """

    name: str
    text: str
    model: mixirt.Model
    draw: Callable[[np.random.Generator], Any]
    groups: Any = None
    vary: Callable[[np.random.Generator], Case] | None = None


def logistic(x: Floats) -> Floats:
    """Give the logistic function."""
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def chosen(generator: np.random.Generator, p: Floats) -> Codes:
    """Draw one code for each row of category probabilities `p (..., M)`."""
    below = p.cumsum(axis=-1)[..., :-1]
    return np.asarray((generator.random((*p.shape[:-1], 1)) >= below).sum(axis=-1))


def binary(generator: np.random.Generator, z: Floats, guessing: Any = 0.0) -> Codes:
    """Draw answers to items of two categories, `z` the linear predictor (..., I)."""
    p = guessing + (1 - guessing) * logistic(z)
    return (generator.random(z.shape) < p).astype(np.int64)


def partial_credit(generator: np.random.Generator, z: Floats, intercepts: Floats) -> Codes:
    """Draw answers of the GPCM: `z (..., I)` without intercepts, `intercepts (..., I, M - 1)`."""
    u = np.zeros((*z.shape, intercepts.shape[-1] + 1))
    u[..., 1:] = intercepts
    u += np.arange(u.shape[-1]) * z[..., None]
    p = np.exp(u - u.max(axis=-1, keepdims=True))
    return chosen(generator, p / p.sum(axis=-1, keepdims=True))


def graded(generator: np.random.Generator, z: Floats, intercepts: Floats) -> Codes:
    """Draw answers of the GRM: `z (..., I)` without intercepts, `intercepts (..., I, M - 1)`."""
    with_noise = z + generator.logistic(size=z.shape)
    return np.asarray((with_noise[..., None] > -intercepts).sum(axis=-1))
