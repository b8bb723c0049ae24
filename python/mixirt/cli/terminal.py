"""Progress for people who watch; nothing where the output goes into a file or a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mixirt._progress import Progress, is_watched

__all__ = ["row_reporter", "show_progress"]


def show_progress(quiet: bool) -> bool:
    """Whether somebody watches and has not asked for quiet."""
    return not quiet and is_watched()


@contextmanager
def row_reporter(shown: bool) -> Iterator[Callable[[int], None]]:
    """Show the number of rows done on one line, which is wiped at the end."""
    with Progress(shown) as progress:
        yield lambda n_rows: progress.say(n_rows, f"{n_rows:,} rows")
