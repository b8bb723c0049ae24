"""Do the intervals cover? Standard errors of every method over simulated data sets.

    make coverage
    make coverage COVERAGE_ARGS="--replicates 50 --only '2pl;grm' --stdout"

For each kind of model, data sets are drawn from known parameters (by NumPy, not by the package) and
fitted, starting at these. Of every parameter, over the data sets: the share of 95 % intervals
that hold its true value, and the mean standard error over the standard deviation of the errors.
Both are averaged over the parameters of a kind. Every data set has its own seed, so any part of
the study can be repeated alone.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benches.coverage_cases import CASES, FEWER, N_DATA_SETS
from benches.replicates import Study, kinds_of

import mixirt

#: Methods compared; "louis" gives the matrix of "oakes".
METHODS = ("oakes", "cross_product", "sandwich", "complete")
#: Those that do not take the attributes for observed.
OBSERVED = METHODS[:-1]
#: How far a mean standard error may be from the standard deviation.
CLOSE = 0.05
SEED = 20_190_035
HERE = Path(__file__).resolve().parent
COLUMNS = ("model", "parameter", "method", "n_parameters", "n_fits", "coverage", "se_to_sd")


@dataclass(frozen=True)
class Row:
    """One line of the result: a kind of parameter under one method."""

    model: str
    parameter: str
    method: str
    n_parameters: int
    n_fits: int
    coverage: float
    se_to_sd: float


def study(
    name: str, n: int, methods: tuple[str, ...] = METHODS, n_processes: int = 1, first: int = 0
) -> list[Row]:
    """Fit `n` data sets of a case and sum up each kind of parameter under each method."""
    kinds = np.array(kinds_of(CASES[name]()))
    made = Study(CASES, methods, SEED).all(name, n, n_processes, first)
    used = [replicate for replicate in made if replicate.is_complete]
    truth = np.stack([replicate.truth for replicate in used])[:, None]
    # Each (fits, methods, parameters)
    estimate, se, lower, upper = np.stack([r.tables for r in used]).swapaxes(1, 2).swapaxes(0, 1)
    covers = ((lower <= truth) & (truth <= upper)).mean(axis=0)
    ratio = se.mean(axis=0) / (estimate - truth).std(axis=0, ddof=1)
    rows = []
    for kind in dict.fromkeys(kinds.tolist()):
        own = kinds == kind
        for m, method in enumerate(methods):
            share, relative = float(covers[m, own].mean()), float(ratio[m, own].mean())
            rows.append(Row(name, kind, method, int(own.sum()), len(used), share, relative))
    return rows


def markdown(rows: list[Row], n_data_sets: dict[str, int], seconds: float) -> str:
    """Write the page for the documentation."""
    return "\n".join(
        [
            "# Coverage of the intervals",
            "",
            *_introduction(n_data_sets, seconds),
            "",
            *table(rows),
            "",
            *_settings(rows, n_data_sets),
            "",
            *_on_priors(rows),
            "",
            *_on_errors(rows, max(n_data_sets.values())),
            "",
            "Data sets are left out where the fit did not converge, or an estimate stopped at a "
            "bound and has no standard error.",
            "",
        ]
    )


def _introduction(n_data_sets: dict[str, int], seconds: float) -> list[str]:
    n = max(n_data_sets.values())
    fewer = [f"{k:,} of {name}" for name, k in n_data_sets.items() if k < n]
    error = 100 * np.sqrt(0.95 * 0.05 / n)
    return [
        f"`make coverage`: {n:,} data sets of each model{''.join(f' ({f})' for f in fewer)}, seed "
        f"{SEED}, {seconds / 60:.0f} minutes, mixirt {mixirt.__version__}. Data are drawn by NumPy "
        "from known parameters and fitted from these.",
        "",
        "Each cell has the share of 95 % intervals that hold the true value, in per cent, and the "
        "mean standard error over the standard deviation of the errors; both are averages over the "
        f"parameters of a kind. One parameter's coverage has a simulation error of {error:.1f} "
        "points. `louis` gives the matrix of `oakes`. Intervals are those of `r.confint()`: on the "
        "logit for probabilities and on the log for variances.",
        "",
        "The last column is the report's method. It takes the attributes for observed: without a "
        "prior its standard errors are too small by the ratio shown, and its intervals miss the "
        "truth too often. It is there for comparison with older programs, not for conclusions.",
    ]


def table(rows: list[Row]) -> list[str]:
    """Write the lines of the page's first table."""
    lines = [
        "| model | parameter | " + " | ".join(f"`{m}`" for m in METHODS) + " |",
        "|---|---|" + "---|" * len(METHODS),
    ]
    for key in dict.fromkeys((row.model, row.parameter) for row in rows):
        own = [row for row in rows if (row.model, row.parameter) == key]
        figures = [f"{100 * row.coverage:.1f} ({row.se_to_sd:.3f})" for row in own]
        lines.append(f"| {key[0]} | {key[1]} ({own[0].n_parameters}) | {' | '.join(figures)} |")
    return lines


