"""Wald tests of linear hypotheses about the parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt._checks import flag, numbers
from mixirt._chi_square import chi_square_tail
from mixirt._words import counted, quoted, unknown
from mixirt.errors import SpecError

__all__ = ["WaldTest", "wald_test"]

#: Rows whose part that is new is smaller than this share of them repeat what others say.
_REPEATS = 1e-9


@dataclass(frozen=True)
class WaldTest:
    """A Wald test; made by :meth:`mixirt.Result.wald`.

    Attributes
    ----------
    statistic : float
        Chi-square.
    df : int
        Number of independent statements tested.
    p_value : float
        Probability of a larger statistic if the hypothesis holds.
    """

    statistic: float
    df: int
    p_value: float


def wald_test(
    names: Sequence[str],
    x: NDArray[np.float64],
    covariance: NDArray[np.float64],
    hypothesis: Any,
    value: Any,
    equal: bool,
) -> WaldTest:
    """Test ``R x = value``; see :meth:`mixirt.Result.wald`."""
    rows = _rows(names, hypothesis, equal)
    values = numbers("value", value)
    if values.shape not in ((), (1,), (len(rows),)):
        raise SpecError(
            f"value must be one number, or one for each of the {counted(len(rows), 'statement')} "
            f"of the hypothesis; found shape {values.shape}"
        )
    used = np.flatnonzero((rows != 0).any(axis=0))
    missing = [names[int(f)] for f in used if np.isnan(covariance[f, f])]
    if missing:
        raise SpecError(f"{missing[0]} has no standard error, so nothing about it can be tested")
    distance = rows @ x - values
    spread = rows[:, used] @ covariance[np.ix_(used, used)] @ rows[:, used].T
    eigenvalues = np.linalg.eigvalsh(spread)
    if eigenvalues[0] <= _REPEATS * eigenvalues[-1]:
        raise SpecError(
            "the statements of the hypothesis are not independent of one another: leave out those "
            "that follow from others"
        )
    statistic = float(distance @ np.linalg.solve(spread, distance))
    return WaldTest(statistic, len(rows), chi_square_tail(statistic, len(rows)))


def _rows(names: Sequence[str], hypothesis: Any, equal: bool) -> NDArray[np.float64]:
    """Return the matrix ``R (q, n)``."""
    flag("equal", equal)
    if isinstance(hypothesis, str):
        hypothesis = [hypothesis]
    names_given = isinstance(hypothesis, (list, tuple)) and len(hypothesis) > 0
    if names_given and all(isinstance(name, str) for name in hypothesis):
        for name in hypothesis:
            if name not in names:
                raise SpecError(unknown("parameter", name, names))
        rows = np.eye(len(names))[[names.index(name) for name in hypothesis]]
        if equal and len(rows) < 2:
            raise SpecError(
                f"equality is between two parameters or more; found {quoted(hypothesis)} alone"
            )
        return rows[:-1] - rows[1:] if equal else rows
    if equal:
        raise SpecError("equal=True goes with names of parameters, not with a matrix; leave it out")
    rows = np.atleast_2d(numbers("a hypothesis without names of parameters", hypothesis))
    if rows.ndim != 2 or rows.shape[1] != len(names):
        raise SpecError(
            f"the hypothesis must be names of parameters or a matrix with {len(names)} columns, in "
            f"the order of r.vcov().names; found shape {np.shape(hypothesis)}"
        )
    return rows
