"""Responses in long format: a row for every answer, not a column for every item."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt._respondents import is_missing
from mixirt._tables import MAX_ITEMS, Table, as_list, frame_columns, read_vector
from mixirt._words import listed, shown, unknown
from mixirt.errors import DataError

__all__ = ["LongResponses", "LongTable", "from_columns", "long", "own_columns"]


def _numbered(row: int) -> str:
    return f"row {row}"


@dataclass(frozen=True, eq=False)
class LongResponses:
    """Answers of N persons to I items; made by :func:`mixirt.long`.

    Every function that takes responses takes these. Arguments with a value for each respondent, and
    results with a row for each, are in the order of `persons`.

    Attributes
    ----------
    persons : tuple
        Labels of the persons, in the order in which they first appear.
    items : tuple of str
        Names of the items, in the order in which they first appear or were given.
    of_person, of_item : ndarray, shape (A,)
        Positions of each answer's person and item, by which answers are sorted.
    row_of, value_of : ndarray, shape (A,)
        The row of the frame that each answer came in, and its value before coding.
    groups, weights : ndarray, shape (N,), or None
        Group and weight of each person, where there are columns for them.
    person_column, native : str
        Name of the column with the persons, and the library of the frame.
    row_name : callable
        Names a row of the frame in a message.
    """

    persons: tuple[Any, ...]
    items: tuple[str, ...]
    of_person: NDArray[np.int64]
    of_item: NDArray[np.int64]
    row_of: NDArray[np.int64]
    value_of: NDArray[Any]
    groups: NDArray[Any] | None
    weights: NDArray[Any] | None
    person_column: str
    native: str
    # A factory: as a plain default the function would look like a method of the class.
    row_name: Callable[[int], str] = field(default_factory=lambda: _numbered)

    @property
    def n_answers(self) -> int:
        """Number of rows with an answer, those among them that are coded as missing included."""
        return len(self.value_of)

    def __repr__(self) -> str:
        return (
            f"<mixirt.LongResponses: {self.n_answers} answers of {len(self.persons)} persons to "
            f"{len(self.items)} items>"
        )


@dataclass(frozen=True, eq=False)
class LongTable(Table):
    """Long responses before coding; rows are persons."""

    long: LongResponses = None  # type: ignore[assignment]  # always given

    @classmethod
    def of(cls, long: LongResponses) -> LongTable:
        """Give the responses as they are read before coding."""
        names, n_rows = long.items, len(long.persons)
        return cls(names, [], n_rows, native=long.native, has_names=True, long=long)

    def row(self, row: int) -> str:
        """Name a person in a message."""
        return f"person {shown(self.long.persons[row])}"

    def select(self, names: Sequence[str]) -> LongTable:
        """Take the answers to those items, in that order; nobody answered those that are new."""
        if tuple(names) == self.names:
            return self
        long = self.long
        position = {name: i for i, name in enumerate(names)}
        recode = np.array([position.get(name, -1) for name in long.items], dtype=np.int64)
        item = recode[long.of_item]
        kept = np.flatnonzero(item >= 0)
        kept = kept[np.lexsort((item[kept], long.of_person[kept]))]
        chosen = replace(
            long,
            items=tuple(names),
            of_person=long.of_person[kept],
            of_item=item[kept],
            row_of=long.row_of[kept],
            value_of=long.value_of[kept],
        )
        return LongTable.of(chosen)


def long(
    frame: Any,
    *,
    person: str = "person",
    item: str = "item",
    response: str = "response",
    group: str | None = None,
    weight: str | None = None,
    items: Sequence[Any] | None = None,
) -> LongResponses:
    """Read responses in long format: one row per answer.

    Where persons saw a small part of an item bank, this is how the data usually come, and time and
    memory are those of the answers, not of persons times items.

    Parameters
    ----------
    frame : data frame or mapping
        Columns by name: a frame of pandas, polars, Arrow or any other library that narwhals reads,
        or a dict of sequences.
    person, item, response : str
        Columns with the label of the person, that of the item, and the answer. An empty answer
        (null, NaN) is a missing one.
    group, weight : str, optional
        Columns with the observed group and the weight of the person, the same in all of a person's
        rows: instead of ``groups`` and ``weights`` of :func:`mixirt.fit`.
    items : sequence, optional
        The items, in the order in which results shall list them; by default in the order in which
        they first appear.

    Returns
    -------
    LongResponses
        To be given to :func:`mixirt.fit`, :func:`mixirt.fit_latent_class`,
        :meth:`mixirt.Result.score` and whatever else takes responses.

    Raises
    ------
    DataError
        If a column is not there; a person or item has no label; a person answers an item twice; or
        group or weight differ between the rows of a person.

    Examples
    --------
    >>> import mixirt
    >>> answers = {
    ...     "person": ["Ann", "Ann", "Bea", "Bea", "Cai", "Cai"],
    ...     "item": ["q1", "q2", "q2", "q3", "q1", "q3"],
    ...     "response": [0, 1, 0, 1, 1, 0],
    ... }
    >>> mixirt.long(answers)
    <mixirt.LongResponses: 6 answers of 3 persons to 3 items>

    A table with a column for each item, made long:

    >>> wide = mixirt.datasets.load("lsat7").frame().rename_axis("person").reset_index()
    >>> table = wide.melt("person", var_name="item", value_name="response")
    >>> r = mixirt.fit(mixirt.long(table), "rasch")
    >>> round(r.loglik, 4)
    -2664.9009
    >>> r.score(mixirt.long(answers | {"item": ["item1", "item2"] * 3})).frame()["person"].tolist()
    ['Ann', 'Bea', 'Cai']
    """
    wanted = {"person": person, "item": item, "response": response}
    wanted |= {k: v for k, v in {"group": group, "weight": weight}.items() if v is not None}
    columns, native = _columns(frame, wanted)
    return from_columns(columns, wanted, items=items, native=native)


def from_columns(
    columns: Mapping[str, NDArray[Any]],
    names: Mapping[str, str],
    *,
    items: Sequence[Any] | None = None,
    native: str = "numpy",
    row_name: Callable[[int], str] = _numbered,
) -> LongResponses:
    """Put long responses together, as :func:`long`, from columns by their role.

    Parameters
    ----------
    columns : mapping from role to ndarray, shape (A,)
        The roles are ``"person"``, ``"item"``, ``"response"`` and, where there are such columns,
        ``"group"`` and ``"weight"``.
    names : mapping from role to str
        What the columns are called in messages.
    items : sequence, optional
        As for :func:`long`.
    native : str, default "numpy"
        The library of the frame.
    row_name : callable, optional
        Names a row in a message.
    """
    persons, of_person = _factorize(columns["person"], "person", names["person"], row_name)
    labels, of_item = _factorize(columns["item"], "item", names["item"], row_name)
    item_names, of_item = _item_names(labels, of_item, items)
    order = _order(of_person, of_item, (persons, item_names), row_name)
    per_person = {
        role: _per_person(columns[role], of_person, persons, names[role], row_name)
        for role in ("group", "weight")
        if role in columns
    }
    return LongResponses(
        persons=persons,
        items=item_names,
        of_person=of_person[order],
        of_item=of_item[order],
        row_of=order,
        value_of=columns["response"][order],
        groups=per_person.get("group"),
        weights=per_person.get("weight"),
        person_column=names["person"],
        native=native,
        row_name=row_name,
    )


def own_columns(responses: Any, groups: Any, weights: Any = None) -> tuple[Any, Any]:
    """Give groups and weights as they were given, or else as long responses have them."""
    if not isinstance(responses, LongResponses):
        return groups, weights
    for own, given, name in (
        (responses.groups, groups, "groups"),
        (responses.weights, weights, "weights"),
    ):
        if own is not None and given is not None:
            raise DataError(f"{name} were given, but the long responses have their own; leave one")
    return (
        groups if responses.groups is None else responses.groups,
        weights if responses.weights is None else responses.weights,
    )


def _columns(frame: Any, wanted: Mapping[str, Any]) -> tuple[dict[str, NDArray[Any]], str]:
    """Read the wanted columns by role, and the name of the frame's library."""
    if isinstance(frame, Mapping):
        names, native = [str(name) for name in frame], "numpy"
        column: Any = frame.__getitem__
    else:
        names, column, native = frame_columns().named_columns(frame)
    for role, name in wanted.items():
        if not isinstance(name, Hashable) or name not in names:
            raise DataError(
                f"{unknown('column', name, names)}; say which one holds the {role} by {role}="
            )
    n_rows = len(column(wanted["person"]))
    if n_rows == 0:
        raise DataError("long responses need at least one row; found none")
    values = {
        role: read_vector(column(name), n_rows, f"column {name!r}") for role, name in wanted.items()
    }
    return values, native


