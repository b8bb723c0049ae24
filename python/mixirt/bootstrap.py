"""Bootstrap: the spread of the estimates over data sets drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._answers import Answers
from mixirt._checks import whole_number
from mixirt._progress import Progress
from mixirt._words import unknown
from mixirt.errors import EstimationError, SpecError
from mixirt.intervals import quantile
from mixirt.scores import data_of
from mixirt.simulate import draw_codes

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["BOOTSTRAPS", "Bootstrap", "bootstrap"]

Floats = NDArray[np.float64]
#: Ways to draw data sets; the first is the default.
BOOTSTRAPS = ("parametric", "nonparametric")
#: More data sets than this are a mistake: the estimates from each are kept.
MAX_SAMPLES = 100_000
#: Code of a missing response.
_MISSING = 255


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
    if method not in BOOTSTRAPS:
        raise SpecError(unknown("method", method, BOOTSTRAPS))
    n = whole_number("n", n, 2, MAX_SAMPLES)
    draw = _parametric(result) if method == "parametric" else _nonparametric(result)
    draws, failures, n_at_bound = [], [], 0
    with Progress(False if callable(progress) else progress, n) as shown:
        # One stream per data set: the same data sets whatever is drawn before them.
        for k, generator in enumerate(np.random.default_rng(seed).spawn(n)):
            found = _refit(result, *draw(generator))
            if isinstance(found, str):
                failures.append(found)
            else:
                draws.append(found)
                n_at_bound += _is_at_bound(result, found)
            shown.say(k + 1, "bootstrap", f"{len(failures)} failed" if failures else "")
            if callable(progress):
                progress(k + 1, n)
    names = result._names_of_free()
    stacked = np.array(draws).reshape(len(draws), len(names))
    return Bootstrap(method, names, stacked, tuple(failures), n_at_bound, result)


def _refit(
    result: Result, codes: NDArray[np.uint8] | Answers, groups: Any, weights: Floats | None
) -> Floats | str:
    """Estimates from other responses, started at the fit's own; or what went wrong."""
    settings = result._settings
    observed = None if groups is None else groups.astype(np.uint32)
    try:
        known = result._fitted.known
        data = data_of(result._engine, codes, observed, weights, known, settings.n_threads)
        found = _core.fit(
            result._engine,
            data,
            start=np.asarray(result._found["x"]),
            acceleration=settings.acceleration,
            max_cycles=int(settings.max_cycles),
            tol_parameter=float(settings.tol_parameter),
            tol_deviance=float(settings.tol_deviance),
            max_newton=int(settings.max_newton),
            n_threads=settings.n_threads,
        )
    except EstimationError as error:
        return str(error)
    if not found["converged"]:
        return f"not converged after {settings.max_cycles} cycles"
    return np.asarray(found["x"])


def _is_at_bound(result: Result, x: Floats) -> bool:
    table, first = result.model.table, result.model.table.compiled().first_cell
    return bool(((x <= table.lower[first]) | (x >= table.upper[first])).any())


def _parametric(result: Result) -> Callable[[np.random.Generator], Any]:
    """Responses from the fitted model for the same respondents, missing where theirs are."""
    read = result._fitted.responses
    if result._fitted.known is not None:
        raise SpecError(
            "a parametric bootstrap draws classes anew, so none can be known; use "
            'method="nonparametric"'
        )
    groups, missing = read.groups, read.matrix() == _MISSING
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

    def draw(generator: np.random.Generator) -> Any:
        codes = draw_codes(result, observed, None, generator)
        codes[missing] = _MISSING
        return codes, groups, None

    return draw


def _nonparametric(result: Result) -> Callable[[np.random.Generator], Any]:
    """Respondents drawn with replacement, as many from each observed group as it has."""
    read = result._fitted.responses
    weights = np.ones(read.n_rows) if read.weights is None else read.weights
    groups = np.zeros(read.n_rows, np.int64) if read.groups is None else read.groups
    strata = [np.flatnonzero(groups == g) for g in np.unique(groups)]

    def draw(generator: np.random.Generator) -> Any:
        drawn = np.zeros(read.n_rows)
        for rows in strata:
            own = weights[rows]
            times = generator.multinomial(round(own.sum()), own / own.sum())
            drawn[rows] = times * (own.sum() / round(own.sum()))
        return read.codes, read.groups, drawn

    return draw
