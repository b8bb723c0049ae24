"""The compiled scorer: the same scores, one at a time or many, in threads, copies and forks."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import mixirt
from mixirt import datasets
from mixirt import scorer as scorer_module
from tests.libraries import polars as pl
from tests.small_models import SMALL_MODELS, small

METHODS = ("eap", "map", "mode", "ml", "wle")

FIELDS = ("theta", "covariance", "class_probabilities", "log_probability")


def answers_of(result: mixirt.Result) -> tuple[list[list[Any]], list[Any] | None]:
    """Give the fitted answers as rows of the users' own values, and the groups."""
    read = result._fitted.responses
    labels = [(*values, None) for values in read.category_labels]
    rows = [
        [values[min(code, len(values) - 1)] for values, code in zip(labels, row, strict=True)]
        for row in read.matrix().tolist()
    ]
    groups = None if read.groups is None else [read.group_labels[g] for g in read.groups]
    return rows, groups


def lsat7() -> mixirt.Result:
    return mixirt.fit(datasets.load("lsat7").responses, "2pl")


@pytest.mark.parametrize("name", SMALL_MODELS)
@pytest.mark.parametrize("method", METHODS)
def test_the_scorer_scores_as_the_fit_does(name: str, method: str) -> None:
    result = small(name)
    rows, groups = answers_of(result)
    ours = result.scorer(method).score(rows, groups=groups)
    theirs = result.score(rows, method, groups=groups)
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(ours, field), getattr(theirs, field))


@pytest.mark.parametrize("name", SMALL_MODELS)
@pytest.mark.parametrize("method", METHODS)
def test_one_respondent_scores_as_among_many(name: str, method: str) -> None:
    result = small(name)
    rows, groups = answers_of(result)
    many = result.score(rows, method, groups=groups)
    scorer = result.scorer(method)
    for n in range(0, len(rows), 37):
        one = scorer.score_one(rows[n], group=None if groups is None else groups[n])
        for field in FIELDS:
            np.testing.assert_array_equal(getattr(one, field), getattr(many, field)[n])
        np.testing.assert_allclose(one.se, many.se[n], rtol=1e-14)


LAYOUTS = {
    "by rows": np.ascontiguousarray,
    "by columns": np.asfortranarray,
    "not contiguous": lambda array: np.repeat(array, 2, axis=1)[:, ::2],
    "upside down": lambda array: array[::-1].copy()[::-1],
    "a frame": lambda array: pl.DataFrame(array, [f"item{i}" for i in range(1, 6)]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "bool", "int64", ">i4", "float32", "float64"])
def test_answers_are_read_wherever_they_lie(
    monkeypatch: pytest.MonkeyPatch, layout: str, dtype: str
) -> None:
    monkeypatch.setattr(scorer_module, "_PIECE", 77)
    result = lsat7()
    plain = np.asarray(datasets.load("lsat7").responses, dtype=np.uint8)
    expected = result.score(plain)
    native = np.dtype(dtype).newbyteorder("=") if layout == "a frame" else dtype
    found = result.scorer().score(LAYOUTS[layout](plain.astype(native)))
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(found, field), getattr(expected, field))