def _factorize(
    values: NDArray[Any], role: str, column: str, row_name: Callable[[int], str]
) -> tuple[tuple[Any, ...], NDArray[np.int64]]:
    """Give the distinct labels in order of appearance, and the position of each row's label."""
    if values.dtype.kind == "O":
        return _factorize_objects(values, role, column, row_name)
    if values.dtype.kind == "f":
        absent = np.flatnonzero(~np.isfinite(values))
        if absent.size:
            raise _unlabelled(column, role, row_name(absent[0]))
        whole = values.astype(np.int64)
        values = whole if (whole == values).all() else values
    distinct, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return tuple(distinct[order].tolist()), rank[inverse.reshape(-1)]


def _factorize_objects(
    values: NDArray[Any], role: str, column: str, row_name: Callable[[int], str]
) -> tuple[tuple[Any, ...], NDArray[np.int64]]:
    position: dict[Any, int] = {}
    index = np.empty(len(values), dtype=np.int64)
    try:
        for row, value in enumerate(values):
            index[row] = position.setdefault(value, len(position))
    except TypeError as error:
        raise DataError(
            f"column {column!r}: {shown(value)} in {row_name(row)} cannot be a label; "
            "use text or numbers"
        ) from error
    for label, at in position.items():
        if is_missing(label):
            raise _unlabelled(column, role, row_name(int(np.argmax(index == at))))
    return tuple(position), index


