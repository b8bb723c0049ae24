"""Bootstrap: the spread of the estimates over data sets drawn anew."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._answers import MISSING, Answers
from mixirt._checks import chosen, generator, whole_number
from mixirt._progress import CycleReport, Progress
from mixirt.errors import EstimationError, SpecError
from mixirt.intervals import quantile
from mixirt.scores import data_of
from mixirt.simulate import draw_codes

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["BOOTSTRAPS", "Bootstrap", "bootstrap"]

Floats = NDArray[np.float64]
#: Codes, observed groups and weights of the respondents drawn.
Drawn: TypeAlias = "tuple[NDArray[np.uint8] | Answers, NDArray[Any] | None, Floats | None]"
#: Ways to draw data sets; the first is the default.
BOOTSTRAPS = ("parametric", "nonparametric")
#: More data sets than this are a mistake: the estimates from each are kept.
MAX_SAMPLES = 100_000


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Estimates from data sets drawn anew; made by :meth:`mixirt.Result.bootstrap`.

    Attributes
    ----------
    method : str
        How the data sets were drawn.
    names : tuple of str
        The free parameters in words, as in :meth:`mixirt.Result.vcov`.
    draws : ndarray, shape (n - n_failed, n_free)
        Estimates on the scale of estimation (guessing as a logit), one row per data set.
    failures : tuple of str
        What went wrong with the data sets that have no row.
    n_at_bound : int
        Data sets whose estimates include one at a bound; they have a row.
    """

    method: str
    names: tuple[str, ...]
    draws: Floats
    failures: tuple[str, ...]
    n_at_bound: int
    _result: Result

    def __repr__(self) -> str:
        failed = f", {self.n_failed} more failed" if self.n_failed else ""
        return (
            f"<mixirt.Bootstrap: {self.method}, {len(self.draws)} data sets{failed}, "
            f"{len(self.names)} parameters; frame() shows their errors>"
        )

    @property
    def n_failed(self) -> int:
        """Data sets without estimates."""
        return len(self.failures)

    @property
    def covariance(self) -> Floats:
        """Covariance matrix of the draws, shape (n_free, n_free)."""
        return np.asarray(np.cov(self.draws, rowvar=False)).reshape(2 * (len(self.names),))

    def frame(self, level: float = 0.95) -> Any:
        """Give standard errors and percentile intervals, on the scale users read.

        Parameters
        ----------
        level : float, default 0.95
            Coverage of the intervals.

        Returns
        -------
        DataFrame
            As :meth:`mixirt.Result.confint`.

        Raises
        ------
        SpecError
            If the level is not between 0 and 1.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "rasch")
        >>> frame = r.bootstrap(20, seed=1).frame()
        >>> print(frame.loc[:1, ["item", "parameter", "se", "lower", "upper"]].round(2))
            item  parameter    se  lower  upper
        0  item1      slope   NaN   1.00   1.00
        1  item1  intercept  0.11   1.77   2.14
        """
        quantile(level)
        tails = [0.5 - level / 2, 0.5 + level / 2]
        return self._result._bootstrap_frame(self.draws, tails)


def bootstrap(
    result: Result,
    n: int,
    method: str,
    seed: Any,
    progress: bool | Callable[[int, int], Any] | None,
) -> Bootstrap:
    """Draw and fit ``n`` data sets; see :meth:`mixirt.Result.bootstrap`."""
    chosen("method", method, BOOTSTRAPS)
    n = whole_number("n", n, 2, MAX_SAMPLES)
    draw = _parametric(result) if method == "parametric" else _nonparametric(result)
    # One stream per data set: the same draws whatever comes before them, and on any thread.
    generators = generator(seed).spawn(n)
    found: list[Floats | str] = [""] * n
    n_failed = 0
    with Progress(False if callable(progress) else progress, n) as shown:
        refitted = _refitted(result, draw, generators)
        # Closed at once when something is raised here, so that no thread goes on.
        with contextlib.closing(refitted):
            for done, (k, estimates) in enumerate(refitted, start=1):
                found[k] = estimates
                n_failed += isinstance(estimates, str)
                shown.say(done, "bootstrap", f"{n_failed} failed" if n_failed else "")
                if callable(progress):
                    progress(done, n)
    names = result._names_of_free()
    draws = [x for x in found if not isinstance(x, str)]
    failures = tuple(x for x in found if isinstance(x, str))
    stacked = np.array(draws).reshape(len(draws), len(names))
    n_at_bound = sum(_is_at_bound(result, x) for x in draws)
    return Bootstrap(method, names, stacked, failures, n_at_bound, result)


