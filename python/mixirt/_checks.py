"""Checks of single arguments, before they reach the engine."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt._options import option
from mixirt._words import shown, unknown
from mixirt.errors import SpecError

__all__ = [
    "check_threads",
    "chosen",
    "drawn_seed",
    "file_path",
    "flag",
    "generator",
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


def flag(what: str, value: Any) -> bool:
    """Give True or False, or refuse the value.

    Examples
    --------
    >>> flag("pictures", True)
    True
    """
    if not isinstance(value, (bool, np.bool_)):
        raise SpecError(f"{what} must be True or False; found {shown(value)}")
    return bool(value)


def chosen(what: str, value: Any, known: Sequence[object]) -> int:
    """Give the position of a name among those there are, or refuse the value.

    Examples
    --------
    >>> chosen("item", "item2", ["item1", "item2"])
    1
    """
    try:
        return known.index(value)
    except (TypeError, ValueError):  # an array cannot even be compared
        raise SpecError(unknown(what, value, known)) from None


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
    found = _floats(value)
    if found is None or found.ndim or not np.isfinite(found):
        raise SpecError(f"{what} must be one finite number; found {shown(value)}")
    return float(found)


def drawn_seed(seed: Any) -> int:
    """Give a seed that can be reported: the user's, or one drawn at random for None.

    Examples
    --------
    >>> drawn_seed(7)
    7
    """
    # A generator of NumPy, seeded by the system as well, takes a hundred times as long to make.
    drawn = int.from_bytes(os.urandom(8), "little") & LARGEST if seed is None else seed
    return whole_number(option("seed"), drawn, 0)


def generator(seed: Any) -> np.random.Generator:
    """Give a generator of random numbers for a seed, or refuse what is none.

    Examples
    --------
    >>> int(generator(1).integers(100))
    47
    """
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise SpecError(
            "seed must be a whole number of at least 0 or a numpy.random.Generator; found "
            f"{shown(seed)}"
        ) from None


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
    found = _floats(values)
    if found is None:
        raise SpecError(f"{what} must be numbers; found {shown(values)}")
    if not np.isfinite(found).all():
        raise SpecError(f"{what} must be finite numbers; found {found[~np.isfinite(found)][0]}")
    return found


def _floats(values: Any) -> NDArray[np.float64] | None:
    """Give numbers as an array; None where they are something else."""
    if values is None:  # NumPy would take it for NaN
        return None
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None


def file_path(what: str, value: Any, endings: Sequence[str] = ()) -> Path:
    """Give the path of a file to be written, or refuse what is none or ends otherwise.

    Examples
    --------
    >>> file_path("a report", "fit.html", (".html", ".htm")).name
    'fit.html'
    """
    if not isinstance(value, (str, os.PathLike)):
        raise SpecError(f"{what} is written to a path, as text or a Path; found {shown(value)}")
    path = Path(value)
    if endings and path.suffix.lower() not in endings:
        raise SpecError(f"{what} is a file that ends in {' or '.join(endings)}; found '{path}'")
    return path
