"""Progress of long calls, for whoever watches."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, NamedTuple

from mixirt import _words
from mixirt.errors import SpecError

__all__ = ["CycleReport", "FitReports", "Progress", "fit_reports", "is_watched"]

#: What the engine calls after every cycle: log-likelihood, largest change, whether it was given up.
CycleReport = Callable[[float, float, bool], Any]
#: What it calls as other starts go on: whether in short runs, their cycles, how many ended, of how
#: many.
RunsReport = Callable[[bool, int, int, int], Any]
#: Unasked, progress is shown from this many seconds on; shorter calls need none.
_DELAY = 2.0
#: Seconds between two states shown on a screen, and in a log.
_ON_SCREEN, _IN_LOG = 0.1, 10.0
_clock = time.monotonic
#: Who writes a line; one for all, also where two threads load the bar at once.
_WRITING = threading.RLock()


def _stream() -> Any:
    """Return where progress is written."""
    return sys.stderr


def is_watched() -> bool:
    """Whether standard error is a terminal or the output of a notebook."""
    try:
        return bool(_stream().isatty()) or _in_notebook()
    except (AttributeError, ValueError):
        # There is no standard error, or it is closed.
        return False


def _in_notebook() -> bool:
    library = sys.modules.get("IPython")
    return library is not None and type(library.get_ipython()).__name__ == "ZMQInteractiveShell"


class Progress:
    """One line about a long call, rewritten as it goes on and wiped at the end.

    Parameters
    ----------
    wanted : bool or None
        None: from two seconds on, and only where somebody watches. True: at once; where nobody
        watches, a line every ten seconds. False: never.
    total : int, optional
        How many there are to do; shows a bar and the time left.

    Notes
    -----
    Use it as a context, so that the line is wiped whatever happens; `is_wanted` says whether
    calling `say` is worth while. Calls from one thread at a time; contexts of several threads have
    a line each.
    """

    def __init__(self, wanted: bool | None, total: int | None = None) -> None:
        if wanted is not None and not isinstance(wanted, bool):
            raise SpecError(
                f"progress must be True, False or None, or a callable where one is heard; found "
                f"{_words.shown(wanted)}"
            )
        self._on_screen = is_watched()
        self.is_wanted = bool(wanted) or (wanted is None and self._on_screen)
        self._total = total
        self._bar: Any = None
        self._started = _clock()
        self._next = self._started + (0.0 if wanted else _DELAY)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):
                self._bar.close()

    def say(self, done: int, what: str, note: str = "") -> None:
        """Show the state, if it is time to.

        Parameters
        ----------
        done : int
            How many are done.
        what : str
            What is being done, for instance ``"cycle 12"``.
        note : str, optional
            More about it.
        """
        now = _clock()
        if not self.is_wanted or now < self._next:
            return
        self._next = now + (_ON_SCREEN if self._on_screen else _IN_LOG)
        try:
            if self._on_screen:
                self._show(done, what, note)
            else:
                of = "" if self._total is None else f" {done} of {self._total}"
                _stream().write(f"mixirt: {what}{of}{', ' * bool(note)}{note}\n")
                _stream().flush()
        except (ImportError, OSError, ValueError):
            # What is computed matters more than its being watched.
            self.is_wanted = False

    def counter(self, what: str) -> Callable[[int], None] | None:
        """Give what the engine is to call with how many more are done; None if nobody watches."""
        if not self.is_wanted:
            return None
        done = 0

        def add(more: int) -> None:
            nonlocal done
            done += more
            self.say(done, what)

        return add

    def _show(self, done: int, what: str, note: str) -> None:
        columns, rows = _size()
        if self._bar is None:
            self._bar = _bar_class()(
                total=self._total,
                bar_format=None if self._total is not None else "{desc} [{elapsed}{postfix}]",
                desc=what,
                file=_stream(),
                leave=False,
                nrows=rows,
                delay=1e-9,  # nothing is shown before the first state is complete
            )
            # The time shown is that of the call, not of the line.
            self._bar.start_t -= _clock() - self._started
        self._bar.n, self._bar.ncols = done, columns
        self._bar.set_description_str(what, refresh=False)
        self._bar.set_postfix_str(note, refresh=False)
        # The bar's own refresh would keep the lock if writing failed, and stop all other threads.
        with self._bar.get_lock():
            self._bar.display()
        self._bar.delay = 0


def _size() -> tuple[int, int]:
    """Return columns and rows of the terminal; some do not tell."""
    try:
        columns, rows = os.get_terminal_size(_stream().fileno())
    except (AttributeError, OSError, ValueError):
        columns, rows = 0, 0
    return (columns or 80) - 1, rows or 24


@functools.cache
def _bar_class() -> Any:
    """Load tqdm's bar: for a notebook that can show it, else for a terminal."""
    if _in_notebook() and importlib.util.find_spec("ipywidgets") is not None:
        from tqdm.notebook import tqdm
    else:
        from tqdm.std import tqdm
    # States are timed here, so the thread that would time them is not needed; nor is a lock that
    # other processes share.
    bar: Any = type("Bar", (tqdm,), {"monitor_interval": 0})
    bar.set_lock(_WRITING)
    return bar


class FitReports(NamedTuple):
    """What the engine calls during a fit; None where nobody wants to know.

    Attributes
    ----------
    progress : callable or None
        After every cycle of the start that leads.
    runs : callable or None
        As the other starts go on.
    """

    progress: CycleReport | None = None
    runs: RunsReport | None = None


@contextlib.contextmanager
def fit_reports(progress: bool | CycleReport | None, n_starts: int = 1) -> Iterator[FitReports]:
    """Give what the engine is to call during a fit.

    Parameters
    ----------
    progress : bool, callable or None
        As for :func:`mixirt.fit`; a callable hears of the cycles of the start that leads.
    n_starts : int, default 1
        Starts of the fit.
    """
    if callable(progress):
        yield FitReports(progress)
        return
    with Progress(progress) as shown:
        yield FitReports(*_fit_lines(shown, n_starts)) if shown.is_wanted else FitReports()


def _fit_lines(shown: Progress, n_starts: int) -> tuple[CycleReport, RunsReport]:
    """Write the line of a fit: of the short runs first, then of the start that leads."""
    done = 0
    note = ""
    others = f" (leading of {n_starts} starts)" if n_starts > 1 else ""

    def cycle(loglik: float, change: float, rejected: bool) -> None:
        nonlocal done, note
        done += 1
        state = "step given up" if rejected else f"change {change:.1e}"
        note = f"log-likelihood {loglik:.4f}, {state}"
        shown.say(done, f"cycle {done}{others}", note)

    def runs(short: bool, n_cycles: int, n_ended: int, n_runs: int) -> None:
        nonlocal others
        if short:
            shown.say(n_ended, f"short runs: {n_ended} of {n_starts} done", f"{n_cycles} cycles")
            return
        others = f" (leading of {n_starts} starts, {n_ended} of {n_runs} finished)"
        if done:
            shown.say(done, f"cycle {done}{others}", note)

    return cycle, runs
