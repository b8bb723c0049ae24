"""From the outcomes of data sets to the figures of a table."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

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
    n_parameters, n_data_sets : int
        Parameters of the column; data sets with a maximum inside the parameter space.
    rmse : float
        Root of the mean squared error over both.
    mc_se : float
        Its Monte Carlo standard error, if errors are normal and the bound is reached.
    bound : float
        The same by the expected information.
    observed : float
        The same by the information observed in the responses.
    ratio, z : float
        RMSE over bound, and by how many Monte Carlo standard errors they differ.
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
    n_parameters: int
    n_data_sets: int
    rmse: float
    mc_se: float
    bound: float
    observed: float
    ratio: float
    z: float
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
    n = sum(o.n_parameters for o in used)
    rmse = np.sqrt(sum(o.squares for o in used) / n)
    bound = np.sqrt(sum(o.expected for o in used) / n)
    # By the delta method from the variance of the mean square.
    mc_se = np.sqrt(sum(o.scatter for o in used)) / n / (2.0 * bound)
    return Figure(
        design,
        run,
        column,
        n_parameters=used[0].n_parameters,
        n_data_sets=len(used),
        rmse=float(rmse),
        mc_se=float(mc_se),
        bound=float(bound),
        observed=float(np.sqrt(sum(o.observed for o in used) / n)),
        ratio=float(rmse / bound),
        z=float((rmse - bound) / mc_se),
        printed=DESIGNS[design].printed.get(column, float("nan")),
        n_cycles=float(np.median([o.n_cycles for o in used])),
        seconds=float(np.mean([o.seconds for o in used])),
        n_unconverged=sum(not o.converged for o in outcomes),
    )


#: Of these the last digits differ from one machine to the next, or from one time to the next.
TIMES = ("seconds",)


def write_csv(path: Path, rows: list[Figure]) -> None:
    """Write figures to a file of comma-separated values."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Figure)])
        writer.writeheader()
        for row in rows:
            writer.writerow({k: _cell(v) for k, v in asdict(row).items()})


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.5g}"
    return value
