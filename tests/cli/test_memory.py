"""Tables are scored part by part: what is held in memory does not grow with the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mixirt
from tests.libraries import polars as pl

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no measure of a child's memory")

ROWS = (10_000, 100_000)

PART = 5_000

MOST = 12
"""Megabytes by which two runs may differ: what libraries keep of memory that they have freed, and
a Parquet file that is piped in, which is held as it is (0.3 MB). The rows of the longer table take
twice as much at the least when they are read at once."""

#: Runs a command and tells the most memory, in MB, that it held at any time. A process takes over
#: the peak of the one that started it, so this one stands between and is small.
MEASURE = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "mixirt", *sys.argv[1:]], check=True, stdout=sys.stderr)
unit = 2**20 if sys.platform == "darwin" else 2**10
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit)
"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a directory with a fit and tables of answers to its items, as CSV and as Parquet."""
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    fit = mixirt.fit(rng.integers(0, 2, (200, 20)), "2pl", max_cycles=0)
    fit.save(folder / "m.json")
    for n in ROWS:
        drawn = pl.DataFrame(rng.integers(0, 2, (n, 20)), fit.model.design.items, orient="row")
        drawn.write_csv(folder / f"{n}.csv")
        drawn.write_parquet(folder / f"{n}.parquet")
    return folder


def peak(folder: Path, table: str, rows_at_a_time: int, *, piped: bool) -> float:
    """Score a table; give the most memory (MB) that the command held."""
    command = ["score", "m.json", "-" if piped else table, "--chunk-rows", str(rows_at_a_time)]
    with (folder / table).open("rb") as file:
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, *command, "--out", "s.csv"],
            cwd=folder, check=True, stdin=file if piped else None, stdout=subprocess.PIPE,
        )  # fmt: skip
    return float(done.stdout)


@pytest.mark.parametrize("piped", [False, True], ids=["by name", "standard input"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_ten_times_the_rows_take_no_more_memory(tables, kind, piped):
    short, long = (peak(tables, f"{n}.{kind}", PART, piped=piped) for n in ROWS)
    assert long - short < MOST
    rows = (tables / "s.csv").read_text().count("\n") - 1
    assert rows == ROWS[1]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_measure_notices_a_table_that_is_read_at_once(tables, kind):
    parts, whole = (peak(tables, f"{ROWS[1]}.{kind}", n, piped=False) for n in (PART, ROWS[1]))
    assert whole - parts > 2 * MOST
