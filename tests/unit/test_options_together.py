"""No option is passed over in silence because another one is absent: each says what it needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import mixirt
from mixirt import datasets

LSAT7 = datasets.load("lsat7").responses
GROUPS = np.arange(len(LSAT7)) % 2


def fit(**options: Any) -> mixirt.Result:
    return mixirt.fit(LSAT7, "2pl", max_cycles=0, **options)


def classes(**options: Any) -> mixirt.Result:
    return mixirt.fit_latent_class(LSAT7, 2, seed=1, n_starts=1, max_cycles=0, **options)


@cache
def fitted() -> mixirt.Result:
    return fit()


#: What to call, and what is said of it.
OF_THE_MODEL: dict[str, tuple[Callable[[], object], str]] = {
    "free items, no invariance": (
        lambda: fit(groups=GROUPS, free_items=["item1"]),
        "invariance is configural, so nothing is equal; give invariance= as metric or scalar",
    ),
    "free items of a Model": (
        lambda: mixirt.Model(items=3, groups="ab", free_items="item1"),
        "or leave free_items out",
    ),
    "free items of classes": (
        lambda: classes(class_free_items=["item1"]),
        "class_free_items exempts items from class_invariance",
    ),
    "invariance, no groups": (lambda: fit(invariance="scalar"), "there are none; give groups="),
    "class invariance, one class": (
        lambda: fit(class_invariance="scalar"),
        "there is one; give n_classes=",
    ),
    "a reference, no groups": (
        lambda: fit(reference=0),
        "reference belongs to groups, but there are none; give groups=",
    ),
    "a reference, no invariance": (
        lambda: fit(groups=GROUPS, reference=1),
        "without invariance every group has its own",
    ),
    "items by group, no groups": (
        lambda: fit(items_by_group={"all": ["item1"]}),
        "items_by_group belongs to groups",
    ),
    "attributes by group, no groups": (
        lambda: fit(attributes_by_group={"all": ["theta"]}),
        "attributes_by_group belongs to groups",
    ),
    "pruning, rectangular": (lambda: fit(prune=1e-5), 'use quadrature "gauss-hermite"'),
    "points, no attributes": (
        lambda: classes(n_quadrature=21),
        "n_quadrature belongs to attributes, but the model has none; leave it out",
    ),
    "a rule, no attributes": (
        lambda: classes(quadrature="gauss-hermite"),
        "quadrature belongs to attributes",
    ),
    "known classes, one class": (
        lambda: fit(known_classes=[1] * len(LSAT7)),
        "the model has one class; set n_classes",
    ),
    "numbers of categories, and categories": (
        lambda: mixirt.Model("gpcm", items=3, n_categories=4, categories=["a", "b"]),
        "cannot be given together with the categories of all items",
    ),
    "missing codes, no responses": (
        lambda: mixirt.Model(items=3, missing=9),
        "missing codes are those of responses=, which were not given",
    ),
    "structure beside a Model": (
        lambda: mixirt.fit(LSAT7, mixirt.Model(items=5), n_quadrature=9),
        "'n_quadrature' cannot be given together with a Model",
    ),
    "a start of what is not there": (
        lambda: fit(start={"guessing": 0.2}),
        "the model has no guessing",
    ),
    "points for classes": (
        lambda: classes().category_probabilities([0.0]),
        "a latent class model has no attributes",
    ),
    "a class that is not there": (
        lambda: classes().category_probabilities(class_=3),
        "class 3 does not exist",
    ),
    "clusters of another method": (
        lambda: fitted().vcov("oakes", clusters=GROUPS),
        'clusters belong to method="sandwich"',
    ),
    "equality of a matrix": (
        lambda: fitted().wald(np.eye(10)[:1], equal=True),
        "equal=True goes with names",
    ),
}

OF_THE_DATA: dict[str, tuple[Callable[[], object], str]] = {
    f"{option} of {name}": (lambda call=call, option=option, value=value: call(**{option: value}), (
        f"{option}= is for new responses, but none were given"
    ))
    for name, call in {
        "scores": lambda **own: fitted().score(**own),
        "classes": lambda **own: fitted().classify(**own),
        "draws": lambda **own: fitted().plausible_values(**own),
    }.items()
    for option, value in {"groups": GROUPS, "missing": 9, "extra": "ignore"}.items()
}  # fmt: skip

WITHOUT_GROUPS: dict[str, Callable[[], object]] = {
    "fit": lambda: mixirt.fit(LSAT7, mixirt.Model(items=5), groups=GROUPS),
    "fit_latent_class": lambda: mixirt.fit_latent_class(
        LSAT7, mixirt.Model.latent_class(2, items=5), groups=GROUPS
    ),
    "score": lambda: fitted().score(LSAT7, groups=GROUPS),
    "classify": lambda: fitted().classify(LSAT7, groups=GROUPS),
    "plausible_values": lambda: fitted().plausible_values(LSAT7, groups=GROUPS),
    "scorer": lambda: fitted().scorer().score(LSAT7, groups=GROUPS),
    "score_one": lambda: fitted().scorer().score_one(LSAT7[0], group=1),
    "sum_scores": lambda: fitted().sum_scores(group=1),
    "simulate": lambda: fitted().simulate(groups=GROUPS),
    "expected_scores": lambda: fitted().expected_scores([0.0], group=1),
    "mean": lambda: fitted().mean(group=1),
    "category_probabilities": lambda: classes().category_probabilities(group=1),
}


KINDS = {mixirt.SpecError: OF_THE_MODEL, mixirt.DataError: OF_THE_DATA}


@pytest.mark.parametrize(
    ("kind", "case"), [(kind, case) for kind, cases in KINDS.items() for case in cases]
)
def test_an_option_says_what_it_needs(kind: type[mixirt.MixirtError], case: str) -> None:
    call, message = KINDS[kind][case]
    with pytest.raises(kind) as refusal:
        call()
    assert message in str(refusal.value)


@pytest.mark.parametrize("call", WITHOUT_GROUPS)
def test_groups_of_a_model_without_any_are_an_error_of_the_data(call: str) -> None:
    with pytest.raises(
        mixirt.DataError, match=r"given, but the model has none; leave (it|them) out"
    ):
        WITHOUT_GROUPS[call]()


def test_probabilities_of_one_group_and_class() -> None:
    result = classes(groups=GROUPS)
    whole = result.category_probabilities()
    part = result.category_probabilities(group=1, class_=2)
    own = whole[(whole["group"] == 1) & (whole["class"] == 2)]
    assert len(part) == 2 * 5
    assert part.to_numpy().tolist() == own.to_numpy().tolist()
