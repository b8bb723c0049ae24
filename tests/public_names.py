"""The public functions and classes, for tests that hold for all of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import mixirt
from mixirt import datasets, plots, priors
from mixirt.bootstrap import Bootstrap
from mixirt.classification import Classification
from mixirt.contributions import Contributions
from mixirt.covariance import ParameterCovariance
from mixirt.diagnostics import Diagnostics
from mixirt.fit_classes import ClassComparison
from mixirt.goodness import GoodnessOfFit
from mixirt.provenance import DataSummary
from mixirt.wald import WaldTest

MODULES = (mixirt, priors, datasets, plots)
RETURNED = (
    Bootstrap,
    Classification,
    ClassComparison,
    Contributions,
    DataSummary,
    Diagnostics,
    GoodnessOfFit,
    ParameterCovariance,
    WaldTest,
)
"""Classes that nobody names, because public methods return their objects."""


def public_classes() -> Iterator[type]:
    yield from RETURNED
    for module in MODULES:
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) and not issubclass(thing, Exception):
                yield thing


def public_functions() -> Iterator[tuple[str, Any]]:
    """Functions of the public modules, and public methods of the public classes."""
    for module in MODULES:
        for name in module.__all__:
            if inspect.isfunction(getattr(module, name)):
                yield f"{module.__name__}.{name}", getattr(module, name)
    for kind in public_classes():
        for name, member in inspect.getmembers(kind, inspect.isroutine):
            if isinstance(member, cached_property):  # a routine from Python 3.14 on
                continue
            if not name.startswith("_") and "mixirt" in getattr(member, "__module__", ""):
                yield f"{kind.__name__}.{name}", member
