"""A fit that was pickled or copied is the same fit, with its responses."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import mixirt
from tests.files.fits import KINDS, fitted

pytestmark = [
    pytest.mark.filterwarnings("ignore::mixirt.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::mixirt.BoundaryWarning"),
    pytest.mark.filterwarnings("ignore::mixirt.ReplicationWarning"),
]

WAYS = {
    "pickle": lambda result: pickle.loads(pickle.dumps(result)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def assert_same_fit(before: mixirt.Result, after: mixirt.Result) -> None:
    """Compare what needs the model, the engine, the patterns and the responses themselves."""
    assert type(after) is type(before)
    assert str(after.model) == str(before.model)
    assert after.fingerprint == before.fingerprint
    assert after.data == before.data
    np.testing.assert_array_equal(after._values, before._values)
    np.testing.assert_array_equal(after.score().theta, before.score().theta)
    own, other = (np.asarray(r.vcov("cross_product")) for r in (before, after))
    np.testing.assert_array_equal(other, own)
    assert after.summary() == before.summary()


@pytest.mark.filterwarnings("ignore::mixirt.InformationWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_everything_comes_back(kind, way):
    before = fitted(kind)
    assert_same_fit(before, WAYS[way](before))


def test_answers_in_long_format_come_back():
    responses = mixirt.datasets.load("lsat7").responses[::7]
    person, item = np.indices(responses.shape)
    answers = {"who": person.ravel(), "item": item.ravel(), "response": responses.ravel()}
    before = mixirt.fit(mixirt.long(answers, person="who"), "rasch")
    after = pickle.loads(pickle.dumps(before))
    assert_same_fit(before, after)
    assert after.score().frame()["who"].tolist() == list(range(len(responses)))


def test_a_fit_read_from_a_file_stays_without_responses(tmp_path):
    fitted("plain").save(tmp_path / "m.json")
    loaded = mixirt.load(tmp_path / "m.json")
    after = pickle.loads(pickle.dumps(loaded))
    assert after.fingerprint == loaded.fingerprint
    assert after.summary() == loaded.summary()
    with pytest.raises(mixirt.DataError, match="read from a file"):
        after.score()


def test_models_can_be_pickled():
    model = mixirt.Model("3pl", items=4).prior("guessing", mixirt.priors.beta(5, 17))
    model = model.fix("slope", 1.5, item="item2")
    assert str(pickle.loads(pickle.dumps(model))) == str(model)


def test_another_process_takes_a_fit_and_returns_one():
    before = fitted("plain")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        after = pool.submit(copy.copy, before).result()
    assert_same_fit(before, after)
