"""Several starts of a fit: how many, from which seed, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt._checks import drawn_seed, whole_number
from mixirt._options import option
from mixirt.design import Design
from mixirt.table import ParameterTable

__all__ = ["Optima", "StartPlan", "plan_starts"]

#: Starts of a latent class analysis and of a mixture, unless the user says.
_DEFAULT_STARTS = {"latent class": 20, "mixture": 10}

#: Starts whose log-posteriors differ by less have reached the same maximum: more than what the
#: convergence criteria leave open, and less than any two maxima are likely to differ by.
SAME_MAXIMUM = 1e-3

#: More starts than this are a mistake: what became of each is kept until all have made their short
#: run.
MAX_STARTS = 10_000


@dataclass(frozen=True)
class StartPlan:
    """Number of starts, and the seed of the random ones."""

    n_starts: int
    seed: int


def plan_starts(design: Design, table: ParameterTable, n_starts: Any, seed: Any) -> StartPlan:
    """How many starts to make, and from which seed.

    One start is enough for one class, and where the user's start values tell the classes apart.

    Parameters
    ----------
    design, table
        The model.
    n_starts : int or None
        The user's number; None for the default.
    seed : int or None
        The user's seed; None for one drawn at random, so that it can be reported.

    Raises
    ------
    SpecError
        If one of them is not a whole number in its range.
    """
    if n_starts is None:
        default = _DEFAULT_STARTS["mixture" if design.attributes else "latent class"]
        n_starts = 1 if design.n_classes == 1 or _starts_differ(design, table) else default
    return StartPlan(whole_number(option("n_starts"), n_starts, 1, MAX_STARTS), drawn_seed(seed))


def _starts_differ(design: Design, table: ParameterTable) -> bool:
    """Whether the user's start values differ between any two classes, in some observed group."""
    group, n = design.cells.group, design.n_classes
    starts = [
        np.concatenate([table.start[group == g] for g in range(c, design.n_latent_groups, n)])
        for c in range(n)
    ]
    pairs = combinations(starts, 2)
    return not any(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


@dataclass(frozen=True, eq=False)
class Optima:
    """The distinct maxima that were found, the best first.

    Attributes
    ----------
    loglik : ndarray, shape (n,)
        Log-likelihood of each.
    times : ndarray of int, shape (n,)
        How many starts reached it.
    converged : ndarray of bool, shape (n,)
        Whether one of them met the convergence criteria.
    """

    loglik: NDArray[np.float64]
    times: NDArray[np.int64]
    converged: NDArray[np.bool_]

    @classmethod
    def of(cls, starts: Mapping[str, NDArray[Any]]) -> Optima:
        """Gather the starts, of which the engine gives a row each, by the maximum they reached."""
        went_on = np.flatnonzero(starts["finished"] | starts["converged"])
        order = went_on[np.argsort(-starts["log_posterior"][went_on], kind="stable")]
        value = starts["log_posterior"][order]
        optimum, best = np.zeros(len(order), dtype=np.intp), 0
        for k in range(1, len(order)):
            if value[best] - value[k] > SAME_MAXIMUM:
                best = k
            optimum[k] = optimum[k - 1] + (best == k)
        first = np.unique(optimum, return_index=True)[1]
        converged = np.bincount(optimum, weights=starts["converged"][order]) > 0
        return cls(starts["loglik"][order][first], np.bincount(optimum), converged)
