"""Draw the charts of the numerics page; `make figures` runs this.

Writes SVG files into `docs/images`. Everything drawn is computed here, from seeded data and the
data sets of the package, except for the coverage of standard errors, read from `docs/coverage.csv`.
"""

from __future__ import annotations

import csv
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

import mixirt

HERE = Path(__file__).parent
RULES = ("rectangular", "gauss-hermite")
POINTS = (5, 7, 9, 11, 15, 21, 31, 41, 61, 81, 121, 161)
MANY_POINTS = 801
ROUNDING = 1e-10
"""What is smaller is rounding of a sum of thousands of terms."""


def main() -> None:
    """Draw all of them."""
    mpl.use("svg")
    plt.rcParams.update(
        {
            "svg.hashsalt": "mixirt",
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "figure.constrained_layout.use": True,
        }
    )
    with warnings.catch_warnings():
        # Five points are too few on purpose.
        warnings.simplefilter("ignore", mixirt.QuadratureWarning)
        save(grids(), "grids")
    save(acceleration(), "acceleration")
    save(standard_errors(), "standard-errors")


def save(figure: Any, name: str) -> None:
    """Write a chart; the same bytes for the same numbers."""
    folder = HERE / "images"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})


def known_model(n_items: int, n_categories: int) -> tuple[mixirt.Model, Any]:
    """Make a GPCM with parameters drawn at random, all fixed, and 1,000 responses from it."""
    rng = np.random.default_rng(20190035)
    model = mixirt.Model("gpcm", items=n_items, n_categories=n_categories)
    model = model.fix("slope", rng.lognormal(0, 0.3, n_items))
    model = model.fix("intercept", rng.normal(0, 1, n_items * (n_categories - 1)))
    every_category = np.tile(np.arange(n_categories)[:, None], n_items)
    return model, mixirt.fit(every_category, model).simulate(1000, seed=1)


def grids() -> Any:
    """Error of the log-likelihood by number of points, both rules, a short and a long test."""
    figure, axes = plt.subplots(1, 2, figsize=(7.5, 3), sharey=True)
    for axis, (n_items, n_categories) in zip(axes, ((5, 2), (30, 5)), strict=True):
        model, responses = known_model(n_items, n_categories)
        exact = on_grid(model, responses, "rectangular", MANY_POINTS)
        for rule, marker in zip(RULES, "os", strict=True):
            found = np.array([on_grid(model, responses, rule, n) for n in POINTS])
            error = np.maximum(abs(found - exact), ROUNDING)
            axis.loglog(POINTS, error, marker=marker, markersize=4, linewidth=1, label=rule)
        axis.set_title(f"{n_items} items of {n_categories} categories", fontsize=9)
        axis.set_xlabel("points")
        axis.set_xticks([5, 11, 21, 41, 81, 161], labels=["5", "11", "21", "41", "81", "161"])
        axis.minorticks_off()
    axes[0].set_ylabel("error of the log-likelihood")
    axes[1].legend(frameon=False)
    return figure


def on_grid(model: mixirt.Model, responses: Any, rule: str, n: int) -> float:
    """Return the log-likelihood of a model without free parameters on a grid."""
    design = model.design
    fixed = mixirt.Model(
        "gpcm",
        items=list(design.items),
        n_categories=list(design.n_categories),
        quadrature=rule,
        n_quadrature=n,
    )
    for kind in ("slope", "intercept"):
        fixed = fixed.fix(kind, model.table.value[design.cells.is_kind(kind)])
    return mixirt.fit(responses, fixed).loglik


def acceleration() -> Any:
    """Distance from the maximum by cycle, for each acceleration, on two data sets."""
    timss = mixirt.datasets.load("timss_aus_twn")
    science = mixirt.datasets.load("science").frame()
    cases = (
        (
            "TIMSS, two groups, GPCM",
            timss.responses,
            {"groups": timss.groups, "invariance": "scalar"},
        ),
        ("Science, GPCM", science, {"categories": [1, 2, 3, 4]}),
    )
    figure, axes = plt.subplots(1, 2, figsize=(7.5, 3), sharey=True)
    for axis, (title, responses, options) in zip(axes, cases, strict=True):
        tight = {**options, "tol_parameter": 1e-9, "tol_deviance": 1e-10, "max_cycles": 5000}
        best = mixirt.fit(responses, "gpcm", **tight).loglik
        for name in ("none", "squarem", "anderson"):
            fit = mixirt.fit(responses, "gpcm", acceleration=name, **tight)
            below = np.maximum(best - np.asarray(fit.history["loglik"]), 1e-8)
            axis.loglog(np.arange(1, len(below) + 1), below, linewidth=1.2, label=name)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("cycle")
    axes[0].set_ylabel("below the maximum")
    axes[1].legend(frameon=False, title="acceleration")
    return figure


def standard_errors() -> Any:
    """Mean standard error over the standard deviation of the estimates, by method."""
    with (HERE / "coverage.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ratio: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if "prior" not in row["model"]:
            ratio[row["method"]].append(float(row["se_to_sd"]))
    methods = list(ratio)
    figure, axis = plt.subplots(figsize=(7.5, 2.2))
    axis.axvline(1, color="0.7", linewidth=0.8)
    for y, method in enumerate(reversed(methods)):
        axis.plot(ratio[method], [y] * len(ratio[method]), "o", markersize=4, alpha=0.5)
    axis.set_yticks(range(len(methods)), labels=list(reversed(methods)))
    axis.set_xlabel("mean standard error / standard deviation of the estimates")
    return figure


if __name__ == "__main__":
    main()
