"""Rows and items keep the labels that users gave them: nothing is matched wrongly in silence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import mixirt
from mixirt import datasets
from tests.libraries import polars as pl


@pytest.fixture(scope="module")
def kept() -> pd.DataFrame:
    """Every other respondent, last to first, under a label."""
    frame = datasets.load("lsat7").frame().iloc[::-2]
    return frame.set_axis([f"r{i}" for i in frame.index])


@pytest.fixture(scope="module")
def result(kept: pd.DataFrame) -> mixirt.Result:
    return mixirt.fit(kept, "2pl")


def test_scores_join_the_rows_they_belong_to(kept: pd.DataFrame, result: mixirt.Result) -> None:
    joined = kept.join(result.score().frame())
    np.testing.assert_array_equal(joined["theta"], result.score().theta[:, 0])
    some = kept.sample(50, random_state=1)
    assert result.score(some).frame().index.equals(some.index)
    assert result.scorer().score(some).frame().index.equals(some.index)
    assert result.plausible_values(some, 1, seed=1).frame().index.equals(some.index)


def test_a_filtered_counting_index_is_kept_too(result: mixirt.Result) -> None:
    some = datasets.load("lsat7").frame().iloc[100:200]
    assert list(result.score(some).frame().index) == list(range(100, 200))


def test_classes_join_the_rows_they_belong_to(kept: pd.DataFrame) -> None:
    found = mixirt.fit_latent_class(kept, 2, n_starts=2, seed=1).classify()
    assert found.frame().index.equals(kept.index)


def test_other_libraries_have_no_index(result: mixirt.Result) -> None:
    frame = pl.from_pandas(datasets.load("lsat7").frame())
    assert isinstance(result.score(frame).frame(), pl.DataFrame)
    assert result.score(frame).index is None


@pytest.mark.filterwarnings("ignore::mixirt.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::mixirt.ReplicationWarning")
@pytest.mark.parametrize("name", ["groups", "weights", "known_classes", "clusters"])
def test_values_of_respondents_must_have_their_index(
    name: str, kept: pd.DataFrame, result: mixirt.Result
) -> None:
    rng = np.random.default_rng(1)
    values = pd.Series(rng.integers(1, 3, len(kept)), index=kept.index)
    options: dict[str, Any] = {"n_classes": 2, "seed": 1} if name == "known_classes" else {}
    options["max_cycles"] = 2

    def use(given: Any) -> Any:
        if name == "clusters":
            return result.vcov("sandwich", clusters=given).matrix
        return mixirt.fit(kept, "rasch", **{name: given}, **options).loglik

    right = use(values)
    for given in (values[::-1], values.reset_index(drop=True)):
        with pytest.raises(mixirt.DataError, match=rf"{name} and .* {name}\.loc\[responses"):
            use(given)
    np.testing.assert_array_equal(use(values[::-1].loc[kept.index]), right)
    np.testing.assert_array_equal(use(values.reset_index(drop=True).to_numpy()), right)
    with pytest.raises(mixirt.DataError, match=rf"found 501 .*; {name}\.loc\[responses"):
        use(pd.concat([values, pd.Series({"r": 1})]))


def test_groups_of_new_responses_must_have_their_index(kept: pd.DataFrame) -> None:
    groups = pd.Series(np.arange(len(kept)) % 2, index=kept.index)
    grouped = mixirt.fit(kept, "rasch", groups=groups, max_cycles=0)
    with pytest.raises(mixirt.DataError, match="in row 0, 'r1' and 'r999'"):
        grouped.score(kept, groups=groups[::-1])


# --- Q matrices -----------------------------------------------------------------------------

ITEMS = ["a", "b", "c", "d"]
Q = pd.DataFrame({"first": [1, 1, 0, 0], "second": [0, 0, 1, 1]}, index=ITEMS)


@pytest.mark.parametrize(
    "q",
    [
        Q,
        Q.iloc[::-1],
        Q.loc[["c", "a", "d", "b"]],
        Q.reset_index(drop=True),
        pl.from_pandas(Q),
        pl.from_pandas(Q).to_arrow(),
    ],
)
def test_rows_of_a_q_matrix_are_matched_by_name(q: Any) -> None:
    design = mixirt.Model("2pl", items=ITEMS, q_matrix=q).design
    np.testing.assert_array_equal(design.q_matrix, Q.to_numpy())
    assert design.attributes == ("first", "second")


@pytest.mark.parametrize(
    ("index", "match"),
    [
        (["a", "b", "c", "x"], "lacks 'd' and has 'x' besides"),
        (["a", "b", "c", "c"], "lacks 'd';"),
        ([5, 6, 7, 8], "lacks 'a', 'b', 'c', 'd' and has '5'"),
    ],
)
def test_rows_of_a_q_matrix_that_are_no_items_are_named(index: list[Any], match: str) -> None:
    with pytest.raises(mixirt.SpecError, match=match):
        mixirt.Model("2pl", items=ITEMS, q_matrix=Q.set_axis(index))
