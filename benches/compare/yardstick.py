"""One yardstick for all programs: the log-likelihood of given estimates on a fine grid.

Programs report log-likelihoods on grids of their own, whose errors are larger than the differences
between them. Here estimates are held fixed and mixirt evaluates them.
"""

from __future__ import annotations

import numpy as np
from benches.compare.cases import Case, Responses
from benches.compare.estimates import Estimates

import mixirt

POINTS = {0: None, 1: 241, 2: 81, 3: 41, 5: 31}
"""Points per attribute, by number of attributes.

Steps of .05 to .4 standard deviations. The error of a rectangular sum falls as
exp(-2 (pi s / step)^2) with the standard deviation s of a respondent's posterior; doubling the
points changes no log-likelihood of the table by .001.
"""


def fixed_model(case: Case, estimates: Estimates, n_quadrature: int | None) -> mixirt.Model:
    """Make the model of a case with every parameter held at its estimate."""
    q = case.q_matrix
    n_dims = q.shape[1]
    is_latent = estimates.proportions is not None
    model = mixirt.Model(
        case.model,
        items=case.n_items,
        n_categories=case.n_categories,
        q_matrix=q if n_dims else (),
        groups=list(range(case.n_strata)) if case.structure == "groups" else None,
        n_classes=case.n_strata if is_latent else 1,
        n_quadrature=n_quadrature,
    )
    for k in range(case.n_strata):
        where = {"class_": k + 1} if is_latent else {"group": k}
        where = where if case.n_strata > 1 else {}
        model = model.fix("intercept", estimates.intercepts[k].ravel(), **where)
        if n_dims:
            model = model.fix("slope", estimates.slopes[k][q == 1], **where)
            model = model.fix("mean", estimates.mean[k], **where)
            model = model.fix("variance", np.diag(estimates.covariance[k]), **where)
        if n_dims > 1:
            below = np.tril_indices(n_dims, -1)
            model = model.fix("covariance", estimates.covariance[k][below], **where)
        if estimates.guessing is not None:
            model = model.fix("guessing", estimates.guessing[k], **where)
        if estimates.proportions is not None:
            model = model.fix("proportion", float(estimates.proportions[k]), **where)
    return model


def log_likelihood(
    case: Case, estimates: Estimates, responses: Responses, refinement: int = 1
) -> float:
    """Evaluate estimates on the fine grid, or on one finer still."""
    points = POINTS[case.q_matrix.shape[1]]
    points = points if points is None else refinement * (points - 1) + 1
    model = fixed_model(case, estimates, points)
    return float(mixirt.fit(responses.codes, model, groups=responses.groups, n_starts=1).loglik)
