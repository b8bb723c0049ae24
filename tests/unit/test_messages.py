"""What users read is in their words and on their scales."""

from __future__ import annotations

import numpy as np
import pytest

import mixirt
from mixirt.families import ITEM_MODELS


@pytest.mark.parametrize("name", [m.name for m in ITEM_MODELS.values() if m.max_categories == 2])
def test_a_model_for_two_categories_names_one_that_takes_three(name: str) -> None:
    responses = np.add.outer(np.arange(10), np.arange(3)) % 3
    with pytest.raises(mixirt.SpecError) as refusal:
        mixirt.fit(responses, name)
    recommended = str(refusal.value).split("use '")[1].split("'")[0]
    mixirt.Model(recommended, items=3, n_categories=3)


def test_a_guessing_parameter_at_its_bound_is_reported_as_a_probability() -> None:
    lsat7 = mixirt.datasets.load("lsat7").responses
    with pytest.warns(mixirt.BoundaryWarning, match=r"guessing of item 'item1' at 6\.1\d+e-06"):
        mixirt.fit(lsat7, "3pl")


def test_category_scores_too_far_out_to_square_are_refused() -> None:
    """At 1e200 a fit used to stop at once, 17 log-likelihood units too low, without a word."""
    answers = mixirt.datasets.load("lsat7").responses
    with pytest.raises(mixirt.SpecError, match=r"item 'item1' has the category score 1e200.*1e100"):
        mixirt.fit(answers, "2pl", category_scores=[0, 1e200])
    assert mixirt.fit(answers, "2pl", category_scores=[0, 1e100]).loglik == pytest.approx(
        mixirt.fit(answers, "2pl").loglik, abs=1e-6
    )
