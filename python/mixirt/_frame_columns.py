"""Columns of data frames, read through narwhals.

Imported only when something is given that may be a data frame: narwhals takes longer to import than
all of mixirt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals as nw
import numpy as np
from narwhals.exceptions import NarwhalsError
from numpy.typing import NDArray

from mixirt._tables import SHAPE_WANTED, Table, numeric, objects
from mixirt.errors import DataError

__all__ = ["index_of", "named_columns", "read_frame", "read_matrix", "read_series"]

#: Types of columns that NumPy has too.
_NUMPY_TYPES = frozenset(
    {nw.Boolean, nw.Float32, nw.Float64}
    | {nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64}
)

#: Types of columns that are read besides numbers: as Python objects.
_READABLE = (nw.Boolean, nw.String, nw.Categorical, nw.Enum, nw.Object, nw.Unknown)


def read_frame(responses: Any) -> Table | None:
    """Read a data frame into a table, without interpreting the values; None for anything else.

    Raises
    ------
    DataError
        If it is a single column, or the frame's library cannot give its values.
    """
    try:
        frame = nw.from_native(responses, pass_through=True, allow_series=True)
        if isinstance(frame, nw.LazyFrame):
            frame = frame.collect()
        if isinstance(frame, nw.Series):
            raise DataError(f"{SHAPE_WANTED}; found a single column")
        return _from_frame(frame) if isinstance(frame, nw.DataFrame) else None
    except NarwhalsError as error:
        raise DataError(f"the data frame of responses cannot be read: {error}") from error


def named_columns(frame: Any) -> tuple[list[str], Callable[[str], Any], str]:
    """Give the names of a frame's columns, a function that takes one of them, and its library.

    Raises
    ------
    DataError
        If it is no data frame, or its library cannot give its values.
    """
    try:
        read = nw.from_native(frame, pass_through=True)
        if isinstance(read, nw.LazyFrame):
            read = read.collect()
    except NarwhalsError as error:
        raise DataError(f"the data frame of responses cannot be read: {error}") from error
    if not isinstance(read, nw.DataFrame):
        raise DataError(
            "long responses must be a data frame, or a dict of columns; found an object of type "
            f"{type(frame).__name__}"
        )
    return list(map(str, read.columns)), read.get_column, read.implementation.value


def read_series(values: Any) -> NDArray[Any] | None:
    """Read the column of a data frame as numbers or objects; None for anything else."""
    series = nw.from_native(values, pass_through=True, allow_series=True)
    if not isinstance(series, nw.Series):
        return None
    numbers = _from_numeric_series(series)
    return objects(series.to_list(), len(series)) if numbers is None else numbers


def read_matrix(frame: Any) -> tuple[tuple[str, ...], Any, NDArray[Any]] | None:
    """Give names of columns, index and values of a data frame; None for anything else."""
    read = nw.from_native(frame, pass_through=True)
    if not isinstance(read, nw.DataFrame):
        return None
    return tuple(map(str, read.columns)), nw.maybe_get_index(read), read.to_numpy()


def index_of(values: Any) -> Any:
    """Give the index of a frame or series of pandas; None for what has none."""
    read = nw.from_native(values, pass_through=True, allow_series=True)
    return nw.maybe_get_index(read) if isinstance(read, (nw.DataFrame, nw.Series)) else None


def _from_frame(frame: nw.DataFrame[Any]) -> Table:
    names = tuple(str(name) for name in frame.columns)
    matrix = _matrix_of_frame(frame)
    return Table(
        names=names,
        columns=[_from_series(s) for s in frame.iter_columns()] if matrix is None else matrix,
        n_rows=len(frame),
        native=frame.implementation.value,
        has_names=True,
        index=nw.maybe_get_index(frame),
        ordered={} if matrix is not None else _ordered(frame),
    )


def _ordered(frame: nw.DataFrame[Any]) -> dict[str, tuple[Any, ...]]:
    """Give the values of columns whose type has them in order."""
    types = [(str(series.name), series.dtype) for series in frame.iter_columns()]
    return {name: tuple(own.categories) for name, own in types if isinstance(own, nw.Enum)}


def _matrix_of_frame(frame: nw.DataFrame[Any]) -> NDArray[Any] | None:
    """Take the matrix inside a pandas frame of one NumPy dtype, whose columns may lie far apart."""
    if not frame.implementation.is_pandas() or 0 in frame.shape:
        return None
    dtypes = set(frame.to_native().dtypes)
    if len(dtypes) > 1 or not all(isinstance(d, np.dtype) and d.kind in "biuf" for d in dtypes):
        return None
    return numeric(frame.to_numpy())


def _from_series(series: nw.Series[Any]) -> NDArray[Any]:
    dtype = series.dtype
    if not dtype.is_numeric() and not any(dtype == readable for readable in _READABLE):
        raise DataError(
            f"item {str(series.name)!r}: answers cannot be of type {dtype}; "
            "convert the column to category codes, 0, 1, ..., first"
        )
    values = _from_numeric_series(series)
    return objects(series.to_list(), len(series)) if values is None else numeric(values)


def _from_numeric_series(series: nw.Series[Any]) -> NDArray[Any] | None:
    """Give numbers as NumPy has them, nulls as NaN; None for what NumPy has no numbers for."""
    dtype = series.dtype
    if dtype not in _NUMPY_TYPES:
        return None
    if series.null_count() and dtype not in {nw.Float32, nw.Float64}:
        series = series.cast(nw.Float64)
    values = series.to_numpy()
    return values if values.dtype.kind in "biuf" else None
