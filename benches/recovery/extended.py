"""The study beyond the report: bias, errors, coverage and time of many conditions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from benches.recovery.conditions import CASES
from benches.recovery.study import SEED
from benches.replicates import Replicate, Study, kinds_of

#: Standard errors from the observed information, the default of the package.
STUDY = Study(CASES, ("oakes",), SEED + 1)


@dataclass(frozen=True)
class Summary:
    """A kind of parameter in one condition.

    Attributes
    ----------
    condition, parameter : str
        Of what.
    n_parameters, n_data_sets : int
        Parameters of this kind; data sets whose fit converged.
    n_unconverged : int
        The other data sets.
    bias, bias_se : float
        Mean error, and its Monte Carlo standard error.
    rmse, rmse_se : float
        Root mean square error, and its Monte Carlo standard error.
    mean_se : float
        Root of the mean squared standard error.
    coverage, coverage_se : float
        Share of 95 % intervals that hold the truth, and its Monte Carlo standard error.
    without_se : float
        Share of estimates that stopped at a bound: they have no standard error and no interval,
        and count in `bias` and `rmse` alone.
    seconds, seconds_of_errors : float
        Median processor time of a fit, and of its standard errors.
    """

    condition: str
    parameter: str
    n_parameters: int
    n_data_sets: int
    n_unconverged: int
    bias: float
    bias_se: float
    rmse: float
    rmse_se: float
    mean_se: float
    coverage: float
    coverage_se: float
    without_se: float
    seconds: float
    seconds_of_errors: float


def summaries(name: str, n: int, n_processes: int = 1) -> list[Summary]:
    """Make `n` data sets of a condition and sum up each kind of parameter."""
    made = STUDY.all(name, n, n_processes)
    kinds = np.array(kinds_of(CASES[name]()))
    used = [r for r in made if r.converged]
    return [_summary(name, kind, kinds == kind, used, n) for kind in dict.fromkeys(kinds.tolist())]


def _summary(name: str, kind: str, own: np.ndarray, used: list[Replicate], n: int) -> Summary:
    truth = np.stack([r.truth[own] for r in used])
    # Each (data sets, parameters)
    estimate, se, lower, upper = np.stack([r.tables[0][:, own] for r in used], axis=1)
    error = estimate - truth
    covers = np.where(np.isnan(se), np.nan, (lower <= truth) & (truth <= upper))
    rmse = np.sqrt((error**2).mean())
    return Summary(
        name,
        kind,
        n_parameters=int(own.sum()),
        n_data_sets=len(used),
        n_unconverged=n - len(used),
        bias=float(error.mean()),
        bias_se=_error_of_mean(error),
        rmse=float(rmse),
        rmse_se=_error_of_mean(error**2) / (2 * float(rmse)),
        mean_se=float(np.sqrt(np.nanmean(se**2))),
        coverage=float(np.nanmean(covers)),
        coverage_se=_error_of_mean(covers),
        without_se=float(np.isnan(se).mean()),
        seconds=float(np.median([r.seconds for r in used])),
        seconds_of_errors=float(np.median([r.seconds_of_errors for r in used])),
    )


def _error_of_mean(values: np.ndarray) -> float:
    """Give the standard error of a mean over data sets, whose parameters go together."""
    by_data_set = np.nanmean(values, axis=1)
    return float(by_data_set.std(ddof=1) / np.sqrt(len(by_data_set)))
