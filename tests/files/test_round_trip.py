"""A fit that was saved and loaded is the same fit, but for its responses."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator

import mixirt
from mixirt.table import Cells, ParameterTable
from tests.files.fits import KINDS, fitted
from tests.files.paths import SCHEMA

pytestmark = [
    pytest.mark.filterwarnings("ignore::mixirt.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::mixirt.BoundaryWarning"),
    pytest.mark.filterwarnings("ignore::mixirt.ReplicationWarning"),
]


@pytest.fixture(params=KINDS)
def pair(request, tmp_path):
    """Save a fit; give it and what came back of it."""
    result = fitted(request.param)
    result.save(tmp_path / "m.json")
    return result, mixirt.load(tmp_path / "m.json")


def assert_same_table(a: ParameterTable, b: ParameterTable):
    for name in Cells.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(a.cells, name), getattr(b.cells, name))
    for name in ("start", "lower", "upper"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    np.testing.assert_array_equal(a.compiled().slot, b.compiled().slot)
    np.testing.assert_array_equal(a.value[a.is_fixed], b.value[b.is_fixed])
    assert a.prior == b.prior


def test_model_and_labels_come_back_with_their_types(pair):
    before, after = pair
    assert_same_table(before.model.table, after.model.table)
    a, b = before.model.design, after.model.design
    for name in type(a).__dataclass_fields__:
        if isinstance(getattr(a, name), np.ndarray):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        else:
            assert getattr(a, name) == getattr(b, name)
    labels = [(*design.category_labels, design.groups) for design in (a, b)]
    for x, y in zip(*labels, strict=True):
        assert [type(label) for label in x] == [type(label) for label in y]


def test_numbers_come_back_bit_for_bit(pair):
    before, after = pair
    np.testing.assert_array_equal(before._found["x"], after._found["x"])
    for name in ("loglik", "log_posterior", "aic", "bic", "sabic", "converged", "n_cycles"):
        assert getattr(before, name) == getattr(after, name)
    assert before.data == after.data
    assert before.n_replicated == after.n_replicated
    assert before.seed == after.seed
    np.testing.assert_equal(after.entropy, before.entropy)
    assert type(before) is type(after)
    if isinstance(before, mixirt.LatentClassResult):
        assert before.goodness_of_fit == after.goodness_of_fit
    assert before.fingerprint == after.fingerprint
    assert before._settings == after._settings
    for name, values in before._found["history"].items():
        np.testing.assert_array_equal(values, after._found["history"][name])
    assert before._covariances.keys() == after._covariances.keys()
    # What other tests asked this fit for may have no inverse, of which `vcov` would warn.
    for method, covariance in before._covariances.items():
        assert covariance.names == after._covariances[method].names
        np.testing.assert_array_equal(covariance.matrix, after._covariances[method].matrix)


def test_reports_are_the_same(pair):
    before, after = pair
    assert before.summary() == after.summary()
    assert before.parameters().equals(after.parameters())
    assert before.distributions().equals(after.distributions())
    pd.testing.assert_frame_equal(
        before.history, after.history, check_dtype=False, check_exact=True
    )


def test_new_responses_get_the_same_scores_and_draws(pair):
    before, after = pair
    design = before.model.design
    groups = [g for g in design.groups for _ in range(5)] if design.has_groups else None
    n = {} if groups is not None else {"n": 10}
    drawn = [r.simulate(**n, groups=groups, seed=4) for r in pair]
    assert drawn[0].equals(drawn[1])
    for method in ("eap", "map", "mode"):
        scores = [r.score(drawn[0], method, groups=groups) for r in pair]
        np.testing.assert_array_equal(scores[0].theta, scores[1].theta)
        np.testing.assert_array_equal(scores[0].covariance, scores[1].covariance)
    assert len(after.simulate(seed=1)) == before.data.n_respondents


def test_saving_again_writes_the_same_file(pair, tmp_path):
    pair[1].save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (tmp_path / "m.json").read_text()


@pytest.mark.usefixtures("pair")
def test_file_follows_the_published_schema(tmp_path):
    document = json.loads((tmp_path / "m.json").read_text())
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    assert [error.message for error in validator.iter_errors(document)] == []
    del document["content"]["design"]["items"]
    assert not validator.is_valid(document)


def test_what_needs_the_responses_says_so(pair):
    _, after = pair
    for needs in (after.score, after.gradient, after.contributions, lambda: after.vcov("louis")):
        with pytest.raises(mixirt.DataError, match=r"read from a file.*mixirt\.fit\(responses"):
            needs()


def test_covariances_can_be_left_out(tmp_path):
    fitted("tied_with_standard_errors").save(tmp_path / "m.json", covariances=False)
    assert mixirt.load(tmp_path / "m.json")._covariances == {}


def test_frames_come_in_the_library_asked_for(tmp_path):
    pl = pytest.importorskip("polars")

    fitted("plain").save(tmp_path / "m.json")
    assert isinstance(mixirt.load(tmp_path / "m.json", frames="polars").parameters(), pl.DataFrame)
    assert isinstance(mixirt.load(tmp_path / "m.json", frames="dict").parameters(), dict)
    with pytest.raises(mixirt.SpecError, match="did you mean 'polars'"):
        mixirt.load(tmp_path / "m.json", frames="polar")


def test_loaded_fit_starts_another(tmp_path):
    result = fitted("plain")
    result.save(tmp_path / "m.json")
    responses = mixirt.datasets.load("lsat7").responses
    again = mixirt.fit(responses, "2pl", start=mixirt.load(tmp_path / "m.json"))
    assert again.n_cycles < result.n_cycles


def test_loaded_fit_anchors_another(tmp_path):
    fitted("plain").save(tmp_path / "m.json")
    anchors = mixirt.load(tmp_path / "m.json")
    model = mixirt.Model("2pl", items=5).anchor(anchors, items=["item1", "item4"])
    fixed = mixirt.fit(mixirt.datasets.load("lsat7").responses, model)
    before, after = anchors.parameters(), fixed.parameters()
    anchored = before["item"].isin(["item1", "item4"])
    assert after["estimate"][anchored].tolist() == before["estimate"][anchored].tolist()
    assert (after["status"][anchored] == "fixed").all()
    assert (after["status"][~anchored] == "free").all()


@pytest.mark.parametrize("label", [(1, 2), 10**30, float("inf"), "\ud800"])
def test_labels_that_no_file_can_hold_are_named(label, tmp_path):
    rows = [["a", 0], [label, 1], ["a", 1], [label, 0]] * 9
    categories = {"item1": ["a", label]}
    result = mixirt.fit(rows, "rasch", categories=categories, max_cycles=2)
    with pytest.raises(mixirt.FileError, match="item 'item1' has the label"):
        result.save(tmp_path / "m.json")
    assert list(tmp_path.iterdir()) == []
