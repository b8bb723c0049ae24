"""Tables written: CSV and Parquet, a part at a time, files replaced as a whole."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, TextIO

import numpy as np
from numpy.typing import NDArray

from mixirt.cli.endings import delimiter_of, is_parquet
from mixirt.errors import DataError
from mixirt.files.atomic import replacing

__all__ = ["Columns", "Write", "table_writer"]

Columns = Mapping[str, Sequence[Any] | NDArray[Any]]
Write = Callable[[Columns], None]


@contextmanager
def table_writer(path: str | None) -> Iterator[Write]:
    """Open a table to be written a part at a time.

    Parameters
    ----------
    path : str or None
        A file, Parquet or text by its ending; None or ``-`` for CSV on standard output.

    Yields
    ------
    callable
        Takes columns of equal length, the same ones every time. Nothing is left of the file if
        something goes wrong before the end.
    """
    if path in (None, "-"):
        yield _text_writer(sys.stdout)
        return
    assert path is not None
    if is_parquet(path):
        parquet = _parquet_library(path)
        with replacing(path) as file, parquet(file) as write:
            yield write
        return
    with replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        try:
            yield _text_writer(text, delimiter_of(path))
        finally:
            text.flush()
            text.detach()


def _text_writer(file: TextIO, delimiter: str = ",") -> Write:
    rows = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    header: list[str] = []

    def write(columns: Columns) -> None:
        if not header:
            header.extend(columns)
            rows.writerow(header)
        rows.writerows(zip(*(_fields(values) for values in columns.values()), strict=True))

    return write


def _fields(values: Sequence[Any] | NDArray[Any]) -> list[Any]:
    """Give what to write of each value: nothing where there is none, floats so that they last."""
    listed = np.asarray(values, dtype=object).tolist()
    return ["" if v is None or (isinstance(v, float) and math.isnan(v)) else v for v in listed]


def _parquet_library(path: str) -> Any:
    try:
        import pyarrow  # noqa: F401, ICN001
    except ImportError:
        try:
            import polars  # noqa: F401, ICN001
        except ImportError as error:
            raise DataError(
                f"{path}: writing Parquet needs pyarrow or polars; install one (for example: "
                "pip install 'mixirt[polars]'), or let the name end in .csv"
            ) from error
        return _polars_writer
    return _arrow_writer


@contextmanager
def _arrow_writer(file: BinaryIO) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None

    def write(columns: Columns) -> None:
        nonlocal writer
        table = pa.table({name: pa.array(values) for name, values in columns.items()})
        if writer is None:
            writer = pq.ParquetWriter(file, table.schema)
        try:
            writer.write_table(table.cast(writer.schema))
        except (ValueError, pa.ArrowException) as error:
            raise DataError(f"a column changes its type on the way: {error}") from error

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


@contextmanager
def _polars_writer(file: BinaryIO) -> Iterator[Write]:
    """Gather the parts: polars writes a Parquet file in one go."""
    import polars as pl

    parts: list[Any] = []
    yield lambda columns: parts.append(pl.DataFrame(dict(columns)))
    if parts:
        pl.concat(parts, how="vertical_relaxed").write_parquet(file)
