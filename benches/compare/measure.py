"""What a piece of work takes: seconds, and memory at the peak."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")

#: Calls that take microseconds are repeated for this long, and their median is taken.
SECONDS_OF_CALLS = 0.5


def resident() -> int:
    """Bytes of the process in memory."""
    return _bytes_of("VmRSS")


def forget_peak() -> None:
    """Let the peak be counted from here."""
    gc.collect()
    if _CLEAR.exists():
        _CLEAR.write_text("5")


def peak() -> int:
    """Bytes of the process in memory at the most, since `forget_peak`."""
    return _bytes_of("VmHWM")


def _bytes_of(field: str) -> int:
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    import resource
    import sys

    # Without /proc the peak since the start has to do for both.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def seconds_of(work: Callable[[], Any]) -> tuple[float, Any]:
    """Time one piece of work; returns its result too."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def seconds_of_call(work: Callable[[], Any]) -> float:
    """Median time of a call that is made again and again."""
    times: list[float] = []
    end = time.perf_counter() + SECONDS_OF_CALLS
    while time.perf_counter() < end or len(times) < 5:
        times.append(seconds_of(work)[0])
    return statistics.median(times)
