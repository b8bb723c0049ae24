"""The commands that estimate: fit and lca."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mixirt._words import unknown
from mixirt.cli.long import Reader, long_rows
from mixirt.cli.tables import (
    Chunk,
    FileTable,
    Kind,
    Source,
    as_number,
    check_columns,
    open_source,
    shown_name,
)
from mixirt.cli.terminal import show_progress
from mixirt.errors import DataError, SpecError
from mixirt.families import item_model
from mixirt.files import load
from mixirt.files.atomic import check_replaceable
from mixirt.fit_classes import fit_latent_class
from mixirt.fitting import fit
from mixirt.long_format import LongResponses

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["run_fit", "run_lca"]


def run_fit(given: argparse.Namespace) -> None:
    """Estimate an item response model."""
    read = _read(given)
    names, q_matrix = _q_matrix(given.q_matrix, read.items)
    structure = {
        "model": _models(given, read.items),
        "q_matrix": q_matrix,
        "attributes": names,
        "invariance": given.invariance,
        "free_items": given.free_items,
        "reference": _reference(given.reference, read),
        "n_classes": given.classes,
        "quadrature": given.quadrature,
        "n_quadrature": given.n_quadrature,
        "start": None if given.start is None else load(given.start),
    }
    _estimate(fit, read, given, structure)


def run_lca(given: argparse.Namespace) -> None:
    """Estimate a latent class model."""
    _estimate(fit_latent_class, _read(given), given, {"n_classes": given.classes})


@dataclass(frozen=True)
class _Read:
    """What a table holds: names of items, responses to them, and arguments that go with these."""

    items: Sequence[str]
    responses: FileTable | LongResponses
    arguments: dict[str, Any]


def _estimate(
    function: Callable[..., Result],
    read: _Read,
    given: argparse.Namespace,
    options: dict[str, Any],
) -> None:
    """Fit, compute standard errors, save, and print a page."""
    if given.out is None and (given.quiet or given.se is not None):
        option = "--quiet" if given.quiet else "--se"
        raise SpecError(
            f"{option} needs --out: what is computed would be lost; name a file for the fit, or "
            f"leave {option} out"
        )
    if given.out is not None:
        check_replaceable(given.out)
    options = {
        **options,
        **read.arguments,
        "max_cycles": given.max_cycles,
        "n_threads": given.threads,
        "n_starts": given.starts,
        "seed": given.seed,
    }
    # What was not said keeps its default, and is no argument.
    chosen = {name: value for name, value in options.items() if value is not None}
    result = function(read.responses, **chosen, progress=show_progress(given.quiet))
    if given.se is not None:
        result.vcov(given.se)
    if given.out is not None:
        result.save(given.out)
    if not given.quiet:
        print(result.summary())


def _read(given: argparse.Namespace) -> _Read:
    """Read the table: a column for every item, or a row for every answer."""
    with open_source(given.table, given.missing, given.delimiter) as source:
        return _wide(source, given) if given.long is None else _long(source, given)


def _wide(source: Source, given: argparse.Namespace) -> _Read:
    items = _items(source, given)
    extra = [name for name in (given.groups, given.weights) if name is not None]
    chunk = _whole(source, given, [*items, *extra])
    categories, kinds = _categories(given.categories, items)
    arguments = {
        "categories": categories,
        "groups": None if given.groups is None else _groups(chunk, given.groups),
        "weights": None if given.weights is None else _weights(chunk, given.weights),
    }
    return _Read(items, chunk.table(kinds, "numpy"), arguments)


def _long(source: Source, given: argparse.Namespace) -> _Read:
    names = dict(zip(("person", "item", "response"), given.long, strict=True))
    readers: dict[str, Reader] = {}
    for role, name, reader in (
        ("group", given.groups, _groups),
        ("weight", given.weights, _weights),
    ):
        if name is not None:
            names[role], readers[role] = name, reader
    check_columns(given.table, source.names, names.values())
    chunk = _whole(source, given, list(names.values()))
    known = list(dict.fromkeys(str(i) for i in chunk.values(names["item"]) if i is not None))
    categories, kinds = _categories(given.categories, known)
    rows = long_rows(chunk, names, kinds, readers)
    for item in [*(given.items or []), *given.exclude]:
        if item not in known:
            raise DataError(f"column '{names['item']}': {unknown('item', item, known)}")
    rows = rows.without(given.exclude)
    rows = rows if given.items is None else rows.only(given.items)
    if not len(rows):
        raise DataError("no answers are left; --items and --exclude leave out all items")
    responses = rows.responses(given.items, "numpy")
    return _Read(responses.items, responses, {"categories": categories})


def _whole(source: Source, given: argparse.Namespace, columns: list[str]) -> Chunk:
    """Read all rows of some columns."""
    chunk = next(source.chunks(None, columns), None)
    if chunk is None:
        raise DataError(f"{shown_name(given.table)} has no rows besides the header")
    return chunk


def _items(source: Source, given: argparse.Namespace) -> list[str]:
    """Choose the columns that are items."""
    others = [name for name in (given.id, given.groups, given.weights) if name is not None]
    check_columns(given.table, source.names, [*others, *given.exclude, *(given.items or [])])
    apart = {*others, *given.exclude}
    items = [name for name in source.names if name not in apart]
    if given.items is not None:
        both = [name for name in given.items if name in apart]
        if both:
            raise DataError(
                f"column '{both[0]}' cannot be an item and something else; name it once"
            )
        items = list(given.items)
        twice = [name for name in items if items.count(name) > 1]
        if twice:
            raise DataError(f"--items names '{twice[0]}' twice; name each item once")
    if not items:
        raise DataError("no columns are left to be items; say fewer in --exclude, or name --items")
    return items


def _models(given: argparse.Namespace, items: Sequence[str]) -> str | dict[str, str]:
    if not given.item_model:
        return str(given.model)
    models = dict.fromkeys(items, str(given.model))
    said: set[str] = set()
    for text in given.item_model:
        item, equals, model = text.rpartition("=")
        if not equals:
            raise SpecError(f"--item-model takes ITEM=MODEL, as in {items[0]}=2pl; found {text!r}")
        if item not in models:
            raise SpecError(f"--item-model {text}: {unknown('item', item, items)}")
        if item in said:
            raise SpecError(f"--item-model {text}: item '{item}' has its model already")
        said.add(item)
        models[item] = item_model(model).name
    return models


def _q_matrix(
    path: str | None, items: Sequence[str]
) -> tuple[list[str] | None, list[list[int]] | None]:
    """Read which item measures which attribute: names of attributes, and rows in item order."""
    if path is None:
        return None, None
    with open_source(path) as source:
        first, *attributes = source.names
        chunk = next(source.chunks(None, source.names), None)
        rows = {} if chunk is None else _q_rows(path, chunk, first, attributes)
    lacking = [item for item in items if item not in rows]
    if lacking:
        raise SpecError(f"{path} has no line for item '{lacking[0]}'")
    return attributes, [rows[item] for item in items]


def _q_rows(path: str, chunk: Chunk, first: str, attributes: Sequence[str]) -> dict[str, list[int]]:
    columns = [chunk.values(name) for name in attributes]
    rows: dict[str, list[int]] = {}
    for r, item in enumerate(chunk.values(first)):
        entries = [str(column[r]) for column in columns]
        if any(entry not in ("0", "1") for entry in entries):
            raise SpecError(f"{path}, {chunk.where(r)}: entries must be 0 or 1; found {entries}")
        if str(item) in rows:
            raise SpecError(f"{path}, {chunk.where(r)}: item '{item}' has a line already")
        rows[str(item)] = [int(entry) for entry in entries]
    return rows


def _categories(
    given: Sequence[str], items: Sequence[str]
) -> tuple[list[Any] | dict[str, list[Any]] | None, dict[str, Kind]]:
    """Read the categories of all items or of single ones, and how each item's answers are read."""
    kinds: dict[str, Kind] = dict.fromkeys(items, "auto")
    common = [text for text in given if "=" not in text]
    if common and len(given) > 1:
        raise SpecError(
            f"--categories {common[0]} are those of all items, so nothing can be added; name the "
            "item in each, as in --categories q1=no,yes"
        )
    if common:
        values, kind = _values(common[0])
        return values, dict.fromkeys(items, kind)
    by_item: dict[str, list[Any]] = {}
    for text in given:
        item, _, values_text = text.partition("=")
        if item not in kinds:
            raise SpecError(f"--categories {text}: {unknown('item', item, items)}")
        if item in by_item:
            raise SpecError(f"--categories {text}: item '{item}' has its categories already")
        by_item[item], kinds[item] = _values(values_text)
    return by_item or None, kinds


