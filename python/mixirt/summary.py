"""A fit on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mixirt.model_text import text_table

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["summary_text"]

#: Items shown before the table is cut.
_MOST_ITEMS = 60


def summary_text(result: Result) -> str:
    """Model, fit statistics, convergence and estimates; see :meth:`mixirt.Result.summary`."""
    design = result.model.design
    blocks = [_headline(result), _statistics(result)]
    blocks += [_group(result, latent) for latent in range(design.n_latent_groups)]
    return "\n\n".join(blocks)


def _headline(result: Result) -> str:
    design, data = result.model.design, result._data
    models = ", ".join(sorted({model.name for model in design.models}))
    lines = [
        f"mixirt: {models}; {len(design.items)} items, {data.n_respondents} respondents, "
        f"{data.n_patterns} patterns"
    ]
    if design.attributes:
        points = "default" if design.n_quadrature is None else str(design.n_quadrature)
        n = len(design.attributes)
        lines.append(
            f"{n} attribute{'s' * (n > 1)}; {design.quadrature} quadrature, {points} points"
        )
    return "\n".join(lines)


def _statistics(result: Result) -> str:
    state = "converged" if result.converged else "NOT CONVERGED"
    lines = [
        f"log-likelihood {result.loglik:14.4f}    AIC {result.aic:14.2f}",
        f"parameters     {result.n_parameters:14d}    BIC {result.bic:14.2f}",
    ]
    if result.log_posterior != result.loglik:
        lines.append(f"log-posterior  {result.log_posterior:14.4f}")
    lines.append(
        f"{state} after {result.n_cycles} cycles in {result.seconds:.3f} s "
        f"(last change {result.last_change:.1e})"
    )
    return "\n".join(lines)


def _group(result: Result, latent: int) -> str:
    """Item parameters, one row per item, then the distribution, of one group and class."""
    design = result.model.design
    observed, class_ = design.observed_of(latent), design.class_of(latent)
    title = []
    if design.has_groups:
        title.append(f"group {design.groups[observed]}")
    if design.n_classes > 1:
        title.append(f"class {class_ + 1} ({result.proportions[observed, class_]:.4f})")
    header, rows = _item_rows(result, latent)
    parts = [", ".join(title)] * bool(title) + [text_table(header, rows, most=_MOST_ITEMS)]
    own = np.flatnonzero(design.attributes_in_group[observed])
    if len(own):
        mean, covariance = result._distribution(latent)
        names = [design.attributes[j] for j in own]
        lines = [
            [name, f"{mean[j]:.4f}", *(f"{covariance[j, k]:.4f}" for k in range(j + 1))]
            for j, name in enumerate(names)
        ]
        lines = [line + [""] * (2 + len(names) - len(line)) for line in lines]
        parts.append(text_table(["attribute", "mean", *_covariance_header(names)], lines))
    return "\n".join(parts)


def _covariance_header(names: list[str]) -> list[str]:
    return ["variance"] if len(names) == 1 else [f"cov {name}" for name in names]


def _item_rows(result: Result, latent: int) -> tuple[list[str], list[list[str]]]:
    design, cells = result.model.design, result.model.design.cells
    values = result._public_values()
    header: list[str] = []
    by_item: dict[int, dict[str, str]] = {}
    for c in np.flatnonzero((cells.group == latent) & (cells.item >= 0)):
        kind = int(cells.kind[c])
        if kind == 0:
            many = len(design.attributes) > 1
            name = f"a:{design.attributes[cells.attribute[c]]}" if many else "slope"
        elif kind == 1:
            many = max(design.n_categories) > 2
            name = f"b{cells.category[c]}" if many else "intercept"
        else:
            name = "guessing"
        if name not in header:
            header.append(name)
        by_item.setdefault(int(cells.item[c]), {})[name] = f"{values[c]:.4f}"
    header.sort(key=lambda name: (name == "guessing", name.startswith("b") or name == "intercept"))
    rows = [
        [design.items[i], *(numbers.get(name, "") for name in header)]
        for i, numbers in by_item.items()
    ]
    return ["item", *header], rows
