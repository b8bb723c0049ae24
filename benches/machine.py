"""What a benchmark ran on, in words that name no machine."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def description() -> str:
    """Processor, cores, operating system and Python."""
    cores = os.cpu_count() or 1
    return (
        f"{_processor()}, {cores} {'core' if cores == 1 else 'cores'}, "
        f"{platform.system()}, Python {platform.python_version()}"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    model = fields.get("model name") or platform.processor() or platform.machine()
    flags = fields.get("flags", "").split()
    vectors = [name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags]
    model = model.replace("(R)", "").replace("(TM)", "")
    return f"{model} with {vectors[0]}" if vectors else model
