"""Fisher information of items along an attribute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt.plots import _choose, _labels, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mixirt.result import Result

__all__ = ["item_information"]

Floats = NDArray[np.float64]
#: More items than this are rows of a map; lines would cover each other.
_MOST_LINES = 7


def item_information(
    result: Result,
    items: str | Sequence[str] | None = None,
    *,
    group: object = None,
    class_: int | None = None,
    attribute: str | None = None,
    theta: Any = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the Fisher information of items along an attribute.

    Up to seven items are lines. More are the rows of a map, from the items that inform about low
    values to those that inform about high ones; the darker, the more information.

    Parameters
    ----------
    result : Result
        A fit with attributes.
    items : str or sequence of str, optional
        The items; default all.
    group, class_ : label, int, optional
        Observed group and latent class, where the items differ between them.
    attribute : str, optional
        The attribute on the axis, where the items measure several; the others are at their mean.
    theta : array-like, shape (n,), optional
        Its values; default 3.5 standard deviations to both sides of the mean.
    ax : Axes, optional
        Where to draw; default a new figure of 80 mm.

    Returns
    -------
    Axes

    Raises
    ------
    SpecError
        If the group, class or attribute has to be named, or a name is unknown.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import mixirt
    >>> r = mixirt.fit(mixirt.datasets.load("lsat7").frame(), "2pl")
    >>> ax = mixirt.plots.item_information(r)
    >>> [text.get_text() for text in ax.texts]
    ['item1', 'item2', 'item3', 'item4', 'item5']
    """
    _choose.check_given(result, ax)
    of = _choose.subject(result, items, group, class_, attribute)
    at = _choose.points_along(result, of.attribute, [of.place], theta)
    rows, j = _choose.positions(result, of.items, of.place), at.position
    information = result.information(at.full, **of.place.where)[:, rows, j, j].T
    draw = _lines if len(of.items) <= _MOST_LINES else _map
    measure = _style.per_squared(_choose.unit(result, of.attribute))
    ax = draw(at.theta, information, of.items, ax, measure)
    ax.set(xlabel=_choose.attribute_label(result, of.attribute))
    if of.place.name:
        _style.title(ax, of.place.name)
    return ax


def _lines(
    theta: Floats, information: Floats, names: list[str], ax: Axes | None, measure: str
) -> Axes:
    ax = _style.given_or_new(ax)
    for k, own in enumerate(information):
        _style.draw_line(ax, theta, own, k)
    top = 1.15 * float(information.max(initial=0.0))
    ax.set(xlim=(theta[0], theta[-1]), ylim=(0, top or 1.0), ylabel=f"information{measure}")
    _labels.name_lines(ax, theta, information, [_style.cut(name, 18) for name in names])
    return ax


def _map(
    theta: Floats, information: Floats, names: list[str], ax: Axes | None, measure: str
) -> Axes:
    total = np.maximum(information.sum(axis=1), np.finfo(float).tiny)
    order = np.argsort(information @ theta / total)
    ax = _style.given_or_new(ax, height=_style.rows_height(len(names)))
    y = np.arange(len(names))
    shown = ax.pcolormesh(
        theta, y, information[order], cmap=_style.shades(), vmin=0, shading="nearest",
        rasterized=True,
    )  # fmt: skip
    _style.name_rows(ax, y, [names[i] for i in order])
    bar = _style.figure_of(ax).colorbar(shown, ax=ax, location="top", aspect=40, pad=0.01)
    small = _style.small_size(ax)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=small, length=2, width=0.6, pad=1)
    bar.set_label(f"information{measure}", size=ax.xaxis.label.get_fontsize())
    return ax
