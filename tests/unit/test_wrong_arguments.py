"""Arguments that cannot be used are refused in words: what was found, what there may be."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import mixirt
from mixirt import _core, datasets

LSAT7 = datasets.load("lsat7").responses
SLOPE = "slope of item 'item1'"


@cache
def fitted() -> mixirt.Result:
    return mixirt.fit(LSAT7, "2pl")


def model() -> mixirt.Model:
    return mixirt.Model("2pl", items=3)


CASES: list[tuple[Callable[[], object], str]] = [
    (
        lambda: mixirt.fit(LSAT7, n_classes=2, known_classes=[float("inf")] * len(LSAT7)),
        "row 0 has inf; a class is a whole number from 1 to 2",
    ),
    (lambda: mixirt.fit(LSAT7, progress="yes"), "must be True, False or None, or a callable"),
    (lambda: mixirt.fit(LSAT7, n_quadrature="many"), "of at least 2; found 'many'"),
    (lambda: mixirt.fit(LSAT7, q_matrix="simple"), "one row for each of the 5 items; found 'simp"),
    (lambda: fitted().simulate(theta="high"), "theta must be numbers; found 'high'"),
    (lambda: fitted().simulate(seed="x"), "seed must be a whole number of at least 0 or a numpy"),
    (lambda: fitted().bootstrap(5, seed="x"), "seed must be a whole number of at least 0 or a num"),
    (lambda: fitted().derived(level=95), "between 0 and 1, as 0.95; found 95"),
    (lambda: fitted().derived(level=None), "level must be one finite number; found None"),
    (lambda: fitted().wald(None), "must be numbers; found None"),
    (lambda: fitted().wald([]), "a matrix with 10 columns, in the order of"),
    (lambda: fitted().wald(SLOPE, value="x"), "value must be numbers; found 'x'"),
    (
        lambda: fitted().wald(SLOPE, value=[1, 2]),
        "one for each of the 1 statement of the hypothesis; found shape (2,)",
    ),
    (lambda: mixirt.compare(fitted(), 3), "compare(first, second); found int"),
    (lambda: mixirt.compare([fitted(), fitted()]), "compare(first, second); found list"),
    (
        lambda: mixirt.compare(fitted(), fitted(), names=["a", "a"]),
        "names must be different, one for each of 2 fits; found 'a', 'a'",
    ),
    (lambda: mixirt.compare(fitted(), fitted(), names="ab"), "found 'ab'"),
    (lambda: fitted().mean(class_="one"), "class 'one' does not exist; classes run from 1 to 1"),
    (
        lambda: fitted().category_probabilities([0.0], item=["item1", "item2"]),
        "item is the name of one item, or None for all",
    ),
    (lambda: fitted().report("fit.pdf"), "ends in .html or .htm; found 'fit.pdf'"),
    (lambda: fitted().report(5), "as text or a Path; found 5"),
    (lambda: fitted().save(5), "as text or a Path; found 5"),
    (lambda: fitted().delta("x"), "function must be a function of a result, as lambda r: r.mean()"),
    (lambda: fitted().delta(str), "must return a number or an array; found 'mixirt: 2pl; 5 items"),
    (lambda: fitted().sum_scores(5), "items must be a list; found 5"),
    (lambda: fitted().sum_scores().frame("x"), "n must be a positive number; found 'x'"),
    (
        lambda: fitted().report("fit.html", pictures="no"),
        "pictures must be True or False; found 'n",
    ),
    (lambda: fitted().start_for("2pl"), "start_for takes a mixirt.Model; found '2pl'"),
    (lambda: model().anchor("m.json"), "the estimates of another fit; found 'm.json'"),
    (lambda: model().anchor(fitted(), items=5), "items must be a list; found 5"),
    (lambda: model().bound("slope"), "as bound('slope', 0, 4)"),
    (lambda: mixirt.Model(items=3, n_categories=2.5), "from 2 to 254; found 2.5"),
    (lambda: mixirt.bifactor(["a", "a", "b"], items=2), "specific has 3 labels for 2 items"),
    (
        lambda: mixirt.Model.latent_class(2, items=3, model="2pl"),
        "model is no option of a latent class model; leave it out, or use mixirt.Model",
    ),
    (
        lambda: mixirt.fit_latent_class(LSAT7, 2, q_matrix=[[1]] * 5),
        "q_matrix is no option of a latent class model; leave it out, or use mixirt.fit",
    ),
    (lambda: mixirt.priors.normal("a", 1), "the mean of a prior must be one finite number"),
]


@pytest.mark.parametrize(("call", "message"), CASES)
def test_what_was_found_and_what_there_may_be(call: Callable[[], object], message: str) -> None:
    with pytest.raises(mixirt.MixirtError) as refusal:
        call()
    assert message in str(refusal.value)


def test_a_report_that_cannot_be_written_is_not_made(tmp_path: Path) -> None:
    """Its pictures take seconds; matplotlib is not even asked for."""
    with pytest.raises(mixirt.FileError, match="cannot be written: No such file or directory"):
        fitted().report(tmp_path / "nowhere" / "fit.html")


@pytest.mark.parametrize(
    ("name", "short", "message"),
    [
        ("families", ["gpcm"] * 4, "families has 4 entries where 5 are needed"),
        ("category_scores", [[0.0, 1.0]], "category_scores has 1 entries where 5 are needed"),
        ("item_attributes", [[0]] * 6, "item_attributes has 6 entries where 5 are needed"),
        ("group_items", [], "group_items has 0 entries where 1 are needed"),
        ("group_attributes", [[0], [0]], "group_attributes has 2 entries where 1 are needed"),
    ],
)
def test_lists_of_a_structure_are_of_one_length(name: str, short: object, message: str) -> None:
    """Zipped, they would lose items without a word."""
    given = {
        "item_names": list("abcde"),
        "families": ["gpcm"] * 5,
        "category_scores": [[0.0, 1.0]] * 5,
        "item_attributes": [[0]] * 5,
        "attribute_names": ["theta"],
        "group_names": ["all"],
        "group_items": [[0, 1, 2, 3, 4]],
        "group_attributes": [[0]],
        "n_classes": 1,
        "quadrature": "rectangular",
        "n_quadrature": None,
        "prune": None,
    }
    _core.Structure(**given)
    with pytest.raises(mixirt.SpecError, match=message):
        _core.Structure(**{**given, name: short})
