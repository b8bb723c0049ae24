"""Latent class analysis: one number of classes, or several compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mixirt._checks import several, whole_number
from mixirt.errors import SpecError
from mixirt.fitting import fit
from mixirt.frames import to_native
from mixirt.latent_class import LatentClassResult
from mixirt.model import Model
from mixirt.model_classes import refuse_attributes

__all__ = ["ClassComparison", "compare_classes", "fit_latent_class"]


def fit_latent_class(
    responses: Any,
    n_classes: int | Model,
    *,
    n_starts: int | None = None,
    seed: int | None = None,
    progress: bool | Callable[..., Any] | None = None,
    **options: Any,
) -> LatentClassResult:
    """Estimate a latent class model: categories are independent within each class.

    Parameters
    ----------
    responses : array, list of lists, data frame or LongResponses
        One row per respondent, one column per item, as for :func:`mixirt.fit`; items may have
        different numbers of categories, and answers may be missing.
    n_classes : int or Model
        Number of classes; or a model made by :meth:`mixirt.Model.latent_class`, for constraints.
    n_starts : int, default 20
        Random starts: each makes a short run, the better half go on until they converge. One start
        for one class, and where the model's start values tell the classes apart.
    seed : int, optional
        Seed of the random starts, for the same result again; `r.seed` is the one that was used.
    progress : bool, callable or None, default None
        As for :func:`mixirt.fit`.
    **options
        ``groups`` (classes within observed groups), ``weights``, ``known_classes`` and every other
        option of :func:`mixirt.fit`.

    Returns
    -------
    LatentClassResult
        Class sizes, category probabilities, classification and fit. Classes are in the order of
        their size unless constraints, known classes or start values tell them apart.

    Raises
    ------
    SpecError
        If the number of classes is not a whole number of at least 1.
    IdentificationError
        If there are more parameters than the contingency table has degrees of freedom.

    Warns
    -----
    ReplicationWarning
        If only one start reached the highest log-likelihood.
    BoundaryWarning
        If probabilities are 0 or 1.

    Examples
    --------
    >>> import mixirt
    >>> r = mixirt.fit_latent_class(mixirt.datasets.load("gss87_antirel").responses, 2, seed=1)
    >>> round(r.loglik, 4), r.class_sizes.round(3).tolist()
    (-2795.3755, [0.62, 0.38])
    """
    common: dict[str, Any] = {"n_starts": n_starts, "seed": seed, "progress": progress, **options}
    if isinstance(n_classes, Model):
        if n_classes.design.attributes:
            raise SpecError(
                "the model has attributes; make it with mixirt.Model.latent_class, or use "
                "mixirt.fit"
            )
        result = fit(responses, n_classes, **common)
    else:
        refuse_attributes(options, "mixirt.fit")
        whole = whole_number("n_classes", n_classes, 1)
        result = fit(responses, "gpcm", q_matrix=(), n_classes=whole, **common)
    assert isinstance(result, LatentClassResult)
    return result


@dataclass(frozen=True, eq=False)
class ClassComparison:
    """Latent class fits with different numbers of classes; made by :func:`mixirt.compare_classes`.

    Attributes
    ----------
    fits : dict
        The fit of each number of classes.
    """

    fits: dict[int, LatentClassResult]

    def frame(self) -> Any:
        """One row per number of classes.

        Returns
        -------
        DataFrame
            ``n_classes``, ``bic``, ``loglik``, ``aic``, ``sabic``, ``n_parameters``, ``df``,
            ``entropy``, ``g2``, ``g2_p``, ``replicated`` (how many starts reached the
            log-likelihood) and ``converged``. ``df``, ``g2`` and ``g2_p`` are those of
            :attr:`mixirt.LatentClassResult.goodness_of_fit`.

        Examples
        --------
        >>> import mixirt
        >>> gss = mixirt.datasets.load("gss87_antirel").responses
        >>> frame = mixirt.compare_classes(gss, [1, 2], seed=1).frame()
        >>> frame[["n_classes", "bic", "loglik", "n_parameters"]].round(1)
           n_classes     bic  loglik  n_parameters
        0          1  6731.7 -3354.7             3
        1          2  5642.9 -2795.4             7
        """
        fits = list(self.fits.values())
        goodness = [r.goodness_of_fit for r in fits]
        columns: dict[str, Any] = {
            "n_classes": list(self.fits),
            "bic": [r.bic for r in fits],
            "loglik": [r.loglik for r in fits],
            "aic": [r.aic for r in fits],
            "sabic": [r.sabic for r in fits],
            "n_parameters": [r.n_parameters for r in fits],
            "df": [g.df for g in goodness],
            "entropy": [r.entropy for r in fits],
            "g2": [g.g2 for g in goodness],
            "g2_p": [g.g2_p for g in goodness],
            "replicated": [r.n_replicated for r in fits],
            "converged": [r.converged for r in fits],
        }
        return to_native(columns, fits[0]._native)

    def __str__(self) -> str:
        return str(self.frame())


def compare_classes(
    responses: Any, n_classes: Iterable[int] = range(1, 6), **options: Any
) -> ClassComparison:
    """Fit latent class models with several numbers of classes.

    Parameters
    ----------
    responses : array, list of lists, data frame or LongResponses
        As for :func:`fit_latent_class`.
    n_classes : iterable of int, default 1 to 5
        Numbers of classes.
    **options
        Options of :func:`fit_latent_class`.

    Returns
    -------
    ClassComparison
        The fits, and a frame that compares them.

    Raises
    ------
    IdentificationError
        If there are too many classes for the number of response patterns; says how many can be.

    Examples
    --------
    >>> import mixirt
    >>> gss = mixirt.datasets.load("gss87_antirel").responses
    >>> comparison = mixirt.compare_classes(gss, [1, 2], seed=1)
    >>> comparison.frame()["bic"].round(1).tolist()
    [6731.7, 5642.9]
    """
    numbers = [whole_number("n_classes", n, 1) for n in several("n_classes", n_classes)]
    if not numbers:
        raise SpecError("n_classes holds no number; give some, for instance range(1, 6)")
    return ClassComparison({n: fit_latent_class(responses, n, **options) for n in numbers})
