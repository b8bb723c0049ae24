"""From the outcomes of data sets to the figures of a table."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from benches.recovery.designs import DESIGNS
from benches.recovery.study import Outcome

T = TypeVar("T")
#: A maximum is another one if its log-likelihood is higher by more than this; convergence to 1e-5
#: leaves a thousandth of it.
HIGHER = 1e-2


@dataclass(frozen=True)
class Figure:
    """A root mean square error and what it is compared with.

    Attributes
    ----------
    design, run, column : str
        Of what.
    n_respondents : int
        Respondents of a data set.
    n_parameters, n_data_sets, n_truths : int
        Parameters of the column; data sets with a maximum inside the parameter space; their truths.
    rmse : float
        Root of the mean squared error over both.
    mc_se : float
        Its Monte Carlo standard error, for the truths that were drawn.
    bound, bound_se : float
        The expected bound, which is the same by the information at these truths; and how much it
        varies as truths do.
    ratio, z : float
        RMSE over expected bound, and by how many Monte Carlo standard errors they differ.
    realised : float
        The bound of the same responses: root mean square of the errors that the information
        implies for them.
    realised_ratio, realised_z : float
        RMSE over that, and by how many Monte Carlo standard errors of the RMSE they differ.
    realised_se : float
        Monte Carlo standard error of their difference, which is free of what chance does to both.
    printed : float
        What the report prints; NaN where nothing.
    n_cycles : float
        Median of the EM cycles.
    seconds : float
        Mean processor time of a fit.
    n_unconverged : int
        Fits that did not converge.
    n_below : int
        Data sets where a start at the truth leads to a higher maximum.
    """

    design: str
    run: str
    column: str
    n_respondents: int
    n_parameters: int
    n_data_sets: int
    n_truths: int
    rmse: float
    mc_se: float
    bound: float
    bound_se: float
    ratio: float
    z: float
    realised: float
    realised_ratio: float
    realised_z: float
    realised_se: float
    printed: float
    n_cycles: float
    seconds: float
    n_unconverged: int
    n_below: int


def figures(outcomes: Iterable[Outcome]) -> list[Figure]:
    """Sum up each column of each design under each run and size, in the order they appear in."""
    gathered: dict[tuple[str, str, str, int], list[Outcome]] = {}
    for outcome in outcomes:
        key = (outcome.design, outcome.run, outcome.column, outcome.n_respondents)
        gathered.setdefault(key, []).append(outcome)
    return [_figure(*key, own) for key, own in gathered.items()]


def _figure(design: str, run: str, column: str, n: int, outcomes: list[Outcome]) -> Figure:
    used = [o for o in outcomes if o.is_inside]
    rmse, bound, realised = (_root(used, field) for field in ("squares", "expected", "realised"))
    excess = np.array([(o.squares - o.expected) / o.n_parameters for o in used])
    rest = np.array([(o.squares - o.realised) / o.n_parameters for o in used])
    by_truth = {o.replicate: o.expected / o.n_parameters for o in used}
    mc_se = float(np.fmax(_error_of_mean(excess) / (2.0 * rmse), _implied(used) / (2.0 * bound)))
    return Figure(
        design,
        run,
        column,
        n_respondents=n,
        n_parameters=used[0].n_parameters,
        n_data_sets=len(used),
        n_truths=len(by_truth),
        rmse=rmse,
        mc_se=mc_se,
        bound=bound,
        bound_se=_error_of_mean(np.array(list(by_truth.values()))) / (2.0 * bound),
        ratio=rmse / bound,
        z=(rmse - bound) / mc_se,
        realised=realised,
        realised_ratio=rmse / realised,
        realised_z=(rmse - realised) / mc_se,
        realised_se=_error_of_mean(rest) / (rmse + realised),
        printed=DESIGNS[design].printed.get(column, float("nan")),
        n_cycles=float(np.median([o.n_cycles for o in used])),
        seconds=float(np.mean([o.seconds for o in used])),
        n_unconverged=sum(not o.converged for o in outcomes),
        n_below=sum(o.gain > HIGHER for o in used),
    )


def _root(outcomes: list[Outcome], field: str) -> float:
    """Give the root of the mean, over data sets and parameters, of squares or variances."""
    n = sum(o.n_parameters for o in outcomes)
    return float(np.sqrt(sum(getattr(o, field) for o in outcomes) / n))


# The Monte Carlo error of a mean square comes from the scatter of the data sets around their
# bounds: errors of a data set's parameters go together, and bounds differ from truth to truth.
# Thirty data sets tell little about scatter, and too low a mean square comes with too little of it.
# So it is never taken to be less than normal errors with the covariances of the bound would have.


def _error_of_mean(values: np.ndarray) -> float:
    """Give the standard error of a mean over data sets; NaN for one."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _implied(outcomes: list[Outcome]) -> float:
    """Give the standard error of the mean square, if errors are normal and as the bound says."""
    n = sum(o.n_parameters for o in outcomes)
    return float(np.sqrt(sum(o.scatter for o in outcomes)) / n)


@dataclass(frozen=True)
class Joint:
    """What the z values of several figures say together, if all of them are as their bounds say.

    Attributes
    ----------
    n, n_far : int
        Figures; those more than two standard errors from the bound.
    expected_far : float
        How many are expected to be.
    largest, p_largest : float
        The largest z in size; the probability that one of `n` independent ones is as large.
    sum_of_squares, p_sum : float
        Of the z; the probability that the sum is as large, by the chi-square with `n` degrees of
        freedom. Both probabilities are approximate: figures of the same fits are correlated.
    """

    n: int
    n_far: int
    expected_far: float
    largest: float
    p_largest: float
    sum_of_squares: float
    p_sum: float


def is_far(row: Figure) -> bool:
    """Say whether a figure is more than two Monte Carlo standard errors from its expected bound."""
    return abs(row.z) > 2.0


def is_far_realised(row: Figure) -> bool:
    """Say whether it is as far from the bound of the same responses."""
    return abs(row.realised_z) > 2.0


def joint(rows: Sequence[Figure]) -> Joint:
    """Judge the z values of several figures together."""
    from scipy.special import chdtrc

    largest = max((row.z for row in rows), key=abs)
    squares = sum(row.z**2 for row in rows)
    return Joint(
        n=len(rows),
        n_far=sum(map(is_far, rows)),
        expected_far=len(rows) * math.erfc(math.sqrt(2.0)),
        largest=largest,
        p_largest=1.0 - math.erf(abs(largest) / math.sqrt(2.0)) ** len(rows),
        sum_of_squares=squares,
        p_sum=float(chdtrc(len(rows), squares)),
    )


def read_csv(path: Path, record: type[T]) -> list[T]:
    """Read records of one kind that were written to a file of comma-separated values."""
    kinds: dict[str, Callable[[str], Any]] = {
        "str": str,
        "int": int,
        "float": lambda cell: float(cell or "nan"),
    }
    of_field = {field.name: kinds[str(field.type)] for field in fields(record)}
    with path.open(newline="", encoding="utf-8") as file:
        return [
            record(**{name: of_field[name](cell) for name, cell in row.items()})
            for row in csv.DictReader(file)
        ]


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
