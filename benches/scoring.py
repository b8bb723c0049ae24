"""Latency and throughput of a scorer, and a stress test: `python -m benches.scoring`.

Prints the best of several runs for one respondent and the median for a million, then scores a
million single respondents from eight threads while another thread fits, and compares every score
with that of the batch.
"""

from __future__ import annotations

import argparse
import statistics
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
N_THREADS = 8


def drawn(n: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
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


def stress(scorer: mixirt.Scorer, answers: np.ndarray[Any, Any]) -> tuple[float, bool]:
    """Seconds for all respondents one by one, and whether all scores are those of the batch."""
    expected = scorer.score(answers).theta[:, 0]
    found = np.empty(len(answers))
    stop = threading.Event()

    def refit() -> None:
        while not stop.is_set():
            mixirt.fit(answers[:2000], "2pl")

    def some(part: range) -> None:
        for n in part:
            found[n] = scorer.score_one(answers[n]).theta[0]

    fitting = threading.Thread(target=refit)
    fitting.start()
    start = time.perf_counter()
    with ThreadPoolExecutor(N_THREADS) as pool:
        parts = [range(k, len(answers), N_THREADS) for k in range(N_THREADS)]
        list(pool.map(some, parts))
    elapsed = time.perf_counter() - start
    stop.set()
    fitting.join()
    return elapsed, bool((found == expected).all())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--respondents", type=int, default=1_000_000)
    n = parser.parse_args().respondents
    answers = drawn(n)
    scorer = mixirt.fit(answers[:20_000], "2pl").scorer()
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
    elapsed, same = stress(scorer, answers)
    print(
        f"{n:,} single respondents from {N_THREADS} threads beside a fit: {elapsed:.1f} seconds, "
        f"{'all' if same else 'NOT all'} scores equal to the batch's"
    )


if __name__ == "__main__":
    main()
