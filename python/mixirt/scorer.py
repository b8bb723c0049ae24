"""Scorers: a fit made ready to score respondents in production."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._answers import Answers
from mixirt._checks import check_threads, word
from mixirt._coding import read_codings, tables_of
from mixirt._progress import Progress
from mixirt._respondents import group_position
from mixirt._tables import Table
from mixirt.answer_codes import AnswerCodes, as_they_are
from mixirt.errors import DataError, MixirtError
from mixirt.long_format import LongResponses, own_columns
from mixirt.plausible_values import DrawOptions, PlausibleValues, plausible_values
from mixirt.responses import Responses, matched_table
from mixirt.scores import Scores, new_data, read_new, score_patterns
from mixirt.sum_scores import SumScoring

if TYPE_CHECKING:
    from mixirt.result import Result

#: What `Score._make` comes down to: its other steps would count references to objects that all
#: threads share, and on free-threaded Python these slow one another down.
_tuple = tuple.__new__

#: Respondents of an array that is not contiguous that are copied at a time.
_PIECE = 1 << 16

__all__ = ["Score", "Scorer", "Scoring"]


class Score(NamedTuple):
    """Attributes of one respondent; made by :meth:`Scorer.score_one`.

    Attributes
    ----------
    theta : ndarray, shape (J,)
        Estimates.
    se : ndarray, shape (J,)
        Standard errors.
    covariance : ndarray, shape (J, J)
        Covariance matrix.
    class_probabilities : ndarray, shape (C,)
        Posterior probability of each latent class; 1 where there is one class.
    log_probability : float
        Log marginal probability of the responses.
    """

    theta: NDArray[np.float64]
    se: NDArray[np.float64]
    covariance: NDArray[np.float64]
    class_probabilities: NDArray[np.float64]
    log_probability: float


class Scorer(SumScoring):
    """A fit made ready for scoring: made by :meth:`mixirt.Result.scorer`.

    Immutable: threads may share it, it can be pickled and it survives a fork. What the answers need
    is tabulated when it is made, so that a respondent costs microseconds. Scores equal those of
    :meth:`mixirt.Result.score` to the last bit, whoever else is scored in the same call.

    Examples
    --------
    >>> import mixirt
    >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
    >>> scorer = r.scorer()
    >>> scorer.score_one({"item1": 1, "item2": 1, "item5": 0}).theta.round(2).tolist()
    [-0.07]
    >>> scorer.score([[1, 1, 1, 1, 1], [0, 0, 0, None, 0]]).theta.round(2).tolist()
    [[0.73], [-1.76]]
    """

    def __init__(self, result: Result, method: str = "eap", *, missing: Any = None) -> None:
        method = word("method", method).lower()
        self._design = design = result.model.design
        self._result, self._method, self._missing = result, method, missing
        self._compiled = _core.Scorer(result._engine, result._found["x"], method)
        categories = dict(zip(design.items, design.category_labels, strict=True))
        table = Table(names=design.items, columns=[], n_rows=0, has_names=True)
        codings = read_codings(table, categories, missing)
        self._answers = AnswerCodes(design, codings)
        self._tables = tables_of(codings)
        self._is_plain, self._are_codes = not design.has_groups, self._answers.are_own

    @property
    def _summed(self) -> Result:
        return self._result

    @property
    def method(self) -> str:
        """How attributes are estimated."""
        return self._method

    @property
    def items(self) -> tuple[str, ...]:
        """Names of the items, in the order in which :meth:`score_one` takes their answers."""
        return self._design.items

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes."""
        return self._design.attributes

    def score(
        self,
        responses: Any,
        *,
        groups: Any = None,
        extra: Any = "refuse",
        n_threads: int | None = None,
        progress: bool | None = None,
    ) -> Scores:
        """Score many respondents.

        Numbers in arrays and frames are coded some hundred respondents at a time, so that no more
        memory is taken than the scores need; of an array that is not contiguous, pieces are copied.

        Parameters
        ----------
        responses : array, list of lists, data frame or long responses
            As for :meth:`mixirt.Result.score`.
        groups : sequence of labels, optional
            Observed group of each respondent; needed when the model has groups.
        extra : {"refuse", "ignore"}, default "refuse"
            What to do with columns that are no items.
        n_threads : int, optional
            Threads; default one per processor.
        progress : bool, optional
            Show how many are done; default from two seconds on, where somebody watches.

        Returns
        -------
        Scores
            As from :meth:`mixirt.Result.score`.

        Raises
        ------
        DataError
            If items are missing or unknown, or a code was not among the item's categories.
        EstimationError
            If a respondent's answers have probability 0.

        Examples
        --------
        >>> import mixirt
        >>> lsat7 = mixirt.datasets.load("lsat7").responses
        >>> r = mixirt.fit(lsat7, "2pl")
        >>> bool((r.scorer().score(lsat7).theta == r.score(lsat7).theta).all())
        True
        """
        check_threads(n_threads)
        if (
            groups is None
            and not self._design.has_groups
            and not isinstance(responses, LongResponses)
        ):
            is_strided = isinstance(responses, np.ndarray) and responses.ndim == 2
            is_strided = is_strided and not responses.flags.forc
            first = responses[:_PIECE] if is_strided else responses
            table = matched_table(first, self.items, extra)
            if table.is_numeric:
                rest = responses[_PIECE:] if is_strided else ()
                try:
                    return self._score_columns(table, rest, n_threads, progress)
                except MixirtError:
                    pass  # coded as a whole, they are refused in the user's words
            responses = responses if is_strided else table
        return self._score_whole(responses, groups, extra, (n_threads, progress))

    def score_one(self, responses: Any, *, group: Any = None) -> Score:
        """Score one respondent.

        Parameters
        ----------
        responses : mapping from item to answer, or sequence of I answers
            Answers by item name, items that are not named being missing; or one answer for each of
            :attr:`items`. None and NaN are missing.
        group : label, optional
            The respondent's observed group; needed when the model has groups.

        Returns
        -------
        Score
            Estimates, standard errors, covariance matrix, class probabilities and log-probability.

        Raises
        ------
        DataError
            If an item or group is unknown, an answer is not among the item's categories, or the
            number of answers is not that of the items.
        EstimationError
            If the answers have probability 0.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> score = r.scorer().score_one([1, 1, 1, 1, 1])
        >>> round(float(score.theta[0]), 2), round(float(score.se[0]), 2)
        (0.73, 0.8)
        """
        is_plain = group is None and self._is_plain
        position = 0 if is_plain else group_position(self._design, group)
        codes = as_they_are(responses) if self._are_codes else None
        if codes is not None:
            try:
                return _tuple(Score, self._compiled.score_one(position, codes))
            except DataError:
                pass  # read one by one, they are refused in the user's words
        return _tuple(Score, self._compiled.score_one(position, self._answers.of(responses)))

    def plausible_values(
        self,
        responses: Any,
        n_draws: int = 5,
        *,
        seed: int | None = None,
        groups: Any = None,
        extra: Any = "refuse",
        n_threads: int | None = None,
        progress: bool | None = None,
    ) -> PlausibleValues:
        """Draw from the posterior distribution of each respondent's attributes.

        The scorer's method does not matter.

        Parameters
        ----------
        responses, n_draws, seed, groups, extra, n_threads, progress
            As for :meth:`mixirt.Result.plausible_values`.

        Returns
        -------
        PlausibleValues
            As from :meth:`mixirt.Result.plausible_values`, which also says how draws are made and
            what errors there are.

        Examples
        --------
        >>> import mixirt
        >>> scorer = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl").scorer()
        >>> scorer.plausible_values([[1, 0, 1, None, 0]], n_draws=3, seed=1).theta.shape
        (1, 3, 1)
        """
        options = DrawOptions(n_draws, seed, self._missing, extra, n_threads, progress)
        return plausible_values(self._result, responses, groups, options)

    def _score_whole(
        self, responses: Any, groups: Any, extra: Any, running: tuple[int | None, bool | None]
    ) -> Scores:
        n_threads, progress = running
        groups, _ = own_columns(responses, groups)
        read = read_new(self._result, responses, groups, self._missing, extra)
        if isinstance(read.codes, Answers):
            data = new_data(self._result._engine, read, n_threads)
            found = score_patterns(self._result, data, self._method, n_threads, progress)
            return self._scores(found, read)
        group = None if read.groups is None else read.groups.astype(np.uint32)
        with Progress(progress, read.n_rows) as shown:
            report = shown.counter("respondents scored")
            found = self._compiled.score(
                read.codes, group=group, n_threads=n_threads, progress=report
            )
        return self._scores(found, read)

    def _score_columns(
        self, table: Table, rest: Any, n_threads: int | None, progress: bool | None
    ) -> Scores:
        """Score answers as they lie in memory; those of `rest` are copied piece by piece."""
        n, j = table.n_rows + len(rest), len(self.attributes)
        shapes = (n, j), (n, j, j), (n, self._design.n_classes), (n,)
        theta, covariance, class_probabilities, log_probability = room = tuple(
            map(np.empty, shapes)
        )
        with Progress(progress, n) as shown:
            report = shown.counter("respondents scored")
            for start in range(0, n, table.n_rows):
                piece = rest[start - table.n_rows : start] if start else table
                columns = matched_table(piece, self.items, "refuse").columns
                part = tuple(array[start : start + table.n_rows] for array in room)
                self._compiled.score_columns(
                    columns, *self._tables, part, n_threads=n_threads, progress=report
                )
        return Scores(
            method=self._method,
            attributes=self.attributes,
            theta=theta,
            covariance=covariance,
            class_probabilities=class_probabilities,
            log_probability=log_probability,
            native=table.native,
            index=table.index,
        )

    def _scores(self, found: dict[str, Any], read: Responses) -> Scores:
        return Scores(
            method=self._method,
            attributes=self.attributes,
            native=read.native,
            persons=read.persons,
            index=read.index,
            **found,
        )

    def __reduce__(self) -> Any:
        from mixirt.files import dumps

        return _restored, (dumps(self._result, covariances=False), self._method, self._missing)

    def __repr__(self) -> str:
        return f"<mixirt.Scorer: {self._method}, {len(self.items)} items>"


class Scoring:
    """Scorers of a fit; mixed into :class:`mixirt.Result`."""

    def scorer(self, method: str = "eap", *, missing: Any = None) -> Scorer:
        """Make the fit ready to score respondents in production.

        Parameters
        ----------
        method : str, default "eap"
            As for :meth:`score`.
        missing : value or values, optional
            Codes that mean a missing answer.

        Returns
        -------
        Scorer
            Immutable; for threads to share.

        Raises
        ------
        SpecError
            If no scoring method has that name.

        Examples
        --------
        >>> import mixirt
        >>> scorer = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl").scorer()
        >>> scorer.score_one([1, 0, 1, None, 0]).theta.round(2).tolist()
        [-0.46]
        """
        return Scorer(self, method, missing=missing)  # type: ignore[arg-type]


def _restored(text: bytes, method: str, missing: Any) -> Scorer:
    from mixirt.files import loads

    return Scorer(loads(text), method, missing=missing)
