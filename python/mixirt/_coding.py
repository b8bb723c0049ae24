"""Coding: which value of an item is which category, and which values are missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._answers import MISSING, Answers
from mixirt._options import aside, option
from mixirt._respondents import Groups, is_missing
from mixirt._tables import Table, as_list
from mixirt._words import listed, shown
from mixirt.errors import DataError

if TYPE_CHECKING:
    from mixirt.long_format import LongTable

__all__ = [
    "INVALID",
    "MAX_CATEGORIES",
    "MISSING",
    "Coding",
    "encode",
    "encode_long",
    "read_codings",
    "tables_of",
]

#: The code of a value that its item does not allow; never leaves this module.
INVALID = 254

#: The smallest number of categories of an item.
MIN_CATEGORIES = 2

#: The largest number of categories of an item.
MAX_CATEGORIES = 254

#: The values that a table of codes holds.
_TABLED = range(256)

#: The default coding: a whole number is its own category.
_DEFAULT_TABLE = np.arange(256, dtype=np.uint8)
_DEFAULT_TABLE[MAX_CATEGORIES:] = INVALID


@dataclass(frozen=True, eq=False)
class Coding:
    """How the values of one item are read.

    Attributes
    ----------
    labels
        The values of the categories in order; None where whole numbers stand for themselves.
    codes
        The code of each value that needs saying: categories by `labels`, and missing values.
    """

    labels: tuple[Any, ...] | None
    codes: dict[Any, int]

    def table(self) -> NDArray[np.uint8]:
        """Codes of the whole numbers 0 to 255, shape (256,)."""
        table = _DEFAULT_TABLE.copy() if self.labels is None else np.full(256, INVALID, np.uint8)
        for value, code in self.codes.items():
            whole = _whole(value)
            if whole is not None and whole in _TABLED:
                table[whole] = code
        return table

    def others(self) -> list[tuple[float, int]]:
        """Numbers with a code that are not in the table."""
        pairs: list[tuple[float, int]] = []
        for value, code in self.codes.items():
            whole = _whole(value)
            if whole is not None and whole not in _TABLED:
                pairs.append((whole, code))
            elif whole is None and _is_real(value):
                pairs.append((float(value), code))
        return pairs

    def code_objects(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Code Python objects one by one, shape (N,); what is not allowed becomes `INVALID`."""
        known: dict[Any, int] = {}
        codes = np.empty(len(values), dtype=np.uint8)
        for row, value in enumerate(values):
            try:
                code = known.get(value)
                if code is None:
                    code = known[value] = self._code_object(value)
            except TypeError:  # not hashable, so neither a category nor a missing value
                code = INVALID
            codes[row] = code
        return codes

    def _code_object(self, value: Any) -> int:
        if is_missing(value):
            return MISSING
        if value in self.codes:
            return self.codes[value]
        whole = _whole(value) if self.labels is None else None
        return INVALID if whole is None or not 0 <= whole < MAX_CATEGORIES else whole


def _is_real(value: Any) -> bool:
    # NumPy counts times among its integers.
    return isinstance(value, (Number, np.bool_)) and not isinstance(
        value, (complex, np.complexfloating, np.timedelta64)
    )


def _whole(value: Any) -> int | None:
    """Give the value of a number without a fraction, else None."""
    if not _is_real(value):
        return None
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):  # NaN and the infinities
        return None
    return whole if whole == value else None


def read_codings(table: Table, categories: Any = None, missing: Any = None) -> list[Coding]:
    """Read the arguments `categories` and `missing` of `Responses.read`, one coding per item."""
    by_item = _by_item(categories, table.names, "categories")
    missing_by_item = _by_item(missing, table.names, "missing")
    common: dict[Any, Coding] = {}  # few different arguments serve many items: read each once
    codings = []
    for name in table.names:
        given, absent = by_item.get(name), missing_by_item.get(name)
        ordered = table.ordered.get(name) if given is None else None
        key = (id(given), ordered, id(absent))
        if key not in common:
            if ordered is not None:
                left_out = _read_missing(absent, name)
                given = [value for value in ordered if value not in left_out]
            common[key] = _read_coding(given, absent, name)
        codings.append(common[key])
    return codings


def _by_item(argument: Any, names: Sequence[str], what: str) -> dict[str, Any]:
    if argument is None:
        return {}
    if not isinstance(argument, Mapping):
        return dict.fromkeys(names, argument)
    by_item = {str(key): value for key, value in argument.items()}
    unknown = by_item.keys() - set(names)
    if unknown:
        raise DataError(
            f"{what} names what are no items: {listed(sorted(unknown))}; the items are "
            f"{listed(names)}"
        )
    return by_item


