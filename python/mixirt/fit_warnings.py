"""What a user has to know of a fit before trusting it, as warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixirt._warn import warn
from mixirt.diagnostics import decreases
from mixirt.errors import (
    BoundaryWarning,
    ConvergenceWarning,
    LikelihoodDecreaseWarning,
    QuadratureWarning,
    ReplicationWarning,
    RunawayWarning,
)

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["warn_about"]

#: A log-likelihood that falls by less from one cycle to the next says nothing: nodes that move with
#: a distribution change it a little.
_FALL = 0.1


def warn_about(result: Result) -> None:
    """Say what a user must know before trusting a fit."""
    if not result.converged and result.n_cycles:
        change = result.last_change
        warn(
            f"not converged after {result.n_cycles} cycles: parameters still change by "
            f"{change:.2g}; raise max_cycles, or look at r.history for what holds it up",
            ConvergenceWarning,
        )
    if result.n_starts > 1 and result.n_replicated == 1:
        warn(
            f"only one of {result.n_starts} starts reached the log-likelihood {result.loglik:.4f}; "
            "it may be a local maximum: raise n_starts, and look at r.starts()",
            ReplicationWarning,
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
            "n_quadrature",
            LikelihoodDecreaseWarning,
        )
    coarse = result._coarse_groups()
    if coarse:
        given = ", given the others," if len(result.model.design.attributes) > 1 else ""
        warn(
            f"the quadrature grid is too coarse for the distribution {coarse[0]}: the standard "
            f"deviation of an attribute{given} is less than one step; raise n_quadrature or use "
            'quadrature="gauss-hermite"',
            QuadratureWarning,
        )
