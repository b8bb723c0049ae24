"""Scores of respondents: EAP, MAP on the grid, classes, the posterior mode, likelihoods."""

from __future__ import annotations

import numpy as np

from tests.oracle.derivatives import predictor_derivatives
from tests.oracle.models import MISSING, Floats, Ints, OracleGroup, OracleItem
from tests.oracle.probabilities import log_probabilities


def eap(posteriors: list[Floats], thetas: list[Floats]) -> tuple[Floats, Floats]:
    """Return expected attributes (N, J) and their posterior covariance (N, J, J).

    Over the nodes of the groups listed: one group gives the paper's estimate conditional on the
    group, all classes together the estimate over the mixture. Rows are normalised here.
    """
    p = np.concatenate(posteriors, axis=1)
    p = p / p.sum(axis=1, keepdims=True)
    theta = np.concatenate(thetas)
    estimate = p @ theta
    deviation = theta[None] - estimate[:, None]
    return estimate, np.einsum("nl,nlj,nlk->njk", p, deviation, deviation)


def map_on_grid(posterior: Floats, theta: Floats) -> Floats:
    """Return the node of largest posterior probability (N, J)."""
    return theta[np.argmax(posterior, axis=1)]


def class_probabilities(posteriors: tuple[Floats, ...]) -> Floats:
    """`p(g | X_p) = sum_l p(omega_gl, g | X_p)` (N, G)."""
    return np.stack([p.sum(axis=1) for p in posteriors], axis=1)


def class_map(posteriors: tuple[Floats, ...]) -> Ints:
    """Return the latent group of largest posterior probability (N,)."""
    return np.argmax(class_probabilities(posteriors), axis=1)


def answered(group: OracleGroup, row: Ints) -> list[tuple[OracleItem, int]]:
    """List the items that a row of responses (I,) answers, and the answers."""
    pairs = zip(group.items, row, strict=True)
    return [(item, int(x)) for item, x in pairs if item is not None and x != MISSING]


def log_likelihood(group: OracleGroup, row: Ints, theta: Floats) -> tuple[float, Floats, Floats]:
    """Value, gradient (J,) and Hessian (J, J) in theta (J,) of one row's log-likelihood."""
    n_dims = len(theta)
    value, gradient, hessian = 0.0, np.zeros(n_dims), np.zeros((n_dims, n_dims))
    for item, x in answered(group, row):
        first, second = predictor_derivatives(item, theta[None])
        value += float(log_probabilities(item, theta[None])[x, 0])
        gradient = gradient + item.slopes * first[x, 0]
        hessian = hessian + np.outer(item.slopes, item.slopes) * second[x, 0]
    return value, gradient, hessian


def log_posterior(group: OracleGroup, row: Ints, theta: Floats) -> tuple[float, Floats, Floats]:
    """Value, gradient (J,) and Hessian (J, J) in theta (J,) of `log prior + log likelihood`.

    For one row of responses (I,), up to a constant that does not depend on theta.
    """
    inverse = np.linalg.inv(group.covariance)
    offset = theta - group.mean
    value, gradient, hessian = log_likelihood(group, row, theta)
    value += float(-0.5 * offset @ inverse @ offset)
    return value, gradient - inverse @ offset, hessian - inverse


def expected_information(group: OracleGroup, row: Ints, theta: Floats) -> Floats:
    """`sum_i E(u_i u_i')` (J, J) over the answered items, `u_i` the gradient of an answer to i."""
    information = np.zeros((len(theta), len(theta)))
    for item, _ in answered(group, row):
        p = np.exp(log_probabilities(item, theta[None])[:, 0])
        first = predictor_derivatives(item, theta[None])[0][:, 0]
        for m in range(item.n_categories):
            u = item.slopes * first[m]
            information += p[m] * np.outer(u, u)
    return information


def bias_correction(group: OracleGroup, row: Ints, theta: Floats) -> Floats:
    """Return what Firth (1993) adds to the gradient (J,): `1/2 tr(I^-1 (P_r + Q_r))`.

    `P_r = E(U U' U_r)` and `Q_r = E(H U_r)` with gradient `U` and Hessian `H` of the answers, which
    are independent, so that third cumulants add.
    """
    inverse = np.linalg.inv(expected_information(group, row, theta))
    correction = np.zeros(len(theta))
    for item, _ in answered(group, row):
        p = np.exp(log_probabilities(item, theta[None])[:, 0])
        first, second = (d[:, 0] for d in predictor_derivatives(item, theta[None]))
        outer = np.outer(item.slopes, item.slopes)
        for m in range(item.n_categories):
            u, hessian = item.slopes * first[m], outer * second[m]
            correction += 0.5 * p[m] * np.sum(inverse * (np.outer(u, u) + hessian)) * u
    return correction


def posterior_mode(group: OracleGroup, row: Ints) -> tuple[Floats, Floats]:
    """Mode of the continuous posterior (J,) and minus the inverse Hessian there (J, J).

    From the best node of the group's grid by Newton steps, halved until the posterior rises; up
    the gradient where the Hessian is not negative definite (3PL).
    """
    values = [log_posterior(group, row, node)[0] for node in group.theta]
    theta = group.theta[int(np.argmax(values))]
    for _ in range(200):
        value, gradient, hessian = log_posterior(group, row, theta)
        upwards = np.all(np.linalg.eigvalsh(hessian) < 0)
        step = -np.linalg.solve(hessian, gradient) if upwards else gradient
        while log_posterior(group, row, theta + step)[0] < value and np.max(np.abs(step)) > 1e-12:
            step = step / 2
        theta = theta + step
        if np.max(np.abs(step)) < 1e-12:
            break
    return theta, -np.linalg.inv(log_posterior(group, row, theta)[2])
