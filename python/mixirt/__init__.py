"""Item response and latent class models by marginal maximum likelihood.

- Estimate: :func:`fit`, :func:`fit_latent_class`, :func:`compare_classes`. They return a
  :class:`Result`: estimates, standard errors, diagnostics, scores, simulated responses, reports.
- Say which model, where its name is not enough: :class:`Model`, :func:`bifactor`, :mod:`priors`.
- Give responses: arrays, lists and data frames as they are, :func:`long` for a row per answer,
  :mod:`datasets` to try things out.
- Go on: :func:`compare` fits, draw them (:mod:`plots`), :func:`load` what a result saved, and make
  it a :class:`Scorer` for production.
- When something is wrong: :mod:`errors` has what is raised and warned.

Examples
--------
>>> import mixirt
>>> r = mixirt.fit(mixirt.datasets.load("lsat7").frame(), "2pl")
>>> round(r.loglik, 4)
-2658.8051
>>> r.score([[1, 1, 1, 0, 0]]).theta.round(2)
array([[-0.2]])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mixirt import datasets, errors, plots, priors
    from mixirt._core import __version__
    from mixirt.bifactor_model import bifactor
    from mixirt.comparing import compare
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
        RunawayWarning,
        SpecError,
    )
    from mixirt.files import load
    from mixirt.fit_classes import compare_classes, fit_latent_class
    from mixirt.fitting import fit
    from mixirt.latent_class import LatentClassResult
    from mixirt.long_format import LongResponses, long
    from mixirt.model import Model
    from mixirt.plausible_values import PlausibleValues
    from mixirt.result import Result
    from mixirt.scorer import Score, Scorer
    from mixirt.scores import Scores
    from mixirt.sum_scores import SumScores

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
    "LongResponses",
    "MixirtError",
    "MixirtWarning",
    "Model",
    "PlausibleValues",
    "QuadratureWarning",
    "ReplicationWarning",
    "Result",
    "RunawayWarning",
    "Score",
    "Scorer",
    "Scores",
    "SpecError",
    "SumScores",
    "__version__",
    "bifactor",
    "compare",
    "compare_classes",
    "datasets",
    "errors",
    "fit",
    "fit_latent_class",
    "load",
    "long",
    "plots",
    "priors",
]

#: Where names live that are not in `mixirt.errors`. No module here is called like a name: importing
#: the module would hide the name.
_HOMES = {
    "LatentClassResult": "latent_class",
    "LongResponses": "long_format",
    "Model": "model",
    "PlausibleValues": "plausible_values",
    "Result": "result",
    "Score": "scorer",
    "Scorer": "scorer",
    "Scores": "scores",
    "SumScores": "sum_scores",
    "__version__": "_core",
    "bifactor": "bifactor_model",
    "compare": "comparing",
    "compare_classes": "fit_classes",
    "fit": "fitting",
    "fit_latent_class": "fit_classes",
    "load": "files",
    "long": "long_format",
}

_MODULES = ("datasets", "errors", "plots", "priors")


# Names are imported when they are first used: a scoring service that loads a model file never pays
# for the parts that estimate.
def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"mixirt.{name}")
    if name not in __all__:
        raise AttributeError(f"module 'mixirt' has no attribute {name!r}")
    value = getattr(import_module(f"mixirt.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
