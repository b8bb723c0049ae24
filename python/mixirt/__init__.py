"""Item response and latent class models by marginal maximum likelihood."""

from mixirt import datasets, errors, priors
from mixirt._core import __version__
from mixirt.bifactor import bifactor as bifactor
from mixirt.compare import compare
from mixirt.errors import (
    BoundaryWarning,
    ConvergenceWarning,
    DataError,
    DataWarning,
    EstimationError,
    FileError,
    IdentificationError,
    InformationWarning,
    LikelihoodDecreaseWarning,
    MixirtError,
    MixirtWarning,
    QuadratureWarning,
    ReplicationWarning,
    SpecError,
)
from mixirt.files import load
from mixirt.fit import fit
from mixirt.fit_classes import compare_classes, fit_latent_class
from mixirt.latent_class import LatentClassResult
from mixirt.model import Model
from mixirt.result import Result
from mixirt.scores import Scores

__all__ = [
    "BoundaryWarning",
    "ConvergenceWarning",
    "DataError",
    "DataWarning",
    "EstimationError",
    "FileError",
    "IdentificationError",
    "InformationWarning",
    "LatentClassResult",
    "LikelihoodDecreaseWarning",
    "MixirtError",
    "MixirtWarning",
    "Model",
    "QuadratureWarning",
    "ReplicationWarning",
    "Result",
    "Scores",
    "SpecError",
    "__version__",
    "bifactor",
    "compare",
    "compare_classes",
    "datasets",
    "errors",
    "fit",
    "fit_latent_class",
    "load",
    "priors",
]
