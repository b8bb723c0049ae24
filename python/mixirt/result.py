"""What a fit found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._words import quoted
from mixirt.classification import Classified
from mixirt.covariance import ParameterCovariance
from mixirt.curves import Curves
from mixirt.diagnostics import Diagnostics
from mixirt.errors import DataError, SpecError
from mixirt.frames import to_native
from mixirt.inference import Inference
from mixirt.model import Model
from mixirt.model_text import cell_status
from mixirt.provenance import DataSummary, FittedData
from mixirt.reuse import Reuse
from mixirt.scores import Scores, score
from mixirt.simulate import simulate
from mixirt.starts import Optima
from mixirt.summary import summary_text
from mixirt.table import KINDS

if TYPE_CHECKING:
    from mixirt.fit import Settings

__all__ = ["Result"]


class Result(Classified, Curves, Inference, Reuse):
    """Estimates, log-likelihood and history of a fit; made by :func:`mixirt.fit`. Immutable."""

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

    @property
    def converged(self) -> bool:
        """Whether both convergence criteria were met before the cycles ran out."""
        return bool(self._found["converged"])

    @property
    def n_cycles(self) -> int:
        """EM cycles made."""
        return len(self._found["history"]["loglik"])

    @property
    def seconds(self) -> float:
        """Time spent in E-steps and M-steps."""
        history = self._found["history"]
        return float(history["e_step_seconds"].sum() + history["m_step_seconds"].sum())

    @property
    def last_change(self) -> float:
        """Largest change of a parameter in the last cycle."""
        changes = self._found["history"]["largest_change"]
        return float(changes[-1]) if len(changes) else 0.0

    @property
    def history(self) -> Any:
        """A frame with one row per cycle.

        Columns: ``cycle``, ``loglik``, ``log_posterior``, ``largest_change``, ``halvings`` (of
        Newton steps), ``accelerated``, ``rejected`` (an accelerated point given up for being
        worse), ``e_step_seconds``, ``m_step_seconds``.
        """
        columns = {"cycle": np.arange(1, self.n_cycles + 1), **self._found["history"]}
        return to_native(columns, self._native)

    @property
    def n_starts(self) -> int:
        """Starts made."""
        return len(self._found["starts"]["loglik"])

    @property
    def n_replicated(self) -> int:
        """Starts that reached the best log-likelihood (with priors: log-posterior)."""
        return int(Optima.of(self._found["starts"]).times[0])

    @property
    def seed(self) -> int:
        """Seed of the random starts."""
        return int(self._settings.seed)

    def starts(self) -> Any:
        """List the distinct maxima that the starts found, the best first.

        Returns
        -------
        DataFrame
            ``loglik``, ``times`` (how many starts reached it) and ``converged``. Starts given up
            after their short run are not counted.

        Examples
        --------
        >>> import mixirt
        >>> responses = mixirt.datasets.load("gss87_antirel").responses
        >>> mixirt.fit_latent_class(responses, 2, seed=1).starts()["loglik"].round(3).tolist()
        [-2795.376]
        """
        optima = Optima.of(self._found["starts"])
        columns = {"loglik": optima.loglik, "times": optima.times, "converged": optima.converged}
        return to_native(columns, self._native)

    def parameters(self, se: str | None = "auto") -> Any:
        """Item parameters as a frame.

        Parameters
        ----------
        se : str or None, default "auto"
            Method of the standard errors, see :meth:`vcov`; None leaves them out. They are computed
            when first asked for, which takes four E-steps a parameter: ``"auto"`` is ``"oakes"`` up
            to 300 free parameters, and none (NaN) beyond.

        Returns
        -------
        DataFrame
            One row per parameter: ``group`` (with groups), ``class`` (with classes), ``item``,
            ``parameter`` ("slope", "intercept", "guessing"), ``attribute``, ``category`` (of an
            intercept, from 1), ``estimate`` (guessing as a probability), ``se`` (NaN where
            there is none: a fixed parameter, or one held by a bound), ``difficulty`` and
            ``status`` ("free", "fixed", "tied" or "bound"). Difficulty belongs to intercepts of
            items that measure one attribute: -intercept / slope, for the GPCM the location where
            neighbouring categories are equally likely.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "1pl")
        >>> columns = ["item", "parameter", "estimate", "se", "difficulty", "status"]
        >>> print(r.parameters()[columns].head(3).round(2))
            item  parameter  estimate    se  difficulty status
        0  item1      slope      1.01  0.06         NaN   tied
        1  item1  intercept      1.87  0.10       -1.85   free
        2  item2      slope      1.01  0.06         NaN   tied
        """
        cells = self._model.design.cells
        chosen = np.flatnonzero(cells.item >= 0)
        design = self._model.design
        category = [int(c) if c >= 0 else None for c in cells.category[chosen]]
        status = self._status()
        columns: dict[str, Any] = self._groups_of(chosen)
        columns["item"] = [design.items[i] for i in cells.item[chosen]]
        columns["parameter"] = [KINDS[k] for k in cells.kind[chosen]]
        columns["attribute"] = self._attribute(cells.attribute[chosen])
        columns["category"] = np.array(category, dtype=object)
        columns["estimate"] = self._public_values()[chosen]
        if se is not None:
            columns["se"] = self._standard_errors(se)[chosen]
        columns["difficulty"] = self._difficulties()[chosen]
        columns["status"] = [status[c] for c in chosen]
        return to_native(columns, self._native)

    def distributions(self, se: str | None = "auto") -> Any:
        """Distributions of the attributes as a frame.

        Parameters
        ----------
        se : str or None, default "auto"
            Method of the standard errors, as in :meth:`parameters`; None leaves them out.

        Returns
        -------
        DataFrame
            One row per parameter: ``group`` (with groups), ``class`` (with classes),
            ``proportion`` (of the class within its group; the group's share of the observations
            where there are no classes), ``parameter`` ("mean" or "covariance"; a variance where
            both attributes are the same), ``attribute``, ``attribute_2``, ``estimate``, ``se``,
            ``status``. Without attributes, one row per class with parameter "proportion".

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "rasch")
        >>> r.distributions()[["parameter", "estimate", "status"]].round(2)
            parameter  estimate status
        0        mean      0.00  fixed
        1  covariance      1.02   free
        """
        design, cells = self._model.design, self._model.design.cells
        kinds = ["mean", "covariance"] if design.attributes else ["proportion"]
        chosen = np.flatnonzero(np.isin(cells.kind, [KINDS.index(k) for k in kinds]))
        columns: dict[str, Any] = self._groups_of(chosen)
        columns["proportion"] = self.proportions.ravel()[cells.group[chosen]]
        columns["parameter"] = [KINDS[k] for k in cells.kind[chosen]]
        if design.attributes:
            columns["attribute"] = self._attribute(cells.attribute[chosen])
            columns["attribute_2"] = self._attribute(cells.attribute_2[chosen])
        columns["estimate"] = self._values[chosen]
        if se is not None:
            columns["se"] = self._standard_errors(se)[chosen]
        status = self._status()
        columns["status"] = [status[c] for c in chosen]
        return to_native(columns, self._native)

    @property
    def proportions(self) -> NDArray[np.float64]:
        """Class proportions, shape (groups, classes); with one class, the groups' shares."""
        design, cells = self._model.design, self._model.design.cells
        if design.n_classes > 1:
            values = self._values[cells.is_kind("proportion")]
            return values.reshape(len(design.groups), design.n_classes)
        sizes: NDArray[np.float64] = np.asarray(self._found["class_sizes"])
        shares: NDArray[np.float64] = sizes / sizes.sum()
        return shares.reshape(-1, 1)

    def mean(self, group: object = None, class_: int = 1) -> NDArray[np.float64]:
        """Return the mean of the attributes in a group and class.

        Parameters
        ----------
        group : label, optional
            The observed group; needed where there are several.
        class_ : int, default 1
            The latent class.

        Returns
        -------
        ndarray, shape (J_g,)

        Raises
        ------
        DataError, SpecError
            If the group or class does not exist.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "rasch")
        >>> r.mean()
        array([0.])
        """
        return self._distribution(self._latent_group(group, class_))[0]

    def covariance(self, group: object = None, class_: int = 1) -> NDArray[np.float64]:
        """Return the covariance matrix of the attributes in a group and class.

        Parameters
        ----------
        group : label, optional
            The observed group; needed where there are several.
        class_ : int, default 1
            The latent class.

        Returns
        -------
        ndarray, shape (J_g, J_g)

        Raises
        ------
        DataError, SpecError
            If the group or class does not exist.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "rasch")
        >>> r.covariance().round(2)
        array([[1.02]])
        """
        return self._distribution(self._latent_group(group, class_))[1]

    def score(
        self,
        responses: Any = None,
        method: str = "eap",
        *,
        groups: Any = None,
        missing: Any = None,
        extra: Any = "refuse",
        n_threads: int | None = None,
    ) -> Scores:
        """Estimate the attributes of respondents.

        Parameters
        ----------
        responses : array, list of lists or data frame, optional
            Responses to the model's items, columns of a frame matched by name; default the
            responses of the fit.
        method : {"eap", "map", "mode"}, default "eap"
            Posterior mean; posterior mode on the grid (the paper's MAP); true posterior mode.
        groups : sequence of labels, optional
            Observed group of each new respondent; needed when the model has groups.
        missing : value or values, optional
            Codes that mean a missing answer.
        extra : {"refuse", "ignore"}, default "refuse"
            What to do with columns that are no items.
        n_threads : int, optional
            Threads; default one per processor.

        Returns
        -------
        Scores
            ``theta (N, J)``, ``se (N, J)``, ``covariance (N, J, J)``,
            ``class_probabilities (N, C)``, ``class_map (N,)``, ``log_probability (N,)``.

        Raises
        ------
        DataError
            If items are missing or unknown, or a code was not among the item's categories.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> r.score([[1, 1, 1, 1, 1], [0, 0, 0, None, 0]]).theta.round(2).tolist()
        [[0.73], [-1.76]]
        """
        return score(self, responses, method, groups, missing, extra, n_threads)

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
            One column per item, with the user's category values.

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

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        state = "converged" if self.converged else "not converged"
        return (
            f"<mixirt.Result: log-likelihood {self.loglik:.4f}, {self.n_parameters} parameters, "
            f"{state} after {self.n_cycles} cycles>"
        )

    def _at_bounds(self) -> list[str]:
        """Parameters stopped by a bound, in words."""
        table, found = self._model.table, []
        for cell in np.unique(table.free_id[~table.is_fixed], return_index=True)[1]:
            position = np.flatnonzero(~table.is_fixed)[cell]
            value = self._values[position]
            if value <= table.lower[position] or value >= table.upper[position]:
                public = self._public_values()[position]
                found.append(f"{self._model.design.describe(int(position))} at {public:.6g}")
        return found

    def _coarse_groups(self) -> list[str]:
        """List groups whose correlations are too high for the grid, in words."""
        design = self._model.design
        steps = self._engine.resolution(self._found["x"])
        return [
            f"of {design.groups[design.observed_of(g)]}" if design.has_groups else "found"
            for g, resolution in enumerate(steps)
            if resolution < 1.0
        ]

    def _latent_group(self, group: object, class_: int) -> int:
        design = self._model.design
        if not 1 <= class_ <= design.n_classes:
            raise SpecError(
                f"class {class_} does not exist; classes run from 1 to {design.n_classes}"
            )
        if group is None and len(design.groups) > 1:
            raise SpecError(f"say which group: {quoted(design.groups)}")
        if group is not None and group not in design.groups:
            raise DataError(f"unknown group '{group}'; known: {quoted(design.groups)}")
        observed = 0 if group is None else design.groups.index(group)
        return observed * design.n_classes + class_ - 1

    def _distribution(self, group: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        design, cells = self._model.design, self._model.design.cells
        own = np.flatnonzero(design.attributes_in_group[design.observed_of(group)])
        position = {int(a): j for j, a in enumerate(own)}
        here = cells.group == group
        mean = self._values[here & cells.is_kind("mean")]
        covariance = np.zeros((len(own), len(own)))
        for c in np.flatnonzero(here & (cells.attribute_2 >= 0)):
            j, k = position[int(cells.attribute[c])], position[int(cells.attribute_2[c])]
            covariance[j, k] = covariance[k, j] = self._values[c]
        return mean, covariance

    def _public_values(self) -> NDArray[np.float64]:
        """Every cell on the scale users read: guessing as a probability."""
        values = self._values.copy()
        guessing = self._model.design.cells.is_kind("guessing")
        with np.errstate(over="ignore"):
            values[guessing] = 1.0 / (1.0 + np.exp(-values[guessing]))
        return values

    def _groups_of(self, chosen: NDArray[np.intp]) -> dict[str, Any]:
        design, group = self._model.design, self._model.design.cells.group[chosen]
        columns: dict[str, Any] = {}
        if design.has_groups:
            columns["group"] = [design.groups[design.observed_of(int(g))] for g in group]
        if design.n_classes > 1:
            columns["class"] = group % design.n_classes + 1
        return columns

    def _attribute(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        names = [self._model.design.attributes[a] if a >= 0 else None for a in positions]
        return np.array(names, dtype=object)

    def _status(self) -> list[str]:
        status, table = cell_status(self._model.table), self._model.table
        for c in np.flatnonzero(~table.is_fixed):
            if self._values[c] <= table.lower[c] or self._values[c] >= table.upper[c]:
                status[c] = "bound"
        return status

    def _difficulties(self) -> NDArray[np.float64]:
        cells, design = self._model.design.cells, self._model.design
        difficulty = np.full(len(cells), np.nan)
        slopes: dict[tuple[int, int], list[float]] = {}
        for c in np.flatnonzero(cells.is_kind("slope")):
            slopes.setdefault((int(cells.group[c]), int(cells.item[c])), []).append(self._values[c])
        previous: dict[tuple[int, int], float] = {}
        for c in np.flatnonzero(cells.is_kind("intercept")):
            key, m = (int(cells.group[c]), int(cells.item[c])), int(cells.category[c])
            own, step, value = slopes.get(key, []), 1.0, float(self._values[c])
            if design.models[key[1]].family == "gpcm":
                scores = design.category_scores[key[1]]
                step = scores[m] - scores[m - 1]
                value -= previous.get(key, 0.0) if m > 1 else 0.0
                previous[key] = float(self._values[c])
            if len(own) == 1 and own[0] * step != 0.0:
                difficulty[c] = -value / (own[0] * step)
        return difficulty
