"""Refusing more latent classes than responses could tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mixirt.class_rank import classes_identified
from mixirt.design import Design
from mixirt.errors import IdentificationError
from mixirt.goodness import n_cells
from mixirt.table import ParameterTable

if TYPE_CHECKING:
    from mixirt.model import Model

__all__ = ["check_classes"]


def check_classes(model: Model, *, some_known: bool) -> None:
    """Refuse classes that are the same, or too many for the contingency table.

    Parameters
    ----------
    model : Model
        The model.
    some_known : bool
        Whether some respondents' classes are known: that can identify what the table does not.

    Raises
    ------
    IdentificationError
        With the numbers, and what to do.
    """
    design, table = model.design, model.table
    if design.n_classes > 1:
        _check_distinct(design, table)
    has_prior = any(prior is not None for prior in table.prior)
    if not design.attributes and not some_known and not has_prior:
        _check_degrees_of_freedom(design, model.n_parameters)
        _check_rank(design, table)


def _check_rank(design: Design, table: ParameterTable) -> None:
    """Enough patterns, and still not enough: see :mod:`mixirt.class_rank`."""
    if not classes_identified(design, table):
        raise IdentificationError(
            f"{design.n_classes} latent classes cannot be told apart by these "
            f"{len(design.items)} items: different parameters give the same probability to every "
            "response pattern; take fewer classes, add items, or fix or tie parameters"
        )


def _check_distinct(design: Design, table: ParameterTable) -> None:
    """Two classes that share every parameter but the proportion, in every group."""
    cells = design.cells
    what = ~cells.is_kind("proportion")
    content = [
        [(table.free_id[c], table.value[c] if table.is_fixed[c] else 0.0) for c in own]
        for own in (
            np.flatnonzero(what & (cells.group == g)) for g in range(design.n_latent_groups)
        )
    ]
    by_class = [
        [content[o * design.n_classes + c] for o in range(len(design.groups))]
        for c in range(design.n_classes)
    ]
    for c in range(1, design.n_classes):
        for other in range(c):
            if by_class[c] == by_class[other]:
                raise IdentificationError(
                    f"classes {other + 1} and {c + 1} share all parameters, so nothing can tell "
                    "them apart; free the item parameters or the distribution of one of them"
                )


def _check_degrees_of_freedom(design: Design, n_parameters: int) -> None:
    cells = n_cells(design)
    available = sum(cells) - len(cells)
    if n_parameters <= available:
        return
    per_class = sum(
        1 + sum(m - 1 for m, used in zip(design.n_categories, row, strict=True) if used)
        for row in design.items_in_group
    )
    most = max(1, sum(cells) // per_class)
    raise IdentificationError(
        f"{design.n_classes} classes have {n_parameters} parameters, but the {sum(cells)} possible "
        f"response patterns allow {available} at the most ({available - n_parameters} degrees of "
        f"freedom); without constraints {most} class{'es' if most > 1 else ''} can be estimated: "
        "take fewer classes, or fix or tie parameters"
    )