def _read_coding(categories: Any, missing: Any, name: str) -> Coding:
    absent = _read_missing(missing, name)
    if categories is None:
        return Coding(None, dict.fromkeys(absent, MISSING))
    given = None if isinstance(categories, Set) else as_list(categories)
    if given is None:
        raise DataError(
            f"categories of item {name!r} must be a sequence of values in order, or a dict of such "
            f"sequences by item; found {shown(categories)}"
        )
    labels = tuple(v.item() if isinstance(v, np.generic) else v for v in given)
    if not MIN_CATEGORIES <= len(labels) <= MAX_CATEGORIES:
        raise DataError(
            f"item {name!r} is given {len(labels)} categories; "
            f"an item has {MIN_CATEGORIES} to {MAX_CATEGORIES} of them"
        )
    codes = {}
    for code, label in enumerate(labels):
        _check_hashable(label, f"categories of item {name!r}")
        if is_missing(label):
            raise DataError(
                f"categories of item {name!r} include {shown(label)}, which is a missing answer; "
                "leave it out"
            )
        if label in codes or label in absent:
            role = "twice" if label in codes else "both as a category and as missing"
            raise DataError(
                f"item {name!r}: the value {shown(label)} is given {role}; give it once"
            )
        codes[label] = code
    return Coding(labels, codes | dict.fromkeys(absent, MISSING))


def _read_missing(missing: Any, name: str) -> list[Any]:
    if missing is None:
        return []
    several = as_list(missing)
    values = [missing] if several is None else several
    for value in values:
        _check_hashable(value, f"missing values of item {name!r}")
    return [value for value in values if not is_missing(value)]


def _check_hashable(value: Any, what: str) -> None:
    try:
        hash(value)
    except TypeError as error:
        raise DataError(f"{what} must be numbers or text; found {shown(value)}") from error


