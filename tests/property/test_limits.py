"""Numbers far beyond what makes sense, and answers that inform of nothing: refused or named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import mixirt
from mixirt import datasets, priors
from mixirt.errors import DataError, EstimationError, FileError, MixirtError, SpecError

LSAT7 = datasets.load("lsat7").responses


def five(model: str = "2pl", **structure: Any) -> mixirt.Model:
    return mixirt.Model(model, items=5, **structure)


@pytest.fixture(scope="module")
def fitted() -> mixirt.Result:
    return mixirt.fit(LSAT7, "2pl")


BEYOND = {
    "starts": (lambda: mixirt.fit_latent_class(LSAT7, 2, n_starts=10**12), "n_starts.*to 10000"),
    "seed": (lambda: mixirt.fit_latent_class(LSAT7, 2, seed=2**63), "seed must be.*from 0 to"),
    "classes": (lambda: five(n_classes=10**9), "n_classes.*from 1 to 1000"),
    "classes past words": (lambda: five(n_classes=2**70), "n_classes.*from 1 to 1000"),
    "items": (lambda: mixirt.Model("2pl", items=10**9), "items.*from 1 to 1000000"),
    "categories": (lambda: five("gpcm", n_categories=10**9), "n_categories.*from 2 to 254"),
    "one category more": (lambda: five("gpcm", n_categories=255), "n_categories.*from 2 to 254"),
    "nodes": (lambda: mixirt.fit(LSAT7, n_quadrature=10**12), "nodes.*lower n_quadrature"),
    "nodes past words": (lambda: mixirt.fit(LSAT7, n_quadrature=2**70), "n_quadrature.*from 2 to"),
    "cycles": (lambda: mixirt.fit(LSAT7, max_cycles=2**70), "max_cycles.*from 0 to"),
    "iterations": (lambda: mixirt.fit(LSAT7, max_newton=2**70), "max_newton.*from 1 to"),
    "threads": (lambda: mixirt.fit(LSAT7, n_threads=10**6), "n_threads.*from 1 to 256"),
    "numbers of classes": (lambda: mixirt.compare_classes(LSAT7, "ab"), "n_classes must be.*'ab'"),
    "no attributes": (lambda: mixirt.bifactor(None), "specific must be a list; found None"),
    "misspelt address": (
        lambda: five().fix("slope", 1, itm="item1"),
        "unknown part of an address 'itm'; did you mean 'item'",
    ),
}


@pytest.mark.parametrize(("make", "message"), BEYOND.values(), ids=BEYOND)
def test_numbers_beyond_sense_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make()


def test_a_fit_refuses_them_too(fitted: mixirt.Result) -> None:
    with pytest.raises(SpecError, match="n must be a whole number from 1 to"):
        fitted.simulate(10**12)
    with pytest.raises(SpecError, match="n must be a whole number from 2 to 100000"):
        fitted.bootstrap(10**13)
    with pytest.raises(SpecError, match=r"n must be.*'a'"):
        fitted.bootstrap("a")  # type: ignore[arg-type]
    with pytest.raises(FileError, match="None cannot be read"):
        mixirt.load(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "curve", ["category_probabilities", "information", "test_information", "expected_scores"]
)
def test_curves_without_a_point_are_refused(fitted: mixirt.Result, curve: str) -> None:
    with pytest.raises(SpecError, match="theta has no rows"):
        getattr(fitted, curve)(theta=np.empty((0, 1)))


VALUES = {
    "slope past doubles": (
        lambda: mixirt.fit(LSAT7, start={"slope": 1e308}),
        SpecError,
        "item 'item1' cannot start at.*too far out",
    ),
    "slope far out": (
        lambda: mixirt.fit(LSAT7, start={"slope": 1e154}),
        EstimationError,
        "probability 0.*start values lie too far out",
    ),
    "scores past doubles": (
        lambda: mixirt.fit(LSAT7, "gpcm", category_scores=[-1e308, 1e308]),
        SpecError,
        "item 'item1' has the category score -1e308, whose square is out of range",
    ),
    "prior without width": (
        lambda: mixirt.fit(LSAT7, five().prior("slope", priors.normal(0, 1e-300))),
        SpecError,
        "prior of the slope of item 'item1' has no density at its start value",
    ),
    "proportions of nothing": (
        lambda: mixirt.fit_latent_class(LSAT7, 2, start={"proportion": 0.0}),
        SpecError,
        "class proportions are all 0",
    ),
    "weights of infinite sum": (
        lambda: mixirt.fit(LSAT7, weights=np.full(len(LSAT7), 1.7e308)),
        DataError,
        "sum of the weights is infinite",
    ),
}


@pytest.mark.parametrize(("make", "error", "message"), VALUES.values(), ids=VALUES)
def test_values_out_of_range_are_refused_by_name(
    make: Callable[[], Any], error: type[MixirtError], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()


def test_tables_that_would_not_fit_memory_are_refused() -> None:
    """On a rotated grid every category of every item needs all nodes: here 7 GB, several times."""
    responses = np.column_stack([np.arange(254)] * 20)
    q = np.ones((20, 2), dtype=int)
    q[0, 1] = q[1, 0] = 0
    structure = {"quadrature": "gauss-hermite", "n_quadrature": 300, "n_classes": 2}
    with pytest.raises(SpecError, match=r"180000 nodes would take \d+ GB.*lower n_quadrature"):
        mixirt.fit(responses, "gpcm", q_matrix=q, seed=1, n_starts=1, **structure)


@pytest.mark.parametrize("n_groups", [2001, 10**6])
def test_respondents_passed_as_groups_are_refused_at_once(n_groups: int) -> None:
    responses = np.resize(LSAT7, (n_groups, 5))
    with pytest.raises(DataError, match=f"groups has {n_groups} different labels.*clusters="):
        mixirt.fit(responses, "2pl", groups=np.arange(n_groups))


# --- answers that inform of nothing -----------------------------------------------------------


def with_column(values: Any) -> Any:
    responses = np.array(LSAT7, dtype=float)
    responses[:, 4] = values
    return responses


UNINFORMED = {
    "unanswered item": (
        lambda: mixirt.fit(with_column(np.nan), five()),
        "nobody answered item 'item5', so its parameters cannot",
    ),
    "constant item": (
        lambda: mixirt.fit(with_column(0), five("rasch")),
        "item 'item5': all answers are in category 0, .*no finite estimate",
    ),
    "empty category": (
        lambda: mixirt.fit(
            2 * LSAT7, five("grm", n_categories=3).prior("slope", priors.normal(1, 1)), max_cycles=5
        ),
        "item 'item1': nobody answered in category 1, ",
    ),
    "no answer at all": (
        lambda: mixirt.fit(np.full((3, 5), np.nan), five()),
        "nobody answered item 'item1', ",
    ),
    "unanswered in a group": (
        lambda: mixirt.fit(
            np.vstack([LSAT7, np.where(np.arange(5) == 4, np.nan, LSAT7)]),
            five(groups=["A", "B"]),
            groups=["A"] * len(LSAT7) + ["B"] * len(LSAT7),
        ),
        "nobody answered item 'item5' in group 'B', ",
    ),
    "constant in a group": (
        lambda: mixirt.fit(
            np.vstack([LSAT7, np.ones((9, 5), dtype=int)]),
            "rasch",
            groups=["A"] * len(LSAT7) + ["B"] * 9,
        ),
        "item 'item1' in group 'B': all answers are in category 1, ",
    ),
    "weight of nothing": (
        lambda: mixirt.fit(with_column(LSAT7[:, 4]), five(), weights=LSAT7[:, 4]),
        "item 'item5': all answers are in category 1, ",
    ),
}


@pytest.mark.parametrize(("make", "message"), UNINFORMED.values(), ids=UNINFORMED)
def test_parameters_that_no_answer_informs_of_are_refused(
    make: Callable[[], Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        make()


INFORMED = {
    "fixed": lambda: mixirt.fit(with_column(np.nan), five().fix("slope", 1).fix("intercept", 0)),
    "tied to other items": lambda: mixirt.fit(
        with_column(np.nan), five("rasch").fix("intercept", 0, item="item5")
    ),
    "with priors": lambda: mixirt.fit(
        with_column(np.nan),
        five().prior("slope", priors.normal(1, 1)).prior("intercept", priors.normal(0, 2)),
    ),
    "tied to another group": lambda: mixirt.fit(
        np.vstack([LSAT7, np.where(np.arange(5) == 4, np.nan, LSAT7)]),
        five(groups=["A", "B"], invariance="scalar"),
        groups=["A"] * len(LSAT7) + ["B"] * len(LSAT7),
    ),
}


@pytest.mark.parametrize("make", INFORMED.values(), ids=INFORMED)
@pytest.mark.filterwarnings("error")
def test_parameters_that_something_informs_of_are_not(make: Callable[[], Any]) -> None:
    assert np.isfinite(make().loglik)
