"""Scores of respondents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._answers import Answers
from mixirt._checks import check_threads, word
from mixirt._progress import Progress
from mixirt._respondents import check_groups_given
from mixirt.errors import DataError
from mixirt.frames import to_native
from mixirt.long_format import own_columns
from mixirt.responses import Responses, check_extra

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["Posteriors", "ScoreOptions", "Scores", "score"]


class Posteriors:
    """What follows from estimates, covariances and class probabilities of several rows (R)."""

    attributes: tuple[str, ...]
    theta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    class_probabilities: NDArray[np.float64]

    @property
    def se(self) -> NDArray[np.float64]:
        """Standard errors, shape (R, J): roots of the covariances' diagonals."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))

    @property
    def class_map(self) -> NDArray[np.int64]:
        """The most probable class of each row, from 1; shape (R,)."""
        return np.asarray(self.class_probabilities.argmax(axis=1) + 1)

    def _columns(self) -> dict[str, Any]:
        """Each attribute and its standard error; with classes, their probabilities and the map."""
        columns: dict[str, Any] = {}
        se = self.se
        for j, name in enumerate(self.attributes):
            columns[name], columns[f"{name}_se"] = self.theta[:, j], se[:, j]
        n_classes = self.class_probabilities.shape[1]
        if n_classes > 1:
            columns |= {f"class_{c + 1}": self.class_probabilities[:, c] for c in range(n_classes)}
            columns["class_map"] = self.class_map
        return columns


@dataclass(frozen=True, eq=False)
class Scores(Posteriors):
    """Attributes of N respondents; made by :meth:`mixirt.Result.score`.

    Attributes
    ----------
    method : str
        How they were estimated.
    attributes : tuple of str
        Names of the J attributes.
    theta : ndarray, shape (N, J)
        Estimates; NaN for an attribute that is not in a respondent's group. By ``"ml"``, infinite
        where the likelihood of an attribute rises without end (beyond 50 standard deviations), and
        NaN where items tie it to others and together they have no finite maximum. By ``"ml"`` and
        ``"wle"``, NaN where no answered item measures the attribute, or too few to tell it from
        others that the same items measure. Where items can be guessed, the likelihood may have
        several maxima, and the weighted estimating equation several roots: ``"ml"`` takes the
        highest maximum of an attribute that items of its own measure; otherwise the one is taken
        that lies uphill of the most probable node.
    covariance : ndarray, shape (N, J, J)
        Posterior covariance about the estimates; for ``"mode"`` the inverse of the negative
        Hessian of the log posterior density there; for ``"ml"`` and ``"wle"`` the inverse of the
        expected information of the answered items there, infinite for infinite estimates.
    class_probabilities : ndarray, shape (N, C)
        Posterior probability of each latent class; 1 where there is one class.
    log_probability : ndarray, shape (N,)
        Log marginal probability of the responses.
    persons : dict
        Labels of the respondents, by the name of their column, where responses came in long
        format; else empty.
    index : pandas.Index or None
        The index of the pandas frame that the responses came in.
    """

    method: str
    attributes: tuple[str, ...]
    theta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    class_probabilities: NDArray[np.float64]
    log_probability: NDArray[np.float64]
    native: str = "numpy"
    persons: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    index: Any = None

    def __repr__(self) -> str:
        about = ", ".join(self.attributes) or f"{self.class_probabilities.shape[1]} classes"
        return (
            f"<mixirt.Scores: {len(self.theta)} respondents, {self.method} of {about}; "
            "frame() shows them>"
        )

    def frame(self) -> Any:
        """Put estimates and standard errors into a frame.

        Returns
        -------
        DataFrame
            One row per respondent: for each attribute a column of its name and one with ``_se``;
            with classes ``class_1``, ... (probabilities) and ``class_map``. In the library the
            responses came in, with the index of a pandas frame; pandas for arrays. For long
            responses, the persons come first.

        Examples
        --------
        >>> import mixirt
        >>> lsat7 = mixirt.datasets.load("lsat7").responses
        >>> print(mixirt.fit(lsat7, "2pl").score(lsat7[:2]).frame().round(2))
           theta  theta_se
        0  -1.87      0.69
        1  -1.87      0.69
        """
        columns: dict[str, Any] = {name: list(labels) for name, labels in self.persons.items()}
        return to_native(columns | self._columns(), self.native, self.index)


