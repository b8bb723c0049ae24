"""Latency and throughput of a scorer, and a stress test: `python -m benches.scoring`.

Prints the time of the import, the best of several runs for one respondent, the median for a
million, and respondents per second when 1, 2, 4 and 8 Python threads share a scorer, one respondent
a call, of models that take more and less time, and 1,000. Then eight threads score a million single
respondents while another thread fits, and every score is compared with that of the batch. Says on
the first line whether the interpreter has its lock: single respondents depend on it.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

import mixirt

N_ITEMS = 50
CALLS = 20_000
REPEATS = 5
N_THREADS = (1, 2, 4, 8)
BATCH = 1000

Answers = np.ndarray[Any, np.dtype[np.uint8]]


def drawn(n: int) -> Answers:
    """Answers of n respondents to binary items of slopes around 1."""
    generator = np.random.default_rng(1)
    slopes = np.exp(generator.normal(-0.02, 0.2, N_ITEMS))
    z = generator.normal(size=N_ITEMS) + slopes * generator.normal(size=(n, 1))
    return (generator.random(z.shape) < 1 / (1 + np.exp(-z))).astype(np.uint8)


def microseconds(call: Callable[[], object]) -> float:
    """Time of a call, the best of several runs."""
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        best = min(best, time.perf_counter() - start)
    return best / CALLS * 1e6


def seconds(call: Callable[[], object]) -> float:
    """Time of a call, the median of several."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def started(code: str) -> None:
    """Run a program in a fresh interpreter."""
    subprocess.run([sys.executable, "-c", code], check=True)


def in_threads(n_threads: int, n: int, work: Callable[[range], None]) -> float:
    """Seconds until threads that share n respondents evenly are done with them."""
    parts = [range(n * k // n_threads, n * (k + 1) // n_threads) for k in range(n_threads)]
    with ThreadPoolExecutor(n_threads) as pool:
        start = time.perf_counter()
        list(pool.map(work, parts))
        return time.perf_counter() - start


def singles(scorer: mixirt.Scorer, answers: Answers, found: Any) -> Callable[[range], None]:
    """Score the respondents of a range one by one."""

    def work(part: range) -> None:
        for n in part:
            found[n] = scorer.score_one(answers[n]).theta[0]

    return work


def larger_scorers() -> dict[str, mixirt.Scorer]:
    """Scorers of models whose respondents take longer, at their start values."""
    both = np.ones((N_ITEMS, 2), int)
    both[0, 1] = both[-1, 0] = 0
    areas = [f"area {i * 4 // N_ITEMS + 1}" for i in range(N_ITEMS)]
    models = {
        "21 x 21 nodes, EAP": mixirt.Model("2pl", items=N_ITEMS, q_matrix=both, n_quadrature=21),
        "bifactor 1 + 4, EAP": mixirt.bifactor(areas, n_quadrature=21),
    }
    few = drawn(1000)
    return {what: mixirt.fit(few, model, max_cycles=0).scorer() for what, model in models.items()}


def batches(scorer: mixirt.Scorer, answers: Answers) -> Callable[[range], None]:
    """Score the respondents of a range some at a time, each call on one thread of the engine."""

    def work(part: range) -> None:
        for start in range(part.start, part.stop, BATCH):
            rows = answers[start : min(start + BATCH, part.stop)]
            scorer.score(rows, n_threads=1, progress=False)

    return work


def show_threads(fit: mixirt.Result, answers: Answers) -> None:
    """Print respondents per second from 1, 2, 4 and 8 Python threads."""
    few, found = min(len(answers), 50_000), np.empty(len(answers))
    eap, mode = fit.scorer(), fit.scorer("mode")
    one = {"EAP": eap, "mode": mode, **larger_scorers()}
    kinds = {
        **{f"one a call, {what}": (few, singles(one[what], answers, found)) for what in one},
        f"{BATCH} a call, EAP": (len(answers), batches(eap, answers)),
        f"{BATCH} a call, mode": (few, batches(mode, answers)),
    }
    print(f"respondents per second, {N_ITEMS} items, from so many Python threads")
    print(f"  {'':32s}" + "".join(f"{n:12d}" for n in N_THREADS))
    for what, (n, work) in kinds.items():
        rates = [n / min(in_threads(k, n, work) for _ in range(3)) for k in N_THREADS]
        print(f"  {what:32s}" + "".join(f"{rate:12,.0f}" for rate in rates))


def stress(scorer: mixirt.Scorer, answers: Answers) -> tuple[float, bool]:
    """Seconds for all respondents one by one, and whether all scores are those of the batch."""
    expected = scorer.score(answers).theta[:, 0]
    found = np.empty(len(answers))
    stop = threading.Event()

    def refit() -> None:
        while not stop.is_set():
            mixirt.fit(answers[:2000], "2pl")

    fitting = threading.Thread(target=refit)
    fitting.start()
    elapsed = in_threads(N_THREADS[-1], len(answers), singles(scorer, answers, found))
    stop.set()
    fitting.join()
    return elapsed, bool((found == expected).all())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--respondents", type=int, default=1_000_000)
    n = parser.parse_args().respondents
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    print(f"Python {platform.python_version()}, {'with its lock' if has_lock else 'free-threaded'}")
    bare, loaded = (seconds(lambda c=c: started(c)) for c in ("pass", "import mixirt"))
    print(f"import mixirt: {1e3 * (loaded - bare):.0f} milliseconds")
    answers = drawn(n)
    fit = mixirt.fit(answers[:20_000], "2pl")
    scorer = fit.scorer()
    row = answers[0].tolist()
    named = dict(zip(scorer.items, row, strict=True))
    print(f"one respondent, {N_ITEMS} items, EAP with standard error")
    for what, one in (("list", row), ("array", answers[0]), ("by name", named)):
        print(
            f"  {what:8s} {microseconds(lambda one=one: scorer.score_one(one)):6.2f} microseconds"
        )
    print(f"{n:,} x {N_ITEMS}, EAP with standard errors")
    for name in ("uint8", "int64", "float64"):
        typed = answers.astype(name)
        print(f"  {name:8s} {seconds(lambda typed=typed: scorer.score(typed)):6.3f} seconds")
    show_threads(fit, answers)
    elapsed, same = stress(scorer, answers)
    print(
        f"{n:,} single respondents from {N_THREADS[-1]} threads beside a fit: {elapsed:.1f} "
        f"seconds, {'all' if same else 'NOT all'} scores equal to the batch's"
    )


if __name__ == "__main__":
    main()
