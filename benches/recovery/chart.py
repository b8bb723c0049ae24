"""Charts of the studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from benches.recovery.designs import COLUMNS, DESIGNS
from benches.recovery.figures import Figure

#: Colours told apart by everybody (Okabe and Ito).
COLOURS = {
    "black": "#000000",
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
}
TITLES = {
    "slope": "slopes",
    "intercept": "intercepts",
    "mean": "means",
    "spread": "standard deviations,\ncorrelations",
}
#: Colour, marker and place within a row of each run.
RUN_STYLES = {"report": ("blue", "o", -0.2), "defaults": ("orange", "D", 0.2)}


def new_figure(n_rows: int, n_columns: int, size: tuple[float, float], **options: Any) -> Any:
    """Make a figure without a screen, and its axes."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    return plt.subplots(n_rows, n_columns, figsize=size, layout="constrained", **options)


def save(figure: Any, path: Path) -> None:
    """Write a figure; the same picture gives the same bytes."""
    figure.savefig(path, dpi=150, metadata={"Software": None})


def chart(rows: list[Figure], path: Path) -> None:
    """Draw the errors of Table 1, both bounds, and what the report prints."""
    names = [name for name in DESIGNS if any(row.design == name for row in rows)]
    figure, axes = new_figure(1, len(COLUMNS), (11, 4.6), sharey=True)
    for ax, column in zip(axes, COLUMNS, strict=True):
        for row in rows:
            if row.column == column:
                _mark(ax, names.index(row.design), row)
        ax.set_title(TITLES[column], fontsize=10)
        ax.set_xlim(left=0)
        ax.set_xlabel("root mean square error")
        ax.grid(axis="x", color="0.9")
        ax.set_axisbelow(True)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.4, -0.6)
    handles, labels = axes[1].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(
        unique.values(), unique.keys(), loc="outside lower center", ncols=3, frameon=False
    )
    save(figure, path)


def _mark(ax: Any, y: int, row: Figure) -> None:
    colour, marker, place = RUN_STYLES[row.run]
    of_run = {"report": "the report's algorithm", "defaults": "the package's defaults"}[row.run]
    ax.errorbar(
        row.rmse,
        y + place,
        xerr=2 * row.mc_se,
        fmt=marker,
        color=COLOURS[colour],
        markersize=4.5,
        capsize=2,
        label=f"{of_run}, ± 2 standard errors",
    )
    if row.run != "report":
        return
    height = [y - 0.38, y + 0.38]
    ax.plot([row.bound] * 2, height, color="black", lw=1.5, label="expected bound")
    ax.plot(
        [row.realised] * 2, height, color=COLOURS["green"], lw=1.5, label="bound, same responses"
    )
    if not np.isnan(row.printed):
        cross = {"color": COLOURS["vermilion"], "ms": 6, "mew": 1.6}
        ax.plot(row.printed, y, "x", label="printed in the report", **cross)
