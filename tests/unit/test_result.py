"""What a fit reports: criteria, frames, status words, difficulties, and a summary on a page."""

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import mixirt
from mixirt import Model
from tests.libraries import polars as pl

LSAT7 = mixirt.datasets.load("lsat7").responses
EQUAL = 1e-9
"""Rounding of a location, times slope and score."""

NAMES = [f"i{k}" for k in range(5)]

FRAMES = {
    "numpy": (LSAT7, pd.DataFrame),
    "lists": (LSAT7.tolist(), pd.DataFrame),
    "pandas": (pd.DataFrame(LSAT7, columns=NAMES), pd.DataFrame),
    "polars": (pl.DataFrame(LSAT7, schema=NAMES), pl.DataFrame),
    "pyarrow": (pa.table({n: LSAT7[:, k] for k, n in enumerate(NAMES)}), pa.Table),
}


def simulated(n_items: int, n_categories: int, n: int = 300, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=(n, 1))
    noise = rng.logistic(size=(n, n_items))
    cuts = np.linspace(-1.5, 1.5, n_categories - 1)
    return ((theta + noise)[:, :, None] > cuts).sum(axis=2)


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_come_in_the_library_of_the_responses(kind):
    responses, frame = FRAMES[kind]
    result = mixirt.fit(responses, "2pl")
    assert isinstance(result.parameters(), frame)
    assert isinstance(result.distributions(), frame)
    assert isinstance(result.history, frame)


def test_no_column_holds_opaque_objects():
    result = mixirt.fit(FRAMES["polars"][0], "2pl")
    assert pl.Object not in result.parameters().dtypes
    assert pl.Object not in result.distributions().dtypes


def test_information_criteria_count_ties_once():
    r = mixirt.fit(LSAT7, "1pl")
    assert r.n_parameters == 6
    assert r.aic == -2 * r.loglik + 12
    assert r.bic == -2 * r.loglik + 6 * math.log(1000)
    assert r.sabic == pytest.approx(-2 * r.loglik + 6 * math.log(1002 / 24))


def test_status_words():
    model = Model("2pl", items=5).fix("slope", 1, item="item1")
    model = model.tie("slope", item=["item2", "item3"]).bound("slope", upper=0.5, item="item4")
    with pytest.warns(mixirt.BoundaryWarning, match="item4"):
        r = mixirt.fit(LSAT7, model)
    table = r.parameters()
    status = table[table["parameter"] == "slope"].set_index("item")["status"]
    assert status.tolist() == ["fixed", "tied", "tied", "bound", "free"]


@pytest.mark.parametrize("model", ["2pl", "grm"])
def test_difficulty_is_minus_intercept_over_slope(model):
    r = mixirt.fit(LSAT7, model)
    table = r.parameters()
    slope = table[table["parameter"] == "slope"].set_index("item")["estimate"]
    rows = table[table["parameter"] == "intercept"].set_index("item")
    expected = -rows["estimate"] / slope
    np.testing.assert_allclose(rows["difficulty"], expected.loc[rows.index])


def test_gpcm_difficulty_is_where_neighbouring_categories_are_equally_likely():
    r = mixirt.fit(simulated(4, 4), "gpcm")
    table = r.parameters()
    rows = table[(table["item"] == "item2") & (table["parameter"] == "intercept")]
    for category, location in zip(rows["category"], rows["difficulty"], strict=True):
        curve = r.category_probabilities([location], item="item2")
        p = curve.set_index("category")["probability"]
        assert p[category] == pytest.approx(p[category - 1], rel=EQUAL)


def test_summary_names_groups_and_classes():
    groups = np.where(np.arange(len(LSAT7)) % 2, "odd", "even")
    text = mixirt.fit(LSAT7, "2pl", groups=groups, invariance="scalar").summary()
    assert "group 'even'" in text
    assert "group 'odd'" in text


def test_summary_fits_a_page_whatever_the_names():
    columns = [f"a name of an item that nobody would want, {k}" for k in range(8)]
    # Two independent attributes.
    answers = np.hstack([simulated(4, 7, n=1200), simulated(4, 7, n=1200, seed=2)])
    responses = pd.DataFrame(answers, columns=columns)
    attributes = [f"an attribute with a long name {j}" for j in range(2)]
    q = np.array([[1, 0]] * 4 + [[0, 1]] * 4)
    r = mixirt.fit(
        responses,
        "gpcm",
        q_matrix=q,
        attributes=attributes,
        groups=["g" * 90] * 600 + ["h"] * 600,
        n_quadrature=15,
    )
    assert max(len(line) for line in r.summary().splitlines()) <= 80
    assert max(len(line) for line in str(r.model).splitlines()) <= 80


def test_names_that_are_wide_or_break_the_line_leave_the_columns_in_line():
    names = ["日本語", "new\nline", "tab\t", "e\u0301"]
    frame = pd.DataFrame(LSAT7[:, : len(names)], columns=names)
    lines = str(mixirt.fit(frame, "2pl")).splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("item "))
    assert lines[first + 1].startswith("日本語    ")
    assert lines[first + 2].startswith(r"new\nline  ")
    assert lines[first + 3].startswith(r"tab\t      ")
    assert lines[first + 4].startswith("e\u0301         ")
