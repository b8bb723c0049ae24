"""The installed package as a whole: its version and what importing it costs."""

import ast
import importlib.metadata
import pkgutil
import subprocess
import sys
from pathlib import Path

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


def test_import_alone_does_not_even_load_numpy():
    """The import is then as cheap as an import can be; NumPy comes with the first name used."""
    assert "numpy" not in modules_loaded_by("import mixirt")
    assert "numpy" in modules_loaded_by("import mixirt; mixirt.fit")


def test_fitting_an_array_loads_no_library_for_frames():
    fit = "import mixirt; mixirt.fit([[0, 1], [1, 0], [1, 1], [0, 0]] * 9, 'rasch')"
    assert modules_loaded_by(fit).isdisjoint((*OPTIONAL_LIBRARIES, "narwhals"))


def test_a_scorer_from_a_file_loads_nothing_that_estimates(tmp_path):
    path = tmp_path / "lsat7.json"
    mixirt.fit(mixirt.datasets.load("lsat7").responses, "rasch").save(path)
    code = f"import sys, mixirt; mixirt.load({str(path)!r}).scorer(); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "mixirt.scorer" in loaded
    assert loaded.isdisjoint({"mixirt.fitting", "mixirt.matching", "mixirt.estimation", "narwhals"})


def test_no_module_hides_a_name():
    """A submodule becomes an attribute of the package when it is imported, whoever does it."""
    modules = {module.name for module in pkgutil.iter_modules(mixirt.__path__)}
    assert modules & set(mixirt.__all__) == {"datasets", "errors", "plots", "priors"}


def test_every_name_has_its_type_for_static_tools():
    tree = ast.parse(Path(mixirt.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {name.name for line in block.body for name in line.names}
    assert imported == set(mixirt.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'fti'"):
        _ = mixirt.fti


def test_naming_a_picture_loads_no_optional_library():
    assert modules_loaded_by("import mixirt; mixirt.plots.surface").isdisjoint(OPTIONAL_LIBRARIES)


@pytest.mark.parametrize("library", OPTIONAL_LIBRARIES)
def test_the_import_check_sees_each_library(library):
    """Guards the test above: it means something only where the libraries are installed."""
    if library == "polars":
        pytest.importorskip("polars", reason="free-threaded Python has none")
    assert library in modules_loaded_by(f"import {library}")
