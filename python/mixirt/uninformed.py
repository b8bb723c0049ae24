"""Item parameters that no answer informs of: what a fit gives for them is where they started."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mixirt._tables import listed
from mixirt.design import Design
from mixirt.table import ParameterTable

__all__ = ["uninformed"]

#: Items named in a sentence.
_MAX_NAMED = 5


def uninformed(
    design: Design, table: ParameterTable, counts: Sequence[Sequence[Sequence[float]]]
) -> list[str]:
    """Say which free item parameters the answers do not determine.

    Parameters that are fixed, have a prior, or are tied to others that answers inform of, are not
    among them; nor are intercepts that stop at a bound, where they are reported.

    Parameters
    ----------
    design, table : Design and ParameterTable
        The model.
    counts : sequence (groups) of sequences (items of the group) of sequences (categories)
        Sums of the weights of the answers.

    Returns
    -------
    list of str
        A sentence for every kind of gap.

    Examples
    --------
    >>> import mixirt
    >>> model = mixirt.Model("2pl", items=["q1", "q2", "q3"])
    >>> gaps = uninformed(model.design, model.table, [[[3.0, 4.0], [7.0, 0.0], [0.0, 0.0]]])
    >>> [gap.split(":")[0] for gap in gaps]
    ["nobody answered item 'q3'", "nobody chose category 1 of item 'q2'"]
    """
    cells = design.cells
    free = (cells.item >= 0) & ~table.is_fixed & [prior is None for prior in table.prior]
    rows = np.flatnonzero(free)
    chosen = _chosen(design, counts)[cells.group[rows] // design.n_classes, cells.item[rows]]
    own = chosen[np.arange(len(rows)), np.maximum(cells.category[rows], 0)]
    some = np.asarray(chosen.any(axis=1))
    first, own, answered = (
        _of_any_tied(table.free_id[rows], has) for has in (chosen[:, 0], own, some)
    )
    unbounded = np.isinf(table.lower[rows]) & np.isinf(table.upper[rows])
    runs_away = cells.is_kind("intercept")[rows] & unbounded & answered & ~(first & own)
    sentences = []
    unanswered = list(dict.fromkeys(_place(design, cell) for cell in rows[~answered]))
    if unanswered:
        sentences.append(
            f"nobody answered {_named(unanswered)}: what the fit gives for it are start values; "
            "leave it out, or fix its parameters, tie them or give them priors"
        )
    lacking: dict[str, list[object]] = {}
    for row, has_first in zip(rows[runs_away], first[runs_away], strict=True):
        category = cells.category[row] if has_first else 0
        label = design.category_labels[cells.item[row]][category]
        labels = lacking.setdefault(_place(design, row), [])
        if label not in labels:
            labels.append(label)
    if lacking:
        gaps = [f"category {listed(labels)} of {place}" for place, labels in lacking.items()]
        sentences.append(
            f"nobody chose {_named(gaps)}: its intercepts have no maximum, and what the fit gives "
            "for them is where it stopped; merge the category with a neighbour, leave the item "
            "out, or give the intercepts priors"
        )
    return sentences


def _chosen(design: Design, counts: Sequence[Sequence[Sequence[float]]]) -> NDArray[np.bool_]:
    """Which categories were chosen by anybody: shape (groups, I, most categories)."""
    shape = (len(design.groups), len(design.items), max(design.n_categories))
    chosen = np.zeros(shape, dtype=bool)
    for g, of_group in enumerate(counts):
        for i, of_item in zip(np.flatnonzero(design.items_in_group[g]), of_group, strict=True):
            chosen[g, i, : len(of_item)] = np.asarray(of_item) > 0
    return chosen


def _of_any_tied(free_id: NDArray[np.int64], has: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether any cell of the same free parameter has something."""
    ids, at = np.unique(free_id, return_inverse=True)
    return np.asarray(np.bincount(at, weights=has, minlength=len(ids)) > 0)[at]


def _place(design: Design, cell: int) -> str:
    group = design.groups[design.cells.group[cell] // design.n_classes]
    where = f" in group '{group}'" if design.has_groups else ""
    return f"item '{design.items[design.cells.item[cell]]}'{where}"


def _named(places: Sequence[str]) -> str:
    more = len(places) - _MAX_NAMED
    return ", ".join(places[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
