"""The E-step: posterior of the nodes, observed log-likelihood and expected counts (eqs. 3-7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.oracle.models import MISSING, Bools, Floats, Ints, OracleData, OracleGroup, OracleModel
from tests.oracle.probabilities import log_probabilities, log_sum_exp


@dataclass(frozen=True)
class ExpectedCounts:
    """What the E-step leaves behind.

    Attributes
    ----------
    loglik
        Observed log-likelihood, weighted.
    row_loglik : (N,)
        Its terms, without weights.
    posterior : per group (N, L_g)
        `p(omega_gl, g | X_p)` of equation 6; equation 3 where groups are observed. 0 in the groups
        a respondent cannot belong to.
    n_gl : per group (L_g,)
        Equation 4.
    n_glim : per group, per item (M_i, L_g)
        Equations 5 and 7; `None` for an item the group does not take.
    """

    loglik: float
    row_loglik: Floats
    posterior: tuple[Floats, ...]
    n_gl: tuple[Floats, ...]
    n_glim: tuple[tuple[Floats | None, ...], ...]


def log_likelihood_of_nodes(group: OracleGroup, responses: Ints) -> Floats:
    """`log prod_i p(x_pi | omega_gl)` (N, L): missing responses drop out of the product."""
    total = np.zeros((len(responses), len(group.weights)))
    for i, item in enumerate(group.items):
        if item is None:
            continue
        log_p = log_probabilities(item, group.theta)
        given = responses[:, i] != MISSING
        total[given] += log_p[responses[given, i]]
    return total


def may_belong(group: OracleGroup, data: OracleData) -> Bools:
    """Whether each respondent can be in the group (N,): observed group, and class if known."""
    unknown = data.known_class == MISSING
    same_class = unknown | (data.known_class == group.latent_class)
    return (data.observed_group == group.observed_group) & same_class


def log_joint(model: OracleModel, data: OracleData) -> tuple[Floats, ...]:
    """`log [p(omega_gl, g) prod_i p(x_pi | omega_gl)]` per group (N, L_g).

    `p(omega_gl, g)` is the node weight times the proportion of the class within the respondent's
    observed group. With observed groups alone that proportion is 1 (eq. 3); with latent groups
    alone there is one observed group (eq. 6).
    """
    joint = []
    for group in model.groups:
        with np.errstate(divide="ignore"):
            log_prior = np.log(group.weights) + np.log(
                model.proportions[group.observed_group, group.latent_class]
            )
        values = log_prior + log_likelihood_of_nodes(group, data.responses)
        joint.append(np.where(may_belong(group, data)[:, None], values, -np.inf))
    return tuple(joint)


def e_step(model: OracleModel, data: OracleData) -> ExpectedCounts:
    """Observed log-likelihood and the expected counts, every respondent by every node."""
    joint = log_joint(model, data)
    row_loglik = log_sum_exp(np.concatenate(joint, axis=1), axis=1)
    posterior = tuple(np.exp(values - row_loglik[:, None]) for values in joint)
    n_gl = tuple(data.weights @ p for p in posterior)
    n_glim = []
    for group, p in zip(model.groups, posterior, strict=True):
        counts: list[Floats | None] = []
        for i, item in enumerate(group.items):
            if item is None:
                counts.append(None)
                continue
            chose = data.responses[:, i] == np.arange(item.n_categories)[:, None]
            counts.append((chose * data.weights) @ p)
        n_glim.append(tuple(counts))
    return ExpectedCounts(
        loglik=float(data.weights @ row_loglik),
        row_loglik=row_loglik,
        posterior=posterior,
        n_gl=n_gl,
        n_glim=tuple(n_glim),
    )
