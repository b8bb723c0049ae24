"""A fit on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mixirt._words import counted
from mixirt.model_text import distribution_table, group_title, item_table, number_column

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["fit_lines", "headline", "summary_text"]


def summary_text(result: Result) -> str:
    """Model, fit statistics, convergence and estimates; see :meth:`mixirt.Result.summary`."""
    design = result.model.design
    blocks = [headline(result), fit_lines(result)]
    blocks += [_group(result, latent) for latent in range(design.n_latent_groups)]
    return "\n\n".join(blocks)


def headline(result: Result) -> str:
    """Say what the model is and how large the data are."""
    design, data = result.model.design, result.data
    models = ", ".join(sorted({model.name for model in design.models}))
    if not design.attributes:
        models = f"{design.n_classes} latent classes"
    lines = [
        f"mixirt: {models}; {counted(len(design.items), 'item')}, "
        f"{counted(data.n_respondents, 'respondent')}, {counted(data.n_patterns, 'pattern')}"
    ]
    if design.attributes:
        given = design.n_quadrature
        points = "default" if given is None else " x ".join(str(n) for n in given)
        n = counted(len(design.attributes), "attribute")
        lines.append(f"{n}; {design.quadrature} quadrature, {points} points")
    return "\n".join(lines)


def fit_lines(result: Result) -> str:
    """Log-likelihood, criteria, convergence and replication."""
    design = result.model.design
    state = "converged" if result.converged else "NOT CONVERGED"
    lines = [
        f"log-likelihood {result.loglik:14.4f}    AIC {result.aic:14.2f}",
        f"parameters     {result.n_parameters:14d}    BIC {result.bic:14.2f}",
    ]
    if result.log_posterior != result.loglik:
        lines.append(f"log-posterior  {result.log_posterior:14.4f}")
    if result.n_cycles:
        lines.append(
            f"{state} after {counted(result.n_cycles, 'cycle')} in {result.seconds:.3f} s "
            f"(last change {result.last_change:.1e})"
        )
    else:
        lines.append("nothing was estimated: these are the values given")
    if design.n_classes > 1:
        lines.append(_replication(result))
    status = result._status_line()
    if status:
        lines.append(f"status: {status}")
    return "\n".join(lines)


def _replication(result: Result) -> str:
    if result.n_starts == 1:
        return "one start: whether another finds a higher log-likelihood is not known"
    starts = result._found["starts"]
    ended = int((np.asarray(starts["finished"]) | np.asarray(starts["converged"])).sum())
    lines = [
        f"best log-likelihood reached by {result.n_replicated} of the {ended} starts that went on, "
        f"of {result.n_starts}"
    ]
    if result.n_replicated == 1:
        lines.insert(0, "NOT REPLICATED: it may be a local maximum")
    redrawn = int(np.count_nonzero(starts["n_redrawn"]))
    if redrawn:
        lines.append(f"starts drawn anew, for an empty class or a failure: {redrawn}")
    return "\n".join([*lines, f"seed {result.seed}"])


def _group(result: Result, latent: int) -> str:
    """Item parameters, one row per item, then the distribution, of one group and class."""
    design = result.model.design
    observed, class_ = design.observed_of(latent), design.class_of(latent)
    title = group_title(design, latent)
    if _sets_scale(result, observed):
        title += ": the reference, which sets the scale"
    if design.n_classes > 1:
        title += f" ({result.proportions[observed, class_]:.4f})"
    say = number_column(result._public_values())
    parts = [title] * bool(title) + [item_table(design, latent, say)]
    if len(design.attributes_of(latent)):
        parts.append(distribution_table(design, latent, say))
    return "\n".join(parts)


def _sets_scale(result: Result, observed: int) -> bool:
    """Whether a group is the one from which means or variances of others are reckoned."""
    design, table = result.model.design, result.model.table
    if design.groups[observed] != design.reference:
        return False
    cells = design.cells
    moments = cells.is_kind("mean") | cells.is_kind("variance")
    others = cells.group // design.n_classes != observed
    return bool((moments & others & ~table.is_fixed).any())
