"""Checks of single arguments, before they reach the engine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt.errors import SpecError

__all__ = [
    "check_threads",
    "mapping",
    "number",
    "numbers",
    "positive_number",
    "several",
    "whole_number",
    "word",
]

MAX_THREADS = 256
"""The engine's own limit: a number too large for it could not even be passed on."""


def whole_number(what: str, value: Any, least: int) -> int:
    """Give a whole number of at least ``least``, or refuse the value.

    Examples
    --------
    >>> whole_number("n", 3, 1)
    3
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise SpecError(f"{what} must be a whole number of at least {least}; found {value!r}")
    return int(value)


def positive_number(what: str, value: Any) -> float:
    """Give a positive number, or refuse the value.

    Examples
    --------
    >>> positive_number("tol_parameter", 1e-3)
    0.001
    """
    is_number = isinstance(value, (int, float, np.integer, np.floating))
    if isinstance(value, bool) or not is_number or not value > 0 or not math.isfinite(value):
        raise SpecError(f"{what} must be a positive number; found {value!r}")
    return float(value)


def word(what: str, value: Any) -> str:
    """Give a string, or refuse the value; whether the word is known is for others to say.

    Examples
    --------
    >>> word("quadrature", "rectangular")
    'rectangular'
    """
    if not isinstance(value, str):
        raise SpecError(f"{what} must be a name; found {value!r}")
    return value


def several(what: str, values: Any) -> tuple[Any, ...]:
    """Give the entries of a sequence, or refuse the value; a string is one entry.

    Examples
    --------
    >>> several("free_items", "item1")
    ('item1',)
    """
    if isinstance(values, (str, bytes)):
        return (values,)
    try:
        return tuple(values)
    except TypeError:
        raise SpecError(f"{what} must be a list; found {values!r}") from None


def mapping(what: str, values: Any) -> Mapping[Any, Any]:
    """Give a mapping, an empty one for None, or refuse the value.

    Examples
    --------
    >>> mapping("items_by_group", None)
    {}
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise SpecError(f"{what} must be a mapping; found {values!r}")
    return values


def number(what: str, value: Any) -> float:
    """Give one finite number, or refuse the value.

    Examples
    --------
    >>> number("prune", 1e-6)
    1e-06
    """
    found = numbers(what, value)
    if found.ndim:
        raise SpecError(f"{what} must be one number; found {value!r}")
    return float(found)


def check_threads(n_threads: Any) -> int | None:
    """Give a number of threads, None for one per processor, or refuse the value."""
    if n_threads is None:
        return None
    found = whole_number("n_threads", n_threads, 1)
    if found > MAX_THREADS:
        raise SpecError(f"n_threads must be between 1 and {MAX_THREADS}; found {found}")
    return found


def numbers(what: str, values: Any) -> NDArray[np.float64]:
    """Give finite numbers as an array of any shape, or refuse the values.

    Examples
    --------
    >>> numbers("theta", [1, 2.5])
    array([1. , 2.5])
    """
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise SpecError(f"{what} must be numbers; found {values!r}") from None
    if not np.isfinite(found).all():
        raise SpecError(f"{what} must be finite numbers")
    return found
