"""Tables in files: CSV and Parquet, read as a whole or a part at a time."""

from __future__ import annotations

import csv
import io
import itertools
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TextIO

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from mixirt._tables import Table, read_table
from mixirt._words import listed, unknown
from mixirt.cli.endings import delimiter_of, is_parquet
from mixirt.errors import DataError

__all__ = [
    "Chunk",
    "FileTable",
    "Kind",
    "Source",
    "as_number",
    "check_columns",
    "open_source",
    "shown_name",
]

#: Fields that are missing answers in every CSV file.
MISSING_FIELDS = frozenset({"", "NA", "NaN", "nan", "null"})

#: What Parquet files begin with.
_PARQUET = b"PAR1"

#: How fields of a column are read: as numbers where they are, as they are, or as true and false.
Kind = Literal["auto", "text", "truth"]


@dataclass(frozen=True, eq=False)
class FileTable(Table):
    """Responses that know where in a file they stood.

    Attributes
    ----------
    lines
        For each row, the line of the text or the row of the table it came from.
    noun
        Which of the two: "line" or "row".
    """

    lines: Sequence[int] = ()
    noun: str = "line"

    def row(self, row: int) -> str:
        """Name a row in a message: by its place in the file."""
        return f"{self.noun} {self.lines[row]}"


class Chunk(ABC):
    """Some rows of a table."""

    lines: Sequence[int]
    noun: str

    @abstractmethod
    def values(self, name: str) -> list[Any]:
        """Values of a column of labels or weights; None where there is none.

        They are text from CSV, Python objects from Parquet. Codes of missing answers mean nothing
        here: a person may be called 9.
        """

    @abstractmethod
    def table(self, items: dict[str, Kind], native: str) -> FileTable:
        """Answers to items, read as each one's kind says."""

    def column(self, name: str, kind: Kind) -> NDArray[Any]:
        """Answers in one column."""
        return self.table({name: kind}, "numpy").column(0)

    def where(self, row: int) -> str:
        """Name a row in a message."""
        return f"{self.noun} {self.lines[row]}"


class Source(ABC):
    """A table in a file."""

    names: list[str]

    @abstractmethod
    def chunks(self, n_rows: int | None, columns: Sequence[str]) -> Iterator[Chunk]:
        """Read some of the columns, at most so many rows at a time; all at once if None."""


@contextmanager
def open_source(
    path: str, missing: Sequence[str] = (), delimiter: str | None = None
) -> Iterator[Source]:
    """Open a table by name: Parquet or text by its ending; ``-`` is standard input, either.

    Raises
    ------
    DataError
        If it cannot be read as what it is, or columns have no names or the same ones.
    """
    piped = _piped_parquet() if path == "-" else None
    if piped is not None or is_parquet(path):
        if delimiter is not None:
            raise DataError(
                f"--delimiter is for text, but {shown_name(path)} is Parquet; leave it out"
            )
        source: Source = _parquet(path, piped, missing)
        _check_names(path, source.names)
        yield source
        return
    delimiter = delimiter_of(path) if delimiter is None else delimiter
    with _open_text(path) as file:
        source = _Csv(path, file, missing, delimiter)
        _check_names(path, source.names)
        yield source


def _piped_parquet() -> io.BytesIO | None:
    """Take a Parquet file from standard input, whole, as its contents are listed at its end."""
    buffer = getattr(sys.stdin, "buffer", None)
    if buffer is None or not buffer.peek(len(_PARQUET)).startswith(_PARQUET):
        return None
    return io.BytesIO(buffer.read())


@contextmanager
def _open_text(path: str) -> Iterator[TextIO]:
    if path == "-":
        if hasattr(sys.stdin, "reconfigure"):
            sys.stdin.reconfigure(encoding="utf-8-sig", newline="")
        yield sys.stdin
        return
    try:
        # Errors of the caller's block are not errors of opening, so "with" comes later.
        file = Path(path).open(encoding="utf-8-sig", newline="")  # noqa: SIM115
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read: {reason}") from error
    with file:
        yield file


