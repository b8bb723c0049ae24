"""Errors and warnings: what went wrong, in the words of the person who has to put it right."""

from __future__ import annotations

from typing import Any

__all__ = [
    "BoundaryWarning",
    "ConvergenceWarning",
    "DataError",
    "DataWarning",
    "EstimationError",
    "FileError",
    "IdentificationError",
    "InformationWarning",
    "LikelihoodDecreaseWarning",
    "MixirtError",
    "MixirtWarning",
    "QuadratureWarning",
    "ReplicationWarning",
    "RunawayWarning",
    "SpecError",
]


class MixirtError(Exception):
    """Any error that mixirt raises on purpose."""


class DataError(MixirtError, ValueError):
    """The responses, weights or groups cannot be used as they are."""


class SpecError(MixirtError, ValueError):
    """The model, or an option of the fit, is not one that can be estimated."""


class IdentificationError(SpecError):
    """The responses cannot determine the model; the message names what is free and a cure."""


class EstimationError(MixirtError, RuntimeError):
    """The estimation could not go on.

    Parameters
    ----------
    message
        What happened, and what to do.
    history
        The cycles up to there, as in the `history` of a result; None if there was none.
    """

    history: Any

    def __init__(self, message: str = "", history: Any = None) -> None:
        super().__init__(message)
        self.history = history

    def __reduce__(self) -> tuple[type[EstimationError], tuple[str, Any]]:
        return type(self), (str(self), self.history)


class FileError(MixirtError):
    """A model file cannot be written, or is not one that can be read."""


class MixirtWarning(UserWarning):
    """Any warning of mixirt."""


class ConvergenceWarning(MixirtWarning):
    """The estimation stopped before it converged."""


class BoundaryWarning(MixirtWarning):
    """A parameter stopped at a bound, so its estimate is not a stationary point."""


class RunawayWarning(MixirtWarning):
    """An estimate grew beyond what responses could determine: they have no finite maximum."""


class ReplicationWarning(MixirtWarning):
    """Only one of several starts reached the highest log-likelihood: it may be a local maximum."""


class LikelihoodDecreaseWarning(MixirtWarning):
    """The log-likelihood fell from one cycle to the next by more than rounding explains."""


class InformationWarning(MixirtWarning):
    """The information matrix is not positive definite: standard errors are missing or doubtful."""


class QuadratureWarning(MixirtWarning):
    """The quadrature grid is too coarse for the distribution that was estimated."""


class DataWarning(MixirtWarning):
    """The responses can be used, but look wrong: transposed, for instance."""
