"""The same work in one process or several, with the results in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import starmap
from multiprocessing import get_context
from typing import Any, TypeVar

T = TypeVar("T")


def spread_over(
    n_processes: int, work: Callable[..., T], tasks: Iterable[tuple[Any, ...]]
) -> Iterator[T]:
    """Call `work` with the arguments of each task; results come in the order of the tasks."""
    if n_processes == 1:
        return starmap(work, tasks)
    return _pool(n_processes).map(work, *zip(*tasks, strict=True))


@cache
def _pool(n_processes: int) -> ProcessPoolExecutor:
    # Forked processes would inherit locks of threads that they do not have.
    return ProcessPoolExecutor(n_processes, mp_context=get_context("spawn"))
