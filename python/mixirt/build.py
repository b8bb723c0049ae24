"""From what the user says of a model to its checked structure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt._checks import mapping, number, several, whole_number, word
from mixirt._coding import MAX_CATEGORIES, read_codings
from mixirt._options import option
from mixirt._respondents import check_group_count
from mixirt._tables import Table, as_list, counts_rows, frame_columns
from mixirt._words import counted, quoted, shown, unknown
from mixirt.design import Design
from mixirt.errors import DataError, IdentificationError, SpecError
from mixirt.families import item_models
from mixirt.responses import Responses

__all__ = ["item_names", "items_of", "make_design"]

#: More latent classes than this are a mistake: every one is compared with every other.
MAX_CLASSES = 1_000

#: More items than this, given as a number, are a mistake.
MAX_ITEMS = 1_000_000


def make_design(  # noqa: PLR0913 -- the keywords of mixirt.Model
    model: Any,
    *,
    items: Any,
    n_categories: Any = None,
    categories: Any = None,
    category_scores: Any = None,
    q_matrix: Any = None,
    attributes: Sequence[str] | None = None,
    groups: Sequence[object] | None = None,
    reference: Any = None,
    items_by_group: Mapping[Any, Sequence[str]] | None = None,
    attributes_by_group: Mapping[Any, Sequence[str]] | None = None,
    n_classes: int = 1,
    quadrature: str = "rectangular",
    n_quadrature: int | Sequence[int] | None = None,
    prune: float | None = None,
) -> Design:
    """Check the parts of a model and put them together; see :class:`mixirt.Model`.

    Raises
    ------
    SpecError
        If a part is not of its form, or two parts do not fit together.
    """
    names = item_names(items)
    labels = _category_labels(names, n_categories, categories)
    models = item_models(model, names, [len(values) for values in labels])
    attribute_names, q = _q_matrix(q_matrix, attributes, names)
    group_labels = _groups(groups)
    if groups is None:
        _refuse(
            f"groups, but there are none; give {option('groups=')}, or leave it out",
            reference=reference,
            items_by_group=items_by_group,
            attributes_by_group=attributes_by_group,
        )
    if not attribute_names:
        _refuse(
            "attributes, but the model has none; leave it out",
            quadrature=None if word("quadrature", quadrature) == "rectangular" else quadrature,
            n_quadrature=n_quadrature,
            prune=prune,
        )
    if reference is not None and not (
        isinstance(reference, Hashable) and reference in group_labels
    ):
        raise SpecError(unknown("reference group", reference, group_labels))
    whole = whole_number(option("n_classes"), n_classes, 1, MAX_CLASSES)
    return Design(
        items=names,
        models=models,
        category_labels=labels,
        category_scores=_scores(names, labels, category_scores),
        attributes=attribute_names,
        q_matrix=q,
        groups=group_labels,
        reference=group_labels[0] if reference is None else reference,
        items_in_group=_members("item", names, group_labels, items_by_group),
        attributes_in_group=_members(
            "attribute", attribute_names, group_labels, attributes_by_group
        ),
        n_classes=whole,
        quadrature=word("quadrature", quadrature),
        n_quadrature=_n_quadrature(n_quadrature, len(attribute_names)),
        prune=None if prune is None else number("prune", prune),
    )


def _refuse(belongs_to: str, **options: Any) -> None:
    """Refuse options of something that is not there."""
    for name, value in options.items():
        if value is not None:
            raise SpecError(f"{option(name)} belongs to {belongs_to}")


def item_names(items: Any) -> tuple[str, ...]:
    """Names of the items from their number or a list of names."""
    if isinstance(items, (int, np.integer)) and not isinstance(items, bool):
        return tuple(f"item{i + 1}" for i in range(whole_number("items", items, 1, MAX_ITEMS)))
    if isinstance(items, str) or not hasattr(items, "__iter__"):
        raise SpecError(f"items must be a number or a list of names; found {items!r}")
    names = tuple(str(name) for name in items)
    repeated = sorted(name for name, n in Counter(names).items() if n > 1)
    if repeated:
        raise SpecError(f"item names must differ; found more than once: {quoted(repeated)}")
    if not names:
        raise SpecError("a model needs at least one item")
    return names


def items_of(
    responses: Any, categories: Any = None, missing: Any = None
) -> tuple[tuple[str, ...], tuple[tuple[object, ...], ...]]:
    """Names of the items in responses, and the user's values of the categories of each."""
    read = Responses.read(responses, categories=categories, missing=missing)
    return read.item_names, read.category_labels


