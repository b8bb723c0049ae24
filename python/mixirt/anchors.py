"""Item parameters held at the estimates of another fit, on whose scale the new one then is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt._checks import several
from mixirt._words import quoted, shown, unknown
from mixirt.design import Design
from mixirt.errors import IdentificationError, SpecError
from mixirt.identification import check_identification
from mixirt.table import ParameterTable

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["anchored"]


def anchored(
    design: Design, table: ParameterTable, result: Result, items: Sequence[object] | None
) -> ParameterTable:
    """Fix item parameters at another fit's estimates, then free what they identify.

    Raises
    ------
    SpecError
        If an item is unknown to one of the models, or not the same in both.
    """
    from mixirt.result import Result

    if not isinstance(result, Result):
        raise SpecError(f"anchors are the estimates of another fit; found {shown(result)}")
    source = result.model.design
    names = _anchor_items(design, source, items)
    values = result._values
    known: dict[tuple[object, ...], dict[tuple[str, int], float]] = {}
    for cell in np.flatnonzero(source.cells.item >= 0):
        known.setdefault(_part(source, int(cell)), {})[_place(source, int(cell))] = values[cell]
    chosen = [
        int(c)
        for c in np.flatnonzero(design.cells.item >= 0)
        if design.items[design.cells.item[c]] in names
    ]
    found = [_value(design, source, cell, known) for cell in chosen]
    table = table.fix(np.array(chosen, dtype=np.intp), np.array(found))
    return _free_distributions(design, table, np.array(chosen, dtype=np.intp))


def _anchor_items(design: Design, source: Design, items: Sequence[object] | None) -> set[str]:
    if items is None:
        names = set(design.items) & set(source.items)
        if not names:
            raise SpecError(
                f"there is nothing to anchor: the items are {quoted(design.items)}, those of the "
                f"fit {quoted(source.items)}; they are matched by name"
            )
    else:
        names = {str(item) for item in several("items", items)}
    for name in sorted(names):
        for known in (design.items, source.items):
            if name not in known:
                raise SpecError(unknown("item", name, known))
        mine, theirs = _definition(design, name), _definition(source, name)
        if mine != theirs:
            raise SpecError(
                f"item '{name}' is not the same in both models: it is {_words(mine)} here and "
                f"{_words(theirs)} in the fit that anchors it; leave it out of items="
            )
    return names


def _definition(design: Design, name: str) -> tuple[Any, ...]:
    """Return what must agree for parameters to mean the same: family, categories, attributes."""
    i = design.items.index(name)
    measured = tuple(design.attributes[j] for j in np.flatnonzero(design.q_matrix[i]))
    categories = tuple(str(value) for value in design.category_labels[i])
    return design.models[i].family, categories, design.category_scores[i], measured


def _words(definition: tuple[Any, ...]) -> str:
    family, categories, scores, measured = definition
    return (
        f"{family} with categories {', '.join(categories)} (scores "
        f"{', '.join(f'{s:g}' for s in scores)}), measuring {', '.join(measured) or 'nothing'}"
    )


def _part(design: Design, cell: int) -> tuple[object, ...]:
    """Name a cell without its group and class."""
    cells = design.cells
    attribute = design.attributes[cells.attribute[cell]] if cells.attribute[cell] >= 0 else None
    item = design.items[cells.item[cell]]
    return int(cells.kind[cell]), item, attribute, int(cells.category[cell])


def _place(design: Design, cell: int) -> tuple[str, int]:
    group = int(design.cells.group[cell])
    return str(design.groups[design.observed_of(group)]), design.class_of(group)


def _value(
    design: Design,
    source: Design,
    cell: int,
    known: dict[tuple[object, ...], dict[tuple[str, int], float]],
) -> float:
    """Return a parameter's estimate in its own group, or the one that all groups have in common."""
    part = _part(design, cell)
    estimates = known.get(part)
    if estimates is None:
        raise SpecError(
            f"the fit has no {design.describe(cell)} to anchor it at; leave the item out of items="
        )
    place = _place(design, cell)
    if place in estimates:
        return estimates[place]
    values = set(estimates.values())
    if len(values) > 1:
        raise SpecError(
            f"{design.describe(cell)} cannot be anchored: the fit has {len(values)} estimates of "
            f"it, for groups {', '.join(str(g) for g in source.groups)} with {source.n_classes} "
            "classes each; leave the item out of items="
        )
    return values.pop()


def _free_distributions(
    design: Design, table: ParameterTable, chosen: NDArray[np.intp]
) -> ParameterTable:
    """Free fixed variances and means of attributes that anchors measure, where identified."""
    cells = design.cells
    slopes = chosen[cells.is_kind("slope")[chosen]]
    pairs = sorted({(int(cells.group[c]), int(cells.attribute[c])) for c in slopes})
    for group, attribute in pairs:
        here = (cells.group == group) & (cells.attribute == attribute) & table.is_fixed
        for kind in ("variance", "mean"):
            cell = np.flatnonzero(here & cells.is_kind(kind))
            wider = table.free(cell)
            try:
                check_identification(design, wider)
            except IdentificationError:
                continue
            table = wider
    return table
