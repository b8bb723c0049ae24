"""Do the intervals cover? Standard errors of every method over simulated data sets.

    make coverage
    make coverage COVERAGE_ARGS="--replicates 50 --only '2pl;grm' --stdout"

For each kind of model, data sets are drawn from known parameters (by NumPy, not by the package) and
fitted, starting at these. Of every parameter, over the data sets: the share of 95 % intervals that
hold its true value, and the mean standard error over the standard deviation of the estimates. Both
are averaged over the parameters of a kind. Every data set has its own seed, so any part of the
study can be repeated alone.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mixirt

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
#: Methods compared; "louis" gives the matrix of "oakes".
METHODS = ("oakes", "cross_product", "sandwich", "complete")
SEED = 20_190_035
HERE = Path(__file__).resolve().parent
COLUMNS = ("model", "parameter", "method", "n_parameters", "n_fits", "coverage", "se_to_sd")


@dataclass(frozen=True)
class Case:
    """A model with its true parameters as start values, and how its data are drawn."""

    name: str
    text: str
    model: mixirt.Model
    draw: Callable[[np.random.Generator], Codes]
    groups: Any = None


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


SLOPES = np.array([0.8, 1.0, 1.2, 1.4, 1.6, 0.9, 1.1, 1.3, 1.5, 1.0])
INTERCEPTS = np.linspace(-1.5, 1.5, 10)
STEPS = np.stack([INTERCEPTS + 1.0, INTERCEPTS - 1.0], axis=1)


def logistic(x: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def answers(generator: np.random.Generator, p: Floats) -> Codes:
    """One code for each row of category probabilities `p (..., M)`."""
    below = p.cumsum(axis=-1)[..., :-1]
    return np.asarray((generator.random((*p.shape[:-1], 1)) >= below).sum(axis=-1))


def binary(generator: np.random.Generator, z: Floats, guessing: float = 0.0) -> Codes:
    p = guessing + (1 - guessing) * logistic(z)
    return (generator.random(z.shape) < p).astype(np.int64)


def started(model: mixirt.Model, kind: str, values: Floats, **where: Any) -> mixirt.Model:
    """Start the items' parameters of a kind: `values (I,)`, or intercepts `(I, M - 1)`."""
    for i, own in enumerate(values):
        item = model.design.items[i]
        if np.ndim(own) == 0:
            model = model.start(kind, float(own), item=item, **where)
            continue
        for m, value in enumerate(own):
            model = model.start(kind, float(value), item=item, category=m + 1, **where)
    return model


def two_pl() -> Case:
    model = started(mixirt.Model("2pl", items=10), "slope", SLOPES)

    def draw(generator: np.random.Generator) -> Codes:
        theta = generator.standard_normal((1000, 1))
        return binary(generator, SLOPES * theta + INTERCEPTS)

    return Case("2pl", "10 items, N = 1,000", started(model, "intercept", INTERCEPTS), draw)


def gpcm() -> Case:
    model = started(mixirt.Model("gpcm", items=10, n_categories=3), "slope", SLOPES)

    def draw(generator: np.random.Generator) -> Codes:
        theta = generator.standard_normal((1000, 1, 1))
        u = np.arange(3) * SLOPES[:, None] * theta + np.insert(STEPS, 0, 0.0, axis=1)
        p = np.exp(u)
        return answers(generator, p / p.sum(axis=-1, keepdims=True))

    text = "10 items of 3 categories, N = 1,000"
    return Case("gpcm", text, started(model, "intercept", STEPS), draw)


def grm() -> Case:
    model = started(mixirt.Model("grm", items=10, n_categories=3), "slope", SLOPES)

    def draw(generator: np.random.Generator) -> Codes:
        z = SLOPES * generator.standard_normal((1000, 1)) + generator.logistic(size=(1000, 10))
        return np.asarray((z[..., None] > -STEPS).sum(axis=-1))

    text = "10 items of 3 categories, N = 1,000"
    return Case("grm", text, started(model, "intercept", STEPS), draw)


def three_pl() -> Case:
    model = mixirt.Model("3pl", items=10).prior("guessing", mixirt.priors.normal(-1.4, 0.5))
    model = started(model, "slope", SLOPES).start("guessing", 0.2)

    def draw(generator: np.random.Generator) -> Codes:
        theta = generator.standard_normal((2000, 1))
        return binary(generator, SLOPES * theta + INTERCEPTS, guessing=0.2)

    text = "10 items, prior N(-1.4, .5) on the logit of guessing (.2), N = 2,000"
    return Case("3pl, prior", text, started(model, "intercept", INTERCEPTS), draw)


