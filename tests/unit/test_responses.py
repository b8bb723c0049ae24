"""Reading responses: every kind of input, and the words of every refusal."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mixirt.errors import DataError, DataWarning, MixirtError, SpecError
from mixirt.frames import to_native
from mixirt.responses import MISSING, Responses
from tests.libraries import polars as pl

CODES = [[0, 2], [1, MISSING], [0, 0], [1, 1]]
ROWS: list[list[Any]] = [[0, 2], [1, None], [0, 0], [1, 1]]
COLUMNS = {"q1": [0, 1, 0, 1], "q2": [2, None, 0, 1]}


def float_rows(dtype: Any = float) -> Any:
    return np.array(ROWS, dtype=float).astype(dtype)


INPUTS = {
    "list": ROWS,
    "tuple": tuple(map(tuple, ROWS)),
    "rows of arrays": [np.array(row, dtype=float) for row in ROWS],
    "object": np.array(ROWS, dtype=object),
    "float": float_rows(),
    "half": float_rows(np.float16),
    "long double": float_rows(np.longdouble),
    "big-endian": float_rows(">f8"),
    "Fortran": np.asfortranarray(float_rows()),
    "strided": np.repeat(float_rows(), 2, axis=1)[:, ::2],
    "reversed": float_rows()[::-1][::-1, ::1],
    "masked": np.ma.masked_equal([[0, 2], [1, 7], [0, 0], [1, 1]], 7),
    "masked objects": np.ma.masked_equal(np.array([[0, 2], [1, 7], [0, 0], [1, 1]], object), 7),
    "pandas": pd.DataFrame(COLUMNS),
    "pandas nullable": pd.DataFrame(COLUMNS).astype("Int8"),
    "pandas mixed": pd.DataFrame({"q1": [False, True, False, True], "q2": COLUMNS["q2"]}),
    "pandas objects": pd.DataFrame(COLUMNS, dtype=object),
    "pandas categorical": pd.DataFrame(COLUMNS).astype("category"),
    "polars": pl.DataFrame(COLUMNS),
    "polars decimal": pl.DataFrame(COLUMNS).cast(pl.Decimal(10, 2)),
    "polars 128 bits": pl.DataFrame(COLUMNS).cast(pl.Int128),
    "polars lazy": pl.LazyFrame(COLUMNS),
    "arrow": pa.table(COLUMNS),
}


@pytest.mark.parametrize("responses", INPUTS.values(), ids=INPUTS.keys())
def test_every_kind_of_input_gives_the_same_codes(responses: Any) -> None:
    read = Responses.read(responses)
    assert read.codes.tolist() == CODES
    assert read.codes.dtype == np.uint8
    assert read.codes.flags.c_contiguous
    assert not read.codes.flags.writeable
    assert read.n_categories.tolist() == [2, 3]
    assert read.category_labels == ((0, 1), (0, 1, 2))


@pytest.mark.parametrize("dtype", ["?", *"bhilqBHILQfd"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_dtype(dtype: str, order: Any) -> None:
    values = np.array([[0, 1, 0], [1, 0, 1]])
    read = Responses.read(np.asarray(values, dtype=dtype, order=order))
    assert read.codes.tolist() == values.tolist()


def test_the_input_is_left_alone() -> None:
    values = np.array([[0, 1], [1, 0]], dtype=np.uint8)
    values.flags.writeable = False
    read = Responses.read(values)
    assert not np.shares_memory(read.codes, values)
    weights = np.array([1.0, 2.0])
    Responses.read(values, weights=weights)
    assert weights.flags.writeable


@pytest.mark.parametrize(
    ("responses", "native", "names"),
    [
        (ROWS, "numpy", ("item1", "item2")),
        (pd.DataFrame({1: [0, 1], "b": [1, 0]}), "pandas", ("1", "b")),
        (pl.DataFrame(COLUMNS), "polars", ("q1", "q2")),
        (pa.table(COLUMNS), "pyarrow", ("q1", "q2")),
    ],
)
def test_names_and_library_are_kept(responses: Any, native: str, names: tuple[str, ...]) -> None:
    read = Responses.read(responses)
    assert (read.native, read.item_names) == (native, names)
    frame = to_native({"item": list(read.item_names)}, read.native)
    assert type(frame).__module__.split(".")[0] == ("pandas" if native == "numpy" else native)


TEXT_COLUMNS = {"q1": ["no", "yes", None, "no"], "q2": ["a", "NA", "b", "c"]}
TEXT_FRAMES = {
    "pandas": pd.DataFrame(TEXT_COLUMNS),
    "pandas categorical": pd.DataFrame(TEXT_COLUMNS).astype("category"),
    "polars": pl.DataFrame(TEXT_COLUMNS),
    "polars enum": pl.DataFrame(TEXT_COLUMNS).cast(pl.Enum(["no", "yes", "a", "b", "c", "NA"])),
    "arrow": pa.table({k: pa.array(v).dictionary_encode() for k, v in TEXT_COLUMNS.items()}),
}


@pytest.mark.parametrize("frame", TEXT_FRAMES.values(), ids=TEXT_FRAMES.keys())
def test_text_is_mapped_by_item(frame: Any) -> None:
    categories = {"q1": ["no", "yes"], "q2": ["c", "b", "a"]}
    read = Responses.read(frame, categories=categories, missing="NA")
    assert read.codes.tolist() == [[0, 2], [1, MISSING], [MISSING, 1], [0, 0]]
    assert read.category_labels == (("no", "yes"), ("c", "b", "a"))


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64, object])
def test_declared_codes_and_missing_values(dtype: Any) -> None:
    values = np.array([[1, 9], [300, 1], [-99, 300], [2, 2]], dtype=dtype)
    read = Responses.read(values, categories=[1, 2, 300], missing=[-99, 9, "NA"])
    assert read.codes.tolist() == [[0, MISSING], [2, 0], [MISSING, 2], [1, 1]]


def test_a_time_is_no_number_and_equals_no_answer() -> None:
    """NumPy counts times among its integers, but they have no value as numbers."""
    never = np.array([0], dtype="timedelta64[D]")
    np.testing.assert_array_equal(
        Responses.read([[0, 1], [1, 0]], missing=never).codes, [[0, 1], [1, 0]]
    )


def test_missing_by_item_leaves_the_others() -> None:
    read = Responses.read([[0, 1], [1, 0], [2, 2]], missing={"item2": 2})
    assert read.codes.tolist() == [[0, 1], [1, 0], [2, MISSING]]


def refused(responses: Any, **options: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        with pytest.raises(DataError) as caught:
            Responses.read(responses, **options)
    assert isinstance(caught.value, MixirtError)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (-1, "found -1, which is negative"),
        (0.5, "found 0.5, which is not a whole number"),
        (np.inf, "found inf, which is infinite"),
        (254, "found 254, which is too large"),
        (2**70, f"found {2**70}, which is too large"),
        ("NA", "found the text 'NA'"),
        (1j, "found 1j, of type complex"),
        ([1], "found [1], of type list"),
    ],
)
def test_a_bad_cell_is_named(bad: Any, words: str) -> None:
    frame = pd.DataFrame({"q1": [0, 1, 0], "q2": pd.Series([1, 0, bad], dtype=object)})
    frame.index = pd.Index(["x", "y", "z"])
    message = refused(frame, groups=["north", "north", "south"])
    assert message.startswith(f"item 'q2', row 2 (index 'z'), group 'south': {words}")
    says_no_item = "a column that is no item has to be left out" in message
    assert says_no_item is (bad == "NA" or "too large" in words)


def test_the_first_bad_cell_by_rows_is_named_and_the_others_are_counted() -> None:
    values = np.zeros((6, 8), dtype=int)
    values[3, 6] = values[4, 0:6] = -1
    message = refused(values)
    assert message.startswith("item 'item7', row 3: found -1")
    assert "6 more cells" in message
    assert "'item1', 'item2', 'item3', 'item4', 'item5' and 1 more" in message


def test_a_value_outside_the_declared_categories_is_refused() -> None:
    message = refused([["no"], ["yes"], ["maybe"]], categories=["no", "yes"])
    assert "row 2: found 'maybe'" in message
    assert "its categories are 'no', 'yes'" in message
    assert "missing='maybe'" in message


@pytest.mark.parametrize(
    ("responses", "words"),
    [
        (3, "type int"),
        (np.array(3), "array of shape ()"),
        ([0, 1], "row 0 is 0, not a list of answers"),
        (np.array([0, 1]), "reshape(1, -1)"),
        (np.zeros((2, 2, 2)), "array of shape (2, 2, 2)"),
        (pd.Series([0, 1]), "single column"),
        ({"q1": [0, 1]}, "type dict"),
        ([], "no columns"),
        (np.zeros((0, 3)), "no rows"),
        (np.zeros((3, 0)), "no columns"),
        (pl.DataFrame(), "no columns"),
        ([[0, 1], [1]], "row 1 has 1 answers where row 0 has 2"),
        (np.zeros((2, 2), dtype=complex), "dtype complex128"),
        (np.zeros((2, 2), dtype="M8[D]"), "dtype datetime64[D]"),
        (pd.DataFrame({"d": pd.to_datetime(["2020-01-01"])}), "item 'd': answers cannot be of"),
        (pd.DataFrame([[0, 1]], columns=["a", "a"]), "'a'"),
        (pd.DataFrame([[0, 1]], columns=[1, "1"]), "these repeat: '1'"),
        (np.zeros((10, 70_000), dtype=bool), "at most 65535 items"),
    ],
)
def test_what_is_no_table_is_refused(responses: Any, words: str) -> None:
    assert words in refused(responses)


@pytest.mark.parametrize(
    ("responses", "options", "words"),
    [
        ([[None, 0], [None, 1]], {}, "nobody answered item 'item1'"),
        ([[0, 0], [0, 1]], {}, "all answers to item 'item1' are in one category (0 in 'item1')"),
        ([[0], [2], [3]], {}, "nobody answered in category 1,"),
        ([[1], [2], [3]], {"categories": [1, 2, 3, 4]}, "nobody answered in category 4"),
        ([[1, 2], [2, 1]], {}, "say categories=[1, 2], or subtract 1"),
        ([[1, 0], [2, 1]], {}, "say categories={'item1': [1, 2]}, or subtract 1"),
        ([[0], [1], [2]], {"weights": [1, 1, 0]}, "nobody answered in category 2"),
        (np.zeros((2, 8), int), {}, "'item1', 'item2', 'item3', 'item4', 'item5' and 3 more"),
    ],
)
def test_unobserved_categories_are_refused(responses: Any, options: Any, words: str) -> None:
    assert words in refused(responses, **options)


GOOD = [[0, 1], [1, 0], [0, 0]]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": [1, 2]}, "3 are needed, found 2 values"),
        ({"weights": [1, -2, 1]}, "row 1 has -2.0"),
        ({"weights": [1, 1, None]}, "row 2 has nan"),
        ({"weights": [np.inf, 1, 1]}, "row 0 has inf"),
        ({"weights": [0, 0, 0]}, "all zero"),
        ({"weights": ["1", 1, 1]}, "row 0 has '1', which is not a number"),
        ({"weights": np.ones((3, 1))}, "shape (3, 1)"),
        ({"weights": 1.0}, "one value per respondent"),
        ({"groups": [1, 2]}, "3 are needed, found 2 values"),
        ({"groups": ["a", None, float("nan")]}, "row 1 has no group, and 1 more"),
        ({"groups": np.array([np.nan, 1, 1])}, "row 0 has no group"),
        ({"groups": [[1], [2], [3]]}, "row 0 has [1], which cannot be a label"),
        ({"groups": "abc"}, "pass the column itself, frame['abc']"),
        ({"groups": list("aab"), "group_labels": ["a"]}, "row 2 has 'b', which is not a group"),
        ({"groups": list("aab"), "group_labels": list("abc")}, "'c' without respondents"),
        ({"groups": list("aab"), "weights": [1, 1, 0]}, "'b' without respondents of positive"),
        ({"group_labels": ["a"]}, "groups are not"),
        ({"item_names": ["a"]}, "1 names for 2 items; give one for each"),
        ({"item_names": ["a", "a"]}, "these repeat: 'a'"),
        ({"categories": {"q9": [0, 1]}}, "'q9'"),
        ({"categories": [0]}, "1 categories"),
        ({"categories": [0, 1, 0]}, "the value 0 is given twice"),
        ({"categories": [0, None]}, "which is a missing answer"),
        ({"categories": [0, 1], "missing": 1}, "both as a category and as missing"),
        ({"categories": "01"}, "must be a sequence of values"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], words: str) -> None:
    assert words in refused(GOOD, **options)


def test_a_group_without_answers_is_refused() -> None:
    assert "'b' without answers" in refused([*GOOD, [None, None]], groups=list("aaab"))


@pytest.mark.parametrize(
    ("groups", "labels", "index"),
    [
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        (np.array([7, 3, 3]), (3, 7), [1, 0, 0]),
        (["b", 1, "b"], ("b", 1), [0, 1, 0]),
        (pl.Series(["y", "x", "x"]), ("x", "y"), [1, 0, 0]),
        (pd.Series(["y", "x", "x"], dtype="category"), ("x", "y"), [1, 0, 0]),
    ],
)
def test_groups_are_sorted_where_they_can_be(groups: Any, labels: Any, index: Any) -> None:
    read = Responses.read(GOOD, groups=groups)
    assert read.group_labels == labels
    assert read.groups is not None
    assert read.groups.tolist() == index
    assert read.groups.dtype == np.int32


def test_declared_groups_keep_their_order() -> None:
    read = Responses.read(GOOD, groups=list("bab"), group_labels=["b", "a"])
    assert read.group_labels == ("b", "a")
    assert read.groups is not None
    assert read.groups.tolist() == [0, 1, 0]


def test_transposed_responses_warn_once() -> None:
    with pytest.warns(DataWarning, match="2 rows and 20 columns") as caught:
        Responses.read([[0, 1] * 10, [1, 0] * 10])
    assert len(caught) == 1
    assert caught[0].filename == __file__


FITTED = {"q1": ("no", "yes"), "q2": (0, 1, 2)}


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])
def test_new_responses_are_matched_by_name(library: Any) -> None:
    frame = library({"q2": [0, None], "id": [7, 8], "q1": ["yes", "yes"]})
    read = Responses.read_for(frame, FITTED, extra="ignore")
    assert read.item_names == ("q1", "q2")
    assert read.codes.tolist() == [[1, 0], [1, MISSING]]
    assert read.n_categories.tolist() == [2, 3]
    with pytest.raises(DataError, match="no items of the model: 'id'"):
        Responses.read_for(frame, FITTED)
    with pytest.raises(SpecError, match="extra"):
        Responses.read_for(frame, FITTED, extra="keep")  # type: ignore[arg-type]


def test_new_responses_without_names_are_matched_by_position() -> None:
    assert Responses.read_for([["no", 2]], FITTED).codes.tolist() == [[0, 2]]
    with pytest.raises(DataError, match="found 1 columns, but the model has 2 items"):
        Responses.read_for([["no"]], FITTED)


def test_new_responses_are_refused_with_what_is_allowed() -> None:
    with pytest.raises(DataError, match=r"'q2', row 0: found 3, .* are 0, 1, 2"):
        Responses.read_for([["no", 3]], FITTED)
    with pytest.raises(DataError, match="no column is named 'q2'"):
        Responses.read_for(pd.DataFrame({"q1": ["no"]}), FITTED)


def test_a_pandas_index_is_kept() -> None:
    frame = pd.DataFrame(GOOD, index=["x", "y", "z"])
    assert list(Responses.read(frame).index) == ["x", "y", "z"]
    assert Responses.read(pl.from_pandas(frame)).index is None


def test_the_parallel_path_reads_frames_with_nulls() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 4, (20_000, 5)).astype(float)
    values[rng.random(values.shape) < 0.1] = np.nan
    expected = np.where(np.isnan(values), MISSING, values)
    names = [f"q{i}" for i in range(5)]
    for frame in (pd.DataFrame(values), pl.DataFrame(values, schema=names)):
        np.testing.assert_array_equal(Responses.read(frame).codes, expected)


def test_reading_arrays_imports_no_library_for_frames() -> None:
    program = (
        "import sys; from mixirt.responses import Responses; Responses.read([[0, 1], [1, 0]]); "
        "assert not {'pandas', 'polars', 'pyarrow', 'scipy', 'matplotlib'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_column_of_row_numbers_among_items_is_told():
    answers = np.arange(60).reshape(30, 2) % 3
    with pytest.warns(DataWarning, match="same answer to item 'id'; a column that is no item"):
        Responses.read(pd.DataFrame(answers, columns=["a", "b"]).assign(id=range(30)))
    with pytest.raises(DataError, match=r"found 300, which is too large.*no item has to be left"):
        Responses.read(pd.DataFrame(answers, columns=["a", "b"]).assign(id=range(300, 330)))
