"""How parameters move when the attributes are replaced by affine functions of themselves.

The unknowns are ``B (J, J)`` and ``d (J,)`` of every latent group, attributes being stretched about
their means: ``theta - mu = (1 + B) (theta* - mu) + d``. See :mod:`mixirt.identification` for what
becomes of the parameters. Each constraint of the model is an equation: a fixed parameter, or a 0 of
the Q matrix, must not move; tied parameters must move alike. A prior holds a parameter as firmly as
a constant does. Coefficients are taken at values as no accident would have them, equal only where
tied.

Where a mean is held far from 0, stretches about it move intercepts much more than shifts do, and
are taken in units that much smaller: how well the equations determine the unknowns does then not
depend on where the scale has its origin.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixirt.block_matrix import BlockMatrix
from mixirt.design import Design
from mixirt.table import KINDS, ParameterTable

__all__ = ["Places", "gram_matrix"]

#: A linear form in the unknowns: coefficients by place.
Form = dict[int, float]


@dataclass(frozen=True)
class Places:
    """Where the unknowns stand in one vector: ``B[j, k]`` and ``d[j]`` of every latent group."""

    n_groups: int
    n_attributes: int

    def mix(self, group: int, j: int, k: int) -> int:
        """Return the place of ``B[j, k]``."""
        n = self.n_attributes
        return group * n * (n + 1) + j * n + k

    def shift(self, group: int, j: int) -> int:
        """Return the place of ``d[j]``."""
        n = self.n_attributes
        return group * n * (n + 1) + n * n + j

    @property
    def size(self) -> int:
        """Number of unknowns of a group."""
        return self.n_attributes * (self.n_attributes + 1)


def gram_matrix(design: Design, table: ParameterTable, at: Places) -> BlockMatrix:
    """Sum the outer products of all equations, each scaled to length one; a block for each group.

    Its null space holds the movements that no constraint rules out.
    """
    gram = BlockMatrix.zeros(at.n_groups, at.size)
    generic = _generic_values(table)
    unit = _units(design, generic, at)
    for form in _equations(design, table, generic, at):
        places = np.array(list(form), dtype=np.intp)
        values = np.array(list(form.values())) / unit[places]
        largest = np.abs(values).max(initial=0.0)
        if largest > 0.0:
            # Squares of values that were fixed far out would overflow.
            values /= largest
            values /= np.linalg.norm(values)
            parts: dict[int, NDArray[np.float64]] = {}
            for place, value in zip(places.tolist(), values.tolist(), strict=True):
                group, own = divmod(place, at.size)
                parts.setdefault(group, np.zeros(at.size))[own] = value
            gram.add_square(parts)
    return gram


def _units(design: Design, values: NDArray[np.float64], at: Places) -> NDArray[np.float64]:
    """Units of all unknowns: stretches of an attribute count by how far its mean is from 0."""
    unit = np.ones(at.n_groups * at.size)
    _, mean = _moments(design, values)
    for group, means in mean.items():
        for k, value in means.items():
            for j in range(at.n_attributes):
                unit[at.mix(group, j, k)] = max(1.0, abs(value))
    return unit


def _equations(
    design: Design, table: ParameterTable, values: NDArray[np.float64], at: Places
) -> Iterator[Form]:
    """Yield what must be zero: movements of held parameters, differences within ties."""
    slopes = _slopes_of_items(design, values)
    yield from _zeros_of_q(design, slopes, at)
    movement = _movements(design, values, slopes, at)
    times = Counter(table.free_id.tolist())
    heads: dict[int, Form] = {}
    for cell, free in enumerate(table.free_id.tolist()):
        held = free < 0 or table.prior[cell] is not None
        if not held and times[free] == 1:
            continue
        form = movement(cell)
        if held:
            yield form
        elif free in heads:
            head = heads[free]
            yield {p: form.get(p, 0.0) - head.get(p, 0.0) for p in form.keys() | head.keys()}
        else:
            heads[free] = form


def _generic_values(table: ParameterTable) -> NDArray[np.float64]:
    rng = np.random.default_rng(20190535)
    draws = rng.uniform(0.7, 1.4, size=int(table.free_id.max(initial=0)) + 1)
    return np.where(table.is_fixed, table.value, draws[table.free_id])


#: The slopes of each item in each latent group, by attribute.
Slopes = dict[tuple[int, int], dict[int, float]]


def _slopes_of_items(design: Design, values: NDArray[np.float64]) -> Slopes:
    cells, slopes = design.cells, defaultdict[tuple[int, int], dict[int, float]](dict)
    own = cells.is_kind("slope")
    columns = (cells.group[own], cells.item[own], cells.attribute[own], values[own])
    for group, item, attribute, slope in zip(*(c.tolist() for c in columns), strict=True):
        slopes[group, item][attribute] = slope
    return slopes


def _zeros_of_q(design: Design, slopes: Slopes, at: Places) -> Iterator[Form]:
    """Yield the movements of the slopes that the Q matrix holds at zero."""
    seen = set()
    present = [design.attributes_of(group).tolist() for group in range(at.n_groups)]
    for (group, _), own in slopes.items():
        for k in present[group]:
            if k in own:
                continue
            # Items that measure one and the same attribute all say the same.
            key = (group, k, *own)
            if len(own) == 1 and key in seen:
                continue
            seen.add(key)
            yield {at.mix(group, j, k): slope for j, slope in own.items()}


def _movements(
    design: Design, values: NDArray[np.float64], slopes: Slopes, at: Places
) -> Callable[[int], Form]:
    """Make a function that gives the movement of a cell; nothing moves guessing or proportions."""
    cells = design.cells
    covariance, mean = _moments(design, values)

    def slope(cell: int) -> Form:
        group, k = int(cells.group[cell]), int(cells.attribute[cell])
        own = slopes[group, int(cells.item[cell])]
        return {at.mix(group, j, k): a for j, a in own.items()}

    def intercept(cell: int) -> Form:
        group, item = int(cells.group[cell]), int(cells.item[cell])
        score = 1.0
        if design.models[item].family == "gpcm":
            scores = design.category_scores[item]
            score = scores[int(cells.category[cell])] - scores[0]
        form: Form = {}
        for j, a in slopes.get((group, item), {}).items():
            form[at.shift(group, j)] = score * a
            for k, m in mean[group].items():
                if m != 0.0:
                    form[at.mix(group, j, k)] = -score * a * m
        return form

    def of_mean(cell: int) -> Form:
        return {at.shift(int(cells.group[cell]), int(cells.attribute[cell])): 1.0}

    def of_covariance(cell: int) -> Form:
        group = int(cells.group[cell])
        j, k = int(cells.attribute[cell]), int(cells.attribute_2[cell])
        form: Form = defaultdict(float)
        for other in mean[group]:
            form[at.mix(group, j, other)] += covariance[group, other, k]
            form[at.mix(group, k, other)] += covariance[group, j, other]
        return form

    by_kind = {"slope": slope, "intercept": intercept, "mean": of_mean, "covariance": of_covariance}

    def movement(cell: int) -> Form:
        move = by_kind.get(KINDS[cells.kind[cell]])
        return {} if move is None else move(cell)

    return movement


def _moments(
    design: Design, values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], dict[int, dict[int, float]]]:
    """Covariances ``(G, J, J)``, and the means of each latent group by attribute."""
    cells, n = design.cells, len(design.attributes)
    covariance = np.zeros((design.n_latent_groups, n, n))
    both = cells.attribute_2 >= 0
    group, j, k = cells.group[both], cells.attribute[both], cells.attribute_2[both]
    covariance[group, j, k] = covariance[group, k, j] = values[both]
    mean: dict[int, dict[int, float]] = defaultdict(dict)
    for c in np.flatnonzero(cells.is_kind("mean")):
        mean[int(cells.group[c])][int(cells.attribute[c])] = float(values[c])
    return covariance, mean
