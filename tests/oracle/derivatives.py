"""First and second derivatives of `log p(x = m | theta_l)` in the parameters of an item.

Tables are (P, M, L) and (P, P, M, L), parameters in the order of `OracleItem.eta`. The formulas
are those printed in the section on item parameter estimation. Two of them slip and are put right:

* GPCM: printed for a first category score of 0. Sufficient statistics use `s_im - s_i1`.
* 3PL, wrong answer: see `wrong_answer`.
"""

from __future__ import annotations

import numpy as np

from tests.oracle.models import Floats, OracleItem
from tests.oracle.probabilities import (
    grm_bounds,
    log_logistic,
    log_probabilities,
    score_differences,
)

Tables = tuple[Floats, Floats]


def outer(x: Floats, y: Floats) -> Floats:
    """Products of every pair of rows: (P, ...), (Q, ...) to (P, Q, ...)."""
    return x[:, None] * y[None, :]


def gpcm(item: OracleItem, theta: Floats) -> Tables:
    """Equation 11: with sufficient statistics `T`, `T - E(T)` and `-cov(T, T')`."""
    p = np.exp(log_probabilities(item, theta))
    n_categories, n_nodes = p.shape
    of_slopes = theta.T[:, None, :] * score_differences(item)[:, None]
    of_intercepts = np.repeat(np.eye(n_categories)[1:, :, None], n_nodes, axis=2)
    statistics = np.concatenate([of_slopes, of_intercepts])
    deviation = statistics - np.sum(p * statistics, axis=1, keepdims=True)
    covariance = np.sum(p * outer(deviation, deviation), axis=2, keepdims=True)
    return deviation, -np.repeat(covariance, n_categories, axis=2)


def grm(item: OracleItem, theta: Floats) -> Tables:
    """Graded response function, printed: `upper = p*_(m-1)` and `lower = p*_m`.

    `1 - p*` is computed apart, not by subtraction: where p* is near 1 few digits would be left.
    """
    n_dims, n_categories, n_nodes = len(item.slopes), item.n_categories, len(theta)
    bounds = grm_bounds(item, theta)
    above, beneath = np.exp(log_logistic(bounds)), np.exp(log_logistic(-bounds))
    p = np.exp(log_probabilities(item, theta))
    n_parameters = n_dims + n_categories - 1
    first = np.zeros((n_parameters, n_categories, n_nodes))
    second = np.zeros((n_parameters, n_parameters, n_categories, n_nodes))
    w = theta.T
    for m in range(n_categories):
        upper, not_upper = above[m], beneath[m]
        lower, not_lower = above[m + 1], beneath[m + 1]
        first[:n_dims, m] = w * (not_upper - lower)
        second[:n_dims, :n_dims, m] = -outer(w, w) * (upper * not_upper + lower * not_lower)
        # Positions of the intercepts of p*_(m-1) and p*_m; the first and last p* have none.
        u, v = n_dims + m - 1, n_dims + m
        if m < n_categories - 1:
            slope = lower * not_lower
            first[v, m] = -slope / p[m]
            second[v, v, m] = (slope * (lower - not_lower) * p[m] - slope**2) / p[m] ** 2
            second[:n_dims, v, m] = second[v, :n_dims, m] = -w * slope
        if m > 0:
            slope = upper * not_upper
            first[u, m] = slope / p[m]
            second[u, u, m] = (-slope * (upper - not_upper) * p[m] - slope**2) / p[m] ** 2
            second[:n_dims, u, m] = second[u, :n_dims, m] = -w * slope
        if 0 < m < n_categories - 1:
            cross = upper * not_upper * lower * not_lower / p[m] ** 2
            second[u, v, m] = second[v, u, m] = cross
    return first, second


