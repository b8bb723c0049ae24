"""Tables: responses as they came, column by column, from arrays, lists and data frames alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt._words import listed, shown
from mixirt.errors import DataError

__all__ = [
    "MAX_ITEMS",
    "SHAPE_WANTED",
    "Table",
    "as_list",
    "counts_rows",
    "frame_columns",
    "numeric",
    "objects",
    "read_table",
    "read_vector",
]

#: The most items a table can have: beyond it, respondents must have been taken for items.
MAX_ITEMS = 65_535

#: What every message about the shape begins with.
SHAPE_WANTED = "responses must be a table with one row per respondent and one column per item"

#: What is known not to be a data frame without asking narwhals, which takes a while to import.
_PLAIN = (list, tuple, range, np.ndarray)


@dataclass(frozen=True, eq=False)
class Table:
    """Responses before coding.

    Attributes
    ----------
    names
        Item names: the columns of a frame, or "item1", "item2", ...
    columns
        One numeric matrix (N, I), contiguous by rows or columns, or a list of I vectors (N,), each
        numeric and contiguous or of Python objects.
    n_rows
        Number of respondents N.
    native
        The library of the frame, as "pandas"; "numpy" for arrays and lists.
    has_names
        Whether the names are the user's own, so that columns can be matched by them.
    index
        The index of a pandas frame; else None.
    ordered
        The values of columns whose type has them in order, by name: pandas' ordered Categorical,
        polars' Enum.
    """

    names: tuple[str, ...]
    columns: NDArray[Any] | list[NDArray[Any]]
    n_rows: int
    native: str = "numpy"
    has_names: bool = False
    index: Any = None
    ordered: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def is_numeric(self) -> bool:
        """Whether all values are numbers, so that the engine can read them as they lie there."""
        columns = self.columns if isinstance(self.columns, list) else [self.columns]
        return all(column.dtype.kind != "O" for column in columns)

    def column(self, item: int) -> NDArray[Any]:
        """Values of one item, shape (N,)."""
        return self.columns[item] if isinstance(self.columns, list) else self.columns[:, item]

    def row(self, row: int) -> str:
        """Name a row in a message: its number, and its label if it has one."""
        if self.index is None or counts_rows(self.index):
            return f"row {row}"
        return f"row {row} (index {shown(self.index[row])})"

    def select(self, names: Sequence[str]) -> Table:
        """Take the columns of those names, in that order."""
        if tuple(names) == self.names:
            return self
        position = {name: i for i, name in enumerate(self.names)}
        columns = [np.ascontiguousarray(self.column(position[name])) for name in names]
        return replace(self, names=tuple(names), columns=columns)


def counts_rows(index: Any) -> bool:
    """Whether the index of a pandas frame merely counts its rows from 0."""
    return type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1


def as_list(values: Any) -> list[Any] | None:
    """Give the elements of a sequence; None for text, a mapping, and what has no elements."""
    if isinstance(values, (str, bytes, Mapping)):
        return None
    try:
        return list(values)
    except TypeError:  # a scalar, or an array without dimensions
        return None


def read_table(responses: Any, item_names: Sequence[Any] | None = None) -> Table:
    """Read responses of any kind into a table, without interpreting the values.

    Parameters
    ----------
    responses
        A two-dimensional array, a list of rows, a data frame that narwhals reads, or a table.
    item_names
        Names to give to the columns instead of their own.

    Raises
    ------
    DataError
        If it is not a table of numbers or objects, has no rows or no columns, or names repeat.
    """
    if isinstance(responses, Table):
        return responses
    table = None if isinstance(responses, _PLAIN) else frame_columns().read_frame(responses)
    if table is None:
        table = _from_array(responses)
    if item_names is not None:
        table = replace(table, names=_item_names(item_names, len(table.names)), has_names=True)
    _check_size(table)
    return table


def frame_columns() -> ModuleType:
    """Import what reads data frames: only where something is given that may be one."""
    from mixirt import _frame_columns

    return _frame_columns


def _check_size(table: Table) -> None:
    n_items = len(table.names)
    if n_items == 0 or table.n_rows == 0:
        what = "columns" if n_items == 0 else "rows"
        raise DataError(f"{SHAPE_WANTED}; found {table.n_rows} x {n_items}, that is, no {what}")
    if n_items > MAX_ITEMS:
        raise DataError(
            f"found {n_items} columns, but at most {MAX_ITEMS} items are possible; "
            "transpose the responses if their rows are items"
        )
    if len(set(table.names)) < n_items:
        repeated = [name for name, n in Counter(table.names).items() if n > 1]
        raise DataError(
            f"item names must differ, but these repeat: {listed(repeated)}; rename the columns"
        )


def _item_names(item_names: Any, n_items: int) -> tuple[str, ...]:
    given = as_list(item_names)
    if given is None:
        raise DataError(f"item_names must be a sequence of names; found {shown(item_names)}")
    names = tuple(str(name) for name in given)
    if len(names) != n_items:
        raise DataError(f"item_names has {len(names)} names for {n_items} items; give one for each")
    return names


def objects(values: Iterable[Any], n: int) -> NDArray[Any]:
    """Make an array of n Python objects."""
    return np.fromiter(values, dtype=object, count=n)


def _from_array(responses: Any) -> Table:
    if isinstance(responses, (list, tuple)):
        columns, n_rows = _from_rows(responses)
    else:
        array = _as_array(responses)
        if array.ndim != 2:
            advice = "; for one respondent, use reshape(1, -1)" if array.ndim == 1 else ""
            raise DataError(f"{SHAPE_WANTED}; found an array of shape {array.shape}{advice}")
        columns, n_rows = _from_matrix(array), array.shape[0]
    n_items = len(columns) if isinstance(columns, list) else columns.shape[1]
    names = tuple(f"item{i + 1}" for i in range(n_items))
    return Table(names=names, columns=columns, n_rows=n_rows)


def _as_array(responses: Any) -> NDArray[Any]:
    if isinstance(responses, np.ndarray):
        return responses
    if hasattr(type(responses), "__array__") or isinstance(responses, memoryview):
        try:
            return np.asarray(responses)
        except Exception as error:  # an object from elsewhere may raise anything
            raise DataError(f"{SHAPE_WANTED}; NumPy cannot read them: {error}") from error
    is_path = isinstance(responses, (str, PathLike))
    raise DataError(
        f"{SHAPE_WANTED}: an array, a list of rows or a data frame; "
        f"found an object of type {type(responses).__name__}"
        f"{'; read the file first, for instance with pandas.read_csv' if is_path else ''}"
    )


def _from_matrix(array: NDArray[Any]) -> NDArray[Any] | list[NDArray[Any]]:
    mask = np.ma.getmaskarray(array) if np.ma.is_masked(array) else None
    array = np.ma.getdata(array)
    if array.dtype.kind in "biuf":
        if mask is None:
            return numeric(array)
        values = array.astype(np.float64)
        values[mask] = np.nan
        return values
    if array.dtype.kind not in "OUST":
        raise DataError(
            f"responses cannot be of dtype {array.dtype}; "
            "convert them to category codes, 0, 1, ..., first"
        )
    cells = array.astype(object)
    if mask is not None:
        cells[mask] = None
    return [np.ascontiguousarray(cells[:, i]) for i in range(cells.shape[1])]


def numeric(values: NDArray[Any]) -> NDArray[Any]:
    """Copy a numeric array only if the engine cannot read it as it lies in memory."""
    dtype = values.dtype
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        dtype = np.dtype(np.float32 if dtype.itemsize == 2 else np.float64)
    with np.errstate(over="ignore"):  # what overflows is infinite, and refused as such
        values = np.asarray(values).astype(dtype.newbyteorder("="), copy=False)
    if not (values.flags.c_contiguous or values.flags.f_contiguous):
        values = np.ascontiguousarray(values)
    return np.require(values, requirements="A")


def _from_rows(rows: Sequence[Any]) -> tuple[NDArray[Any] | list[NDArray[Any]], int]:
    """Read rows, one sequence of answers for each respondent."""
    n_rows = len(rows)
    for r, row in enumerate(rows):
        is_row = isinstance(row, (Sequence, np.ndarray)) and not isinstance(row, (str, bytes))
        if not is_row or (isinstance(row, np.ndarray) and row.ndim != 1):
            raise DataError(f"{SHAPE_WANTED}; row {r} is {shown(row)}, not a list of answers")
        if len(row) != len(rows[0]):
            raise DataError(
                f"every row must have one answer per item: row {r} has {len(row)} answers "
                f"where row 0 has {len(rows[0])}; fill in None where an answer is missing"
            )
    n_items = len(rows[0]) if rows else 0
    # Only for numbers: among text, NumPy would turn numbers into text as well.
    try:
        array = np.array(rows)
    except (ValueError, TypeError, OverflowError):
        array = np.empty(0, dtype=object)
    if array.ndim == 2 and array.dtype.kind in "biuf":
        return numeric(array), n_rows
    return [objects((row[i] for row in rows), n_rows) for i in range(n_items)], n_rows


def read_vector(values: Any, n_rows: int, name: str, index: Any = None) -> NDArray[Any]:
    """Read one value per respondent: a numeric array, or one of objects.

    Parameters
    ----------
    values
        A sequence, array or series of length `n_rows`; matched by position.
    n_rows
        Number of respondents.
    name
        What the values are, for messages.
    index
        The index of the respondents, which that of a series must equal; None without one.

    Returns
    -------
    array
        Shape (n_rows,), of a bool, integer, float or object dtype.

    Raises
    ------
    DataError
        If there is not one value for each respondent, in their order.
    """
    series = None if isinstance(values, _PLAIN) else frame_columns().read_series(values)
    array: NDArray[Any]
    if series is not None:
        array = series
    elif isinstance(values, (list, tuple, range)):
        array = objects(values, len(values))
    elif isinstance(values, np.ndarray) or hasattr(type(values), "__array__"):
        array = _as_array(values)
        if np.ma.is_masked(array):
            mask = np.ma.getmaskarray(array)
            array = np.ma.getdata(array).astype(object)
            array[mask] = None
        array = np.ma.getdata(array)
    else:
        instead = (
            f": pass the column itself, frame[{values!r}], and leave it out of the responses"
            if isinstance(values, str)
            else ""
        )
        raise DataError(
            f"{name} must be a sequence with one value per respondent; found "
            f"{shown(values)}{instead}"
        )
    own = None if series is None or index is None else frame_columns().index_of(values)
    if array.shape != (n_rows,):
        found = f"{len(array)} values" if array.ndim == 1 else f"shape {array.shape}"
        cure = "" if own is None else f"; {name}.loc[responses.index] takes those of the responses"
        raise DataError(
            f"{name} must have one value per respondent: {n_rows} are needed, found {found}{cure}"
        )
    if own is not None and not own.equals(index):
        row = next((r for r in range(n_rows) if own[r] != index[r]), 0)
        raise DataError(
            f"{name} and the responses have different indexes: in row {row}, {shown(own[row])} "
            f"and {shown(index[row])}. Take {name}.loc[responses.index] to match them by index, "
            f"or {name}.to_numpy() if they are in the order of the responses"
        )
    return array if array.dtype.kind in "biuf" else array.astype(object)
