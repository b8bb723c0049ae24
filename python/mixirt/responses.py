"""Responses: what the user gave, checked, as category codes with the user's own labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._answers import Answers
from mixirt._coding import MAX_CATEGORIES, MISSING, Coding, encode, encode_long, read_codings
from mixirt._observed import check_groups, check_observed, warn_of_identifiers
from mixirt._respondents import Groups, read_groups, read_weights
from mixirt._tables import Table, read_table
from mixirt._warn import warn
from mixirt._words import listed, shown
from mixirt.errors import DataError, DataWarning, SpecError
from mixirt.long_format import LongResponses, LongTable

__all__ = ["MISSING", "Responses", "matched_table"]

#: Responses with this many times as many columns as rows are taken to be transposed.
TRANSPOSED_RATIO = 10


@dataclass(frozen=True, eq=False)
class Responses:
    """Checked responses of N respondents to I items.

    Made by `read`, or for a model that is already estimated by `read_for`.

    Attributes
    ----------
    codes
        Categories 0, 1, ... of the answers, `MISSING` (255) where there is none: uint8, shape
        (N, I), C-contiguous, read-only; lists of answers where they came in long format.
    item_names
        Names of the items.
    n_categories
        Number of categories of each item, shape (I,).
    category_labels
        The user's values of each item's categories, in order.
    weights
        Weight of each respondent, shape (N,), or None.
    groups
        Position in `group_labels` of each respondent's group, int32, shape (N,), or None.
    group_labels
        The user's labels of the groups, or None.
    native
        The library the responses came in: "numpy" (lists too), "pandas", "polars", "pyarrow", ...
    index
        The index of a pandas frame; else None.
    persons
        Labels of the respondents, by the name of their column, where they came in long format;
        else empty.
    """

    codes: NDArray[np.uint8] | Answers
    item_names: tuple[str, ...]
    n_categories: NDArray[np.intp]
    category_labels: tuple[tuple[Any, ...], ...]
    weights: NDArray[np.float64] | None = None
    groups: NDArray[np.int32] | None = None
    group_labels: tuple[Any, ...] | None = None
    native: str = "numpy"
    index: Any = None
    persons: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Number of respondents N."""
        return len(self.codes)

    @property
    def n_items(self) -> int:
        """Number of items I."""
        return len(self.item_names)

    @property
    def categories(self) -> dict[str, tuple[Any, ...]]:
        """Category labels by item: what `read_for` needs to read further responses alike."""
        return dict(zip(self.item_names, self.category_labels, strict=True))

    def every_weight(self) -> NDArray[np.float64]:
        """Weight of each respondent, 1 without weights: shape (N,)."""
        return np.ones(self.n_rows) if self.weights is None else self.weights

    def every_group(self) -> NDArray[np.int32]:
        """Position of each respondent's group, 0 without groups: shape (N,)."""
        return np.zeros(self.n_rows, dtype=np.int32) if self.groups is None else self.groups

    def matrix(self) -> NDArray[np.uint8]:
        """Give the codes as a matrix, shape (N, I), whichever way they came."""
        return self.codes.matrix() if isinstance(self.codes, Answers) else self.codes

    def answered(self) -> NDArray[np.bool_]:
        """Whether anybody in a group answered an item: shape (groups, I)."""
        group = self.every_group()
        n_groups = len(self.group_labels or (None,))
        if isinstance(self.codes, Answers):
            return self.codes.answered(group, n_groups)
        codes = self.codes
        return np.array([(codes[group == g] != MISSING).any(axis=0) for g in range(n_groups)])

    @classmethod
    def read(
        cls,
        responses: Any,
        *,
        categories: Sequence[Any] | Mapping[Any, Sequence[Any]] | None = None,
        missing: Any = None,
        weights: Any = None,
        groups: Any = None,
        group_labels: Iterable[Any] | None = None,
        item_names: Sequence[Any] | None = None,
    ) -> Responses:
        """Read responses to estimate a model from.

        Parameters
        ----------
        responses
            One row per respondent and one column per item: a NumPy array, a list of rows, or a data
            frame of pandas, polars, Arrow or any other library that narwhals reads. By default the
            whole numbers 0 to M - 1 are the categories of an item, M - 1 the largest found. NaN,
            None, nulls and masked cells are missing.
        categories
            The values of the categories, in order: a sequence for all items, or a dict with the
            sequences of some. The first value is category 0.
        missing
            A value or values that mean no answer, in all items or, as a dict, by item. They are
            taken out before anything is checked.
        weights
            Frequency or sampling weight of each respondent, in their order. One of weight 0 does
            not count as an answer to anything.
        groups
            Label of each respondent's group, in their order.
        group_labels
            The groups there must be, in order; by default those found, sorted.
        item_names
            Names of the items; by default the columns of a frame, or "item1", "item2", ...

        Returns
        -------
        Responses
            The responses, checked.

        Raises
        ------
        DataError
            If anything cannot be used: names the item, row and group, and says what to do.

        Warns
        -----
        DataWarning
            If the responses look transposed, or a column looks like one of identifiers.

        Examples
        --------
        >>> r = Responses.read([[0, 2], [1, None], [0, 0], [1, 1]])
        >>> r.codes.tolist(), r.n_categories.tolist()
        ([[0, 2], [1, 255], [0, 0], [1, 1]], [2, 3])
        >>> r = Responses.read(
        ...     [["no", 3], ["yes", 1], ["no", 9], ["yes", 2]],
        ...     categories={"q1": ["no", "yes"], "q2": [1, 2, 3]},
        ...     missing={"q2": 9},
        ...     item_names=["q1", "q2"],
        ... )
        >>> r.codes.tolist()
        [[0, 2], [1, 0], [0, 255], [1, 1]]
        >>> Responses.read([[1, 2], [2, 1]])
        Traceback (most recent call last):
        ...
        mixirt.errors.DataError: items 'item1', 'item2' have no answer in category 0: the codes \
look 1-based. Categories count from 0: say categories=[1, 2], or subtract 1 from the codes
        """
        table = _table(responses, item_names)
        if not isinstance(table, LongTable) and len(table.names) >= TRANSPOSED_RATIO * table.n_rows:
            warn(
                f"the responses have {table.n_rows} rows and {len(table.names)} columns; rows are "
                "respondents and columns items: if it is the other way round, transpose them",
                DataWarning,
            )
        weight = read_weights(weights, table)
        group = read_groups(groups, table, group_labels)
        codings = read_codings(table, categories, missing)
        codes, counts = _encode(table, codings, group)
        # Items with equally many categories share their labels, which are then read only once.
        n_found = _n_categories(counts)
        numbered = {n: tuple(range(n)) for n in set(n_found)}
        labels = tuple(
            numbered[n] if coding.labels is None else coding.labels
            for coding, n in zip(codings, n_found, strict=True)
        )
        counting = None if weight is None or weight.all() else weight > 0
        if counting is not None:
            counts = _count(codes, counting)
        if group is not None:
            check_groups(group, _has_answers(codes), counting)
        warn_of_identifiers(table.names, counts)
        by_default = np.array([coding.labels is None for coding in codings])
        check_observed(table.names, labels, by_default, counts)
        return cls._checked(table, codes, labels, weight, group)

    @classmethod
    def read_for(
        cls,
        responses: Any,
        categories: Mapping[str, Sequence[Any]],
        *,
        missing: Any = None,
        weights: Any = None,
        groups: Any = None,
        group_labels: Iterable[Any] | None = None,
        extra: Literal["refuse", "ignore"] = "refuse",
    ) -> Responses:
        """Read responses for items whose categories are known, to score them for instance.

        It does not matter which categories occur, nor whether every group has respondents.

        Parameters
        ----------
        responses
            As for `read`. The columns of a frame are matched with the items by name, in any order;
            those of an array or list by position.
        categories
            The values of the categories of each item, as in the property `categories`.
        missing, weights, groups, group_labels
            As for `read`.
        extra
            What to do about columns of a frame that are no items: "refuse" or "ignore".

        Returns
        -------
        Responses
            The responses to the items, in the order of `categories`.

        Raises
        ------
        DataError
            If an item has no column, there are columns to refuse, or a value is not allowed.

        Examples
        --------
        >>> fitted = Responses.read([[0, 2], [1, 1], [0, 0]], item_names=["q1", "q2"])
        >>> Responses.read_for([[1, None]], fitted.categories).codes.tolist()
        [[1, 255]]
        """
        table = matched_table(responses, tuple(categories), extra)
        weight = read_weights(weights, table)
        group = read_groups(groups, table, group_labels)
        codings = read_codings(table, categories, missing)
        codes, _ = _encode(table, codings, group)
        return cls._checked(table, codes, tuple(map(tuple, categories.values())), weight, group)

    @classmethod
    def _checked(
        cls,
        table: Table,
        codes: NDArray[np.uint8] | Answers,
        labels: tuple[tuple[Any, ...], ...],
        weights: NDArray[np.float64] | None,
        groups: Groups | None,
    ) -> Responses:
        n_categories = np.array([len(values) for values in labels], dtype=np.intp)
        group = None if groups is None else groups.index
        long = table.long if isinstance(table, LongTable) else None
        own = (codes.ptr, codes.items, codes.codes) if isinstance(codes, Answers) else (codes,)
        for array in (*own, n_categories, weights, group):
            if array is not None:
                array.flags.writeable = False
        return cls(
            codes=codes,
            item_names=table.names,
            n_categories=n_categories,
            category_labels=labels,
            weights=weights,
            groups=group,
            group_labels=None if groups is None else groups.labels,
            native=table.native,
            index=table.index,
            persons={} if long is None else {long.person_column: long.persons},
        )


