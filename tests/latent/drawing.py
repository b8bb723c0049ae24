"""Responses of simulated classes, and the model that generated them as the oracle writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.oracle.drawing import draw_responses
from tests.oracle.e_step import e_step
from tests.oracle.grids import rectangular
from tests.oracle.models import OracleGroup, OracleItem, OracleModel, data
from tests.oracle.scores import class_map

Ints = NDArray[np.int64]

N_POINTS = {1: 41, 2: 15}
"""Nodes per attribute of the oracle's grid: classes are told apart, not parameters estimated."""


@dataclass(frozen=True)
class Drawn:
    """Responses (N, I), the class of each respondent (N,) from 0, and the true model."""

    responses: Ints
    classes: Ints
    model: OracleModel

    def true_loglik(self) -> float:
        """Log-likelihood of the true parameters; the maximum is above it."""
        return e_step(self.model, data(self.responses)).loglik

    def best_accuracy(self) -> float:
        """Share of respondents whose class the true parameters give."""
        posterior = e_step(self.model, data(self.responses)).posterior
        return float((class_map(posterior) == self.classes).mean())


def item(rng: Any, family: str, n_categories: int, measured: list[int], n_dims: int) -> OracleItem:
    """One item; its thresholds lie anywhere, so that classes differ."""
    slopes = np.zeros(n_dims)
    slopes[measured] = rng.uniform(0.8, 1.6, len(measured))
    if family == "grm":
        intercepts = np.sort(rng.normal(0, 1.3, n_categories - 1) + rng.normal(0, 1))[::-1]
        intercepts = intercepts - 0.4 * np.arange(n_categories - 1)
    else:
        intercepts = np.cumsum(rng.normal(0, 1.2, n_categories - 1))
    return OracleItem(family, slopes, intercepts)


def draw(family: str, n_classes: int, n_dims: int, *, n: int = 2000, seed: int = 7) -> Drawn:
    """Draw responses to 12 items; with two attributes, each item measures one."""
    rng = np.random.default_rng(seed)
    n_categories = 2 if family == "2pl" else 4
    shares = np.array({2: [0.6, 0.4], 3: [0.45, 0.33, 0.22]}[n_classes])
    theta, weights = rectangular(np.zeros(n_dims), np.eye(n_dims), N_POINTS[n_dims])
    groups = []
    for c in range(n_classes):
        own = "grm" if family == "grm" else "gpcm"
        items = tuple(item(rng, own, n_categories, [i % n_dims], n_dims) for i in range(12))
        covariance = np.eye(n_dims)
        groups.append(
            OracleGroup(items, np.zeros(n_dims), covariance, theta, weights, latent_class=c)
        )
    classes = rng.choice(n_classes, size=n, p=shares)
    model = OracleModel(tuple(groups), shares[None])
    return Drawn(draw_responses(model, classes, rng), classes, model)
