"""Fits of every kind that a file must hold, small enough to be fitted in a moment."""

from __future__ import annotations

from functools import cache

import numpy as np

import mixirt
from mixirt import priors

rng = np.random.default_rng(20)


def _plain():
    return mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")


def _tied_with_standard_errors():
    result = mixirt.fit(mixirt.datasets.load("lsat7").responses, "1pl")
    result.vcov()
    result.vcov("cross_product")
    return result


def _text_labels():
    words = np.array(["strongly disagree", "disagree", "agree", "strongly agree"])
    frame = mixirt.datasets.load("science").frame()
    return mixirt.fit(frame.map(lambda m: words[m - 1]), "grm", categories=words.tolist())


def _mixed_labels():
    codes = rng.integers(0, 2, (300, 4))
    labels = [[False, True], [0.5, 2.5], [7, 9], ["ja", 1]]
    rows = [[labels[i][m] for i, m in enumerate(row)] for row in codes.tolist()]
    categories = {f"item{i + 1}": own for i, own in enumerate(labels)}
    return mixirt.fit(rows, "rasch", categories=categories, max_cycles=5)


def _groups_and_weights():
    data = mixirt.datasets.load("timss_aus_twn")
    weights = np.random.default_rng(3).uniform(0.5, 2.0, len(data.responses))
    groups = data.groups.astype(int)
    options = {"groups": groups, "weights": weights, "invariance": "scalar"}
    return mixirt.fit(data.responses, "gpcm", **options, free_items=["item1"])


def _priors_and_bounds():
    data = mixirt.datasets.load("sat12").responses[:, :6]
    model = mixirt.Model("3pl", items=6).prior("guessing", priors.beta(5, 17))
    model = model.prior("slope", priors.normal(1, 0.5)).fix("guessing", 0.2, item="item2")
    model = model.bound("intercept", -3, 3).start("slope", 1.25, item="item3")
    return mixirt.fit(data, model, max_cycles=20)


def _two_attributes():
    q = np.array([[1, 0], [1, 0], [1, 1], [0, 1], [0, 1], [0, 1], [1, 0], [0, 1]])
    data = mixirt.datasets.load("mobility").responses[:1500]
    rule = {"quadrature": "gauss-hermite", "n_quadrature": [9, 7], "prune": 1e-6}
    return mixirt.fit(data, "2pl", q_matrix=q, max_cycles=20, **rule)


def _classes():
    data = mixirt.datasets.load("mobility").responses[:1500]
    return mixirt.fit(data, "rasch", n_classes=2, n_starts=2, seed=1, max_cycles=20)


def _latent_classes():
    carcinoma = mixirt.datasets.load("carcinoma").responses
    return mixirt.fit_latent_class(carcinoma, 2, n_starts=3, seed=1)


def _known_latent_classes():
    data = mixirt.datasets.load("gss87_antirel")
    known = [1, 2, None] * (len(data.responses) // 3)
    return mixirt.fit_latent_class(data.responses, 2, known_classes=known, seed=1)


KINDS = {
    "plain": _plain,
    "tied_with_standard_errors": _tied_with_standard_errors,
    "text_labels": _text_labels,
    "mixed_labels": _mixed_labels,
    "groups_and_weights": _groups_and_weights,
    "priors_and_bounds": _priors_and_bounds,
    "two_attributes": _two_attributes,
    "classes": _classes,
    "latent_classes": _latent_classes,
    "known_latent_classes": _known_latent_classes,
}


@cache
def fitted(kind: str) -> mixirt.Result:
    return KINDS[kind]()
