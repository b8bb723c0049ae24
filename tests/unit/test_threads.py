"""Threads of the caller's own: objects that they share, and interpreters without a lock."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

import mixirt
from mixirt import datasets
from mixirt.covariance import VCOV_METHODS
from tests.small_models import small

T = TypeVar("T")

N_THREADS = 8

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


@pytest.fixture(autouse=True)
def _eager_switches() -> Iterator[None]:
    """Let an interpreter that has a lock pass it on a thousand times as often."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(interval)


def at_once(work: Callable[[int], T]) -> list[T]:
    """Give what `work(k)` returns in each of some threads that start at the same moment."""
    start = threading.Barrier(N_THREADS)

    def run(k: int) -> T:
        start.wait()
        return work(k)

    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(run, range(N_THREADS)))


@pytest.mark.skipif(not FREE_THREADED, reason="this interpreter always has its lock")
def test_the_extension_leaves_the_lock_off() -> None:
    """An extension that needs the lock has it switched on, with a warning, when it is imported."""
    code = "import sys, mixirt; mixirt.fit; mixirt.load; print(sys._is_gil_enabled())"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.parametrize("method", ["eap", "mode"])
@pytest.mark.parametrize("name", ["gpcm, missing, weights", "bifactor"])
def test_threads_share_a_scorer(name: str, method: str) -> None:
    scorer = small(name).scorer(method)
    responses = small(name)._fitted.responses
    labels = [(*values, None) for values in responses.category_labels]
    rows = [
        [of_item[min(code, len(of_item) - 1)] for of_item, code in zip(labels, row, strict=True)]
        for row in responses.matrix()[:60].tolist()
    ]
    expected = scorer.score(rows).theta.tolist()

    def score(k: int) -> list[Any]:
        if k % 4 == 0:
            return scorer.score(rows, n_threads=1 + k // 4).theta.tolist()
        found: list[Any] = [None] * len(rows)
        for n in np.random.default_rng(k).permutation(len(rows)):
            named = dict(zip(scorer.items, rows[n], strict=True))
            found[n] = scorer.score_one(named if k % 2 else rows[n]).theta.tolist()
        return found

    assert at_once(score) == [expected] * N_THREADS


def test_each_thread_hears_of_its_own_mistake() -> None:
    scorer = mixirt.fit(datasets.load("lsat7").responses, "2pl").scorer()

    def mistakes(k: int) -> set[str]:
        item, found = scorer.items[k % 5], set()
        for _ in range(50):
            with pytest.raises(mixirt.DataError) as error:
                scorer.score_one({item: 10 + k})
            found.add(str(error.value).split(",")[0])
        return found

    expected = [
        {f"item 'item{k % 5 + 1}': {10 + k} is not among its categories 0"} for k in range(8)
    ]
    assert at_once(mistakes) == expected


KEPT: dict[str, Callable[[mixirt.Result], Any]] = {
    "vcov": lambda result: result.vcov().matrix.tolist(),
    "standard errors": lambda result: result.parameters()["se"].tolist(),
    "diagnostics": lambda result: str(result.diagnostics()),
    "entropy": lambda result: result.entropy,
    "fingerprint": lambda result: result.fingerprint,
    "summary": lambda result: result.summary(),
    "pickled": lambda result: pickle.loads(pickle.dumps(result)).loglik,
}
"""What a result computes when it is asked for the first time, and keeps."""


@pytest.mark.parametrize("what", KEPT)
def test_threads_ask_a_fresh_result_at_once(what: str) -> None:
    result = mixirt.fit_latent_class(datasets.load("gss87_antirel").responses, 2, seed=1)
    expected = KEPT[what](pickle.loads(pickle.dumps(result)))
    assert at_once(lambda _: KEPT[what](result)) == [expected] * N_THREADS


def test_threads_that_ask_at_once_get_the_same_matrix() -> None:
    result = mixirt.fit(datasets.load("lsat7").responses, "2pl")
    first, *others = at_once(lambda _: result.vcov())
    assert all(other is first for other in others)


def test_a_result_is_saved_and_pickled_while_others_ask_it(tmp_path: Path) -> None:
    responses = datasets.load("gss87_antirel").responses

    def work(k: int) -> None:
        match k % 4:
            case 0:
                for method in VCOV_METHODS:
                    result.vcov(method)
            case 1:
                _ = result.entropy, result.goodness_of_fit, result.summary()
            case 2:
                result.save(tmp_path / f"{k}.json")
                assert mixirt.load(tmp_path / f"{k}.json").loglik == result.loglik
            case 3:
                assert pickle.loads(pickle.dumps(result)).loglik == result.loglik

    for seed in range(10):
        result = mixirt.fit_latent_class(responses, 2, seed=seed, n_starts=2)
        at_once(work)


def test_threads_fit_one_model_to_the_same_responses() -> None:
    responses = datasets.load("science").responses - 1
    expected = mixirt.fit(responses, "grm").parameters()

    for _ in range(3):
        # A new model, so that its structure is made for the first time by all of them.
        model = mixirt.Model("grm", responses=responses)
        for found in at_once(lambda _: mixirt.fit(responses, model)):  # noqa: B023 -- ends before the next
            assert found.parameters().equals(expected)


def test_calls_of_one_thread_each_run_side_by_side() -> None:
    """A fit that ends only when another has ended: they must not wait for the same thread."""
    # Answers without a common cause: plain EM creeps along for minutes.
    noise = np.random.default_rng(0).integers(0, 2, (2000, 20))
    begun, other_ended = threading.Event(), threading.Event()
    deadline = time.monotonic() + 60.0
    late: list[bool] = []

    class StopError(Exception):
        pass

    def until_the_other_ends(*_: object) -> None:
        begun.set()
        if other_ended.is_set() or time.monotonic() > deadline:
            late.append(not other_ended.is_set())
            raise StopError

    def endless() -> None:
        with pytest.raises(StopError):
            mixirt.fit(
                noise, "2pl", acceleration="none", max_cycles=10**9, tol_parameter=1e-300,
                tol_deviance=1e-300, n_threads=1, progress=until_the_other_ends,
            )  # fmt: skip

    thread = threading.Thread(target=endless)
    thread.start()
    try:
        assert begun.wait(60)
        mixirt.fit(datasets.load("lsat7").responses, "2pl", n_threads=1)
    finally:
        other_ended.set()
        thread.join()
    assert late == [False]


def test_responses_that_change_meanwhile_are_read_once() -> None:
    """Each answer is copied before it is checked: what comes later is not looked at again."""
    fit = mixirt.fit(datasets.load("lsat7").responses, "2pl")
    scorer, codes = fit.scorer(), np.zeros((3000, 5), dtype=np.uint8)
    stop = threading.Event()

    def write() -> None:
        for value in itertools.cycle((0, 1, 7)):
            codes[...] = value
            if stop.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        outcomes = at_once(lambda _: [_outcome(scorer, codes) for _ in range(30)])
    finally:
        stop.set()
        writer.join()
    assert {kind for some in outcomes for kind in some} <= {"scored", "refused"}


def _outcome(scorer: mixirt.Scorer, codes: Any) -> str:
    try:
        theta = scorer.score(codes, n_threads=2).theta
    except mixirt.DataError:
        return "refused"
    return "scored" if np.isfinite(theta).all() else "nonsense"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_while_threads_work_can_score() -> None:
    """A fork waits for whoever looks for a pool of threads, so that a child finds it free."""
    fit = mixirt.fit(datasets.load("lsat7").responses, "2pl")
    rows = datasets.load("lsat7").responses[::50]
    expected = fit.score(rows).theta.tolist()
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            fit.scorer().score(rows, n_threads=1)

    def child() -> None:
        assert fit.scorer().score(rows, n_threads=2).theta.tolist() == expected

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            process = multiprocessing.get_context("fork").Process(target=child)
            process.start()
            process.join(60)
            assert process.exitcode == 0, "the child hangs or fails"
    finally:
        stop.set()
        for thread in threads:
            thread.join()
