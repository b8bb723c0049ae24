"""The chart of the study beyond the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from benches.recovery.chart import COLOURS, new_figure, save
from benches.recovery.conditions import N_ITEMS, SECTIONS
from benches.recovery.extended import Summary

#: Colour and marker of each kind of parameter.
STYLES = {
    "slope": ("blue", "o"),
    "intercept": ("orange", "D"),
    "guessing": ("vermilion", "s"),
    "mean": ("green", "^"),
    "variance": ("purple", "v"),
    "covariance": ("black", "P"),
}


def chart(rows: list[Summary], path: Path) -> None:
    """Draw errors by sample size, errors by missing answers, and coverage everywhere."""
    figure, axes = new_figure(1, 3, (11, 5), width_ratios=(1, 1, 1.3))
    sizes = {name: c.sizes[0] for name, c in SECTIONS["Sample size"].items()}
    _errors(axes[0], rows, sizes)
    axes[0].set_xscale("log")
    axes[0].set_yscale("log")
    axes[0].set_xlabel("respondents")
    axes[0].set_title("sample size", fontsize=10)
    missing = SECTIONS["Missing by design"]
    _errors(axes[1], rows, {name: 100 * c.n_omitted / N_ITEMS for name, c in missing.items()})
    axes[1].set_ylim(bottom=0)
    axes[1].set_xlabel("missing by design, per cent")
    axes[1].set_title("missing answers, N = 3,000", fontsize=10)
    for ax in axes[:2]:
        ax.set_ylabel("root mean square error (points), standard error (lines)")
        ax.grid(color="0.9")
        ax.set_axisbelow(True)
    _coverage(axes[2], rows)
    handles, labels = axes[2].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(
        unique.values(), unique.keys(), loc="outside lower center", ncols=7, frameon=False
    )
    save(figure, path)


def _errors(ax: Any, rows: list[Summary], places: Mapping[str, float]) -> None:
    """Draw root mean square errors as points and mean standard errors as a line."""
    for kind in ("slope", "intercept"):
        colour, marker = STYLES[kind]
        own = {r.condition: r for r in rows if r.condition in places and r.parameter == kind}
        x = [places[name] for name in own]
        ax.plot(x, [r.mean_se for r in own.values()], color=COLOURS[colour], lw=1.2)
        y = [r.rmse for r in own.values()]
        ax.plot(x, y, marker, color=COLOURS[colour], ms=5)


def _coverage(ax: Any, rows: list[Summary]) -> None:
    """Draw the share of intervals that hold the truth, with two standard errors either way."""
    names = list(dict.fromkeys(row.condition for row in rows))
    ax.axvline(95, color="black", lw=1.2)
    for y, name in enumerate(names):
        own = [row for row in rows if row.condition == name]
        for place, row in zip(np.linspace(-0.27, 0.27, len(own)), own, strict=True):
            colour, marker = STYLES[row.parameter]
            ax.errorbar(
                100 * row.coverage,
                y + place,
                xerr=200 * row.coverage_se,
                fmt=marker,
                color=COLOURS[colour],
                ms=3.5,
                lw=1,
                label=row.parameter,
            )
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlabel("coverage of 95 % intervals, per cent")
    ax.set_title("coverage, ± 2 standard errors", fontsize=10)
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
