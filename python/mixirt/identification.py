"""Refusing models whose parameters no data could tell apart.

A multidimensional model can be moved without changing any probability: attributes shifted (means
against intercepts), stretched (standard deviations against slopes) or mixed with one another
(rotation: slopes against slopes and covariances). Whatever of that the fixed and tied parameters
do not rule out is not identified. Shifts and stretches are checked by linear algebra: each
constraint is an equation in the shifts and log-stretches of the groups' attributes, and a solution
other than zero names the attribute and group that can move.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from mixirt.design import Design
from mixirt.errors import IdentificationError
from mixirt.table import ParameterTable

__all__ = ["check_identification"]

#: Singular values below this share of the largest count as zero.
_RANK_TOLERANCE = 1e-8


def check_identification(design: Design, table: ParameterTable) -> None:
    """Refuse a model that is not identified.

    Raises
    ------
    IdentificationError
        Naming the cause and the cure.
    """
    _check_measured(design)
    _check_guessing(design, table)
    if design.attributes:
        _check_rotation(design, table)
        slopes = _generic_slopes(table)
        _check_free_directions(design, _stretch_equations(design, table), "variance")
        _check_free_directions(design, _shift_equations(design, table, slopes), "mean")


def _check_measured(design: Design) -> None:
    for o, group in enumerate(design.groups):
        measured = design.q_matrix[design.items_in_group[o]].any(axis=0)
        lost = np.flatnonzero(design.attributes_in_group[o] & ~measured)
        if len(lost):
            where = f" in group '{group}'" if design.has_groups else ""
            raise IdentificationError(
                f"no item measures attribute '{design.attributes[lost[0]]}'{where}; give it items "
                "(a column of the Q matrix with at least one 1) or leave the attribute out"
            )


def _check_guessing(design: Design, table: ParameterTable) -> None:
    bare = design.without_attributes() & design.cells.is_kind("guessing") & ~table.is_fixed
    for cell in np.flatnonzero(bare):
        if table.prior[cell] is None:
            item = design.items[design.cells.item[cell]]
            raise IdentificationError(
                f"item '{item}' has a guessing parameter but no slope: guessing and intercept are "
                'one probability; fix the guessing parameter or use "2pl"'
            )


def _check_rotation(design: Design, table: ParameterTable) -> None:
    """Attributes that can be mixed: every item that measures j also measures k."""
    cells = design.cells
    for group in range(design.n_latent_groups):
        o = design.observed_of(group)
        present = np.flatnonzero(design.attributes_in_group[o]).tolist()
        q = design.q_matrix & design.items_in_group[o][:, None]
        for j in present:
            for k in present:
                if j == k or not (q[:, j] <= q[:, k]).all():
                    continue
                pair = (cells.attribute == max(j, k)) & (cells.attribute_2 == min(j, k))
                covariance = np.flatnonzero(
                    cells.is_kind("covariance") & pair & (cells.group == group)
                )
                held = bool(table.is_fixed[covariance].all()) or _shared(design, table, covariance)
                same = bool((q[:, j] == q[:, k]).all())
                if (held and not same) or _slopes_held(design, table, group, j, k, 1 + (not held)):
                    continue
                raise IdentificationError(_rotation_message(design, j, k, same))


def _shared(design: Design, table: ParameterTable, cells: NDArray[np.intp]) -> bool:
    """Whether all the cells are tied to parameters of other groups."""
    return all(
        len(np.unique(design.cells.group[table.free_id == table.free_id[c]])) > 1 for c in cells
    )


def _slopes_held(
    design: Design, table: ParameterTable, group: int, j: int, k: int, needed: int
) -> bool:
    """Whether enough slopes of the items measuring both attributes are fixed or shared."""
    cells = design.cells
    both = design.q_matrix[:, j] & design.q_matrix[:, k]
    slope = cells.is_kind("slope") & (cells.group == group) & both[cells.item]
    slope &= np.isin(cells.attribute, (j, k))
    ids = table.free_id[slope]
    repeated = len(ids[ids >= 0]) - len(np.unique(ids[ids >= 0]))
    other_groups = np.isin(ids, table.free_id[(cells.group != group) & (table.free_id >= 0)])
    return int((ids < 0).sum()) + repeated + int(other_groups.sum()) >= needed


def _rotation_message(design: Design, j: int, k: int, same: bool) -> str:
    first, second = design.attributes[j], design.attributes[k]
    if same:
        cure = "let some item measure only one of them, or fix enough of their slopes"
        return (
            f"attributes '{first}' and '{second}' are measured by the same items, so they can be "
            f"rotated into one another without changing any probability; {cure}"
        )
    return (
        f"every item that measures attribute '{first}' also measures '{second}', so with a free "
        f"covariance the two can be mixed without changing any probability; fix the covariance "
        f'(model.fix("covariance", 0, attribute=["{first}", "{second}"]), as in a bifactor model) '
        f"or let some item measure '{first}' alone"
    )


def _generic_slopes(table: ParameterTable) -> NDArray[np.float64]:
    """Slopes as no accident would have them: equal only where tied."""
    rng = np.random.default_rng(20190535)
    draws = rng.uniform(0.7, 1.4, size=int(table.free_id.max(initial=0)) + 1)
    return np.where(table.is_fixed, table.value, draws[table.free_id])


Equations = list[dict[tuple[int, int], float]]


def _shift_equations(
    design: Design, table: ParameterTable, slopes: NDArray[np.float64]
) -> Equations:
    """Say what fixed and tied means and intercepts mean for shifts of (group, attribute)."""
    cells = design.cells
    equations: Equations = []
    shift_of_item: dict[tuple[int, int], dict[tuple[int, int], float]] = defaultdict(dict)
    for c in np.flatnonzero(cells.is_kind("slope")):
        unknown = (int(cells.group[c]), int(cells.attribute[c]))
        shift_of_item[int(cells.group[c]), int(cells.item[c])][unknown] = float(slopes[c])
    for c in np.flatnonzero(cells.is_kind("intercept")):
        effect = shift_of_item[int(cells.group[c]), int(cells.item[c])]
        _add(equations, table, int(c), effect, table.prior[c] is not None)
    for c in np.flatnonzero(cells.is_kind("mean")):
        effect = {(int(cells.group[c]), int(cells.attribute[c])): 1.0}
        _add(equations, table, int(c), effect, table.prior[c] is not None)
    return _collect(equations)


def _stretch_equations(design: Design, table: ParameterTable) -> Equations:
    """Say what fixed and tied slopes and covariances mean for log-stretches."""
    cells = design.cells
    equations: Equations = []
    for c in np.flatnonzero(cells.is_kind("slope") & ~(table.value == 0)):
        effect = {(int(cells.group[c]), int(cells.attribute[c])): 1.0}
        _add(equations, table, int(c), effect, table.prior[c] is not None)
    for c in np.flatnonzero((cells.attribute_2 >= 0) & ~(table.value == 0)):
        group = int(cells.group[c])
        both: dict[tuple[int, int], float] = defaultdict(float)
        for attribute in (int(cells.attribute[c]), int(cells.attribute_2[c])):
            both[group, attribute] += 1.0
        _add(equations, table, int(c), dict(both), table.prior[c] is not None)
    return _collect(equations)


def _add(
    equations: Equations,
    table: ParameterTable,
    cell: int,
    effect: dict[tuple[int, int], float],
    has_prior: bool,
) -> None:
    """Note a cell's effect under its free parameter; a fixed cell's must be zero by itself."""
    if table.is_fixed[cell] or has_prior:
        equations.append(effect)
    else:
        equations.append({**effect, (-1, int(table.free_id[cell])): -1.0})


def _collect(equations: Equations) -> Equations:
    """Drop parameters that occur once: a free parameter of its own absorbs any movement."""
    times: dict[tuple[int, int], int] = defaultdict(int)
    for equation in equations:
        for unknown in equation:
            if unknown[0] == -1:
                times[unknown] += 1
    return [e for e in equations if not any(u[0] == -1 and times[u] == 1 for u in e)]


def _check_free_directions(design: Design, equations: Equations, kind: str) -> None:
    present = [
        (g, int(j))
        for g in range(design.n_latent_groups)
        for j in np.flatnonzero(design.attributes_in_group[design.observed_of(g)])
    ]
    others = sorted({u for e in equations for u in e if u[0] == -1})
    column = {unknown: i for i, unknown in enumerate(present + others)}
    matrix = np.zeros((len(equations), len(column)))
    for row, equation in enumerate(equations):
        for unknown, coefficient in equation.items():
            matrix[row, column[unknown]] += coefficient
    gram = matrix.T @ matrix
    values, vectors = np.linalg.eigh(gram)
    flat = vectors[:, values < _RANK_TOLERANCE * max(1.0, float(values.max(initial=0.0)))]
    moves = np.abs(flat[: len(present)]).max(axis=1, initial=0.0)
    if not (moves > _RANK_TOLERANCE**0.5).any():
        return
    group, attribute = present[int(np.argmax(moves))]
    label = design.describe(_cell_of(design, group, attribute, kind))
    against = "intercepts" if kind == "mean" else "slopes"
    value = "0" if kind == "mean" else "1"
    raise IdentificationError(
        f"the {label} is not identified: it can change together with the {against} of its items "
        f"without changing any probability; fix it (at {value}), or fix or tie the {against} of an "
        "item that measures the attribute"
    )


def _cell_of(design: Design, group: int, attribute: int, kind: str) -> int:
    cells = design.cells
    here = cells.is_kind(kind) & (cells.group == group) & (cells.attribute == attribute)
    return int(np.flatnonzero(here)[0])
