"""Names written beside the lines they belong to, in place of a legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt.plots import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mixirt.plots._choose import Place

__all__ = ["dense", "label_lines", "name_lines", "settle", "short"]

Floats = NDArray[np.float64]
#: Width of a character and height of a line of text, in sizes of the font.
_CHARACTER, _LINE_HEIGHT = 0.56, 1.25
#: Share of the height of a line of text that its letters take.
_LETTERS = 0.6
#: A name keeps this many sizes of the font from other lines; more is no better.
_CLEAR = 2.0
#: Distances of a name from its own line that are tried, in sizes of the font.
_GAPS = (0.25, 0.9)
#: Places tried along each line.
_TRIED = 60


def short(found: Sequence[Place]) -> list[str]:
    """Return names of latent groups, shortened to stand beside a line."""
    return [_style.cut(place.name, 24) for place in found]


def settle(ax: Axes) -> None:
    """Lay the figure out, so that names are placed by the sizes that will be drawn."""
    _style.figure_of(ax).draw_without_rendering()


def name_lines(ax: Axes, x: Floats, curves: Floats, texts: Sequence[str]) -> None:
    """Name the lines of a finished picture, as `label_lines`."""
    settle(ax)
    label_lines(ax, x, curves, texts)


def label_lines(
    ax: Axes,
    x: Floats,
    curves: Floats,
    texts: Sequence[str],
    colours: Sequence[str] | None = None,
    size: float | None = None,
) -> list[Any]:
    """Write a name beside each line, where it is furthest from the other lines and names.

    Parameters
    ----------
    ax : Axes
        With its limits set.
    x : ndarray, shape (n,)
        Points on the axis, in increasing order.
    curves : ndarray, shape (k, n)
        The lines.
    texts : sequence of str, shape (k,)
        What to write; lines after the last text are only kept clear of.
    colours : sequence of str, shape (k,), optional
        In which colour; default that of the k-th line.
    size : float, optional
        Points of the text; default a little smaller than the names of the axes.

    Returns
    -------
    list of Text
    """
    from matplotlib import patheffects

    size = _style.small_size(ax) if size is None else size
    colours = [_style.colour(k) for k in range(len(texts))] if colours is None else colours
    pixels = size * _style.figure_of(ax).dpi / 72
    lines = [dense(ax.transData.transform(np.column_stack([x, y])), 0.4 * pixels) for y in curves]
    frame = ax.bbox
    placed: list[Floats] = []
    written = []
    halo = [patheffects.withStroke(linewidth=1.6, foreground="white")]
    for k, text in enumerate(texts):
        rows = text.split("\n")
        box = np.array([max(map(len, rows)) * _CHARACTER, len(rows) * _LINE_HEIGHT]) * pixels
        centre = _best_place(lines, k, box, placed, frame, pixels)
        placed.append(np.array([centre - box / 2, centre + box / 2]))
        at = ax.transData.inverted().transform(centre)
        written.append(
            ax.text(
                float(at[0]), float(at[1]), _style.plain_lines(rows), color=colours[k],
                fontsize=size, ha="center", va="center", path_effects=halo, clip_on=False, zorder=5,
            )
        )  # fmt: skip
    return written


def dense(line: Floats, step: float) -> Floats:
    """Points `(m, 2)` on a line at most a step apart, so that nothing slips between them."""
    lengths = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    if not np.isfinite(along[-1]) or along[-1] == 0.0:
        return line
    at = np.linspace(0.0, along[-1], min(int(along[-1] / step) + 2, 2000))
    return np.column_stack([np.interp(at, along, line[:, d]) for d in range(2)])


def _best_place(
    lines: list[Floats], k: int, box: Floats, placed: list[Floats], frame: Any, pixels: float
) -> Floats:
    """Return the centre of the box of a name for line `k`, in pixels."""
    mine = lines[k]
    seen = mine[(mine[:, 1] >= frame.y0) & (mine[:, 1] <= frame.y1)]
    mine = seen if len(seen) else mine
    chosen = np.unique(np.linspace(0, len(mine) - 1, _TRIED).astype(int))
    offsets = []
    for gap in _GAPS:
        up, right = np.diag(box[::-1] / 2 + gap * pixels)[:, ::-1]
        offsets += [up, -up, right, -right]
        # Beside a slope there is room at the corners only.
        offsets += [up + right, up - right, right - up, -up - right]
    centres = np.concatenate([mine[chosen] + offset for offset in offsets])
    margin = 0.2 * pixels
    low = np.array([frame.x0, frame.y0]) + box / 2 + margin
    high = np.array([frame.x1, frame.y1]) - box / 2 - margin
    inside = ((centres >= low) & (centres <= high)).all(axis=1)
    centres = np.clip(centres, low, np.maximum(low, high))
    others = np.concatenate([*lines[:k], *lines[k + 1 :], np.empty((0, 2))])
    clear = np.minimum(_distance(centres, box, others), _CLEAR * pixels)
    # Where there is no room, another line may touch the name but not run through its letters.
    legible = np.minimum(_distance(centres, box * (1.0, _LETTERS), others), 0.2 * pixels)
    # The own line may touch the name only where it is steep, and where the name stands the line
    # has to be apart from the others: else nobody could tell whose name it is.
    own = np.minimum(_distance(centres, box, lines[k]), 0.2 * pixels)
    apart = _distance(np.tile(mine[chosen], (len(offsets), 1)), np.zeros(2), others)
    score = clear + 6.0 * (own + legible) + 2.0 * np.minimum(apart, 1.2 * pixels)
    for other in placed:
        gap = np.maximum(other[0] - (centres + box / 2), (centres - box / 2) - other[1])
        score -= np.where((gap < 0.2 * pixels).all(axis=1), 20.0 * pixels, 0.0)
    score -= np.where(inside, 0.0, 5.0 * pixels)
    far = np.repeat(_GAPS, 8 * len(chosen))
    score -= 0.8 * pixels * far
    # Between equals, high on the line: that is where it differs from the others.
    score += 1.2 * pixels * (centres[:, 1] - frame.y0) / max(frame.height, 1.0)
    return np.asarray(centres[int(np.argmax(score))])


def _distance(centres: Floats, box: Floats, points: Floats) -> Floats:
    """Distance of each box to the nearest of some points; 0 where one is inside."""
    if not len(points):
        return np.full(len(centres), np.inf)
    apart = np.abs(centres[:, None, :] - points[None, :, :]) - box / 2
    return np.asarray(np.hypot(*np.moveaxis(np.maximum(apart, 0.0), 2, 0)).min(axis=1))
