"""One model for both, the engine and the oracle, with data and what is free in it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mixirt import Model, _core
from tests.oracle.e_step import ExpectedCounts, e_step
from tests.oracle.from_model import distribution_cells, item_cells, oracle_model
from tests.oracle.m_step import FIXED, FreeDistribution, Member
from tests.oracle.models import MISSING, Floats, Ints, OracleData, OracleModel, data


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
