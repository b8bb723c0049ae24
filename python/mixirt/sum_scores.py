"""Conversion tables from sum scores to attributes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._checks import check_threads, chosen, positive_number, several
from mixirt._respondents import group_position
from mixirt._words import shown, unknown
from mixirt.design import Design
from mixirt.errors import SpecError
from mixirt.frames import to_native
from mixirt.scores import Posteriors

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["SumScores", "SumScoring", "sum_scores"]

#: The engine counts points in 64-bit integers; sums of many items must fit as well.
_LARGEST_POINTS = 2**46


@dataclass(frozen=True, eq=False)
class SumScores(Posteriors):
    """What each of S sum scores says of the attributes; made by :meth:`mixirt.Result.sum_scores`.

    Attributes
    ----------
    score : ndarray, shape (S,)
        The sum scores that can occur, ascending.
    probability : ndarray, shape (S,)
        How probable each is under the model; they sum to 1.
    attributes : tuple of str
        Names of the J attributes.
    theta : ndarray, shape (S, J)
        Posterior means (EAP) of respondents with that sum score; NaN for an attribute that the
        group does not have.
    covariance : ndarray, shape (S, J, J)
        Posterior covariance.
    class_probabilities : ndarray, shape (S, C)
        Posterior probability of each latent class; 1 where there is one class.
    """

    score: NDArray[np.float64]
    probability: NDArray[np.float64]
    attributes: tuple[str, ...]
    theta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    class_probabilities: NDArray[np.float64]
    native: str = "numpy"

    def frame(self, n: float | None = None) -> Any:
        """One row per sum score.

        Columns ``score``, ``probability``, each attribute and its standard error; with classes,
        ``class_1``, ``class_2``, ... and ``class_map``.

        Parameters
        ----------
        n : float, optional
            A number of respondents: a column ``expected`` says how many of them are expected.

        Returns
        -------
        DataFrame
            In the library of the fitted responses.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> print(r.sum_scores(["item1", "item2"]).frame().round(2))
           score  probability  theta  theta_se
        0    0.0         0.08  -1.10      0.84
        1    1.0         0.34  -0.39      0.85
        2    2.0         0.57   0.40      0.88
        """
        columns: dict[str, Any] = {"score": self.score, "probability": self.probability}
        if n is not None:
            columns["expected"] = positive_number("n", n) * self.probability
        return to_native(columns | self._columns(), self.native)


class SumScoring:
    """Tables of sum scores of a fit; mixed into :class:`mixirt.Result` and its scorers."""

    @property
    def _summed(self) -> Result:
        """The fit whose items are summed."""
        return self  # type: ignore[return-value]

    def sum_scores(
        self,
        items: Iterable[str] | None = None,
        *,
        group: Any = None,
        scores: Mapping[str, Sequence[float]] | str | None = None,
        n_threads: int | None = None,
    ) -> SumScores:
        """Make the table that turns sum scores into attributes.

        For every sum of item scores: how probable it is, and the posterior mean and standard
        deviation of the attributes given the sum alone (EAP by sum score), by the recursion of
        Lord and Wingersky [1]_, for any number of categories [2]_, attributes and classes. In a
        Rasch or partial credit model the sum is all that counts, and the table gives what scores by
        pattern give; in other models a little precision is lost. Respondents have to have answered
        all of the items.

        Parameters
        ----------
        items : iterable of str, optional
            The items to be summed; default all items of the group.
        group : label, optional
            The observed group; needed when the model has groups.
        scores : mapping or "model", optional
            Points of the categories of an item, by item; default 0, 1, 2, ... for every item that
            is not named. ``"model"`` takes the model's category scores. They are taken as the
            decimal numbers that Python prints, so that 0.1 + 0.2 and 0.3 are one sum.
        n_threads : int, optional
            Threads; default one per processor.

        Returns
        -------
        SumScores
            ``score (S,)``, ``probability (S,)``, ``theta (S, J)``, ``se (S, J)``,
            ``covariance (S, J, J)``, ``class_probabilities (S, C)``.

        Raises
        ------
        DataError
            If the group is unknown, or none was named and the model has some.
        SpecError
            If an item is unknown, there twice or not in the group, scores do not fit its
            categories, or there are more than 100,000 different sums.

        References
        ----------
        .. [1] F. M. Lord and M. S. Wingersky (1984). Comparison of IRT true-score and
           equipercentile observed-score "equatings". Applied Psychological Measurement 8, 453-461.
        .. [2] D. Thissen, M. Pommerich, K. Billeaud and V. S. L. Williams (1995). Item response
           theory for scores on tests including polytomous items with ordered responses. Applied
           Psychological Measurement 19, 39-49.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "rasch")
        >>> print(r.sum_scores().frame(n=1000).round(2))
           score  probability  expected  theta  theta_se
        0    0.0         0.01     10.54  -1.93      0.71
        1    1.0         0.04     43.44  -1.43      0.70
        2    2.0         0.11    109.76  -0.93      0.71
        3    3.0         0.21    211.10  -0.42      0.73
        4    4.0         0.32    315.17   0.13      0.76
        5    5.0         0.31    309.98   0.75      0.81
        """
        return sum_scores(self._summed, items, group, scores, n_threads)


def sum_scores(
    result: Result,
    items: Iterable[str] | None,
    group: Any,
    scores: Mapping[str, Sequence[float]] | str | None,
    n_threads: int | None,
) -> SumScores:
    """Make the table; see :meth:`mixirt.Result.sum_scores`."""
    check_threads(n_threads)
    design = result.model.design
    observed = group_position(design, group)
    chosen = _positions(design, items, observed)
    unit, points = _points(_category_points(design, chosen, scores))
    found = _core.sum_scores(
        result._engine, result._found["x"], observed, chosen, points, n_threads=n_threads
    )
    sums = [float(int(p) * unit) for p in found.pop("points")]
    return SumScores(
        score=np.array(sums), attributes=design.attributes, native=result._native, **found
    )


def _positions(design: Design, items: Iterable[str] | None, observed: int) -> list[int]:
    if items is None:
        return np.flatnonzero(design.items_in_group[observed]).tolist()
    if isinstance(items, str):
        raise SpecError(f"items must be a list of names, not the text {items!r}; write [{items!r}]")
    positions = [chosen("item", name, design.items) for name in several("items", items)]
    if not positions:
        raise SpecError("a sum score needs at least one item; items is empty")
    return positions


def _category_points(design: Design, items: list[int], scores: Any) -> list[list[Fraction]]:
    """Exact points of every category of the chosen items."""
    if scores is None or isinstance(scores, Mapping):
        named = scores or {}
        strange = [name for name in named if name not in {design.items[i] for i in items}]
        if strange:
            raise SpecError(unknown("item", strange[0], [design.items[i] for i in items]))
        given = [named.get(design.items[i], range(design.n_categories[i])) for i in items]
    elif isinstance(scores, str) and scores == "model":
        given = [design.category_scores[i] for i in items]
    else:
        raise SpecError(
            f"scores must be a mapping from item to points or 'model'; found {shown(scores)}"
        )
    return [
        _exact(points, design.items[i], design.n_categories[i])
        for i, points in zip(items, given, strict=True)
    ]


def _exact(points: Any, item: str, n_categories: int) -> list[Fraction]:
    try:
        found = [float(p) for p in points]
    except (TypeError, ValueError):
        found = []
    if len(found) != n_categories or not all(math.isfinite(p) for p in found):
        raise SpecError(
            f"the scores of item '{item}' must be {n_categories} finite numbers, one for each "
            f"category; found {points!r}"
        )
    return [Fraction(Decimal(repr(p))) for p in found]


def _points(exact: list[list[Fraction]]) -> tuple[Fraction, list[list[int]]]:
    """Write points as whole multiples of the largest unit that all of them share."""
    every = [p for points in exact for p in points]
    denominator = math.lcm(*(p.denominator for p in every))
    numerator = math.gcd(*(int(p * denominator) for p in every))
    unit = Fraction(max(numerator, 1), denominator)
    whole = [[int(p / unit) for p in points] for points in exact]
    if max(abs(p) for points in whole for p in points) > _LARGEST_POINTS:
        raise SpecError(
            "the item scores have too many digits to be added exactly; round them, to four "
            "decimals for instance"
        )
    return unit, whole