def two_groups() -> Case:
    groups = np.repeat(["a", "b"], 750)
    model = mixirt.Model("2pl", items=10, groups=["a", "b"], invariance="scalar")
    model = started(started(model, "slope", SLOPES), "intercept", INTERCEPTS)
    model = model.start("mean", 0.5, group="b").start("variance", 1.44, group="b")

    def draw(generator: np.random.Generator) -> Codes:
        theta = generator.standard_normal((1500, 1))
        theta[750:] = 0.5 + 1.2 * theta[750:]
        return binary(generator, SLOPES * theta + INTERCEPTS)

    return Case("two groups", "2PL, scalar invariance, 10 items, N = 2 x 750", model, draw, groups)


def two_attributes() -> Case:
    q = np.repeat(np.eye(2, dtype=int), 5, axis=0)
    model = mixirt.Model("2pl", items=10, q_matrix=q, n_quadrature=24)
    model = started(started(model, "slope", SLOPES), "intercept", INTERCEPTS)

    def draw(generator: np.random.Generator) -> Codes:
        theta = generator.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], size=1000)
        return binary(generator, SLOPES * np.repeat(theta, 5, axis=1) + INTERCEPTS)

    text = "2PL, 5 + 5 items, correlation .5, N = 1,000"
    return Case("two attributes", text, model.start("covariance", 0.5), draw)


def mixture() -> Case:
    b = np.where(np.arange(10) < 5, 1.5, -1.5) * np.array([[1.0], [-1.0]])
    model = mixirt.Model("rasch", items=10, n_classes=2).start("variance", 0.64)
    for c, share in enumerate((0.6, 0.4)):
        model = started(model, "intercept", b[c], class_=c + 1)
        model = model.start("proportion", share, class_=c + 1)

    def draw(generator: np.random.Generator) -> Codes:
        member = (generator.random(1500) >= 0.6).astype(np.int64)
        return binary(generator, 0.8 * generator.standard_normal((1500, 1)) + b[member])

    return Case("mixture", "Rasch, 2 classes, 10 items, N = 1,500", model, draw)


def latent_classes() -> Case:
    p = np.array([[0.85] * 8, [0.8] * 4 + [0.2] * 4, [0.15] * 8])
    shares = np.array([0.3, 0.3, 0.4])
    q = np.zeros((8, 0), dtype=int)
    model = mixirt.Model("gpcm", items=8, attributes=[], q_matrix=q, n_classes=3)
    for c, share in enumerate(shares):
        model = started(model, "intercept", np.log(p[c] / (1 - p[c])), class_=c + 1)
        model = model.start("proportion", float(share), class_=c + 1)

    def draw(generator: np.random.Generator) -> Codes:
        member = generator.choice(3, size=1000, p=shares)
        return (generator.random((1000, 8)) < p[member]).astype(np.int64)

    return Case("latent classes", "3 classes, 8 items, N = 1,000", model, draw)


CASES: dict[str, Callable[[], Case]] = {
    "2pl": two_pl,
    "gpcm": gpcm,
    "grm": grm,
    "3pl, prior": three_pl,
    "two groups": two_groups,
    "two attributes": two_attributes,
    "mixture": mixture,
    "latent classes": latent_classes,
}


def study(case: Case, n: int, methods: tuple[str, ...] = METHODS) -> Iterator[Row]:
    """Fit `n` data sets of a case and sum up each kind of parameter under each method."""
    truth, kinds, chosen = true_values(case)
    index = list(CASES).index(case.name)
    fits = []
    for replicate in range(n):
        generator = np.random.default_rng([SEED, index, replicate])
        frames = fit_one(case, case.draw(generator), methods)
        if frames is not None:
            fits.append(np.stack([frame[:, chosen] for frame in frames]))
    # (fits, methods, estimate and se and lower and upper, parameters)
    found = np.stack(fits)
    estimate, se, lower, upper = np.moveaxis(found, 2, 0)
    covers = ((lower <= truth) & (truth <= upper)).mean(axis=0)
    ratio = se.mean(axis=0) / estimate.std(axis=0, ddof=1)
    for kind in dict.fromkeys(kinds):
        own = np.array([k == kind for k in kinds])
        for m, method in enumerate(methods):
            share, relative = float(covers[m, own].mean()), float(ratio[m, own].mean())
            yield Row(case.name, kind, method, int(own.sum()), len(fits), share, relative)


