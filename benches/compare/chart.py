"""The chart: seconds of every program on every case, on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benches.compare.cases import CASES
from benches.compare.programs import OURS, PROGRAMS, module
from benches.compare.runner import Row

#: Colours of Okabe and Ito, and markers that tell programs apart without them.
STYLES = {
    OURS: ("#D55E00", "o"),
    "mirt": ("#0072B2", "s"),
    "girth": ("#009E73", "^"),
    "stepmix": ("#CC79A7", "D"),
    "r-mirt": ("#000000", "v"),
}


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the rows into a PNG file."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    cases = [case for case in CASES.values() if any(r.case == case.name for r in rows)]
    figure, axes = plt.subplots(figsize=(9.0, 0.9 + 0.5 * len(cases)), layout="constrained")
    heights = {case.name: -i for i, case in enumerate(cases)}
    timed = [r for r in rows if r.seconds is not None]
    for case in cases:
        seconds = [r.seconds for r in timed if r.case == case.name]
        if seconds:
            ends = (min(seconds), max(seconds))
            axes.plot(ends, [heights[case.name]] * 2, color="0.8", lw=1.5, zorder=1)
    for program in PROGRAMS:
        here = [r for r in timed if r.program == program]
        if here:
            _draw_program(axes, program, here, heights)
    _annotate(axes, timed, heights)
    axes.set_xscale("log")
    axes.set_yticks(list(heights.values()), [case.title for case in cases])
    axes.set_ylim(-len(cases) + 0.4, 0.6)
    axes.set_xlabel("seconds, from responses to estimates or scores (logarithmic)")
    axes.grid(axis="x", color="0.92")
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    figure.legend(loc="outside upper left", ncols=len(PROGRAMS), frameon=False, handletextpad=0.2)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, metadata={"Software": None})
    plt.close(figure)


def _draw_program(axes: Any, program: str, rows: list[Row], heights: dict[str, int]) -> None:
    colour, marker = STYLES[program]
    within = [r for r in rows if r.status == "ok"]
    beyond = [r for r in rows if r.status == "limit"]
    label = module(program).TITLE
    for found, face, text in ((within, colour, label), (beyond, "white", None)):
        axes.scatter(
            [r.seconds for r in found],
            [heights[r.case] for r in found],
            marker=marker,
            s=58 if program == OURS else 46,
            facecolor=face,
            edgecolor=colour,
            linewidth=1.4,
            label=text if within else None,
            zorder=4 if program == OURS else 3,
        )
    for row in beyond:
        axes.annotate(
            f"> {row.seconds:.0f}",
            (row.seconds, heights[row.case]),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=colour,
        )


def _annotate(axes: Any, rows: Sequence[Row], heights: dict[str, int]) -> None:
    """Write our seconds above our marks."""
    for row in rows:
        if row.program == OURS and row.seconds is not None:
            axes.annotate(
                f"{row.seconds:.2g}" if row.seconds >= 1e-4 else f"{row.seconds:.6f}",
                (row.seconds, heights[row.case]),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=8,
                color=STYLES[OURS][0],
            )
    smallest = min((r.seconds for r in rows if r.seconds), default=1e-3)
    largest = max((r.seconds for r in rows if r.seconds), default=1.0)
    axes.set_xlim(smallest / 2.5, largest * 3)
