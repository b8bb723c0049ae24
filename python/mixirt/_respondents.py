"""What is known of respondents besides their answers: weights and groups."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt._tables import Table, as_list, read_vector
from mixirt._words import listed, quoted, shown, unknown
from mixirt.errors import DataError

if TYPE_CHECKING:
    from mixirt.design import Design

__all__ = [
    "Groups",
    "check_group_count",
    "check_groups_given",
    "group_position",
    "is_missing",
    "read_groups",
    "read_weights",
]

#: More groups than this are a mistake, and would take hours.
MAX_GROUPS = 2_000


@dataclass(frozen=True, eq=False)
class Groups:
    """The observed group of each respondent.

    Attributes
    ----------
    index
        Position in `labels` of each respondent's group, int32, shape (N,).
    labels
        The groups by the user's labels, sorted if they can be, else as they first appear.
    """

    index: NDArray[np.int32]
    labels: tuple[Any, ...]


def is_missing(value: Any) -> bool:
    """Whether a Python object stands for a missing value: None, NaN, or a library's own null."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, (float, np.floating)):
        return math.isnan(value)
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    return isinstance(value, Decimal) and value.is_nan()


def read_weights(weights: Any, table: Table) -> NDArray[np.float64] | None:
    """Read frequency or sampling weights: finite, not negative, not all zero; shape (N,)."""
    if weights is None:
        return None
    given = read_vector(weights, table.n_rows, "weights", table.index)
    if given.dtype.kind == "O":
        for row, value in enumerate(given):
            if not is_missing(value) and not _is_number(value):
                raise DataError(
                    f"weights: {table.row(row)} has {shown(value)}, which is not a number; weights "
                    "must be finite numbers, 0 or more"
                )
        given = np.array([math.nan if is_missing(v) else _to_float(v) for v in given])
    values = given.astype(np.float64)
    valid = np.isfinite(values) & (values >= 0)
    if not valid.all():
        row = int(np.argmin(valid))
        n_more = int(np.count_nonzero(~valid)) - 1
        more = f"; {n_more} more cannot be used" if n_more else ""
        raise DataError(
            f"weights: {table.row(row)} has {shown(values[row])}; weights must be finite numbers, "
            f"0 or more{more}. Give 0 to a respondent who should not count"
        )
    if not values.any():
        raise DataError("weights are all zero; at least one respondent must count")
    with np.errstate(over="ignore"):
        if not np.isfinite(values.sum()):
            raise DataError("the sum of the weights is infinite; divide all of them by the largest")
    return values


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, Decimal, np.bool_, np.integer, np.floating))


def _to_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def read_groups(groups: Any, table: Table, labels: Iterable[Any] | None = None) -> Groups | None:
    """Read the group of each respondent.

    Parameters
    ----------
    groups
        One label per respondent, or None.
    table
        The responses.
    labels
        The groups there are, in order; by default those found.
    """
    if groups is None:
        if labels is not None:
            raise DataError("group_labels are given, but groups are not; pass groups= too")
        return None
    values = read_vector(groups, table.n_rows, "groups", table.index)
    _check_labelled(values, table)
    if values.dtype.kind != "O":
        distinct, inverse = np.unique(values, return_inverse=True)
        found, index = tuple(distinct.tolist()), inverse.reshape(-1).astype(np.int32)
    else:
        found, index = _factorize(values, table)
    if labels is None:
        check_group_count(len(found))
        return Groups(index, found)
    declared = _declared(labels)
    position = {label: g for g, label in enumerate(declared)}
    recode = np.array([position.get(label, -1) for label in found], dtype=np.int32)
    index = recode[index]
    if (index < 0).any():
        row = int(np.argmin(index))
        raise DataError(
            f"groups: {table.row(row)} has {shown(values[row])}, which is not a group; "
            f"the groups are {listed(declared)}"
        )
    return Groups(index, declared)


def check_groups_given(design: Design, groups: Any) -> None:
    """Refuse groups of respondents where the model has none, and none where it has some.

    Raises
    ------
    DataError
        Which of the two it is, and what to do.
    """
    if design.has_groups and groups is None:
        raise DataError(
            f"the model has groups {quoted(design.groups)}, but no groups were given; pass groups="
            " with the label of each respondent"
        )
    if groups is not None and not design.has_groups:
        raise DataError(
            "groups were given, but the model has none; leave them out, or make the model with "
            "groups="
        )


def group_position(design: Design, group: Any) -> int:
    """Find an observed group by its label; the only one where the model has none."""
    if group is None and design.has_groups:
        raise DataError(f"say which group (group=): {quoted(design.groups)}")
    if group is None:
        return 0
    try:
        return design.groups.index(group)
    except (TypeError, ValueError):  # an array cannot even be compared
        if not design.has_groups:
            raise DataError("a group was given, but the model has none; leave it out") from None
        raise DataError(unknown("group", group, design.groups)) from None


def check_group_count(n_groups: int) -> None:
    """Refuse so many groups that somebody must have meant something else."""
    if n_groups > MAX_GROUPS:
        raise DataError(
            f"groups has {n_groups} different labels, and there may be {MAX_GROUPS}: each group is "
            "a population with parameters of its own. If the labels tell respondents or clusters "
            "apart, leave them out, and give them as clusters= to r.vcov(method='sandwich')"
        )


def _check_labelled(values: NDArray[Any], table: Table) -> None:
    if values.dtype.kind == "O":
        missing = [row for row, value in enumerate(values) if is_missing(value)]
    else:
        missing = np.flatnonzero(np.isnan(values)).tolist() if values.dtype.kind == "f" else []
    if missing:
        more = f", and {len(missing) - 1} more have none" if len(missing) > 1 else ""
        raise DataError(
            f"groups: {table.row(missing[0])} has no group{more}; give every respondent a group, "
            "or leave those without one out"
        )


def _factorize(values: NDArray[Any], table: Table) -> tuple[tuple[Any, ...], NDArray[np.int32]]:
    position: dict[Any, int] = {}
    index = np.empty(len(values), dtype=np.int32)
    for row, value in enumerate(values):
        try:
            index[row] = position.setdefault(value, len(position))
        except TypeError as error:  # noqa: PERF203 -- the message names the row
            raise DataError(
                f"groups: {table.row(row)} has {shown(value)}, which cannot be a label; "
                "use text or numbers"
            ) from error
    found = tuple(position)
    try:
        labels = tuple(sorted(found))
    except TypeError:
        return found, index
    rank = {label: g for g, label in enumerate(labels)}
    return labels, np.array([rank[label] for label in found], dtype=np.int32)[index]


def _declared(labels: Any) -> tuple[Any, ...]:
    given = as_list(labels)
    if given is None:
        raise DataError(f"group_labels must be a sequence of labels; found {shown(labels)}")
    declared = tuple(given)
    try:
        n_distinct = len(set(declared))
    except TypeError as error:
        raise DataError(f"group_labels must be text or numbers: {error}") from error
    if n_distinct < len(declared) or not declared:
        raise DataError(f"group_labels must be different labels; found {listed(declared)}")
    return declared
