"""Respondents and items on one scale: the Wright map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt.errors import SpecError
from mixirt.plots import _choose, _style
from mixirt.scores import Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mixirt.result import Result

__all__ = ["person_item_map"]

Floats = NDArray[np.float64]
#: Millimetres of the histogram, and of the axis below.
_PEOPLE, _OTHERS = 18.0, 14.0
_ROW = 3.2
_N_BINS = 30
#: Items further than this many standard deviations from the mean stand at the edge.
_FARTHEST = 6.0


def person_item_map(  # noqa: PLR0913 -- keywords
    result: Result,
    items: str | Sequence[str] | None = None,
    *,
    group: object = None,
    class_: int | None = None,
    attribute: str | None = None,
    scores: Scores | None = None,
    level: float | None = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw the respondents above the items, on the scale of an attribute.

    Above, the scores of the respondents; below, the difficulties of each item, the hardest item on
    top, with confidence intervals: one for items of two categories, else one for each step to the
    next category. Triangles at the edge point to difficulties further out.

    Parameters
    ----------
    result : Result
        A fit with attributes; items that measure several have no difficulty and are left out.
    items : str or sequence of str, optional
        The items; default all that measure the attribute alone.
    group, class_ : label, int, optional
        Observed group and latent class, where the items differ between them.
    attribute : str, optional
        The attribute, where there are several.
    scores : Scores, optional
        Whom to draw; default the EAP scores of the fitted respondents, each observed group with a
        line of its own. Where the responses are not at hand, as after :func:`mixirt.load`, the
        estimated distributions stand for them.
    level : float or None, default 0.95
        Coverage of the intervals; None draws none.
    ax : Axes, optional
        Where to draw; default a new figure of 80 mm, as high as the items need.

    Returns
    -------
    Axes

    Raises
    ------
    SpecError
        If no item has a difficulty, the group, class or attribute has to be named, or a name is
        unknown.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import mixirt
    >>> r = mixirt.fit(mixirt.datasets.load("lsat7").frame(), "rasch")
    >>> ax = mixirt.plots.person_item_map(r)
    >>> ax.get_xlabel(), [label.get_text() for label in ax.get_yticklabels()]
    ('theta (logits)', ['item5', 'item1', 'item3', 'item2', 'item4'])
    """
    _choose.check_given(result, ax)
    if scores is not None and not isinstance(scores, Scores):
        raise SpecError(f"scores must be those of r.score(); found {type(scores).__name__}")
    of = _choose.subject(result, items, group, class_, attribute)
    along, place = of.attribute, of.place
    difficult = _difficulties(result, of, level)
    if not difficult:
        raise SpecError(
            f"none of the items measures '{along}' alone, so none has a difficulty on its scale; "
            "choose other items= or another attribute="
        )
    groups = _choose.places(result, group, class_)
    n = len(difficult)
    ax = _style.given_or_new(ax, height=_PEOPLE + _OTHERS + _ROW * max(n, 4))
    room = _PEOPLE / _ROW
    limits = _draw_people(result, ax, (along, groups, scores, group), n, room)
    limits = _draw_items(ax, difficult, limits)
    _style.name_rows(ax, np.arange(n), [d.name for d in difficult])
    ax.set(xlim=limits, ylim=(-0.8, n + room), xlabel=_choose.attribute_label(result, along))
    if ax.get_legend_handles_labels()[0]:
        _style.legend_over(ax)
    elif place.name:
        _style.title(ax, place.name)
    return ax


@dataclass(frozen=True, eq=False)
class _Difficulty:
    """Difficulties of an item `(steps,)`, with the limits of their intervals if there are any."""

    name: str
    values: Floats
    lower: Floats | None
    upper: Floats | None


def _difficulties(result: Result, of: _choose.Subject, level: float | None) -> list[_Difficulty]:
    """Items that measure the attribute alone, the easiest first."""
    design, cells = result.model.design, result.model.design.cells
    a, every = design.attributes.index(of.attribute), result._difficulties()
    chosen: list[tuple[str, NDArray[np.intp]]] = []
    for name in of.items:
        i = design.items.index(name)
        here = (cells.group == of.place.index) & (cells.item == i) & cells.is_kind("intercept")
        if design.q_matrix[i, a] and np.isfinite(every[here]).all():
            chosen.append((name, np.flatnonzero(here)))
    if not chosen:
        return []
    flat = np.concatenate([own for _, own in chosen])
    limits = _choose.band(result, lambda r: r._difficulties()[flat], level, "plain")
    ends = np.cumsum([len(own) for _, own in chosen])[:-1]
    parts = (
        [np.split(v, ends) for v in limits] if limits is not None else [[None] * len(chosen)] * 2
    )
    found = [
        _Difficulty(name, every[own], lower, upper)
        for (name, own), lower, upper in zip(chosen, *parts, strict=True)
    ]
    return sorted(found, key=lambda d: float(d.values.mean()))


