"""The reference has a place for every public name, and for everything that public calls return."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import pytest

import mixirt
from mixirt.cli.arguments import parser
from mixirt.design import Design
from mixirt.diagnostics import Diagnostics
from mixirt.scores import Scores
from tests.unit.test_docstrings import OBJECTS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGES = {page.name: page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.md")}
DIRECTIVES = set(re.findall(r"^\.\. auto\w+:: ([\w.]+)$", "\n".join(PAGES.values()), re.MULTILINE))

DATA = {"__version__"}
"""Names that need no page."""


def _page_of(name: str) -> str:
    """Return the name under which the reference has a public name."""
    thing = getattr(mixirt, name)
    is_error = inspect.isclass(thing) and issubclass(thing, Warning | mixirt.MixirtError)
    return "mixirt.errors" if is_error else f"mixirt.{name}"


@pytest.mark.parametrize("name", sorted(set(mixirt.__all__) - DATA))
def test_a_public_name_has_a_place(name: str) -> None:
    assert _page_of(name) in DIRECTIVES


def _returned() -> set[type]:
    """Classes of this package that public functions, methods and properties say they return."""
    known = {
        name: thing
        for module in list(sys.modules.values())
        if module.__name__.startswith("mixirt.")
        for name, thing in inspect.getmembers(module, inspect.isclass)
        if thing.__module__ == module.__name__
    }
    # Properties keep their function under one name, cached ones under another.
    members = [getattr(o, "fget", getattr(o, "func", o)) for o in OBJECTS.values()]
    said = " ".join(
        str(inspect.signature(member).return_annotation)
        for member in members
        if inspect.isroutine(member)
    )
    return {known[name] for name in set(re.findall(r"\w+", said)) & set(known)}


def test_what_public_names_return_has_a_place() -> None:
    found = _returned()
    assert {Scores, Diagnostics, Design} < found
    places = {name.rpartition(".")[2] for name in DIRECTIVES}
    places |= {*mixirt.datasets.__all__, *mixirt.priors.__all__}  # whose pages show all members
    assert {kind.__name__ for kind in found} - places == set()


def test_every_error_and_warning_is_exported_by_its_module() -> None:
    """The page of errors shows `__all__` of the module."""
    exported = {n for n in mixirt.__all__ if inspect.isclass(getattr(mixirt, n))}
    own = {n for n in exported if getattr(mixirt, n).__module__ == "mixirt.errors"}
    assert own - set(mixirt.errors.__all__) == set()


def test_every_directive_names_something() -> None:
    for name in DIRECTIVES:
        module, _, attribute = name.rpartition(".")
        thing = __import__(module, fromlist=[attribute]) if module else mixirt
        assert hasattr(thing, attribute), name


def test_every_command_has_its_help_shown() -> None:
    shown = re.findall(r"\{command-help\} (\w+)", PAGES["command-line.md"])
    known = re.findall(r"^    (\w+) {2,}", parser().format_help(), re.MULTILINE)
    assert known
    assert sorted(shown) == sorted(known)