@pytest.mark.parametrize("layout", ["by rows", "not contiguous"])
def test_masked_answers_are_missing(monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    monkeypatch.setattr(scorer_module, "_PIECE", 77)
    result = lsat7()
    plain = np.asarray(datasets.load("lsat7").responses, dtype=np.float64)
    absent = np.random.default_rng(1).random(plain.shape) < 0.2
    step = 2 if layout == "not contiguous" else 1
    masked = np.ma.array(np.repeat(plain, step, axis=1), mask=np.repeat(absent, step, axis=1))
    found = result.scorer().score(masked[:, ::step])
    expected = result.score(np.where(absent, np.nan, plain))
    np.testing.assert_array_equal(found.theta, expected.theta)


@pytest.mark.parametrize("layout", ["by rows", "by columns", "not contiguous"])
def test_the_first_answer_that_is_no_category_is_named(
    monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    monkeypatch.setattr(scorer_module, "_PIECE", 77)
    responses = np.asarray(datasets.load("lsat7").responses, dtype=np.int16)
    responses[500, 3], responses[999, 0] = 4, -1
    with pytest.raises(mixirt.DataError, match=r"row 500\b.*item4|item4.*row 500\b"):
        lsat7().scorer().score(LAYOUTS[layout](responses))


@pytest.mark.parametrize("n_items", [240, 3000])
@pytest.mark.parametrize("method", ["eap", "map"])
def test_long_tests_do_not_underflow(n_items: int, method: str) -> None:
    """The likelihood at every node, in logs, by hand."""
    intercepts = np.linspace(-2, 2, n_items)
    model = mixirt.Model("2pl", items=n_items).fix("slope", 1.0).fix("intercept", intercepts)
    answers = np.zeros((2, n_items), dtype=int)
    answers[0, ::2] = answers[1, 1::2] = 1
    result = mixirt.fit(answers, model, max_cycles=0)
    found = result.scorer(method).score(answers)
    theta = np.linspace(-8, 8, 20_001)[:, None, None]
    signs = 2 * answers - 1
    log_p = -np.logaddexp(0, -signs * (intercepts + theta)).sum(axis=2)
    log_prior = -0.5 * theta[:, :, 0] ** 2
    weights = np.exp(log_prior - np.logaddexp.reduce(log_prior, axis=0))
    marginal = np.logaddexp.reduce(log_p + np.log(weights), axis=0)
    # The fit's grid is coarser than this one where a long test makes the posterior narrow.
    np.testing.assert_allclose(found.log_probability, marginal, rtol=2e-3)
    np.testing.assert_array_equal(found.theta, result.score(answers, method).theta)


def test_frames_long_responses_and_missing_codes() -> None:
    frame = datasets.load("lsat7").frame()
    result = mixirt.fit(frame, "2pl")
    scorer = result.scorer(missing=9)
    some = frame.head(40).copy()
    some.iloc[3, 1] = 9
    expected = result.score(some, missing=9)
    np.testing.assert_array_equal(scorer.score(some).theta, expected.theta)
    row = [9 if i == 1 else int(v) for i, v in enumerate(frame.iloc[3])]
    np.testing.assert_array_equal(scorer.score_one(row).theta, expected.theta[3])
    long = mixirt.long(
        {
            "person": ["Ann", "Ann", "Bea"],
            "item": ["item1", "item5", "item2"],
            "response": [1, 0, 1],
        }
    )
    np.testing.assert_array_equal(scorer.score(long).theta, result.score(long).theta)
    assert scorer.score(long).persons == {"person": ("Ann", "Bea")}


def test_ways_to_say_missing_are_the_same() -> None:
    scorer = lsat7().scorer()
    expected = scorer.score_one({"item1": 1, "item4": 0})
    for missing in (None, float("nan"), np.nan):
        one = scorer.score_one([1, missing, missing, 0, missing])
        assert one.log_probability == expected.log_probability
        np.testing.assert_array_equal(one.theta, expected.theta)
    as_array = scorer.score_one(np.array([1.0, np.nan, np.nan, 0.0, np.nan]))
    np.testing.assert_array_equal(as_array.theta, expected.theta)
    nobody = scorer.score_one({})
    assert nobody.log_probability == pytest.approx(0.0, abs=1e-14)
    np.testing.assert_allclose(nobody.se, 1.0, rtol=1e-6)  # the prior's


def test_ways_to_give_answers_are_the_same() -> None:
    scorer = lsat7().scorer()
    row = [1, 0, 1, 1, 0]
    expected = scorer.score(np.array([row]))
    same: list[Any] = [row, tuple(row), [float(a) for a in row], [a == 1 for a in row]]
    same += [np.array(row, dtype) for dtype in ("uint8", "bool", "int64", "float32", ">i2", "O")]
    same += [np.repeat(np.array(row, np.uint8), 2)[::2], list(np.array(row)), iter(row)]
    same += [dict(zip(scorer.items, row, strict=True))]
    for answers in same:
        found = scorer.score_one(answers)
        np.testing.assert_array_equal(found.theta, expected.theta[0])
        np.testing.assert_array_equal(found.se, expected.se[0])


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"item9": 1}, "unknown item 'item9'"),
        ({"item2": 7}, r"item 'item2': 7 is not among its categories"),
        ({"item2": [1]}, r"item 'item2'"),
        ([1, 0, 2, 0, 1], r"item 'item3': 2 is not among"),
        ([1, 0], "2 answers were given for 5 items"),
        ([1, 0, 255, 0, 1], r"item 'item3': 255 is not among"),
        ([1, 0, 254, 0, 1], r"item 'item3': 254 is not among"),
        ([1, 0, -1, 0, 1], r"item 'item3': -1 is not among"),
        (np.array([1, 0, 255, 0, 1], dtype=np.uint8), r"item 'item3': 255 is not among"),
        (np.ones((1, 5), dtype=np.uint8), "1 answers were given for 5 items"),
        (b"01101", r"item 'item1': 48 is not among"),
        (5, "score_one takes the answers of one respondent"),
    ],
)
def test_bad_answers_are_named(answers: Any, message: str) -> None:
    with pytest.raises(mixirt.DataError, match=message):
        lsat7().scorer().score_one(answers)


