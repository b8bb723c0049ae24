"""Classes within groups, and known classes: log-likelihood and maximum against the oracle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import mixirt
from tests.oracle.e_step import ExpectedCounts, e_step
from tests.oracle.m_step import class_probabilities, update_proportions
from tests.oracle.models import MISSING, OracleData, OracleModel, class_group, class_item, data

POSTERIOR = 1e-10
"""Two programs at the same parameters: rounding, in sums over all patterns."""

SHARE = 1e-4
"""Log-likelihoods agree to 1e-6, shares, in which they are quadratic, to less."""

LOGLIK_TOLERANCE = 1e-6
"""Rounding, and the distance that convergence criteria of 1e-8 leave."""

STATIONARY = 1e-5
"""An EM step of the oracle moves no probability further at a maximum."""

ITEMS = (3, 2, 4, 2, 3)
"""Unequal numbers of categories."""


def some_responses(n: int = 900) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Responses with missing ones, the class (0, 1) and the group (0, 1) of each."""
    rng = np.random.default_rng(11)
    group = rng.integers(2, size=n)
    classes = (rng.random(n) < np.where(group == 0, 0.3, 0.6)).astype(int)
    p = [rng.dirichlet(np.ones(m), size=2) for m in ITEMS]
    x = np.stack([(rng.random(n)[:, None] > q[classes].cumsum(1)[:, :-1]).sum(1) for q in p], 1)
    return np.where(rng.random(x.shape) < 0.05, -9, x), classes, group


def oracle_of(result: mixirt.LatentClassResult) -> OracleModel:
    """Write the fitted model as the oracle does: groups by label, items equal in all of them."""
    groups = []
    design = result.model.design
    for o, label in enumerate(design.groups):
        for c in range(design.n_classes):
            items = tuple(
                class_item(np.maximum(result._class_table(i, label, c + 1), 1e-300))
                for i in range(len(ITEMS))
            )
            groups.append(replace(class_group(items, c), observed_group=o))
    return OracleModel(tuple(groups), result.proportions)


def probabilities_after(model: OracleModel, counts: ExpectedCounts, c: int, i: int) -> np.ndarray:
    """Make the oracle's M-step for an item equal across groups: counts of both."""
    pooled = [
        n[i]
        for group, n in zip(model.groups, counts.n_glim, strict=True)
        if group.latent_class == c
    ]
    return class_probabilities(np.sum(pooled, axis=0))


def check_maximum(result: mixirt.LatentClassResult, given: OracleData) -> None:
    model = oracle_of(result)
    counts = e_step(model, given)
    np.testing.assert_allclose(result.loglik, counts.loglik, rtol=0, atol=LOGLIK_TOLERANCE)
    proportions = update_proportions(model, counts)
    np.testing.assert_allclose(proportions, result.proportions, rtol=0, atol=STATIONARY)
    for c in range(result.model.design.n_classes):
        for i in range(len(ITEMS)):
            found = result._class_table(i, result.model.design.groups[0], c + 1)
            after = probabilities_after(model, counts, c, i)
            np.testing.assert_allclose(after, found, rtol=0, atol=STATIONARY)


def test_classes_within_groups() -> None:
    x, _, group = some_responses()
    result = mixirt.fit_latent_class(
        x, 2, groups=group, invariance="scalar", missing=-9, seed=1, tol_parameter=1e-8
    )
    assert result.proportions.shape == (2, 2)
    given = data(np.where(x == -9, MISSING, x), observed_group=group)
    check_maximum(result, given)
    posterior = e_step(oracle_of(result), given).posterior
    of_class = np.stack([posterior[0] + posterior[2], posterior[1] + posterior[3]])[:, :, 0].T
    np.testing.assert_allclose(result.classify().class_probabilities, of_class, atol=POSTERIOR)


def test_known_classes() -> None:
    x, classes, _ = some_responses()
    known = [int(c) + 1 if row % 3 == 0 else None for row, c in enumerate(classes)]
    result = mixirt.fit_latent_class(
        x, 2, known_classes=known, missing=-9, seed=1, tol_parameter=1e-8
    )
    as_oracle = [MISSING if c is None else c - 1 for c in known]
    check_maximum(result, data(np.where(x == -9, MISSING, x), known_class=as_oracle))
    assigned = result.classify().class_map
    assert all(a == c for a, c in zip(assigned, known, strict=True) if c is not None)
    assert result.goodness_of_fit.g2 is None


def test_known_classes_keep_the_users_numbers() -> None:
    x, classes, _ = some_responses()
    known = [int(c) + 1 if row % 3 == 0 else None for row, c in enumerate(classes)]
    other = [None if c is None else 3 - c for c in known]
    one, two = (
        mixirt.fit_latent_class(x, 2, known_classes=k, missing=-9, seed=1) for k in (known, other)
    )
    np.testing.assert_allclose(one.loglik, two.loglik, rtol=0, atol=LOGLIK_TOLERANCE)
    np.testing.assert_allclose(one.class_sizes, two.class_sizes[::-1], rtol=0, atol=SHARE)
