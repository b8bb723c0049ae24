"""What a console of 80 columns shows first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import mixirt
from mixirt import datasets

LSAT7 = datasets.load("lsat7").responses


@pytest.fixture(scope="module")
def grouped() -> mixirt.Result:
    groups = np.where(np.arange(1000) % 2, "odd", "even")
    return mixirt.fit(LSAT7, "2pl", groups=groups, invariance="scalar", reference="odd")


def on_screen(frame: Any) -> str:
    with pd.option_context("display.width", 80, "display.max_columns", 0):
        return str(frame)


def test_estimates_are_seen(grouped: mixirt.Result) -> None:
    header = on_screen(grouped.parameters()).splitlines()[0].split()
    assert {"item", "parameter", "estimate"} <= set(header)
    assert list(grouped.parameters().columns[3:5]) == ["estimate", "se"]


def test_criteria_of_classes_are_seen() -> None:
    responses = datasets.load("gss87_antirel").responses
    comparison = mixirt.compare_classes(responses, [1, 2], seed=1)
    header = on_screen(comparison.frame()).splitlines()[0].split()
    assert {"n_classes", "bic"} <= set(header)


def test_representations_are_a_line_and_no_arrays(grouped: mixirt.Result) -> None:
    result = mixirt.fit(LSAT7, "rasch")
    for shown, said in (
        (grouped.score(), "1000 respondents, eap of theta"),
        (result.scorer().score(LSAT7[:3]), "3 respondents"),
        (mixirt.fit_latent_class(LSAT7, 2, seed=1, n_starts=4).classify(), "2 classes"),
        (result.vcov(), "oakes, 6 parameters, positive definite"),
        (result.bootstrap(3, seed=1), "3 data sets"),
    ):
        assert said in repr(shown)
        assert len(repr(shown)) <= 100
        assert "array" not in repr(shown)
        assert "\n" not in repr(shown)


def test_the_page_marks_the_group_that_sets_the_scale(grouped: mixirt.Result) -> None:
    page = grouped.summary()
    assert "group 'odd': the reference" in page
    assert "group 'even'\n" in page
    groups = np.arange(1000) % 2
    assert "the reference" not in mixirt.fit(LSAT7, "2pl", groups=groups).summary()
