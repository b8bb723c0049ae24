"""What the members of latent classes answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mixirt.errors import SpecError
from mixirt.plots import _choose, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mixirt.result import Result

__all__ = ["class_profiles"]

Floats = NDArray[np.float64]
#: Millimetres of a row, and of what is not rows.
_ROW, _OTHERS = 4.4, 22.0


def class_profiles(
    result: Result,
    items: str | Sequence[str] | None = None,
    *,
    group: object = None,
    level: float | None = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw what the members of each latent class answer.

    If all items have two categories, a row per item holds the probability of the upper one in each
    class, with confidence intervals that are symmetric on the logit. Otherwise each item has a bar
    per class, divided into the probabilities of its categories, the highest the darkest.

    Parameters
    ----------
    result : LatentClassResult
        A latent class analysis.
    items : str or sequence of str, optional
        The items; default all.
    group : label, optional
        The observed group, where the classes differ between them.
    level : float or None, default 0.95
        Coverage of the intervals; None draws none.
    ax : Axes, optional
        Where to draw; default a new figure of 80 mm.

    Returns
    -------
    Axes

    Raises
    ------
    SpecError
        If the model has attributes, the group has to be named, or a name is unknown.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import mixirt
    >>> r = mixirt.fit_latent_class(mixirt.datasets.load("gss87_antirel").frame(), 2, seed=1)
    >>> ax = mixirt.plots.class_profiles(r)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['class 1 (62 %)', 'class 2 (38 %)']
    """
    _choose.check_given(result, ax)
    design = result.model.design
    if design.attributes:
        raise SpecError(
            "class profiles belong to models without attributes, as mixirt.fit_latent_class makes "
            "them; draw test_characteristic or group_distributions"
        )
    # The same class must mean the same in all groups, or one group is to be named.
    same = [_choose.one_place(result, None, group, c + 1) for c in range(design.n_classes)]
    names = _choose.choose_items(result, items, same[0])
    is_binary = all(design.n_categories[design.items.index(name)] == 2 for name in names)
    sizes = result.class_sizes
    if group is not None or len(design.groups) == 1:
        sizes = result.proportions[design.observed_of(same[0].index)]
    classes = [f"class {c + 1} ({100 * p:.0f} %)" for c, p in enumerate(sizes)]
    if is_binary:
        return _points(result, names, same, classes, level, ax)
    return _bars(result, names, same, classes, ax)


def _probabilities(result: Result, name: str, place: _choose.Place) -> Floats:
    item = result.model.design.items.index(name)
    return result._class_table(item, **place.where)


def _points(
    result: Result,
    names: list[str],
    found: list[_choose.Place],
    classes: list[str],
    level: float | None,
    ax: Axes | None,
) -> Axes:
    """Draw a point per item and class, those of a class joined into its profile."""
    ax = _style.given_or_new(ax, height=max(45.0, _OTHERS + _ROW * len(names)))
    y = np.arange(len(names))[::-1]
    spread = np.linspace(0.14, -0.14, len(found)) if len(found) > 1 else [0.0]
    for k, place in enumerate(found):

        def upper(r: Result, place: _choose.Place = place) -> Floats:
            return np.array([_probabilities(r, name, place)[1] for name in names])

        own, at = _style.colour(k), y + spread[k]
        limits = _choose.band(result, upper, level, "logit")
        if limits is not None:
            ax.hlines(at, *limits, color=own, linewidth=0.8, alpha=0.7)
        style = {"marker": _style.marker(k), "markersize": 3.5, "linestyle": _style.line_style(k)}
        ax.plot(upper(result), at, color=own, linewidth=0.6, label=classes[k], **style)
    _style.name_rows(ax, y, names)
    ax.grid(axis="y", color="#dddddd", linewidth=0.5)
    ax.set_axisbelow(True)
    labels = {str(result.model.design.category_labels[_index(result, n)][1]) for n in names}
    of = _style.wrapped(labels.pop(), 24, 1) if len(labels) == 1 else "the upper category"
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.6, len(names) - 0.4), xlabel=f"probability of {of}")
    _style.legend_over(ax)
    return ax


def _bars(
    result: Result,
    names: list[str],
    found: list[_choose.Place],
    classes: list[str],
    ax: Axes | None,
) -> Axes:
    """Draw a bar per item and class, divided into the categories."""
    design, n_classes = result.model.design, len(found)
    rows = len(names) * (n_classes + 0.6)
    ax = _style.given_or_new(ax, height=max(45.0, _OTHERS + 2.9 * rows))
    most = max(design.n_categories[_index(result, name)] for name in names)
    shades = _style.blends(most)
    positions, labels, middle = [], [], []
    for i, name in enumerate(names):
        tables = [_probabilities(result, name, place) for place in found]
        top = (len(names) - i) * (n_classes + 0.6)
        middle.append(top - (n_classes - 1) / 2)
        for k, table in enumerate(tables):
            start = np.concatenate([[0.0], np.cumsum(table)[:-1]])
            ax.barh(top - k, table, left=start, height=0.86, color=shades[-len(table) :])
            positions.append(top - k)
            labels.append(str(k + 1))
    size = _style.small_size(ax)
    _style.name_rows(ax, middle, names)
    for at, label in zip(positions, labels, strict=True):
        ax.text(1.015, at, label, fontsize=size - 1, va="center", color=_style.AXIS_GREY)
    ax.set(xlim=(0, 1), ylim=(min(positions) - 0.7, max(positions) + 0.7))
    shares = ", ".join(label.replace("class ", "") for label in classes)
    ax.set_xlabel(f"probability in class {shares}")
    _name_shades(result, names, ax, shades)
    return ax


def _name_shades(result: Result, names: list[str], ax: Axes, shades: list[str]) -> None:
    """Name the categories: by their labels where items share them, else lowest and highest."""
    from matplotlib.patches import Patch

    label_sets = {result.model.design.category_labels[_index(result, n)] for n in names}
    if len(label_sets) == 1:
        texts = [_style.wrapped(label, 18, 1) for label in label_sets.pop()]
        patches = [Patch(color=s, label=t) for s, t in zip(shades, texts, strict=True)]
    else:
        patches = [Patch(color=shades[0], label="lowest"), Patch(color=shades[-1], label="highest")]
    _style.legend_over(ax, handles=patches)


def _index(result: Result, name: str) -> int:
    return result.model.design.items.index(name)
