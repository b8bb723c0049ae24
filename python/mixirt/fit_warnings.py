"""What a user has to know of a fit before trusting it, as warnings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mixirt._options import option
from mixirt._warn import warn
from mixirt._words import counted
from mixirt.covariance import MOST_EXAMINED
from mixirt.diagnostics import decreases
from mixirt.errors import (
    BoundaryWarning,
    ConvergenceWarning,
    LikelihoodDecreaseWarning,
    MixirtWarning,
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

#: Slopes, in log-odds per standard deviation of the attribute, that next to nothing depends on.
_NO_SLOPE = 0.02

#: Slopes on the same scale, small and large, for which the log-likelihood is looked at; and by how
#: much it has to be higher there for a fit to have stopped too early.
_SLOPES, _RISE = (0.03, 0.1, 0.3, 1.0), 0.05


def warn_about(result: Result) -> None:
    """Say what a user must know before trusting a fit."""
    for category, checks in _CHECKS.items():
        for check in checks:
            message = check(result)
            if message:
                warn(message, category)


def _cycles_ran_out(result: Result) -> str:
    if result.converged or not result.n_cycles:
        return ""
    return (
        f"not converged after {counted(result.n_cycles, 'cycle')}: parameters still change by "
        f"{result.last_change:.2g}; raise {option('max_cycles')}, or look at r.history for what "
        "holds it up"
    )


def _not_replicated(result: Result) -> str:
    if result.n_starts == 1 or result.n_replicated > 1:
        return ""
    return (
        f"only one of {result.n_starts} starts reached the log-likelihood {result.loglik:.4f}; "
        f"it may be a local maximum: raise {option('n_starts')}, and look at r.starts()"
    )


def _slopes_at_rest(result: Result) -> str:
    """Find attributes whose slopes are all estimated at next to 0, if that is no maximum.

    There the items are independent, and the log-likelihood is flat in every slope.
    """
    is_fixed = result.model.table.is_fixed
    found = [
        at
        for at in _without_effect(result)
        if not is_fixed[at.slopes].any()
        # Otherwise it may be the variance that is next to 0.
        and (is_fixed[at.variance] or at.steepest < _NO_SLOPE)
    ]
    # To look costs as much as standard errors, which is why only such a fit is looked at; one that
    # is too large for that, where all slopes are the same.
    if result._engine.n_free > MOST_EXAMINED:
        found = [at for at in found if any(_rises(result, at.slopes, s) for s in _SLOPES)]
    elif found and not result._covariance("oakes").flat:
        return ""
    if not found:
        return ""
    return (
        f"all slopes on {', '.join(at.name for at in found)} are 0, a saddle of the log-likelihood "
        "that EM cannot leave; start elsewhere, for instance with start={'slope': 1.0}"
    )


def _variances_at_rest(result: Result) -> str:
    """Find variances estimated at next to 0, if the log-likelihood rises with them.

    The steps of EM are in proportion to the variance, so that it hardly gets away from there. A
    grid that is too coarse has a warning of its own.
    """
    if result._coarse_groups():
        return ""
    table = result.model.table
    found = [
        at.name
        for at in _without_effect(result)
        if not table.is_fixed[at.variance]
        and table.prior[at.variance] is None
        and at.steepest >= _NO_SLOPE
        # An E-step each; next to no fit gets here.
        and any(_rises(result, [at.variance], (slope / at.steepest) ** 2) for slope in _SLOPES)
    ]
    if not found:
        return ""
    return (
        f"the variance of {', '.join(found)} is next to 0, but the log-likelihood rises with it: "
        "EM moves in steps that are in proportion to it, and stopped too early; start elsewhere, "
        "for instance with start={'variance': 1.0}"
    )


def _rises(result: Result, cells: Sequence[int] | NDArray[np.intp], value: float) -> bool:
    """Whether the log-likelihood is higher where some free parameters have another value."""
    table, x = result.model.table, np.array(result._found["x"])
    if (value > table.upper[cells]).any():
        return False
    moved = x.copy()
    moved[table.compiled().slot[cells]] = value
    return _loglik(result, moved) > _loglik(result, x) + _RISE


def _loglik(result: Result, x: NDArray[np.float64]) -> float:
    """Give the log-likelihood at other free parameters, without derivatives."""
    fitted, n_threads = result._fitted, result._settings.n_threads
    scored = fitted.engine.score(result._engine, x, "eap", n_threads=n_threads)
    return float(fitted.responses.every_weight() @ scored["log_probability"])


@dataclass(frozen=True, eq=False)
class _WithoutEffect:
    """An attribute of a latent group that next to nothing depends on.

    Attributes
    ----------
    name : str
        The attribute, and the group where there are several.
    slopes : ndarray of int
        Cells of its slopes.
    variance : int
        Cell of its variance.
    steepest : float
        Largest change of log-odds per unit of the attribute.
    """

    name: str
    slopes: NDArray[np.intp]
    variance: int
    steepest: float


def _without_effect(result: Result) -> list[_WithoutEffect]:
    if not result.n_cycles:
        return []
    design = result.model.design
    cells, steps, found = design.cells, largest_steps(design), []
    slope = cells.is_kind("slope")
    for variance in np.flatnonzero(cells.is_kind("variance")).tolist():
        group, attribute = int(cells.group[variance]), int(cells.attribute[variance])
        own = np.flatnonzero(slope & (cells.group == group) & (cells.attribute == attribute))
        sizes = np.abs(result._values[own]) * steps[cells.item[own]]
        steepest = float(sizes.max(initial=0.0))
        if steepest * math.sqrt(result._values[variance]) < _NO_SLOPE:
            title = group_title(design, group)
            name = f"'{design.attributes[attribute]}'{f' in {title}' if title else ''}"
            found.append(_WithoutEffect(name, own, variance, steepest))
    return found


def _at_a_bound(result: Result) -> str:
    stopped = result._stopped()
    if not stopped:
        return ""
    return (
        f"stopped by a bound, and so without standard errors: {result._listed(stopped)}. Unless "
        "they belong there, give them a prior or other bounds"
    )


def _ran_away(result: Result) -> str:
    away = result._runaways() if result.n_cycles else []
    if not away:
        return ""
    return (
        f"estimates ran away: {result._listed(away)}; the responses determine no finite value. "
        "Estimate fewer parameters (tie or fix them, or leave an item out), merge categories, "
        "or give them a prior with Model.prior"
    )


def _fell(result: Result) -> str:
    falls = decreases(result._found["history"])
    if not falls.max(initial=0.0) > _FALL:
        return ""
    return (
        f"the log-likelihood fell in {len(falls)} of {result.n_cycles} cycles, by up to "
        f"{falls.max():.2g}: the quadrature grid is too coarse for the distribution; raise "
        f"{option('n_quadrature')}"
    )


def _coarse(result: Result) -> str:
    coarse = result._coarse_groups()
    if not coarse:
        return ""
    given = ", given the others," if len(result.model.design.attributes) > 1 else ""
    return (
        f"the quadrature grid is too coarse for the distribution {coarse[0]}: the standard "
        f"deviation of an attribute{given} is less than one step; raise {option('n_quadrature')} "
        f"or use {option('quadrature', 'gauss-hermite')}"
    )


#: What may have to be said, in the order in which it is; each gives the message, or nothing.
_CHECKS: dict[type[MixirtWarning], tuple[Callable[[Result], str], ...]] = {
    ConvergenceWarning: (_cycles_ran_out, _slopes_at_rest, _variances_at_rest),
    ReplicationWarning: (_not_replicated,),
    BoundaryWarning: (_at_a_bound,),
    RunawayWarning: (_ran_away,),
    LikelihoodDecreaseWarning: (_fell,),
    QuadratureWarning: (_coarse,),
}
