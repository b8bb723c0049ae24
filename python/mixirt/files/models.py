"""Models in files: the structure, and one column per property of the parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt import priors
from mixirt._coding import MAX_CATEGORIES
from mixirt.build import make_design
from mixirt.design import Design
from mixirt.errors import FileError
from mixirt.families import ITEM_MODELS
from mixirt.files.fields import Section, check_label, numbers_or_null
from mixirt.model import Model
from mixirt.priors import Prior
from mixirt.table import KINDS, Cells, ParameterTable

__all__ = ["SavedCells", "design_content", "parameter_content", "read_cells", "read_design"]

#: Limits that keep a small file from asking for much memory.
MAX_ITEMS = 65_535
MAX_ATTRIBUTES = 1_000
MAX_MEMBERS = 10**8

_MAKERS = {"normal": priors.normal, "lognormal": priors.lognormal, "beta": priors.beta}


def design_content(design: Design) -> dict[str, Any]:
    """Write a structure for a file."""
    labels = [
        [check_label(label, f"item '{item}'") for label in own]
        for item, own in zip(design.items, design.category_labels, strict=True)
    ]
    groups = [check_label(label, "the grouping") for label in design.groups]
    return {
        "items": list(design.items),
        "item_models": [model.name for model in design.models],
        "families": [model.family for model in design.models],
        "category_labels": labels,
        "category_scores": [list(scores) for scores in design.category_scores],
        "attributes": list(design.attributes),
        "item_attributes": [np.flatnonzero(row).tolist() for row in design.q_matrix],
        "groups": groups,
        "reference_group": list(design.groups).index(design.reference),
        "group_items": [np.flatnonzero(row).tolist() for row in design.items_in_group],
        "group_attributes": [np.flatnonzero(row).tolist() for row in design.attributes_in_group],
        "n_classes": design.n_classes,
        "quadrature": design.quadrature,
        "n_quadrature": None if design.n_quadrature is None else list(design.n_quadrature),
        "prune": design.prune,
    }


def parameter_content(
    model: Model, values: NDArray[np.float64], status: list[str]
) -> dict[str, Any]:
    """Write the parameter table for a file: lists with one entry per parameter."""
    table, cells = model.table, model.design.cells
    return {
        "kind": [KINDS[k] for k in cells.kind],
        "group": cells.group.tolist(),
        "item": cells.item.tolist(),
        "attribute": cells.attribute.tolist(),
        "attribute_2": cells.attribute_2.tolist(),
        "category": cells.category.tolist(),
        "slot": table.compiled().slot.tolist(),
        "estimate": values.tolist(),
        "status": status,
        "fixed_value": numbers_or_null(np.where(table.is_fixed, table.value, np.nan)),
        "start": numbers_or_null(table.start),
        "lower": numbers_or_null(table.lower),
        "upper": numbers_or_null(table.upper),
        "bounded": table.bounded.tolist(),
        "prior": [None if p is None else [p.name, p.first, p.second] for p in table.prior],
    }


def read_design(section: Section, n_cells: int) -> Design:
    """Read a structure, for which the file lists `n_cells` parameters."""
    items = section.texts("items")
    n_items = len(items)
    if not 1 <= n_items <= MAX_ITEMS:
        raise section.wrong("items", f"must hold 1 to {MAX_ITEMS} names")
    attributes = section.texts("attributes")
    if len(attributes) > MAX_ATTRIBUTES:
        raise section.wrong("attributes", f"must hold at most {MAX_ATTRIBUTES} names")
    groups = section.labels("groups")
    if not groups or len(groups) * n_items > MAX_MEMBERS:
        raise section.wrong("groups", "must hold at least one label, and not as many as these")
    labels = [
        section.check_labels("category_labels", own)
        for own in section.entries("category_labels", n_items)
    ]
    if not all(2 <= len(own) <= MAX_CATEGORIES for own in labels):
        raise section.wrong("category_labels", f"must hold lists of 2 to {MAX_CATEGORIES} labels")
    points = None
    if section.has("n_quadrature"):
        points = tuple(section.wholes("n_quadrature", len(attributes), least=2).tolist())
    design = make_design(
        section.choices("item_models", ITEM_MODELS, n_items),
        items=items,
        categories=labels,
        category_scores=_scores(section, n_items),
        q_matrix=_mask(section, "item_attributes", n_items, len(attributes)),
        attributes=attributes,
        groups=groups,
        n_classes=section.whole("n_classes", 1, max(n_cells, 1)),
    )
    # Files of earlier versions say how to integrate over attributes that are not there.
    design = replace(
        design,
        quadrature=section.text("quadrature"),
        n_quadrature=points,
        prune=section.number("prune") if section.has("prune") else None,
        reference=groups[section.whole("reference_group", 0, len(groups) - 1)],
        items_in_group=_mask(section, "group_items", len(groups), n_items),
        attributes_in_group=_mask(section, "group_attributes", len(groups), len(attributes)),
    )
    if _least_cells(design) > n_cells:
        raise section.wrong("items", "and groups must have all their parameters in the file")
    return design


def _scores(section: Section, n_items: int) -> list[list[float]]:
    section.entries("category_scores", n_items)
    scores = section.entries("category_scores")
    for own in scores:
        # As a member of its own, a list of scores is checked like any other list of numbers.
        Section({"scores": own}, "content.design.category").numbers("scores")
    return scores


def _mask(section: Section, name: str, n_rows: int, n_columns: int) -> NDArray[np.bool_]:
    mask = np.zeros((n_rows, n_columns), dtype=np.bool_)
    for row, positions in enumerate(section.index_lists(name, n_rows, n_columns)):
        mask[row, positions] = True
    return mask


def _least_cells(design: Design) -> int:
    """Count intercepts, slopes, means and covariances, so that none are laid out for nothing."""
    steps = np.array(design.n_categories) - 1
    n_cells = 0
    for items, attributes in zip(design.items_in_group, design.attributes_in_group, strict=True):
        n_own = int(attributes.sum())
        n_cells += int(steps[items].sum()) + int(design.q_matrix[items][:, attributes].sum())
        n_cells += n_own + n_own * (n_own + 1) // 2
    return n_cells * design.n_classes


@dataclass(frozen=True, eq=False)
class SavedCells:
    """The parameters of a file, in the engine's order.

    Attributes
    ----------
    table : ParameterTable
        What every parameter is.
    values : ndarray, shape (n_cells,)
        The estimate of every parameter.
    slot : ndarray of int, shape (n_cells,)
        The free parameter behind each as the file numbers them, -1 where it is fixed.
    """

    table: ParameterTable
    values: NDArray[np.float64]
    slot: NDArray[np.int64]

    def free_order(self) -> NDArray[np.int64]:
        """Where each free parameter of the model is among the file's, shape (n_free,)."""
        return self.slot[self.table.compiled().first_cell]


