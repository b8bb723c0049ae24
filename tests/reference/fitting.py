"""mixirt models of the fits of other programs: fitted, or held at what the others estimated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

import mixirt
from mixirt import datasets
from tests.reference.loading import ALL, ExactFit, Floats, MirtFit, MirtKey

Lookup = Callable[[str, str, int, int, int], float]
"""Kind, group label, item, attribute and category (-1 where there is none) to a value."""


@dataclass(frozen=True)
class Recipe:
    """How mixirt is asked for the model of a reference.

    Attributes
    ----------
    data
        Name in `mixirt.datasets`.
    model
        What `mixirt.fit` takes as its model.
    options
        Further arguments of `mixirt.Model`.
    guessing_prior
        Mean and standard deviation of the normal prior on the guessing logits, or None.
    """

    data: str
    model: str | tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    guessing_prior: tuple[float, float] | None = None


TIMSS_ITEMS = datasets.load("timss_aus_twn").responses.max(axis=0)


def timss(polytomous: str) -> tuple[str, ...]:
    """2PL for the items of two categories, the given model for those of three."""
    return tuple("2pl" if largest == 1 else polytomous for largest in TIMSS_ITEMS)


TWO_ATTRIBUTES = np.kron(np.eye(2, dtype=int), np.ones((4, 1), dtype=int))

RECIPES: dict[str, Recipe] = {
    "lsat6_2pl": Recipe("lsat6", "2pl"),
    "lsat6_rasch": Recipe("lsat6", "rasch"),
    "lsat7_2pl": Recipe("lsat7", "2pl"),
    "lsat7_rasch": Recipe("lsat7", "rasch"),
    "science_grm": Recipe("science", "grm"),
    "science_gpcm": Recipe("science", "gpcm"),
    "science_pcm": Recipe("science", "pcm"),
    "sat12_2pl": Recipe("sat12", "2pl"),
    "sat12_3pl_prior": Recipe("sat12", "3pl", guessing_prior=(-1.1, 0.5)),
    "mobility_2pl": Recipe("mobility", "2pl"),
    "mobility_2d": Recipe("mobility", "2pl", {"q_matrix": TWO_ATTRIBUTES}),
    "fims_2pl_configural": Recipe("fims", "2pl", {"invariance": "configural"}),
    "fims_2pl_scalar": Recipe("fims", "2pl", {"invariance": "scalar"}),
    "fims_2pl_item1_free": Recipe("fims", "2pl", {"invariance": "scalar", "free_items": [0]}),
    "timss_mixed_scalar": Recipe(
        "timss_aus_twn", timss("gpcm"), {"invariance": "scalar", "reference": "36"}
    ),
    "timss_mixed_scalar_ref_158": Recipe(
        "timss_aus_twn", timss("gpcm"), {"invariance": "scalar", "reference": "158"}
    ),
    "timss_grm_scalar": Recipe(
        "timss_aus_twn", timss("grm"), {"invariance": "scalar", "reference": "158"}
    ),
}


def codes(data: str) -> Any:
    """Return the responses of a data set, from 0."""
    responses = datasets.load(data).responses
    return responses - responses.min()


def model_of(recipe: Recipe, **structure: Any) -> mixirt.Model:
    """Return the model of a recipe; `structure` adds to its options."""
    dataset = datasets.load(recipe.data)
    options = dict(recipe.options)
    if dataset.groups is not None:
        options["groups"] = sorted(set(dataset.groups.tolist()))
    if "free_items" in options:
        options["free_items"] = [dataset.item_names[i] for i in options["free_items"]]
    model = mixirt.Model(
        recipe.model if isinstance(recipe.model, str) else list(recipe.model),
        items=dataset.item_names,
        n_categories=(codes(recipe.data).max(axis=0) + 1).astype(int).tolist(),
        **options,
        **structure,
    )
    if recipe.guessing_prior is not None:
        model = model.prior("guessing", mixirt.priors.normal(*recipe.guessing_prior))
    return model


def fit_model(recipe: Recipe, model: mixirt.Model, **options: Any) -> mixirt.Result:
    """Fit a model to the data of a recipe."""
    return mixirt.fit(
        codes(recipe.data), model, groups=datasets.load(recipe.data).groups, **options
    )


@cache
def fitted(name: str) -> mixirt.Result:
    """Fit as users do: with every default."""
    recipe = RECIPES[name]
    return fit_model(recipe, model_of(recipe))


@cache
def fitted_closely(name: str) -> mixirt.Result:
    """Fit on a grid beyond doubt, until the parameters stand still."""
    recipe = RECIPES[name]
    n = 81 if "2d" in name else 161
    model = model_of(recipe, n_quadrature=n)
    return fit_model(recipe, model, tol_parameter=1e-8, tol_deviance=1e-8)


def exact_lookup(fit: ExactFit) -> Lookup:
    """Values of an exact reference; the reference group's mean is 0 and its variance 1."""

    def value(kind: str, group: str, item: int, attribute: int, category: int) -> float:
        if kind in ("mean", "variance"):
            if group in (ALL, fit.reference_group):
                return float(kind == "variance")
            return fit.value(group, None, kind, attribute=0)
        if kind == "guessing":
            return fit.value(group, item, "guessing")
        if kind == "slope":
            return fit.value(group, item, kind, attribute=attribute)
        return fit.value(group, item, kind, category=category)

    return value


def mirt_lookup(fit: MirtFit) -> Lookup:
    """Values of an R mirt fit."""

    def value(kind: str, group: str, item: int, attribute: int, category: int) -> float:
        if kind == "mean":
            return float(fit.mean(group)[attribute])
        if kind == "variance":
            return float(fit.covariance(group)[attribute, attribute])
        if kind == "covariance":
            return float(fit.covariance(group)[attribute, category])
        label = fit.items[item]
        if kind == "guessing":
            return fit.values[MirtKey(group, label, "g")]
        if kind == "slope":
            return float(fit.slopes(group, label)[attribute])
        return float(fit.intercepts(group, label)[category - 1])

    return value


def values_of(model: mixirt.Model, lookup: Lookup) -> dict[str, Floats]:
    """Values of all parameters by kind, each in the order of the model's table."""
    design, cells = model.design, model.design.cells
    values: dict[str, Floats] = {}
    for kind in ("slope", "intercept", "guessing", "mean", "variance", "covariance"):
        here = np.flatnonzero(cells.is_kind(kind))
        if len(here):
            last = cells.attribute_2 if kind == "covariance" else cells.category
            values[kind] = np.array(
                [
                    lookup(
                        kind,
                        str(design.groups[cells.group[c]]),
                        int(cells.item[c]),
                        int(cells.attribute[c]),
                        int(last[c]),
                    )
                    for c in here
                ]
            )
    return values


def estimates_of(result: mixirt.Result) -> dict[str, Floats]:
    """Estimates by kind in the same order as `values_of`: guessing as a probability."""
    cells = result.model.design.cells
    kinds = ("slope", "intercept", "guessing", "mean", "variance", "covariance")
    values = result._public_values()
    chosen = {kind: values[cells.is_kind(kind)] for kind in kinds}
    return {kind: found for kind, found in chosen.items() if len(found)}


def held_at(name: str, lookup: Lookup, **structure: Any) -> mixirt.Result:
    """Return the model of a reference with every parameter fixed where the other program ended."""
    recipe = replace(RECIPES[name], guessing_prior=None)
    model = model_of(recipe, **structure)
    for kind, values in values_of(model, lookup).items():
        model = model.fix(kind, values)
    return fit_model(recipe, model)
