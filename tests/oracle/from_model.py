"""A model of the package, at given values of its cells, as the oracle takes it."""

from __future__ import annotations

from itertools import product

import numpy as np

import mixirt
from tests.oracle.grids import rectangular
from tests.oracle.models import Floats, Ints, OracleGroup, OracleItem, OracleModel


def oracle_model(model: mixirt.Model, values: Floats, n_points: int) -> OracleModel:
    """Build the oracle's model from the value of every cell (guessing as a logit)."""
    design = model.design
    groups = tuple(_group(model, values, g, n_points) for g in range(design.n_latent_groups))
    shares = np.ones((len(design.groups), design.n_classes))
    if design.n_classes > 1:
        shares = values[design.cells.is_kind("proportion")].reshape(shares.shape)
    return OracleModel(groups, shares / shares.sum(axis=1, keepdims=True))


def all_patterns(n_categories: list[int]) -> Ints:
    """List every complete response pattern."""
    return np.array(list(product(*(range(m) for m in n_categories))), dtype=np.int64)


def _group(model: mixirt.Model, values: Floats, g: int, n_points: int) -> OracleGroup:
    design, cells = model.design, model.design.cells
    observed = g // design.n_classes
    own = np.flatnonzero(design.attributes_in_group[observed])
    position = {int(a): j for j, a in enumerate(own)}
    here = cells.group == g
    covariance = np.zeros((len(own), len(own)))
    for c in np.flatnonzero(here & (cells.attribute_2 >= 0)):
        j, k = position[int(cells.attribute[c])], position[int(cells.attribute_2[c])]
        covariance[j, k] = covariance[k, j] = values[c]
    mean = values[here & cells.is_kind("mean")]
    theta, weights = (
        rectangular(mean, covariance, n_points) if len(own) else (np.empty((1, 0)), np.ones(1))
    )
    items: list[OracleItem | None] = []
    for i, item in enumerate(design.models):
        mine = here & (cells.item == i)
        slopes = np.zeros(len(own))
        for c in np.flatnonzero(mine & cells.is_kind("slope")):
            slopes[position[int(cells.attribute[c])]] = values[c]
        guessing = values[mine & cells.is_kind("guessing")]
        items.append(
            OracleItem(
                item.family,
                slopes,
                values[mine & cells.is_kind("intercept")],
                float(guessing[0]) if len(guessing) else -np.inf,
                np.array(design.category_scores[i]),
            )
            if design.items_in_group[observed, i]
            else None
        )
    return OracleGroup(
        tuple(items), mean, covariance, theta, weights, observed, g % design.n_classes
    )
