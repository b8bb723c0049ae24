"""Every public name says what it takes, returns and raises, and shows it in an example."""

import inspect
from collections.abc import Iterator
from itertools import pairwise

import pytest

import mixirt
from mixirt import datasets, plots, priors

MODULES = (mixirt, priors, datasets, plots)


def public_functions() -> Iterator[tuple[str, object]]:
    """Functions of the public modules, and public methods of the public classes."""
    for module in MODULES:
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) and not issubclass(thing, Exception):
                for attribute, member in inspect.getmembers(thing, inspect.isfunction):
                    if not attribute.startswith("_"):
                        yield f"{name}.{attribute}", member
            elif inspect.isfunction(thing):
                yield f"{module.__name__}.{name}", thing


def public_objects() -> Iterator[tuple[str, object]]:
    """Everything a caller can name, properties included."""
    yield from public_functions()
    for module in MODULES:
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing):
                yield name, thing
                for attribute, member in inspect.getmembers(
                    thing, lambda m: isinstance(m, property)
                ):
                    yield f"{name}.{attribute}", member


def sections(text: str) -> set[str]:
    """Headings of a docstring in the NumPy style."""
    lines = [line.strip() for line in text.splitlines()]
    return {title for title, rule in pairwise(lines) if rule and set(rule) == {"-"}}


FUNCTIONS = dict(public_functions())
OBJECTS = dict(public_objects())


@pytest.mark.parametrize("name", OBJECTS)
def test_a_public_name_has_a_sentence_of_its_own(name):
    text = inspect.getdoc(OBJECTS[name]) or ""
    first = text.split("\n\n")[0].strip()
    assert first.endswith((".", ":")), f"{name}: {first!r}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_tells_parameters_results_and_example(name):
    function = FUNCTIONS[name]
    text, found = inspect.getdoc(function) or "", sections(inspect.getdoc(function) or "")
    signature = inspect.signature(function)
    parameters = [p for p in signature.parameters if p != "self"]
    assert not parameters or "Parameters" in found, f"{name} does not describe {parameters}"
    missing = [p for p in parameters if f"{p}" not in text]
    assert not missing, f"{name} does not mention {missing}"
    returns = signature.return_annotation not in (None, "None", inspect.Signature.empty)
    assert not returns or {"Returns", "Yields"} & found, f"{name} does not say what it returns"
    assert "Examples" in found, f"{name} has no example"
    assert ">>>" in text
