"""The M-step: one Newton-Raphson step per item (eq. 9), distributions (eq. 12), proportions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tests.oracle.derivatives import expected_derivatives
from tests.oracle.e_step import ExpectedCounts
from tests.oracle.models import Bools, Floats, OracleGroup, OracleItem, OracleModel

FIXED = -1
"""The position of a parameter that belongs to no block because it is fixed."""

Place = Callable[[Floats, Floats], tuple[Floats, Floats]]
"""A quadrature rule: mean and covariance to nodes and weights."""


@dataclass(frozen=True)
class Member:
    """An item in a group: `positions` (P,) are its parameters' places in the block, or `FIXED`."""

    group: int
    item: int
    positions: tuple[int, ...]


@dataclass(frozen=True)
class FreeDistribution:
    """Which elements of a group's mean (J,) and covariance (J, J) are estimated."""

    group: int
    mean: Bools
    covariance: Bools


@dataclass(frozen=True)
class FreeParameters:
    """Everything that is estimated; a block is the items that share parameters."""

    blocks: tuple[tuple[Member, ...], ...]
    distributions: tuple[FreeDistribution, ...] = ()
    proportions: bool = True


def equal_in_all_groups(model: OracleModel, item: int) -> tuple[Member, ...]:
    """Return the block of an item whose parameters are all free and equal in every group."""
    members = []
    for g, group in enumerate(model.groups):
        taken = group.items[item]
        if taken is not None:
            members.append(Member(g, item, tuple(range(len(taken.eta())))))
    return tuple(members)


def block_derivatives(
    model: OracleModel, counts: ExpectedCounts, block: tuple[Member, ...]
) -> tuple[Floats, Floats, Floats]:
    """Values (n,), gradient (n,) and Hessian (n, n) of a block: the sum over its members."""
    n = 1 + max(max(member.positions) for member in block)
    values, gradient, hessian = np.zeros(n), np.zeros(n), np.zeros((n, n))
    for member in block:
        group = model.groups[member.group]
        item, n_lm = group.items[member.item], counts.n_glim[member.group][member.item]
        if item is None or n_lm is None:
            raise ValueError(f"group {member.group} does not take item {member.item}")
        first, second = expected_derivatives(item, group.theta, n_lm)
        for v, place in enumerate(member.positions):
            if place == FIXED:
                continue
            values[place] = item.eta()[v]
            gradient[place] += first[v]
            for u, other in enumerate(member.positions):
                if other != FIXED:
                    hessian[place, other] += second[v, u]
    return values, gradient, hessian


def newton_step(
    model: OracleModel, counts: ExpectedCounts, block: tuple[Member, ...]
) -> dict[tuple[int, int], OracleItem]:
    """Equation 9 for a block, undamped: `eta - H^-1 L`. The members' new items by (group, item)."""
    values, gradient, hessian = block_derivatives(model, counts, block)
    moved = values - np.linalg.solve(hessian, gradient)
    items = {}
    for member in block:
        item = model.groups[member.group].items[member.item]
        if item is None:
            raise ValueError(f"group {member.group} does not take item {member.item}")
        eta = item.eta()
        for v, place in enumerate(member.positions):
            if place != FIXED:
                eta[v] = moved[place]
        items[member.group, member.item] = item.with_eta(eta)
    return items


def class_probabilities(n_im: Floats) -> Floats:
    """Return proportions (M,): where Newton's iterations end for an item without attributes."""
    total = n_im.sum(axis=1)
    return total / total.sum()


def moments(theta: Floats, n_gl: Floats) -> tuple[Floats, Floats]:
    """Mean (J,) and covariance (J, J) of the nodes under the expected counts.

    The printed `sum_l omega_gl p(omega_gl | X_gp)` lacks the sum over response patterns: `n_gl`
    over its total takes the place of the posterior of one pattern.
    """
    mean = n_gl @ theta / n_gl.sum()
    deviation = theta - mean
    return mean, (n_gl[:, None] * deviation).T @ deviation / n_gl.sum()


