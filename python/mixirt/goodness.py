"""Fit of a latent class model to the full contingency table of the responses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixirt._chi_square import chi_square_tail
from mixirt.design import Design
from mixirt.responses import MISSING, Responses

__all__ = ["GoodnessOfFit", "chi_squares", "n_cells"]

#: Tables with more cells are so sparse that no chi-square distribution is near.
MOST_CELLS = 2**24


@dataclass(frozen=True)
class GoodnessOfFit:
    """Chi-square statistics over all possible response patterns.

    Attributes
    ----------
    pearson, pearson_p : float or None
        Pearson's statistic and its p-value.
    g2, g2_p : float or None
        The likelihood-ratio statistic (deviance) and its p-value.
    df : int
        Cells of the table, less one for each group, less the parameters.
    n_cells : int
        Cells of the table, over all groups.
    unavailable : str or None
        Why there are no statistics, where there are none.
    """

    pearson: float | None
    pearson_p: float | None
    g2: float | None
    g2_p: float | None
    df: int
    n_cells: int
    unavailable: str | None = None


def n_cells(design: Design) -> list[int]:
    """Count the possible response patterns of each observed group."""
    return [
        math.prod(m for m, used in zip(design.n_categories, row, strict=True) if used)
        for row in design.items_in_group
    ]


def chi_squares(
    design: Design, read: Responses, log_probability: NDArray[np.float64] | None, n_parameters: int
) -> GoodnessOfFit:
    """Compare observed and expected frequencies; weights count as frequencies.

    Cells nobody is in enter Pearson's statistic with their expected frequency, which the total
    gives: sum (O - E)^2 / E = sum O^2 / E - N, so that only observed patterns are looked at.

    Parameters
    ----------
    design : Design
        The model's structure.
    read : Responses
        The responses, shape (N, I).
    log_probability : ndarray, shape (N,), or None
        Log-probability of each respondent's pattern; None for the degrees of freedom alone.
    n_parameters : int
        Number of estimated parameters.
    """
    cells = n_cells(design)
    df = sum(cells) - len(cells) - n_parameters
    reason = _unavailable(design, read, sum(cells))
    if reason is not None or log_probability is None:
        return GoodnessOfFit(None, None, None, None, df, sum(cells), reason)
    group, weights = read.every_group(), read.every_weight()
    address, matrix = group.astype(np.int64), read.matrix()
    for i, n in enumerate(design.n_categories):
        codes = matrix[:, i].astype(np.int64)
        address = address * n + np.where(design.items_in_group[group, i], codes, 0)
    _, first, inverse = np.unique(address, return_index=True, return_inverse=True)
    observed = np.bincount(inverse, weights=weights)
    totals = np.bincount(group, weights=weights)
    expected = totals[group[first]] * np.exp(log_probability[first])
    present = observed > 0
    observed, expected = observed[present], expected[present]
    pearson = float((observed * observed / expected).sum() - totals.sum())
    g2 = float(2.0 * (observed * np.log(observed / expected)).sum())
    p = [chi_square_tail(value, df) if df > 0 else None for value in (pearson, g2)]
    return GoodnessOfFit(pearson, p[0], g2, p[1], df, sum(cells))


def _unavailable(design: Design, read: Responses, total: int) -> str | None:
    if total > MOST_CELLS:
        return f"the table has {total} cells, too many for a chi-square distribution to hold"
    group = read.every_group()
    if ((read.matrix() == MISSING) & design.items_in_group[group]).any():
        return "some responses are missing, so there is no single table to compare with"
    return None
