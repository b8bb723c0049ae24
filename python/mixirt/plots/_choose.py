"""What a picture is of: items, groups and classes, an attribute and points on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt import _tables
from mixirt._checks import chosen, numbers, word
from mixirt._words import quoted
from mixirt.errors import SpecError
from mixirt.intervals import intervals, quantile
from mixirt.plots._style import matplotlib, plain

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = [
    "Place",
    "Points",
    "Subject",
    "as_list",
    "attribute_label",
    "attribute_of",
    "attributes_at",
    "band",
    "check_given",
    "choose_items",
    "distinct_places",
    "expected_score",
    "need_attributes",
    "one_place",
    "places",
    "points_along",
    "positions",
    "score_limits",
    "subject",
    "unit",
    "with_attribute",
]

Floats = NDArray[np.float64]
#: Curves are drawn this many standard deviations to both sides of each mean, through this many
#: points.
_REACH, _N_POINTS = 3.5, 121


@dataclass(frozen=True)
class Place:
    """A latent group: a class within an observed group; `name` is empty where it is the only one.

    Attributes
    ----------
    index : int
        Its position among the latent groups.
    name : str
        For instance ``"class 2"``, ``"Japan"`` or ``"Japan, class 2"``.
    where : dict
        ``group`` and ``class_``, as the methods of a result take them.
    """

    index: int
    name: str
    where: dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """What a picture of one latent group shows.

    Attributes
    ----------
    place : Place
        The latent group.
    items : list of str
        Names of the items.
    attribute : str
        Name of the attribute on the axis.
    """

    place: Place
    items: list[str]
    attribute: str


@dataclass(frozen=True)
class Points:
    """Points along one attribute.

    Attributes
    ----------
    theta : ndarray, shape (n,)
        Values of the attribute.
    full : ndarray, shape (n, J_g)
        Values of all attributes of the group: the others at their mean.
    position : int
        The attribute's position among those of the group.
    """

    theta: Floats
    full: Floats
    position: int


def check_given(result: Any, ax: Any) -> None:
    """Refuse to draw what is no fit, or on what are no axes."""
    from mixirt.result import Result

    if not isinstance(result, Result):
        raise SpecError(
            f"pictures are of a fit, as mixirt.fit returns it; found {type(result).__name__}"
        )
    if ax is not None and not isinstance(ax, matplotlib().axes.Axes):
        raise SpecError(
            "ax must be axes of matplotlib, as plt.subplots() returns them; found "
            f"{type(ax).__name__}"
        )


def places(result: Result, group: object = None, class_: int | None = None) -> list[Place]:
    """Latent groups of a model: those of a group, of a class, or all."""
    design = result.model.design
    groups = design.groups if group is None else (group,)
    classes = range(1, design.n_classes + 1) if class_ is None else (class_,)
    found = []
    for label in groups:
        for c in classes:
            index = result._latent_group(label, c)
            names = [str(label)] * design.has_groups + [f"class {c}"] * (design.n_classes > 1)
            found.append(Place(index, ", ".join(names), {"group": label, "class_": c}))
    return found


def distinct_places(
    result: Result, items: Sequence[str], group: object = None, class_: int | None = None
) -> list[Place]:
    """As `places`, but where items have the same parameters in several they are one place.

    Places that have none of the items are left out, unless that is true of all.
    """
    found: dict[Any, list[Place]] = {}
    for place in places(result, group, class_):
        found.setdefault(_parameters(result, place, items), []).append(place)
    if len(found) > 1:
        found.pop((), None)
    if len(found) == 1:
        return [Place(p[0].index, p[0].name if len(p) == 1 else "", p[0].where)
                for p in found.values()]  # fmt: skip
    return [Place(p[0].index, "; ".join(q.name for q in p), p[0].where) for p in found.values()]


def one_place(
    result: Result, items: Sequence[str] | None, group: object, class_: int | None
) -> Place:
    """Return the latent group of a picture of one; it has to be named where they differ."""
    wanted = list(result.model.design.items) if items is None else list(items)
    found = distinct_places(result, wanted, group, class_)
    if len(found) > 1:
        design = result.model.design
        missing = []
        if group is None and len(design.groups) > 1:
            missing.append(f"which group (group=): {quoted(design.groups)}")
        if class_ is None and design.n_classes > 1:
            missing.append(f"which class (class_=): 1 to {design.n_classes}")
        raise SpecError(f"the items differ; say {' and '.join(missing)}")
    return found[0]


def _parameters(result: Result, place: Place, items: Sequence[str]) -> tuple[Any, ...]:
    design, cells = result.model.design, result.model.design.cells
    wanted = [design.items.index(name) for name in items if name in design.items]
    here = np.flatnonzero((cells.group == place.index) & np.isin(cells.item, wanted))
    address = (cells.item, cells.kind, cells.attribute, cells.category)
    return tuple((*(int(a[c]) for a in address), float(result._values[c])) for c in here)


def subject(
    result: Result, items: Any, group: object, class_: int | None, attribute: str | None
) -> Subject:
    """Say what a picture of one latent group shows; what is not clear has to be named."""
    need_attributes(result)
    place = one_place(result, as_list(items), group, class_)
    names = choose_items(result, items, place)
    return Subject(place, names, attribute_of(result, attribute, place, names))


def need_attributes(result: Result) -> None:
    """Refuse a model without attributes."""
    if not result.model.design.attributes:
        raise SpecError(
            "the model has no attributes, so there is no axis to draw along; draw "
            "mixirt.plots.class_profiles, or another picture of latent classes"
        )


def as_list(items: Any) -> list[str] | None:
    """Items as they may be given: one, several, or None for all."""
    if items is None:
        return None
    several = _tables.as_list(items)
    return [str(name) for name in ([items] if several is None else several)]


def choose_items(result: Result, items: Any, place: Place) -> list[str]:
    """Names of the items asked for; None means all of the group."""
    known = [result.model.design.items[i] for i in result._items(None, place.where["group"])]
    wanted = as_list(items)
    if wanted is None:
        return known
    if not wanted:
        raise SpecError("items names no item; name some, or leave it out for all")
    for name in wanted:
        chosen("item", name, known)
    return wanted


def positions(result: Result, items: Sequence[str], place: Place) -> list[int]:
    """Positions of items among those of a latent group: columns of what a result computes."""
    known = choose_items(result, None, place)
    return [known.index(name) for name in items]


def expected_score(result: Result, items: Sequence[str], place: Place, points: Floats) -> Floats:
    """Sum of the expected scores of items at points (n, J_g); shape (n,)."""
    scores = result.expected_scores(points, **place.where)
    return np.asarray(scores[:, positions(result, items, place)].sum(axis=1))


def score_limits(result: Result, items: Sequence[str]) -> tuple[float, float]:
    """Return the lowest and the highest score there can be on some items."""
    design = result.model.design
    scores = [design.category_scores[design.items.index(name)] for name in items]
    return sum(min(s) for s in scores), sum(max(s) for s in scores)


def attributes_at(result: Result, place: Place) -> list[str]:
    """Names of the attributes of a latent group."""
    design = result.model.design
    return [design.attributes[a] for a in design.attributes_of(place.index)]


def with_attribute(result: Result, found: list[Place], attribute: str | None) -> list[Place]:
    """Places that have an attribute; all, where none is named or none has it."""
    if attribute is None:
        return found
    word("attribute", attribute)
    return [p for p in found if attribute in attributes_at(result, p)] or found


def attribute_of(result: Result, attribute: str | None, place: Place, items: Sequence[str]) -> str:
    """Name the attribute on the axis; it has to be named where items measure several."""
    design = result.model.design
    own = design.attributes_of(place.index)
    names = attributes_at(result, place)
    if not names:
        need_attributes(result)
        raise SpecError(f"{place.name} has no attributes, so there is no axis to draw along")
    if attribute is not None:
        return names[chosen("attribute", attribute, names)]
    rows = np.array([design.items.index(name) for name in items], dtype=int)
    measured = np.asarray(design.q_matrix[np.ix_(rows, own)].any(axis=0))
    if measured.sum() != 1 and len(names) > 1:
        between = [n for n, m in zip(names, measured, strict=True) if m] or names
        raise SpecError(f"say along which attribute (attribute=): {quoted(between)}")
    return names[int(measured.argmax())]


def points_along(result: Result, attribute: str, where: Sequence[Place], theta: Any) -> Points:
    """Points along an attribute, the others at the mean of the first of some groups.

    Without `theta`, 121 points that reach 3.5 standard deviations to both sides of all groups that
    have the attribute.
    """
    design = result.model.design
    own = design.attributes_of(where[0].index).tolist()
    position = own.index(design.attributes.index(attribute))
    if theta is None:
        spans = []
        for place in with_attribute(result, list(where), attribute):
            mean, covariance = result._distribution(place.index)
            j = attributes_at(result, place).index(attribute)
            reach = _REACH * float(np.sqrt(covariance[j, j]))
            spans.append((mean[j] - reach, mean[j] + reach))
        values = np.linspace(min(s[0] for s in spans), max(s[1] for s in spans), _N_POINTS)
    else:
        values = np.sort(numbers("theta", theta).ravel())
        if len(values) < 2:
            raise SpecError("theta must have at least two points to draw a curve through")
    mean, _ = result._distribution(where[0].index)
    full = np.tile(mean, (len(values), 1))
    full[:, position] = values
    return Points(values, full, position)


def unit(result: Result, attribute: str) -> str:
    """Say in what an attribute is measured; empty where other estimates set its scale."""
    design, cells = result.model.design, result.model.design.cells
    a, table = design.attributes.index(attribute), result.model.table
    variances = np.flatnonzero(cells.is_kind("variance") & (cells.attribute == a))
    for c in variances:
        if table.is_fixed[c] and table.value[c] == 1.0:
            place = next(p for p in places(result) if p.index == cells.group[c])
            return f"SD of {place.name}" if len(variances) > 1 and place.name else "SD"
    slopes = np.flatnonzero(cells.is_kind("slope") & (cells.attribute == a))
    is_logit = len(slopes) and table.is_fixed[slopes].all() and (table.value[slopes] == 1).all()
    return "logits" if is_logit else ""


def attribute_label(result: Result, attribute: str) -> str:
    """Name an axis: the attribute and its unit."""
    measure = unit(result, attribute)
    return plain(f"{attribute} ({measure})" if measure else attribute)


def band(
    result: Result, function: Callable[[Any], Floats], level: float | None, scale: str
) -> tuple[Floats, Floats] | None:
    """Confidence limits of a function of the fit, by the delta method.

    Parameters
    ----------
    result : Result
        The fit.
    function : callable
        As :meth:`mixirt.Result.delta` takes it; returns an array.
    level : float or None
        Coverage; None for no band.
    scale : {"plain", "logit", "log"}
        The scale on which the intervals are symmetric.

    Returns
    -------
    lower, upper : ndarray, in the shape of the function's array
        None where the fit has no standard errors: read from a file without them, more parameters
        than are examined unasked, or an information matrix that is not positive definite.
    """
    if level is None:
        return None
    z = quantile(level)
    if not result._is_examined() or result._covariance("oakes").flat:
        return None
    shape = np.shape(function(result))
    value, covariance = result.delta(function)
    se = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    lower, upper = intervals(value, se, z, scale)
    # At 0 and 1 the logit has no end to reach: the estimate stands without a band.
    lower, upper = (np.where(np.isfinite(v), v, value).reshape(shape) for v in (lower, upper))
    return lower, upper