def _category_labels(
    names: tuple[str, ...], n_categories: Any, categories: Any
) -> tuple[tuple[object, ...], ...]:
    given = _given_labels(names, categories)
    if None not in given:
        if n_categories is not None:
            raise SpecError(
                "n_categories cannot be given together with the categories of all items, which "
                "say how many there are; leave one of the two out"
            )
        return tuple(own for own in given if own is not None)
    counts = 2 if n_categories is None else n_categories
    each = as_list(counts)
    listed = [counts] * len(names) if each is None else each
    if len(listed) != len(names):
        raise SpecError(
            f"n_categories has {len(listed)} entries for {len(names)} items; give one number for "
            "all items, or one for each"
        )
    return tuple(
        tuple(range(whole_number(f"n_categories of item {name!r}", n, 2, MAX_CATEGORIES)))
        if own is None
        else own
        for name, n, own in zip(names, listed, given, strict=True)
    )


def _given_labels(names: tuple[str, ...], categories: Any) -> list[tuple[object, ...] | None]:
    """Read `categories` as `fit` does; a sequence of sequences is one for each item."""
    nested = as_list(categories)
    if nested and all(as_list(own) is not None for own in nested):
        if len(nested) != len(names):
            raise SpecError(
                f"categories were given for {len(nested)} items, but there are {len(names)}; "
                "give those of each"
            )
        categories = dict(zip(names, nested, strict=True))
    table = Table(names=names, columns=[], n_rows=0, has_names=True)
    try:
        return [coding.labels for coding in read_codings(table, categories)]
    except DataError as error:
        raise SpecError(str(error)) from None


def _scores(
    names: tuple[str, ...], labels: tuple[tuple[object, ...], ...], given: Any
) -> tuple[tuple[float, ...], ...]:
    by_item: dict[str, Any] = {}
    if isinstance(given, Mapping):
        by_item = {str(item): own for item, own in given.items()}
        for item in by_item:
            if item not in names:
                raise SpecError(unknown("item", item, names))
    elif given is not None:
        listed = list(several("category_scores", given))
        each = bool(listed) and hasattr(listed[0], "__iter__")
        if each and len(listed) != len(names):
            raise SpecError(
                f"category scores were given for {len(listed)} items, but there are {len(names)}; "
                "give those of each, or name the items in a mapping"
            )
        by_item = dict(zip(names, listed if each else [listed] * len(names), strict=True))
    scores = []
    for name, values in zip(names, labels, strict=True):
        if name not in by_item:
            scores.append(tuple(map(float, range(len(values)))))
            continue
        what = f"the category scores of item '{name}'"
        own = tuple(number(what, s) for s in several("category_scores", by_item[name]))
        if len(own) != len(values):
            raise SpecError(
                f"item '{name}' has {len(values)} categories but {len(own)} category scores; give "
                "one for each category"
            )
        scores.append(own)
    return tuple(scores)


