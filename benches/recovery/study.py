"""Data sets drawn, fitted and compared with the truth; each has a seed of its own."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from benches.cases import Codes, Floats
from benches.processes import spread_over
from benches.recovery.bound import covariances_at, expected_bound
from benches.recovery.designs import DESIGNS, N_RESPONDENTS, Design
from benches.recovery.parameters import (
    Parameters,
    aligned,
    by_column,
    draw_responses,
    draw_truth,
    estimates,
    labels,
)

import mixirt

SEED = 20_190_035
#: An intercept beyond this has no maximum: all members of a class gave the same answer.
RUNAWAY = 10.0
#: Starts of a mixture; the report does not say how it started.
N_STARTS = 6


@dataclass(frozen=True)
class Run:
    """A way to estimate: its name, its grid by number of attributes, options of the fit."""

    name: str
    grid: dict[int, dict[str, Any]]
    options: dict[str, Any]


#: The algorithm of the report, and the defaults of the package.
REPORT = Run(
    "report",
    {
        1: {"quadrature": "gauss-hermite", "n_quadrature": 40},
        2: {"quadrature": "gauss-hermite", "n_quadrature": 30},
    },
    {
        "acceleration": "none",
        "max_newton": 1,
        "tol_parameter": 1e-3,
        "tol_deviance": 1e-3,
        "max_cycles": 5000,
    },
)
DEFAULTS = Run("defaults", {1: {}, 2: {}}, {})
RUNS = (REPORT, DEFAULTS)


@dataclass(frozen=True)
class Outcome:
    """One data set under one run, one column of Table 1.

    Attributes
    ----------
    design, run, column : str
        Of what.
    replicate, n_respondents : int
        Number of the data set, and respondents in it.
    n_parameters : int
        Parameters in the column.
    squares : float
        Sum of their squared errors.
    expected, observed : float
        What the information at the truth implies for that sum: the expected one, and the one
        observed in the responses (NaN where that is not positive definite).
    scatter : float
        Variance of that sum if errors are normal with the expected covariance matrix.
    is_inside : bool
        Whether the likelihood of these responses has its maximum inside the parameter space: no
        intercept runs away.
    converged : bool
        Whether the fit did.
    n_cycles : int
        Its EM cycles.
    seconds : float
        Its time, all starts included.
    """

    design: str
    run: str
    column: str
    replicate: int
    n_respondents: int
    n_parameters: int
    squares: float
    expected: float
    observed: float
    scatter: float
    is_inside: bool
    converged: bool
    n_cycles: int
    seconds: float


def one_data_set(
    name: str, replicate: int, runs: tuple[Run, ...] = RUNS, n: int = N_RESPONDENTS
) -> list[Outcome]:
    """Draw a truth and `n` responses, and compare the estimates of each run with the truth.

    Whether an intercept runs away is for the last run to say, which goes furthest.
    """
    design, place = DESIGNS[name], list(DESIGNS).index(name)
    seeds = np.random.SeedSequence(SEED, spawn_key=(place, replicate)).spawn(3)
    of_truth, of_responses, of_bound = map(np.random.default_rng, seeds)
    truth = draw_truth(design, of_truth)
    codes = draw_responses(truth, n, of_responses)
    implied = expected_bound(design, truth, of_bound, n)
    observed = covariances_at(design, truth, codes)
    fits = {run.name: fitted(design, run, codes, replicate) for run in runs}
    furthest = estimates(design, fits[runs[-1].name][0]).intercepts
    is_inside = bool((np.abs(furthest) < RUNAWAY).all())
    return [
        Outcome(
            name,
            run,
            column,
            replicate,
            n,
            n_parameters=len(matrix),
            squares=float((errors[column] ** 2).sum()),
            expected=float(np.trace(matrix)),
            observed=float(np.trace(observed[column])),
            scatter=float(2.0 * (matrix**2).sum()),
            is_inside=is_inside,
            converged=result.converged,
            n_cycles=result.n_cycles,
            seconds=seconds,
        )
        for run, (result, seconds) in fits.items()
        for errors in [errors_of(design, result, truth)]
        for column, matrix in implied.items()
    ]


def errors_of(design: Design, result: mixirt.Result, truth: Parameters) -> dict[str, Floats]:
    """Give estimate less truth, by column of Table 1."""
    found = estimates(design, result)
    if design.groups == "latent":
        found = aligned(found, truth)
    wanted = by_column(design, truth)
    return {name: values - wanted[name] for name, values in by_column(design, found).items()}


def fitted(design: Design, run: Run, codes: Codes, seed: int) -> tuple[mixirt.Result, float]:
    """Fit one data set, a mixture from several starts; and say how many seconds it took."""
    several = {"n_starts": N_STARTS, "seed": seed} if design.groups == "latent" else {}
    clock = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.MixirtWarning)
        result = mixirt.fit(
            codes,
            design.model(**run.grid[design.n_attributes]),
            groups=labels(design, len(codes)),
            n_threads=1,
            **several,
            **run.options,
        )
    return result, time.perf_counter() - clock


def all_data_sets(
    names: Iterable[str],
    n_data_sets: int,
    n_processes: int = 1,
    runs: tuple[Run, ...] = RUNS,
    n: int = N_RESPONDENTS,
) -> Iterator[Outcome]:
    """Go through the data sets of each design, in order, in several processes."""
    work = partial(one_data_set, runs=runs, n=n)
    tasks = [(name, replicate) for name in names for replicate in range(n_data_sets)]
    return chain.from_iterable(spread_over(n_processes, work, tasks))