class _StoppedError(Exception):
    """Raised in a fit that nobody waits for any longer."""


def _refitted(
    result: Result,
    draw: Callable[[np.random.Generator], Drawn],
    generators: Sequence[np.random.Generator],
) -> Generator[tuple[int, Floats | str], None, None]:
    """Draw and fit on all threads; give number and estimates of each data set when it is done."""
    stop = threading.Event()

    def look(*_: object) -> None:
        if stop.is_set():
            raise _StoppedError

    def run(k: int) -> tuple[int, Floats | str]:
        return k, _refit(result, draw(generators[k]), look)

    # Signals reach only this thread: the others, which spend their time in the engine, are told.
    with ThreadPoolExecutor(_n_workers(result._settings.n_threads)) as workers:
        try:
            tasks = [workers.submit(run, k) for k in range(len(generators))]
            for task in as_completed(tasks):
                yield task.result()
        finally:
            stop.set()
            workers.shutdown(cancel_futures=True)


def _n_workers(n_threads: int | None) -> int:
    """Return the fits to have under way at once: as many as the engine has threads."""
    if n_threads is not None:
        return n_threads
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _refit(result: Result, drawn: Drawn, look: CycleReport) -> Floats | str:
    """Estimates from other responses, started at the fit's own; or what went wrong."""
    settings = result._settings
    codes, groups, weights = drawn
    observed = None if groups is None else groups.astype(np.uint32)
    try:
        known = result._fitted.known
        data = data_of(result._engine, codes, observed, weights, known, settings.n_threads)
        found = _core.fit(
            result._engine,
            data,
            start=np.asarray(result._found["x"]),
            **settings.of_one_start(),
            progress=look,
        )
    except EstimationError as error:
        return str(error)
    if not found["converged"]:
        return f"not converged after {settings.max_cycles} cycles"
    return np.asarray(found["x"])


def _is_at_bound(result: Result, x: Floats) -> bool:
    table, first = result.model.table, result.model.table.compiled().first_cell
    return bool(((x <= table.lower[first]) | (x >= table.upper[first])).any())


def _parametric(result: Result) -> Callable[[np.random.Generator], Drawn]:
    """Responses from the fitted model for the same respondents, missing where theirs are."""
    read = result._fitted.responses
    if result._fitted.known is not None:
        raise SpecError(
            "a parametric bootstrap draws classes anew, so none can be known; use "
            'method="nonparametric"'
        )
    groups, missing = read.groups, read.matrix() == MISSING
    if read.weights is not None:
        repeats = read.weights.astype(np.int64)
        if (repeats != read.weights).any():
            raise SpecError(
                "a parametric bootstrap cannot draw a fraction of a respondent: the weights must "
                'be whole numbers; use method="nonparametric"'
            )
        missing = np.repeat(missing, repeats, axis=0)
        groups = None if groups is None else np.repeat(groups, repeats)
    observed = np.zeros(len(missing), np.int64) if groups is None else groups.astype(np.int64)

    def draw(generator: np.random.Generator) -> Drawn:
        codes = draw_codes(result, observed, None, generator)
        codes[missing] = MISSING
        return codes, groups, None

    return draw


def _nonparametric(result: Result) -> Callable[[np.random.Generator], Drawn]:
    """Respondents drawn with replacement, as many from each observed group as it has."""
    read = result._fitted.responses
    weights = np.ones(read.n_rows) if read.weights is None else read.weights
    groups = np.zeros(read.n_rows, np.int64) if read.groups is None else read.groups
    strata = [np.flatnonzero(groups == g) for g in np.unique(groups)]

    def draw(generator: np.random.Generator) -> Drawn:
        drawn = np.zeros(read.n_rows)
        for rows in strata:
            own = weights[rows]
            times = generator.multinomial(round(own.sum()), own / own.sum())
            drawn[rows] = times * (own.sum() / round(own.sum()))
        return read.codes, read.groups, drawn

    return draw
