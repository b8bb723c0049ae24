"""mixirt."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from benches.compare.cases import Case, Responses
from benches.compare.estimates import Estimates
from numpy.typing import NDArray

TITLE = "mixirt"


def load() -> str:
    import mixirt

    # A fit that takes start values at random may well find a maximum that it found only once.
    warnings.simplefilter("ignore", mixirt.errors.ReplicationWarning)
    return mixirt.__version__


def cannot(case: Case) -> bool:
    del case
    return False


def prepare(case: Case, data: Responses) -> Responses:
    del case
    return data


def fit(case: Case, data: Responses, quick: bool = False) -> Any:
    import mixirt

    options: dict[str, Any] = {"max_cycles": 2} if quick else {}
    codes, q = data.codes, case.q_matrix
    if case.structure == "classes":
        return mixirt.fit_latent_class(codes, case.n_strata, n_starts=1, seed=1, **options)
    if case.structure == "mixture":
        return mixirt.fit(codes, case.model, n_classes=case.n_strata, n_starts=1, seed=1, **options)
    if case.structure == "groups":
        return mixirt.fit(codes, case.model, groups=data.groups, invariance="scalar", **options)
    if case.structure == "bifactor":
        specific = [js[1] for js in case.attributes or ()]
        return mixirt.fit(codes, mixirt.bifactor(specific, case.model), **options)
    if case.attributes is not None:
        return mixirt.fit(codes, case.model, q_matrix=q, **options)
    return mixirt.fit(codes, case.model, **options)


def estimates(case: Case, fitted: Any) -> Estimates:
    frame = fitted.parameters(se=None)
    q = case.q_matrix
    by = {"mixture": "class", "classes": "class", "groups": "group"}.get(case.structure)
    is_latent = by == "class"
    parts = []
    for k in range(case.n_strata):
        here = frame if by is None else frame[frame[by] == k + is_latent]

        def values(kind: str, here: Any = here) -> NDArray[np.float64]:
            return np.asarray(here.loc[here.parameter == kind, "estimate"], dtype=float)

        slopes = np.zeros(q.shape)
        slopes[q == 1] = values("slope")
        group: dict[str, Any] = {"class_": k + 1} if is_latent else {}
        group = {"group": k} if case.structure == "groups" else group
        parts.append(
            Estimates(
                slopes[None],
                values("intercept").reshape(1, case.n_items, -1),
                fitted.mean(**group)[None],
                fitted.covariance(**group)[None],
                values("guessing")[None] if case.model == "3pl" else None,
            )
        )
    return Estimates.of_groups(parts, fitted.proportions[0] if is_latent else None)


def own_loglik(case: Case, fitted: Any) -> float | None:
    del case
    return float(fitted.loglik)


def scoring(fitted: Any, data: Responses) -> Callable[[], Any]:
    codes = data.codes
    if not hasattr(fitted, "scorer"):
        return lambda: fitted.score(codes, method="eap").theta
    scorer = fitted.scorer()
    if len(codes) == 1:
        one = codes[0]
        return lambda: scorer.score_one(one)
    return lambda: scorer.score(codes)
