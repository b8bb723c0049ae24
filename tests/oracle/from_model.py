"""A model of the package, at given values of its cells, as the oracle takes it."""

from __future__ import annotations

from itertools import product

import numpy as np

from mixirt import Model
from tests.oracle.grids import gauss_hermite, rectangular
from tests.oracle.m_step import FIXED
from tests.oracle.models import Floats, Ints, OracleGroup, OracleItem, OracleModel

RULES = {"rectangular": rectangular, "gauss-hermite": gauss_hermite}


def all_patterns(n_categories: list[int]) -> Ints:
    """List every complete response pattern."""
    return np.array(list(product(*(range(m) for m in n_categories))), dtype=np.int64)


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


def oracle_model(model: Model, values: Floats, n_points: int | None = None) -> OracleModel:
    """Return the oracle's model when every cell has its value in `values` (n_cells,).

    Guessing is a logit. The nodes are the model's own or, with `n_points`, those of a rectangular
    grid of so many for each attribute.
    """
    design = model.design
    rule = RULES[design.quadrature]
    if n_points is not None:
        rule = rectangular
    elif design.n_quadrature:
        n_points = design.n_quadrature[0]
    groups = []
    proportions = np.ones((len(design.groups), design.n_classes))
    for g in range(design.n_latent_groups):
        observed, latent_class = design.observed_of(g), design.class_of(g)
        if design.n_classes > 1:
            cell = np.flatnonzero(design.cells.is_kind("proportion") & (design.cells.group == g))
            proportions[observed, latent_class] = values[cell[0]]
        mean_cells, covariance_cells = distribution_cells(model, g)
        mean, covariance = values[mean_cells], values[covariance_cells]
        # Without attributes there is no axis to have points on.
        theta, weights = rule(mean, covariance, n_points or 1)
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
