"""Tables in long format: a row for every answer, in any order or person by person."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt._words import unknown
from mixirt.cli.tables import Chunk, Kind
from mixirt.errors import DataError
from mixirt.long_format import LongResponses, from_columns

__all__ = ["Rows", "long_rows", "whole_persons"]

#: How the column of a role is read from some rows of a table.
Reader = Callable[[Chunk, str], Sequence[Any]]


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a table in long format.

    Attributes
    ----------
    names : mapping from role to str
        Columns of ``"person"``, ``"item"`` and ``"response"``, and of ``"group"`` and ``"weight"``
        where there are any.
    columns : dict from role to ndarray, shape (A,)
        Their values.
    lines : ndarray, shape (A,)
        The line of the text or the row of the table that each came from.
    noun : str
        Which of the two: "line" or "row".
    """

    names: Mapping[str, str]
    columns: dict[str, NDArray[Any]]
    lines: NDArray[np.int64]
    noun: str

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, row: int) -> str:
        """Name a row in a message."""
        return f"{self.noun} {self.lines[row]}"

    def take(self, rows: NDArray[np.bool_]) -> Rows:
        """Give some of the rows."""
        columns = {role: values[rows] for role, values in self.columns.items()}
        return Rows(self.names, columns, self.lines[rows], self.noun)

    def and_then(self, later: Rows) -> Rows:
        """Give these rows and later ones of the same table."""
        columns = {
            role: np.concatenate([values, later.columns[role]])
            for role, values in self.columns.items()
        }
        return Rows(self.names, columns, np.concatenate([self.lines, later.lines]), self.noun)

    def items(self) -> list[str]:
        """List the items in the order in which they first appear."""
        return list(dict.fromkeys(item for item in self.columns["item"] if item is not None))

    def only(self, items: Collection[str]) -> Rows:
        """Give the rows with answers to some items."""
        return self.take(np.array([i in items for i in self.columns["item"]], dtype=np.bool_))

    def without(self, items: Collection[str]) -> Rows:
        """Give the rows but for those with answers to some items."""
        if not items:
            return self
        return self.take(np.array([i not in items for i in self.columns["item"]], dtype=np.bool_))

    def check_items(self, known: Sequence[str]) -> None:
        """Refuse items that a fit does not have."""
        others = set(self.items()).difference(known)
        for row, item in enumerate(self.columns["item"] if others else []):
            if item in others:
                raise DataError(
                    f"{self.where(row)}: {unknown('item', item, known)}; --exclude leaves answers "
                    "to an item out"
                )

    def responses(self, items: Sequence[str] | None, native: str) -> LongResponses:
        """Give the answers as responses, with the items in that order."""
        return from_columns(
            self.columns, self.names, items=items, native=native, row_name=self.where
        )


def long_rows(
    chunk: Chunk,
    names: Mapping[str, str],
    kinds: Kind | Mapping[str, Kind],
    readers: Mapping[str, Reader],
) -> Rows:
    """Read some rows of a table in long format.

    Parameters
    ----------
    chunk : Chunk
        The rows.
    names : mapping from role to str
        As in `Rows`.
    kinds : str or mapping from item to str
        How answers are written: to all items, or to each.
    readers : mapping from role to callable
        How other columns than those of the person, the item and the answer are read.
    """
    columns = {
        "person": _objects(chunk.values(names["person"])),
        "item": _objects([None if i is None else str(i) for i in chunk.values(names["item"])]),
    }
    columns["response"] = _answers(chunk, names["response"], columns["item"], kinds)
    for role, read in readers.items():
        columns[role] = _objects(read(chunk, names[role]))
    return Rows(names, columns, np.array(chunk.lines, dtype=np.int64), chunk.noun)


def whole_persons(parts: Iterable[Rows]) -> Iterator[Rows]:
    """Give the rows of a table so that all answers of a person come together.

    The last person of each part waits for the next part.

    Raises
    ------
    DataError
        If answers of a person turn up in a later part than the others.
    """
    waiting: Rows | None = None
    done: set[str] = set()
    for part in parts:
        rows = part if waiting is None else waiting.and_then(part)
        labels = [str(person) for person in rows.columns["person"]]
        late = next((row for row, label in enumerate(labels) if label in done), None)
        if late is not None:
            raise DataError(
                f"{rows.where(late)}: person '{labels[late]}' has answers further up, which have "
                "been scored already; sort the table so that the rows of a person come together, "
                "or raise --chunk-rows to the number of its rows"
            )
        is_last = np.array([label == labels[-1] for label in labels], dtype=np.bool_)
        waiting = rows.take(is_last)
        if not is_last.all():
            done.update(label for label in labels if label != labels[-1])
            yield rows.take(~is_last)
    if waiting is not None:
        yield waiting


def _answers(
    chunk: Chunk, column: str, items: NDArray[Any], kinds: Kind | Mapping[str, Kind]
) -> NDArray[Any]:
    """Read the answers (A,), each as it is written for its item."""
    if isinstance(kinds, str):
        return chunk.column(column, kinds)
    written: dict[Kind, NDArray[Any]] = {
        kind: chunk.column(column, kind) for kind in set(kinds.values())
    }
    if len(written) == 1:
        return next(iter(written.values()))
    # Answers to unknown items are refused later, however they are read.
    default = next(iter(written))
    return _objects([written[kinds.get(i, default)][row] for row, i in enumerate(items)])


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    return np.fromiter(values, object, len(values))
