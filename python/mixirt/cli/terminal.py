"""Progress for people who watch; nothing where the output goes into a file or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["cycle_reporter", "row_reporter", "show_progress"]

_CLEAR = "\r\x1b[K"


def show_progress(quiet: bool) -> bool:
    """Whether somebody watches and has not asked for quiet."""
    return not quiet and sys.stderr.isatty()


@contextmanager
def cycle_reporter(shown: bool) -> Iterator[Callable[[float, float, bool], None] | bool]:
    """Show the cycles of a fit on one line, which is cleared at the end."""
    if not shown:
        yield False
        return
    n_cycles = 0

    def report(loglik: float, change: float, rejected: bool) -> None:
        nonlocal n_cycles
        n_cycles += 1
        state = "step given up" if rejected else f"change {change:.1e}"
        sys.stderr.write(f"{_CLEAR}cycle {n_cycles}  log-likelihood {loglik:.4f}  {state}")
        sys.stderr.flush()

    try:
        yield report
    finally:
        sys.stderr.write(_CLEAR)


@contextmanager
def row_reporter(shown: bool) -> Iterator[Callable[[int], None]]:
    """Show the number of rows done on one line, which is cleared at the end."""

    def report(n_rows: int) -> None:
        if shown:
            sys.stderr.write(f"{_CLEAR}{n_rows:,} rows")
            sys.stderr.flush()

    try:
        yield report
    finally:
        if shown:
            sys.stderr.write(_CLEAR)
