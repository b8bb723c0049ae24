"""What a user has to know of a fit before trusting it, as warnings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mixirt._options import option
from mixirt._warn import warn
from mixirt._words import counted
from mixirt.covariance import MOST_EXAMINED
from mixirt.diagnostics import decreases
from mixirt.errors import (
    BoundaryWarning,
    ConvergenceWarning,
    LikelihoodDecreaseWarning,
    QuadratureWarning,
    ReplicationWarning,
    RunawayWarning,
)
from mixirt.model_text import group_title
from mixirt.unbounded import largest_steps

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["warn_about"]

#: A log-likelihood that falls by less from one cycle to the next says nothing: nodes that move with
#: a distribution change it a little.
_FALL = 0.1

#: Slopes, in log-odds per standard deviation of the attribute, that grow by less than fits notice.
_NO_SLOPE = 1e-3


def warn_about(result: Result) -> None:
    """Say what a user must know before trusting a fit."""
    if not result.converged and result.n_cycles:
        change = result.last_change
        warn(
            f"not converged after {counted(result.n_cycles, 'cycle')}: parameters still change by "
            f"{change:.2g}; raise {option('max_cycles')}, or look at r.history for what holds it "
            "up",
            ConvergenceWarning,
        )
    if result.n_starts > 1 and result.n_replicated == 1:
        warn(
            f"only one of {result.n_starts} starts reached the log-likelihood {result.loglik:.4f}; "
            f"it may be a local maximum: raise {option('n_starts')}, and look at r.starts()",
            ReplicationWarning,
        )
    unmoved = _without_slopes(result)
    if unmoved:
        warn(
            f"all slopes on {', '.join(unmoved)} are 0, a saddle of the log-likelihood that EM "
            "cannot leave; start elsewhere, for instance with start={'slope': 1.0}",
            ConvergenceWarning,
        )
    stopped = result._stopped()
    if stopped:
        warn(
            f"stopped by a bound, and so without standard errors: {result._listed(stopped)}. "
            "Unless they belong there, give them a prior or other bounds",
            BoundaryWarning,
        )
    away = result._runaways() if result.n_cycles else []
    if away:
        warn(
            f"estimates ran away: {result._listed(away)}; the responses determine no finite value. "
            "Estimate fewer parameters (tie or fix them, or leave an item out), merge categories, "
            "or give them a prior with Model.prior",
            RunawayWarning,
        )
    falls = decreases(result._found["history"])
    if falls.max(initial=0.0) > _FALL:
        warn(
            f"the log-likelihood fell in {len(falls)} of {result.n_cycles} cycles, by up to "
            f"{falls.max():.2g}: the quadrature grid is too coarse for the distribution; raise "
            f"{option('n_quadrature')}",
            LikelihoodDecreaseWarning,
        )
    coarse = result._coarse_groups()
    if coarse:
        given = ", given the others," if len(result.model.design.attributes) > 1 else ""
        warn(
            f"the quadrature grid is too coarse for the distribution {coarse[0]}: the standard "
            f"deviation of an attribute{given} is less than one step; raise "
            f"{option('n_quadrature')} or use {option('quadrature', 'gauss-hermite')}",
            QuadratureWarning,
        )


def _without_slopes(result: Result) -> list[str]:
    """List attributes whose slopes are all estimated at next to 0, if that is no maximum.

    There the items are independent, and the log-likelihood is flat in every slope.
    """
    design, table = result.model.design, result.model.table
    cells = design.cells
    if not result.n_cycles:
        return []
    slope, steps = cells.is_kind("slope"), largest_steps(design)
    found = []
    for group in range(design.n_latent_groups):
        variances = np.diagonal(result._distribution(group)[1])
        present = np.flatnonzero(design.attributes_in_group[design.observed_of(group)])
        for j, variance in zip(present.tolist(), variances.tolist(), strict=True):
            own = np.flatnonzero(slope & (cells.group == group) & (cells.attribute == j))
            sizes = np.abs(result._values[own]) * steps[cells.item[own]] * math.sqrt(variance)
            if not table.is_fixed[own].any() and sizes.max() < _NO_SLOPE:
                title = group_title(design, group)
                found.append(f"'{design.attributes[j]}'{f' in {title}' if title else ''}")
    # To look costs as much as standard errors, which is why only such a fit is looked at, if it is
    # not too large for that; many slopes are not all 0 by chance.
    is_large = result._engine.n_free > MOST_EXAMINED
    return found if found and (is_large or result._covariance("oakes").flat) else []