class ScoreOptions(NamedTuple):
    """The arguments of :meth:`mixirt.Result.score` besides the responses and their groups."""

    method: str
    missing: Any
    extra: Any
    n_threads: int | None
    progress: bool | None


def score(result: Result, responses: Any, groups: Any, options: ScoreOptions) -> Scores:
    """Score the fitted or new responses; see :meth:`mixirt.Result.score`."""
    engine, native = result._engine, result._native
    _, missing, extra, n_threads, progress = options
    check_threads(n_threads)
    method = word("method", options.method).lower()
    if responses is None:
        check_nothing_new(groups, missing, extra)
        data, read = result._fitted.engine, result._fitted.responses
    else:
        groups, _ = own_columns(responses, groups)
        read = read_new(result, responses, groups, missing, extra)
        data, native = new_data(engine, read, n_threads), read.native
    return Scores(
        method=method,
        attributes=result.model.design.attributes,
        native=native,
        persons=read.persons,
        index=read.index,
        **score_patterns(result, data, method, n_threads, progress),
    )


def score_patterns(
    result: Result, data: _core.Data, method: str, n_threads: int | None, progress: bool | None
) -> dict[str, NDArray[np.float64]]:
    """Score each distinct pattern once, and give every respondent the scores of theirs."""
    with Progress(progress, data.n_patterns) as shown:
        return data.score(
            result._engine,
            result._found["x"],
            method,
            n_threads=n_threads,
            progress=shown.counter("patterns scored"),
        )


def check_nothing_new(groups: Any, missing: Any, extra: Any) -> None:
    """Refuse what belongs to new responses, where the fitted ones are taken."""
    own_extra = None if check_extra(extra) == "refuse" else extra
    given = {"groups": groups, "missing": missing, "extra": own_extra}
    for name, value in given.items():
        if value is not None:
            raise DataError(
                f"{name}= is for new responses, but none were given, and those of the fit have "
                f"been read already; give responses, or leave {name} out"
            )


def read_new(result: Result, responses: Any, groups: Any, missing: Any, extra: Any) -> Responses:
    """Read new responses to the items of a fitted model."""
    design = result.model.design
    check_groups_given(design, groups)
    return Responses.read_for(
        responses,
        dict(zip(design.items, design.category_labels, strict=True)),
        missing=missing,
        groups=groups,
        group_labels=design.groups if design.has_groups else None,
        extra=extra,
    )


def new_data(
    engine: _core.Model,
    read: Responses,
    n_threads: int | None,
    known_class: NDArray[np.uint16] | None = None,
) -> _core.Data:
    """Return the responses as the engine keeps them."""
    group = None if read.groups is None else read.groups.astype(np.uint32)
    return data_of(engine, read.codes, group, read.weights, known_class, n_threads)


def data_of(
    engine: _core.Model,
    codes: NDArray[np.uint8] | Answers,
    group: NDArray[np.uint32] | None,
    weights: NDArray[np.float64] | None,
    known_class: NDArray[np.uint16] | None,
    n_threads: int | None,
) -> _core.Data:
    """Return codes with what belongs to their respondents as the engine keeps them."""
    if isinstance(codes, Answers):
        return _core.Data.from_answers(
            engine,
            codes.ptr,
            codes.items,
            codes.codes,
            group=group,
            weights=weights,
            known_class=known_class,
            n_threads=n_threads,
        )
    return _core.Data(
        engine,
        codes,
        group=group,
        weights=weights,
        known_class=known_class,
        n_threads=n_threads,
    )
