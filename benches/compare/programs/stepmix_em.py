"""StepMix: latent class models only."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from benches.compare.cases import Case, Responses
from benches.compare.estimates import Estimates
from numpy.typing import NDArray

TITLE = "StepMix"


def load() -> str:
    import stepmix  # noqa: F401 -- imported before time is taken

    return version("stepmix")


def cannot(case: Case) -> bool:
    return case.structure != "classes"


def prepare(case: Case, data: Responses) -> NDArray[np.float64]:
    del case
    return data.codes.astype(float)


def fit(case: Case, data: NDArray[np.float64], quick: bool = False) -> Any:
    from stepmix.stepmix import StepMix

    options = {"max_iter": 2} if quick else {}
    model = StepMix(
        n_components=case.n_strata, measurement="binary", random_state=1, progress_bar=0, **options
    )
    model.fit(data)
    return model


def estimates(case: Case, fitted: Any) -> Estimates:
    del case
    return of_classes(fitted.get_parameters()["measurement"]["pis"], fitted.weights_)


def of_classes(pis: NDArray[np.float64], weights: NDArray[np.float64]) -> Estimates:
    """Translate P(1 | class), shape (K, I), and the proportions of the classes."""
    none = np.zeros((pis.shape[1], 0))
    logits = np.log(pis) - np.log1p(-pis)
    return Estimates.of_groups([Estimates.of_one_group(none, b) for b in logits], weights)


def own_loglik(case: Case, fitted: Any) -> float | None:
    return float(fitted.lower_bound_) * case.n_respondents


def scoring(fitted: Any, data: NDArray[np.float64]) -> Callable[[], Any]:
    raise NotImplementedError