def correct_answer(item: OracleItem, theta: Floats) -> tuple[Floats, Floats, Floats]:
    """3PL: `p` (2, L) and the derivatives of `log p_2`, (P, L) and (P, P, L), as printed."""
    z = item.intercepts[0] + theta @ item.slopes
    w, not_w = np.exp(log_logistic(z)), np.exp(log_logistic(-z))
    c = float(np.exp(log_logistic(np.asarray(item.guessing_logit))))
    p1, p2 = np.exp(log_probabilities(item, theta))
    # exp(c') / (1 + exp(c'))^2, and (1 - exp(2c')) exp(c') / (1 + exp(c'))^4.
    k, k2 = c * (1 - c), c * (1 - c) * (1 - 2 * c)
    of_predictor = np.concatenate([theta.T, np.ones((1, len(theta)))])
    log_w = of_predictor * not_w
    log_w2 = -outer(of_predictor, of_predictor) * w * not_w
    w1 = (1 - c) * w * log_w
    n = len(of_predictor)
    first = np.empty((n + 1, len(theta)))
    second = np.empty((n + 1, n + 1, len(theta)))
    first[:n] = w1 / p2
    first[n] = not_w * k / p2
    of_w1 = (1 - c) * (w * outer(log_w, log_w) + w * log_w2)
    second[:n, :n] = (of_w1 - outer(w1, first[:n])) / p2
    second[:n, n] = second[n, :n] = (-w * log_w - not_w * first[:n]) * k / p2
    second[n, n] = (not_w * p2 * k2 - not_w**2 * k**2) / p2**2
    return np.stack([p1, p2]), first, second


def wrong_answer(p: Floats, first: Floats, second: Floats) -> Tables:
    """3PL: derivatives of `log p_1` from those of `log p_2`, the print put right.

    `p_1 = 1 - p_2` has `d p_1 = -p_2 d log p_2`, so `d log p_1 = p_2 d log p_2 / (p_2 - 1)`; the
    print lacks the factor `p_2`. Differentiating once more gives
    `p_2 [d2 log p_2 (p_2 - 1) - d log p_2 d log p_2] / (p_2 - 1)^2`: the factor in front is
    missing in print, and the product of first derivatives carries a `p_2` too many.
    """
    p1, p2 = p
    return -p2 * first / p1, p2 * (-p1 * second - outer(first, first)) / p1**2


def three_pl(item: OracleItem, theta: Floats) -> Tables:
    """Three-parameter logistic function, in slopes, intercept and guessing logit."""
    p, first, second = correct_answer(item, theta)
    first_wrong, second_wrong = wrong_answer(p, first, second)
    return np.stack([first_wrong, first], axis=1), np.stack([second_wrong, second], axis=2)


def item_derivatives(item: OracleItem, theta: Floats) -> Tables:
    """First (P, M, L) and second (P, P, M, L) derivatives of `log p(x = m | theta_l)`."""
    return {"gpcm": gpcm, "grm": grm, "3pl": three_pl}[item.family](item, theta)


def predictor_derivatives(item: OracleItem, theta: Floats) -> Tables:
    """First and second derivatives (M, L) of `log p` in `z = a'theta`.

    `z` moves the predictor of category `t` by `s_t - s_1` (GPCM) or by 1, exactly as its intercept
    does: a directional derivative in the intercepts. In theta: `a first` and `a a' second`.
    """
    first, second = item_derivatives(item, theta)
    n_dims, n_intercepts = len(item.slopes), len(item.intercepts)
    b = slice(n_dims, n_dims + n_intercepts)
    direction = score_differences(item)[1:] if item.family == "gpcm" else np.ones(n_intercepts)
    return (
        np.einsum("t,tml->ml", direction, first[b]),
        np.einsum("t,u,tuml->ml", direction, direction, second[b, b]),
    )


def expected_loglik(item: OracleItem, theta: Floats, counts: Floats) -> float:
    """Return the item's part of equation 8, `sum_lm n_glim log p`; no count contributes 0."""
    log_p = log_probabilities(item, theta)
    return float(np.sum(counts * np.where(counts > 0, log_p, 0.0)))


def expected_derivatives(item: OracleItem, theta: Floats, counts: Floats) -> Tables:
    """Gradient (P,) and Hessian (P, P) of `expected_loglik` for counts (M, L)."""
    first, second = item_derivatives(item, theta)
    return np.sum(first * counts, axis=(1, 2)), np.sum(second * counts, axis=(2, 3))
