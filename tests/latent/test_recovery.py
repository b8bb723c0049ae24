"""Mixtures find the classes that the responses were drawn from."""

from __future__ import annotations

import numpy as np
import pytest

import mixirt
from tests.latent.drawing import Ints, draw

ACCURACY_LOST = 0.01
"""Share of respondents classified worse than by the true parameters: one point."""


N_RESPONDENTS = 8000
"""So many that sampling error of the parameters costs less than that."""


def accuracy(assigned: Ints, true: Ints, n_classes: int) -> float:
    """Share assigned to their own class, classes matched by majority."""
    label = [
        np.bincount(true[assigned == c], minlength=n_classes).argmax() for c in range(n_classes)
    ]
    assert sorted(label) == list(range(n_classes))
    return float((np.array(label)[assigned] == true).mean())


@pytest.mark.parametrize("family", ["2pl", "gpcm", "grm"])
@pytest.mark.parametrize(("n_classes", "n_dims"), [(2, 1), (3, 1), (2, 2)])
def test_classes_are_recovered(family: str, n_classes: int, n_dims: int) -> None:
    drawn = draw(family, n_classes, n_dims, n=N_RESPONDENTS)
    q_matrix = (np.arange(12)[:, None] % n_dims == np.arange(n_dims)).astype(int)
    n_quadrature = 25 if n_dims == 1 else 9
    result = mixirt.fit(
        drawn.responses,
        family,
        q_matrix=q_matrix,
        n_classes=n_classes,
        n_quadrature=n_quadrature,
        n_starts=20,
        seed=3,
    )
    assert result.converged
    assert result.n_replicated >= 2
    assert np.all(np.diff(result.class_sizes) <= 0)
    reached = accuracy(result.classify().class_map - 1, drawn.classes, n_classes)
    assert result.loglik > drawn.true_loglik()
    assert reached > drawn.best_accuracy() - ACCURACY_LOST
