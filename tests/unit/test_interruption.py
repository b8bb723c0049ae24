"""Ctrl-C stops calls that take long, and so does an error of whoever listens to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import mixirt
from mixirt import datasets

HANGS = 60
"""Seconds after which a call that was to stop never will."""

SETTING = """
    import numpy as np, mixirt
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2, (60_000, 40), dtype=np.uint8)
    model = mixirt.Model("2pl", items=40, n_quadrature=4000).fix("intercept", 0.0)
    model = model.fix("slope", 1.0)
    fit = mixirt.fit(rows[:100], model, max_cycles=0, n_threads=1)
    scorer = fit.scorer("mode")
"""

#: What a call needs besides.
BEFORE = {
    "bootstrap": """
    import warnings
    warnings.simplefilter("ignore")
    fit = mixirt.fit(rows[:20_000], "2pl", n_quadrature=200, acceleration="none", max_cycles=2)
    """,
    "contributions": """
    fit = mixirt.fit(rows, "2pl", n_quadrature=4000, max_cycles=0, n_threads=1)
    """,
}

#: Each would take minutes, fits and bootstraps hours. Fits of a bootstrap wait for their turn on
#: threads that no signal reaches.
CALLS = {
    "fit": """mixirt.fit(
        rows, "2pl", n_quadrature=2000, acceleration="none", max_cycles=10**6, tol_parameter=1e-300
    )""",
    "bootstrap": 'fit.bootstrap(100_000, "nonparametric", seed=1)',
    "contributions": "fit.contributions()",
    "score": 'fit.score(rows, "mode", n_threads=1)',
    "scorer": "scorer.score(rows, n_threads=1)",
    "scorer in pieces": "scorer.score(np.tile(rows, (3, 1)), n_threads=1)",
    "plausible values": "fit.plausible_values(rows, 1000, n_threads=1)",
    "simulate": "[fit.simulate(100_000) for _ in range(1000)]",
}


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process")
@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_stops(call: str) -> None:
    """And passes through, long before the work is done."""
    before = textwrap.dedent(SETTING) + textwrap.dedent(BEFORE.get(call, ""))
    program = f'{before}\nprint("ready", flush=True)\n{CALLS[call]}\n'
    run = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    try:
        assert run.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(timeout=1.0)
        os.kill(run.pid, signal.SIGINT)
        _, errors = run.communicate(timeout=HANGS)
    finally:
        run.kill()
    assert errors.rstrip().endswith("KeyboardInterrupt")


class StopError(Exception):
    """What a listener raises."""


def test_an_error_of_a_listener_stops_the_scoring() -> None:
    """And passes through; the engine goes no further than the pieces it has begun."""
    result = mixirt.fit(datasets.load("lsat7").responses, "2pl")
    codes = np.zeros((200_000, 5), dtype=np.uint8)
    heard: list[int] = []

    def stop(n: int) -> None:
        heard.append(n)
        raise StopError

    with pytest.raises(StopError):
        result.scorer("mode")._compiled.score(codes, n_threads=1, progress=stop)
    assert heard == [512]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_the_environment_says_how_many_threads_there_are() -> None:
    script = """
        import time
        from pathlib import Path
        import mixirt
        mixirt.fit(mixirt.datasets.load("lsat7").responses, "rasch")
        # A thread takes its name when it first runs, which may be after a fit as short as this.
        time.sleep(1.0)
        names = [task.joinpath("comm").read_text() for task in Path("/proc/self/task").iterdir()]
        print(sum(name.startswith("mixirt-") for name in names))
    """
    environment = {**os.environ, "RAYON_NUM_THREADS": "3"}
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert run.stdout.split() == ["3"]
