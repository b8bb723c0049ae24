"""Distributions of an attribute in observed groups and latent classes."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from mixirt._words import quoted
from mixirt.errors import SpecError
from mixirt.plots import _choose, _labels, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mixirt.result import Result

__all__ = ["group_distributions"]


def group_distributions(
    result: Result,
    attribute: str | None = None,
    *,
    group: object = None,
    class_: int | None = None,
    theta: Any = None,
    ax: Axes | None = None,
) -> Any:
    """Draw the estimated distributions of attributes: a normal density for each group and class.

    The density of a class is weighted with its proportion, so that the areas of the classes of a
    group sum to one.

    Parameters
    ----------
    result : Result
        A fit with attributes.
    attribute : str, optional
        One attribute; default a panel for each.
    group, class_ : label, int, optional
        One observed group or latent class; default all.
    theta : array-like, shape (n,), optional
        Values of the attribute; default 3.5 standard deviations to both sides of all means.
    ax : Axes, optional
        Where to draw one attribute; default a new figure of 80 mm.

    Returns
    -------
    Axes, or ndarray of Axes, shape (attributes,)
        An array where there are several attributes and none is named.

    Raises
    ------
    SpecError
        If the model has no attributes, a name is unknown, or several attributes are to be drawn on
        one `ax`.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import mixirt
    >>> timss = mixirt.datasets.load("timss_aus_twn")
    >>> r = mixirt.fit(timss.responses, "gpcm", groups=timss.groups, invariance="scalar")
    >>> ax = mixirt.plots.group_distributions(r)
    >>> ax.get_xlabel(), [text.get_text() for text in ax.texts]
    ('theta (SD of 158)', ['158', '36'])
    """
    _choose.check_given(result, ax)
    _choose.need_attributes(result)
    found = _choose.with_attribute(result, _choose.places(result, group, class_), attribute)
    there = {name for place in found for name in _choose.attributes_at(result, place)}
    names = [name for name in result.model.design.attributes if name in there]
    if attribute is not None or not names:
        names = [_choose.attribute_of(result, attribute, found[0], [])]
    if len(names) > 1 and ax is not None:
        raise SpecError(f"one ax holds one attribute; say which (attribute=): {quoted(names)}")
    columns = 1 if len(names) == 1 else 2
    axes = [ax] if ax is not None else _style.new_axes(len(names), columns=columns)
    for name, one in zip(names, axes, strict=True):
        here = [p for p in found if name in _choose.attributes_at(result, p)]
        _draw(result, name, here, theta, one)
    return axes[0] if len(names) == 1 else axes


def _draw(result: Result, attribute: str, found: list[_choose.Place], theta: Any, ax: Axes) -> None:
    design = result.model.design
    at = _choose.points_along(result, attribute, found, theta)
    densities = []
    for k, place in enumerate(found):
        j = _choose.attributes_at(result, place).index(attribute)
        mean = result.mean(**place.where)[j]
        normal = NormalDist(mean, float(np.sqrt(result.covariance(**place.where)[j, j])))
        share = 1.0
        if design.n_classes > 1:
            observed = design.observed_of(place.index)
            share = float(result.proportions[observed, design.class_of(place.index)])
        density = np.array([share * normal.pdf(t) for t in at.theta])
        densities.append(density)
        shade = {**_style.BAND, "alpha": 0.12}
        ax.fill_between(at.theta, 0, density, color=_style.colour(k), **shade)
        _style.draw_line(ax, at.theta, density, k)
    curves = np.stack(densities)
    ax.set(xlim=(at.theta[0], at.theta[-1]), ylim=(0, 1.15 * float(curves.max())))
    ax.set(xlabel=_choose.attribute_label(result, attribute), ylabel="density")
    if len(found) > 1:
        _labels.name_lines(ax, at.theta, curves, _labels.short(found))
    elif found[0].name:
        _style.title(ax, found[0].name)
