"""Item response and latent class models by marginal maximum likelihood."""

from mixirt import datasets, errors, priors
from mixirt._core import __version__
from mixirt.bifactor import bifactor as bifactor
from mixirt.errors import (
    BoundaryWarning,
    ConvergenceWarning,
    DataError,
    DataWarning,
    EstimationError,
    IdentificationError,
    InformationWarning,
    LikelihoodDecreaseWarning,
    MixirtError,
    MixirtWarning,
    QuadratureWarning,
    SpecError,
)
from mixirt.fit import fit
from mixirt.model import Model
from mixirt.result import Result
from mixirt.scores import Scores

__all__ = [
    "BoundaryWarning",
    "ConvergenceWarning",
    "DataError",
    "DataWarning",
    "EstimationError",
    "IdentificationError",
    "InformationWarning",
    "LikelihoodDecreaseWarning",
    "MixirtError",
    "MixirtWarning",
    "Model",
    "QuadratureWarning",
    "Result",
    "Scores",
    "SpecError",
    "__version__",
    "bifactor",
    "datasets",
    "errors",
    "fit",
    "priors",
]
