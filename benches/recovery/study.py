"""Data sets drawn, fitted and compared with the truth; each has a seed of its own."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from benches.cases import Codes, Floats
from benches.processes import spread_over
from benches.recovery.bound import Bound, at_truth, expected_bound
from benches.recovery.designs import DESIGNS, N_RESPONDENTS, Design
from benches.recovery.parameters import (
    Parameters,
    aligned,
    by_column,
    draw_responses,
    draw_truth,
    estimates,
    labels,
    started,
)

import mixirt

SEED = 20_190_035
#: An intercept beyond this has no maximum: all members of a class gave the same answer.
RUNAWAY = 10.0
#: Starts of a mixture; the report does not say how it started.
N_STARTS = 6


@dataclass(frozen=True)
class Run:
    """A way to estimate: its name, its grid by number of attributes, options of the fit.

    With `from_truth` a fit starts at the true parameters, once, on the default grid.
    """

    name: str
    grid: dict[int, dict[str, Any]]
    options: dict[str, Any]
    from_truth: bool = False


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
#: For many data sets: the defaults, but started where the maximum is near.
AGAIN = Run("again", {1: {}, 2: {}}, {}, from_truth=True)
#: Data sets drawn once more from each truth: by number of attributes, and of respondents.
DRAWS = {1: {3000: 34, 30_000: 10}, 2: {3000: 10, 30_000: 3}}


@dataclass(frozen=True)
class Outcome:
    """One data set under one run, one column of Table 1.

    Attributes
    ----------
    design, run, column : str
        Of what.
    replicate, n_respondents : int
        Number of the data set, or of the one whose truth it has; and respondents in it.
    n_parameters : int
        Parameters in the column.
    squares : float
        Sum of their squared errors.
    expected : float
        What the information at the truth implies for that sum, in the mean of all responses.
    realised : float
        What it implies for that sum given these responses.
    scatter : float
        Variance of that sum if errors are normal with the expected covariance matrix.
    is_inside : bool
        Whether the likelihood of these responses has its maximum inside the parameter space: no
        intercept runs away.
    gain : float
        How much higher the log-likelihood is that a start at the truth leads to, on the grid of the
        last run and beside its fit (NaN where not asked for).
    converged : bool
        Whether the fit did.
    n_cycles : int
        Its EM cycles.
    seconds : float
        Its processor time, all starts included.
    """

    design: str
    run: str
    column: str
    replicate: int
    n_respondents: int
    n_parameters: int
    squares: float
    expected: float
    realised: float
    scatter: float
    is_inside: bool
    gain: float
    converged: bool
    n_cycles: int
    seconds: float


@dataclass(frozen=True, eq=False)
class DataSet:
    """Responses and what is compared with the estimates that they lead to.

    Attributes
    ----------
    design : Design
        The model.
    replicate : int
        Number of the data set, or of the one whose truth it has.
    truth : Parameters
        The true parameters.
    codes : ndarray, shape (N, I)
        The responses.
    implied_covariances : dict of ndarray, shape (K, K)
        What the information implies for the errors, by column of Table 1.
    implied_errors : dict of ndarray, shape (K,)
        What it implies for the errors of these responses.
    """

    design: Design
    replicate: int
    truth: Parameters
    codes: Codes
    implied_covariances: dict[str, Floats]
    implied_errors: dict[str, Floats]


def one_data_set(name: str, replicate: int, runs: tuple[Run, ...] = RUNS) -> list[Outcome]:
    """Draw a truth and responses, and compare the estimates of each run with the truth.

    Whether an intercept runs away is for the last run to say, which goes furthest.
    """
    design = DESIGNS[name]
    truth, of_responses, of_bound, _ = _drawn(design, replicate)
    bound = expected_bound(design, truth, of_bound)
    codes = draw_responses(truth, N_RESPONDENTS, of_responses)
    data = _data_set(design, replicate, truth, codes, bound)
    fits = {run.name: fitted(data, run) for run in runs}
    furthest = fits[runs[-1].name][0]
    is_inside = _is_inside(design, furthest)
    gain = fitted(data, AGAIN)[0].loglik - furthest.loglik
    return [
        replace(outcome, is_inside=is_inside, gain=gain)
        for run, fit in fits.items()
        for outcome in _outcomes(data, run, *fit)
    ]


def one_truth(name: str, replicate: int, draws: dict[int, int]) -> list[Outcome]:
    """Draw other responses from the truth of a data set, and compare as there.

    `draws` says how many data sets are drawn of each number of respondents. All have the bound of
    the first one.
    """
    design = DESIGNS[name]
    truth, _, of_bound, of_more = _drawn(design, replicate)
    bound = expected_bound(design, truth, of_bound)
    outcomes = []
    for n in np.repeat(list(draws), list(draws.values())).tolist():
        data = _data_set(design, replicate, truth, draw_responses(truth, n, of_more), bound)
        outcomes += _outcomes(data, AGAIN.name, *fitted(data, AGAIN))
    return outcomes


def _data_set(
    design: Design, replicate: int, truth: Parameters, codes: Codes, bound: Bound
) -> DataSet:
    """Put responses together with what the bound of their truth implies for them."""
    n, gradient = len(codes), at_truth(design, truth, codes).gradient()
    return DataSet(design, replicate, truth, codes, bound.covariances(n), bound.errors(gradient, n))


def _drawn(design: Design, replicate: int) -> tuple[Parameters, Any, Any, Any]:
    """Give a truth, and generators: of its responses, of its bound and of more responses."""
    place = list(DESIGNS).index(design.name)
    seeds = np.random.SeedSequence(SEED, spawn_key=(place, replicate)).spawn(4)
    of_truth, of_responses, of_bound, of_more = map(np.random.default_rng, seeds)
    return draw_truth(design, of_truth), of_responses, of_bound, of_more


def _is_inside(design: Design, result: mixirt.Result) -> bool:
    return bool((np.abs(estimates(design, result).intercepts) < RUNAWAY).all())


def _outcomes(data: DataSet, run: str, result: mixirt.Result, seconds: float) -> list[Outcome]:
    """Compare a fit with the truth, column by column; leave out what needs another fit."""
    errors = errors_of(data.design, result, data.truth)
    return [
        Outcome(
            data.design.name,
            run,
            column,
            data.replicate,
            len(data.codes),
            n_parameters=len(matrix),
            squares=float((errors[column] ** 2).sum()),
            expected=float(np.trace(matrix)),
            realised=float((data.implied_errors[column] ** 2).sum()),
            scatter=float(2.0 * (matrix**2).sum()),
            is_inside=_is_inside(data.design, result),
            gain=float("nan"),
            converged=result.converged,
            n_cycles=result.n_cycles,
            seconds=seconds,
        )
        for column, matrix in data.implied_covariances.items()
    ]


def errors_of(design: Design, result: mixirt.Result, truth: Parameters) -> dict[str, Floats]:
    """Give estimate less truth, by column of Table 1."""
    found = estimates(design, result)
    if design.groups == "latent":
        found = aligned(found, truth)
    wanted = by_column(design, truth)
    return {name: values - wanted[name] for name, values in by_column(design, found).items()}


def fitted(data: DataSet, run: Run) -> tuple[mixirt.Result, float]:
    """Fit a data set, a mixture from several starts; and say how many seconds a core took."""
    design = data.design
    several: dict[str, Any] = {}
    if run.from_truth:
        model = started(design, data.truth)
    else:
        model = design.model(**run.grid[design.n_attributes])
        if design.groups == "latent":
            several = {"n_starts": N_STARTS, "seed": data.replicate}
    clock = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.MixirtWarning)
        result = mixirt.fit(
            data.codes,
            model,
            groups=labels(design, len(data.codes)),
            n_threads=1,
            **several,
            **run.options,
        )
    return result, time.process_time() - clock


def all_data_sets(
    names: Iterable[str], n_data_sets: int, n_processes: int = 1, runs: tuple[Run, ...] = RUNS
) -> Iterator[Outcome]:
    """Go through the data sets of each design, in order, in several processes."""
    tasks = [(name, replicate) for name in names for replicate in range(n_data_sets)]
    return chain.from_iterable(spread_over(n_processes, partial(one_data_set, runs=runs), tasks))


def all_truths(names: Iterable[str], n_truths: int, n_processes: int = 1) -> Iterator[Outcome]:
    """Draw more responses from the truths of each design, in order, in several processes."""
    tasks = [
        (name, replicate, DRAWS[DESIGNS[name].n_attributes])
        for name in names
        for replicate in range(n_truths)
    ]
    return chain.from_iterable(spread_over(n_processes, one_truth, tasks))
