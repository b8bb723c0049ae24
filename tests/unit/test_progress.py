"""Progress on a terminal, in a log, in a notebook; and none where nobody watches."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import mixirt
from mixirt import _progress, datasets
from mixirt._progress import Progress

FOUR_DECIMALS = 5e-5
"""Half a unit in the last place that is shown."""

TWO_DIGITS = 0.06
"""The same of two significant digits, relative to the smallest first one."""


class Terminal(io.StringIO):
    """Remembers everything that was written to it."""

    def isatty(self) -> bool:
        return True

    def states(self) -> list[str]:
        """Return what could be seen on the line, one state after the other."""
        return [state.rstrip() for state in self.getvalue().split("\r") if state.strip()]


class Clock:
    """Time passes only when it is told to, or by a little at every look."""

    def __init__(self, per_look: float = 0.0) -> None:
        self.now, self.per_look = 100.0, per_look

    def __call__(self) -> float:
        self.now += self.per_look
        return self.now


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    fake = Terminal()
    monkeypatch.setattr(_progress, "_stream", lambda: fake)
    return fake


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    fake = io.StringIO()
    monkeypatch.setattr(_progress, "_stream", lambda: fake)
    return fake


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(_progress, "_clock", fake)
    return fake


def lsat(**options: Any) -> mixirt.Result:
    return mixirt.fit(datasets.load("lsat7").responses, "2pl", **options)


# --- when it is shown -----------------------------------------------------------------------------


def test_unasked_it_is_shown_on_a_terminal_after_two_seconds(
    terminal: Terminal, clock: Clock
) -> None:
    with Progress(None) as progress:
        assert progress.is_wanted
        progress.say(1, "cycle 1")
        clock.now += 1.9
        progress.say(2, "cycle 2")
        assert terminal.getvalue() == ""
        clock.now += 0.2
        progress.say(3, "cycle 3", "change 1e-3")
        assert terminal.states() == ["cycle 3 [00:02, change 1e-3]"]


def test_states_follow_each_other_at_intervals(terminal: Terminal, clock: Clock) -> None:
    with Progress(True) as progress:
        for k in range(1, 31):
            progress.say(k, f"cycle {k}")
            clock.now += 0.04
    shown = [int(found[1]) for found in map(re.compile(r"cycle (\d+)").match, terminal.states())]
    assert shown == list(range(1, 31, 3))


@pytest.mark.usefixtures("clock")
def test_the_line_is_wiped_at_the_end(terminal: Terminal) -> None:
    with Progress(True) as progress:
        progress.say(1, "cycle 1", "log-likelihood -1.0")
    assert re.search(r"\r {20,}\r$", terminal.getvalue())


def call_with_progress(then: Callable[[], None]) -> None:
    with Progress(True) as progress:
        progress.say(1, "cycle 1")
        then()


@pytest.mark.usefixtures("clock")
def test_the_line_is_wiped_when_interrupted(terminal: Terminal) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call_with_progress(stop)
    assert re.search(r"\r +\r$", terminal.getvalue())


@pytest.mark.parametrize("wanted", [None, False])
def test_nothing_is_written_to_a_pipe(wanted: bool | None, pipe: io.StringIO) -> None:
    with Progress(wanted) as progress:
        assert not progress.is_wanted
        progress.say(1, "cycle 1")
    assert pipe.getvalue() == ""


def test_who_asks_gets_lines_in_a_log(pipe: io.StringIO, clock: Clock) -> None:
    with Progress(True, total=50) as progress:
        for k in range(1, 26):
            progress.say(k, "bootstrap", "1 failed")
            clock.now += 1.0
    expected = [f"mixirt: bootstrap {k} of 50, 1 failed" for k in (1, 11, 21)]
    assert pipe.getvalue().splitlines() == expected
    assert "\r" not in pipe.getvalue()


def test_who_declines_sees_nothing(terminal: Terminal) -> None:
    assert lsat(progress=False).converged
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("stream", [None, "closed"])
def test_without_standard_error_there_is_no_progress(
    stream: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = None if stream is None else io.StringIO()
    if fake is not None:
        fake.close()
    monkeypatch.setattr(_progress, "_stream", lambda: fake)
    assert not _progress.is_watched()
    assert lsat().converged


def test_a_terminal_that_goes_away_does_not_stop_a_fit(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(terminal, "write", broken)
    assert lsat(progress=True).converged
    # Nor does it hold up those of other threads.
    other: list[bool] = []
    thread = threading.Thread(target=lambda: other.append(lsat(progress=True).converged))
    thread.start()
    thread.join(timeout=30)
    assert other == [True]


@pytest.mark.usefixtures("pipe")
def test_a_notebook_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = type("ZMQInteractiveShell", (), {})()
    library = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", library)
    assert _progress.is_watched()
    monkeypatch.setattr(library, "get_ipython", lambda: None)
    assert not _progress.is_watched()


def test_a_short_fit_does_not_load_the_library() -> None:
    """Nor does any fit that nobody watches."""
    code = """
        import io, sys
        class Terminal(io.StringIO):
            def isatty(self): return True
        sys.stderr = Terminal()
        import mixirt
        mixirt.fit([[0, 1], [1, 0], [1, 1], [0, 0]] * 9, "rasch")
        print("tqdm" in sys.modules)
        mixirt.fit([[0, 1], [1, 0], [1, 1], [0, 0]] * 9, "rasch", progress=True)
        print("tqdm" in sys.modules, "multiprocessing.synchronize" in sys.modules)
    """
    import textwrap

    command = [sys.executable, "-c", textwrap.dedent(code)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True", "False"]


# --- what is shown --------------------------------------------------------------------------------


def test_a_fit_shows_cycle_log_likelihood_and_change(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_progress, "_clock", Clock(per_look=0.2))
    result = lsat(progress=True)
    history = result.history
    shown = terminal.states()
    assert len(shown) == result.n_cycles
    pattern = re.compile(r"cycle (\d+) \[\d\d:\d\d, log-likelihood (-?[\d.]+), change ([\d.e-]+)\]")
    for k, state in enumerate(shown):
        found = pattern.fullmatch(state)
        if history["rejected"][k]:
            assert f"cycle {k + 1} " in state
            assert "step given up" in state
            continue
        assert found is not None, state
        assert int(found[1]) == k + 1
        assert float(found[2]) == pytest.approx(history["loglik"][k], abs=FOUR_DECIMALS)
        assert float(found[3]) == pytest.approx(history["largest_change"][k], rel=TWO_DIGITS)


def test_a_fit_from_several_starts_says_so(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_progress, "_clock", Clock(per_look=0.2))
    mobility = datasets.load("mobility").responses
    result = mixirt.fit_latent_class(mobility, 3, n_starts=6, seed=1, progress=True)
    shown = terminal.states()
    n_short = sum(state.startswith("short runs: ") for state in shown)
    assert re.fullmatch(r"short runs: 0 of 6 done \[\d\d:\d\d, 1 cycles\]", shown[0])
    assert shown[n_short - 1].startswith("short runs: 6 of 6 done [")
    assert shown[n_short].startswith("cycle 1 (leading of 6 starts")
    # A state for every cycle of the short runs, for the end of each, and for what comes after.
    assert n_short == 6 * 15 + 6
    cycles = [re.match(r"cycle (\d+) \(leading of 6 starts", s) for s in shown[n_short:]]
    assert all(cycles)
    assert "(leading of 6 starts, 3 of 3 finished)" in shown[-1]
    assert result.n_starts == 6


def test_a_function_hears_of_the_cycles_of_the_leading_start() -> None:
    mobility = datasets.load("mobility").responses
    seen: list[float] = []
    result = mixirt.fit_latent_class(
        mobility, 3, n_starts=6, seed=1, progress=lambda *cycle: seen.append(cycle[0])
    )
    # They have 15 cycles behind them when one is found to lead.
    assert 0 < len(seen) < max(result._found["starts"]["n_cycles"])
    assert seen[-1] == pytest.approx(result.loglik, abs=1e-2)


@pytest.mark.parametrize("way", ["fit", "scorer", "frame", "long"])
def test_scoring_shows_how_many_are_done(
    way: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fit counts distinct patterns, of which each is scored once; a scorer respondents."""
    lsat7 = datasets.load("lsat7").responses
    result, scorer = lsat(), lsat().scorer("ml")
    long = {"person": [0, 0, 1], "item": ["item1", "item2", "item1"], "response": [1, 0, 1]}
    monkeypatch.setattr(_progress, "_clock", Clock(per_look=0.2))
    if way == "fit":
        scores = result.score(lsat7, "ml", progress=True)
        assert "patterns scored: 100%" in terminal.states()[-1]
        assert " 32/32 " in terminal.states()[-1]
    elif way == "scorer":
        scores = scorer.score(lsat7, progress=True)
        assert [re.findall(r"(\d+)/1000", s)[0] for s in terminal.states()][-1] == "1000"
        assert len(terminal.states()) == 2  # pieces of 512
    elif way == "frame":
        scores = scorer.score(datasets.load("lsat7").frame(), progress=True)
        assert " 1000/1000 " in terminal.states()[-1]
    else:
        scores = scorer.score(mixirt.long(long), progress=True)
        assert " 2/2 " in terminal.states()[-1]
    assert len(scores.theta) == (2 if way == "long" else 1000)


