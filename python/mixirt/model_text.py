"""A model as text: what is fixed, free and tied, before anything is fitted."""

from __future__ import annotations

import numpy as np

from mixirt.design import Design
from mixirt.table import KINDS, ParameterTable

__all__ = ["cell_status", "model_text", "text_table"]

#: Rows shown before a table is cut.
_MOST_ROWS = 60


def cell_status(table: ParameterTable) -> list[str]:
    """Say ``"fixed"``, ``"free"`` or ``"tied"`` of every cell."""
    ids = table.free_id
    counts = np.bincount(ids[ids >= 0], minlength=int(ids.max(initial=-1)) + 1)
    return ["fixed" if i < 0 else "tied" if counts[i] > 1 else "free" for i in ids]


def model_text(design: Design, table: ParameterTable) -> str:
    """Structure in a few lines, then one row per parameter."""
    free = len(np.unique(table.free_id[table.free_id >= 0]))
    lines = [_headline(design), f"{len(table.cells)} parameters: {free} to be estimated"]
    return "\n".join(lines) + "\n\n" + text_table(*_rows(design, table), most=_MOST_ROWS)


def _headline(design: Design) -> str:
    models = sorted({model.name for model in design.models})
    parts = [f"{len(design.items)} items ({', '.join(models)})"]
    if design.attributes:
        parts.append(f"{len(design.attributes)} attributes ({', '.join(design.attributes)})")
    if design.has_groups:
        parts.append(f"groups {', '.join(str(g) for g in design.groups)}")
    if design.n_classes > 1:
        parts.append(f"{design.n_classes} latent classes")
    return "mixirt.Model: " + "; ".join(parts)


def _rows(design: Design, table: ParameterTable) -> tuple[list[str], list[list[str]]]:
    cells, status = design.cells, cell_status(table)
    number = {int(c): n + 1 for n, c in enumerate(_tie_heads(table))}
    head = {int(table.free_id[c]): number[int(c)] for c in _tie_heads(table)}
    header = ["group"] * design.has_groups + ["class"] * (design.n_classes > 1)
    header += ["item", "parameter", "attribute", "category", "status"]
    rows = []
    for c in range(len(cells)):
        row = [str(design.groups[cells.group[c] // design.n_classes])] * design.has_groups
        row += [str(cells.group[c] % design.n_classes + 1)] * (design.n_classes > 1)
        row += [design.items[cells.item[c]] if cells.item[c] >= 0 else ""]
        attribute = [
            design.attributes[a] for a in (cells.attribute_2[c], cells.attribute[c]) if a >= 0
        ]
        row += [KINDS[cells.kind[c]], ", ".join(dict.fromkeys(attribute))]
        row += [str(cells.category[c]) if cells.category[c] >= 0 else ""]
        row += [_status_text(table, c, status[c], head)]
        rows.append(row)
    return header, rows


def _tie_heads(table: ParameterTable) -> list[int]:
    """List the first cell of every tie."""
    ids, first, counts = np.unique(table.free_id, return_index=True, return_counts=True)
    return sorted(int(f) for i, f, n in zip(ids, first, counts, strict=True) if i >= 0 and n > 1)


def _status_text(table: ParameterTable, cell: int, status: str, head: dict[int, int]) -> str:
    if status == "fixed":
        value = table.value[cell]
        if table.cells.kind[cell] == KINDS.index("guessing"):
            value = 1.0 / (1.0 + np.exp(-value))
        return f"fixed {value:.6g}"
    text = f"tied #{head[int(table.free_id[cell])]}" if status == "tied" else "free"
    if not np.isnan(table.start[cell]):
        text += f", start {table.start[cell]:.4g}"
    prior = table.prior[cell]
    return text if prior is None else f"{text}, prior {prior}"


def text_table(header: list[str], rows: list[list[str]], most: int | None = None) -> str:
    """Columns of text, numbers to the right; long tables are cut in the middle.

    Examples
    --------
    >>> print(text_table(["item", "estimate"], [["a", "1.5"], ["bc", "-0.25"]]))
    item  estimate
    a          1.5
    bc       -0.25
    """
    shown = rows
    if most is not None and len(rows) > most:
        half = most // 2
        gap = [f"({len(rows) - 2 * half} more)"] + [""] * (len(header) - 1)
        shown = [*rows[:half], gap, *rows[-half:]]
    widths = [max(len(row[i]) for row in [header, *shown]) for i in range(len(header))]
    right = [all(_is_number(row[i]) for row in rows) for i in range(len(header))]

    def line(row: list[str]) -> str:
        cells = zip(row, widths, right, strict=True)
        return "  ".join(t.rjust(w) if r else t.ljust(w) for t, w, r in cells).rstrip()

    return "\n".join([line(header), *(line(row) for row in shown)])


def _is_number(text: str) -> bool:
    return not text or text.replace("-", "").replace(".", "").replace("e", "").isdigit()
