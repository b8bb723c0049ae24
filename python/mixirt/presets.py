"""The usual constraints: item models, identification, and invariance across groups or classes."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mixirt._checks import word
from mixirt._options import option
from mixirt._words import unknown
from mixirt.design import Design
from mixirt.errors import SpecError
from mixirt.table import ParameterTable

__all__ = ["INVARIANCE", "default_table"]

#: What is equal at each level, and what that frees in the other groups.
INVARIANCE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "configural": ((), ()),
    "metric": (("slope",), ("variance",)),
    "scalar": (("slope", "intercept", "guessing"), ("variance", "mean")),
}


def default_table(
    design: Design,
    groups: tuple[str, tuple[str, ...]] = ("configural", ()),
    classes: tuple[str, tuple[str, ...]] = ("configural", ()),
) -> ParameterTable:
    """Make the parameter table of a model before any verb.

    Means are 0, variances 1 and covariances free in every group; slopes follow the item models;
    invariance then ties item parameters and frees distributions.

    Parameters
    ----------
    design : Design
        The structure.
    groups, classes : tuple of str and tuple of str
        Level of invariance across groups and across classes, and the items exempt from it.

    Raises
    ------
    SpecError
        If a level or an item is unknown, or there are no groups to be equal.
    """
    # A class may lack a category that occurs in others, and its intercept then has no maximum.
    can_run_away = design.without_attributes() | (design.n_classes > 1)
    table = ParameterTable.all_free(design.cells, can_run_away)
    table = _slopes(design, table)
    table = _distributions(design, table)
    table = _invariance(design, table, "group", *groups)
    return _invariance(design, table, "class", *classes)


def _slopes(design: Design, table: ParameterTable) -> ParameterTable:
    cells = design.cells
    slope = cells.is_kind("slope")
    kinds = np.array([model.slopes for model in design.models])
    of_item = kinds[cells.item]
    one = np.flatnonzero(slope & (of_item == "one"))
    table = table.fix(one, np.ones(len(one)))
    for group in range(design.n_latent_groups):
        for attribute in range(len(design.attributes)):
            here = slope & (cells.group == group) & (cells.attribute == attribute)
            common = np.flatnonzero(here & (of_item == "common"))
            if len(common) > 1:
                table = table.tie(common)
    return table


def _distributions(design: Design, table: ParameterTable) -> ParameterTable:
    cells = design.cells
    means = np.flatnonzero(cells.is_kind("mean"))
    table = table.fix(means, np.zeros(len(means)))
    variances = np.flatnonzero(cells.is_kind("variance"))
    table = table.fix(variances, np.ones(len(variances)))
    # A slope of 1 sets the scale of its attribute; the variance is then a parameter.
    one = np.array([model.slopes == "one" for model in design.models])
    scaled = (design.q_matrix & one[:, None]).astype(int)
    has_unit_slope = (design.items_in_group.astype(int) @ scaled) > 0
    observed = cells.group[variances] // design.n_classes
    return table.free(variances[has_unit_slope[observed, cells.attribute[variances]]])


def _invariance(
    design: Design,
    table: ParameterTable,
    over: Literal["group", "class"],
    level: str,
    free_items: tuple[str, ...],
) -> ParameterTable:
    of_class = "class_" if over == "class" else ""
    own, exempting = f"{of_class}invariance", option(f"{of_class}free_items")
    if word(own, level) not in INVARIANCE:
        raise SpecError(unknown(own, level, list(INVARIANCE)))
    for item in free_items:
        if item not in design.items:
            raise SpecError(unknown("item", item, design.items))
    tied, freed = INVARIANCE[level]
    if free_items and not tied:
        levels = " or ".join(name for name, (kinds, _) in INVARIANCE.items() if kinds)
        raise SpecError(
            f"{exempting} exempts items from {own}, but {own} is {level}, so nothing is equal; "
            f"give {option(f'{own}=')} as {levels}, or leave {exempting} out"
        )
    several = design.has_groups if over == "group" else design.n_classes > 1
    if not several:
        if tied:
            lacks = f"groups, but there are none; give {option('groups=')}"
            if over == "class":
                lacks = (
                    f"latent classes, but there is one; give {option('n_classes=')} of 2 or more"
                )
            raise SpecError(
                f"{option(own, level)} makes parameters equal across {lacks}, or leave it out"
            )
        return table
    exempt = np.isin(np.array(design.items), free_items)
    for kind in tied:
        table = _tie_over(design, table, over, kind, exempt)
    linked = _linked(design, over, exempt)
    for kind in freed:
        table = _free_over(design, table, kind, linked)
    return table


def _axes(design: Design, over: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For every latent group: its place along ``over``, and the rest of its address."""
    groups = np.arange(design.n_latent_groups)
    observed, class_ = groups // design.n_classes, groups % design.n_classes
    return (observed, class_) if over == "group" else (class_, observed)


def _tie_over(
    design: Design, table: ParameterTable, over: str, kind: str, exempt: NDArray[np.bool_]
) -> ParameterTable:
    cells = design.cells
    _, rest = _axes(design, over)
    wanted = cells.is_kind(kind) & ~table.is_fixed & ~exempt[cells.item]
    chosen = np.flatnonzero(wanted)
    if not len(chosen):
        return table
    keys = np.stack(
        [
            rest[cells.group[chosen]],
            cells.item[chosen],
            cells.attribute[chosen],
            cells.category[chosen],
        ]
    )
    _, inverse = np.unique(keys, axis=1, return_inverse=True)
    return table.tie_all(chosen, inverse.ravel())


def _linked(design: Design, over: str, exempt: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each latent group is linked to its reference, attribute by attribute.

    Two groups are linked on an attribute when an item that is equal in both measures it in both.
    The reference itself is not linked: it keeps its fixed mean and variance. Shape ``(G, J)``.
    """
    place, rest = _axes(design, over)
    reference = design.groups.index(design.reference) if over == "group" else 0
    n_groups, n_attributes = design.n_latent_groups, len(design.attributes)
    observed = np.arange(n_groups) // design.n_classes
    anchors = design.q_matrix & ~exempt[:, None]
    linked = np.zeros((n_groups, n_attributes), dtype=bool)
    for j in range(n_attributes):
        has = design.items_in_group[observed] & design.attributes_in_group[observed, j][:, None]
        has &= anchors[:, j]
        reached = place == reference
        while True:
            shares = (has.astype(int) @ (has & reached[:, None]).T.astype(int)) > 0
            shares &= rest[:, None] == rest[None, :]
            new = reached | shares.any(axis=1)
            if (new == reached).all():
                break
            reached = new
        linked[:, j] = reached & (place != reference)
    return linked


def _free_over(
    design: Design, table: ParameterTable, kind: str, linked: NDArray[np.bool_]
) -> ParameterTable:
    cells = design.cells
    fixed = cells.is_kind(kind) & table.is_fixed
    chosen = np.flatnonzero(fixed)
    chosen = chosen[linked[cells.group[chosen], cells.attribute[chosen]]]
    return table.free(chosen)
