"""What follows from the parameters, with standard errors: difficulties, correlations, ..."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt.intervals import intervals

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["derived_columns"]

Floats = NDArray[np.float64]
#: The scale of each derived quantity.
_SCALE_OF = {
    "difficulty": "plain",
    "sd": "log",
    "correlation": "arctanh",
    "probability": "logit",
}


def derived_columns(result: Result, method: str, z: float) -> dict[str, Any]:
    """Columns of the frame of :meth:`mixirt.Result.derived`."""
    cells = np.flatnonzero(np.isfinite(result._difficulties()))
    others = [*_distributions(result), *_class_probabilities(result)]

    def values(r: Any) -> Floats:
        # All difficulties at once: one by one would cost the square of their number.
        return np.array([*r._difficulties()[cells], *(value(r) for _, value in others)])

    value, covariance = result.delta(values, method)
    rows = [*_difficulties(result, cells), *(address for address, _ in others)]
    se = np.sqrt(np.diagonal(covariance))
    # The delta method says nothing of what was fixed, or held by a bound.
    se = np.where(se > 0, se, np.nan)
    lower, upper = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    kind = np.array([row["parameter"] for row in rows])
    for name, scale in _SCALE_OF.items():
        chosen = kind == name
        lower[chosen], upper[chosen] = intervals(value[chosen], se[chosen], z, scale)
    address = {key: [row.get(key) for row in rows] for key in _keys(result)}
    objects = {k: np.array([*v, None], dtype=object)[:-1] for k, v in address.items()}
    return {**objects, "estimate": value, "se": se, "lower": lower, "upper": upper}


Row = tuple[dict[str, Any], Callable[[Any], float]]


def _keys(result: Result) -> list[str]:
    design = result._model.design
    group = ["group"] if design.has_groups else []
    class_ = ["class"] if design.n_classes > 1 else []
    return [*group, *class_, "item", "parameter", "attribute", "attribute_2", "category"]


def _where(result: Result, latent: int) -> dict[str, Any]:
    design = result._model.design
    group = design.groups[design.observed_of(latent)]
    return {"group": group, "class": design.class_of(latent) + 1}


def _difficulties(result: Result, chosen: NDArray[np.intp]) -> list[dict[str, Any]]:
    """Give the addresses of the difficulties at some cells."""
    cells, design = result._model.design.cells, result._model.design
    return [
        {
            **_where(result, int(cells.group[c])),
            "item": design.items[cells.item[c]],
            "parameter": "difficulty",
            "category": int(cells.category[c]),
        }
        for c in chosen
    ]


def _distributions(result: Result) -> list[Row]:
    """List standard deviations and correlations that are not all fixed."""
    cells, design = result._model.design.cells, result._model.design
    is_free = ~result._model.table.is_fixed
    variance = {
        (int(cells.group[c]), int(cells.attribute[c])): int(c)
        for c in np.flatnonzero(cells.is_kind("variance"))
    }
    rows: list[Row] = []
    for c in np.flatnonzero((cells.attribute_2 >= 0) & (cells.item < 0)):
        g = int(cells.group[c])
        first, second = variance[g, int(cells.attribute[c])], variance[g, int(cells.attribute_2[c])]
        if not is_free[[int(c), first, second]].any():
            continue
        address = {**_where(result, g), "attribute": design.attributes[cells.attribute[c]]}
        if first == second:
            rows.append(({**address, "parameter": "sd"}, _sd(first)))
            continue
        address["attribute_2"] = design.attributes[cells.attribute_2[c]]
        own = {**address, "parameter": "correlation"}
        rows.append((own, _correlation(int(c), first, second)))
    return rows


def _class_probabilities(result: Result) -> list[Row]:
    """Probabilities of all categories in all classes, where items measure no attribute."""
    design = result._model.design
    if design.attributes:
        return []
    rows: list[Row] = []
    for latent in range(design.n_latent_groups):
        where = _where(result, latent)
        for i in result._items(None, where["group"]):
            for m, label in enumerate(design.category_labels[i]):
                address = {
                    **where,
                    "item": design.items[i],
                    "parameter": "probability",
                    "category": label,
                }
                rows.append((address, _probability(i, m, where)))
    return rows


def _sd(cell: int) -> Callable[[Any], float]:
    return lambda result: math.sqrt(result._values[cell])


def _correlation(cell: int, first: int, second: int) -> Callable[[Any], float]:
    def value(result: Any) -> float:
        values = result._values
        return float(values[cell] / math.sqrt(values[first] * values[second]))

    return value


def _probability(item: int, category: int, where: dict[str, Any]) -> Callable[[Any], float]:
    point = np.zeros((1, 0))

    def value(result: Any) -> float:
        curve = result._curve(item, point, where["group"], where["class"])[0]
        return float(curve[category, 0])

    return value
