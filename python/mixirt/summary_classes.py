"""A latent class analysis on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixirt.model_text import short, text_table
from mixirt.summary import fit_lines, headline

if TYPE_CHECKING:
    from mixirt.latent_class import LatentClassResult

__all__ = ["class_summary_text"]

#: Rows shown before the table of probabilities is cut.
_MOST_ROWS = 120


def class_summary_text(result: LatentClassResult) -> str:
    """See :meth:`mixirt.LatentClassResult.summary`."""
    design = result.model.design
    blocks = [headline(result), fit_lines(result) + "\n" + _goodness(result)]
    for observed, group in enumerate(design.groups):
        title = [f"group {group}"] if design.has_groups else []
        blocks.append("\n".join([*title, _probabilities(result, observed)]))
    return "\n\n".join(blocks)


def _goodness(result: LatentClassResult) -> str:
    fit = result.goodness_of_fit
    lines = []
    if fit.unavailable is not None:
        lines.append(f"no chi-square: {fit.unavailable}")
    else:
        for name, value, p in (
            ("G2", fit.g2, fit.g2_p),
            ("Pearson X2", fit.pearson, fit.pearson_p),
        ):
            tail = "" if p is None else f", p {p:.4f}"
            lines.append(f"{name:14s} {value:14.4f}    df {fit.df}{tail}")
    if result.model.design.n_classes > 1:
        lines.append(f"{'entropy':14s} {result.entropy:14.4f}")
    return "\n".join(lines)


def _probabilities(result: LatentClassResult, observed: int) -> str:
    """Class sizes, then a row per item and category with a column per class."""
    design, group = result.model.design, result.model.design.groups[observed]
    numbers = range(1, design.n_classes + 1)
    header = ["item", "category", *(f"class {c}" for c in numbers)]
    rows = [["size", "", *(f"{p:.4f}" for p in result.proportions[observed])]]
    for i in result._items(None, group):
        tables = [result._class_table(i, group, c) for c in numbers]
        for m, label in enumerate(design.category_labels[i]):
            values = [f"{table[m]:.4f}" for table in tables]
            rows.append([short(design.items[i]) if m == 0 else "", short(str(label)), *values])
    return text_table(header, rows, most=_MOST_ROWS)
