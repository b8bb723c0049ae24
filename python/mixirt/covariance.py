"""Covariance matrices of the estimates, standard errors and confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._checks import chosen, word
from mixirt._respondents import is_missing
from mixirt._tables import read_vector
from mixirt._warn import warn
from mixirt._words import quoted, shown
from mixirt.diagnostics import Diagnostics
from mixirt.errors import DataError, EstimationError, InformationWarning, SpecError
from mixirt.estimates import Estimates
from mixirt.frames import to_native
from mixirt.intervals import intervals, quantile
from mixirt.provenance import FittedData
from mixirt.responses import Responses
from mixirt.settings import Settings
from mixirt.table import KINDS

__all__ = ["VCOV_METHODS", "Covariances", "ParameterCovariance"]

#: Methods of `vcov`, as the engine lists them; the first is the default.
VCOV_METHODS: tuple[str, ...] = tuple(_core.vcov_methods())


@dataclass(frozen=True, eq=False)
class ParameterCovariance:
    """Covariance matrix of the estimated parameters; made by :meth:`mixirt.Result.vcov`.

    Attributes
    ----------
    method : str
        How it was computed.
    names : tuple of str
        Each parameter in words; a tied parameter by the first of its places.
    matrix : ndarray, shape (n, n)
        Covariances on the scale of estimation (guessing as a logit); NaN for parameters held by a
        bound, and everywhere if the information matrix is not positive definite.
    eigenvalues : tuple of float
        Smallest and largest eigenvalue of the information matrix scaled to unit diagonal; NaN
        where it cannot be computed, because estimates ran away.
    flat : tuple of str
        Where that matrix is not positive definite: the parameters in its flat directions, or those
        that ran away.
    error : float
        Numerical error of that matrix where it was differentiated numerically; otherwise 0.
    n_clusters : int or None
        Clusters of respondents, if there are any.
    """

    method: str
    names: tuple[str, ...]
    matrix: NDArray[np.float64]
    eigenvalues: tuple[float, float]
    flat: tuple[str, ...]
    error: float = 0.0
    n_clusters: int | None = None

    def __repr__(self) -> str:
        state = f"flat in {quoted(self.flat, 3)}" if self.flat else "positive definite"
        return f"<mixirt.ParameterCovariance: {self.method}, {len(self.names)} parameters, {state}>"

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[np.float64]:
        """Return the matrix."""
        return self.matrix if dtype is None else self.matrix.astype(dtype)


#: Free parameters up to which standard errors are computed without being asked for. That takes
#: about as long as the fit where the information is had in one pass, and where it is
#: differentiated, two E-steps for each: a second or so for a large sample.
MOST_EXAMINED = 300


class Covariances(Estimates):
    """Uncertainty of a fit; mixed into :class:`mixirt.Result`."""

    _engine: _core.Model
    _fitted: FittedData
    _settings: Settings
    _covariances: dict[str, ParameterCovariance]
    _diagnosed: list[Diagnostics]

    def vcov(self, method: str = "oakes", *, clusters: Any = None) -> ParameterCovariance:
        """Covariance matrix of all free parameters together.

        Parameters
        ----------
        method : str, default "oakes"
            ``"oakes"``: inverse of the observed information, by differentiation through the EM map
            (Oakes, 1999): exact for items and proportions; for distributions, and where attributes
            are summed out, by differences with an error below 1e-6. ``"louis"``: the same matrix by
            Louis's (1982) identity, node by node, exact but slower. ``"cross_product"``: inverse of
            the sum of the respondents' squared scores (Mislevy, 1984). ``"sandwich"``: robust to
            misspecification. ``"complete"``: the paper's, as if the attributes had been observed;
            its standard errors are too small.
        clusters : sequence of labels, shape (N,), optional
            With ``"sandwich"``: the cluster of each respondent, such as a school. Scores are summed
            within clusters, so that respondents of a cluster need not be independent. The matrix is
            multiplied by G / (G - 1) for G clusters, as R's sandwich and Stata do; with fewer than
            40 or so it is still too small.

        Returns
        -------
        ParameterCovariance
            With ``matrix (n, n)`` and ``names``; ``np.asarray`` gives the matrix.

        Notes
        -----
        Every method takes weights as frequencies: a weight of 2 counts a respondent twice, as if
        two had given the same answers, and doubling all weights halves all variances. Sampling
        weights are not that. For them ask for ``"sandwich"`` with clusters: each respondent's
        weighted score is then one contribution, and standard errors do not depend on the unit of
        the weights. Without real clusters give every respondent one of its own, ``range(N)``.

        Parameters held by a bound have no standard error, because the estimate does not vary there;
        the others are as if these had been fixed.

        Raises
        ------
        SpecError
            If the method is unknown, or there are more than 6,000 free parameters.
        DataError
            If clusters do not have a label for everybody, or there is only one.

        Warns
        -----
        InformationWarning
            If the information matrix is not positive definite; names the parameters involved.

        Examples
        --------
        >>> import mixirt, numpy as np
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "1pl")
        >>> v = r.vcov()
        >>> v.names[0], round(float(np.sqrt(v.matrix[0, 0])), 3)
        ("slope of item 'item1'", 0.065)
        """
        chosen("method", method, VCOV_METHODS)
        if clusters is not None and method != "sandwich":
            raise SpecError(f'clusters belong to method="sandwich"; found method="{method}"')
        found = self._covariance(method, clusters)
        if found.flat:
            is_known = math.isfinite(found.eigenvalues[0])
            what = "is not positive definite" if is_known else "cannot be computed"
            warn(
                f"the information matrix ({method}) {what}, so there are no standard errors; flat "
                f"direction: {quoted(found.flat, 5)}. Fix or tie some of them, or give them a "
                "prior with Model.prior",
                InformationWarning,
            )
        return found

    def standard_errors(self, method: str = "oakes", *, clusters: Any = None) -> Any:
        """Give standard errors of every parameter, on the scale users read.

        Parameters
        ----------
        method : str, default "oakes"
            See :meth:`vcov`.
        clusters : sequence of labels, shape (N,), optional
            With ``"sandwich"``: see :meth:`vcov`.

        Returns
        -------
        DataFrame
            ``group`` and ``class`` (where there are any), ``item``, ``parameter``, ``attribute``,
            ``attribute_2``, ``category``, ``estimate``, ``se`` (NaN where there is none) and
            ``status`` ("free", "tied", "fixed" or "bound": fixed parameters and those stopped by a
            bound have no standard error).

        Raises
        ------
        SpecError
            If the method is unknown.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> print(r.standard_errors().loc[:1, ["item", "parameter", "estimate", "se"]].round(3))
            item  parameter  estimate     se
        0  item1      slope     0.988  0.177
        1  item1  intercept     1.856  0.131
        """
        columns = self._address_columns()
        columns["estimate"] = self._public_values()
        columns["se"] = self._standard_errors(method, clusters)
        columns["status"] = self._status()
        return to_native(columns, self._native)

    def confint(self, level: float = 0.95, method: str = "oakes", *, clusters: Any = None) -> Any:
        """Wald confidence intervals of every parameter.

        Probabilities (guessing, proportions) and variances have their intervals on the logit and
        log scale, so that they stay within their limits.

        Parameters
        ----------
        level : float, default 0.95
            Coverage.
        method : str, default "oakes"
            See :meth:`vcov`.
        clusters : sequence of labels, shape (N,), optional
            With ``"sandwich"``: see :meth:`vcov`.

        Returns
        -------
        DataFrame
            As :meth:`standard_errors`, with ``lower`` and ``upper``.

        Raises
        ------
        SpecError
            If the level is not between 0 and 1, or the method is unknown.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> r.confint(0.9).loc[0, ["lower", "upper"]].round(2).tolist()
        [0.7, 1.28]
        """
        z = quantile(level)
        columns = self._address_columns()
        estimate, se = self._public_values(), self._standard_errors(method, clusters)
        columns["estimate"], columns["se"] = estimate, se
        lower, upper = intervals(estimate, se, z, "plain")
        cells = self._model.design.cells
        probability = cells.is_kind("guessing") | cells.is_kind("proportion")
        for cells_of, scale in ((probability, "logit"), (cells.is_kind("variance"), "log")):
            limits = intervals(estimate[cells_of], se[cells_of], z, scale)
            lower[cells_of], upper[cells_of] = limits
        columns["lower"], columns["upper"] = lower, upper
        columns["status"] = self._status()
        return to_native(columns, self._native)

    def delta(
        self, function: Callable[[Any], Any], method: str = "oakes"
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Value and standard errors of any function of the parameters, by the delta method.

        Parameters
        ----------
        function : callable
            Takes a result with the same methods as this one (``mean()``, ``covariance()``,
            ``proportions``, ``expected_scores(...)``, ``information(...)``) and returns a number or
            an array.
        method : str, default "oakes"
            See :meth:`vcov`.

        Returns
        -------
        value : ndarray, shape (k,)
            The function at the estimates.
        covariance : ndarray, shape (k, k)
            Its covariance matrix; standard errors are the roots of the diagonal.

        Raises
        ------
        SpecError
            If the function is none or returns something other than numbers, or the method is
            unknown. What the function itself raises passes through.

        Examples
        --------
        >>> import mixirt, numpy as np
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "rasch")
        >>> value, covariance = r.delta(lambda r: np.sqrt(r.covariance()[0, 0]))
        >>> value.round(3).tolist(), np.sqrt(covariance).round(3).tolist()
        ([1.011], [[0.065]])
        """
        found = self.vcov(method)
        x = np.asarray(self._found["x"])
        if not callable(function):
            raise SpecError(
                f"function must be a function of a result, as lambda r: r.mean()[0]; found "
                f"{shown(function)}"
            )
        value = _numbers_of(function, self)
        if found.flat:
            return value, np.full((len(value), len(value)), math.nan)
        moves = np.flatnonzero(~np.isnan(np.diagonal(found.matrix)))
        jacobian = np.zeros((len(value), len(x)))
        for f in moves:
            step = 1e-3 * math.sqrt(found.matrix[f, f])
            up, down = x.copy(), x.copy()
            up[f] += step
            down[f] -= step
            ahead = _numbers_of(function, self._moved(up))
            behind = _numbers_of(function, self._moved(down))
            if not len(ahead) == len(behind) == len(value):
                raise SpecError(
                    "function must return as many numbers whatever the estimates are; found "
                    f"{len(value)}, {len(ahead)} and {len(behind)}"
                )
            jacobian[:, f] = (ahead - behind) / (2 * step)
        own = found.matrix[np.ix_(moves, moves)]
        return value, np.asarray(jacobian[:, moves] @ own @ jacobian[:, moves].T)

    def _moved(self, x: NDArray[np.float64]) -> Any:
        """Return the same result at other free parameters."""
        kind: Any = type(self)
        # Made anew: what this one has computed at the estimates and kept does not hold elsewhere.
        other = kind(
            model=self._model,
            engine=self._engine,
            data=self._fitted,
            found={**self._found, "x": x},
            settings=self._settings,
        )
        other._native = self._native  # noqa: SLF001 -- own kind
        return other

    def _names_of_free(self) -> tuple[str, ...]:
        first = self._model.table.compiled().first_cell
        return tuple(self._model.design.describe(int(c)) for c in first)

    def _covariance(self, method: str, clusters: Any = None) -> ParameterCovariance:
        """Return the covariance matrix, kept unless it has clusters."""
        if clusters is not None:
            return self._vcov(method, clusters)
        found = self._covariances.get(method)
        if found is None:
            # Threads that ask at once all get what the first of them kept.
            found = self._covariances.setdefault(method, self._vcov(method, None))
        return found

    def _vcov(self, method: str, clusters: Any) -> ParameterCovariance:
        index = None if clusters is None else _cluster_index(clusters, self._fitted.responses)
        weights = self._fitted.responses.weights
        try:
            found = _core.covariance(
                self._engine,
                self._fitted.engine,
                self._found["x"],
                method,
                clusters=None if index is None else index.tolist(),
                weights=None if weights is None or index is None else weights.tolist(),
                n_threads=self._settings.n_threads,
            )
        except EstimationError:
            found = self._no_information()
        names = self._names_of_free()
        return ParameterCovariance(
            method=method,
            names=names,
            matrix=found["matrix"],
            eigenvalues=found["eigenvalues"],
            flat=tuple(names[f] for f in found["flat"]),
            error=found["error"],
            n_clusters=None if index is None else int(index.max()) + 1,
        )

    def _no_information(self) -> dict[str, Any]:
        """Stand in for the engine where it finds no step around the estimates that stays a model.

        The parameters that ran away are to blame; where none did, any may be.
        """
        n, slot = len(self._found["x"]), self._model.table.compiled().slot
        return {
            "matrix": np.full((n, n), math.nan),
            "eigenvalues": (math.nan, math.nan),
            "flat": sorted(slot[self._runaways()].tolist()) or list(range(n)),
            "error": math.nan,
        }

    def _is_examined(self) -> bool:
        """Whether standard errors are had without being asked for: they are there, or cheap."""
        is_cheap = self._fitted.is_here and self._engine.n_free <= MOST_EXAMINED
        return is_cheap or "oakes" in self._covariances

    def _standard_errors(self, method: str, clusters: Any = None) -> NDArray[np.float64]:
        """Of every cell, on the public scale; NaN where there is none."""
        slot = self._model.table.compiled().slot
        if word("method", method) == "auto":
            if not self._is_examined():
                return np.full(len(slot), np.nan)
            method = "oakes"
        with np.errstate(invalid="ignore"):
            of_free = np.sqrt(np.diagonal(self.vcov(method, clusters=clusters).matrix))
        se = np.full(len(slot), np.nan)
        se[slot >= 0] = of_free[slot[slot >= 0]]
        guessing = self._model.design.cells.is_kind("guessing")
        c = self._public_values()[guessing]
        se[guessing] *= c * (1.0 - c)
        return se

    def _address_columns(self) -> dict[str, Any]:
        design, cells = self._model.design, self._model.design.cells
        everything = np.arange(len(cells))
        columns = self._groups_of(everything)
        items: Sequence[str | None] = (*design.items, None)
        columns["item"] = np.array([items[i] for i in cells.item], dtype=object)
        columns["parameter"] = [KINDS[k] for k in cells.kind]
        columns["attribute"] = self._attribute(cells.attribute)
        columns["attribute_2"] = self._attribute(cells.attribute_2)
        category = [int(c) if c >= 0 else None for c in cells.category]
        columns["category"] = np.array(category, dtype=object)
        return columns


def _cluster_index(clusters: Any, responses: Responses) -> NDArray[np.int64]:
    """Return the clusters numbered in order of appearance: shape (N,)."""
    labels = read_vector(clusters, responses.n_rows, "clusters", responses.index).tolist()
    missing = [row for row, label in enumerate(labels) if is_missing(label)]
    if missing:
        raise DataError(f"clusters: row {missing[0]} has no label; give it a cluster of its own")
    position: dict[Any, int] = {}
    return np.array([position.setdefault(label, len(position)) for label in labels])


def _numbers_of(function: Callable[[Any], Any], result: Any) -> NDArray[np.float64]:
    """Give what a user's function returns as numbers, or refuse it; NaN is the user's affair."""
    given = function(result)
    try:
        found = None if given is None else np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        found = None
    if found is None:
        raise SpecError(f"function must return a number or an array; found {shown(given)}")
    return found.ravel()