def normal_derivatives(
    mean: Floats, covariance: Floats, theta: Floats, n_gl: Floats
) -> tuple[float, Floats, Floats]:
    """Value, gradient and Hessian of `D = sum_l n_gl log phi(theta_l)` (eq. 12).

    In the means, then the lower triangle of the covariance row by row. An off-diagonal element
    stands in two places of Sigma, so its derivative is twice the printed matrix's element.
    """
    n_dims = len(mean)
    lower = [(j, k) for j in range(n_dims) for k in range(j + 1)]
    n = n_gl.sum()
    inverse = np.linalg.inv(covariance)
    deviation = theta - mean
    offset = n_gl @ deviation / n
    spread = (n_gl[:, None] * deviation).T @ deviation / n
    _, log_det = np.linalg.slogdet(covariance)
    value = -0.5 * n * (n_dims * np.log(2 * np.pi) + log_det + np.trace(inverse @ spread))
    directions = []
    for j, k in lower:
        element = np.zeros((n_dims, n_dims))
        element[j, k] = element[k, j] = 1.0
        directions.append(inverse @ element)
    gradient = np.zeros(n_dims + len(lower))
    hessian = np.zeros((len(gradient), len(gradient)))
    gradient[:n_dims] = n * inverse @ offset
    hessian[:n_dims, :n_dims] = -n * inverse
    scaled = inverse @ spread
    for a, x in enumerate(directions, start=n_dims):
        gradient[a] = -0.5 * n * (np.trace(x) - np.trace(x @ scaled))
        hessian[:n_dims, a] = hessian[a, :n_dims] = -n * x @ inverse @ offset
        for b, y in enumerate(directions, start=n_dims):
            both = np.trace(y @ x @ scaled) + np.trace(x @ y @ scaled)
            hessian[a, b] = -0.5 * n * (both - np.trace(y @ x))
    return float(value), gradient, hessian


def is_distribution(covariance: Floats) -> bool:
    """Whether a symmetric matrix is positive definite."""
    return bool(np.all(np.linalg.eigvalsh(covariance) > 0))


def maximise_normal(
    group: OracleGroup, n_gl: Floats, free: FreeDistribution
) -> tuple[Floats, Floats]:
    """Mean and covariance that maximise equation 12 where only some elements are free.

    Newton's method with step halving; up the gradient wherever the Hessian does not point up.
    """
    n_dims = len(group.mean)
    rows, columns = np.tril_indices(n_dims)
    is_free = np.concatenate([free.mean, free.covariance[rows, columns]]).astype(bool)

    def unpack(delta: Floats) -> tuple[Floats, Floats]:
        covariance = np.zeros((n_dims, n_dims))
        covariance[rows, columns] = covariance[columns, rows] = delta[n_dims:]
        return delta[:n_dims], covariance

    delta = np.concatenate([group.mean, group.covariance[rows, columns]])
    for _ in range(200):
        value, gradient, hessian = normal_derivatives(*unpack(delta), group.theta, n_gl)
        gradient, hessian = gradient[is_free], hessian[np.ix_(is_free, is_free)]
        if np.all(np.linalg.eigvalsh(hessian) < 0):
            step = -np.linalg.solve(hessian, gradient)
        else:
            step = gradient / n_gl.sum()
        length = 1.0
        while length > 1e-12:
            trial = delta.copy()
            trial[is_free] += length * step
            mean, covariance = unpack(trial)
            if is_distribution(covariance):
                reached, _, _ = normal_derivatives(mean, covariance, group.theta, n_gl)
                if reached >= value:
                    break
            length /= 2
        else:
            return unpack(delta)
        delta = trial
        if np.max(np.abs(length * step)) < 1e-13:
            break
    return unpack(delta)


def update_distribution(
    group: OracleGroup, n_gl: Floats, free: FreeDistribution
) -> tuple[Floats, Floats]:
    """Mean and covariance of a group: the moments where all is free, otherwise by Newton."""
    if np.all(free.mean) and np.all(free.covariance):
        return moments(group.theta, n_gl)
    return maximise_normal(group, n_gl, free)


def update_proportions(model: OracleModel, counts: ExpectedCounts) -> Floats:
    """`sum_l n_gl / N` within each observed group: (observed groups, classes)."""
    sizes = np.zeros_like(model.proportions)
    for group, n_gl in zip(model.groups, counts.n_gl, strict=True):
        sizes[group.observed_group, group.latent_class] += n_gl.sum()
    return sizes / sizes.sum(axis=1, keepdims=True)


def m_step(
    model: OracleModel, counts: ExpectedCounts, free: FreeParameters, place: Place
) -> OracleModel:
    """One M-step: a Newton step per block, distributions with their nodes, proportions."""
    items = [list(group.items) for group in model.groups]
    for block in free.blocks:
        for (g, i), item in newton_step(model, counts, block).items():
            items[g][i] = item
    groups = [
        replace(group, items=tuple(row)) for group, row in zip(model.groups, items, strict=True)
    ]
    for choice in free.distributions:
        group = groups[choice.group]
        mean, covariance = update_distribution(group, counts.n_gl[choice.group], choice)
        theta, weights = place(mean, covariance)
        groups[choice.group] = replace(
            group, mean=mean, covariance=covariance, theta=theta, weights=weights
        )
    proportions = update_proportions(model, counts) if free.proportions else model.proportions
    return OracleModel(groups=tuple(groups), proportions=proportions)
