"""The installed package as a whole: its version and what importing it costs."""

import importlib.metadata
import subprocess
import sys

import pytest
from packaging.version import Version

import mixirt

OPTIONAL_LIBRARIES = ("matplotlib", "pandas", "polars", "pyarrow", "scipy")


def modules_loaded_by(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after `statement`."""
    code = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_version_is_that_of_the_distribution():
    # Cargo and Python spell pre-releases differently, so versions are compared, not strings.
    assert Version(mixirt.__version__) == Version(importlib.metadata.version("mixirt"))


def test_everything_in_all_exists():
    assert [name for name in mixirt.__all__ if not hasattr(mixirt, name)] == []


def test_import_loads_no_optional_library():
    loaded = modules_loaded_by("import mixirt")
    assert "mixirt" in loaded
    assert loaded.isdisjoint(OPTIONAL_LIBRARIES)


@pytest.mark.parametrize("library", OPTIONAL_LIBRARIES)
def test_the_import_check_sees_each_library(library):
    """Guards the test above: it means something only where the libraries are installed."""
    assert library in modules_loaded_by(f"import {library}")
