"""girth.

Curves are a (theta - difficulty), in partial credit models step by step. Its graded models leave
out respondents who chose the lowest or the highest category of every item; the yardstick does not.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from benches.compare.cases import Case, Responses
from benches.compare.estimates import Estimates
from numpy.typing import NDArray

TITLE = "girth"


def load() -> str:
    import girth  # noqa: F401 -- imported before time is taken

    return version("girth")


def cannot(case: Case) -> bool:
    # Its models of several attributes are exploratory; scoring has no single-respondent form.
    return case.structure != "simple" or case.attributes is not None


def prepare(case: Case, data: Responses) -> NDArray[np.int64]:
    del case
    return np.ascontiguousarray(data.codes.T, dtype=np.int64)


def fit(case: Case, data: NDArray[np.int64], quick: bool = False) -> dict[str, Any]:
    import girth

    estimate = {
        "2pl": girth.twopl_mml,
        "3pl": girth.threepl_mml,
        "gpcm": girth.pcm_mml,
        "grm": girth.grm_mml,
    }[case.model]
    return dict(estimate(data, {"max_iteration": 2} if quick else None))


def estimates(case: Case, fitted: dict[str, Any]) -> Estimates:
    a, difficulty = fitted["Discrimination"], fitted["Difficulty"]
    difficulty = difficulty[:, None] if difficulty.ndim == 1 else difficulty
    if case.model == "gpcm":
        difficulty = np.cumsum(difficulty, axis=1)
    return Estimates.of_one_group(a, -a[:, None] * difficulty, guessing=fitted.get("Guessing"))


def own_loglik(case: Case, fitted: dict[str, Any]) -> float | None:
    del case, fitted
    return None


def scoring(fitted: dict[str, Any], data: NDArray[np.int64]) -> Callable[[], Any]:
    import girth

    a, difficulty = fitted["Discrimination"], fitted["Difficulty"]
    return lambda: girth.ability_eap(data, difficulty, a)
