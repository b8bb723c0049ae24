"""Which latent class respondents belong to, and how clearly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from mixirt.frames import to_native
from mixirt.model import Model
from mixirt.provenance import FittedData

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["Classification", "Classified"]


@dataclass(frozen=True, eq=False)
class Classification:
    """Latent classes of N respondents; made by :meth:`mixirt.Result.classify`.

    Attributes
    ----------
    class_probabilities : ndarray, shape (N, C)
        Posterior probability of each class.
    log_probability : ndarray, shape (N,)
        Log marginal probability of the responses.
    persons, index
        Labels of the respondents, as in :class:`mixirt.Scores`.
    """

    class_probabilities: NDArray[np.float64]
    log_probability: NDArray[np.float64]
    native: str = "numpy"
    persons: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    index: Any = None

    def __repr__(self) -> str:
        n, n_classes = self.class_probabilities.shape
        return f"<mixirt.Classification: {n} respondents, {n_classes} classes; frame() shows them>"

    @property
    def class_map(self) -> NDArray[np.int64]:
        """The most probable class of each respondent, from 1; shape (N,)."""
        return np.asarray(self.class_probabilities.argmax(axis=1) + 1)

    def frame(self) -> Any:
        """Put the classes into a frame.

        Returns
        -------
        DataFrame
            One row per respondent: ``class_1``, ``class_2``, ... (probabilities) and
            ``class_map``. With the index of a pandas frame; for long responses, the persons come
            first.

        Examples
        --------
        >>> import mixirt
        >>> data = mixirt.datasets.load("gss87_antirel")
        >>> r = mixirt.fit_latent_class(data.responses, 2, seed=1)
        >>> r.classify([[0, 0, 1], [0, 1, 1]]).frame().round(2)
           class_1  class_2  class_map
        0     0.93     0.07          1
        1     0.17     0.83          2
        """
        n_classes = self.class_probabilities.shape[1]
        columns: dict[str, Any] = {name: list(labels) for name, labels in self.persons.items()}
        columns |= {f"class_{c + 1}": self.class_probabilities[:, c] for c in range(n_classes)}
        return to_native({**columns, "class_map": self.class_map}, self.native, self.index)


class Classified:
    """Latent classes of a fit; mixed into :class:`mixirt.Result`."""

    _model: Model
    _fitted: FittedData
    _native: str
    _found: Mapping[str, Any]

    @property
    def class_sizes(self) -> NDArray[np.float64]:
        """Share of each class in all observations, over the observed groups; shape (C,)."""
        sizes = np.asarray(self._found["class_sizes"])
        sizes = sizes.reshape(-1, self._model.design.n_classes).sum(axis=0)
        return np.asarray(sizes / sizes.sum())

    def classify(
        self,
        responses: Any = None,
        *,
        groups: Any = None,
        missing: Any = None,
        extra: Literal["refuse", "ignore"] = "refuse",
        n_threads: int | None = None,
    ) -> Classification:
        """Posterior class probabilities of respondents.

        Parameters
        ----------
        responses : array, list of lists, data frame or LongResponses, optional
            Responses to the model's items; default those of the fit.
        groups : sequence of labels, optional
            Observed group of each new respondent, when the model has groups.
        missing : value or values, optional
            Codes that mean a missing answer.
        extra : {"refuse", "ignore"}, default "refuse"
            What to do with columns that are no items.
        n_threads : int, optional
            Threads; default one per processor.

        Returns
        -------
        Classification
            ``class_probabilities (N, C)``, ``class_map (N,)``, ``log_probability (N,)``.

        Raises
        ------
        DataError
            As for :meth:`score`.

        Examples
        --------
        >>> import mixirt
        >>> data = mixirt.datasets.load("gss87_antirel")
        >>> r = mixirt.fit_latent_class(data.responses, 2, seed=1)
        >>> r.classify([[0, 0, 0], [1, 1, 1]]).class_map.tolist()
        [1, 2]
        """
        scores = cast("Result", self).score(
            responses, groups=groups, missing=missing, extra=extra, n_threads=n_threads
        )
        return Classification(
            scores.class_probabilities,
            scores.log_probability,
            scores.native,
            scores.persons,
            scores.index,
        )

    @cached_property
    def _posterior(self) -> NDArray[np.float64]:
        """Class probabilities of the fitted respondents, shape (N, C)."""
        return self.classify().class_probabilities

    @cached_property
    def entropy(self) -> float:
        """Relative entropy of the classification: 1 if it is certain, 0 if it says nothing.

        1 + sum p log p / (N log C) over respondents and classes; NaN with one class.
        """
        n_classes = self._model.design.n_classes
        if n_classes == 1:
            return float("nan")
        posterior, weights = self._posterior, self._fitted.responses.every_weight()
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(posterior > 0, posterior * np.log(posterior), 0.0)
        return float(1.0 + (weights @ terms.sum(axis=1)) / (weights.sum() * np.log(n_classes)))

    def classification_table(self) -> Any:
        """Average posterior probabilities of those assigned to each class.

        Returns
        -------
        DataFrame
            One row per assigned (most probable) class: ``assigned``, ``n`` (sum of weights) and
            the averages ``class_1``, ``class_2``, ...; those on the diagonal should be high.

        Raises
        ------
        DataError
            If the fit was read from a file, which does not hold the responses.

        Examples
        --------
        >>> import mixirt
        >>> responses = mixirt.datasets.load("gss87_antirel").responses
        >>> mixirt.fit_latent_class(responses, 2, seed=1).classification_table().round(2)
           assigned       n  class_1  class_2
        0         1  1073.0     0.96     0.04
        1         2   640.0     0.06     0.94
        """
        posterior, weights = self._posterior, self._fitted.responses.every_weight()
        n_classes = posterior.shape[1]
        chosen = posterior.argmax(axis=1) == np.arange(n_classes)[:, None]
        n = chosen @ weights
        with np.errstate(invalid="ignore"):
            average = (chosen * weights) @ posterior / n[:, None]
        columns: dict[str, Any] = {"assigned": np.arange(1, n_classes + 1), "n": n}
        columns |= {f"class_{c + 1}": average[:, c] for c in range(n_classes)}
        return to_native(columns, self._native)
