"""mixirt score, simulate, show and compare."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import mixirt
from tests.cli.conftest import read_csv
from tests.libraries import polars as pl


@pytest.mark.parametrize("method", ["eap", "map", "mode", "wle"])
def test_scores_are_those_of_python(run, lsat7, saved, tmp_path, method):
    done = run("score", saved, lsat7, "--id", "person", "--method", method, "--out", "s.csv")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    rows = read_csv((tmp_path / "s.csv").read_text())
    here = mixirt.load(saved).score(mixirt.datasets.load("lsat7").responses, method)
    assert list(rows[0]) == ["person", "theta", "theta_se"]
    assert [row["person"] for row in rows[:2]] == ["p0", "p1"]
    assert [float(row["theta"]) for row in rows] == here.theta[:, 0].tolist()
    assert [float(row["theta_se"]) for row in rows] == here.se[:, 0].tolist()


@pytest.mark.parametrize("source", ["csv", "parquet", "standard input", "piped parquet"])
@pytest.mark.parametrize("chunk_rows", [1000, 37])
def test_parts_give_the_same_as_the_whole(run, lsat7, saved, tmp_path, source, chunk_rows):
    whole = mixirt.load(saved).score(mixirt.datasets.load("lsat7").responses).theta[:, 0]
    pl.read_csv(lsat7).write_parquet(tmp_path / "t.parquet")
    table = {"csv": lsat7, "parquet": "t.parquet"}.get(source, "-")
    options = ["--chunk-rows", chunk_rows, "--id", "person", "--out", "s.parquet"]
    piped = lsat7 if source == "standard input" else tmp_path / "t.parquet"
    with piped.open("rb") as file:
        done = run("score", saved, table, *options, stdin=file)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    scores = pl.read_parquet(tmp_path / "s.parquet")
    assert scores["person"].to_list() == [f"p{row}" for row in range(1000)]
    np.testing.assert_array_equal(scores["theta"].to_numpy(), whole)


def test_groups_missing_codes_and_other_columns(run, tmp_path):
    data = mixirt.datasets.load("timss_aus_twn")
    frame = data.frame()
    items = list(data.item_names)
    drawn = np.random.default_rng(6).random((len(frame), len(items)))
    frame[items] = frame[items].where(drawn > 0.2)
    frame.fillna(99).astype(dict.fromkeys(items, int)).to_csv(tmp_path / "t.csv", index=False)
    fit = mixirt.fit(frame[items], "gpcm", groups=data.groups.astype(int))
    fit.save(tmp_path / "m.json")
    done = run("score", "m.json", "t.csv", "--groups", "country")
    assert "say --missing 99;" in done.stderr
    for missing in ("99", "99.0"):
        done = run("score", "m.json", "t.csv", "--groups", "country", "--missing", missing)
        assert done.returncode == 0, done.stderr
        theta = [float(row["theta"]) for row in read_csv(done.stdout)]
        assert theta == fit.score().theta[:, 0].tolist()


def test_a_code_of_missing_answers_may_be_the_name_of_a_person(run, saved, tmp_path):
    (tmp_path / "t.csv").write_text("who,item1,item2,item3,item4,item5\n9,1,9,0,1,1\n8,1,1,1,1,1\n")
    pl.read_csv(tmp_path / "t.csv").write_parquet(tmp_path / "t.parquet")
    for table in ("t.csv", "t.parquet"):
        done = run("score", saved, table, "--id", "who", "--missing", "9")
        assert done.returncode == 0, done.stderr
        assert [row["who"] for row in read_csv(done.stdout)] == ["9", "8"]


def test_text_and_truth_labels(run, tmp_path):
    rng = np.random.default_rng(2)
    rows = [
        [("1", "x")[a], (False, True)[b], (0.5, 7)[c]] for a, b, c in rng.integers(0, 2, (99, 3))
    ]
    categories = {"item1": ["1", "x"], "item2": [False, True], "item3": [0.5, 7]}
    fit = mixirt.fit(rows, "rasch", categories=categories)
    fit.save(tmp_path / "m.json")
    lines = [f"{a},{str(b).lower()},{c}" for a, b, c in rows]
    (tmp_path / "t.csv").write_text("\n".join(["item1,item2,item3", *lines]))
    done = run("score", "m.json", "t.csv")
    assert done.returncode == 0, done.stderr
    theta = [float(row["theta"]) for row in read_csv(done.stdout)]
    assert theta == fit.score().theta[:, 0].tolist()


def test_only_numpy_and_narwhals_are_needed(run, lsat7, saved):
    for command in (["score", saved, lsat7], ["simulate", saved], ["show", saved, "--parameters"]):
        done = run(*command, frames=False)
        assert done.returncode == 0, done.stderr
        assert len(read_csv(done.stdout)) > 9
    done = run("score", saved, lsat7, "--out", "s.parquet", frames=False)
    assert done.returncode == 1
    assert "writing Parquet needs pyarrow or polars" in done.stderr


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("item1,item2,item3,item4\n1,1,1,1\n", [], "t.csv has no column for 'item5'"),
        ("item1,item2,item3,item4,item5\n", [], "has no rows"),
        ("item1,item2,item3,item4,item5\n1,1,1,1,1\n1,1,2,1,1\n", [], "item 'item3', line 3"),
        ("item1,item2,item3,item4,item5\n1,1,1,1,1\n", ["--id", "who"], "unknown column 'who'"),
        ("item1,item2,item3,item4,item5\n1,1,1,1,1\n", ["--groups", "item1"], "has no groups"),
    ],
)
def test_bad_responses_are_named_and_leave_no_file(run, saved, tmp_path, text, options, message):
    (tmp_path / "t.csv").write_text(text)
    done = run("score", saved, "t.csv", "--chunk-rows", "1", "--out", "s.csv", *options)
    assert done.returncode == 1
    assert message in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.json", "t.csv"]


def test_unknown_group(run, timss, tmp_path):
    data = mixirt.datasets.load("timss_aus_twn")
    frame = data.frame().drop(columns="country")
    mixirt.fit(frame, "gpcm", groups=data.groups.astype(int)).save(tmp_path / "m.json")
    timss.write_text(timss.read_text().replace(",158\n", ",840\n", 1))
    done = run("score", "m.json", timss, "--groups", "country")
    assert done.returncode == 1
    assert "column 'country': found group '840'; the fit has the groups '36', '158'" in done.stderr
    assert "name the column that holds them: --groups" in run("score", "m.json", timss).stderr
    assert "choose one with --group" in run("simulate", "m.json", "-n", "5").stderr
    drawn = run("simulate", "m.json", "-n", "5", "--group", "158", "--seed", "1")
    assert len(read_csv(drawn.stdout)) == 5


def test_simulate_is_that_of_python(run, saved, tmp_path):
    done = run("simulate", saved, "-n", "50", "--seed", "1", "--out", "d.parquet")
    assert (done.returncode, done.stderr) == (0, "")
    here = mixirt.load(saved).simulate(50, seed=1)
    assert (pl.read_parquet(tmp_path / "d.parquet").to_numpy() == here.to_numpy()).all()


def test_show(run, saved):
    assert run("show", saved).stdout == mixirt.load(saved).summary() + "\n"
    rows = read_csv(run("show", saved, "--parameters").stdout)
    here = mixirt.load(saved).parameters()
    assert [float(row["estimate"]) for row in rows] == here["estimate"].tolist()


def test_compare(run, lsat7, saved, tmp_path):
    run("fit", lsat7, "--id", "person", "--model", "rasch", "--out", "rasch.json")
    done = run("compare", "rasch.json", saved)
    assert done.returncode == 0, done.stderr
    assert "best by AIC    m\n" in done.stdout
    smaller, larger = done.stdout.splitlines()[1:3]
    table = mixirt.compare(
        mixirt.load(tmp_path / "rasch.json"), mixirt.load(saved), names=["r", "m"]
    )
    chi_square, df, p = table[["chi_square", "df", "p_value"]].iloc[1]
    assert smaller.split()[0] == "rasch"
    assert larger.split()[-3:] == [f"{chi_square:.4f}", f"{df:.0f}", f"{p:.4f}"]
    assert "best by BIC    rasch\n" in done.stdout
    other = mixirt.fit(mixirt.datasets.load("lsat6").responses, "2pl")
    other.save(tmp_path / "other.json")
    done = run("compare", "rasch.json", saved, "other.json")
    assert done.returncode == 1
    assert "'other' and 'rasch' were fitted to different responses" in done.stderr


def test_compare_tells_fits_apart_by_their_folders(run, saved, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "m.json").write_bytes(saved.read_bytes())
    done = run("compare", "m.json", "a/m.json")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[1:3]] == ["m.json", "a/m.json"]
    done = run("compare", "m.json", "m.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "m.json was named twice; compare takes different fits" in done.stderr


def test_a_group_of_a_fit_without_groups(run, saved):
    done = run("simulate", saved, "--group", "all", "-n", "5")
    assert done.returncode == 1
    assert "--group was given, but the fit has no groups; leave it out" in done.stderr


def test_damaged_file(run, saved, lsat7):
    saved.write_text(saved.read_text()[:-20])
    for command in (["show", saved], ["score", saved, lsat7], ["compare", saved, saved]):
        done = run(*command)
        assert done.returncode == 1
        assert "m.json is not JSON, or not all of it" in done.stderr
        assert "Traceback" not in done.stderr


def test_reader_that_has_seen_enough(saved):
    """A pipe that is closed early, as by head, is no reason to complain."""
    command = [sys.executable, "-m", "mixirt", "simulate", str(saved), "-n", "200000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
