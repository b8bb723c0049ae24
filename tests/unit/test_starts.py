"""Wherever the estimation starts, it ends at the same maximum."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import mixirt
from tests.reference.fitting import RECIPES, codes, fit_model, fitted, model_of

GONE_ON = 1e-6
"""A fit that goes on from within 1e-5 of the maximum gains the square of that."""

LOGLIK = 1e-4
"""Runs with the default criteria stop within 1e-5 in -2 log L of a cycle."""

PARAMETER = 5e-3
"""What 1e-4 of the log-likelihood leaves to the flattest parameter, a steep slope of SAT12."""

NAMES = [
    "science_grm",
    "science_gpcm",
    "lsat7_2pl",
    "lsat7_rasch",
    "sat12_2pl",
    "mobility_2pl",
]
"""Not the 3PL of SAT12: without a prior on its slope item 12 has a second mode, .93 higher, where
it is a step function, and a slope of 3 lies in its basin."""


def steep(model: mixirt.Model) -> mixirt.Model:
    return _slopes(model, 3.0).start("intercept", 0.0)


def flat(model: mixirt.Model) -> mixirt.Model:
    return _slopes(model, 0.01)


def far(model: mixirt.Model) -> mixirt.Model:
    """Start intercepts in ascending order, which no graded item has."""
    return model.start(
        "intercept", np.linspace(-4, 4, int(model.table.cells.is_kind("intercept").sum()))
    )


def _slopes(model: mixirt.Model, value: float) -> mixirt.Model:
    if model.table.is_fixed[model.table.cells.is_kind("slope")].all():
        return model.start("variance", max(value, 0.3) ** 2)
    return model.start("slope", value)


STARTS: list[Callable[[mixirt.Model], mixirt.Model]] = [steep, flat, far]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", NAMES)
def test_bad_starts_reach_the_same_maximum(
    name: str, start: Callable[[mixirt.Model], mixirt.Model]
) -> None:
    recipe = RECIPES[name]
    result = fit_model(recipe, start(model_of(recipe)))
    assert result.converged
    np.testing.assert_allclose(
        result.log_posterior, fitted(name).log_posterior, rtol=0, atol=LOGLIK
    )
    found, expected = result.parameters(se=None), fitted(name).parameters(se=None)
    # The mirror image, all slopes reversed, is the same maximum.
    is_slope = found["parameter"] == "slope"
    found.loc[is_slope, "estimate"] *= np.sign(found.loc[is_slope, "estimate"].sum())
    np.testing.assert_allclose(found["estimate"], expected["estimate"], rtol=0, atol=PARAMETER)


@pytest.mark.parametrize("name", ["science_grm", "lsat7_2pl", "mobility_2pl"])
def test_the_mapping_of_fit_says_the_same(name: str) -> None:
    result = fit_model(RECIPES[name], model_of(RECIPES[name]), start={"slope": 3, "intercept": 0})
    np.testing.assert_allclose(result.loglik, fitted(name).loglik, rtol=0, atol=LOGLIK)


@pytest.mark.parametrize("data", ["lsat7", "mobility"])
def test_slopes_that_start_reversed_end_reflected_or_come_back(data: str) -> None:
    """All slopes at -1 is the mirror image, and stays it."""
    result = mixirt.fit(codes(data), "2pl", start={"slope": -1})
    straight = fitted(f"{data}_2pl")
    np.testing.assert_allclose(result.loglik, straight.loglik, rtol=0, atol=LOGLIK)
    slopes = estimates(result)
    np.testing.assert_allclose(np.abs(slopes), np.abs(estimates(straight)), rtol=0, atol=PARAMETER)
    assert (slopes < 0).all()


@pytest.mark.parametrize("data", ["lsat7", "mobility"])
def test_half_of_the_slopes_reversed(data: str) -> None:
    """Half of the items coded the other way round and started at -1: a reflection of each."""
    responses = codes(data).copy()
    half = np.arange(responses.shape[1]) % 2 == 0
    responses[:, half] = 1 - responses[:, half]
    model = mixirt.Model("2pl", items=len(half)).start("slope", np.where(half, -1.0, 1.0))
    result = mixirt.fit(responses, model)
    straight = fitted(f"{data}_2pl")
    np.testing.assert_allclose(result.loglik, straight.loglik, rtol=0, atol=LOGLIK)
    signs = np.where(half, -1, 1)
    np.testing.assert_allclose(
        signs * estimates(result), estimates(straight), rtol=0, atol=PARAMETER
    )


@cache
def _half_wrong(data: str) -> mixirt.Result:
    n = codes(data).shape[1]
    model = mixirt.Model("2pl", items=n).start("slope", np.where(np.arange(n) % 2, 1.0, -1.0))
    return mixirt.fit(codes(data), model)


@pytest.mark.parametrize("data", ["lsat7", "mobility"])
def test_slopes_of_the_wrong_sign_turn_round(data: str) -> None:
    """Half of the slopes start with the wrong sign: a saddle away from the maximum."""
    result = _half_wrong(data)
    np.testing.assert_allclose(result.loglik, fitted(f"{data}_2pl").loglik, rtol=0, atol=LOGLIK)


def test_another_fit_is_a_start() -> None:
    first = mixirt.fit(codes("science"), "gpcm")
    again = mixirt.fit(codes("science"), "gpcm", start=first)
    assert again.n_cycles <= 3
    np.testing.assert_allclose(again.loglik, first.loglik, rtol=0, atol=GONE_ON)


def test_a_fit_of_other_items_is_no_start() -> None:
    with pytest.raises(mixirt.SpecError, match="matched by name"):
        mixirt.fit(codes("science"), "gpcm", start=fitted("science_gpcm"))


def test_a_start_from_fewer_items_is_matched_by_name() -> None:
    items = datasets_frame()
    short = mixirt.fit(items[["Comfort", "Work", "Future"]], "grm")
    whole = mixirt.fit(items, "grm", start=short)
    np.testing.assert_allclose(whole.loglik, fitted("science_grm").loglik, rtol=0, atol=LOGLIK)


def test_start_values_out_of_order_are_ordered_but_fixed_ones_are_refused() -> None:
    model = mixirt.Model("grm", items=4, n_categories=4)
    tied = mixirt.fit(codes("science"), model.start("intercept", 0.0))
    np.testing.assert_allclose(tied.loglik, fitted("science_grm").loglik, rtol=0, atol=LOGLIK)
    wrong = model.fix("intercept", [-1.0, 0.0, 1.0], item="item2")
    with pytest.raises(mixirt.SpecError, match=r"item 'item2'.*strictly decrease"):
        mixirt.fit(codes("science"), wrong)


def test_start_values_make_room_for_a_fixed_intercept() -> None:
    """The middle intercept is fixed; those about it start on the wrong sides of it."""
    model = mixirt.Model("grm", items=4, n_categories=4).fix("intercept", 1.0, category=2)
    plain = mixirt.fit(codes("science"), model)
    moved = model.start("intercept", -5.0, category=1).start("intercept", 5.0, category=3)
    np.testing.assert_allclose(
        mixirt.fit(codes("science"), moved).loglik, plain.loglik, rtol=0, atol=LOGLIK
    )


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"slopes": 1}, "did you mean 'slope'"),
        ({"slope": "steep"}, "must be a number"),
        ({"slope": float("nan")}, "NaN"),
        ({"slope": float("inf")}, "must be finite"),
        ({"variance": 2.0}, "fixed at 1; free it"),
        ({"guessing": 0.2}, "no guessing"),
        (3, "a fit or a mapping"),
    ],
)
def test_starts_that_cannot_be_used(start: Any, message: str) -> None:
    with pytest.raises(mixirt.SpecError, match=message):
        mixirt.fit(codes("lsat7"), "2pl", start=start)


def estimates(result: mixirt.Result) -> Any:
    frame = result.parameters(se=None)
    return frame.loc[frame["parameter"] == "slope", "estimate"].to_numpy()


def datasets_frame() -> Any:
    frame = mixirt.datasets.load("science").frame()
    return frame - 1