def fit_one(case: Case, codes: Codes, methods: tuple[str, ...]) -> list[Floats] | None:
    """Estimate, standard error and limits `(4, cells)` by method; None if one is missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.MixirtWarning)
        result = mixirt.fit(codes, case.model, groups=case.groups, n_threads=1)
        if not result.converged:
            return None
        frames = [result.confint(method=method) for method in methods]
    columns = ["estimate", "se", "lower", "upper"]
    tables = [frame[columns].to_numpy(dtype=float).T for frame in frames]
    free = (frames[0]["status"] != "fixed").to_numpy()
    return None if any(np.isnan(table[:, free]).any() for table in tables) else tables


def true_values(case: Case) -> tuple[Floats, list[str], NDArray[np.intp]]:
    """Return true value and kind of every free parameter, and its row; tied ones by the first."""
    table, cells = case.model.table, case.model.design.cells
    chosen = table.compiled().first_cell
    truth = table.start[chosen].copy()
    guessing = cells.is_kind("guessing")[chosen]
    truth[guessing] = logistic(truth[guessing])
    assert not np.isnan(truth).any(), "every parameter needs its true value as start value"
    names = ("slope", "intercept", "guessing", "mean", "variance", "covariance", "proportion")
    kinds = [next(n for n in names if cells.is_kind(n)[c]) for c in chosen]
    return truth, kinds, np.asarray(chosen)


def markdown(rows: list[Row], cases: list[Case], n: int, seconds: float) -> str:
    """Write the page for the documentation."""
    error = 100 * np.sqrt(0.95 * 0.05 / n)
    lines = [
        "# Coverage of the intervals",
        "",
        f"`make coverage`: {n} data sets of each model, seed {SEED}, {seconds / 60:.0f} minutes on "
        f"one thread of mixirt {mixirt.__version__}. Data are drawn by NumPy from known parameters "
        "and fitted from these.",
        "",
        "Each cell has the share of 95 % intervals that hold the true value, in per cent, and the "
        "mean standard error over the standard deviation of the estimates; both are averages over "
        f"the parameters of a kind. One parameter's coverage has a simulation error of {error:.1f} "
        "points. `louis` gives the matrix of `oakes`. Intervals are those of `r.confint()`: on the "
        "logit for probabilities and on the log for variances.",
        "",
        "The last column is the paper's method. It takes the attributes for observed: without a "
        "prior its standard errors are too small by the ratio shown, and its intervals miss the "
        "truth too often. It is there for comparison with older programs, not for conclusions.",
        "",
        "| model | parameter | " + " | ".join(f"`{m}`" for m in METHODS) + " |",
        "|---|---|" + "---|" * len(METHODS),
    ]
    for key in dict.fromkeys((row.model, row.parameter) for row in rows):
        own = [row for row in rows if (row.model, row.parameter) == key]
        figures = [f"{100 * row.coverage:.1f} ({row.se_to_sd:.3f})" for row in own]
        lines.append(f"| {key[0]} | {key[1]} ({own[0].n_parameters}) | {' | '.join(figures)} |")
    lines += ["", "| model | setting | data sets used |", "|---|---|---|"]
    for case in cases:
        used = next(row.n_fits for row in rows if row.model == case.name)
        lines.append(f"| {case.name} | {case.text} | {used} of {n} |")
    lines += [
        "",
        "With a prior the estimates are posterior modes, drawn towards the prior: they vary less "
        "than the posterior is wide, which is what `oakes` and `cross_product` measure; `sandwich` "
        "measures how the modes vary.",
        "",
        "Data sets are left out where the fit did not converge, or an estimate stopped at a bound "
        "and has no standard error.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Run the study and write `docs/coverage.csv` and `docs/coverage.md`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=500)
    parser.add_argument("--only", default="", help="models, separated by semicolons")
    parser.add_argument("--stdout", action="store_true", help="print the page, write no files")
    options = parser.parse_args()
    chosen = [name for name in options.only.split(";") if name] or list(CASES)
    cases, rows, clock = [CASES[name]() for name in chosen], [], time.perf_counter()
    for case in cases:
        rows += list(study(case, options.replicates))
        print(f"{case.name}: {time.perf_counter() - clock:.0f} s", file=sys.stderr)
    page = markdown(rows, cases, options.replicates, time.perf_counter() - clock)
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
