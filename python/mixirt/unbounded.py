"""Parameters whose likelihood rises without end: refused where responses show it, else named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mixirt._words import listed, shown
from mixirt.design import Design
from mixirt.errors import DataError
from mixirt.table import Cells, ParameterTable

__all__ = ["LARGEST_LOGIT", "check_own_parameters", "largest_steps", "runaways"]

#: The largest log-odds between neighbouring categories, or across a boundary, that an estimate
#: explains at the mean of the attributes, or adds within a standard deviation of one: at 25 an
#: answer is seen once in 7e10 times, so no number of respondents could tell such odds from others.
LARGEST_LOGIT = 25.0

#: Graded intercepts that are this close give the category between them to one in 4e7 at the most.
#: Fits stop there: the intercepts of a category that nobody chose approach each other until no
#: criterion notices.
_SMALLEST_GAP = 1e-7


def check_own_parameters(
    design: Design, table: ParameterTable, counts: Sequence[Sequence[Sequence[float]]]
) -> None:
    """Refuse intercepts of which the responses say no more than that they should be infinite.

    Such is an intercept of a category that nobody in the group chose, unless it is fixed, tied to
    another parameter, has a prior or a finite bound.

    Parameters
    ----------
    design, table : Design and ParameterTable
        The model.
    counts : sequence (groups) of sequences (items of the group) of sequences (categories)
        Sums of the weights of the answers.

    Raises
    ------
    DataError
        Naming the first such item, the categories and the group.
    """
    if all(n > 0 for of_group in counts for of_item in of_group for n in of_item):
        return
    cells = design.cells
    free, size = np.unique(table.free_id[~table.is_fixed], return_counts=True)
    own = np.isin(table.free_id, free[size == 1]) & cells.is_kind("intercept")
    own &= np.isinf(table.lower) & np.isinf(table.upper)
    own &= [prior is None for prior in table.prior]
    chosen = _chosen(design, counts)
    lacking = ~chosen & (np.arange(chosen.shape[2]) < np.array(design.n_categories)[:, None])
    lacking &= design.items_in_group[:, :, None]
    for group, item in np.argwhere(lacking.any(axis=2)).tolist():
        here = (cells.item == item) & (cells.group == group * design.n_classes)
        here &= cells.is_kind("intercept")
        of_category = dict(zip(cells.category[here].tolist(), own[here].tolist(), strict=True))
        for category in np.flatnonzero(lacking[group, item]).tolist():
            moved = (category, category + 1)  # the boundaries of a graded category
            if design.models[item].family == "gpcm":
                moved = (category,) if category > 0 else tuple(of_category)
            if all(of_category.get(m, True) for m in moved):
                raise DataError(_message(design, group, item, chosen[group, item]))


def _chosen(design: Design, counts: Sequence[Sequence[Sequence[float]]]) -> NDArray[np.bool_]:
    """Which categories were chosen by anybody: shape (groups, I, most categories)."""
    shape = (len(design.groups), len(design.items), max(design.n_categories))
    chosen = np.zeros(shape, dtype=bool)
    for g, of_group in enumerate(counts):
        for i, of_item in zip(np.flatnonzero(design.items_in_group[g]), of_group, strict=True):
            chosen[g, i, : len(of_item)] = np.asarray(of_item) > 0
    return chosen


def _message(design: Design, group: int, item: int, chosen: NDArray[np.bool_]) -> str:
    name, labels = design.items[item], design.category_labels[item]
    where = f" in group {shown(design.groups[group])}" if design.has_groups else ""
    seen = [label for label, any_ in zip(labels, chosen, strict=False) if any_]
    leave_out = f"leave the item out{' of the group with items_by_group' if where else ''}"
    if not seen:
        return (
            f"nobody answered item {name!r}{where}, so its parameters cannot be estimated; "
            f"{leave_out}"
        )
    lacking = [label for label in labels if label not in seen]
    found = f"nobody answered in category {listed(lacking)}"
    cures = [leave_out]
    if len(seen) == 1:
        found = f"all answers are in category {shown(seen[0])}"
    else:
        cures.insert(0, f"merge categories{', the same in all groups' if where else ''}")
    if where:
        cures.append("tie the item's intercepts to those of another group (invariance)")
    return (
        f"item {name!r}{where}: {found}, so its intercepts have no finite estimate; "
        f"{', '.join(cures)}, or give the intercepts a prior with Model.prior"
    )


def runaways(design: Design, table: ParameterTable, values: NDArray[np.float64]) -> list[int]:
    """Cells of parameters that were estimated beyond `LARGEST_LOGIT`.

    Slopes and intercepts, measured in standard deviations of the attributes from their means, so
    that neither the scale of the attributes nor that of category scores matters; variances that
    stand for slopes, where those are fixed; and graded intercepts that left their middle category
    no room. `values (n_cells,)` are the estimates; one cell stands for parameters that are tied.
    """
    cells = design.cells
    step = largest_steps(design)
    is_credit = np.array([model.family == "gpcm" for model in design.models])
    logit = np.zeros(len(cells))
    slope, intercept = cells.is_kind("slope"), np.flatnonzero(cells.is_kind("intercept"))
    # Intercepts of partial credit are sums over categories, differences of them log-odds.
    shape = (design.n_latent_groups, len(design.attributes))
    mean, variance = np.zeros(shape), np.zeros(shape)
    for kind, moments in (("mean", mean), ("variance", variance)):
        own = cells.is_kind(kind)
        moments[cells.group[own], cells.attribute[own]] = values[own]
    place = cells.group[slope], cells.attribute[slope]
    logit[slope] = values[slope] * np.sqrt(variance[place]) * step[cells.item[slope]]
    drift = np.zeros((design.n_latent_groups, len(design.items)))
    np.add.at(drift, (cells.group[slope], cells.item[slope]), values[slope] * mean[place])
    item, m = cells.item[intercept], cells.category[intercept]
    below = np.where(is_credit[item] & (m > 1), values[intercept - 1], 0.0)
    scores, first = np.concatenate(design.category_scores), np.cumsum([0, *design.n_categories])
    rise = np.where(is_credit[item], scores[first[item] + m] - scores[first[item] + m - 1], 1.0)
    logit[intercept] = values[intercept] - below + rise * drift[cells.group[intercept], item]
    far = np.abs(logit) > LARGEST_LOGIT
    far[_variances_of(cells, far & slope & table.is_fixed)] = True
    far[_without_room(cells, intercept[~is_credit[item]], values)] = True
    found = far & ~table.is_fixed
    found &= (values > table.lower) & (values < table.upper)
    _, first = np.unique(table.free_id[found], return_index=True)
    cells_found: list[int] = np.sort(np.flatnonzero(found)[first]).tolist()
    return cells_found


def largest_steps(design: Design) -> NDArray[np.float64]:
    """Largest distance between scores of neighbouring categories: shape (I,).

    By so much do log-odds change per unit of the linear predictor.
    """
    # Most items have the same scores.
    widest = {scores: np.abs(np.diff(scores)).max() for scores in set(design.category_scores)}
    pairs = zip(design.category_scores, design.models, strict=True)
    return np.array([widest[s] if model.family == "gpcm" else 1.0 for s, model in pairs])


def _variances_of(cells: Cells, slopes: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Give the variances of the attributes that some slopes belong to."""
    places = set(zip(cells.group[slopes].tolist(), cells.attribute[slopes].tolist(), strict=True))
    variances = np.flatnonzero(cells.is_kind("variance"))
    own = zip(cells.group[variances].tolist(), cells.attribute[variances].tolist(), strict=True)
    return variances[[n for n, place in enumerate(own) if place in places]]


def _without_room(
    cells: Cells, graded: NDArray[np.intp], values: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Give graded intercepts that met: next to nobody is between the two."""
    second = graded[cells.category[graded] > 1]
    closed = second[values[second - 1] - values[second] < _SMALLEST_GAP]
    return np.union1d(closed - 1, closed)
