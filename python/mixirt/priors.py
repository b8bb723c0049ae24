"""Prior densities on single parameters, for Bayes modal estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mixirt._checks import number, positive_number

__all__ = ["Prior", "beta", "lognormal", "normal"]


@dataclass(frozen=True)
class Prior:
    """A prior on one parameter; made by :func:`normal`, :func:`lognormal` or :func:`beta`.

    Attributes
    ----------
    name : {"normal", "lognormal", "beta"}
        The family.
    first, second : float
        Its parameters: mean and standard deviation (of the logarithm, if lognormal), or the shapes
        of the beta density.
    """

    name: Literal["normal", "lognormal", "beta"]
    first: float
    second: float

    def __str__(self) -> str:
        return f"{self.name}({self.first:g}, {self.second:g})"


def normal(mean: float, sd: float) -> Prior:
    """Make a normal prior: on a slope, intercept or mean, or on the *logit* of a guessing.

    Parameters
    ----------
    mean, sd : float
        Mean and standard deviation (positive).

    Returns
    -------
    Prior
        For :meth:`mixirt.Model.prior`.

    Raises
    ------
    SpecError
        If a number is not finite, or not positive where it must be.

    Examples
    --------
    >>> print(normal(-1.1, 0.5))
    normal(-1.1, 0.5)
    """
    return Prior("normal", _finite(mean, "mean"), _positive(sd, "standard deviation"))


def lognormal(mean: float, sd: float) -> Prior:
    """Lognormal prior on a parameter that is positive (a slope or a variance).

    Parameters
    ----------
    mean, sd : float
        Mean and standard deviation (positive) of the logarithm.

    Returns
    -------
    Prior
        For :meth:`mixirt.Model.prior`.

    Raises
    ------
    SpecError
        If a number is not finite, or not positive where it must be.

    Examples
    --------
    >>> print(lognormal(0, 0.5))
    lognormal(0, 0.5)
    """
    return Prior("lognormal", _finite(mean, "mean"), _positive(sd, "standard deviation"))


def beta(a: float, b: float) -> Prior:
    """Beta prior on a guessing probability; its density is taken on the probability scale.

    Parameters
    ----------
    a, b : float
        Shape parameters (positive); the prior mode is ``(a - 1) / (a + b - 2)``.

    Returns
    -------
    Prior
        For :meth:`mixirt.Model.prior`.

    Raises
    ------
    SpecError
        If a number is not finite, or not positive where it must be.

    Examples
    --------
    >>> print(beta(5, 17))
    beta(5, 17)
    """
    return Prior("beta", _positive(a, "first shape"), _positive(b, "second shape"))


def _finite(value: float, what: str) -> float:
    return number(f"the {what} of a prior", value)


def _positive(value: float, what: str) -> float:
    return positive_number(f"the {what} of a prior", value)
