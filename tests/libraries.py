"""Libraries that not every interpreter has: polars has no wheels for free-threaded Python yet."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest

__all__ = ["installed", "polars"]


class Absent:
    """Stands for a library that is not here, and all it gives: tests that use it are skipped.

    Modules of tests can be collected all the same, with what they make of it at their top.
    """

    def __init__(self, library: str) -> None:
        self._library = library

    def _skip_test(self) -> None:
        if "PYTEST_CURRENT_TEST" in os.environ:
            pytest.skip(f"{self._library} is not installed")

    @property
    def __class__(self) -> type:  # what `isinstance` asks for, and mixirt of all that it is given
        self._skip_test()
        return Absent

    def __getattr__(self, name: str) -> Any:
        self._skip_test()
        if name.startswith("__"):
            raise AttributeError(name)  # what collecting looks for
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self.called


def installed(library: str) -> Any:
    """Give a library, or what stands for one that is not here."""
    try:
        return importlib.import_module(library)
    except ImportError:
        return Absent(library)


polars = installed("polars")
