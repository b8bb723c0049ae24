"""Category probabilities of items along an attribute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt.errors import SpecError
from mixirt.plots import _choose, _labels, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mixirt.result import Result

__all__ = ["category_curves"]

Floats = NDArray[np.float64]
#: Names of categories longer than this stand above panels, not beside the lines.
_LONGEST = 4
_PANEL_WIDTH, _PANEL_HEIGHT = 40.0, 34.0


def category_curves(  # noqa: PLR0913 -- keywords
    result: Result,
    items: str | Sequence[str] | None = None,
    *,
    group: object = None,
    class_: int | None = None,
    attribute: str | None = None,
    theta: Any = None,
    level: float | None = 0.95,
    ax: Axes | None = None,
) -> Any:
    """Draw the probability of each category of items along an attribute.

    Of an item with two categories the upper one is drawn; the other is its mirror image. Bands are
    pointwise confidence intervals, symmetric on the logit.

    Parameters
    ----------
    result : Result
        A fit with attributes.
    items : str or sequence of str, optional
        One item, or several in a panel each; default all.
    group, class_ : label, int, optional
        Observed group and latent class, where the items differ between them.
    attribute : str, optional
        The attribute on the axis, where the items measure several; the others are at their mean.
    theta : array-like, shape (n,), optional
        Its values; default 3.5 standard deviations to both sides of the mean.
    level : float or None, default 0.95
        Coverage of the bands; None draws none. There are none either where the fit has no standard
        errors (see :meth:`mixirt.Result.parameters`).
    ax : Axes, optional
        Where to draw one item; default a new figure of 80 mm.

    Returns
    -------
    Axes, or ndarray of Axes, shape (items,)
        An array where several items were asked for, or all.

    Raises
    ------
    SpecError
        If the group, class or attribute has to be named, a name is unknown, or several items were
        asked for with one `ax`.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import mixirt
    >>> science = mixirt.datasets.load("science").frame()
    >>> r = mixirt.fit(science, "grm", categories=[1, 2, 3, 4])
    >>> ax = mixirt.plots.category_curves(r, "Work")
    >>> ax.get_xlabel(), [text.get_text() for text in ax.texts]
    ('theta (SD)', ['1', '2', '3', '4'])
    """
    _choose.check_given(result, ax)
    of = _choose.subject(result, items, group, class_, attribute)
    names, place = of.items, of.place
    at = _choose.points_along(result, of.attribute, [place], theta)
    x_label = _choose.attribute_label(result, of.attribute)
    is_one = isinstance(items, str)
    if ax is not None and not is_one:
        raise SpecError("one ax holds one item; name it with items=, or leave ax out")
    columns = 1 if is_one else min(len(names), 2 if len(names) <= 4 else 4)
    axes = np.array([ax], dtype=object)
    if ax is None:
        size = {} if is_one else {"width": _PANEL_WIDTH, "height": _PANEL_HEIGHT}
        axes = _style.new_axes(len(names), **size, columns=columns)
    drawn = [_curves(result, name, place, at, level) for name in names]
    y_label = _probability_of(drawn)
    for name, one, curves in zip(names, axes, drawn, strict=True):
        _draw(one, at.theta, curves)
        _style.title(one, f"{name}, {place.name}" if place.name else name)
        one.set(xlabel=x_label, ylabel=y_label)
    if not is_one:
        _style.share(axes, columns, x_label, y_label)
    if any(len(curves.labels) > 1 for curves in drawn):
        _write_categories(axes, at.theta, drawn)
    return axes[0] if is_one else axes


@dataclass(frozen=True, eq=False)
class _Curves:
    """The categories drawn of an item: probabilities `(k, n)` and their band, if there is one."""

    labels: list[str]
    probabilities: Floats
    band: tuple[Floats, Floats] | None


def _curves(
    result: Result, name: str, place: _choose.Place, at: _choose.Points, level: float | None
) -> _Curves:
    design = result.model.design
    item = design.items.index(name)
    labels = [str(label) for label in design.category_labels[item]]
    first = 1 if len(labels) == 2 else 0

    def probabilities(r: Result) -> Floats:
        return r._curve(item, at.full, **place.where)[0][first:]

    found = _choose.band(result, probabilities, level, "logit")
    return _Curves(labels[first:], probabilities(result), found)


def _draw(ax: Axes, theta: Floats, curves: _Curves) -> None:
    for k, probability in enumerate(curves.probabilities):
        if curves.band is not None:
            lower, upper = curves.band
            ax.fill_between(theta, lower[k], upper[k], color=_style.colour(k), **_style.BAND)
        _style.draw_line(ax, theta, probability, k)
    ax.set(xlim=(theta[0], theta[-1]), ylim=(0, 1), yticks=[0, 0.5, 1])


def _probability_of(drawn: list[_Curves]) -> str:
    """Name the axis: which category, where it is the same one everywhere."""
    labels = {tuple(curves.labels) for curves in drawn}
    only = labels.pop()
    if not labels and len(only) == 1:
        return f"probability of {_style.wrapped(only[0], 20, 1)}"
    return "probability"


def _write_categories(axes: Any, theta: Floats, drawn: list[_Curves]) -> None:
    """Name the categories beside their lines; long names, above all panels."""
    longest = max(len(label) for curves in drawn for label in curves.labels)
    alike = len({tuple(curves.labels) for curves in drawn}) == 1
    if len(axes) > 1 and alike and longest > _LONGEST:
        _style.legend_above(axes[0], [_style.wrapped(n, 24, 1) for n in drawn[0].labels])
        return
    _labels.settle(axes[0])
    for ax, curves in zip(axes, drawn, strict=True):
        texts = [_style.cut(label, 18 if len(axes) == 1 else 10) for label in curves.labels]
        _labels.label_lines(ax, theta, curves.probabilities, texts)
