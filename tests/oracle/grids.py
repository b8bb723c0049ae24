"""Quadrature: nodes theta (L, J) and weights (L,) for a normal distribution of the attributes."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from tests.oracle.models import Floats

WIDEST = 6.0
"""No node lies further than this many standard deviations from the mean."""

SPREAD = 0.35
"""Half-width of the rectangular rule: `R^2 = pi SPREAD (n - 1)`, which balances the error of
cutting the tails off against that of the distance between nodes."""


def half_width(n_points: int) -> float:
    """`R = min(6, sqrt(pi 0.35 (n - 1)))`, in standard deviations."""
    return min(WIDEST, math.sqrt(math.pi * SPREAD * (n_points - 1)))


def product_grid(axes: list[Floats]) -> Floats:
    """All combinations (L, J), the last axis fastest; one empty node if there is no axis."""
    nodes = list(product(*axes))
    return np.array(nodes, dtype=float).reshape(len(nodes), len(axes))


def rectangular(
    mean: Floats, covariance: Floats, n_points: int, reach: float | None = None
) -> tuple[Floats, Floats]:
    """Equally spaced nodes on each axis, in units of its standard deviation; density weights.

    Node `mu_j + sd_j z` with `z` on `[-R, R]`; correlations enter through the weights alone, the
    multivariate normal density at the nodes, normalised to sum to 1. `reach` replaces `R`.
    """
    radius = half_width(n_points) if reach is None else reach
    z = np.linspace(-radius, radius, n_points)
    sd = np.sqrt(np.diag(covariance))
    standard = product_grid([z] * len(mean))
    correlation = covariance / np.outer(sd, sd)
    log_density = -0.5 * np.einsum("lj,jk,lk->l", standard, np.linalg.inv(correlation), standard)
    weights = np.exp(log_density - log_density.max())
    return mean + sd * standard, weights / weights.sum()


def gauss_hermite(mean: Floats, covariance: Floats, n_points: int) -> tuple[Floats, Floats]:
    """Return the paper's grid: Gauss-Hermite nodes `mu + C z` with `C C' = Sigma`."""
    z, w = np.polynomial.hermite_e.hermegauss(n_points)
    standard = product_grid([z] * len(mean))
    weights = np.prod(product_grid([w] * len(mean)), axis=1)
    return mean + standard @ np.linalg.cholesky(covariance).T, weights / weights.sum()
