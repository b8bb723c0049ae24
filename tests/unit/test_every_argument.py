"""Every argument of every public function is given wrong values in turn: a `MixirtError` comes out.

Functions and arguments are found by inspection, so that a new one is tried on the day it is added.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import mixirt
from mixirt import datasets
from tests.public_names import public_functions

plt.switch_backend("Agg")

LSAT7, RELIGION = (datasets.load(name).responses for name in ("lsat7", "gss87_antirel"))
#: Those of few respondents: most calls are refused at once, but some take what they are given.
GOOD, OF_CLASSES = LSAT7[::25], RELIGION[::10]
LONG = pd.DataFrame({"person": [1, 1, 2, 2], "item": list("abab"), "response": [0, 1, 1, 0]})

#: What people and programs pass by mistake: of another type, length, dimension, sign or size.
WRONG: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "text": lambda: "no such thing",
    "no text": lambda: "",
    "bytes": lambda: b"no such thing",
    "bool": lambda: True,
    "five": lambda: 5,
    "negative": lambda: -1,
    "huge": lambda: 10**30,
    "fraction": lambda: 0.5,
    "NaN": lambda: math.nan,
    "infinite": lambda: math.inf,
    "empty list": list,
    "list of text": lambda: ["no", "such"],
    "list of numbers": lambda: [1, 2, 3],
    "ragged list": lambda: [[1], [1, 2]],
    "nested list": lambda: [[["a"]]],
    "set": lambda: {1, 2},
    "mapping": lambda: {"no": "such"},
    "mapping from numbers": lambda: {5: [1, None]},
    "array of three dimensions": lambda: np.zeros((2, 3, 4)),
    "array of NaN": lambda: np.full(3, math.nan),
    "frame": lambda: pd.DataFrame({"a": [1.0, math.nan]}),
    "series": lambda: pd.Series([1.0, 2.0], index=["a", "b"]),
    "generator": lambda: iter([1]),
    "function": lambda: lambda *_, **__: "text",
    "object": object,
}


@cache
def fitted() -> mixirt.Result:
    return mixirt.fit(GOOD, "rasch")


@cache
def classes() -> mixirt.LatentClassResult:
    return mixirt.fit_latent_class(OF_CLASSES, 2, seed=1)


@cache
def two_attributes() -> mixirt.Result:
    q = [[1, 0], [1, 0], [1, 1], [0, 1], [0, 1]]
    return mixirt.fit(LSAT7[::5], "2pl", q_matrix=q, n_quadrature=7)


def model() -> mixirt.Model:
    return mixirt.Model("2pl", items=5)


#: Objects that have the methods of a class, or one of them.
OBJECTS: dict[str, Callable[[], Any]] = {
    "Bootstrap": lambda: fitted().bootstrap(2, seed=1),
    "Classification": lambda: classes().classify(),
    "ClassComparison": lambda: mixirt.compare_classes(OF_CLASSES, [1, 2], seed=1),
    "Dataset": lambda: datasets.load("lsat7"),
    "Diagnostics": lambda: fitted().diagnostics(),
    "LatentClassResult": classes,
    "Model": model,
    "Model.fix_probability": lambda: mixirt.Model.latent_class(2, items=3),
    "Model.start_probability": lambda: mixirt.Model.latent_class(2, items=3),
    "PlausibleValues": lambda: fitted().plausible_values(seed=1),
    "Result": fitted,
    "Scorer": lambda: fitted().scorer(),
    "Scores": lambda: fitted().score(),
    "SumScores": lambda: fitted().sum_scores(),
}

#: What a call needs to succeed, or to be quick; by function, or by method wherever it is.
NEEDED: dict[str, dict[str, Any]] = {
    "mixirt.Model": {"items": 5},
    "mixirt.bifactor": {"specific": ["a", "a", "b", "b"]},
    "mixirt.compare_classes": {"responses": OF_CLASSES, "n_classes": [1, 2], "n_starts": 1},
    "mixirt.datasets.load": {"name": "lsat7"},
    "mixirt.fit": {"responses": GOOD, "model": "rasch", "max_cycles": 20},
    "mixirt.fit_latent_class": {"responses": OF_CLASSES, "n_classes": 2, "n_starts": 1},
    "mixirt.load": {"path": "fit.json"},
    "mixirt.long": {"frame": LONG},
    "mixirt.plots.class_profiles": {"result": classes},
    "mixirt.plots.surface": {"result": two_attributes},
    "mixirt.plots.test_information": {},
    "mixirt.priors.beta": {"a": 5, "b": 17},
    "mixirt.priors.lognormal": {"mean": 0, "sd": 1},
    "mixirt.priors.normal": {"mean": 0, "sd": 1},
    **{
        f"LatentClassResult.{name}": {"theta": np.empty((1, 0))}
        for name in ("expected_scores", "information", "test_information")
    },
    "Model.anchor": {"result": fitted},
    "Model.bound": {"kind": "slope", "lower": 0},
    "Model.fix": {"kind": "slope", "value": 1},
    "Model.fix_probability": {"probabilities": [0.5, 0.5]},
    "Model.free": {"kind": "slope"},
    "Model.latent_class": {"n_classes": 2, "items": 5},
    "Model.prior": {"kind": "slope", "prior": mixirt.priors.normal(0, 1)},
    "Model.start": {"kind": "slope", "value": 1},
    "Model.start_probability": {"probabilities": [0.5, 0.5]},
    "Model.tie": {"kind": "slope"},
    "Scorer.plausible_values": {"responses": GOOD},
    "Scorer.score": {"responses": GOOD},
    "Scorer.score_one": {"responses": [0] * 5},
    "Result.category_probabilities": {"theta": [0.0]},
    "bootstrap": {"n": 2, "seed": 1},
    "delta": {"function": lambda r: r.proportions},
    "expected_scores": {"theta": [0.0]},
    "information": {"theta": [0.0]},
    "report": {"path": "fit.html", "pictures": False},
    "save": {"path": "saved.json"},
    "start_for": {"model": model},
    "test_information": {"theta": [0.0]},
    "wald": {"hypothesis": np.eye(1, 6)},
    "LatentClassResult.wald": {"hypothesis": np.eye(1, 8)},
}

#: Arguments that stand behind `**`.
BEHIND_STARS = {
    "where": ("item", "group", "class_", "attribute", "attribute_2", "category"),
    "structure": tuple(inspect.signature(mixirt.Model).parameters),
    "options": tuple(inspect.signature(mixirt.fit).parameters),
}

FUNCTIONS = {
    name: function
    for name, function in {**dict(public_functions()), "mixirt.Model": mixirt.Model}.items()
    if set(inspect.signature(function).parameters) - {"self"}
}


def call_of(name: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return a function, bound to an object where it is a method, and what it needs."""
    home, _, own = name.rpartition(".")
    function = FUNCTIONS[name]
    if not home.startswith("mixirt"):
        function = getattr((OBJECTS.get(name) or OBJECTS[home])(), own)
    needed = NEEDED.get(name, NEEDED.get(own, {}))
    if home == "mixirt.plots":
        needed = {"result": fitted, **needed}
    makes = {"result", "model"}
    return function, {k: v() if k in makes and callable(v) else v for k, v in needed.items()}


