"""Fits of the same responses side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mixirt._checks import several
from mixirt._chi_square import chi_square_tail
from mixirt._warn import warn
from mixirt._words import quoted
from mixirt.errors import ConvergenceWarning, DataError, SpecError
from mixirt.frames import to_native
from mixirt.result import Result

__all__ = ["compare"]

#: A log-likelihood is lower only beyond what convergence leaves open.
_LOWER = 1e-4


def compare(*results: Result, names: Sequence[str] | None = None) -> Any:
    """Information criteria and likelihood-ratio tests of several fits.

    Each fit is tested against the one with the next fewer parameters, which must be a special case
    of it: that it is nested cannot be seen from the fits and is up to the user.

    Parameters
    ----------
    *results : Result
        Two fits or more, of the same responses.
    names : sequence of str, optional
        What to call them; default "1", "2", ... in the order given.

    Returns
    -------
    DataFrame
        One row per fit, the smallest first: ``fit``, ``loglik``, ``n_parameters``, ``aic``,
        ``bic``, ``sabic`` and, against the row before, ``chi_square``, ``df`` and ``p_value``. The
        test is left out (NaN) where it does not hold: with equally many parameters, with priors,
        and between different numbers of latent classes, where twice the log-likelihood ratio is
        not chi-square.

    Raises
    ------
    DataError
        If the responses, groups or weights of the fits differ.

    Warns
    -----
    ConvergenceWarning
        If a fit with more parameters has the lower log-likelihood.

    Examples
    --------
    >>> import mixirt
    >>> lsat7 = mixirt.datasets.load("lsat7").responses
    >>> table = mixirt.compare(mixirt.fit(lsat7, "1pl"), mixirt.fit(lsat7, "2pl"))
    >>> table[["n_parameters", "chi_square", "df", "p_value"]].round(4).iloc[1].tolist()
    [10.0, 12.1916, 4.0, 0.016]
    """
    for result in results:
        if not isinstance(result, Result):
            raise SpecError(
                "compare takes fits one by one, as compare(first, second); found "
                f"{type(result).__name__}"
            )
    if len(results) < 2:
        raise SpecError(f"compare takes two fits or more; found {len(results)}")
    given = range(1, len(results) + 1) if names is None else several("names", names)
    labels = [str(name) for name in given]
    if len(labels) != len(results) or len(set(labels)) < len(labels):
        raise SpecError(
            f"names must be different, one for each of {len(results)} fits; found {quoted(labels)}"
        )
    fingerprints = [result._fitted.fingerprint for result in results]
    differing = [n for n, f in zip(labels, fingerprints, strict=True) if f != fingerprints[0]]
    if differing:
        raise DataError(
            f"{quoted(differing)} and '{labels[0]}' were fitted to different responses, groups or "
            "weights, so their log-likelihoods cannot be compared; fit them to the same ones"
        )
    order = sorted(range(len(results)), key=lambda i: results[i].n_parameters)
    ordered = [results[i] for i in order]
    tests = [(math.nan, 0, math.nan)]
    for k in range(1, len(order)):
        pair = (labels[order[k - 1]], labels[order[k]])
        tests.append(_test(ordered[k - 1], ordered[k], pair))
    columns: dict[str, list[Any]] = {
        "fit": [labels[i] for i in order],
        "loglik": [result.loglik for result in ordered],
        "n_parameters": [result.n_parameters for result in ordered],
        "aic": [result.aic for result in ordered],
        "bic": [result.bic for result in ordered],
        "sabic": [result.sabic for result in ordered],
        "chi_square": [test[0] for test in tests],
        "df": [test[1] for test in tests],
        "p_value": [test[2] for test in tests],
    }
    return to_native(columns, results[0]._native)


def _test(smaller: Result, larger: Result, names: tuple[str, str]) -> tuple[float, int, float]:
    """Chi-square, degrees of freedom and p-value of two nested fits."""
    df = larger.n_parameters - smaller.n_parameters
    has_prior = any(p is not None for r in (smaller, larger) for p in r.model.table.prior)
    if not df or has_prior or smaller.model.design.n_classes != larger.model.design.n_classes:
        return math.nan, df, math.nan
    chi_square = 2.0 * (larger.loglik - smaller.loglik)
    if chi_square < -_LOWER:
        warn(
            f"'{names[1]}' has more parameters than '{names[0]}' but the lower log-likelihood: "
            "they are not nested, or one of them is not at its maximum; see r.diagnostics()",
            ConvergenceWarning,
        )
        return chi_square, df, math.nan
    return chi_square, df, chi_square_tail(chi_square, df)