def _settings(rows: list[Row], n_data_sets: dict[str, int]) -> list[str]:
    used = {row.model: row.n_fits for row in rows}
    lines = ["| model | setting | data sets used |", "|---|---|---|"]
    return lines + [
        f"| {m} | {CASES[m]().text} | {k:,} of {n_data_sets[m]:,} |" for m, k in used.items()
    ]


def _on_priors(rows: list[Row]) -> list[str]:
    """Explain why intervals with a prior cover what they cover."""
    models = ("3pl, prior", "3pl, drawn from prior", "3pl, 40 items")
    if not set(models) <= {row.model for row in rows}:
        return []
    ranges = []
    for model in models:
        own = [100 * r.coverage for r in rows if r.model == model and r.method == "oakes"]
        ranges.append(f"{min(own):.1f} to {max(own):.1f} %")
    fixed, drawn, long = ranges
    return [
        "**Priors.** With a prior the estimates are posterior modes and the intervals are those of "
        "the posterior. A posterior promises 95 % over the truths that its prior speaks of, not "
        "over data from a single truth. Where guessing is .2 in every data set, which is where the "
        "prior has its mode, the modes are drawn towards the truth, vary less than the posterior "
        f"is wide, and the intervals of `oakes` cover {fixed}. Where guessing is drawn from the "
        f"prior for each data set, they cover what was promised if the test tells enough: {long} "
        f"with 40 items and 5,000 respondents. With 10 items they cover {drawn}: Wald intervals "
        "take the posterior for a normal distribution around its mode, and that of the guessing of "
        "an item that a short test says little of is skewed, because all small probabilities of "
        "guessing look alike. Most intervals that miss do so on one side: those "
        "of guessing and intercepts are too high, those of slopes too low. More respondents help "
        "little there: with 50,000 the intervals cover 93 %. `sandwich` measures how the modes "
        "vary about the point that they are drawn to: right where that is the truth, far too "
        "little where the truth is elsewhere.",
    ]


def _on_errors(rows: list[Row], n: int) -> list[str]:
    """Say where mean standard errors are not within 5 % of the standard deviation."""
    observed = [row for row in rows if row.method in OBSERVED]
    far = [row for row in observed if abs(row.se_to_sd - 1) > CLOSE]
    error = 100 / np.sqrt(2 * n)
    lines = [
        f"**Standard errors.** Of the {len(observed)} ratios of the first three methods, "
        f"{len(observed) - len(far)} are within {100 * CLOSE:.0f} % of 1. One parameter's ratio "
        f"has a simulation error of {error:.1f} %; averages over many parameters have less."
    ]
    if far:
        by_row: dict[tuple[str, str, int], list[str]] = {}
        for row in far:
            key = (row.model, row.parameter, row.n_parameters)
            by_row.setdefault(key, []).append(f"`{row.method}` {row.se_to_sd:.3f}")
        lines += ["", "The others:", ""]
        lines += [f"- {m}, {p} ({k}): {', '.join(v)}" for (m, p, k), v in by_row.items()]
        lines += ["", "Those of the 3PL with 10 items are explained above."]
    return lines


def main() -> None:
    """Run the study and write `docs/coverage.csv` and `docs/coverage.md`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, help="data sets of every model")
    parser.add_argument("--first", type=int, default=0, help="number of the first data set")
    parser.add_argument("--only", default="", help="models, separated by semicolons")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--stdout", action="store_true", help="print the page, write no files")
    options = parser.parse_args()
    chosen = [name for name in options.only.split(";") if name] or list(CASES)
    n_data_sets = {name: options.replicates or FEWER.get(name, N_DATA_SETS) for name in chosen}
    rows: list[Row] = []
    clock = time.perf_counter()
    for name, n in n_data_sets.items():
        rows += study(name, n, METHODS, options.processes, options.first)
        print(f"{name}: {time.perf_counter() - clock:.0f} s", file=sys.stderr)
    page = markdown(rows, n_data_sets, time.perf_counter() - clock)
    if options.stdout:
        print(page)
        return
    docs = HERE.parent / "docs"
    (docs / "coverage.md").write_text(page, encoding="utf-8")
    with (docs / "coverage.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            figures = (f"{row.coverage:.5f}", f"{row.se_to_sd:.5f}")
            kind = (row.model, row.parameter, row.method, row.n_parameters, row.n_fits)
            writer.writerow((*kind, *figures))


if __name__ == "__main__":
    main()
