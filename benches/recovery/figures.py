"""From the outcomes of data sets to the figures of a table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from benches.recovery.designs import DESIGNS
from benches.recovery.study import Outcome


@dataclass(frozen=True)
class Figure:
    """A root mean square error and what it is compared with.

    Attributes
    ----------
    design, run, column : str
        Of what.
    n_respondents : int
        Respondents of a data set.
    n_parameters, n_data_sets : int
        Parameters of the column; data sets with a maximum inside the parameter space.
    rmse : float
        Root of the mean squared error over both.
    mc_se : float
        Its Monte Carlo standard error.
    bound : float
        The same by the expected information.
    ratio, z : float
        RMSE over bound, and by how many Monte Carlo standard errors they differ.
    observed_ratio : float
        RMSE over what the observed information implies, where that is positive definite.
    n_observed : int
        Data sets where it is.
    printed : float
        What the report prints; NaN where nothing.
    n_cycles : float
        Median of the EM cycles.
    seconds : float
        Mean time of a fit.
    n_unconverged : int
        Fits that did not converge.
    """

    design: str
    run: str
    column: str
    n_respondents: int
    n_parameters: int
    n_data_sets: int
    rmse: float
    mc_se: float
    bound: float
    ratio: float
    z: float
    observed_ratio: float
    n_observed: int
    printed: float
    n_cycles: float
    seconds: float
    n_unconverged: int


def figures(outcomes: Iterable[Outcome]) -> list[Figure]:
    """Sum up each column of each design under each run, in the order of their appearance."""
    gathered: dict[tuple[str, str, str], list[Outcome]] = {}
    for outcome in outcomes:
        key = (outcome.design, outcome.run, outcome.column)
        gathered.setdefault(key, []).append(outcome)
    return [_figure(*key, own) for key, own in gathered.items()]


def _figure(design: str, run: str, column: str, outcomes: list[Outcome]) -> Figure:
    used = [o for o in outcomes if o.is_inside]
    rmse, bound = _root(used, "squares"), _root(used, "expected")
    mc_se = max(_scattered(used) / (2.0 * rmse), _implied(used) / (2.0 * bound))
    definite = [o for o in used if not np.isnan(o.observed)]
    return Figure(
        design,
        run,
        column,
        n_respondents=used[0].n_respondents,
        n_parameters=used[0].n_parameters,
        n_data_sets=len(used),
        rmse=rmse,
        mc_se=mc_se,
        bound=bound,
        ratio=rmse / bound,
        z=(rmse - bound) / mc_se,
        observed_ratio=_root(definite, "squares") / _root(definite, "observed"),
        n_observed=len(definite),
        printed=DESIGNS[design].printed.get(column, float("nan")),
        n_cycles=float(np.median([o.n_cycles for o in used])),
        seconds=float(np.mean([o.seconds for o in used])),
        n_unconverged=sum(not o.converged for o in outcomes),
    )


def _root(outcomes: list[Outcome], field: str) -> float:
    """Give the root of the mean, over data sets and parameters, of squares or variances."""
    n = sum(o.n_parameters for o in outcomes)
    return float(np.sqrt(sum(getattr(o, field) for o in outcomes) / n)) if n else float("nan")


# The Monte Carlo error of a mean square comes from the scatter of the data sets. Thirty of them
# tell little about scatter, and too low a mean square comes with too little of it. So it is never
# taken to be less than what normal errors with the covariance matrices of the bound would have.


def _scattered(outcomes: list[Outcome]) -> float:
    """Give the standard error of the mean square, from the scatter of the data sets."""
    squares = np.array([o.squares / o.n_parameters for o in outcomes])
    return float(squares.std(ddof=1) / np.sqrt(len(squares)))


def _implied(outcomes: list[Outcome]) -> float:
    """Give the standard error of the mean square, if errors are normal and as the bound says."""
    n = sum(o.n_parameters for o in outcomes)
    return float(np.sqrt(sum(o.scatter for o in outcomes)) / n)


def write_csv(path: Path, rows: Sequence[Any]) -> None:
    """Write records of one kind to a file of comma-separated values."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(rows[0])])
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in asdict(row).items()})


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.5g}"
    return value
