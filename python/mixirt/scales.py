"""Values and bounds as users give them, on the scale of the engine: guessing becomes a logit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt._words import shown
from mixirt.design import Design
from mixirt.errors import SpecError
from mixirt.table import ParameterTable

__all__ = ["check_room", "engine_bound", "engine_values"]


def engine_values(kind: str, value: Any, n: int) -> NDArray[np.float64]:
    """Give one value for each of n parameters, on the scale of the engine, or refuse them."""
    try:
        values = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise SpecError(f"the value of a {kind} must be a number; found {value!r}") from None
    if values.ndim == 0:
        values = np.full(n, float(values))
    if values.shape != (n,):
        raise SpecError(
            f"{values.size} values were given for the {n} matched parameters of kind "
            f"'{kind}'; give one value for all, or one for each"
        )
    return engine_scale(kind, values)


def engine_bound(kind: str, bound: Any) -> float:
    """Return a bound on the engine's scale; an infinite one is none."""
    try:
        value = float(bound)
    except (TypeError, ValueError):
        raise SpecError(f"a bound of a {kind} must be a number; found {shown(bound)}") from None
    if math.isinf(value):
        return value
    if kind == "variance" and value == 0.0:
        return value
    if kind == "guessing" and value in {0.0, 1.0}:
        return math.inf if value else -math.inf
    return float(engine_scale(kind, np.array([value]))[0])


def engine_scale(kind: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put values as the user gives them on the scale of the engine, or refuse them."""
    if np.isnan(values).any():
        raise SpecError(f"the value of a {kind} must be a number; found NaN")
    if kind != "guessing" and np.isinf(values).any():
        raise SpecError(f"the value of a {kind} must be finite; found infinity")
    if kind == "guessing" and (values == 1).any():
        raise SpecError("a guessing probability must be below 1; found 1")
    if kind in ("guessing", "proportion") and ((values < 0) | (values > 1)).any():
        bad = values[(values < 0) | (values > 1)][0]
        raise SpecError(f"a {kind} is a probability between 0 and 1; found {bad:g}")
    if kind == "variance" and (values <= 0).any():
        raise SpecError(f"a variance must be positive; found {values[values <= 0][0]:g}")
    if kind != "guessing":
        return values
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values) - np.log1p(-values))


def check_room(design: Design, table: ParameterTable, cells: NDArray[np.intp]) -> None:
    """Refuse bounds without room, and starts outside of them."""
    for cell in cells.tolist():
        lower, upper, start = table.lower[cell], table.upper[cell], table.start[cell]
        what = design.describe(cell)
        scale = " (logits)" if table.cells.is_kind("guessing")[cell] else ""
        if not lower < upper:
            raise SpecError(
                f"the bounds of {what} leave no room: {lower:g} is not below {upper:g}{scale}"
            )
        if not (np.isnan(start) or lower <= start <= upper):
            raise SpecError(
                f"{what} cannot start at {start:g}: its bounds are {lower:g} and {upper:g}{scale}"
            )
