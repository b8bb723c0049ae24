"""`mirt` from PyPI.

Its curves are a (theta - difficulty), steps and thresholds alike; with several attributes
a'theta - sum(a) step. Its fits of one attribute fix the distribution at N(0, 1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from benches.compare.cases import Case, Responses
from benches.compare.estimates import Estimates
from numpy.typing import NDArray

TITLE = "PyPI mirt"


def load() -> str:
    import mirt
    import mirt.multigroup

    return str(mirt.__version__)


def cannot(case: Case) -> bool:
    # Its mixtures are of binary items; it has no latent classes without attributes.
    return case.structure in ("mixture", "classes")


def prepare(case: Case, data: Responses) -> Responses:
    del case
    return Responses(data.codes.astype(np.int32), data.groups)


def fit(case: Case, data: Responses, quick: bool = False) -> Any:
    import mirt

    options: dict[str, Any] = {"max_iter": 2} if quick else {}
    codes, family = data.codes, case.model.upper()
    if case.structure == "groups":
        return mirt.multigroup.fit_multigroup(
            codes,
            data.groups,
            model=family,
            invariance="scalar",
            n_categories=case.n_categories,
            **options,
        )
    options["compute_standard_errors"] = False
    if case.structure == "bifactor":
        return mirt.bfactor(codes, [js[1] for js in case.attributes or ()], **options)
    if case.n_categories > 2:
        options["n_categories"] = case.n_categories
    if case.attributes is not None:
        n_dims = case.q_matrix.shape[1]
        return mirt.fit_mirt(codes, family, n_factors=n_dims, spec=_syntax(case), **options)
    return mirt.fit_mirt(codes, family, **options)


def _syntax(case: Case) -> str:
    """Say the model in the syntax of mirt, items numbered from 1."""
    q = case.q_matrix
    names = [f"F{j + 1}" for j in range(q.shape[1])]
    lines = [
        f"{name} = {','.join(str(i + 1) for i in np.flatnonzero(q[:, j]))}"
        for j, name in enumerate(names)
    ]
    return "\n".join([*lines, f"COV = {'*'.join(names)}"])


def estimates(case: Case, fitted: Any) -> Estimates:
    if case.structure == "groups":
        groups = []
        for k, latent in enumerate(fitted.latent_distributions):
            items = items_of(case, fitted.model.get_group_model(k).parameters)
            groups.append(
                Estimates(
                    items.slopes,
                    items.intercepts,
                    np.atleast_1d(latent.mean)[None],
                    np.atleast_2d(latent.cov)[None],
                )
            )
        return Estimates.of_groups(groups)
    return items_of(case, fitted.model.parameters, getattr(fitted, "latent_covariance", None))


def items_of(
    case: Case, values: dict[str, NDArray[np.float64]], covariance: Any = None
) -> Estimates:
    """Translate item parameters, by the names under which mirt stores them."""
    if case.structure == "bifactor":
        slopes = case.q_matrix.astype(float)
        slopes[:, 0] = values["general_loadings"]
        specific = [js[1] for js in case.attributes or ()]
        slopes[np.arange(case.n_items), specific] = values["specific_loadings"]
        return Estimates.of_one_group(slopes, values["intercepts"])
    if "slopes" in values:
        return Estimates.of_one_group(values["slopes"], values["intercepts"], covariance=covariance)
    a = values["discrimination"]
    scale = a if a.ndim == 1 else a.sum(axis=1)
    if "steps" in values:
        b = -scale[:, None] * np.cumsum(values["steps"], axis=1)
    elif "thresholds" in values:
        b = -scale[:, None] * values["thresholds"]
    else:
        b = -scale * values["difficulty"]
    return Estimates.of_one_group(a, b, covariance=covariance, guessing=values.get("guessing"))


def own_loglik(case: Case, fitted: Any) -> float | None:
    del case
    return float(fitted.log_likelihood)


def scoring(fitted: Any, data: Responses) -> Callable[[], Any]:
    import mirt

    return lambda: mirt.fscores(fitted, data.codes, method="EAP").theta
