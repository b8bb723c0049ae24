"""Gain of a bootstrap by threads: `python -m benches.bootstrap`.

Bootstraps one fit with one fit at a time and with one for each processor, in turns, and prints the
seconds of each (best of several) and their ratio. The draws have to be the same bits. Worth running
on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from benches import machine

import mixirt

N, N_ITEMS = 2_000, 20
REPEATS = 3


def drawn() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Answers to binary items of slopes around 1."""
    generator = np.random.default_rng(1)
    slopes = np.exp(generator.normal(0, 0.2, N_ITEMS))
    z = generator.normal(size=N_ITEMS) + slopes * generator.normal(size=(N, 1))
    return (generator.random(z.shape) < 1 / (1 + np.exp(-z))).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=400, help="data sets (default 400)")
    n = parser.parse_args().samples
    answers = drawn()
    fits = {"one thread": 1, "all threads": None}
    results = {name: mixirt.fit(answers, "2pl", n_threads=k) for name, k in fits.items()}
    print(f"{machine.description()}; 2PL, {N:,} x {N_ITEMS}, {n} data sets, best of {REPEATS}")
    for method in ("parametric", "nonparametric"):
        best = dict.fromkeys(fits, float("inf"))
        draws = {}
        for _ in range(REPEATS):
            for name, result in results.items():
                start = time.perf_counter()
                draws[name] = result.bootstrap(n, method, seed=1).draws
                best[name] = min(best[name], time.perf_counter() - start)
        one, every = best.values()
        same = "the same bits" if np.array_equal(*draws.values()) else "DIFFERENT DRAWS"
        print(
            f"{method}: {one:.2f} s, on all threads {every:.2f} s: {one / every:.2f} times, {same}"
        )


if __name__ == "__main__":
    main()
