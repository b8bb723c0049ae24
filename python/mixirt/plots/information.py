"""Fisher information of the test, and the standard error that it stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt.plots import _choose, _labels, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mixirt.result import Result

__all__ = ["test_information"]

Floats = NDArray[np.float64]
#: The axis of standard errors ends at this many times the smallest.
_LARGEST_ERROR = 4.0


def test_information(
    result: Result,
    *,
    group: object = None,
    class_: int | None = None,
    attribute: str | None = None,
    theta: Any = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the information of the test along an attribute, and the standard error.

    Information is on the left axis (solid), the standard error of a maximum likelihood score on the
    right one (dashed). With several attributes it is that of the attribute on the axis when all are
    estimated. Groups or classes whose items differ have lines of their own.

    Parameters
    ----------
    result : Result
        A fit with attributes.
    group, class_ : label, int, optional
        One observed group or latent class; default all.
    attribute : str, optional
        The attribute on the axis, where there are several; the others are at their mean.
    theta : array-like, shape (n,), optional
        Its values; default 3.5 standard deviations to both sides of the means.
    ax : Axes, optional
        Where to draw; default a new figure of 80 mm.

    Returns
    -------
    Axes
        That of the information; the other shares its horizontal axis.

    Raises
    ------
    SpecError
        If the attribute has to be named, or a name is unknown.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import mixirt
    >>> r = mixirt.fit(mixirt.datasets.load("sat12").frame(), "2pl")
    >>> ax = mixirt.plots.test_information(r)
    >>> ax.get_ylabel()
    'information (1/SD²)'
    """
    _choose.check_given(result, ax)
    found = _choose.distinct_places(result, result.model.design.items, group, class_)
    found = _choose.with_attribute(result, found, attribute)
    along = _choose.attribute_of(result, attribute, found[0], _all_items(result))
    span = _choose.places(result, group, class_)
    at = [_choose.points_along(result, along, [p, *span], theta) for p in found]
    curves = [_information(result, place, a) for place, a in zip(found, at, strict=True)]
    ax = _style.given_or_new(ax)
    information, errors = (np.stack(part) for part in zip(*curves, strict=True))
    x, is_one = at[0].theta, len(found) == 1
    right = _right_axis(ax)
    colours = [_style.colour(k) for k in range(len(found))]
    dashed = [_style.COLOURS[1]] if is_one else colours
    for k in range(len(found)):
        ax.plot(x, information[k], color=colours[k], **_style.LINE)
        right.plot(x, errors[k], color=dashed[k], linestyle=_style.LINE_STYLES[1], **_style.LINE)
    measure = _choose.unit(result, along)
    ax.set(xlim=(x[0], x[-1]), ylim=(0, _top(information)))
    smallest = float(np.nanmin(errors, initial=np.inf))
    largest = min(float(np.nanmax(errors, initial=0.0)) * 1.05, _LARGEST_ERROR * smallest)
    right.set_ylim(0, largest if np.isfinite(largest) and largest > 0 else 1.0)
    ax.set(
        xlabel=_choose.attribute_label(result, along),
        ylabel=f"information{_style.per_squared(measure)}",
    )
    right.set_ylabel(_style.plain(f"standard error ({measure})" if measure else "standard error"))
    if is_one and found[0].name:
        _style.title(ax, found[0].name)
    texts = ["information", "standard error"] if is_one else _labels.short(found)
    _label(ax, right, x, (information, errors), texts, [*colours, *dashed])
    return ax


test_information.__test__ = False  # type: ignore[attr-defined]  # no test, whatever pytest thinks


def _all_items(result: Result) -> list[str]:
    return list(result.model.design.items)


def _information(result: Result, place: _choose.Place, at: _choose.Points) -> tuple[Floats, Floats]:
    """Information about the attribute, and the standard error with all attributes unknown."""
    matrices, j = result.test_information(at.full, **place.where), at.position
    errors = np.full(len(matrices), np.nan)
    for n, matrix in enumerate(matrices):
        # Singular where no item says anything about some attribute.
        if np.linalg.cond(matrix) < 1 / np.finfo(float).eps:
            errors[n] = np.sqrt(np.linalg.inv(matrix)[j, j])
    return matrices[:, j, j], errors


def _top(information: Floats) -> float:
    return 1.12 * float(information.max(initial=0.0)) or 1.0


def _right_axis(ax: Axes) -> Axes:
    """Make a second vertical axis that looks like the first."""
    right = ax.twinx()
    for side in ("top", "left", "bottom"):
        right.spines[side].set_visible(False)
    left = ax.spines["left"]
    right.spines["right"].set(visible=True, color=left.get_edgecolor(), lw=left.get_linewidth())
    tick = ax.yaxis.get_major_ticks()[0]
    line = tick.tick1line
    right.tick_params(
        labelsize=tick.label1.get_fontsize(), color=line.get_color(),
        width=line.get_markeredgewidth(), length=line.get_markersize(), pad=2,
    )  # fmt: skip
    right.yaxis.label.set_fontsize(ax.yaxis.label.get_fontsize())
    right.yaxis.labelpad = 3
    return right


def _label(
    ax: Axes, right: Axes, x: Floats, curves: tuple[Floats, Floats], texts: list[str], colours: Any
) -> None:
    """Name the lines of both axes; where there are groups, the solid lines alone."""
    _labels.settle(ax)
    information, errors = curves
    # Both in units of the left axis, so that names keep clear of all lines; they are written on
    # the right one, which lies on top.
    scaled = errors * ax.get_ylim()[1] / right.get_ylim()[1]
    lines = np.vstack([information, np.nan_to_num(scaled, nan=-1.0)])
    keep = lines * right.get_ylim()[1] / ax.get_ylim()[1]
    _labels.label_lines(right, x, keep, texts, colours, _style.small_size(ax))
