"""Tests, derived quantities, bootstrap and diagnostics of a fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._warn import warn
from mixirt.bootstrap import Bootstrap, bootstrap
from mixirt.contributions import Contributions
from mixirt.covariance import Covariances
from mixirt.derived import derived_columns
from mixirt.diagnostics import Diagnostics, diagnose
from mixirt.errors import ConvergenceWarning, InformationWarning, QuadratureWarning
from mixirt.frames import to_native
from mixirt.intervals import quantile
from mixirt.wald import WaldTest, wald_test

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["Inference"]

#: The warning that goes with a status.
_WARNINGS = {
    "not converged": ConvergenceWarning,
    "coarse grid": QuadratureWarning,
    "saddle or flat": InformationWarning,
}


class Inference(Covariances):
    """What can be concluded from a fit; mixed into :class:`mixirt.Result`."""

    #: The diagnostics in a line, of a fit read from a file.
    _saved_status: str = ""

    def derived(self, level: float = 0.95, method: str = "oakes") -> Any:
        """Give what follows from the parameters, with standard errors by the delta method.

        Parameters
        ----------
        level : float, default 0.95
            Coverage of the intervals.
        method : str, default "oakes"
            See :meth:`vcov`.

        Returns
        -------
        DataFrame
            ``group`` and ``class`` (where there are any), ``item``, ``parameter``, ``attribute``,
            ``attribute_2``, ``category``, ``estimate``, ``se``, ``lower``, ``upper``. The
            parameters: "difficulty" of items that measure one attribute, as in :meth:`parameters`;
            "sd" and "correlation" of attributes; "probability" of each category (the user's value)
            in each class of a latent class model. Intervals are symmetric on the log scale (sd),
            Fisher's z (correlation) and the logit (probability). For other functions see
            :meth:`delta`.

        Raises
        ------
        SpecError
            If the level is not between 0 and 1, or the method is unknown.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> r.derived().loc[:1, ["item", "parameter", "estimate", "se"]].round(2)
            item   parameter  estimate    se
        0  item1  difficulty     -1.88  0.26
        1  item2  difficulty     -0.75  0.12
        """
        return to_native(
            derived_columns(cast("Result", self), method, quantile(level)), self._native
        )

    def wald(
        self, hypothesis: Any, value: Any = 0.0, *, equal: bool = False, method: str = "oakes"
    ) -> WaldTest:
        """Wald test of a linear hypothesis about the parameters, on the scale of estimation.

        Parameters
        ----------
        hypothesis : str, sequence of str, or array-like, shape (q, n)
            Names of parameters as in ``r.vcov().names``, tested together; or the matrix ``R`` of
            the hypothesis ``R x = value``, with a column for each of these names.
        value : float or sequence of float, default 0
            What the parameters, or the rows of the matrix, are equal to.
        equal : bool, default False
            With names: that the parameters are all equal to one another (up to `value`).
        method : str, default "oakes"
            See :meth:`vcov`.

        Returns
        -------
        WaldTest
            ``statistic``, ``df`` and ``p_value``.

        Raises
        ------
        SpecError
            If a name is unknown, a parameter has no standard error, or the statements of the
            hypothesis are not independent.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> slopes = [name for name in r.vcov().names if name.startswith("slope")]
        >>> test = r.wald(slopes, equal=True)
        >>> round(test.statistic, 1), test.df
        (9.5, 4)
        """
        found = self.vcov(method)
        x = np.asarray(self._found["x"])
        return wald_test(found.names, x, found.matrix, hypothesis, value, equal)

    def gradient(self) -> NDArray[np.float64]:
        """Differentiate the log-likelihood of the fitted responses at these parameters.

        The derivatives vanish at a maximum. At parameters that were given (``max_cycles=0``) they
        are the score of the responses, of which score tests are made.

        Returns
        -------
        ndarray, shape (n,)
            By the parameters of ``r.vcov().names``, on the scale of estimation (guessing as a
            logit). Log densities of priors are included. Proportions of classes keep their sum, so
            that their derivatives add up to 0. See :meth:`contributions` for each respondent's
            part.

        Raises
        ------
        DataError
            If the fit was read from a file, which does not hold the responses.

        Examples
        --------
        Are all slopes equal? The score test needs no other fit than that with equal slopes:

        >>> import mixirt
        >>> responses = mixirt.datasets.load("lsat7").responses
        >>> equal = mixirt.fit(responses, "1pl")
        >>> r = mixirt.fit(responses, "2pl", start=equal, max_cycles=0)
        >>> round(float(r.gradient() @ r.vcov().matrix @ r.gradient()), 1)  # 4 degrees of freedom
        11.0
        """
        x, n_threads = np.asarray(self._found["x"]), self._settings.n_threads
        return _core.gradient(self._engine, self._fitted.engine, x, n_threads=n_threads)[1]

    def contributions(self) -> Contributions:
        """Differentiate the log-likelihood of each fitted respondent at these parameters.

        R calls them ``estfun``: tests of whether parameters are the same for all respondents, along
        a covariate or between groups that the model does not know, and covariance matrices of
        one's own are made of them. They are a method of their own, not :meth:`gradient` by
        respondent, because priors belong to no respondent and the rows bring labels.

        Returns
        -------
        Contributions
            ``matrix (N, n)`` in the order of the responses, by the parameters ``names``, and
            ``frame()`` with the labels of the respondents; ``np.asarray`` gives the matrix.

        Raises
        ------
        DataError
            If the fit was read from a file, which does not hold the responses.
        SpecError
            If the matrix would take more than 8 GB.

        Notes
        -----
        Derivatives are those of the log-likelihood alone, without priors, and of each respondent
        once, whatever the weight: the sum of the rows times their weights is :meth:`gradient` where
        no parameter has a prior, and lacks the derivatives of the log priors where some have. As
        there, derivatives by proportions of classes add up to 0, in every row, and parameters at a
        bound keep the derivative they have. A respondent without any answer has zeros, but for the
        proportions where the class is known; those of means and covariances are zero up to what
        lies beyond the grid, below 1e-6. Rows of respondents who gave the same answers are equal
        bit by bit, at any number of threads.

        Examples
        --------
        Squares of contributions add up to the information of ``vcov("cross_product")``:

        >>> import mixirt, numpy as np
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> c = r.contributions()
        >>> c
        <mixirt.Contributions: 1000 respondents, 10 parameters; frame() shows them>
        >>> information = c.matrix.T @ c.matrix
        >>> np.allclose(np.linalg.inv(information), r.vcov("cross_product").matrix)
        True
        """
        x, n_threads = np.asarray(self._found["x"]), self._settings.n_threads
        data, read = self._fitted.engine, self._fitted.responses
        return Contributions(
            names=self._names_of_free(),
            matrix=_core.contributions(self._engine, data, x, n_threads=n_threads),
            native=self._native,
            persons=read.persons,
            index=read.index,
        )

    def bootstrap(
        self,
        n: int = 200,
        method: str = "parametric",
        *,
        seed: Any = None,
        progress: bool | Callable[[int, int], Any] | None = None,
    ) -> Bootstrap:
        """Draw data sets anew and fit each, started at these estimates, on all threads.

        Parameters
        ----------
        n : int, default 200
            Number of data sets; 1,000 or more for intervals.
        method : {"parametric", "nonparametric"}, default "parametric"
            Responses drawn from the fitted model, missing where they are missing in the data; or
            respondents drawn with replacement within observed groups, with probabilities
            proportional to their weights.
        seed : int or numpy.random.Generator, optional
            For the same draws again: the same bits at any number of threads.
        progress : bool, callable or None, default None
            Show how many data sets are done, as for :func:`mixirt.fit`; or call
            ``progress(done, n)`` after each, from the calling thread.

        Returns
        -------
        Bootstrap
            ``draws``, ``covariance``, ``frame(level)`` with standard errors and percentile
            intervals, and ``failures``: data sets whose fit did not converge have no draw and are
            counted there. Latent classes keep their numbers because each fit starts at these
            estimates; where classes are hardly distinct they may still change places.

        Raises
        ------
        SpecError
            If the method is unknown or `n` is less than 2.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "rasch")
        >>> b = r.bootstrap(20, seed=1)
        >>> b.draws.shape, b.n_failed
        ((20, 6), 0)
        """
        return bootstrap(cast("Result", self), n, method, seed, progress)

    def diagnostics(self) -> Diagnostics:
        """Examine whether the fit is a maximum and its grid fine enough.

        Returns
        -------
        Diagnostics
            ``status`` in a word or two, and the figures behind it.

        Warns
        -----
        ConvergenceWarning, QuadratureWarning, InformationWarning
            If the status is "not converged", "coarse grid" or "saddle or flat": if an estimate is
            wrong in its third digit.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> r.diagnostics().status
        'maximum'
        >>> print(r.diagnostics())
        maximum (distance < 1e-5, eigenvalue 0.12, grid error < 1e-5)
        """
        found = self._diagnose()
        if found.message():
            warn(found.message(), _WARNINGS[found.status])
        return found

    def _diagnose(self) -> Diagnostics:
        """Return the diagnostics without warnings."""
        if not self._diagnosed:
            self._diagnosed.append(diagnose(cast("Result", self)))
        return self._diagnosed[0]

    def _bootstrap_frame(self, draws: NDArray[np.float64], tails: list[float]) -> Any:
        """Give standard errors and quantiles of draws `(n, n_free)` of the free parameters."""
        public = np.array([self._moved(x)._public_values() for x in draws])  # noqa: SLF001 -- own kind
        columns = self._address_columns()
        columns["estimate"] = self._public_values()
        columns["se"] = np.where(self._model.table.is_fixed, np.nan, public.std(axis=0, ddof=1))
        columns["lower"], columns["upper"] = np.quantile(public, tails, axis=0)
        columns["status"] = self._status()
        return to_native(columns, self._native)

    def _status_line(self) -> str:
        """Sum the diagnostics up; as it was saved, or nothing, where the responses are not here."""
        if not self._fitted.is_here:
            return self._saved_status
        if self._diagnosed or self._is_examined():
            return self._diagnose().line()
        return "not examined (many parameters: call r.diagnostics())"
