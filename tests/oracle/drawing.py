"""Random points of a parameter space, and responses drawn from a model."""

from __future__ import annotations

import numpy as np

from mixirt import Model
from tests.oracle.models import MISSING, Floats, Ints, OracleModel
from tests.oracle.probabilities import log_probabilities


def draw_parameters(model: Model, generator: np.random.Generator) -> Floats:
    """Draw a point of the parameter space: slopes of either sign, decreasing intercepts."""
    cells = model.design.cells
    x = []
    for c in model.table.compiled().first_cell:
        noise = generator.uniform(-1, 1)
        if cells.is_kind("slope")[c]:
            x.append((1 + 0.3 * noise) * (-1 if generator.random() < 0.2 else 1))
        elif cells.is_kind("intercept")[c]:
            x.append(1.4 - 0.8 * cells.category[c] + 0.3 * noise)
        elif cells.is_kind("guessing")[c]:
            x.append(-1.4 + 0.3 * noise)
        elif cells.is_kind("variance")[c]:
            x.append(1 + 0.3 * noise)
        elif cells.is_kind("proportion")[c]:
            x.append(0.5 + 0.2 * noise)
        else:
            x.append(0.4 * noise)
    values = np.array(x)
    first = model.table.compiled().first_cell
    for observed in range(len(model.design.groups)):
        own = cells.is_kind("proportion")[first]
        own &= cells.group[first] // model.design.n_classes == observed
        values[own] /= values[own].sum()
    return values


def draw_responses(model: OracleModel, latent_group: Ints, generator: np.random.Generator) -> Ints:
    """Draw answers of respondents in latent groups (N,): (N, I)."""
    codes = np.full((len(latent_group), len(model.groups[0].items)), MISSING)
    for g, group in enumerate(model.groups):
        here = np.flatnonzero(latent_group == g)
        drawn = generator.standard_normal((len(here), len(group.mean)))
        theta = group.mean + drawn @ np.linalg.cholesky(group.covariance).T
        for i, item in enumerate(group.items):
            if item is not None:
                p = np.exp(log_probabilities(item, theta)).cumsum(axis=0)[:-1]
                codes[here, i] = (generator.random(len(here)) >= p).sum(axis=0)
    return codes