def _check_names(path: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(
            f"{shown_name(path)}: columns need different names; found twice: {listed(repeated)}"
        )


def shown_name(path: str) -> str:
    """Name a file in a message.

    Examples
    --------
    >>> shown_name("-")
    'standard input'
    """
    return "standard input" if path == "-" else path


def check_columns(path: str, names: Sequence[str], wanted: Iterable[str]) -> None:
    """Refuse columns that a table does not have."""
    for name in wanted:
        if name not in names:
            raise DataError(f"{shown_name(path)}: {unknown('column', name, names)}")


class _Csv(Source):
    def __init__(self, path: str, file: TextIO, missing: Sequence[str], delimiter: str) -> None:
        if len(delimiter) != 1:
            raise DataError(f"a delimiter is one character; found {delimiter!r}")
        self._path = shown_name(path)
        self._missing = MISSING_FIELDS.union(missing)
        self._reader = csv.reader(file, delimiter=delimiter, strict=True)
        header = next(self._rows(), None)
        if header is None:
            raise DataError(f"{self._path} is empty; a header line with column names is needed")
        self.names = [name.strip() for name in header[1]]

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        try:
            for row in self._reader:
                if row:
                    yield self._reader.line_num, row
        except csv.Error as error:
            raise DataError(f"{self._path}, line {self._reader.line_num}: {error}") from error
        except UnicodeDecodeError as error:
            line = self._reader.line_num + 1
            raise DataError(f"{self._path} is not text in UTF-8, from line {line} on") from error

    def chunks(self, n_rows: int | None, columns: Sequence[str]) -> Iterator[Chunk]:
        rows = self._rows()
        positions = [(name, self.names.index(name)) for name in columns]
        while True:
            lines, chosen = [], []
            for line, row in itertools.islice(rows, n_rows):
                if len(row) != len(self.names):
                    raise DataError(
                        f"{self._path}, line {line}: found {len(row)} fields where the header has "
                        f"{len(self.names)}; is the delimiter right (--delimiter)?"
                    )
                lines.append(line)
                chosen.append(row)
            if not lines:
                return
            fields = {name: [row[p].strip() for row in chosen] for name, p in positions}
            yield _CsvChunk(lines, fields, self._missing)


class _CsvChunk(Chunk):
    noun = "line"

    def __init__(
        self, lines: list[int], fields: dict[str, list[str]], missing: frozenset[str]
    ) -> None:
        self.lines, self._fields, self._missing = lines, fields, missing

    def values(self, name: str) -> list[Any]:
        return [None if field in MISSING_FIELDS else field for field in self._fields[name]]

    def table(self, items: dict[str, Kind], native: str) -> FileTable:
        return FileTable(
            names=tuple(items),
            columns=[self._column(self._fields[name], kind) for name, kind in items.items()],
            n_rows=len(self.lines),
            native=native,
            has_names=True,
            lines=self.lines,
            noun=self.noun,
        )

    def _column(self, fields: list[str], kind: Kind) -> NDArray[Any]:
        values = _Values(self._missing, kind)
        if kind != "text":
            try:
                # Text is refused here, and named later as the one value that is no number.
                return np.fromiter((values[f] for f in fields), np.float64, len(fields))
            except (TypeError, ValueError):
                pass
        return np.fromiter((values[f] for f in fields), object, len(fields))


class _Values(dict[str, Any]):
    """The value of every field, worked out once."""

    def __init__(self, missing: frozenset[str], kind: Kind) -> None:
        super().__init__()
        self._missing, self._kind = missing, kind
        numbers = (as_number(field) for field in missing)
        self._missing_numbers = {n for n in numbers if not isinstance(n, str)}

    def __missing__(self, field: str) -> Any:
        value: Any = field
        if field in self._missing:
            value = None if self._kind == "text" else math.nan
        elif self._kind == "truth" and field.lower() in ("true", "false"):
            value = field.lower() == "true"
        elif self._kind != "text":
            value = as_number(field)
            if value in self._missing_numbers:
                value = math.nan
        self[field] = value
        return value


def as_number(field: str) -> float | str:
    """Give the number that a field is, or the field itself if it is none."""
    try:
        return field if "_" in field else float(field)
    except ValueError:
        return field


def _parquet(path: str, piped: io.BytesIO | None, missing: Sequence[str]) -> Source:
    path = path if piped is None else "standard input"
    try:
        import pyarrow.parquet as pq
    except ImportError:
        try:
            import polars as pl
        except ImportError as error:
            raise DataError(
                f"{path}: reading Parquet needs pyarrow or polars; install one (for example: "
                "pip install 'mixirt[polars]'), or convert the table to CSV"
            ) from error
        source: type[Source] = _PolarsParquet
        library: Any = pl
    else:
        source, library = _ArrowParquet, pq
    try:
        return source(library, path if piped is None else piped, missing)  # type: ignore[call-arg]
    except Exception as error:  # either library has errors of its own
        raise DataError(f"{path} cannot be read: {error}") from error


class _ArrowParquet(Source):
    def __init__(self, parquet: Any, file: str | io.BytesIO, missing: Sequence[str]) -> None:
        self._file, self._missing = parquet.ParquetFile(file), missing
        self.names = list(self._file.schema_arrow.names)

    def chunks(self, n_rows: int | None, columns: Sequence[str]) -> Iterator[Chunk]:
        import pyarrow as pa

        start = 1
        if n_rows is None:
            yield _FrameChunk(self._file.read(columns=list(columns)), start, self._missing)
            return
        for batch in self._file.iter_batches(n_rows, columns=list(columns)):
            yield _FrameChunk(pa.Table.from_batches([batch]), start, self._missing)
            start += batch.num_rows


class _PolarsParquet(Source):
    def __init__(self, polars: Any, file: str | io.BytesIO, missing: Sequence[str]) -> None:
        self._frame, self._missing = polars.scan_parquet(file), missing
        self.names = list(self._frame.collect_schema().names())

    def chunks(self, n_rows: int | None, columns: Sequence[str]) -> Iterator[Chunk]:
        chosen = self._frame.select(list(columns))
        start = 0
        while True:
            part = (chosen if n_rows is None else chosen.slice(start, n_rows)).collect()
            if len(part):
                yield _FrameChunk(part, start + 1, self._missing)
            start += len(part)
            if n_rows is None or len(part) < n_rows:
                return


class _FrameChunk(Chunk):
    noun = "row"

    def __init__(self, frame: Any, first: int, missing: Sequence[str]) -> None:
        self._frame = frame
        self.lines = range(first, first + len(frame))
        self._missing = frozenset(missing)

    def values(self, name: str) -> list[Any]:
        values: list[Any] = nw.from_native(self._frame, eager_only=True)[name].to_list()
        return values

    def table(self, items: dict[str, Kind], native: str) -> FileTable:
        read = read_table(nw.from_native(self._frame, eager_only=True).select(*items))
        columns = [self._column(read.column(i)) for i in range(len(items))]
        ordered = {
            name: tuple(value for value in own if str(value) not in self._missing)
            for name, own in read.ordered.items()
        }
        table = replace(read, columns=columns, native=native, ordered=ordered)
        return FileTable(**{**vars(table), "lines": self.lines, "noun": self.noun})

    def _column(self, values: NDArray[Any]) -> NDArray[Any]:
        values = np.ascontiguousarray(values)
        numbers = [as_number(code) for code in self._missing]
        if values.dtype.kind == "O":
            objects = [None if str(v) in self._missing else v for v in values]
            return np.fromiter(objects, object, len(objects))
        absent = np.isin(values, [n for n in numbers if not isinstance(n, str)])
        return np.where(absent, np.nan, values) if absent.any() else values
