"""The command line as people run it: a process, files, and what comes out."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mixirt

Run = Callable[..., subprocess.CompletedProcess[str]]

#: A program that runs the command line where no library of frames can be imported.
WITHOUT_FRAMES = """
import sys
for name in ("pandas", "polars", "pyarrow"):
    sys.modules[name] = None
from mixirt.cli import main
sys.exit(main())
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command in a directory of its own."""

    def command(*arguments: object, frames: bool = True, **options: Any) -> Any:
        start = ["-m", "mixirt"] if frames else ["-c", WITHOUT_FRAMES]
        return subprocess.run(
            [sys.executable, *start, *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            **options,
        )

    return command


def write_csv(path: Path, name: str) -> Path:
    """Write a data set with a column of persons, missing answers as empty fields."""
    frame = mixirt.datasets.load(name).frame().astype("object")
    frame.insert(0, "person", [f"p{row}" for row in range(len(frame))])
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def lsat7(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "lsat7.csv", "lsat7")


@pytest.fixture
def timss(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "timss.csv", "timss_aus_twn")


@pytest.fixture
def science(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "science.csv", "science")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Save a fit to the LSAT, section 7."""
    data = mixirt.datasets.load("lsat7")
    mixirt.fit(data.frame(), "2pl").save(tmp_path / "m.json")
    return tmp_path / "m.json"


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))