def encode(
    table: Table, codings: Sequence[Coding], groups: Groups | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Encode responses.

    Parameters
    ----------
    table
        Responses as they came.
    codings
        One for each item.
    groups
        Observed groups, only to be named in messages.

    Returns
    -------
    codes : array, shape (N, I)
        Categories 0, 1, ...; `MISSING` where there is no answer.
    counts : array, shape (I, 256)
        Number of respondents by item and code.

    Raises
    ------
    DataError
        If a value is not allowed: names the first such cell, and counts the others.
    """
    tables, others = tables_of(codings)
    columns = table.columns
    if isinstance(columns, list):
        columns = list(columns)
        for i, (column, coding) in enumerate(zip(columns, codings, strict=True)):
            if column.dtype.kind == "O":
                columns[i] = coding.code_objects(column)
                tables[i] = np.arange(256)
    codes = np.empty((table.n_rows, len(codings)), dtype=np.uint8)
    counts, first_invalid = _core.encode(columns, tables, others, codes)
    if first_invalid is not None:
        row, item = first_invalid
        where = f"item {table.names[item]!r}, {table.row(row)}"
        if groups is not None:
            where += f", group {shown(groups.labels[groups.index[row]])}"
        value = table.column(item)[row]
        found = _describe(value, table.names[item], codings[item])
        if codings[item].labels is None and isinstance(value, (str, bytes)):
            found += _no_item()
        raise DataError(f"{where}: {found}{_count_more(table, item, counts[:, INVALID])}")
    return codes, counts


def tables_of(
    codings: Sequence[Coding],
) -> tuple[NDArray[np.uint8], list[tuple[int, float, int]]]:
    """Give the codes of the whole numbers 0 to 255, shape (I, 256), and (item, number, code)."""
    different = {id(coding): coding for coding in codings}
    memo = {key: (coding.table(), coding.others()) for key, coding in different.items()}
    tables = np.stack([memo[id(coding)][0] for coding in codings])
    others = [(i, v, c) for i, coding in enumerate(codings) for v, c in memo[id(coding)][1]]
    return tables, others


def encode_long(table: LongTable, codings: Sequence[Coding]) -> tuple[Answers, NDArray[np.uint32]]:
    """Encode responses in long format.

    Parameters
    ----------
    table
        Responses as they came.
    codings
        One for each item.

    Returns
    -------
    answers : Answers
        The answers, without those that are missing.
    counts : array, shape (I, 256)
        Number of respondents by item and code.

    Raises
    ------
    DataError
        If a value is not allowed: names the first such row, and counts the others.
    """
    long = table.long
    first = {id(coding): i for i, coding in reversed(list(enumerate(codings)))}
    coding_of_item = np.array([first[id(coding)] for coding in codings], dtype=np.int64)
    of_answer = coding_of_item[long.of_item]
    codes = np.empty(len(of_answer), dtype=np.uint8)
    order = np.argsort(of_answer, kind="stable")
    starts = np.flatnonzero(np.diff(of_answer[order], prepend=-1))
    for where in np.split(order, starts[1:]):
        if where.size:
            codes[where] = _encode_values(long.value_of[where], codings[of_answer[where[0]]])
    invalid = np.flatnonzero(codes == INVALID)
    if invalid.size:
        answer = invalid[np.argmin(long.row_of[invalid])]
        item, row = long.of_item[answer], long.row_of[answer]
        more = f" ({invalid.size - 1} more rows cannot be used)" if invalid.size > 1 else ""
        found = _describe(long.value_of[answer], table.names[item], codings[item])
        who = table.row(long.of_person[answer])
        subject = f"item {table.names[item]!r}, {who}, {long.row_name(row)}"
        raise DataError(f"{subject}: {found}{more}")
    kept = np.flatnonzero(codes != MISSING)
    person, item, codes = long.of_person[kept], long.of_item[kept], codes[kept]
    ptr = np.zeros(table.n_rows + 1, dtype=np.uint64)
    np.cumsum(np.bincount(person, minlength=table.n_rows), out=ptr[1:])
    answers = Answers(ptr, item.astype(np.uint32), codes, len(codings))
    return answers, answers.counts()


def _encode_values(values: NDArray[Any], coding: Coding) -> NDArray[np.uint8]:
    if values.dtype.kind == "O":
        return coding.code_objects(values)
    codes = np.empty((len(values), 1), dtype=np.uint8)
    others = [(0, value, code) for value, code in coding.others()]
    _core.encode(np.ascontiguousarray(values)[:, None], coding.table()[None], others, codes)
    return codes[:, 0]


def _describe(value: Any, name: str, coding: Coding) -> str:
    """Say what is wrong with a value, what is allowed, and what to do."""
    value = value.item() if isinstance(value, np.generic) else value
    seen = shown(value)
    as_missing = f"if it means no answer, say {option('missing', value)}"
    if coding.labels is not None:
        return f"found {seen}, which is {_unlike(value, coding.labels, as_missing)}"
    allowed = f"categories are whole numbers from 0 to {MAX_CATEGORIES - 1}"
    if isinstance(value, (str, bytes)):
        if value.strip().isdigit():
            return f"found the text {seen}, not a number; convert the column to numbers"
        by_name = option("categories", {name: [...]})
        return f"found the text {seen}; list the item's values in order, {by_name}, or {as_missing}"
    if not _is_real(value):
        return f"found {seen}, of type {type(value).__name__}; {allowed}"
    whole = _whole(value)
    if whole is None:
        finite = not isinstance(value, float) or math.isfinite(value)
        kind = "is not a whole number" if finite else "is infinite"
        return f"found {seen}, which {kind}; {allowed}; {as_missing}"
    kind = "is negative" if whole < 0 else "is too large"
    no_item = "" if whole < 0 else _no_item()
    return f"found {seen}, which {kind}; {allowed}; {as_missing}{no_item}"


def _no_item() -> str:
    return f"; a column that is no item has to be left out{aside('exclude')}"


def _is_text(value: Any) -> bool:
    return isinstance(value, (str, bytes))


def _unlike(value: Any, labels: tuple[Any, ...], as_missing: str) -> str:
    """Say why a value is none of the labels, and what to do."""
    known = f"its categories are {listed(labels)}"
    whole = _whole(value)
    text = str(value if whole is None else whole).strip()
    if _is_text(value) != any(map(_is_text, labels)) and text in map(str, labels):
        own, others = ("text", "numbers") if _is_text(value) else ("a number", "text")
        return (
            f"{own}, but {known}, which are {others}; convert the column to {others}, or name the "
            "categories as they are in the responses"
        )
    return (
        f"not a category of the item; {known}; {as_missing}; if it is a category, name it in "
        f"{option('categories=')} where the model is made"
    )


def _count_more(table: Table, item: int, n_invalid: NDArray[np.uint32]) -> str:
    n_more = int(n_invalid.sum(dtype=np.int64)) - 1
    if not n_more:
        return ""
    names = [table.names[i] for i in np.flatnonzero(n_invalid) if i != item]
    elsewhere = f", some of them in {listed(names)}" if names else ", all in this item"
    return f" ({n_more} more cells cannot be used{elsewhere})"
