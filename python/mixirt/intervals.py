"""Confidence intervals that stay within the limits of what they are about."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mixirt._checks import number
from mixirt.errors import SpecError

__all__ = ["intervals", "quantile"]

Floats = NDArray[np.float64]
#: A scale without limits: the function to it, its derivative, and the way back.
Interval = tuple[Callable[[Floats], Floats], Callable[[Floats], Floats], Callable[[Floats], Floats]]


def _logistic(x: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


#: The scales on which an interval can be symmetric.
_SCALES: dict[str, Interval] = {
    "plain": (lambda x: x, np.ones_like, lambda x: x),
    "logit": (lambda x: np.log(x / (1 - x)), lambda x: 1 / (x * (1 - x)), _logistic),
    "log": (np.log, lambda x: 1 / x, np.exp),
    "arctanh": (np.arctanh, lambda x: 1 / (1 - x * x), np.tanh),
}


def quantile(level: float) -> float:
    """Half the width of an interval in standard errors; refuses levels outside 0 and 1."""
    if not 0 < number("level", level) < 1:
        raise SpecError(f"level must be between 0 and 1, as 0.95; found {level!r}")
    return statistics.NormalDist().inv_cdf(0.5 + level / 2)


def intervals(estimate: Floats, se: Floats, z: float, scale: str) -> tuple[Floats, Floats]:
    """Limits of intervals ``z`` standard errors wide, symmetric on a scale without limits."""
    there, slope, back = _SCALES[scale]
    with np.errstate(all="ignore"):
        middle, width = there(estimate), z * se * slope(estimate)
        return back(middle - width), back(middle + width)
