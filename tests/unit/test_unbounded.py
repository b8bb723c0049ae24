"""Parameters without a finite maximum: refused where responses show it, named where fits do."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mixirt
from mixirt import datasets
from mixirt.model import Model


def lsat7() -> pd.DataFrame:
    return datasets.load("lsat7").frame()


GROUP = np.arange(1000) % 2


def all_right_in_group_1() -> pd.DataFrame:
    frame = lsat7()
    frame.loc[GROUP == 1, "item2"] = 1
    return frame


def without_lowest_in_group_1() -> tuple[pd.DataFrame, np.ndarray]:
    frame = datasets.load("science").frame() - 1
    groups = np.arange(len(frame)) % 2
    frame.loc[(groups == 1) & (frame.Work == 0), "Work"] = 1
    return frame, groups


@pytest.mark.parametrize("model", ["rasch", "2pl", "3pl"])
@pytest.mark.parametrize("options", [{}, {"invariance": "scalar", "free_items": ["item2"]}])
def test_an_item_all_right_in_a_group_is_refused(model: str, options: dict[str, object]) -> None:
    message = "item 'item2' in group 1: all answers are in category 1, .*leave the item out of the"
    with pytest.raises(mixirt.DataError, match=message):
        mixirt.fit(all_right_in_group_1(), model, groups=GROUP, **options)


@pytest.mark.parametrize("model", ["pcm", "gpcm", "grm"])
@pytest.mark.parametrize("invariance", ["configural", "metric"])
def test_a_category_nobody_in_a_group_chose_is_refused(model: str, invariance: str) -> None:
    if (model, invariance) == ("pcm", "metric"):
        invariance = "configural"
    frame, groups = without_lowest_in_group_1()
    message = "item 'Work' in group 1: nobody answered in category 0, .*merge categories, the same"
    with pytest.raises(mixirt.DataError, match=message):
        mixirt.fit(frame, model, groups=groups, invariance=invariance)


@pytest.mark.parametrize("model", ["gpcm", "grm"])
def test_what_other_groups_determine_is_fitted(model: str) -> None:
    frame, groups = without_lowest_in_group_1()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = mixirt.fit(frame, model, groups=groups, invariance="scalar")
    assert result.converged


@pytest.mark.parametrize("model", ["gpcm", "grm"])
def test_what_a_prior_determines_is_fitted(model: str) -> None:
    frame, groups = without_lowest_in_group_1()
    made = Model(model, responses=frame, groups=[0, 1])
    made = made.prior("intercept", mixirt.priors.normal(0, 3), item="Work", group=1)
    result = mixirt.fit(frame, made, groups=groups)
    assert result.converged
    assert np.abs(result._values).max() < 10


def test_a_model_for_more_categories_than_anybody_chose_is_refused() -> None:
    with pytest.raises(mixirt.DataError, match="'item1': nobody answered in category 2, "):
        mixirt.fit(lsat7(), Model("grm", items=5, n_categories=3))
    mixirt.fit(lsat7(), Model("gpcm", items=5, n_categories=3), max_cycles=0)


def test_an_item_nobody_in_a_group_answered_is_refused() -> None:
    frame = lsat7().astype(float)
    frame.loc[GROUP == 1, "item3"] = np.nan
    with pytest.raises(mixirt.DataError, match="nobody answered item 'item3' in group 1"):
        mixirt.fit(frame, Model("2pl", items=5, groups=[0, 1]), groups=GROUP)
    assert mixirt.fit(frame, "2pl", groups=GROUP).converged


def test_answers_of_weight_0_determine_nothing() -> None:
    frame = lsat7()
    weights = np.where((GROUP == 1) & (frame.item2 == 0), 0.0, 1.0)
    with pytest.raises(mixirt.DataError, match="item 'item2' in group 1"):
        mixirt.fit(frame, "2pl", groups=GROUP, weights=weights)


@pytest.fixture(scope="module")
def twice() -> mixirt.Result:
    """Fit the same question asked twice; whether the cycles run out is a matter of rounding."""
    frame = lsat7()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.ConvergenceWarning)
        with pytest.warns(mixirt.RunawayWarning, match="slope of item 'item1' at .* Model.prior"):
            return mixirt.fit(frame.assign(again=frame.item1), "2pl")


def test_an_item_entered_twice_prints_and_saves(twice: mixirt.Result, tmp_path: Path) -> None:
    blamed = "slope of item '(item1|again)'.*slope of item '(item1|again)'"
    assert "saddle or flat" in str(twice)
    with pytest.warns(mixirt.InformationWarning, match=blamed):
        assert twice.parameters()["se"].isna().all()
    with pytest.warns(mixirt.InformationWarning, match=blamed):
        assert twice.diagnostics().status == "saddle or flat"
    with pytest.warns(mixirt.InformationWarning, match=blamed):
        assert np.isnan(twice.delta(lambda r: r.mean())[1]).all()
    twice.save(tmp_path / "twice.json")
    with pytest.warns(mixirt.InformationWarning, match=blamed):
        twice.report(tmp_path / "twice.html")
    again = mixirt.load(tmp_path / "twice.json")
    assert again.loglik == twice.loglik


def test_the_scale_of_attributes_and_scores_is_no_runaway() -> None:
    model = Model("2pl", items=5).fix("variance", 1e-4).fix("mean", -30.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = mixirt.fit(lsat7(), model)
        mixirt.fit(lsat7(), "gpcm", category_scores=[0, 0.01])
    assert np.abs(result._values).max() > 100


def test_a_variance_that_ran_away_in_the_place_of_slopes_is_named() -> None:
    """Five answers that are always the same: with slopes held at 1, the variance is infinite."""
    same = np.repeat(np.arange(200)[:, np.newaxis] % 2, 5, axis=1)
    with pytest.warns(mixirt.RunawayWarning, match="variance of 'theta' at"):
        mixirt.fit(same, "rasch")


def class_without_middle() -> tuple[np.ndarray, np.ndarray]:
    """Answers to four items, and known classes; nobody in the second is in the middle of one."""
    rng = np.random.default_rng(3)
    known = np.arange(400) % 2 + 1
    answers = rng.integers(0, 3, (400, 4)) + (rng.random((400, 1)) < 0.3)
    answers = np.minimum(answers, 2)
    answers[(known == 2) & (answers[:, 0] == 1), 0] = 2
    return answers, known


def test_graded_intercepts_that_met_are_named_and_have_no_standard_errors() -> None:
    answers, known = class_without_middle()
    with pytest.warns(mixirt.RunawayWarning, match="intercept 2 of item 'item1' in class 2"):
        fit = mixirt.fit(answers, "grm", n_classes=2, known_classes=known, n_starts=1, seed=1)
    with pytest.warns(mixirt.InformationWarning, match="of item 'item1' in class 2"):
        diagnostics = fit.diagnostics()
    assert diagnostics.status == "saddle or flat"
    assert np.isnan(diagnostics.newton_distance)
