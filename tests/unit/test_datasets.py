"""The data sets have the rows, items and codes that the literature reports."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from mixirt import datasets
from mixirt.errors import DataError

BINARY = {0, 1}

SHAPES = {
    "carcinoma": (118, 7, BINARY),
    "fims": (6371, 14, BINARY),
    "gss87_antirel": (1713, 3, BINARY),
    "lsat6": (1000, 5, BINARY),
    "lsat7": (1000, 5, BINARY),
    "mobility": (8445, 8, BINARY),
    "sat12": (600, 32, BINARY),
    "science": (392, 4, {1, 2, 3, 4}),
    "timss_aus_twn": (1769, 11, {0, 1, 2}),
}

GROUP_SIZES = {
    "fims": {"1": 4320, "2": 2051},
    "timss_aus_twn": {"36": 1050, "158": 719},
}

THREE_CATEGORY_ITEMS_OF_TIMSS = ["M032757", "M032760A", "M032761", "M032692"]


def test_the_catalogue_is_complete() -> None:
    assert datasets.names() == sorted(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_rows_items_and_codes(name: str) -> None:
    n_respondents, n_items, codes = SHAPES[name]
    dataset = datasets.load(name)
    assert dataset.name == name
    assert dataset.responses.shape == (n_respondents, n_items)
    assert dataset.responses.dtype == np.int64
    assert set(np.unique(dataset.responses).tolist()) == codes
    assert len(set(dataset.item_names)) == n_items
    assert dataset.description
    assert dataset.source


@pytest.mark.parametrize("name", SHAPES)
def test_group_sizes(name: str) -> None:
    groups = datasets.load(name).groups
    if name not in GROUP_SIZES:
        assert groups is None
        return
    labels, sizes = np.unique(groups, return_counts=True)
    assert dict(zip(labels.tolist(), sizes.tolist(), strict=True)) == GROUP_SIZES[name]


def test_timss_mixes_two_and_three_categories() -> None:
    timss = datasets.load("timss_aus_twn")
    largest = dict(zip(timss.item_names, timss.responses.max(axis=0).tolist(), strict=True))
    assert [item for item, code in largest.items() if code == 2] == THREE_CATEGORY_ITEMS_OF_TIMSS


def test_an_empty_field_is_missing() -> None:
    codes = datasets._codes([["0", "2"], ["", "1"]])
    np.testing.assert_array_equal(codes, [[0, 2], [np.nan, 1]])


def test_an_unknown_name_is_told_what_there_is() -> None:
    with pytest.raises(DataError, match=r"'lsat8'.*lsat6, lsat7"):
        datasets.load("lsat8")


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_frame_has_the_responses_and_the_groups(backend: str) -> None:
    pytest.importorskip(backend)
    timss = datasets.load("timss_aus_twn")
    frame = timss.frame(backend)
    columns = frame.column_names if backend == "pyarrow" else list(frame.columns)
    assert columns == [*timss.item_names, "country"]
    for item, codes in zip(timss.item_names, timss.responses.T, strict=True):
        np.testing.assert_array_equal(np.asarray(frame[item]), codes)
    assert timss.groups is not None
    assert list(np.asarray(frame["country"])) == timss.groups.tolist()


def test_an_unknown_backend_is_told_what_there_is() -> None:
    with pytest.raises(DataError, match=r"'excel'.*pandas, polars, pyarrow"):
        datasets.load("lsat7").frame("excel")


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ImportError, match=r"pip install polars.*load\('lsat7'\)\.responses"):
        datasets.load("lsat7").frame("polars")