def test_groups_are_needed_where_there_are_some() -> None:
    scorer = small("two groups").scorer()
    row = [1, 0, 1, 0, 1, 1]
    with pytest.raises(mixirt.DataError, match="say which group"):
        scorer.score_one(row)
    with pytest.raises(mixirt.DataError, match="unknown group 'c'"):
        scorer.score_one(row, group="c")
    with pytest.raises(mixirt.DataError, match="the model has none"):
        lsat7().scorer().score_one([1, 0, 1, 0, 1], group="a")
    first, second = (scorer.score_one(row, group=g).theta[0] for g in "ab")
    assert second > first  # the second group's mean is higher


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(mixirt.SpecError, match="unknown scoring method 'best'"):
        lsat7().scorer("best")


@pytest.mark.parametrize("name", ["gpcm, missing, weights", "two groups", "bifactor"])
def test_a_pickled_scorer_is_the_same(name: str) -> None:
    result = small(name)
    rows, groups = answers_of(result)
    scorer = result.scorer()
    copy = pickle.loads(pickle.dumps(scorer))
    np.testing.assert_array_equal(
        copy.score(rows, groups=groups).theta, scorer.score(rows, groups=groups).theta
    )


def test_threads_share_a_scorer_while_another_fits() -> None:
    result = lsat7()
    scorer = result.scorer()
    rows = datasets.load("lsat7").responses.tolist()
    expected = [scorer.score_one(row).theta[0] for row in rows]
    stop = threading.Event()

    def refit() -> None:
        while not stop.is_set():
            lsat7()

    fitting = threading.Thread(target=refit)
    fitting.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda row: scorer.score_one(row).theta[0], rows * 3))
    finally:
        stop.set()
        fitting.join()
    assert found == expected * 3


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_scores() -> None:
    scorer = lsat7().scorer()
    # So many that they are read in threads too.
    rows = np.tile(datasets.load("lsat7").responses, (10, 1))
    expected = scorer.score(rows).theta  # the parent's threads are running now
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)

    def child() -> None:
        send.send((scorer.score(rows).theta, scorer.score_one(rows[0]).theta))

    process = context.Process(target=child)
    process.start()
    assert receive.poll(60), "the child does not answer"
    many, one = receive.recv()
    process.join()
    np.testing.assert_array_equal(many, expected)
    np.testing.assert_array_equal(one, expected[0])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_batch_takes_little_more_memory_than_its_scores() -> None:
    """A million respondents: 32 MB of scores, and codes of some hundred at a time."""
    code = """
        import re, numpy as np, mixirt
        def megabytes(name):
            status = open("/proc/self/status").read()
            return int(re.search(name + r":\\s+(\\d+) kB", status)[1]) / 1000
        answers = np.random.default_rng(0).integers(0, 2, (1_000_000, 40), dtype=np.uint8)
        answers = answers.astype(np.float32)
        scorer = mixirt.fit(answers[:500], "rasch", max_cycles=2).scorer()
        scorer.score(answers[:200_000])  # the threads' memory is there from now on
        open("/proc/self/clear_refs", "w").write("5")
        before = megabytes("VmRSS")
        scores = scorer.score(answers)
        print(megabytes("VmHWM") - before)
    """
    program = f"import warnings; warnings.simplefilter('ignore')\n{textwrap.dedent(code)}"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    # Beside the scores there is what the allocator keeps of earlier ones. All codes at once would
    # be 40 MB more.
    assert 30 < float(run.stdout) < 32 + 20


def test_scoring_loads_no_library_for_frames(tmp_path: Any) -> None:
    path = tmp_path / "m.json"
    lsat7().save(path)
    code = (
        f"import mixirt, sys; s = mixirt.load({str(path)!r}).scorer(); "
        "s.score_one([1, 0, 1, 0, 1]); s.score([[1, 0, 1, 0, 1]]); "
        "print(sorted({'pandas', 'scipy', 'polars', 'matplotlib', 'narwhals'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
