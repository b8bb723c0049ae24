"""Checks of single arguments, before they reach the engine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt._options import option
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
"""The engine's own limit."""

LARGEST = 2**63 - 1
"""The largest number that can be passed on to the engine."""


def whole_number(what: str, value: Any, least: int, most: int = LARGEST) -> int:
    """Give a whole number from ``least`` to ``most``, or refuse the value.

    Examples
    --------
    >>> whole_number("n", 3, 1)
    3
    """
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or not least <= value <= most:
        says_most = most < LARGEST or (is_whole and value > most)
        allowed = f"from {least} to {most}" if says_most else f"of at least {least}"
        raise SpecError(f"{what} must be a whole number {allowed}; found {value!r}")
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
        raise SpecError(f"{what} must be a name in quotes; found {value!r}")
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
        raise SpecError(
            f"{what} must be a mapping from label to names, as {{'a': ['x', 'y']}}; found "
            f"{values!r}"
        )
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
    return whole_number(option("n_threads"), n_threads, 1, MAX_THREADS)


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
        raise SpecError(f"{what} must be finite numbers; found {found[~np.isfinite(found)][0]}")
    return found
