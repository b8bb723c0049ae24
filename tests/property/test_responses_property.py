"""Whatever is thrown at `Responses.read`, it gives responses or a `MixirtError`, nothing else."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mixirt.errors import MixirtError
from mixirt.responses import MISSING, Responses
from tests.libraries import installed

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(0, 4),
    st.floats(),
    st.complex_numbers(),
    st.decimals(),
    st.fractions(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.dates(),
)
OBJECTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.frozensets(st.integers(0, 9), max_size=3),
    ),
    max_leaves=12,
)
ARRAYS = hnp.arrays(
    dtype=st.one_of(hnp.scalar_dtypes(), hnp.array_dtypes(max_size=2)),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
TABLES = st.integers(1, 4).flatmap(
    lambda n_items: st.lists(st.lists(SCALARS, min_size=n_items, max_size=n_items), max_size=6)
)
FRAMES = st.one_of(TABLES, ARRAYS.filter(lambda a: a.ndim == 2 and a.dtype.kind in "biufOMm"))
RESPONSES = st.one_of(OBJECTS, ARRAYS, TABLES, FRAMES.map(pd.DataFrame))

PATIENT = settings(
    max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


def assert_reads_or_refuses(responses: Any, **options: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read = Responses.read(responses, **options)
        except MixirtError as error:
            assert str(error)  # noqa: PT017 -- either outcome is allowed
            return
    n_rows, n_items = read.codes.shape
    assert n_rows > 0
    assert n_items == len(read.item_names) == len(read.category_labels)
    assert read.codes.dtype == np.uint8
    assert read.codes.flags.c_contiguous
    present = np.where(read.codes == MISSING, 0, read.codes)
    assert (present < read.n_categories).all()


@PATIENT
@given(RESPONSES)
def test_any_responses_are_read_or_refused(responses: Any) -> None:
    assert_reads_or_refuses(responses)


@PATIENT
@given(
    hnp.arrays(np.int8, (4, 2), elements=st.integers(-1, 2)),
    st.dictionaries(
        st.sampled_from(
            ["categories", "missing", "weights", "groups", "group_labels", "item_names"]
        ),
        st.one_of(OBJECTS, ARRAYS, st.lists(SCALARS, min_size=4, max_size=4), st.just([0, 1, 2])),
        max_size=3,
    ),
)
def test_any_options_are_read_or_refused(responses: Any, options: dict[str, Any]) -> None:
    assert_reads_or_refuses(responses, **options)


@PATIENT
@given(st.deferred(lambda: installed("polars.testing.parametric").series(min_size=4, max_size=4)))
def test_any_polars_column_is_read_or_refused(series: Any) -> None:
    assert_reads_or_refuses(series.to_frame())
    assert_reads_or_refuses([[0], [1], [0], [1]], weights=series)
    assert_reads_or_refuses([[0], [1], [0], [1]], groups=series)


@PATIENT
@given(
    hnp.arrays(np.int16, (6, 3), elements=st.integers(0, 3)),
    st.sampled_from(["i1", ">i2", "<i4", ">i8", "u1", ">u4", "u8", "f2", ">f4", "f8", "g", "O"]),
    st.sampled_from(["C", "F"]),
    st.booleans(),
)
def test_dtype_and_memory_order_do_not_matter(
    values: Any, dtype: str, order: Any, reverse: bool
) -> None:
    given_values = np.asarray(values.astype(dtype), order=order)
    if reverse:
        given_values, values = given_values[::-1, ::-1], values[::-1, ::-1]
    names = ("item1", "item2", "item3")
    read = Responses.read_for(given_values, dict.fromkeys(names, (0, 1, 2, 3)))
    np.testing.assert_array_equal(read.codes, values)
