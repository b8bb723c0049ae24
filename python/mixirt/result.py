"""What a fit found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from mixirt import _core
from mixirt.classification import Classified
from mixirt.course import Course
from mixirt.covariance import ParameterCovariance
from mixirt.curves import Curves
from mixirt.diagnostics import Diagnostics
from mixirt.inference import Inference
from mixirt.model import Model
from mixirt.plausible_values import Drawing
from mixirt.provenance import DataSummary, FittedData
from mixirt.reliability import Reliability
from mixirt.reporting import Reported
from mixirt.reuse import Reuse
from mixirt.scorer import Scoring
from mixirt.scores import ScoreOptions, Scores, new_data, score
from mixirt.simulate import simulate
from mixirt.sum_scores import SumScoring
from mixirt.summary import summary_text

if TYPE_CHECKING:
    from mixirt.settings import Settings

__all__ = ["Result"]


class Result(
    Classified,
    Curves,
    Inference,
    Course,
    Reuse,
    Scoring,
    SumScoring,
    Drawing,
    Reliability,
    Reported,
):
    """Estimates, log-likelihood and history of a fit; made by :func:`mixirt.fit`. Immutable.

    - Estimates: :meth:`parameters`, :meth:`distributions`, :meth:`derived`, :meth:`summary`.
    - Their uncertainty: :meth:`standard_errors`, :meth:`confint`, :meth:`vcov`, :meth:`delta`,
      :meth:`wald`, :meth:`gradient`, :meth:`contributions`, :meth:`bootstrap`.
    - Whether to trust them: :meth:`diagnostics`, :attr:`converged`, :attr:`history`,
      :meth:`starts`; how good they are: :attr:`loglik`, :attr:`aic`, :attr:`bic`.
    - Respondents: :meth:`score`, :meth:`classify`, :meth:`plausible_values`, :meth:`sum_scores`,
      :meth:`reliability`, and :meth:`scorer` for production.
    - Curves: :meth:`category_probabilities`, :meth:`expected_scores`, :meth:`information`,
      :meth:`test_information`.
    - To go on with: :meth:`save`, :meth:`report`, :meth:`simulate`, :meth:`start_for`.

    It can be pickled and copied, with the responses it was fitted to. A pickle is for processes of
    the same version of mixirt; :meth:`save` writes what later versions read.
    """

    def __init__(
        self,
        *,
        model: Model,
        engine: _core.Model,
        data: FittedData,
        found: Mapping[str, Any],
        settings: Settings,
    ) -> None:
        self._model, self._engine, self._fitted = model, engine, data
        self._native = data.summary.native
        self._found, self._settings = found, settings
        self._values = engine.expand(found["x"])
        self._covariances: dict[str, ParameterCovariance] = {}
        self._diagnosed: list[Diagnostics] = []

    @property
    def model(self) -> Model:
        """The model that was fitted."""
        return self._model

    @property
    def data(self) -> DataSummary:
        """What is known of the fitted responses: numbers of respondents and patterns, weights."""
        return self._fitted.summary

    @property
    def fingerprint(self) -> str:
        """SHA-256 of codes, weights, groups, known classes: equal for fits to the same data."""
        return self._fitted.fingerprint

    @property
    def loglik(self) -> float:
        """Log-likelihood of the responses at the estimates (without priors)."""
        return float(self._found["loglik"])

    @property
    def log_posterior(self) -> float:
        """Log-likelihood plus the log prior densities; equal to `loglik` without priors."""
        return float(self._found["log_posterior"])

    @property
    def n_parameters(self) -> int:
        """Number of estimated parameters, ties counted once."""
        return int(self._engine.n_parameters)

    def plan(self) -> str:
        """Say how the attributes were integrated over, as :meth:`mixirt.Model.plan` does.

        Returns
        -------
        str
            One paragraph for every observed group.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl", n_quadrature=31)
        >>> print(r.plan())
        whole grid: 31 nodes over 1 attribute
        """
        return self._engine.plan()

    @property
    def n_observations(self) -> float:
        """Sum of the weights; the number of respondents without weights."""
        return self._fitted.summary.sum_of_weights

    @property
    def aic(self) -> float:
        """Akaike's criterion: -2 log-likelihood + 2 parameters."""
        return -2.0 * self.loglik + 2.0 * self.n_parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion: -2 log-likelihood + log(observations) parameters."""
        return -2.0 * self.loglik + math.log(self.n_observations) * self.n_parameters

    @property
    def sabic(self) -> float:
        """BIC with the sample-size adjustment of Sclove (1987): log((n + 2) / 24) per parameter."""
        return -2.0 * self.loglik + math.log((self.n_observations + 2) / 24) * self.n_parameters

    def score(
        self,
        responses: Any = None,
        method: str = "eap",
        *,
        groups: Any = None,
        missing: Any = None,
        extra: Literal["refuse", "ignore"] = "refuse",
        n_threads: int | None = None,
        progress: bool | None = None,
    ) -> Scores:
        """Estimate the attributes of respondents.

        Each distinct pattern of answers is scored once.

        Parameters
        ----------
        responses : array, list of lists, data frame or LongResponses, optional
            Responses to the model's items, columns of a frame matched by name; default the
            responses of the fit.
        method : {"eap", "map", "mode", "ml", "wle"}, default "eap"
            Posterior mean; posterior mode on the grid (the paper's MAP); true posterior mode;
            maximum likelihood, which is infinite for scores such as perfect ones; weighted
            likelihood [1]_, which is finite: in several attributes the maximum likelihood without
            its bias of first order [2]_. With classes, all but the first are estimates within the
            most probable class.
        groups : sequence of labels, optional
            Observed group of each new respondent; needed when the model has groups.
        missing : value or values, optional
            Codes that mean a missing answer.
        extra : {"refuse", "ignore"}, default "refuse"
            What to do with columns that are no items.
        n_threads : int, optional
            Threads; default one per processor.
        progress : bool, optional
            Show how many patterns are done; default from two seconds on, where somebody watches.

        Returns
        -------
        Scores
            ``theta (N, J)``, ``se (N, J)``, ``covariance (N, J, J)``,
            ``class_probabilities (N, C)``, ``class_map (N,)``, ``log_probability (N,)``.

        Raises
        ------
        DataError
            If items are missing or unknown, or a code was not among the item's categories.
        SpecError
            If the method is unknown.
        EstimationError
            If a respondent's answers have probability 0.

        References
        ----------
        .. [1] T. A. Warm (1989). Weighted likelihood estimation of ability in item response
           theory. Psychometrika 54, 427-450.
        .. [2] D. Firth (1993). Bias reduction of maximum likelihood estimates. Biometrika 80,
           27-38. For 2PL and GPCM items the estimate is also that of C. Wang (2015). On latent
           trait estimation in multidimensional compensatory item response models. Psychometrika
           80, 428-449.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> r.score([[1, 1, 1, 1, 1], [0, 0, 0, None, 0]]).theta.round(2).tolist()
        [[0.73], [-1.76]]
        >>> r.score([[1, 1, 1, 1, 1], [0, 0, 0, None, 0]], "ml").theta.round(2).tolist()
        [[inf], [-inf]]
        """
        options = ScoreOptions(method, missing, extra, n_threads, progress)
        return score(self, responses, groups, options)

    def simulate(
        self, n: int | None = None, *, groups: Any = None, theta: Any = None, seed: Any = None
    ) -> Any:
        """Draw responses from the fitted model.

        Parameters
        ----------
        n : int, optional
            Number of respondents; default as many as were fitted, in the same groups.
        groups : sequence of labels, shape (n,), optional
            Observed group of each, when the model has groups.
        theta : array-like, shape (n, J), optional
            Attributes of each; default drawn from the groups' distributions.
        seed : int or numpy.random.Generator, optional
            For the same draws again.

        Returns
        -------
        DataFrame
            One column per item, with the user's category values; missing where an item is not in
            the respondent's group. In the library of the fitted responses.

        Raises
        ------
        SpecError
            If `n`, `groups` and `theta` are for different numbers of respondents, `theta` has the
            wrong shape, or the groups have to be named.
        DataError
            If the model has no groups, or a group is unknown.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> r.simulate(3, seed=1).shape
        (3, 5)
        """
        return simulate(self, n, groups, theta, seed)

    def summary(self) -> str:
        """Put the fit on a page: model, fit statistics, convergence and estimates.

        Returns
        -------
        str
            At most 80 columns wide; ``print(result)`` shows the same.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> print(r.summary().splitlines()[0])
        mixirt: 2pl; 5 items, 1000 respondents, 32 patterns
        """
        return summary_text(self)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what the engine made of the model."""
        # Copies: other threads may meanwhile ask for what is computed once and kept.
        state = {**vars(self), "_covariances": dict(self._covariances)}
        del state["_engine"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Have the engine make the model and the patterns of the responses again."""
        vars(self).update(state)
        self._engine = self._model._compile()
        if self._fitted.is_here:
            read, known = self._fitted.responses, self._fitted.known
            data = new_data(self._engine, read, self._settings.n_threads, known)
            self._fitted = FittedData.of(read, data, known)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        state = "converged" if self.converged else "not converged"
        return (
            f"<mixirt.Result: log-likelihood {self.loglik:.4f}, {self.n_parameters} parameters, "
            f"{state} after {self.n_cycles} cycles>"
        )
