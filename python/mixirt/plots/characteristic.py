"""The expected score of the test, or of some of its items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt.plots import _choose, _labels, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mixirt.result import Result

__all__ = ["test_characteristic"]

Floats = NDArray[np.float64]


def test_characteristic(  # noqa: PLR0913 -- keywords
    result: Result,
    items: str | Sequence[str] | None = None,
    *,
    group: object = None,
    class_: int | None = None,
    attribute: str | None = None,
    theta: Any = None,
    level: float | None = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw the expected score along an attribute: the test characteristic curve.

    Groups or classes whose items differ have lines of their own, so that one item with
    ``items="..."`` shows how differently it works in them.

    Parameters
    ----------
    result : Result
        A fit with attributes.
    items : str or sequence of str, optional
        The items whose scores are summed; default all of each group.
    group, class_ : label, int, optional
        One observed group or latent class; default all.
    attribute : str, optional
        The attribute on the axis, where the items measure several; the others are at their mean.
    theta : array-like, shape (n,), optional
        Its values; default 3.5 standard deviations to both sides of the means.
    level : float or None, default 0.95
        Coverage of the bands, symmetric on the logit of the score; None draws none.
    ax : Axes, optional
        Where to draw; default a new figure of 80 mm.

    Returns
    -------
    Axes

    Raises
    ------
    SpecError
        If the attribute has to be named, or a name is unknown.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import mixirt
    >>> r = mixirt.fit(mixirt.datasets.load("lsat7").frame(), "2pl")
    >>> ax = mixirt.plots.test_characteristic(r)
    >>> ax.get_ylabel(), [round(float(y)) for y in ax.get_ylim()]
    ('expected score', [0, 5])
    """
    _choose.check_given(result, ax)
    wanted = _choose.as_list(items) or list(result.model.design.items)
    found = _choose.distinct_places(result, wanted, group, class_)
    found = _choose.with_attribute(result, found, attribute)
    names = [_choose.choose_items(result, items, place) for place in found]
    along = _choose.attribute_of(result, attribute, found[0], names[0])
    span = _choose.places(result, group, class_)
    ax = _style.given_or_new(ax)
    curves, limits = [], []
    for k, (place, own) in enumerate(zip(found, names, strict=True)):
        at = _choose.points_along(result, along, [place, *span], theta)
        limits.append(_choose.score_limits(result, own))
        curves.append(_draw(ax, (result, own, place, at), limits[-1], level, k))
    low, high = min(v[0] for v in limits), max(v[1] for v in limits)
    heading = own[0] if len(own) == 1 else ""
    ax.set(xlim=(at.theta[0], at.theta[-1]), ylim=(low, high))
    ax.set(xlabel=_choose.attribute_label(result, along), ylabel="expected score")
    ax.yaxis.get_major_locator().set_params(integer=high - low >= 2)  # type: ignore[call-arg]
    parts = [part for part in (heading, found[0].name if len(found) == 1 else "") if part]
    if parts:
        _style.title(ax, ", ".join(parts))
    if len(found) > 1:
        _labels.name_lines(ax, at.theta, np.stack(curves), _labels.short(found))
    return ax


test_characteristic.__test__ = False  # type: ignore[attr-defined]  # no test, whatever pytest thinks


def _draw(
    ax: Axes, what: tuple[Any, ...], limits: tuple[float, float], level: float | None, k: int
) -> Floats:
    """Draw one line and its band, and return it; shape (n,)."""
    result, names, place, at = what
    low, high = limits

    def share(r: Result) -> Floats:
        return (_choose.expected_score(r, names, place, at.full) - low) / (high - low)

    found = _choose.band(result, share, level, "logit")
    if found is not None:
        lower, upper = (low + (high - low) * v for v in found)
        ax.fill_between(at.theta, lower, upper, color=_style.colour(k), **_style.BAND)
    score = _choose.expected_score(result, names, place, at.full)
    _style.draw_line(ax, at.theta, score, k)
    return score
