"""Contributions of respondents: their order, labels, weights and edge cases.

What they are is tested in `tests/property/test_curvature.py`, for every kind of model.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import mixirt
from mixirt import datasets
from tests.libraries import polars as pl
from tests.small_models import attribute, binary, graded, small
from tests.tolerances import ROUNDING

CUT_OFF = 1e-6
"""Derivatives by means and covariances of somebody without answers are zero up to the ends of the
grid, whose variance is 1e-7 short of that of a normal distribution."""


def fitted_frame() -> tuple[pd.DataFrame, mixirt.Result]:
    """More patterns than a batch has, in two groups that take turns, under labels of rows."""
    n = 600
    answers = pd.DataFrame(graded(1, 5, attribute(2, n))).add_prefix("q")
    answers.index = pd.Index([f"r{k}" for k in range(n)])
    answers["group"] = np.tile(["b", "a", "a"], n // 3)
    result = mixirt.fit(
        answers.drop(columns="group"), "gpcm", groups=answers["group"], invariance="scalar"
    )
    assert result.data.n_patterns > 2 * 128
    return answers, result


def at(result: mixirt.Result, frame: pd.DataFrame) -> mixirt.Result:
    """Take other respondents at the estimates of a fit."""
    rows = frame.drop(columns="group")
    return mixirt.fit(rows, result.model, groups=frame["group"], start=result, max_cycles=0)


def test_rows_stand_in_the_order_of_the_responses_whoever_else_is_there() -> None:
    frame, result = fitted_frame()
    found = result.contributions().frame()
    for part in (frame.sample(frac=1, random_state=1), frame.iloc[100:400]):
        expected = found.loc[part.index]
        pd.testing.assert_frame_equal(
            at(result, part).contributions().frame(), expected, rtol=0, atol=ROUNDING
        )


def test_the_frame_has_the_labels_of_rows_and_parameters() -> None:
    frame, result = fitted_frame()
    found = result.contributions()
    assert found.frame().index.equals(frame.index)
    assert tuple(found.frame().columns) == found.names == result.vcov().names
    np.testing.assert_array_equal(found.frame().to_numpy(), np.asarray(found))
    assert np.asarray(found, dtype=np.float32).dtype == np.float32
    assert repr(found).startswith("<mixirt.Contributions: 600 respondents, 17 parameters;")


def test_other_libraries_get_frames_of_their_own() -> None:
    responses = pl.from_pandas(datasets.load("lsat7").frame())
    found = mixirt.fit(responses, "rasch").contributions()
    assert isinstance(found.frame(), pl.DataFrame)
    assert found.frame().columns == list(found.names)


def test_equal_answers_contribute_the_same_bits_on_any_number_of_threads() -> None:
    answers = binary(3, 12, attribute(4, 3000))
    matrix = mixirt.fit(answers, "2pl", n_threads=1).contributions().matrix
    _, first, of_row = np.unique(answers, axis=0, return_index=True, return_inverse=True)
    assert 128 < len(first) < len(answers)
    np.testing.assert_array_equal(matrix, matrix[first[of_row.ravel()]])
    for n_threads in (2, 3):
        other = mixirt.fit(answers, "2pl", n_threads=n_threads).contributions().matrix
        np.testing.assert_array_equal(matrix, other)


def test_weights_do_not_enter() -> None:
    """Also a weight of 0, which takes a respondent out of the fit."""
    answers = binary(5, 6, attribute(6))
    weights = np.arange(len(answers)) % 3
    plain = mixirt.fit(answers, "2pl")
    weighted = mixirt.fit(answers, plain.model, weights=weights, start=plain, max_cycles=0)
    np.testing.assert_array_equal(weighted.contributions().matrix, plain.contributions().matrix)


def test_long_responses_contribute_the_same_with_their_persons() -> None:
    wide = datasets.load("science").frame() - 1
    wide.index = pd.Index([f"p{k}" for k in range(len(wide))], name="person")
    long = wide.reset_index().melt("person", var_name="item", value_name="response")
    fits = [mixirt.fit(given, "grm") for given in (wide, mixirt.long(long))]
    first, second = (fit.contributions() for fit in fits)
    np.testing.assert_array_equal(first.matrix, second.matrix)
    assert list(second.frame()["person"]) == list(wide.index)


@pytest.mark.parametrize("name", ["two groups", "two attributes", "bifactor", "mixture"])
def test_without_answers_there_is_nothing_to_contribute(name: str) -> None:
    result = small(name)
    empty = np.full((4, len(result.model.design.items)), np.nan)
    rows = np.vstack([result._fitted.responses.codes[:400].astype(float), empty])
    groups = ["a", "b"] * 202 if name == "two groups" else None
    found = mixirt.fit(rows, result.model, groups=groups, start=result, max_cycles=0)
    np.testing.assert_allclose(found.contributions().matrix[-4:], 0, rtol=0, atol=CUT_OFF)
    assert (np.abs(found.contributions().matrix[:400]).max(axis=1) > CUT_OFF).all()


def test_a_known_class_without_answers_says_how_many_are_in_it() -> None:
    result = small("mixture")
    rows = result._fitted.responses.codes.astype(float)
    rows[0] = np.nan
    known = [1] + [None] * (len(rows) - 1)
    found = mixirt.fit(rows, result.model, start=result, known_classes=known, max_cycles=0)
    row = found.contributions().frame().iloc[0]
    proportions = row[row.index.str.startswith("proportion")].to_numpy()
    # The derivative of log p_1 is 1 / p_1, of which half points along p_1 + p_2 = 1.
    half = 0.5 / result.proportions.ravel()[0]
    np.testing.assert_allclose(proportions, [half, -half], rtol=1e-12)
    others = row[~row.index.str.startswith("proportion")]
    np.testing.assert_allclose(others, 0, rtol=0, atol=CUT_OFF)


def test_parameters_at_a_bound_keep_their_derivative() -> None:
    """As those of the gradient, which presses against it."""
    model = mixirt.Model("2pl", items=6).bound("slope", upper=0.9, item="item6")
    with pytest.warns(mixirt.BoundaryWarning):
        result = mixirt.fit(binary(22, 6, attribute(23)), model, tol_parameter=1e-9)
    found = result.contributions()
    held = found.names.index("slope of item 'item6'")
    total = found.matrix.sum(axis=0)
    np.testing.assert_allclose(total, result.gradient(), rtol=0, atol=1e-9)
    assert total[held] > 1.0


def test_without_free_parameters_there_are_no_columns() -> None:
    model = mixirt.Model("2pl", items=5).fix("slope", 1).fix("intercept", 0.5)
    result = mixirt.fit(datasets.load("lsat7").responses, model)
    assert result.contributions().matrix.shape == (1000, 0)


def test_too_many_numbers_are_refused_before_they_are_made() -> None:
    """Six thousand parameters, and a respondent more than fit."""
    n_items, n = 3000, (8 << 30) // (8 * 6000) + 1
    answers = pd.DataFrame({"person": np.arange(n), "item": np.arange(n) % n_items})
    answers["response"] = (np.arange(n) // n_items) % 2
    model = mixirt.Model("2pl", items=n_items, n_quadrature=5)
    answers["item"] = np.array(model.design.items)[answers["item"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.MixirtWarning)
        result = mixirt.fit(mixirt.long(answers), model, max_cycles=0)
    with pytest.raises(mixirt.SpecError, match=rf"{n} respondents .* 6000 parameters take 9 GB"):
        result.contributions()