def read_cells(section: Section, design: Design) -> SavedCells:
    """Read the parameter table of a structure, whatever order the file has it in."""
    n = len(section.entries("kind"))
    order = _order(section, design.cells, n)
    slot = section.wholes("slot", n, least=-1, most=n)[order]
    fixed = slot < 0
    value = section.numbers("fixed_value", n, null=math.nan)[order]
    if not np.array_equal(np.isnan(value), ~fixed):
        raise section.wrong("fixed_value", "must be a number just where slot is -1")
    table = ParameterTable(
        cells=design.cells,
        free_id=slot,
        value=value,
        start=section.numbers("start", n, null=math.nan)[order],
        lower=section.numbers("lower", n, null=-math.inf)[order],
        upper=section.numbers("upper", n, null=math.inf)[order],
        prior=_priors(section, n, order),
        bounded=section.truths("bounded", n)[order],
    )
    _check_ties(section, table)
    values = section.numbers("estimate", n)[order]
    heads = table.compiled().first_cell[table.compiled().slot]
    if not np.array_equal(values, np.where(fixed, value, values[heads])):
        raise section.wrong("estimate", "differs from a fixed value, or between tied parameters")
    return SavedCells(table, values, slot)


def _order(section: Section, cells: Cells, n: int) -> NDArray[np.intp]:
    """Where each cell of the engine is in the file."""
    kinds = section.choices("kind", KINDS, n)
    parts = [np.array([KINDS.index(kind) for kind in kinds], dtype=np.int64)]
    parts += [
        section.wholes(name, n, least=-1)
        for name in ("group", "item", "attribute", "attribute_2", "category")
    ]
    own = (cells.kind, cells.group, cells.item, cells.attribute, cells.attribute_2, cells.category)
    position = {address: i for i, address in enumerate(zip(*(p.tolist() for p in parts)))}  # noqa: B905
    wanted = list(zip(*(p.tolist() for p in own)))  # noqa: B905
    if len(position) < n or n != len(wanted) or any(a not in position for a in wanted):
        raise FileError("is no valid model file: its parameters are not those of its model")
    return np.array([position[address] for address in wanted], dtype=np.intp)


def _priors(section: Section, n: int, order: NDArray[np.intp]) -> tuple[Prior | None, ...]:
    found: list[Prior | None] = []
    for entry in section.entries("prior", n):
        if entry is None:
            found.append(None)
            continue
        name = entry[0] if isinstance(entry, list) and len(entry) == 3 else None
        if not isinstance(name, str) or name not in _MAKERS:
            raise section.wrong("prior", f"must be null or a name of {list(_MAKERS)}, two numbers")
        numbers = Section({"numbers": entry[1:]}, "content.parameters.prior").numbers("numbers", 2)
        found.append(_MAKERS[name](*numbers.tolist()))
    return tuple(found[i] for i in order)


def _check_ties(section: Section, table: ParameterTable) -> None:
    """Refuse tied parameters that differ in start, bounds or prior."""
    compiled = table.compiled()
    free = np.flatnonzero(~table.is_fixed)
    heads = compiled.first_cell[compiled.slot[free]]
    for name in ("start", "lower", "upper", "bounded"):
        column = getattr(table, name)
        if not np.array_equal(column[free], column[heads], equal_nan=name != "bounded"):
            raise section.wrong(name, "differs between parameters that are tied")
    if any(table.prior[a] != table.prior[b] for a, b in zip(free, heads, strict=True)):
        raise section.wrong("prior", "differs between parameters that are tied")
