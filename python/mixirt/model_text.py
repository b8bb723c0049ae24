"""A model as text: what is fixed, free and tied, before anything is fitted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from unicodedata import combining, east_asian_width

import numpy as np
from numpy.typing import NDArray

from mixirt._words import counted
from mixirt.design import Design
from mixirt.table import KINDS, ParameterTable

__all__ = [
    "cell_status",
    "distribution_table",
    "group_title",
    "item_table",
    "model_text",
    "number_column",
    "short",
    "text_table",
]

#: Rows shown before a table is cut.
MOST_ROWS = 60
#: Columns of a page.
WIDTH = 80
#: Longer names are cut to this many characters.
_LONGEST_NAME = 24
#: Starts, bounds and priors shown one by one.
_MOST_NOTES = 20


def cell_status(table: ParameterTable) -> list[str]:
    """Say ``"fixed"``, ``"free"`` or ``"tied"`` of every cell."""
    ids = table.free_id
    counts = np.bincount(ids[ids >= 0], minlength=int(ids.max(initial=-1)) + 1)
    return ["fixed" if i < 0 else "tied" if counts[i] > 1 else "free" for i in ids]


def model_text(design: Design, table: ParameterTable, n_parameters: int) -> str:
    """Put the structure in a few lines, then one row per item and one per attribute."""
    status, number = cell_status(table), _tie_numbers(table)

    def say(cell: int) -> str:
        if status[cell] == "fixed":
            return f"={_public(table, cell, table.value[cell]):.6g}"
        mark = "*" if _note(table, cell) else ""
        return mark + (f"#{number[int(table.free_id[cell])]}" if status[cell] == "tied" else "free")

    blocks = [
        f"{_headline(design)}\n{len(table.cells)} parameters, {n_parameters} to be estimated\n"
        "free: estimated; =1: fixed at 1; #1: one parameter wherever #1 stands"
        + ("; *: see below" if any(_notes(design, table)) else "")
    ]
    seen: dict[str, str] = {}
    for latent in range(design.n_latent_groups):
        body = _section(design, latent, say)
        title = group_title(design, latent)
        first = seen.setdefault(body, title)
        blocks.append(f"{title}: as {first}" if first != title else f"{title}\n{body}".lstrip())
    notes = list(_notes(design, table))
    more = [f"and {len(notes) - _MOST_NOTES} more"] if len(notes) > _MOST_NOTES else []
    if notes:
        blocks.append("\n".join(["* start, bounds, prior", *notes[:_MOST_NOTES], *more]))
    return "\n\n".join(blocks)


def group_title(design: Design, latent: int) -> str:
    """Name a latent group: ``"group 'A', class 1"``; empty where there is only one."""
    parts = []
    if design.has_groups:
        parts.append(f"group '{short(str(design.groups[design.observed_of(latent)]))}'")
    if design.n_classes > 1:
        parts.append(f"class {design.class_of(latent) + 1}")
    return ", ".join(parts)


def _headline(design: Design) -> str:
    models = sorted({model.name for model in design.models})
    parts = [f"{counted(len(design.items), 'item')} ({', '.join(models)})"]
    if design.attributes:
        parts.append(counted(len(design.attributes), "attribute"))
    if design.has_groups:
        parts.append(counted(len(design.groups), "group"))
    if design.n_classes > 1:
        parts.append(f"{design.n_classes} latent classes")
    return "mixirt.Model: " + ", ".join(parts)


def _section(design: Design, latent: int, say: Callable[[int], str]) -> str:
    """Item parameters and distribution of one latent group."""
    cells = design.cells
    text = item_table(design, latent, say)
    own = design.attributes_of(latent)
    if len(own):
        text += "\n" + distribution_table(design, latent, say)
    for c in np.flatnonzero(cells.is_kind("proportion") & (cells.group == latent)):
        text += f"\nproportion  {say(int(c))}"
    return text


def item_table(design: Design, latent: int, say: Callable[[int], str]) -> str:
    """Lay the item parameters of one latent group out, one row per item.

    ``say`` turns a cell into text.
    """
    cells = design.cells
    order: dict[tuple[int, int], str] = {}
    by_item: dict[int, dict[str, str]] = {}
    for c in np.flatnonzero((cells.group == latent) & (cells.item >= 0)):
        kind, attribute, category = int(cells.kind[c]), cells.attribute[c], cells.category[c]
        name = KINDS[kind]
        if name == "slope" and len(design.attributes) > 1:
            name = f"a:{short(design.attributes[attribute])}"
        elif name == "intercept" and max(design.n_categories) > 2:
            name = f"b{category}"
        order[kind, int(attribute if kind == 0 else category)] = name
        by_item.setdefault(int(cells.item[c]), {})[name] = say(int(c))
    header = [order[key] for key in sorted(order)]
    rows = [
        [short(design.items[i]), *(texts.get(name, "") for name in header)]
        for i, texts in by_item.items()
    ]
    return text_table(["item", *header], rows, most=MOST_ROWS)


def distribution_table(design: Design, latent: int, say: Callable[[int], str]) -> str:
    """Lay mean and covariances of one latent group out, one row per attribute."""
    cells = design.cells
    own = design.attributes_of(latent).tolist()
    rows = []
    here = cells.group == latent
    for j in own:
        mean = np.flatnonzero(here & cells.is_kind("mean") & (cells.attribute == j))
        row = [short(design.attributes[j]), say(int(mean[0]))]
        for k in own:
            pair = here & (cells.attribute == j) & (cells.attribute_2 == k)
            row += [say(int(c)) for c in np.flatnonzero(pair)] or [""]
        rows.append(row)
    names = ["variance"] if len(own) == 1 else [f"cov:{short(design.attributes[j])}" for j in own]
    return text_table(["attribute", "mean", *names], rows, most=MOST_ROWS)


def _tie_numbers(table: ParameterTable) -> dict[int, int]:
    """Give every tie a number, in the order of their first cells."""
    ids, first, counts = np.unique(table.free_id, return_index=True, return_counts=True)
    tied = (ids >= 0) & (counts > 1)
    ranked = ids[tied][np.argsort(first[tied])]
    return {int(i): n + 1 for n, i in enumerate(ranked)}


def _public(table: ParameterTable, cell: int, value: float) -> float:
    if table.cells.kind[cell] != KINDS.index("guessing"):
        return float(value)
    with np.errstate(over="ignore"):
        return float(1.0 / (1.0 + np.exp(-value)))


def _note(table: ParameterTable, cell: int) -> str:
    """Start, bounds and prior of a cell where they were set; empty otherwise."""
    parts = []
    if not np.isnan(table.start[cell]):
        parts.append(f"start {_public(table, cell, table.start[cell]):.4g}")
    if table.bounded[cell]:
        low, high = (_public(table, cell, b) for b in (table.lower[cell], table.upper[cell]))
        parts.append(f"between {low:.4g} and {high:.4g}")
    if table.prior[cell] is not None:
        parts.append(f"prior {table.prior[cell]}")
    return ", ".join(parts)


def _notes(design: Design, table: ParameterTable) -> Iterator[str]:
    """Yield one line for every estimated parameter with a start, bound or prior of its own."""
    done = set()
    for cell in np.flatnonzero(~table.is_fixed).tolist():
        note = _note(table, cell)
        if note and int(table.free_id[cell]) not in done:
            done.add(int(table.free_id[cell]))
            yield f"{design.describe(cell)}: {note}"


def short(name: str) -> str:
    r"""Write a name on one line, and cut a long one.

    Examples
    --------
    >>> short("do you\nagree?"), short("a" * 30)
    ('do you\\nagree?', 'aaaaaaaaaaaaaaaaaaaaaaa…')
    """
    if not name.isprintable():
        name = "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _width(text: str) -> int:
    """Columns that a text takes on a screen: Chinese characters two, accents of their own none."""
    if text.isascii():
        return len(text)
    wide = sum(east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(combining(c) > 0 for c in text)


def text_table(header: list[str], rows: list[list[str]], most: int | None = None) -> str:
    """Lay text out in columns, numbers to the right, within the width of a page.

    Long tables are cut in the middle; wide ones go on below, with the first column repeated.

    Examples
    --------
    >>> print(text_table(["item", "estimate"], [["a", "1.5"], ["bc", "-0.25"]]))
    item  estimate
    a          1.5
    bc       -0.25
    """
    right = [all(_is_number(row[i]) for row in rows) for i in range(len(header))]
    if most is not None and len(rows) > most:
        half = most // 2
        gap = [f"({len(rows) - 2 * half} more)"] + [""] * (len(header) - 1)
        rows = [*rows[:half], gap, *rows[-half:]]
    widths = [max(_width(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(row: list[str], columns: list[int]) -> str:
        cells = ((row[i], " " * (widths[i] - _width(row[i])), right[i]) for i in columns)
        return "  ".join(gap + t if r else t + gap for t, gap, r in cells).rstrip()

    blocks = [
        "\n".join(line(row, columns) for row in [header, *rows]) for columns in _blocks(widths)
    ]
    return "\n\n".join(blocks)


def _blocks(widths: list[int]) -> list[list[int]]:
    """Columns that fit on a page side by side; the first one starts every block."""
    blocks = [[0]]
    used = widths[0]
    for column, width in enumerate(widths[1:], start=1):
        if used + 2 + width > WIDTH and len(blocks[-1]) > 1:
            blocks.append([0])
            used = widths[0]
        blocks[-1].append(column)
        used += 2 + width
    return blocks


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True


def number_column(values: NDArray[np.float64]) -> Callable[[int], str]:
    """Make a function that writes the value of a cell with four decimals."""
    return lambda cell: f"{values[cell]:.4f}"
