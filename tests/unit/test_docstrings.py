"""Docstrings against signatures: what a public name takes, returns and raises, and an example."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import pytest

import mixirt
from tests.public_names import public_classes, public_functions


def properties() -> Iterator[tuple[str, Any]]:
    for kind in public_classes():
        for name, member in inspect.getmembers(kind):
            if not name.startswith("_") and isinstance(member, (property, cached_property)):
                yield f"{kind.__name__}.{name}", member


def sections(thing: Any) -> dict[str, str]:
    """Sections of a docstring in the NumPy style, by heading; the text before them is ``""``."""
    text = inspect.getdoc(thing) or ""
    first, *rest = re.split(r"^(\w[\w ]*)\n-+$", text, flags=re.MULTILINE)
    return {"": first, **dict(zip(rest[::2], rest[1::2], strict=True))}


@dataclasses.dataclass(frozen=True)
class Entry:
    """A parameter or attribute as it is described: its type, and what is said of it."""

    kind: str
    text: str


def entries(section: str) -> dict[str, Entry]:
    """Entries of a section by name; what is told of several names together belongs to each."""
    found: dict[str, Entry] = {}
    for part in re.split(r"\n(?=\S)", section.strip("\n")):
        head, _, body = part.partition("\n")
        names, _, kind = head.partition(" : ")
        for name in names.split(","):
            found[name.strip()] = Entry(kind, " ".join(body.split()))
    return found


def parameters_of(thing: Any) -> dict[str, inspect.Parameter]:
    """Parameters by name, with the stars that a docstring shows; without `self`."""
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    given = inspect.signature(thing).parameters.values()
    return {stars.get(p.kind, "") + p.name: p for p in given if p.name != "self"}


FUNCTIONS = dict(public_functions())
CLASSES = {kind.__name__: kind for kind in public_classes()}
OBJECTS = {**FUNCTIONS, **CLASSES, **dict(properties())}
DATA_CLASSES = [n for n, kind in CLASSES.items() if dataclasses.is_dataclass(kind)]


@pytest.mark.parametrize("name", OBJECTS)
def test_a_public_name_has_a_sentence_of_its_own(name: str) -> None:
    first = sections(OBJECTS[name])[""].split("\n\n")[0].strip()
    assert first.endswith((".", ":")), f"{name}: {first!r}"


@pytest.mark.parametrize("name", [*FUNCTIONS, "Model"])
def test_parameters_are_those_of_the_signature_in_their_order(name: str) -> None:
    described = entries(sections(OBJECTS[name]).get("Parameters", ""))
    assert [n for n in described if n] == list(parameters_of(OBJECTS[name]))


@pytest.mark.parametrize("name", [*FUNCTIONS, "Model"])
def test_defaults_are_those_of_the_signature(name: str) -> None:
    described = entries(sections(OBJECTS[name]).get("Parameters", ""))
    for parameter, given in parameters_of(OBJECTS[name]).items():
        said = re.search(r"default (\"[^\"]*\"|[\w.+-]+)$", described[parameter].kind)
        if said is None or given.default is None:
            # None says that a default is worked out; which, is told in words.
            continue
        try:
            value = ast.literal_eval(said[1])
        except ValueError:
            continue
        assert value == given.default, f"{name}: {parameter}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_tells_results_and_shows_an_example(name: str) -> None:
    found = sections(FUNCTIONS[name])
    returns = inspect.signature(FUNCTIONS[name]).return_annotation
    if returns not in {None, "None", inspect.Signature.empty}:
        assert {"Returns", "Yields"} & set(found), f"{name} does not say what it returns"
    assert ">>>" in found.get("Examples", ""), f"{name} has no example"


UNTOLD = {"native"}
"""Fields that serve frames, not readers."""


@pytest.mark.parametrize("name", DATA_CLASSES)
def test_attributes_are_those_of_the_class(name: str) -> None:
    kind, found = CLASSES[name], sections(CLASSES[name])
    described = {n for n in entries(found.get("Attributes", found.get("Parameters", ""))) if n}
    fields = {f.name for f in dataclasses.fields(kind) if not f.name.startswith("_")}
    assert fields - described <= UNTOLD
    assert described <= fields


NAMES_OF_A_MODEL = {
    "groups": "fit takes the group of each respondent, a model the labels",
    "items_by_group": "fit sees which items were answered",
    "attributes_by_group": "told together with items_by_group",
    "missing": "fit has only one kind of responses",
    "categories": "without responses, a model takes more forms",
    "model": "fit also takes a Model",
}
"""What `fit` and `Model` describe differently, and why."""


def test_fit_and_model_say_the_same_of_what_they_share() -> None:
    one, other = (entries(sections(f)["Parameters"]) for f in (mixirt.fit, mixirt.Model))
    shared = [n for n in one if n in other and n not in {*NAMES_OF_A_MODEL, "responses"}]
    assert len(shared) > 10
    assert {n: one[n].text for n in shared} == {n: other[n].text for n in shared}
