"""mixirt fit and mixirt lca."""

from __future__ import annotations

import numpy as np
import pytest

import mixirt
from tests.cli.conftest import write_csv


def test_fit_is_that_of_python(run, lsat7, tmp_path):
    done = run("fit", lsat7, "--id", "person", "--out", "m.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "-2658.8051" in done.stdout
    here = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
    there = mixirt.load(tmp_path / "m.json")
    np.testing.assert_array_equal(there._values, here._values)
    assert there.fingerprint == here.fingerprint


def test_groups_partial_invariance_and_standard_errors(run, timss, tmp_path):
    options = ["--model", "gpcm", "--groups", "country", "--invariance", "scalar"]
    options += ["--free-items", "M032166", "--se", "oakes", "--id", "person", "--quiet"]
    done = run("fit", timss, *options, "--out", "m.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    there = mixirt.load(tmp_path / "m.json")
    data = mixirt.datasets.load("timss_aus_twn")
    here = mixirt.fit(
        data.frame().drop(columns="country"),
        "gpcm",
        groups=data.groups.astype(int),
        invariance="scalar",
        free_items=["M032166"],
    )
    assert there.model.design.groups == (36, 158)
    np.testing.assert_array_equal(there._values, here._values)
    assert np.isfinite(there.standard_errors()["se"]).any()


def test_items_models_and_q_matrix(run, lsat7, tmp_path):
    (tmp_path / "q.csv").write_text("item,x,y\nitem1,1,0\nitem2,1,0\nitem4,0,1\nitem5,1,1\n")
    options = ["--items", "item5,item1,item2,item4", "--q-matrix", "q.csv", "--max-cycles", "3"]
    options += ["--item-model", "item4=3pl", "--n-quadrature", "9", "--out", "m.json"]
    done = run("fit", lsat7, *options)
    assert done.returncode == 0, done.stderr
    assert "warning: not converged after 3 cycles" in done.stderr
    design = mixirt.load(tmp_path / "m.json").model.design
    assert design.items == ("item5", "item1", "item2", "item4")
    assert [model.name for model in design.models] == ["2pl", "2pl", "2pl", "3pl"]
    assert design.q_matrix.astype(int).tolist() == [[1, 1], [1, 0], [1, 0], [0, 1]]


def test_text_categories_missing_codes_and_weights(run, tmp_path):
    rng = np.random.default_rng(8)
    answers = rng.choice(["no", "maybe", "yes", "?", "NA", ""], (400, 4))
    weights = rng.uniform(0.5, 2, 400)
    lines = [",".join([*row, repr(float(w))]) for row, w in zip(answers, weights, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,d,w", *lines]) + "\n")
    options = ["--model", "grm", "--categories", "no,maybe,yes", "--missing", "?"]
    options += ["--weights", "w", "--max-cycles", "4", "--quiet", "--out", "m.json"]
    done = run("fit", "t.csv", *options)
    assert done.returncode == 0, done.stderr
    rows = [[v if v in ("no", "maybe", "yes") else None for v in row] for row in answers.tolist()]
    with pytest.warns(mixirt.ConvergenceWarning):
        here = mixirt.fit(
            rows, "grm", categories=["no", "maybe", "yes"], weights=weights, max_cycles=4
        )
    there = mixirt.load(tmp_path / "m.json")
    assert there.model.design.category_labels[0] == ("no", "maybe", "yes")
    np.testing.assert_array_equal(there._values, here._values)


def test_start_at_another_fit(run, lsat7, saved, tmp_path):
    done = run("fit", lsat7, "--id", "person", "--start", saved, "--out", "n.json", "--quiet")
    assert done.returncode == 0, done.stderr
    assert mixirt.load(tmp_path / "n.json").n_cycles < mixirt.load(saved).n_cycles


def test_standard_input_tabs_and_a_byte_order_mark(run, lsat7):
    text = "\ufeff" + lsat7.read_text().replace(",", "\t")
    done = run("fit", "-", "--delimiter", "\t", "--id", "person", input=text, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert "-2658.8051" in done.stdout


def test_parquet(run, tmp_path):
    mixirt.datasets.load("lsat7").frame().to_parquet(tmp_path / "t.parquet")
    done = run("fit", "t.parquet")
    assert done.returncode == 0, done.stderr
    assert "-2658.8051" in done.stdout


def test_only_numpy_and_narwhals_are_needed_for_csv(run, lsat7, tmp_path):
    done = run("fit", lsat7, "--id", "person", "--out", "m.json", frames=False)
    assert done.returncode == 0, done.stderr
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    done = run("fit", "t.parquet", frames=False)
    assert done.returncode == 1
    assert "reading Parquet needs pyarrow or polars" in done.stderr


def test_latent_classes(run, tmp_path):
    write_csv(tmp_path / "t.csv", "gss87_antirel")
    options = ["--id", "person", "--classes", "2", "--seed", "1", "--out", "m.json"]
    done = run("lca", "t.csv", *options)
    assert done.returncode == 0, done.stderr
    assert "-2795.3755" in done.stdout
    assert run("show", "m.json").stdout == done.stdout


@pytest.mark.parametrize("long", [False, True])
def test_items_with_categories_of_their_own(run, tmp_path, long):
    rng = np.random.default_rng(3)
    columns = {"q1": ["no", "yes"], "q2": ["low", "mid", "high"], "q3": ["0", "1"]}
    rows = [[str(rng.choice(values)) for values in columns.values()] for _ in range(60)]
    lines = ["q1,q2,q3", *(",".join(row) for row in rows)]
    shape = []
    if long:
        answers = [
            f"{p},{q},{a}" for p, row in enumerate(rows) for q, a in zip(columns, row, strict=True)
        ]
        lines, shape = ["p,q,a", *answers], ["--long", "p", "q", "a"]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    own = ["--categories", "q1=no,yes", "--categories", "q2=low,mid,high"]
    options = ["--model", "grm", "--max-cycles", "3", "--out", "m.json"]
    done = run("fit", "t.csv", *shape, *own, *options)
    assert done.returncode == 0, done.stderr
    design = mixirt.load(tmp_path / "m.json").model.design
    labels = dict(zip(design.items, design.category_labels, strict=True))
    assert labels == {"q1": ("no", "yes"), "q2": ("low", "mid", "high"), "q3": (0, 1)}
    done = run("score", "m.json", "t.csv", *shape)
    assert done.returncode == 0, done.stderr


def test_the_reference_group(run, timss, tmp_path):
    options = ["--model", "gpcm", "--groups", "country", "--invariance", "scalar", "--id", "person"]
    options += ["--max-cycles", "2", "--quiet", "--out", "m.json"]
    done = run("fit", timss, *options, "--reference", "158")
    assert done.returncode == 0, done.stderr
    assert mixirt.load(tmp_path / "m.json").model.design.reference == 158


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", [], "t.csv is empty"),
        ("a,b\n", [], "t.csv has no rows"),
        ("a,a\n1,0\n", [], "columns need different names; found twice: 'a'"),
        ("a,b\n1,0\n1\n", [], "line 3: found 1 fields where the header has 2"),
        ('a,b\n1,"0\n', [], "line 2: unexpected end of data"),
        ("a,b\n1,0\n0,1\n1,x\n", [], "item 'b', line 4: found the text 'x'"),
        ("a,b\n1,0\n0,1\n1,x\n", [], "a column that is no item has to be left out (--exclude)"),
        ("a,b\n1,0\n0,1\n\n1,-9\n", [], "item 'b', line 5: found -9.0, which is negative"),
        ("a,b\n1,0\n0,1\n", ["--id", "c"], "unknown column 'c'; known: 'a', 'b'"),
        ("a,b\n1,0\n0,1\n", ["--exclude", "a,b"], "no columns are left"),
        ("a,b\n1,0\n0,1\n", ["--items", "a", "--id", "a"], "'a' cannot be an item and"),
        ("a,b,g\n1,0,1\n0,1,\n", ["--groups", "g"], "line 3 has no group in column 'g'"),
        (
            "a,b,w\n1,0,1\n0,1,x\n",
            ["--weights", "w"],
            "line 3, column 'w': found 'x'; a weight is a number",
        ),
        ("a,b\n1,1\n2,2\n1,2\n", [], "say --categories 1,2"),
        ("a,b\n1,0\n0,1\n", ["--delimiter", ";;"], "a delimiter is one character"),
        ("a,b\n1,0\n0,1\n", ["--item-model", "c=3pl"], "unknown item 'c'"),
        ("a,b\n1,0\n0,1\n", ["--categories", "c=0,1"], "--categories c=0,1: unknown item 'c'"),
        ("a,b\n1,0\n0,1\n", ["--categories", "a=0,,1"], "values between commas; found '0,,1'"),
        ("a,b\n1,0\n0,1\n", ["--categories", "0,1", "--categories", "a=0,1"], "of all items"),
        ("a,b\n1,0\n0,1\n", ["--categories", "a=0,1", "--categories", "a=1,0"], "already"),
        (
            "a,b\nno,0\nyes,1\n",
            [],
            "--categories a=..., or if it means no answer, say --missing no",
        ),
        ("a,b\n0,1\n1,2\n0,2\n", [], "say --categories b=1,2, or subtract"),
        ("a,b\n0,0\n1,1\n0,9\n", [], "say --missing 9; if it is a category"),
        ("a,b\n0,0\n1,1\n", ["--invariance", "scalar"], "give --groups, or leave it out"),
        ("a,b\n0,0\n1,1\n", ["--threads", "999"], "--threads must be a whole number from 1 to 256"),
        ("a,b\n1,0\n0,1\n", ["--reference", "x"], "name their column with --groups"),
        (
            "a,b\n1,0\n0,1\n",
            ["--free-items", "a"],
            "give --invariance as metric or scalar, or leave --free-items out",
        ),
        ("a,b\n1,0\n0,1\n", ["--quiet"], "--quiet needs --out"),
        ("a,b\n1,0\n0,1\n", ["--items", "a,b,a"], "--items names 'a' twice"),
        (
            "a,b\n1,0\n0,1\n",
            ["--item-model", "a=2pl", "--item-model", "a=3pl"],
            "--item-model a=3pl: item 'a' has its model already",
        ),
        ("a,b\n1,0\n0,1\n", ["--se", "oakes"], "--se needs --out"),
        ("a,b,g\n1,0,1\n0,1,2\n", ["--groups", "g", "--reference", "3"], "unknown group '3'"),
    ],
)
def test_bad_data_is_named(run, tmp_path, text, options, message):
    (tmp_path / "t.csv").write_text(text)
    done = run("fit", "t.csv", *options)
    assert done.returncode == 1
    assert done.stderr.startswith("mixirt fit: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_q_matrix_with_an_item_twice(run, lsat7, tmp_path):
    rows = ["item,x", *(f"item{i},1" for i in (1, 2, 3, 4, 5, 2))]
    (tmp_path / "q.csv").write_text("\n".join(rows) + "\n")
    done = run("fit", lsat7, "--id", "person", "--q-matrix", "q.csv")
    assert done.returncode == 1
    assert "q.csv, line 7: item 'item2' has a line already" in done.stderr


def test_text_that_is_not_utf_8(run, tmp_path):
    (tmp_path / "t.csv").write_bytes(b"a,b\n1,0\n\xff,1\n")
    done = run("fit", "t.csv")
    assert done.returncode == 1
    assert "t.csv is not text in UTF-8" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["fit"], "required: FILE"),
        (["fit", "t.csv", "--model", "4pl"], "invalid choice: '4pl'"),
        (["fit", "t.csv", "--classes", "0"], "must be a whole number of at least 1; found '0'"),
        (["fit", "t.csv", "--items", "a,,b"], "must be names between commas"),
        (["score", "m.json", "t.csv", "--method", "best"], "invalid choice: 'best'"),
    ],
)
def test_wrong_usage(run, arguments, message):
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.startswith("usage: mixirt")


@pytest.mark.parametrize("command", ["fit", "lca", "score", "simulate", "show", "compare"])
def test_help_has_examples(run, command):
    done = run(command, "--help")
    assert done.returncode == 0
    assert f"examples:\n  mixirt {command} " in done.stdout


def test_version(run):
    assert run("--version").stdout == f"mixirt {mixirt.__version__}\n"


def test_messages_of_the_engine_name_options_of_the_command(run, lsat7):
    done = run("fit", lsat7, "--id", "person", "--n-quadrature", "1000000000")
    assert done.returncode == 1
    assert "--n-quadrature 1000000000 points on 1 attribute make" in done.stderr
    assert "lower --n-quadrature (at most" in done.stderr
    assert "n_quadrature" not in done.stderr