@pytest.mark.parametrize("wanted", [None, False])
def test_scoring_that_nobody_watches_has_no_listener(
    wanted: bool | None, pipe: io.StringIO
) -> None:
    assert Progress(wanted).counter("respondents scored") is None
    lsat().score(progress=wanted)
    assert pipe.getvalue() == ""


def test_a_bootstrap_shows_how_many_are_done(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = lsat()
    monkeypatch.setattr(_progress, "_clock", Clock(per_look=0.2))
    result.bootstrap(5, seed=1, progress=True)
    shown = terminal.states()
    assert [re.findall(r"(\d+)/5", state)[0] for state in shown] == ["1", "2", "3", "4", "5"]
    assert shown[0].startswith("bootstrap:  20%|")


@pytest.mark.usefixtures("terminal")
def test_progress_changes_no_result() -> None:
    shown, hidden = lsat(progress=True), lsat(progress=False)
    np.testing.assert_array_equal(shown._found["x"], hidden._found["x"])
    first, second = (shown.bootstrap(3, seed=2, progress=p).draws for p in (True, lambda *_: None))
    np.testing.assert_array_equal(first, second)


def test_threads_have_a_line_each(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "_clock", Clock(per_look=0.2))
    both, results = threading.Barrier(2), {}

    def work(name: str) -> None:
        with Progress(True) as progress:
            both.wait(timeout=10)
            for k in range(3):
                progress.say(k, f"{name} {k}")
                both.wait(timeout=10)
            both.wait(timeout=10)
        results[name] = True

    threads = [threading.Thread(target=work, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.daemon = True
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert results == {"first": True, "second": True}
    shown = terminal.getvalue()
    # The second line stands below the first: the cursor goes down for it and up again.
    assert "\n\r" in shown
    assert "\x1b[A" in shown
    assert all(f"{name} {k}" in shown for name in ("first", "second") for k in range(3))


@pytest.mark.usefixtures("terminal")
def test_fits_in_threads_show_progress() -> None:
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda: results.append(lsat(progress=True).loglik))
        for _ in range(4)
    ]
    for thread in threads:
        thread.daemon = True
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(set(results)) == 1
    assert len(results) == 4
