"""What two attributes together make of an item or a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt._checks import chosen, several
from mixirt._words import quoted
from mixirt.errors import SpecError
from mixirt.plots import _choose, _labels, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mixirt.result import Result

__all__ = ["surface"]

Floats = NDArray[np.float64]
#: Points along each axis: enough for lines without corners.
_N_POINTS = 81
#: Sizes of the font that the middle of a number keeps from the frame, and from other lines; more is
#: no better.
_MARGIN, _CLEAR = 1.6, 2.5
_NONE = np.empty((0, 2))


def surface(
    result: Result,
    item: str | None = None,
    *,
    category: object = None,
    attributes: tuple[str, str] | None = None,
    group: object = None,
    class_: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the expected score, or the probability of a category, over two attributes.

    Parameters
    ----------
    result : Result
        A fit with at least two attributes.
    item : str, optional
        One item; default the whole test.
    category : value, optional
        A category of the item, as in the responses: its probability is drawn, not the score.
    attributes : (str, str), optional
        The attributes on the horizontal and the vertical axis; needed where there are more than
        two. The others are at their mean.
    group, class_ : label, int, optional
        Observed group and latent class, where the items differ between them.
    ax : Axes, optional
        Where to draw; default a new figure of 80 mm.

    Returns
    -------
    Axes

    Raises
    ------
    SpecError
        If there are not two attributes, they or the group have to be named, or a name is unknown.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import mixirt
    >>> mobility = mixirt.datasets.load("mobility").frame()
    >>> q = [[1, 0]] * 4 + [[0, 1]] * 4
    >>> r = mixirt.fit(mobility, "2pl", q_matrix=q, attributes=["home", "public"])
    >>> ax = mixirt.plots.surface(r)
    >>> ax.get_xlabel(), ax.get_title(loc="left")
    ('home (SD)', 'expected score, all 8 items')
    """
    _choose.check_given(result, ax)
    _choose.need_attributes(result)
    place = _choose.one_place(result, _choose.as_list(item), group, class_)
    names = _choose.choose_items(result, item, place)
    if category is not None and item is None:
        raise SpecError("a category belongs to an item; name it with item=")
    two = _two(result, place, attributes)
    x, y = (_choose.points_along(result, a, [place], None) for a in two)
    grid = [np.linspace(p.theta[0], p.theta[-1], _N_POINTS) for p in (x, y)]
    points = np.tile(x.full[0], (_N_POINTS**2, 1))
    points[:, x.position], points[:, y.position] = (m.ravel() for m in np.meshgrid(*grid))
    values, heading, limits = _values(result, names, category, place, points)
    ax = _style.given_or_new(ax, height=0.9 * _style.WIDTH)
    _draw(ax, grid, values.reshape(_N_POINTS, _N_POINTS), limits)
    ax.set_xlabel(_choose.attribute_label(result, two[0]))
    ax.set_ylabel(_choose.attribute_label(result, two[1]))
    _style.title(ax, f"{heading}, {place.name}" if place.name else heading)
    return ax


def _two(
    result: Result, place: _choose.Place, attributes: tuple[str, str] | None
) -> tuple[str, str]:
    names = _choose.attributes_at(result, place)
    if len(names) < 2:
        has = "has one attribute" if names else "has no attributes"
        raise SpecError(
            f"a surface needs two attributes, but the model {has}; draw category_curves, "
            "test_characteristic or class_profiles"
        )
    if attributes is None:
        if len(names) > 2:
            raise SpecError(f"say which two attributes (attributes=): {quoted(names)}")
        return names[0], names[1]
    wanted = [names[chosen("attribute", a, names)] for a in several("attributes", attributes)]
    if len(wanted) != 2 or wanted[0] == wanted[1]:
        raise SpecError(f"attributes must be two different ones; found {quoted(wanted)}")
    return wanted[0], wanted[1]


def _values(
    result: Result, names: list[str], category: object, place: _choose.Place, points: Floats
) -> tuple[Floats, str, tuple[float, float]]:
    """Heights (n,), what they are, and their limits."""
    design = result.model.design
    if category is not None:
        item = design.items.index(names[0])
        labels = design.category_labels[item]
        row = chosen("category", category, labels)
        table = result._curve(item, points, **place.where)[0]
        return table[row], f"probability of {category}, {names[0]}", (0.0, 1.0)
    of = names[0] if len(names) == 1 else f"all {len(names)} items"
    heights = _choose.expected_score(result, names, place, points)
    return heights, f"expected score, {of}", _choose.score_limits(result, names)


def _draw(ax: Axes, grid: list[Floats], values: Floats, limits: tuple[float, float]) -> None:
    # The light end of the scale: the numbers stay legible on every shade.
    shades = _style.shades(0.5)
    levels = np.linspace(*limits, 11)
    ax.contourf(*grid, values, levels=levels, cmap=shades, vmin=limits[0], vmax=limits[1])
    lines = ax.contour(*grid, values, levels=levels, colors=_style.AXIS_GREY, linewidths=0.6)
    _labels.settle(ax)
    size = _style.small_size(ax) - 0.5
    at = _clear_points(lines, size)
    ax.clabel(lines, fontsize=size, fmt=lambda v: f"{v:g}", inline_spacing=3, manual=at)


def _clear_points(lines: Any, size: float) -> list[Floats]:
    """Find where the number of each line stands: clear of the frame, other lines and numbers."""
    ax = lines.axes
    pixels = size * _style.figure_of(ax).dpi / 72
    low, high = ax.bbox.min + _MARGIN * pixels, ax.bbox.max - _MARGIN * pixels
    drawn = [line for path in lines.get_paths() for line in path.to_polygons(closed_only=False)]
    at = [_labels.dense(ax.transData.transform(line), 0.5 * pixels) for line in drawn]
    taken: list[Floats] = []
    for k, mine in enumerate(at):
        inside = np.flatnonzero(((mine >= low) & (mine <= high)).all(axis=1))
        if not inside.size:
            continue
        from_lines = _apart(mine[inside], np.concatenate([*at[:k], *at[k + 1 :], _NONE]))
        from_numbers = _apart(mine[inside], np.array(taken).reshape(-1, 2))
        clear = np.minimum(from_lines, _CLEAR * pixels)
        clear += np.minimum(from_numbers, 2 * _CLEAR * pixels)
        # Between equals, near the middle of the line.
        clear -= 0.5 * pixels * np.abs(np.linspace(-1, 1, len(mine)))[inside]
        taken.append(mine[inside[int(np.argmax(clear))]])
    return [np.asarray(ax.transData.inverted().transform(point)) for point in taken]


def _apart(points: Floats, others: Floats) -> Floats:
    """Distance of each point to the nearest of the others, shape (n,)."""
    if not len(others):
        return np.full(len(points), np.inf)
    return np.asarray(np.hypot(*(points[:, None] - others[None]).transpose(2, 0, 1)).min(axis=1))
