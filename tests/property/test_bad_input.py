"""Bad input ends in a `MixirtError` that names cause and cure; nothing else ever comes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import mixirt
from mixirt import datasets
from mixirt.errors import DataError, DataWarning, IdentificationError, MixirtError, SpecError

GOOD = datasets.load("lsat7").responses[::25]


def changed(value: Any, row: int = 3, column: int = 1) -> Any:
    """Return good responses with one cell changed."""
    responses = np.array(GOOD.tolist(), dtype=object)
    responses[row, column] = value
    return responses


def column(values: Any, position: int = 1) -> Any:
    """Return good responses with one column replaced by values."""
    responses = np.array(GOOD, dtype=float)
    responses[:, position] = values
    return responses


N = len(GOOD)
ALTERNATING = np.arange(N) % 2

IN_PLACE = "^item 'item2', row 3: found "
A_TABLE = "^responses must be a table with one row per respondent and one column per item"

RESPONSES = {
    "negative": (changed(-1), f"{IN_PLACE}-1, which is negative; .*say missing=-1$"),
    "fraction": (changed(0.5), f"{IN_PLACE}0.5, which is not a whole number; .*missing=0.5$"),
    "infinite": (changed(float("inf")), f"{IN_PLACE}inf, which is infinite; .*missing=inf$"),
    "text": (changed("yes"), f"{IN_PLACE}the text 'yes'; list the item's values in order"),
    "huge": (changed(10**6), f"{IN_PLACE}1000000, which is too large; .*from 0 to 253"),
    "one category": (column(1), "item 'item2' are in one category .*so leave it out$"),
    "no answers": (column(np.nan), "^nobody answered item 'item2'; leave out"),
    "empty middle category": (
        column(2 * ALTERNATING),
        r"^item 'item2': nobody answered in category 1, .*categories=\{'item2': \[0, 2\]\}",
    ),
    "codes from 1": (GOOD + 1, r"look 1-based\. .*categories=\[1, 2\], or subtract 1"),
    "no rows": (np.empty((0, 5)), f"{A_TABLE}; found 0 x 5, that is, no rows$"),
    "no columns": (np.empty((5, 0)), f"{A_TABLE}; found 5 x 0, that is, no columns$"),
    "one dimension": (np.zeros(5), f"{A_TABLE}; found an array of shape .5,.; .*reshape"),
    "three dimensions": (np.zeros((5, 5, 2)), f"{A_TABLE}; found an array of shape .5, 5, 2.$"),
    "ragged": ([[0, 1], [1], [0, 0]], "row 1 has 1 answers where row 0 has 2; fill in None"),
    "None": (None, f"{A_TABLE}: an array, .*found an object of type NoneType$"),
    "number": (3, f"{A_TABLE}: an array, .*found an object of type int$"),
    "string": ("responses.csv", f"{A_TABLE}: .*type str; read the file first, .*read_csv$"),
    "complex": (GOOD + 1j, "complex128; convert"),
}


@pytest.mark.parametrize(("responses", "message"), RESPONSES.values(), ids=RESPONSES)
def test_responses(responses: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        mixirt.fit(responses, "2pl")


COMPANIONS = {
    "few weights": ({"weights": [1.0] * (N - 1)}, "^weights must .*40 are needed, found 39 values"),
    "matrix of weights": ({"weights": np.ones((N, 2))}, r"^weights must .*found shape \(40, 2\)"),
    "negative weight": (
        {"weights": [-1.0] + [1.0] * (N - 1)},
        "^weights: row 0 has -1.0; .*0 or more",
    ),
    "NaN weight": ({"weights": [float("nan")] + [1.0] * (N - 1)}, "row 0 has nan; .*finite"),
    "infinite weight": ({"weights": [float("inf")] + [1.0] * (N - 1)}, "row 0 has inf; .*finite"),
    "weights all zero": ({"weights": np.zeros(N)}, "weights are all zero"),
    "text as weight": (
        {"weights": ["a"] * N},
        "row 0 has 'a', which is not a number; weights must",
    ),
    "few groups": ({"groups": ["A"] * (N - 1)}, "^groups must .*40 are needed, found 39 values"),
    "missing group": ({"groups": [None] + ["A"] * (N - 1)}, "^groups: row 0 has no group; give"),
    "categories": (
        {"categories": [0]},
        "^item 'item1' is given 1 categories; an item has 2 to 254",
    ),
    "categories of no item": (
        {"categories": {"itm1": [0, 1]}},
        "^categories names .*'itm1'; the items are",
    ),
    "missing of no item": ({"missing": {"itm1": 9}}, "^missing names .*'itm1'; the items are"),
    "everything missing": ({"missing": [0, 1]}, "^nobody answered items 'item1', .*leave out"),
}


@pytest.mark.parametrize(("options", "message"), COMPANIONS.values(), ids=COMPANIONS)
def test_what_comes_with_the_responses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        mixirt.fit(GOOD, "2pl", **options)


MODELS = {
    "unknown": ("2lp", {}, "unknown item model '2lp'; did you mean '2pl'"),
    "number": (2, {}, "model must be one of 'rasch', .*found an object of type int"),
    "None": (None, {}, "model must be one of 'rasch', .*found None"),
    "few names": (["2pl"] * 4, {}, "4 item models.*5 items"),
    "unknown in list": (["2pl"] * 4 + ["4pl"], {}, "4pl"),
    "mapping of no item": ({"itm1": "2pl"}, {}, "did you mean 'item1'"),
    "incomplete mapping": ({"item1": "2pl"}, {}, "no item model.*item2"),
    "few rows of Q": ("2pl", {"q_matrix": np.ones((4, 1))}, "one row for each of the 5 items"),
    "Q of halves": ("2pl", {"q_matrix": np.full((5, 1), 0.5)}, "Q matrix has.*item1"),
    "Q of text": ("2pl", {"q_matrix": [["a"]] * 5}, "the Q matrix has .*'a'.* for item 'item1'"),
    "Q of three dimensions": ("2pl", {"q_matrix": np.ones((5, 1, 1))}, r"found shape \(5, 1, 1\)"),
    "ragged Q": ("2pl", {"q_matrix": [[1], [1, 0], [1], [1], [1]]}, "rows of the Q matrix differ"),
    "names of attributes": (
        "2pl",
        {"q_matrix": np.ones((5, 1)), "attributes": ["a", "b"]},
        "attributes",
    ),
}


@pytest.mark.parametrize(("model", "options", "message"), MODELS.values(), ids=MODELS)
def test_models(model: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        mixirt.fit(GOOD, model, **options)


@pytest.mark.parametrize(
    ("model", "instead"), [("rasch", "pcm"), ("1pl", "gpcm"), ("2pl", "gpcm"), ("3pl", "grm")]
)
def test_too_many_categories_for_the_model(model: str, instead: str) -> None:
    responses = datasets.load("science").responses - 1
    with pytest.raises(SpecError, match=f"'Comfort' has 4 categories.*use '{instead}'"):
        mixirt.fit(pd.DataFrame(responses, columns=["Comfort", "Work", "Future", "Benefit"]), model)


def test_a_transposed_matrix_warns_where_it_was_passed() -> None:
    wide = np.random.default_rng(0).integers(0, 2, (10, 120))
    wide[:2] = [[0], [1]]
    with pytest.warns(DataWarning, match="10 rows and 120 columns.*transpose") as caught:
        mixirt.fit(wide, "1pl", tol_parameter=1.0, tol_deviance=1e3)
    assert caught[0].filename == __file__


# --- unidentified models --------------------------------------------------------------------

SIMPLE = np.kron(np.eye(2, dtype=int), np.ones((4, 1), dtype=int))
MOBILITY = datasets.load("mobility").responses[::40]


def eight(model: str = "2pl", **structure: Any) -> mixirt.Model:
    return mixirt.Model(model, items=8, **structure)


FIRST_ALONE = SIMPLE.copy()
FIRST_ALONE[:, 1] = 1

UNIDENTIFIED = {
    "item measures nothing": (
        lambda: eight(q_matrix=[[1]] * 7 + [[0]]),
        "'item8' measures no attribute.*leave the item out",
    ),
    "attribute of no item": (
        lambda: eight(q_matrix=np.column_stack([np.ones(8), np.zeros(8)])),
        "no item measures attribute 'theta2'.*leave the attribute out",
    ),
    "identical columns": (
        lambda: eight(q_matrix=np.ones((8, 2))),
        "rotated into one another.*measure only one",
    ),
    "full Q with a free covariance": (
        lambda: eight(q_matrix=FIRST_ALONE),
        "mixed.*fix the covariance",
    ),
    "free mean without anchors": (
        lambda: eight(groups=["A", "B"]).free("mean", group="B"),
        "mean.*'B' is not identified.*fix it",
    ),
    "free mean of one group": (lambda: eight().free("mean"), "mean.*not identified"),
    "free variance beside free slopes": (
        lambda: eight().free("variance"),
        "variance.*not identified.*slopes",
    ),
    "free means of both groups": (
        lambda: eight(groups=["A", "B"], invariance="scalar").free("mean"),
        "mean.*not identified",
    ),
    "no anchor left": (
        lambda: eight(
            groups=["A", "B"],
            invariance="scalar",
            free_items=[f"item{i}" for i in range(1, 9)],
        ).free("mean", group="B"),
        "mean.*not identified",
    ),
    "guessing without a slope": (
        lambda: eight("3pl", q_matrix=np.empty((8, 0)), n_classes=2),
        "guessing.*no slope",
    ),
    "groups of classes without common items": (
        lambda: eight(n_classes=2).free("mean", class_=2),
        "mean.*not identified",
    ),
}


@pytest.mark.parametrize(("make", "message"), UNIDENTIFIED.values(), ids=UNIDENTIFIED)
def test_unidentified_models_are_refused(make: Any, message: str) -> None:
    with pytest.raises(IdentificationError, match=message):
        make().check()


IDENTIFIED = {
    "one slope fixed, variance free": lambda: (
        eight().fix("slope", 1, item="item1").free("variance")
    ),
    "one intercept fixed, mean free": lambda: (
        eight().fix("intercept", 0, item="item1").free("mean")
    ),
    "one anchor": lambda: eight(
        groups=["A", "B"], invariance="scalar", free_items=[f"item{i}" for i in range(2, 9)]
    ),
    "bifactor": lambda: eight(q_matrix=np.column_stack([np.ones(8), SIMPLE])).fix("covariance", 0),
}


@pytest.mark.parametrize("make", IDENTIFIED.values(), ids=IDENTIFIED)
def test_identified_neighbours_are_accepted(make: Any) -> None:
    make().check()


# --- grids that would not fit ---------------------------------------------------------------


@pytest.mark.parametrize(("n_attributes", "n_quadrature"), [(3, 1000), (8, 64), (1, 10**9)])
def test_a_grid_that_would_not_fit_is_refused_at_once(n_attributes: int, n_quadrature: int) -> None:
    """Before anything is allocated: the answer comes at once, and names the cure."""
    q = np.eye(8, dtype=int)[:, :n_attributes]
    q[n_attributes:, 0] = 1
    with pytest.raises(SpecError, match=r"(?s)nodes.*n_quadrature"):
        mixirt.fit(MOBILITY, "2pl", q_matrix=q, n_quadrature=n_quadrature)


def test_eight_attributes_fit_on_the_default_grid() -> None:
    """Six points each are 1.7 million nodes, of the four million that there may be."""
    model = mixirt.Model("2pl", items=8, q_matrix=np.eye(8, dtype=int)).check()
    assert "on the whole grid of 1.7e6 nodes" in model.plan()


# --- scoring --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted() -> mixirt.Result:
    frame = pd.DataFrame(datasets.load("lsat7").responses, columns=list("abcde"))
    return mixirt.fit(frame, "2pl")


SCORING = {
    "too few columns": ([[0, 1]], {}, "2 columns.*5 items"),
    "other items": (pd.DataFrame([[0] * 5], columns=list("abcdx")), {}, "no column is named 'e'"),
    "extra column": (pd.DataFrame([[0] * 6], columns=list("abcdex")), {}, "'x'.*extra"),
    "unseen code": ([[0, 1, 2, 0, 0]], {}, "^item 'c', row 0: found 2, .*categories are 0, 1"),
    "fraction": ([[0, 1, 0.5, 0, 0]], {}, "^item 'c', row 0: found 0.5, .*are 0, 1"),
    "groups of no model": ([[0] * 5], {"groups": ["A"]}, "the model has none"),
    "groups without responses": (None, {"groups": ["A"]}, "groups= is for new responses"),
    "no rows": (np.empty((0, 5)), {}, f"{A_TABLE}; found 0 x 5"),
    "method": ([[0] * 5], {"method": "epa"}, "'eap', 'map', 'mode'"),
    "method of no kind": (
        [[0] * 5],
        {"method": None},
        "^method must be a name in quotes; found None",
    ),
    "extra of no kind": (
        [[0] * 5],
        {"extra": "drop"},
        """^extra must be "refuse" or "ignore"; found 'drop'""",
    ),
}


@pytest.mark.parametrize(("responses", "options", "message"), SCORING.values(), ids=SCORING)
def test_scoring(
    fitted: mixirt.Result, responses: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(MixirtError, match=message):
        fitted.score(responses, **options)
