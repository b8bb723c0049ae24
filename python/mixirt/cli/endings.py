"""What a file holds, by the ending of its name."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Iterable
from pathlib import Path

__all__ = ["delimiter_of", "fit_to_write", "is_parquet", "table_to_read", "table_to_write"]

#: What stands between the fields of text, by the ending; names without one are those of pipes.
_DELIMITERS = {"": ",", ".csv": ",", ".txt": ",", ".tsv": "\t"}

_PARQUET = (".parquet", ".pq")


def is_parquet(path: str) -> bool:
    """Whether a table is one in Parquet by its name."""
    return _ending(path) in _PARQUET


def delimiter_of(path: str) -> str:
    """Say what stands between the fields of a table of text.

    Examples
    --------
    >>> delimiter_of("scores.csv"), delimiter_of("-")
    (',', ',')
    """
    return _DELIMITERS[_ending(path)]


def table_to_read(path: str) -> str:
    """Give the name of a table, or refuse one that promises another format.

    Examples
    --------
    >>> table_to_read("/dev/fd/63")
    '/dev/fd/63'
    """
    return _checked(
        path,
        (*_DELIMITERS, *_PARQUET),
        "convert it to CSV, or pipe it in as text with - for its name",
    )


def table_to_write(path: str) -> str:
    """Give the name of a table, or refuse one that promises another format."""
    return _checked(path, (*_DELIMITERS, *_PARQUET), "say the format by one of these")


def fit_to_write(path: str) -> str:
    """Give the name of a model file, or refuse one that promises another format."""
    return _checked(path, (".json",), "a fit is saved as JSON")


def _checked(path: str, endings: Iterable[str], advice: str) -> str:
    if _ending(path) in endings:
        return path
    allowed = ", ".join(ending for ending in endings if ending)
    raise ArgumentTypeError(f"must end in one of {allowed}; found {path!r}: {advice}")


def _ending(path: str) -> str:
    return Path(path).suffix.lower()