def _draw_people(
    result: Result, ax: Axes, what: tuple[Any, ...], n_items: int, room: float
) -> tuple[float, float]:
    """Draw the respondents above row `n_items`, and return the values they reach from and to."""
    attribute, groups, scores, group = what
    base = n_items - 0.2
    curves, text = _people(result, attribute, groups, scores, group)
    top = max(float(heights.max()) for _, _, heights in curves)
    for k, (name, x, heights) in enumerate(curves):
        own, y = _style.colour(k), base + heights / top * (room - 1.6)
        ax.fill_between(x, base, y, color=own, **{**_style.BAND, "alpha": 0.3 / len(curves) + 0.1})
        ax.plot(
            x, y, color=own, linestyle=_style.line_style(k), **{**_style.LINE, "linewidth": 0.9}
        )
        if name:
            ax.plot([], [], color=own, linestyle=_style.line_style(k), label=_style.cut(name, 20))
    ax.axhline(base, color=_style.AXIS_GREY, linewidth=0.5)
    size = _style.small_size(ax)
    ax.annotate(text, (0, 1), xycoords="axes fraction", xytext=(2, -1), va="top",
                textcoords="offset points", fontsize=size, color=_style.AXIS_GREY)  # fmt: skip
    ends = [x[[0, -1]] for _, x, _ in curves]
    return float(min(e[0] for e in ends)), float(max(e[1] for e in ends))


def _people(
    result: Result, attribute: str, groups: list[_choose.Place], scores: Any, group: object
) -> tuple[list[tuple[str, Floats, Floats]], str]:
    """Outlines (name, x, height) of those to be drawn, and what they are."""
    design = result.model.design
    if scores is None and not result._fitted.is_here:
        return [_density(result, place, attribute) for place in groups], "estimated distribution"
    own = result.score() if scores is None else scores
    theta = own.theta[:, design.attributes.index(attribute)]
    shown = np.isfinite(theta)
    if scores is None:
        read = result._fitted.responses
        observed, weights, labels = read.every_group(), read.every_weight(), design.groups
        if group is not None:
            shown &= observed == design.groups.index(group)
    else:
        observed, weights, labels = np.zeros(len(theta), np.int32), np.ones(len(theta)), ("",)
    edges = np.linspace(theta[shown].min() - 1e-9, theta[shown].max() + 1e-9, _N_BINS + 1)
    curves = []
    for g in np.unique(observed[shown]):
        mine = shown & (observed == g)
        heights = np.histogram(theta[mine], edges, weights=weights[mine])[0]
        heights = heights / heights.sum()
        x = np.repeat(edges, 2)
        curves.append((str(labels[g]), x, np.concatenate([[0], np.repeat(heights, 2), [0]])))
    if len(curves) == 1:
        curves = [("", *curves[0][1:])]
    return curves, f"{own.method.upper()} scores of {int(shown.sum())}"


def _density(result: Result, place: _choose.Place, attribute: str) -> tuple[str, Floats, Floats]:
    at = _choose.points_along(result, attribute, [place], None)
    mean = float(result.mean(**place.where)[at.position])
    variance = float(result.covariance(**place.where)[at.position, at.position])
    normal = NormalDist(mean, variance**0.5)
    return place.name, at.theta, np.array([normal.pdf(t) for t in at.theta])


def _draw_items(
    ax: Axes, difficult: list[_Difficulty], limits: tuple[float, float]
) -> tuple[float, float]:
    """Draw the difficulties of items in rows, and return the limits of the axis."""
    every = np.concatenate([d.values for d in difficult])
    middle, reach = sum(limits) / 2, _FARTHEST / 3.5 * (limits[1] - limits[0]) / 2
    inside = every[np.abs(every - middle) <= reach]
    low, high = min([limits[0], *inside]), max([limits[1], *inside])
    margin = 0.06 * (high - low)
    low, high = low - margin, high + margin
    for row, own in enumerate(difficult):
        shown = (own.values > low) & (own.values < high)
        if own.lower is not None and own.upper is not None:
            ends = np.clip([own.lower[shown], own.upper[shown]], low, high)
            ax.hlines([row] * int(shown.sum()), *ends, color="#9aa7b0", linewidth=1.0, zorder=1)
        for step in np.flatnonzero(shown).tolist():
            ax.plot(own.values[step], row, **_dot(step, len(own.values)))
        for side, edge, out in (("<", low, own.values <= low), (">", high, own.values >= high)):
            if out.any():
                inside = edge + (0.02 if side == "<" else -0.02) * (high - low)
                ax.plot(inside, row, side, color="black", markersize=3.5)
    ax.hlines(np.arange(len(difficult)), low, high, color="#eeeeee", linewidth=0.5, zorder=0)
    n_steps = max(len(own.values) for own in difficult)
    for step in range(n_steps if n_steps > 1 else 0):
        ax.plot([], [], **_dot(step, n_steps), linestyle="none", label=f"step {step + 1}")
    return low, high


def _dot(step: int, n_steps: int) -> dict[str, Any]:
    """Return the looks of a difficulty: black where an item has one, else by its step."""
    if n_steps == 1:
        return {"marker": "o", "color": "black", "markersize": 3}
    size = 3.5
    return {"marker": _style.marker(step), "color": _style.colour(step), "markersize": size}
