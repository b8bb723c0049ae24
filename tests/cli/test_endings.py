"""A file holds what the ending of its name promises, or is refused before there is any work."""

from __future__ import annotations

import csv

import pytest

import mixirt
from tests.cli.conftest import read_csv
from tests.libraries import polars as pl


@pytest.mark.parametrize(
    "arguments",
    [
        ["fit", "t.csv", "--out", "m.xlsx"],
        ["fit", "t.csv", "--out", "m"],
        ["lca", "t.csv", "--classes", "2", "--out", "m.csv"],
        ["fit", "t.xlsx"],
        ["fit", "t.csv.gz"],
        ["fit", "t.csv", "--q-matrix", "q.ods"],
        ["score", "m.json", "t.sav"],
        ["score", "m.json", "t.csv", "--out", "s.xlsx"],
        ["simulate", "m.json", "--out", "d.json"],
    ],
)
def test_another_format_is_refused_unread(run, tmp_path, arguments):
    """None of these files is there: their names are refused before anything is opened."""
    done = run(*arguments)
    assert done.returncode == 2
    refused = next(name for name in reversed(arguments) if not name.startswith("-"))
    assert "must end in one of ." in done.stderr
    assert f"found {refused!r}: " in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_where_a_fit_cannot_be_saved_it_is_not_made(run, lsat7):
    done = run("fit", lsat7, "--id", "person", "--out", "nowhere/m.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nowhere/m.json cannot be written: No such file or directory" in done.stderr


@pytest.mark.parametrize("name", ["s.csv", "s.tsv", "s.txt", "s.parquet", "s.PQ", "s"])
def test_what_is_written_can_be_read(run, lsat7, saved, tmp_path, name):
    assert run("score", saved, lsat7, "--out", name).returncode == 0
    path = tmp_path / name
    if name.lower().endswith(("parquet", "pq")):
        theta = pl.read_parquet(path)["theta"].to_list()
    else:
        between = "\t" if name.endswith(".tsv") else ","
        rows = csv.DictReader(path.read_text().splitlines(), delimiter=between)
        theta = [float(row["theta"]) for row in rows]
    here = mixirt.load(saved).score(mixirt.datasets.load("lsat7").responses)
    assert theta == here.theta[:, 0].tolist()


def test_tabs_are_read_where_they_are_written(run, saved):
    assert run("simulate", saved, "-n", "9", "--seed", "1", "--out", "d.tsv").returncode == 0
    assert len(read_csv(run("score", saved, "d.tsv").stdout)) == 9