def _q_matrix(
    q_matrix: Any, attributes: Sequence[str] | None, items: tuple[str, ...]
) -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    if q_matrix is None:
        given = ["theta"] if attributes is None else several("attributes", attributes)
        names = tuple(str(a) for a in given)
        if len(names) != 1:
            raise SpecError(
                f"{len(names)} attributes need a Q matrix that says which item measures which; "
                f"give {option('q_matrix=')}"
            )
        return names, np.ones((len(items), 1), dtype=bool)
    columns, index, values = _read_q(q_matrix)
    if values.shape == (0,):
        values = np.zeros((len(items), 0))
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or values.shape[0] != len(items):
        raise SpecError(
            f"the Q matrix must have one row for each of the {len(items)} items; found "
            f"{f'shape {values.shape}' if values.ndim else shown(q_matrix)}"
        )
    if index is not None and not counts_rows(index):
        values = values[_rows_of(items, index)]
    bad = ~np.isin(values, (0, 1))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise SpecError(
            f"the Q matrix has {values[row, column]!r} for item '{items[row]}', attribute "
            f"{column + 1}; it holds 1 where an item measures an attribute and 0 elsewhere"
        )
    if attributes is None:
        generic = [f"theta{j + 1}" for j in range(values.shape[1])]
        attributes = generic if columns is None else columns
    names = tuple(str(a) for a in several("attributes", attributes))
    if len(names) != values.shape[1] or len(set(names)) != len(names):
        raise SpecError(
            f"the {values.shape[1]} attributes of the Q matrix need as many different names; found "
            f"{quoted(names)}"
        )
    q = values.astype(bool)
    for item, row in zip(items, q, strict=True):
        if q.shape[1] and not row.any():
            raise IdentificationError(
                f"item '{item}' measures no attribute: its row of the Q matrix is all 0; give it "
                "an attribute or leave the item out"
            )
    return names, q


def _read_q(q_matrix: Any) -> tuple[tuple[str, ...] | None, Any, NDArray[Any]]:
    """Give names of columns and index of a Q matrix, as far as it has them, and its values."""
    if not isinstance(q_matrix, (list, tuple, np.ndarray)):
        frame: tuple[tuple[str, ...], Any, NDArray[Any]] | None
        frame = frame_columns().read_matrix(q_matrix)
        if frame is not None:
            return frame
    try:
        return None, None, np.asarray(q_matrix)
    except ValueError:
        raise SpecError(
            "the rows of the Q matrix differ in length; each has an entry for every attribute"
        ) from None


def _rows_of(items: tuple[str, ...], index: Any) -> list[int]:
    """Give the row of each item in a Q matrix whose index names them."""
    rows = [str(label) for label in index]
    lacking = [item for item in items if item not in rows]
    others = [row for row in rows if row not in items]
    if lacking:
        besides = f" and has {quoted(others)} besides" if others else ""
        raise SpecError(
            f"the index of the Q matrix must name the items, in any order: it lacks "
            f"{quoted(lacking)}{besides}; name its rows like the items, or take "
            "reset_index(drop=True) if they are in the order of the items"
        )
    return [rows.index(item) for item in items]


def _groups(groups: Sequence[object] | None) -> tuple[object, ...]:
    if groups is None:
        return ("all",)
    labels = several("groups", groups)
    if not labels or len({str(label) for label in labels}) != len(labels):
        raise SpecError(f"group labels must differ and there must be at least one; found {labels}")
    check_group_count(len(labels))
    return labels


def _members(
    what: str,
    names: tuple[str, ...],
    groups: tuple[object, ...],
    by_group: Mapping[Any, Sequence[str]] | None,
) -> NDArray[np.bool_]:
    members = np.ones((len(groups), len(names)), dtype=bool)
    for label, given in mapping(f"{what}s_by_group", by_group).items():
        if label not in groups:
            raise SpecError(unknown("group", label, groups))
        own = [str(name) for name in several(f"{what}s_by_group of group '{label}'", given)]
        for name in own:
            if name not in names:
                raise SpecError(unknown(what, name, names))
        members[groups.index(label)] = [name in own for name in names]
        if what == "item" and not members[groups.index(label)].any():
            raise SpecError(f"group '{label}' has no items; name some in items_by_group")
    return members


def _n_quadrature(points: Any, n_attributes: int) -> tuple[int, ...] | None:
    if points is None:
        return None
    each = as_list(points)
    if each is None:
        return (whole_number(option("n_quadrature"), points, 2),) * n_attributes
    listed = tuple(whole_number(option("n_quadrature"), p, 2) for p in each)
    if len(listed) != n_attributes:
        raise SpecError(
            f"n_quadrature has {len(listed)} entries for {counted(n_attributes, 'attribute')}; "
            "give one number for all, or one for each"
        )
    return listed
