"""Response functions: `log p(x = m | theta_l)` of an item, as tables (M, L)."""

from __future__ import annotations

import numpy as np

from tests.oracle.models import Floats, OracleItem


def log_logistic(x: Floats) -> Floats:
    """`log(exp(x) / (1 + exp(x)))`, also for infinite x."""
    return -np.logaddexp(0.0, -x)


def log_sum_exp(x: Floats, axis: int) -> Floats:
    """`log sum exp(x)` along an axis that has at least one finite entry."""
    largest = np.max(x, axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(x - largest), axis=axis, keepdims=True)) + largest
    return np.squeeze(total, axis=axis)


def score_differences(item: OracleItem) -> Floats:
    """`s_im - s_i1` (M,): the scores that work, since the first category's predictor is 0."""
    return item.scores - item.scores[0]


def gpcm(item: OracleItem, theta: Floats) -> Floats:
    """Equation 10, with the scores as differences from the first."""
    z = theta @ item.slopes
    b = np.concatenate([[0.0], item.intercepts])
    predictor = b[:, None] + score_differences(item)[:, None] * z
    return predictor - log_sum_exp(predictor, axis=0)


def grm_bounds(item: OracleItem, theta: Floats) -> Floats:
    """Predictors of `p*_0 = 1 > p*_1 > ... > p*_M = 0` (M + 1, L); the ends are infinite."""
    z = theta @ item.slopes
    ends = np.full((1, len(z)), np.inf)
    return np.concatenate([ends, item.intercepts[:, None] + z, -ends])


def grm(item: OracleItem, theta: Floats) -> Floats:
    """Return the graded function `p_m = p*_(m-1) - p*_m`.

    In the form `p*(u) (1 - p*(v)) (1 - exp(v - u))`, which is the same number and loses no digits
    where both terms are near 1.
    """
    bounds = grm_bounds(item, theta)
    u, v = bounds[:-1], bounds[1:]
    return log_logistic(u) + log_logistic(-v) + np.log1p(-np.exp(v - u))


def three_pl(item: OracleItem, theta: Floats) -> Floats:
    """`p_2 = c + (1 - c) W` and `p_1 = (1 - c) (1 - W)`, with `c` from its logit."""
    z = item.intercepts[0] + theta @ item.slopes
    log_c = log_logistic(np.asarray(item.guessing_logit))
    log_1_c = log_logistic(np.asarray(-item.guessing_logit))
    correct = np.logaddexp(log_c, log_1_c + log_logistic(z))
    return np.stack([log_1_c + log_logistic(-z), correct])


def log_probabilities(item: OracleItem, theta: Floats) -> Floats:
    """`log p(x = m | theta_l)` (M, L) at nodes theta (L, J)."""
    return {"gpcm": gpcm, "grm": grm, "3pl": three_pl}[item.family](item, theta)
