"""Responses in long format: the same fit as from a table, in the order and words of the persons."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import mixirt
from tests.libraries import polars as pl
from tests.tolerances import ROUNDING

N, N_ITEMS = 400, 12


def table(missing: float = 0.6, seed: int = 3) -> pd.DataFrame:
    """Answers in three categories; most are missing."""
    generator = np.random.default_rng(seed)
    halves = generator.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], N)
    z = 1.5 * np.repeat(halves, N_ITEMS // 2, axis=1) + generator.logistic(size=(N, N_ITEMS))
    answers = (z > -0.5).astype(float) + (z > 0.8)
    answers[generator.random((N, N_ITEMS)) < missing] = np.nan
    answers[5] = np.nan
    names = [f"q{i}" for i in range(N_ITEMS)]
    return pd.DataFrame(answers, columns=names, index=[f"p{n}" for n in range(N)])


def melted(wide: pd.DataFrame, *, keep_empty: bool = False) -> pd.DataFrame:
    """Give the same in long format, items in the order of the columns."""
    rows = wide.stack(future_stack=True).rename_axis(["person", "item"]).rename("response")
    frame = rows.reset_index()
    return frame if keep_empty else frame.dropna(ignore_index=True)


def long_of(wide: pd.DataFrame, **options) -> mixirt.LongResponses:
    """Long responses with all persons, also those who answered nothing."""
    return mixirt.long(melted(wide, keep_empty=True), **options)


def assert_same(first: mixirt.Result, second: mixirt.Result) -> None:
    assert first.loglik == second.loglik
    np.testing.assert_array_equal(first._found["x"], second._found["x"])
    np.testing.assert_array_equal(first.score().theta, second.score().theta)
    assert first.data.n_patterns == second.data.n_patterns
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize("model", ["gpcm", "grm", "pcm"])
def test_the_same_fit_to_the_last_bit(model):
    assert_same(mixirt.fit(table(), model), mixirt.fit(long_of(table()), model))


def test_the_same_fit_with_groups_weights_and_several_attributes():
    wide = table(0.3)
    generator = np.random.default_rng(1)
    groups, weights = generator.choice(["a", "b"], N), generator.integers(1, 4, N).astype(float)
    q = np.repeat(np.eye(2, dtype=int), N_ITEMS // 2, axis=0)
    options = {"q_matrix": q, "invariance": "scalar", "n_quadrature": 31}
    frame = melted(wide, keep_empty=True)
    frame["g"] = np.repeat(groups, N_ITEMS)
    frame["w"] = np.repeat(weights, N_ITEMS)
    own = mixirt.long(frame, group="g", weight="w")
    assert_same(
        mixirt.fit(wide, "gpcm", groups=groups, weights=weights, **options),
        mixirt.fit(own, "gpcm", **options),
    )
    given = mixirt.fit(long_of(wide), "gpcm", groups=groups, weights=weights, **options)
    assert given.loglik == mixirt.fit(own, "gpcm", **options).loglik
    with pytest.raises(mixirt.DataError, match="groups were given, but the long responses have"):
        mixirt.fit(own, "gpcm", groups=groups, **options)


def test_the_same_latent_classes_bifactor_model_and_standard_errors():
    wide = table(0.4)
    long = long_of(wide)
    options = {"n_starts": 3, "seed": 1}
    classes = [mixirt.fit_latent_class(data, 2, **options) for data in (wide, long)]
    assert_same(*classes)
    assert classes[0].goodness_of_fit == classes[1].goodness_of_fit
    model = mixirt.bifactor(["x"] * 6 + ["y"] * 6, "gpcm", items=list(wide.columns), n_categories=3)
    own = model.fix("slope", 0.5, attribute=["x", "y"])
    fits = [mixirt.fit(data, own) for data in (wide, long)]
    assert_same(*fits)
    for method in ("oakes", "sandwich"):
        np.testing.assert_array_equal(fits[0].vcov(method).matrix, fits[1].vcov(method).matrix)
    draws = [fit.bootstrap(3, seed=2, method="nonparametric").draws for fit in fits]
    np.testing.assert_array_equal(*draws)


def test_every_library_gives_its_own_frames_with_the_persons_in_them():
    frame = melted(table(0.0).iloc[:60])
    columns = {name: frame[name].tolist() for name in frame.columns}
    made = {
        "pandas": frame,
        "polars": pl.DataFrame(columns),
        "lazy": pl.LazyFrame(columns),
        "pyarrow": pa.table(columns),
        "dict": columns,
    }
    first = mixirt.fit(mixirt.long(frame), "gpcm")
    for name, given in made.items():
        result = mixirt.fit(mixirt.long(given), "gpcm")
        assert result.loglik == first.loglik
        scores = result.score().frame()
        kind = {"lazy": "polars", "dict": "pandas"}.get(name, name)
        assert type(scores).__module__.split(".")[0] == kind
        named = scores["person"].to_pylist() if kind == "pyarrow" else list(scores["person"])
        assert named == list(dict.fromkeys(columns["person"]))


def test_the_order_of_rows_does_not_matter_but_for_that_of_persons():
    frame = melted(table())
    shuffled = frame.sample(frac=1, random_state=1)
    names = [f"q{i}" for i in range(N_ITEMS)]
    first = mixirt.fit(mixirt.long(frame, items=names), "gpcm")
    second = mixirt.fit(mixirt.long(shuffled, items=names), "gpcm")
    assert second.model.design.items == first.model.design.items == tuple(names)
    assert second.loglik == pytest.approx(first.loglik, rel=ROUNDING)
    of_first = dict(zip(first.score().persons["person"], first.score().theta[:, 0], strict=True))
    scores = second.score().frame().set_index("person")
    np.testing.assert_allclose(
        scores["theta"], [of_first[p] for p in scores.index], rtol=0, atol=1e-6
    )


def test_new_persons_are_scored_on_whatever_they_answered():
    wide = table()
    result = mixirt.fit(wide, "gpcm")
    few = {"who": [7, 7, 9], "what": ["q3", "q1", "q11"], "answer": [2, 0, 1]}
    long = mixirt.long(few, person="who", item="what", response="answer")
    scores = result.score(long)
    assert scores.persons == {"who": (7, 9)}
    rows = np.full((2, N_ITEMS), np.nan)
    rows[0, [3, 1]], rows[1, 11] = [2, 0], 1
    np.testing.assert_array_equal(scores.theta, result.score(rows).theta)
    assert result.classify(long).frame()["who"].tolist() == [7, 9]
    few["what"] = ["q3", "q1", "new"]
    long = mixirt.long(few, person="who", item="what", response="answer")
    with pytest.raises(mixirt.DataError, match="no items of the model: 'new'"):
        result.score(long)
    assert np.isfinite(result.score(long, extra="ignore").theta).all()


def test_categories_and_missing_codes_by_item():
    frame = {
        "person": [1, 1, 2, 2, 3, 3, 4, 4],
        "item": ["a", "b"] * 4,
        "response": ["no", "low", "yes", "high", "no", "high", "refused", "low"],
    }
    options = {"categories": {"a": ["no", "yes"], "b": ["low", "high"]}, "missing": "refused"}
    read = mixirt.responses.Responses.read(mixirt.long(frame), **options)
    assert read.matrix().tolist() == [[0, 0], [1, 1], [0, 1], [255, 0]]
    assert read.category_labels == (("no", "yes"), ("low", "high"))
    with pytest.raises(
        mixirt.DataError, match=r"item 'a', person 4, row 6: found 'refused', which is not a cat"
    ):
        mixirt.fit(mixirt.long(frame), "rasch", categories=options["categories"])


def small(**changes) -> dict:
    frame = {
        "person": ["x", "x", "y", "y"],
        "item": ["a", "b", "a", "b"],
        "response": [0, 1, 1, 0],
        "group": ["g", "g", "h", "h"],
        "weight": [1.0, 1.0, 2.0, 2.0],
    }
    return {**frame, **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"item": ["a", "a", "a", "b"]},
            r"'x' has two rows for item 'a', row 0 and row 1; ",
        ),
        ({"item": ["a"] * 4}, r"row 0 and row 1 \(1 more rows repeat"),
        ({"person": ["x", None, "y", "y"]}, r"column 'person': row 1 has no person"),
        ({"person": [1.0, np.nan, 2, 2]}, r"column 'person': row 1 has no person"),
        ({"item": ["a", "b", None, "b"]}, r"column 'item': row 2 has no item"),
        ({"item": ["a", [], "a", "b"]}, r"\[\] in row 1 cannot be a label"),
        ({"item": [1, "1", "a", "b"]}, r"item names must differ, but these repeat: '1'"),
        ({"group": ["g", "h", "h", "h"]}, r"'group': person 'x' has 'g' in row 0 and 'h' in row 1"),
        ({"weight": [1, 1, 2, 3]}, r"'weight': person 'y' has 2 in row 2 and 3 in row 3"),
        ({"response": [0, 1, 1]}, r"column 'response' must have one value .*: 4 are needed"),
    ],
)
def test_what_makes_no_sense_is_named(changes, said):
    with pytest.raises(mixirt.DataError, match=said):
        mixirt.long(small(**changes), group="group", weight="weight")


def test_arguments_that_do_not_fit_are_named():
    with pytest.raises(mixirt.DataError, match=r"unknown column 'persom'; did you mean 'person'"):
        mixirt.long(small(), person="persom")
    with pytest.raises(mixirt.DataError, match="items does not name 'b', which were answered"):
        mixirt.long(small(), items=["a"])
    with pytest.raises(mixirt.DataError, match="must be a data frame, or a dict of columns"):
        mixirt.long([[0, 1]])
    with pytest.raises(mixirt.DataError, match="at least one row"):
        mixirt.long({"person": [], "item": [], "response": []})
    with pytest.raises(mixirt.DataError, match="nobody answered item 'c'"):
        mixirt.fit(mixirt.long(small(), items=["a", "b", "c"]), "rasch")


def test_no_matrix_of_persons_by_items_is_made():
    """120,000 persons x 10,000 items would be 1.2 GB, more than the process may have besides."""
    code = """
import resource
import numpy as np
import mixirt
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 1_000 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
rng = np.random.default_rng(1)
n, n_items, each = 120_000, 10_000, 4
item = rng.permutation(np.arange(n * each) % n_items)
person = np.arange(n).repeat(each)
_, first = np.unique(person * n_items + item, return_index=True)
answer = (rng.standard_normal(n)[person] > rng.standard_normal(n * each)).astype(np.int8)
long = mixirt.long({"person": person[first], "item": item[first], "response": answer[first]})
model = mixirt.Model("rasch", items=long.items, n_categories=2, n_quadrature=7)
# However the answers of an item fall, its intercept has an estimate.
model = model.prior("intercept", mixirt.priors.normal(0, 3))
result = mixirt.fit(long, model, max_cycles=2, n_threads=1)
print(result.data.n_respondents, len(result.score(long).theta))
"""
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert found.stdout.split() == ["120000", "120000"], found.stderr[-2000:]
