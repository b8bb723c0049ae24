"""How the time of a fit grows: with respondents, items, nodes and threads.

`make bench-scaling` renews the section of docs/benchmarks.md, docs/scaling.csv and the chart.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from benches import machine, pages

import mixirt

ROOT = Path(__file__).parents[1]
CSV, CHART = "docs/scaling.csv", "docs/images/scaling.png"

THREADS = (1, 2)


@dataclass(frozen=True)
class Point:
    """A 2PL fit: what it is of, and what it took."""

    axis: str
    respondents: int
    items: int
    nodes: int
    threads: int
    cycles: int = 0
    seconds: float = 0.0

    @property
    def size(self) -> int:
        """Where the point lies on its axis."""
        return int(getattr(self, self.axis))


#: Each axis is gone along while the two others stay.
AXES: dict[str, list[tuple[int, int, int]]] = {
    "respondents": [
        (n, 40, 64) for n in (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
    ],
    "items": [(10_000, n, 64) for n in (10, 20, 40, 80, 160, 320, 640, 1_000)],
    "nodes": [(10_000, 40, n) for n in (8, 16, 32, 64, 128, 256, 512, 1_024)],
}

_TITLES = {
    "respondents": "respondents\n(40 items, 64 nodes)",
    "items": "items\n(10,000 respondents, 64 nodes)",
    "nodes": "nodes\n(10,000 respondents, 40 items)",
}

#: Colours of Okabe and Ito.
_COLOURS = {1: "#0072B2", 2: "#D55E00"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benches.scaling", description=__doc__)
    parser.add_argument("--axes", nargs="+", choices=AXES, default=list(AXES))
    parser.add_argument("--repeats", type=int, default=3, help="fits of which the fastest counts")
    parser.add_argument("--largest", type=int, help="leave out larger sizes")
    parser.add_argument("--write", action="store_true", help="renew docs/scaling.csv and the chart")
    arguments = parser.parse_args()
    points = []
    for axis in arguments.axes:
        for point in measure(axis, arguments.repeats, arguments.largest):
            points.append(point)
            shown = f"{point.size:>9,} {axis:12s} {point.threads} threads"
            print(f"{shown}  {point.seconds:.4f} s  {point.cycles} cycles", flush=True)
    if arguments.write:
        write(points)


def measure(axis: str, repeats: int, largest: int | None) -> Iterator[Point]:
    """Time the fits of an axis."""
    for sizes in AXES[axis]:
        asked = Point(axis, *sizes, threads=1)
        if largest is not None and asked.size > largest:
            continue
        codes = draw(asked.respondents, asked.items)
        for threads in THREADS:
            times = []
            for _ in range(repeats):
                start = time.perf_counter()
                fit = mixirt.fit(codes, "2pl", n_quadrature=asked.nodes, n_threads=threads)
                times.append(time.perf_counter() - start)
            yield replace(asked, threads=threads, cycles=fit.n_cycles, seconds=min(times))


def draw(n_respondents: int, n_items: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Draw 2PL responses, item by item."""
    rng = np.random.default_rng(n_respondents * 7 + n_items)
    theta = rng.standard_normal(n_respondents)
    codes = np.empty((n_respondents, n_items), dtype=np.uint8)
    for i in range(n_items):
        logit = rng.uniform(0.7, 1.8) * theta + rng.normal()
        codes[:, i] = rng.random(n_respondents) < 1.0 / (1.0 + np.exp(-logit))
    return codes


def write(points: Sequence[Point]) -> None:
    """Renew the CSV file, the chart and, from what the file says, the section of the page."""
    with (ROOT / CSV).open("w", newline="") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Point)], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**asdict(p), "seconds": f"{p.seconds:.4g}"} for p in points)
    chart(points, ROOT / CHART)
    lines = "\n".join(table(read()))
    pages.renew("scaling", f"{machine.description()}.\n\n{lines}\n", ROOT)


def read() -> list[Point]:
    """Read the points of the last run from the CSV file."""
    with (ROOT / CSV).open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [Point(axis, *map(int, counts), float(seconds)) for axis, *counts, seconds in rows]


def table(points: Sequence[Point]) -> list[str]:
    """Say in the lines of a table what the chart shows."""
    head = "| along | from | to | times the size | times the time, 1 thread | gain by 2 threads |"
    lines = [head, "|---|--:|--:|--:|--:|--:|"]
    for axis in dict.fromkeys(p.axis for p in points):
        one, two = ([p for p in points if (p.axis, p.threads) == (axis, n)] for n in THREADS)
        first, last = one[0], one[-1]
        grown = (last.seconds / last.cycles) / (first.seconds / first.cycles)
        gain = last.seconds / two[-1].seconds
        lines.append(
            f"| {axis} | {first.size:,} | {last.size:,} | {last.size / first.size:,.0f} "
            f"| {grown:,.0f} | {gain:.2f} |"
        )
    return lines


def chart(points: Sequence[Point], path: Path) -> None:
    """Draw one panel for each axis, both scales logarithmic."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    axes = list(dict.fromkeys(p.axis for p in points))
    figure, panels = plt.subplots(
        1,
        len(axes),
        figsize=(3.1 * len(axes), 3.3),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for panel, axis in zip(panels[0], axes, strict=True):
        _panel(panel, axis, [p for p in points if p.axis == axis])
    panels[0, 0].set_ylabel("seconds a fit")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, metadata={"Software": None})
    plt.close(figure)


def _panel(panel: Any, axis: str, points: Sequence[Point]) -> None:
    for threads, marker in zip(THREADS, "os", strict=True):
        here = [p for p in points if p.threads == threads]
        panel.plot(
            [p.size for p in here],
            [p.seconds for p in here],
            marker=marker,
            ms=5,
            lw=1.5,
            color=_COLOURS[threads],
            label=f"{threads} {'thread' if threads == 1 else 'threads'}",
        )
    last = max((p for p in points if p.threads == 1), key=lambda p: p.size)
    sizes = np.array([min(p.size for p in points), last.size])
    guide = last.seconds * 1.6 * sizes / last.size
    panel.plot(sizes, guide, "--", color="0.6", lw=1, label="in proportion", zorder=0)
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.set_xlabel(_TITLES[axis])
    panel.grid(color="0.92")
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


if __name__ == "__main__":
    main()