def arguments_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Arguments by name, those that stand behind stars among them."""
    found: dict[str, inspect.Parameter] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        behind = BEHIND_STARS[name] if parameter.kind == parameter.VAR_KEYWORD else (name,)
        for argument in behind:
            found.setdefault(argument, parameter)
    return found


def wrong_values(parameter: inspect.Parameter) -> Iterator[tuple[str, Any]]:
    """All values, but those that the signature says to be right."""
    for kind, make in WRONG.items():
        is_default = kind == "None" and parameter.default is None
        is_flag = kind == "bool" and "bool" in str(parameter.annotation)
        if not is_default and not is_flag:
            yield kind, make()


def outcome(function: Callable[..., Any], needed: dict[str, Any], name: str, value: Any) -> str:
    """Tell what comes of a value: "taken", the message of a `MixirtError`, or any other error."""
    is_star = name == "results"
    given = {} if is_star else {**needed, name: value}
    try:
        function(*([fitted(), value] if is_star else []), **given)
    except mixirt.MixirtError as refusal:
        return f"refused: {refusal}"
    except Exception as error:  # noqa: BLE001 -- any other is what is looked for
        return f"{type(error).__name__}: {error}"
    return "taken"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_wrong_arguments_are_refused_in_words(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fitted().save("fit.json")
    function, needed = call_of(name)
    # A call that is refused as it is would be refused with every argument.
    function(*[fitted()] * 2 * (name == "mixirt.compare"), **needed)
    raw, never = [], []
    for argument, parameter in arguments_of(function).items():
        tried = dict(wrong_values(parameter))
        found = {kind: outcome(function, needed, argument, v) for kind, v in tried.items()}
        refused = {kind for kind, text in found.items() if text.startswith("refused: ")}
        raw += [
            f"{argument}={kind}: {text}"
            for kind, text in found.items()
            if kind not in refused and text != "taken"
        ]
        if not refused:
            never.append(argument)
    plt.close("all")
    assert not raw
    assert not never
