"""The reference models as this package fits them, and their parameters under its names."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import mixirt
from mixirt import datasets
from tests.reference.loading import ALL, ExactFit, Key, MirtFit, MirtKey, exact

#: Close enough to the maximum for eight digits of a standard error.
TIGHT = {"tol_parameter": 1e-9, "tol_deviance": 1e-9, "max_cycles": 20_000}
#: Points at which nothing is left of the error of quadrature.
FINE = 201


@cache
def fit_exact(name: str) -> mixirt.Result:
    """Fit the model of an exact reference."""
    fit = exact(name)
    loaded = datasets.load(fit.data)
    if "lca" in fit.name:
        return latent_class(loaded.responses, class_probabilities(fit))
    options: dict[str, Any] = {**TIGHT, "n_quadrature": FINE}
    if loaded.groups is not None:
        free = ["item1"] if "item1_free" in fit.name else []
        options |= {"groups": loaded.groups, "invariance": "scalar", "free_items": free}
        options["reference"] = _label(loaded.groups, fit.reference_group)
    if fit.prior is not None:
        return _with_prior(fit, loaded)
    kind = "grm" if "grm" in fit.name else "gpcm"
    return mixirt.fit(from_zero(loaded.responses), kind, **options)


def from_zero(responses: NDArray[Any]) -> NDArray[Any]:
    """Codes counted from 0."""
    return responses - np.nanmin(responses)


def class_probabilities(fit: ExactFit) -> list[list[NDArray[np.float64]]]:
    """Category probabilities of every class and item."""
    n_items = 1 + max(key.item for key in fit.estimates if key.item is not None)
    classes = dict.fromkeys(key.group for key in fit.estimates)
    return [
        [
            np.array(
                [
                    fit.value(label, i, "probability", category=m)
                    for m in fit.categories(label, i, "probability")
                ]
            )
            for i in range(n_items)
        ]
        for label in classes
    ]


def latent_class(
    responses: Any, probabilities: list[list[NDArray[np.float64]]], weights: Any = None
) -> mixirt.Result:
    """Fit a latent class model from given category probabilities, by class and item."""
    n_items, n_classes = len(probabilities[0]), len(probabilities)
    model = mixirt.Model(
        "gpcm",
        items=n_items,
        n_categories=[len(p) for p in probabilities[0]],
        attributes=[],
        q_matrix=np.zeros((n_items, 0), dtype=int),
        n_classes=n_classes,
    )
    for c, of_class in enumerate(probabilities):
        for i, p in enumerate(of_class):
            for m in range(1, len(p)):
                start = float(np.clip(np.log(p[m] / p[0]), -8, 8))
                where = {"item": f"item{i + 1}", "class_": c + 1, "category": m}
                model = model.start("intercept", start, **where)
    return mixirt.fit(from_zero(np.asarray(responses)), model, weights=weights, **TIGHT)


def errors_by_key(result: mixirt.Result, method: str) -> dict[Key, tuple[float, float]]:
    """Estimate and standard error of everything an exact reference can have."""
    design = result.model.design
    items = {name: i for i, name in enumerate(design.items)}
    frames = [result.standard_errors(method)]
    if method != "complete":
        frames.append(result.derived(method=method))
    found: dict[Key, tuple[float, float]] = {}
    for frame in frames:
        for row in frame.to_dict("records"):
            group = f"class{row['class'] - 1}" if "class" in row else row.get("group", ALL)
            parameter = "variance" if row["parameter"] == "covariance" else row["parameter"]
            # Frames fill with None or NaN where a column does not apply.
            attribute = 0 if row["attribute"] in design.attributes else None
            category = None if pd.isna(row["category"]) else row["category"]
            key = Key(str(group), items.get(row["item"]), parameter, attribute, category)
            found[key] = (row["estimate"], row["se"])
    return found


def matching(found: dict[Key, tuple[float, float]], key: Key) -> tuple[float, float]:
    """Find an exact reference's parameter: a shared one in any of the groups."""
    if key.group != ALL:
        return found[key]
    return next(value for own, value in found.items() if own._replace(group=ALL) == key)


def mirt_errors(fit: MirtFit, result: mixirt.Result, method: str) -> dict[MirtKey, float]:
    """Return standard errors under R mirt's names, for one group."""
    errors: dict[MirtKey, float] = {}
    frame = result.standard_errors(method)
    labels = dict(zip(result.model.design.items, fit.items, strict=True))
    for row in frame.to_dict("records"):
        item = labels.get(row["item"], "GROUP")
        name = {"slope": "a1", "mean": "MEAN_1", "covariance": "COV_11"}.get(row["parameter"])
        if row["parameter"] == "intercept":
            name = "d" if MirtKey(ALL, item, "d") in fit.values else f"d{row['category']}"
        if name is not None:
            errors[MirtKey(ALL, item, name)] = row["se"]
    return errors


def _label(groups: NDArray[Any], text: str | None) -> Any:
    return next(label for label in groups.tolist() if str(label) == text)


def _with_prior(fit: ExactFit, loaded: Any) -> mixirt.Result:
    assert fit.prior is not None
    model = mixirt.Model("3pl", items=loaded.responses.shape[1], n_quadrature=FINE)
    prior = mixirt.priors.normal(fit.prior["normal_mean"], fit.prior["normal_sd"])
    return mixirt.fit(loaded.responses, model.prior("guessing", prior), **TIGHT)
