"""Tables with a row for every answer: --long."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mixirt
from tests.cli.conftest import read_csv

LONG = ["--long", "person", "item", "answer"]


def answers_of(name: str, *, missing: float = 0.2) -> pd.DataFrame:
    """Give a data set in long format, person by person, without a share of its answers."""
    frame = mixirt.datasets.load(name).frame()
    kept = np.random.default_rng(4).random(frame.shape) >= missing
    wide = frame.astype("object").where(kept | (frame.columns == "country"))
    wide.insert(0, "person", [f"p{row}" for row in range(len(wide))])
    others = [name for name in ("person", "country") if name in wide]
    long = wide.melt(id_vars=others, var_name="item", value_name="answer").dropna()
    order = long["person"].str[1:].astype(int).argsort(kind="stable")
    return long.iloc[order].reset_index(drop=True)


@pytest.fixture
def answers(tmp_path: Path) -> pd.DataFrame:
    """Write the LSAT, section 7, in long format, as CSV and as Parquet."""
    long = answers_of("lsat7")
    long.to_csv(tmp_path / "t.csv", index=False)
    long.astype({"answer": int}).to_parquet(tmp_path / "t.parquet")
    return long


def fitted(long: pd.DataFrame) -> mixirt.Result:
    return mixirt.fit(mixirt.long(long, response="answer"), "2pl")


@pytest.mark.parametrize("table", ["t.csv", "t.parquet", "-"])
def test_fit_is_that_of_python(run, answers, tmp_path, table):
    text = {"input": (tmp_path / "t.csv").read_text()} if table == "-" else {}
    done = run("fit", table, *LONG, "--out", "m.json", "--quiet", **text)
    assert (done.returncode, done.stderr) == (0, "")
    here, there = fitted(answers), mixirt.load(tmp_path / "m.json")
    assert there.model.design.items == here.model.design.items
    np.testing.assert_array_equal(there._values, here._values)
    assert there.fingerprint == here.fingerprint


@pytest.mark.usefixtures("answers")
def test_items_and_their_order(run, tmp_path):
    done = run("fit", "t.csv", *LONG, "--items", "item5,item1,item4", "--out", "m.json", "--quiet")
    assert done.returncode == 0, done.stderr
    assert mixirt.load(tmp_path / "m.json").model.design.items == ("item5", "item1", "item4")
    done = run("fit", "t.csv", *LONG, "--exclude", "item2,item3", "--out", "n.json", "--quiet")
    assert done.returncode == 0, done.stderr
    assert set(mixirt.load(tmp_path / "n.json").model.design.items) == {"item1", "item4", "item5"}


def test_groups_weights_and_models_of_items(run, tmp_path):
    long = answers_of("timss_aus_twn")
    long["country"] = long["country"].astype(int)
    long["w"] = 1.0 + (long["person"].str[1:].astype(int) % 3)
    long.to_csv(tmp_path / "t.csv", index=False)
    options = ["--model", "gpcm", "--groups", "country", "--weights", "w", "--invariance", "scalar"]
    options += ["--item-model", "M032166=grm", "--quiet", "--out", "m.json"]
    done = run("fit", "t.csv", *LONG, *options)
    assert (done.returncode, done.stderr) == (0, "")
    there = mixirt.load(tmp_path / "m.json")
    read = mixirt.long(long, response="answer", group="country", weight="w")
    models = {item: "grm" if item == "M032166" else "gpcm" for item in read.items}
    here = mixirt.fit(read, models, invariance="scalar")
    np.testing.assert_array_equal(there._values, here._values)
    assert there.model.design.groups == (36, 158)
    done = run("score", "m.json", "t.csv", *LONG, "--groups", "country", "--chunk-rows", "100")
    assert done.returncode == 0, done.stderr
    theta = [float(row["theta"]) for row in read_csv(done.stdout)]
    assert theta == here.score().theta[:, 0].tolist()


def test_latent_classes(run, tmp_path):
    long = answers_of("carcinoma", missing=0.0)
    long.to_csv(tmp_path / "t.csv", index=False)
    done = run("lca", "t.csv", *LONG, "--classes", "2", "--seed", "1")
    assert done.returncode == 0, done.stderr
    assert "-317.2568" in done.stdout


@pytest.mark.parametrize("table", ["t.csv", "t.parquet", "-"])
@pytest.mark.parametrize("chunk_rows", [3, 500, 10_000])
def test_persons_are_scored_whole_however_the_table_is_cut(
    run, answers, tmp_path, table, chunk_rows
):
    fit = fitted(answers)
    fit.save(tmp_path / "m.json")
    text = {"input": (tmp_path / "t.csv").read_text()} if table == "-" else {}
    options = ["--chunk-rows", chunk_rows, "--out", "s.parquet"]
    done = run("score", "m.json", table, *LONG, *options, **text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    scores = pd.read_parquet(tmp_path / "s.parquet")
    here = fit.score().frame()
    assert list(scores) == ["person", "theta", "theta_se"]
    assert scores["person"].tolist() == here["person"].tolist()
    assert scores["theta"].tolist() == here["theta"].tolist()


def test_answers_in_any_order_are_one_part(run, answers, tmp_path):
    fit = fitted(answers)
    fit.save(tmp_path / "m.json")
    mixed = answers.sample(frac=1, random_state=np.random.RandomState(1))
    mixed.to_csv(tmp_path / "t.csv", index=False)
    done = run("score", "m.json", "t.csv", *LONG)
    assert done.returncode == 0, done.stderr
    there = {row["person"]: float(row["theta"]) for row in read_csv(done.stdout)}
    here = fit.score().frame().set_index("person")["theta"].to_dict()
    assert there == here
    done = run("score", "m.json", "t.csv", *LONG, "--chunk-rows", "100", "--out", "s.csv")
    assert done.returncode == 1
    assert "has answers further up, which have been scored already; sort the table" in done.stderr
    assert not (tmp_path / "s.csv").exists()


def test_labels_of_different_types_by_item(run, tmp_path):
    rng = np.random.default_rng(2)
    labels = {"a": ["1", "x"], "b": [False, True], "c": [0.5, 7]}
    drawn = [(p, item) for p in range(99) for item in labels]
    columns = {
        "person": [p for p, _ in drawn],
        "item": [item for _, item in drawn],
        "answer": [labels[item][rng.integers(2)] for _, item in drawn],
    }
    columns["answer"] = np.array(columns["answer"], dtype=object)
    fit = mixirt.fit(mixirt.long(columns, response="answer"), "rasch", categories=labels)
    fit.save(tmp_path / "m.json")
    lines = [f"{p},{i},{a}" for p, i, a in zip(*columns.values(), strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["person,item,answer", *lines]))
    done = run("score", "m.json", "t.csv", *LONG)
    assert done.returncode == 0, done.stderr
    theta = [float(row["theta"]) for row in read_csv(done.stdout)]
    assert theta == fit.score().theta[:, 0].tolist()


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,q1,0\nb,q1,1\n", ["--groups", "g"], "t.csv: unknown column 'g'"),
        (
            "a,q1,0\nb,q1,1\n\na,q1,1\n",
            [],
            "person 'a' has two rows for item 'q1', line 2 and line",
        ),
        ("a,q1,0\n,q1,1\n", [], "column 'person': line 3 has no person"),
        ("a,q1,0\nb,,1\n", [], "column 'item': line 3 has no item"),
        ("a,q1,0\nb,q1,x\n", [], "item 'q1', person 'b', line 3: found the text 'x'; list the"),
        ("a,q1,0\nb,q1,1\n", ["--items", "q2"], "column 'item': unknown item 'q2'"),
        ("a,q1,0\nb,q1,1\n", ["--exclude", "q1"], "no answers are left"),
        ("", [], "has no rows"),
    ],
)
def test_bad_tables_are_named(run, tmp_path, text, options, message):
    (tmp_path / "t.csv").write_text(f"person,item,answer\n{text}")
    done = run("fit", "t.csv", *LONG, *options)
    assert done.returncode == 1
    assert message in done.stderr
    assert "belongs to --exclude" not in done.stderr
    assert "Traceback" not in done.stderr


def test_items_that_a_fit_does_not_have(run, answers, tmp_path):
    fitted(answers[answers["item"] != "item5"]).save(tmp_path / "m.json")
    done = run("score", "m.json", "t.csv", *LONG)
    assert done.returncode == 1
    assert "unknown item 'item5'; did you mean 'item4'?" in done.stderr
    assert "--exclude leaves answers to an item out" in done.stderr
    done = run("score", "m.json", "t.csv", *LONG, "--exclude", "item5")
    assert done.returncode == 0, done.stderr
    assert len(read_csv(done.stdout)) == 1000


def test_wrong_usage(run):
    done = run("score", "m.json", "t.csv", *LONG, "--id", "person")
    assert done.returncode == 2
    assert "--id: not allowed with argument --long" in done.stderr
    done = run("fit", "t.csv", "--long", "person", "item")
    assert done.returncode == 2
    assert "argument --long: expected 3 arguments" in done.stderr
