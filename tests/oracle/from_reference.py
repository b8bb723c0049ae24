"""Oracle models at the estimates of other programs."""

from __future__ import annotations

import numpy as np

from mixirt import datasets
from tests.oracle.grids import rectangular
from tests.oracle.m_step import Member, Place
from tests.oracle.models import (
    Floats,
    OracleData,
    OracleGroup,
    OracleItem,
    OracleModel,
    class_group,
    class_item,
    data,
)
from tests.reference.loading import ALL, ExactFit, MirtFit, MirtKey, PolcaFit


def group_labels(name: str) -> list[str]:
    """Observed groups of a data set in the order of its rows."""
    groups = datasets.load(name).groups
    return [ALL] if groups is None else list(dict.fromkeys(groups.tolist()))


def reference_data(name: str) -> OracleData:
    """Return a data set with codes from 0 and groups numbered as in `group_labels`."""
    dataset = datasets.load(name)
    codes = dataset.responses - dataset.responses.min()
    if dataset.groups is None:
        return data(codes)
    labels = group_labels(name)
    return data(codes, observed_group=[labels.index(label) for label in dataset.groups])


def patterns(given: OracleData) -> OracleData:
    """Return the distinct rows of data without groups, weighted by their frequency."""
    rows, n_gp = np.unique(given.responses, axis=0, return_counts=True)
    return data(rows, weights=n_gp)


def fine_grid(mean: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Return the grid on which the exact references were computed."""
    return rectangular(mean, covariance, 401, reach=8.0)


def exact_item(fit: ExactFit, group: str, item: int) -> OracleItem:
    """Return an item at its exact estimates; it belongs to the family that the fit's name says."""
    family = next((name for name in ("grm", "3pl") if name in fit.name), "gpcm")
    slope = fit.value(group, item, "slope", attribute=0)
    intercepts = [
        fit.value(group, item, "intercept", category=m)
        for m in fit.categories(group, item, "intercept")
    ]
    logit = fit.value(group, item, "guessing_logit") if family == "3pl" else -np.inf
    return OracleItem(family, np.array([slope]), np.array(intercepts), guessing_logit=logit)


def exact_model(fit: ExactFit, place: Place = fine_grid) -> OracleModel:
    """Return the model of an exact reference at its maximum."""
    n_items = reference_data(fit.data).responses.shape[1]
    if any(key.parameter == "probability" for key in fit.estimates):
        return exact_class_model(fit, n_items)
    groups = []
    for g, label in enumerate(group_labels(fit.data)):
        is_reference = label in (ALL, fit.reference_group)
        mean = 0.0 if is_reference else fit.value(label, None, "mean", attribute=0)
        variance = 1.0 if is_reference else fit.value(label, None, "variance", attribute=0)
        items = tuple(exact_item(fit, label, i) for i in range(n_items))
        groups.append(placed(items, np.array([mean]), np.array([[variance]]), g, place))
    return OracleModel(tuple(groups), np.ones((len(groups), 1)))


def exact_class_model(fit: ExactFit, n_items: int) -> OracleModel:
    """Return a latent class model at its maximum."""
    labels = [key.group for key in fit.estimates if key.parameter == "proportion"]
    groups = []
    for c, label in enumerate(labels):
        items = []
        for i in range(n_items):
            codes = fit.categories(label, i, "probability")
            p = [fit.value(label, i, "probability", category=m) for m in codes]
            items.append(class_item(p))
        groups.append(class_group(tuple(items), c))
    proportions = [fit.value(label, None, "proportion") for label in labels]
    return OracleModel(tuple(groups), np.array([proportions]))


def placed(
    items: tuple[OracleItem, ...], mean: Floats, covariance: Floats, observed: int, place: Place
) -> OracleGroup:
    """Return an observed group with its nodes where `place` puts them."""
    theta, weights = place(mean, covariance)
    return OracleGroup(items, mean, covariance, theta, weights, observed_group=observed)


def exact_blocks(fit: ExactFit) -> tuple[tuple[Member, ...], ...]:
    """Items whose parameters are one in all groups, and those that have their own."""
    model = exact_model(fit, lambda mean, covariance: rectangular(mean, covariance, 3))
    blocks: list[tuple[Member, ...]] = []
    for i, item in enumerate(model.groups[0].items):
        assert item is not None
        positions = tuple(range(len(item.eta())))
        members = [Member(g, i, positions) for g in range(len(model.groups))]
        shared = any(key.group == ALL and key.item == i for key in fit.estimates)
        blocks += [tuple(members)] if shared else [(member,) for member in members]
    return tuple(blocks)


def mirt_item(fit: MirtFit, group: str, label: str) -> OracleItem:
    """Return an item at R mirt's estimates: a GPCM if it has `ak0` or one `d`, else graded."""
    is_gpcm = any(MirtKey(group, label, name) in fit.values for name in ("ak0", "d"))
    family = "gpcm" if is_gpcm else "grm"
    return OracleItem(family, fit.slopes(group, label), fit.intercepts(group, label))


def mirt_model(fit: MirtFit, data_name: str, place: Place) -> OracleModel:
    """Return the model of an R mirt fit; groups in the order of the data."""
    groups = []
    for g, label in enumerate(group_labels(data_name)):
        items = tuple(mirt_item(fit, label, item) for item in fit.items)
        groups.append(placed(items, fit.mean(label), fit.covariance(label), g, place))
    return OracleModel(tuple(groups), np.ones((len(groups), 1)))


def polca_model(fit: PolcaFit) -> OracleModel:
    """Return the model of an R poLCA fit. Probabilities printed as 0 are taken as 1e-12."""
    groups = []
    for c in range(len(fit.proportions)):
        items = tuple(class_item(np.maximum(p[c], 1e-12)) for p in fit.probabilities)
        groups.append(class_group(items, c))
    return OracleModel(tuple(groups), fit.proportions[None])
