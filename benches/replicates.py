"""A case drawn and fitted, over and over: estimates and intervals beside the truth."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from benches.cases import Case, Floats, logistic
from benches.processes import spread_over

import mixirt

KINDS = ("slope", "intercept", "guessing", "mean", "variance", "covariance", "proportion")


@dataclass(frozen=True, eq=False)
class Replicate:
    """One data set.

    Attributes
    ----------
    truth : ndarray, shape (P,)
        True values of the free parameters, those equal to one another once.
    tables : ndarray, shape (methods, 4, P)
        Estimate, standard error, lower and upper limit of each; NaN where there is none.
    converged : bool
        Whether the fit did.
    seconds, seconds_of_errors : float
        Processor time of the fit, and of its standard errors by all methods.
    """

    truth: Floats
    tables: Floats
    converged: bool
    seconds: float
    seconds_of_errors: float

    @property
    def is_complete(self) -> bool:
        """Whether the fit converged and every parameter has its standard error."""
        return self.converged and not np.isnan(self.tables).any()


def replicate(case: Case, generator: np.random.Generator, methods: Sequence[str]) -> Replicate:
    """Draw a data set, and a truth if the case has another each time; fit it from the truth."""
    case = case.vary(generator) if case.vary else case
    codes = case.draw(generator)
    clock = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.MixirtWarning)
        result = mixirt.fit(codes, case.model, groups=case.groups, n_threads=1)
        seconds, clock = time.process_time() - clock, time.process_time()
        frames = [result.confint(method=method) for method in methods]
    of_errors = time.process_time() - clock
    first = case.model.table.compiled().first_cell
    columns = ["estimate", "se", "lower", "upper"]
    tables = np.array([frame[columns].to_numpy(dtype=float)[first].T for frame in frames])
    return Replicate(true_values(case), tables, result.converged, seconds, of_errors)


def true_values(case: Case) -> Floats:
    """Give the true values of the free parameters: the start values, guessing as a probability."""
    table = case.model.table
    first = table.compiled().first_cell
    truth = table.start[first].copy()
    guessing = table.cells.is_kind("guessing")[first]
    truth[guessing] = logistic(truth[guessing])
    assert not np.isnan(truth).any(), "every parameter needs its true value as start value"
    return truth


def kinds_of(case: Case) -> list[str]:
    """Give the kind of each free parameter."""
    cells, first = case.model.table.cells, case.model.table.compiled().first_cell
    return [next(kind for kind in KINDS if cells.is_kind(kind)[c]) for c in first]


@dataclass(frozen=True)
class Study:
    """Cases by name, the methods of their standard errors, and the seed of all of it.

    Cases do not pass between processes; names and numbers of data sets do. Every data set has a
    seed of its own, so that any of them can be made again alone.
    """

    cases: dict[str, Callable[[], Case]]
    methods: tuple[str, ...]
    seed: int

    def one(self, name: str, number: int) -> Replicate:
        """Make a data set of a case."""
        generator = np.random.default_rng([self.seed, list(self.cases).index(name), number])
        return replicate(self.cases[name](), generator, self.methods)

    def all(self, name: str, n: int, n_processes: int = 1, first: int = 0) -> list[Replicate]:
        """Make `n` data sets of a case from number `first` on, in several processes."""
        tasks = [(name, number) for number in range(first, first + n)]
        return list(spread_over(n_processes, self.one, tasks))
