"""Finding parameters by item, group, class, attribute and category, by the user's labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt._checks import chosen
from mixirt._words import quoted, unknown
from mixirt.design import Design
from mixirt.errors import SpecError

__all__ = ["ACROSS", "SELECTABLE", "partition", "select"]

#: The kinds a selection can name.
SELECTABLE = ("slope", "intercept", "guessing", "mean", "variance", "covariance", "proportion")
#: Parts of an address by which parameters are selected.
_ADDRESS = ("item", "group", "class_", "attribute", "category")
#: Parts of an address in which tied parameters may differ.
ACROSS = ("item", "group", "class", "attribute", "category")


def select(
    design: Design,
    kind: object,
    *,
    item: Any = None,
    group: Any = None,
    class_: Any = None,
    attribute: Any = None,
    category: Any = None,
    **others: Any,
) -> NDArray[np.intp]:
    """Cells of one kind whose address matches; None matches everything.

    Parameters
    ----------
    design : Design
        The model's structure.
    kind : str
        One of ``SELECTABLE``.
    item, group, attribute : label or list of labels, optional
        Names as the user gave them. For a covariance, ``attribute`` names one or both attributes.
    class_ : int or list of int, optional
        Latent classes, from 1.
    category : int or list of int, optional
        Numbers of intercepts, from 1: the m-th leads into the m-th category after the first,
        whatever the categories are called.

    Returns
    -------
    ndarray of int
        Indices of the cells, ascending.

    Raises
    ------
    SpecError
        If a name is unknown (the message gives the nearest one) or nothing matches.
    """
    if not isinstance(kind, str) or kind not in SELECTABLE:
        raise SpecError(_kind_message(kind))
    for name in others:
        raise SpecError(unknown("part of an address", name, _ADDRESS))
    cells = design.cells
    chosen = cells.is_kind(kind)
    if item is not None:
        chosen &= np.isin(cells.item, _positions("item", item, design.items))
    if group is not None:
        observed = _positions("group", group, design.groups)
        chosen &= np.isin(cells.group // design.n_classes, observed)
    if class_ is not None:
        classes = _positions("class", class_, range(1, design.n_classes + 1))
        chosen &= np.isin(cells.group % design.n_classes, classes)
    if attribute is not None:
        chosen &= _with_attributes(design, kind, attribute)
    if category is not None:
        chosen &= np.isin(cells.category, _intercepts(design, item, category))
    found = np.flatnonzero(chosen)
    if not len(found):
        raise SpecError(_nothing(kind, item, group, class_, attribute, category))
    return found


def _with_attributes(design: Design, kind: str, attribute: Any) -> NDArray[np.bool_]:
    cells = design.cells
    wanted = _positions("attribute", attribute, design.attributes)
    first, second = np.isin(cells.attribute, wanted), np.isin(cells.attribute_2, wanted)
    if kind == "covariance":
        # One name: all its covariances. Several: those among them.
        return (first & second) if len(wanted) > 1 else (first | second)
    return np.asarray(first)


def _positions(what: str, wanted: Any, known: Sequence[object]) -> list[int]:
    texts = [str(label) for label in known]

    def position(label: Any) -> int:
        try:
            return known.index(label)
        except (TypeError, ValueError):  # none is equal, or an array, which cannot be compared
            return chosen(what, str(label), texts)

    return [position(label) for label in _listed(wanted)]


def _intercepts(design: Design, item: Any, category: Any) -> list[int]:
    """Check numbers of intercepts; those there are follow from the item with most of them."""
    chosen = range(len(design.items)) if item is None else _positions("item", item, design.items)
    own = max(chosen, key=lambda i: design.n_categories[i])
    labels = design.category_labels[own]
    numbers = _listed(category)
    for value in numbers:
        is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not is_whole or not 1 <= value < len(labels):
            found = [f"{m} (into category {label!r})" for m, label in enumerate(labels)][1:]
            raise SpecError(
                "category is the number of an intercept, counted from 1 whatever categories are "
                f"called; found {value!r}. Item '{design.items[own]}' has {', '.join(found)}"
            )
    return [int(value) for value in numbers]


def _listed(wanted: Any) -> list[Any]:
    if isinstance(wanted, (str, bytes)) or not isinstance(wanted, Iterable):
        return [wanted]
    return list(wanted)


def _kind_message(kind: object) -> str:
    if isinstance(kind, (list, tuple, set)):
        return (
            f"parameters of different kinds ({quoted(kind)}) cannot be addressed together or tied "
            "to one another; make one call for each kind"
        )
    return unknown("kind of parameter", kind, SELECTABLE)


def _nothing(kind: str, *parts: Any) -> str:
    names = ("item", "group", "class_", "attribute", "category")
    given = [f"{n}={p!r}" for n, p in zip(names, parts, strict=True) if p is not None]
    where = f" with {', '.join(given)}" if given else ""
    hint = "; slopes exist where the Q matrix has a 1" if kind == "slope" else ""
    return f"the model has no {kind}{where}{hint}"


def partition(
    design: Design, cells: NDArray[np.intp], across: tuple[str, ...]
) -> list[NDArray[np.intp]]:
    """Cells that agree in every part of their address that is not in ``across``."""
    table, n_classes = design.cells, design.n_classes
    parts = {
        "item": table.item[cells],
        "group": table.group[cells] // n_classes,
        "class": table.group[cells] % n_classes,
        "attribute": table.attribute[cells] * len(table) + table.attribute_2[cells],
        "category": table.category[cells],
    }
    keys = np.stack([parts[name] for name in ACROSS if name not in across] or [cells * 0])
    _, inverse = np.unique(keys, axis=1, return_inverse=True)
    return [cells[inverse.ravel() == k] for k in range(int(inverse.max()) + 1)]
