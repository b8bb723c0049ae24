"""Members of a file by name and type: what is not as it must be is named, never guessed."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt.errors import FileError

__all__ = ["Section", "check_label", "numbers_or_null"]

_LARGEST = 2**63 - 1


class Section:
    """An object of a file.

    Every method takes the name of a member and gives its value, or raises FileError if it is
    missing or not of the type that the method is named after.
    """

    def __init__(self, members: Any, where: str) -> None:
        if not isinstance(members, dict):
            raise FileError(f"is no valid model file: {where} must be an object")
        self.members: dict[str, Any] = members
        self._where = where

    def has(self, name: str) -> bool:
        """Whether there is such a member, and it is not null."""
        return self.members.get(name) is not None

    def section(self, name: str) -> Section:
        """Give an object."""
        return Section(self._get(name), f"{self._where}.{name}")

    def text(self, name: str) -> str:
        """Give a text."""
        return str(self._one(name, _is_text, "a text"))

    def truth(self, name: str) -> bool:
        """Give true or false."""
        return bool(self._one(name, lambda v: isinstance(v, bool), "true or false"))

    def truths(self, name: str, length: int) -> NDArray[np.bool_]:
        """Give truth values, shape (length,)."""
        values = self.entries(name, length)
        self._each(name, values, lambda v: isinstance(v, bool), "true or false")
        return np.array(values, dtype=np.bool_)

    def number(self, name: str) -> float:
        """Give a number."""
        return float(self._one(name, _is_number, "a number"))

    def whole(self, name: str, least: int = 0, most: int = _LARGEST) -> int:
        """Give a whole number within limits."""
        between = f"a whole number of at least {least}"
        return int(self._one(name, lambda v: _is_whole(v) and least <= v <= most, between))

    def entries(self, name: str, length: int | None = None) -> list[Any]:
        """Give a list, of a length if one is given."""
        value = self._get(name)
        if not isinstance(value, list):
            raise self.wrong(name, "must be a list")
        if length is not None and len(value) != length:
            raise self.wrong(name, f"must have {length} entries; found {len(value)}")
        return value

    def texts(self, name: str, length: int | None = None) -> tuple[str, ...]:
        """Give a list of texts."""
        return tuple(self._each(name, self.entries(name, length), _is_text, "texts"))

    def choices(self, name: str, known: Collection[str], length: int | None = None) -> list[str]:
        """Give a list of texts out of some."""
        what = f"texts out of {', '.join(known)}"
        values = self.entries(name, length)
        return self._each(name, values, lambda v: _is_text(v) and v in known, what)

    def wholes(
        self, name: str, length: int | None = None, *, least: int = 0, most: int = _LARGEST
    ) -> NDArray[np.int64]:
        """Give whole numbers within limits, shape (length,)."""
        what = f"whole numbers from {least} to {most}"
        values = self.entries(name, length)
        self._each(name, values, lambda v: _is_whole(v) and least <= v <= most, what)
        return np.array(values, dtype=np.int64)

    def numbers(
        self, name: str, length: int | None = None, *, null: float | None = None
    ) -> NDArray[np.float64]:
        """Give numbers, shape (length,); `null`, if given, stands for entries that are null."""
        values = self.entries(name, length)
        allowed = _is_number if null is None else _is_number_or_null
        self._each(name, values, allowed, "numbers" if null is None else "numbers or null")
        return np.array([null if v is None else v for v in values], dtype=np.float64)

    def index_lists(self, name: str, length: int, most: int) -> list[list[int]]:
        """Give lists of increasing positions below `most`."""
        lists = self.entries(name, length)
        for entries in lists:
            right = isinstance(entries, list) and all(_is_whole(v) for v in entries)
            if not right or any(
                a >= b for a, b in zip([-1, *entries], [*entries, most], strict=True)
            ):
                raise self.wrong(name, f"must hold lists of increasing positions below {most}")
        return lists

    def labels(self, name: str) -> tuple[Any, ...]:
        """Give labels, all different: texts, numbers, true or false."""
        return self.check_labels(name, self.entries(name))

    def check_labels(self, name: str, values: Any) -> tuple[Any, ...]:
        """Check that a value of the file is a list of different labels."""
        if not isinstance(values, list) or not all(_is_label(v) for v in values):
            raise self.wrong(name, "must hold texts, numbers, true or false")
        if len(set(values)) < len(values):
            raise self.wrong(name, "must hold different labels")
        return tuple(values)

    def columns(self, name: str, needed: Collection[str] = ()) -> dict[str, NDArray[Any]]:
        """Give an object of equally long lists as arrays: of truth values, integers or floats."""
        section = self.section(name)
        arrays = {key: section._column(key) for key in section.members}
        for key in needed:
            section._get(key)
        if len({len(array) for array in arrays.values()}) > 1:
            raise self.wrong(name, "must hold lists of one length")
        return arrays

    def wrong(self, name: str, what: str) -> FileError:
        """Make the error that says what is wrong with a member."""
        return FileError(f"is no valid model file: {self._where}.{name} {what}")

    def _column(self, name: str) -> NDArray[Any]:
        values = self.entries(name)
        if values and all(isinstance(v, bool) for v in values):
            return np.array(values, dtype=np.bool_)
        if values and all(_is_whole(v) for v in values):
            return np.array(values, dtype=np.int64)
        finite = {"inf": math.inf, "-inf": -math.inf, None: math.nan}
        if not all(_is_number_or_null(v) or (isinstance(v, str) and v in finite) for v in values):
            raise self.wrong(name, 'must hold numbers, "inf", "-inf" or null')
        return np.array([v if _is_number(v) else finite[v] for v in values], dtype=np.float64)

    def _get(self, name: str) -> Any:
        if name not in self.members:
            raise self.wrong(name, "is missing")
        return self.members[name]

    def _one(self, name: str, allowed: Callable[[Any], bool], what: str) -> Any:
        value = self._get(name)
        if not allowed(value):
            raise self.wrong(name, f"must be {what}")
        return value

    def _each(
        self, name: str, values: list[Any], allowed: Callable[[Any], bool], what: str
    ) -> list[Any]:
        if not all(allowed(v) for v in values):
            raise self.wrong(name, f"must hold {what}")
        return values


def _is_text(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_number_or_null(value: Any) -> bool:
    return value is None or _is_number(value)


def _is_label(value: Any) -> bool:
    return isinstance(value, (bool, int, float)) or _is_text(value)


def check_label(value: Any, what: str) -> Any:
    """Give a label as the file can hold it, with its type.

    Raises
    ------
    FileError
        If it is neither text, nor a finite number of 64 bits, nor true or false.
    """
    label = value.item() if isinstance(value, np.generic) else value
    fits = _is_label(label) and not (isinstance(label, float) and not math.isfinite(label))
    if not fits or (_is_whole(label) and not -(2**63) <= label < 2**63):
        raise FileError(
            f"{what} has the label {value!r} of type {type(value).__name__}, which a file cannot "
            "hold: labels are texts, finite numbers of 64 bits, True or False"
        )
    return label


def numbers_or_null(values: NDArray[Any]) -> list[float | None]:
    """Write floats for a file: what is not finite becomes null."""
    return [v if math.isfinite(v) else None for v in np.asarray(values, dtype=float).tolist()]
