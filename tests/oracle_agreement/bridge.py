"""One model for both: from a `mixirt.Model` at some parameters to the oracle's structures."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mixirt import Model, _core
from tests.oracle.e_step import ExpectedCounts, e_step
from tests.oracle.grids import gauss_hermite, rectangular
from tests.oracle.m_step import FIXED, FreeDistribution, Member
from tests.oracle.models import (
    MISSING,
    Floats,
    Ints,
    OracleData,
    OracleGroup,
    OracleItem,
    OracleModel,
    data,
)

RULES = {"rectangular": rectangular, "gauss-hermite": gauss_hermite}


@dataclass(frozen=True, eq=False)
class Case:
    """A model with data and a point in its parameter space.

    Attributes
    ----------
    model
        With the same number of quadrature points on every attribute.
    codes : (N, I)
        Category codes, `MISSING` where there is no answer.
    x : (n_free,)
        The free parameters.
    weights : (N,), group : (N,)
    known_class : (N,)
        `MISSING` where the class is not known.
    """

    model: Model
    codes: Ints
    x: Floats
    weights: Floats
    group: Ints
    known_class: Ints

    @cached_property
    def engine(self) -> _core.Model:
        return self.model._compile()

    @cached_property
    def engine_data(self) -> _core.Data:
        return _core.Data(
            self.engine,
            np.where(self.codes == MISSING, 255, self.codes).astype(np.uint8),
            group=self.group.astype(np.uint32),
            weights=self.weights,
            known_class=(self.known_class + 1).astype(np.uint16),
        )

    @cached_property
    def oracle(self) -> OracleModel:
        return oracle_model(self.model, self.engine.expand(self.x))

    @cached_property
    def oracle_data(self) -> OracleData:
        return data(self.codes, self.weights, self.group, self.known_class)

    @cached_property
    def oracle_counts(self) -> ExpectedCounts:
        return e_step(self.oracle, self.oracle_data)

    def loglik(self, x: Floats) -> float:
        """Return the engine's log-likelihood at other parameters."""
        found: dict[str, Any] = _core.expected_counts(self.engine, self.engine_data, x)
        return float(found["loglik"])


def own_attributes(model: Model, group: int) -> Ints:
    """Attributes of a latent group, as positions in the model's list."""
    design = model.design
    return np.flatnonzero(design.attributes_in_group[design.observed_of(group)])


def item_cells(model: Model, group: int, item: int) -> Ints:
    """Cells of an item in the order of `OracleItem.eta`; `FIXED` for a slope it does not have."""
    cells = model.design.cells
    here = (cells.group == group) & (cells.item == item)
    slopes = []
    for attribute in own_attributes(model, group):
        found = np.flatnonzero(here & cells.is_kind("slope") & (cells.attribute == attribute))
        slopes.append(int(found[0]) if len(found) else FIXED)
    rest = np.flatnonzero(here & ~cells.is_kind("slope"))
    return np.array([*slopes, *rest], dtype=np.int64)


def distribution_cells(model: Model, group: int) -> tuple[Ints, Ints]:
    """Cells of the mean (J,) and of the covariance (J, J) of a latent group."""
    cells, own = model.design.cells, own_attributes(model, group)
    here = cells.group == group
    mean = np.flatnonzero(here & cells.is_kind("mean"))
    covariance = np.zeros((len(own), len(own)), dtype=np.int64)
    place = {int(a): j for j, a in enumerate(own)}
    for c in np.flatnonzero(here & (cells.attribute_2 >= 0)):
        j, k = place[int(cells.attribute[c])], place[int(cells.attribute_2[c])]
        covariance[j, k] = covariance[k, j] = c
    return mean, covariance


def oracle_model(model: Model, values: Floats) -> OracleModel:
    """Return the oracle's model when every cell has its value in `values` (n_cells,)."""
    design = model.design
    groups = []
    proportions = np.ones((len(design.groups), design.n_classes))
    for g in range(design.n_latent_groups):
        observed, latent_class = design.observed_of(g), design.class_of(g)
        if design.n_classes > 1:
            cell = np.flatnonzero(design.cells.is_kind("proportion") & (design.cells.group == g))
            proportions[observed, latent_class] = values[cell[0]]
        mean_cells, covariance_cells = distribution_cells(model, g)
        mean, covariance = values[mean_cells], values[covariance_cells]
        n_points = design.n_quadrature[0] if design.n_quadrature else 1  # no axis has them
        theta, weights = RULES[design.quadrature](mean, covariance, n_points)
        items = []
        for i in range(len(design.items)):
            taken = design.items_in_group[observed, i]
            items.append(oracle_item(model, values, g, i) if taken else None)
        groups.append(
            OracleGroup(tuple(items), mean, covariance, theta, weights, observed, latent_class)
        )
    return OracleModel(tuple(groups), proportions)


def oracle_item(model: Model, values: Floats, group: int, item: int) -> OracleItem:
    design = model.design
    family = design.models[item].family
    cells = item_cells(model, group, item)
    eta = np.where(cells == FIXED, 0.0, values[cells])
    n_slopes, n_categories = len(own_attributes(model, group)), design.n_categories[item]
    return OracleItem(
        family,
        eta[:n_slopes],
        eta[n_slopes : n_slopes + n_categories - 1],
        guessing_logit=float(eta[-1]) if family == "3pl" else -np.inf,
        scores=np.array(design.category_scores[item]) if family == "gpcm" else np.empty(0),
    )


def blocks(model: Model) -> list[tuple[tuple[int, ...], tuple[Member, ...]]]:
    """Items that share free parameters: the parameters of each block, and its members."""
    design, slot = model.design, model.table.compiled().slot
    free_of: dict[tuple[int, int], set[int]] = {}
    slots_of: dict[tuple[int, int], list[int]] = {}
    for g in range(design.n_latent_groups):
        for i in np.flatnonzero(design.items_in_group[design.observed_of(g)]):
            cells = item_cells(model, g, int(i))
            own = [int(slot[c]) if c != FIXED else FIXED for c in cells]
            slots_of[g, int(i)] = own
            free_of[g, int(i)] = {f for f in own if f != FIXED}
    root = {f: f for free in free_of.values() for f in free}
    for free in free_of.values():
        for f in free:
            merged = {root[f], root[min(free)]}
            root = {k: min(merged) if r in merged else r for k, r in root.items()}
    members = defaultdict(list)
    for key, free in free_of.items():
        if free:
            members[root[min(free)]].append(key)
    found = []
    for keys in members.values():
        order = sorted(set().union(*(free_of[key] for key in keys)))
        block = [
            Member(g, i, tuple(FIXED if f == FIXED else order.index(f) for f in slots_of[g, i]))
            for g, i in keys
        ]
        found.append((tuple(order), tuple(block)))
    return found


def free_distributions(model: Model) -> list[FreeDistribution]:
    """List the groups of whose distribution anything is estimated."""
    is_free = ~model.table.is_fixed
    found = []
    for g in range(model.design.n_latent_groups):
        mean, covariance = distribution_cells(model, g)
        if is_free[mean].any() or is_free[covariance].any():
            found.append(FreeDistribution(g, is_free[mean], is_free[covariance]))
    return found