def _values(text: str) -> tuple[list[Any], Kind]:
    """Read categories between commas: numbers if all of them are."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise SpecError(f"--categories must be values between commas; found {text!r}")
    numbers = [as_number(value) for value in names]
    if any(isinstance(value, str) for value in numbers):
        return list(names), "text"
    values = [float(value) for value in numbers]
    if not all(map(math.isfinite, values)):
        raise SpecError(f"--categories must be finite numbers, or text; found {text!r}")
    return [int(value) if value.is_integer() else value for value in values], "auto"


def _reference(label: str | None, read: _Read) -> Any:
    """Find the group of that label, whatever type the label has."""
    if label is None:
        return None
    groups = read.arguments.get("groups")
    if isinstance(read.responses, LongResponses):
        groups = read.responses.groups
    if groups is None:
        raise SpecError("--reference is one of the groups; name their column with --groups")
    known = {str(group): group for group in groups}
    if label not in known:
        raise SpecError(f"--reference: {unknown('group', label, sorted(known))}")
    return known[label]


def _groups(chunk: Chunk, name: str) -> list[Any]:
    """Read labels of groups: whole numbers if all of them are, else as they stand."""
    values = chunk.values(name)
    for row, value in enumerate(values):
        if value is None:
            raise DataError(
                f"{chunk.where(row)} has no group in column '{name}'; every row needs one"
            )
    try:
        return [int(v) if isinstance(v, str) else v for v in values]
    except ValueError:
        return values


def _weights(chunk: Chunk, name: str) -> list[float]:
    weights = []
    for row, value in enumerate(chunk.values(name)):
        number = as_number(value) if isinstance(value, str) else value
        if number is None or isinstance(number, str):
            found = "nothing" if number is None else repr(number)
            raise DataError(
                f"{chunk.where(row)}, column '{name}': found {found}; a weight is a number of 0 or "
                "more"
            )
        weights.append(float(number))
    return weights