def _unlabelled(column: str, role: str, where: str) -> DataError:
    return DataError(f"column {column!r}: {where} has no {role}; every row needs one")


def _item_names(
    labels: tuple[Any, ...], of_item: NDArray[np.int64], items: Sequence[Any] | None
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Give the items' names in order, and the position of each row's item among them."""
    found = tuple(str(label) for label in labels)
    if items is None:
        names = found
    else:
        given = as_list(items)
        if given is None:
            raise DataError(f"items must be a sequence of items; found {shown(items)}")
        names = tuple(str(name) for name in given)
        known = set(names)
        lacking = [name for name in found if name not in known]
        if lacking:
            raise DataError(
                f"items does not name {listed(lacking)}, which were answered; add them, or leave "
                "their rows out"
            )
    for checked in (found, names):
        if len(set(checked)) < len(checked):
            repeated = sorted({name for name in checked if checked.count(name) > 1})
            raise DataError(f"item names must differ, but these repeat: {listed(repeated)}")
    if len(names) > MAX_ITEMS:
        raise DataError(f"found {len(names)} items, but at most {MAX_ITEMS} are possible")
    position = {name: i for i, name in enumerate(names)}
    recode = np.array([position[name] for name in found], dtype=np.int64)
    return names, recode[of_item]


def _order(
    of_person: NDArray[np.int64],
    of_item: NDArray[np.int64],
    labels: tuple[tuple[Any, ...], tuple[str, ...]],
    row_name: Callable[[int], str],
) -> NDArray[np.int64]:
    """Sort rows by person and item, whose labels are given; refuse pairs that occur twice."""
    persons, names = labels
    key = of_person * len(names) + of_item
    order = np.argsort(key, kind="stable")
    again = np.flatnonzero(np.diff(key[order]) == 0)
    if again.size:
        first, second = order[again[0]], order[again[0] + 1]
        more = f" ({again.size - 1} more rows repeat a person and item)" if again.size > 1 else ""
        raise DataError(
            f"person {shown(persons[of_person[first]])} has two rows for item "
            f"{names[of_item[first]]!r}, {row_name(first)} and {row_name(second)}{more}; keep one "
            "answer of a person to an item, or name repeated items differently"
        )
    return order


def _per_person(
    values: NDArray[Any],
    of_person: NDArray[np.int64],
    persons: tuple[Any, ...],
    column: str,
    row_name: Callable[[int], str],
) -> NDArray[Any]:
    """Give the value of each person (N,), which is the same in all of the person's rows."""
    _, first = np.unique(of_person, return_index=True)
    own: NDArray[Any] = values[first]
    differs = values != own[of_person]
    # Missing values differ from themselves; they are refused where the column is read.
    differs &= np.array([not is_missing(v) for v in values]) if differs.any() else True
    rows = np.flatnonzero(differs)
    if rows.size:
        who = of_person[rows[0]]
        raise DataError(
            f"column {column!r}: person {shown(persons[who])} has {shown(own[who])} in "
            f"{row_name(first[who])} and {shown(values[rows[0]])} in {row_name(rows[0])}; it must "
            "be the same in all of a person's rows"
        )
    return own
