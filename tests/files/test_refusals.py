"""Files that are damaged, edited, hostile or of the future are refused by name."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mixirt
from mixirt.files import dumps
from mixirt.files.strict_json import checksum
from tests.files.fits import fitted
from tests.files.paths import FIXTURES

GOOD = (FIXTURES / "schema_1.json").read_bytes()
N_EXAMPLES = 150


def write(path, content, **envelope):
    """Write a file whose checksum is right, whatever its content."""
    document = {"format": "mixirt-model", "schema": 1, "checksum": checksum(content)}
    path.write_text(json.dumps({**document, "content": content, **envelope}))
    return path


@pytest.fixture
def content():
    return json.loads(GOOD)["content"]


@pytest.mark.parametrize("end", [0, 1, 100, len(GOOD) // 2, len(GOOD) - 3])
def test_truncated(end, tmp_path):
    (tmp_path / "m.json").write_bytes(GOOD[:end])
    with pytest.raises(mixirt.FileError, match="is not JSON, or not all of it"):
        mixirt.load(tmp_path / "m.json")


def test_edited(tmp_path):
    edited = GOOD.replace(b'"converged": true', b'"converged": false')
    assert edited != GOOD
    (tmp_path / "m.json").write_bytes(edited)
    with pytest.raises(mixirt.FileError, match="checksum does not match"):
        mixirt.load(tmp_path / "m.json")


def test_from_the_future(content, tmp_path):
    with pytest.raises(mixirt.FileError, match=r"schema 2, of a later version.*upgrade"):
        mixirt.load(write(tmp_path / "m.json", content, schema=2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a": 1, "a": 2}', "the key 'a' twice"),
        (b'{"a": NaN}', "not finite"),
        (b'{"a": -Infinity}', "not finite"),
        (b'{"a": 1e999}', "too long or too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too long or too large"),
        (b'{"a": 9223372036854775808}', "too long or too large"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b"[]", "is no model file"),
        (b'{"format": "mixirt-model"}', "schema is missing"),
        (b'{"format": "mixirt-model", "schema": true}', "schema must be a whole number"),
        (b'{"format": "mixirt-model", "schema": 1, "content": []}', "must be an object"),
    ],
)
def test_hostile(text, message, tmp_path):
    (tmp_path / "m.json").write_bytes(text)
    with pytest.raises(mixirt.FileError, match=message):
        mixirt.load(tmp_path / "m.json")


@pytest.mark.parametrize("path", ["nowhere/m.json", ".", "m\0.json"])
def test_unreadable(path):
    with pytest.raises(mixirt.FileError, match="cannot be read"):
        mixirt.load(path)


@pytest.mark.parametrize(
    ("section", "name", "value", "message"),
    [
        ("design", "items", ["a", "a", "a", "a"], "item names must differ"),
        ("design", "items", ["\ud800"] * 4, "must hold texts"),
        ("design", "items", 4, "must be a list"),
        ("design", "item_models", ["2pl"] * 4, "takes 2"),
        ("design", "n_classes", 10**12, "must be a whole number"),
        ("design", "n_classes", 2, "must have all their parameters"),
        ("design", "groups", [1, True], "different labels"),
        ("design", "item_attributes", [[1], [0], [0], [0]], "increasing positions"),
        ("design", "quadrature", "random", "unknown"),
        ("design", "n_quadrature", [10**9], "holds a model that cannot be"),
        ("design", "prune", "0", "must be a number"),
        ("parameters", "estimate", [None], "must have"),
        ("x", None, [0.5], "must have"),
        ("fit", "loglik", "high", "must be a number"),
        ("fit", "history", {"loglik": [1.0]}, "is missing"),
        ("settings", "max_cycles", -1, "max_cycles"),
        ("data", "fingerprint", "sha256:0", "64 hexadecimal digits"),
        ("covariances", None, {"oakes": {}}, "is missing"),
    ],
)
def test_wrong_members_are_named(section, name, value, message, content, tmp_path):
    if name is None:
        content[section] = value
    else:
        content[section][name] = value
    with pytest.raises(mixirt.FileError, match=message):
        mixirt.load(write(tmp_path / "m.json", content))


def test_impossible_intercepts(content, tmp_path):
    cells = content["parameters"]
    graded = [i for i, k in enumerate(cells["kind"]) if k == "intercept" and cells["item"][i] == 0]
    swapped = copy.deepcopy(content)
    for i, j in zip(graded, reversed(graded), strict=True):
        value = cells["estimate"][j]
        swapped["parameters"]["estimate"][i] = swapped["x"][cells["slot"][i]] = value
    with pytest.raises(mixirt.FileError, match="do not decrease"):
        mixirt.load(write(tmp_path / "m.json", swapped))


def test_impossible_variance(content, tmp_path):
    cells = content["parameters"]
    variance = next(
        i for i, k in enumerate(cells["kind"]) if k == "covariance" and cells["slot"][i] >= 0
    )
    cells["estimate"][variance] = content["x"][cells["slot"][variance]] = -1.0
    with pytest.raises(mixirt.FileError, match="not positive definite"):
        mixirt.load(write(tmp_path / "m.json", content))


def test_any_order_of_parameters_is_the_same_fit(content, tmp_path):
    """A later engine may lay its parameters out in another order."""
    cells, x = content["parameters"], content["x"]
    order = np.random.default_rng(5).permutation(len(cells["kind"])).tolist()
    slots = np.random.default_rng(6).permutation(len(x)).tolist()
    content["parameters"] = {name: [own[i] for i in order] for name, own in cells.items()}
    moved = content["parameters"]
    moved["slot"] = [s if s < 0 else slots[s] for s in moved["slot"]]
    content["x"] = [x[slots.index(s)] for s in range(len(x))]
    covariance = content["covariances"]["oakes"]
    matrix = np.array(covariance["matrix"]).reshape(len(x), -1)
    back = np.argsort(slots)
    covariance["matrix"] = matrix[np.ix_(back, back)].ravel().tolist()
    good = mixirt.load(FIXTURES / "schema_1.json")
    same = mixirt.load(write(tmp_path / "m.json", content))
    np.testing.assert_array_equal(same._found["x"], good._found["x"])
    np.testing.assert_array_equal(same.vcov().matrix, good.vcov().matrix)
    assert same.vcov().names == good.vcov().names
    assert same.summary() == good.summary()


def test_unknown_members_are_ignored(content, tmp_path):
    content["settings"]["mood"] = "good"
    content["later"] = {"more": [1, 2]}
    again = mixirt.load(write(tmp_path / "m.json", content))
    assert again.summary() == mixirt.load(FIXTURES / "schema_1.json").summary()


def loads_as_itself_or_not_at_all(path):
    try:
        result = mixirt.load(path)
    except mixirt.FileError:
        return
    good = mixirt.load(FIXTURES / "schema_1.json")
    assert result.summary() == good.summary()
    np.testing.assert_array_equal(result._values, good._values)
    np.testing.assert_array_equal(result.vcov().matrix, good.vcov().matrix)


@settings(max_examples=N_EXAMPLES, deadline=None)
@given(st.data())
def test_mutated_bytes(tmp_path_factory, data):
    """Bytes changed, dropped, doubled or swapped for others."""
    text = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        stop = min(len(text), start + data.draw(st.integers(0, 20)))
        text[start:stop] = data.draw(
            st.binary(max_size=8) | st.sampled_from([b"1", b" ", b"]", b"-"])
        )
    path = tmp_path_factory.mktemp("mutated") / "m.json"
    path.write_bytes(text)
    loads_as_itself_or_not_at_all(path)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from([-1, 0, 1, 2])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=N_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_forged_content(tmp_path_factory, data):
    """Members replaced by anything under a right checksum: a FileError, or a fit that works."""
    content = json.loads(GOOD)["content"]
    spot = content
    while True:
        keys = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
        key = data.draw(st.sampled_from(keys))
        deeper = isinstance(spot[key], (dict, list)) and len(spot[key])
        if not deeper or data.draw(st.integers(0, 3)) == 0:
            break
        spot = spot[key]
    spot[key] = data.draw(JUNK)
    path = write(tmp_path_factory.mktemp("forged") / "m.json", content)
    try:
        result = mixirt.load(path)
    except mixirt.FileError:
        return
    assert isinstance(result.summary(), str)
    assert len(result.parameters()) > 0


def test_nothing_is_left_behind_when_the_disk_refuses(tmp_path):
    with pytest.raises(mixirt.FileError, match="cannot be written: it is a directory"):
        fitted("plain").save(tmp_path)
    with pytest.raises(mixirt.FileError, match="cannot be written"):
        fitted("plain").save(tmp_path / "nowhere" / "m.json")
    assert list(tmp_path.iterdir()) == []


def test_a_rule_without_attributes_is_read(tmp_path):
    """It could once be given to a latent class model, and was passed over."""
    content = json.loads(dumps(fitted("known_latent_classes")))["content"]
    content["design"] |= {"quadrature": "gauss-hermite", "n_quadrature": []}
    read = mixirt.load(write(tmp_path / "m.json", content))
    assert read.loglik == fitted("known_latent_classes").loglik