def _n_categories(counts: NDArray[np.uint32]) -> list[int]:
    """Give 1 + the largest category with an answer of each item, from counts (I, 256)."""
    observed = counts[:, :MAX_CATEGORIES] > 0
    last = MAX_CATEGORIES - observed[:, ::-1].argmax(axis=1)
    n_categories: list[int] = np.where(observed.any(axis=1), last, 0).tolist()
    return n_categories


def _table(responses: Any, item_names: Sequence[Any] | None = None) -> Table:
    if not isinstance(responses, LongResponses):
        return read_table(responses, item_names)
    if item_names is not None:
        raise DataError("long responses name their items themselves; say items= in mixirt.long")
    return LongTable.of(responses)


def _encode(
    table: Table, codings: Sequence[Coding], groups: Groups | None
) -> tuple[NDArray[np.uint8] | Answers, NDArray[np.uint32]]:
    if isinstance(table, LongTable):
        return encode_long(table, codings)
    return encode(table, codings, groups)


def _has_answers(codes: NDArray[np.uint8] | Answers) -> NDArray[np.bool_]:
    """Which respondents answered anything, shape (N,)."""
    if isinstance(codes, Answers):
        return codes.n_answers() > 0
    return np.asarray((codes != MISSING).any(axis=1))


def _count(codes: NDArray[np.uint8] | Answers, counting: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Count codes of some respondents by item: shape (I, 256)."""
    if isinstance(codes, Answers):
        return codes.counts(counting)
    own = codes[counting]
    tables = np.tile(np.arange(256, dtype=np.uint8), (own.shape[1], 1))
    counts, _ = _core.encode(own, tables, [], np.empty_like(own))
    return counts


def check_extra(extra: Any) -> str:
    """Give what to do with columns that are no items, or refuse the value."""
    if not isinstance(extra, str) or extra not in ("refuse", "ignore"):
        raise SpecError(f'extra must be "refuse" or "ignore"; found {shown(extra)}')
    return extra


def matched_table(responses: Any, names: tuple[str, ...], extra: Any) -> Table:
    """Read the columns of the items of those names, by name or else by position."""
    check_extra(extra)
    table = _table(responses)
    if not table.has_names:
        if len(table.names) != len(names):
            raise DataError(
                f"found {len(table.names)} columns, but the model has {len(names)} items; without "
                f"column names there must be one column per item, in order: {listed(names)}"
            )
        return replace(table, names=names)
    columns, items = set(table.names), set(names)
    lacking = [name for name in names if name not in columns]
    if lacking and not isinstance(table, LongTable):
        raise DataError(
            f"no column is named {listed(lacking)}; the model has these items, so add the columns, "
            "empty (all missing) where the items were not given"
        )
    others = [name for name in table.names if name not in items]
    if others and extra == "refuse":
        raise DataError(
            f"columns that are no items of the model: {listed(others)}; "
            'drop them, or say extra="ignore"'
        )
    return table.select(names)
