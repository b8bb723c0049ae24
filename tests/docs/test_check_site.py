"""The check of the finished site finds what it looks for."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "check_site.py"


def check_site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_site", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="other.html#here">x</a>', None),
        ('<a href="https://example.org/page">x</a>', None),
        ('<a href="#top">x</a><p id="top">', None),
        ('<a href="missing.html">x</a>', "missing.html leads nowhere"),
        ('<a href="other.html#gone">x</a>', "no such place"),
        ('<a href="#gone">x</a>', "no such place"),
        ('<script src="https://example.org/a.js"></script>', "fetches https://example.org/a.js"),
        ('<img src="a.png">', "a.png is not there"),
        ('<img src="other.html?v=1">', None),
        ('<img src="//example.org/a.png">', "fetches //example.org/a.png"),
    ],
)
def test_dead_links_and_things_from_outside_are_found(
    body: str, problem: str | None, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text(body, encoding="utf-8")
    (tmp_path / "other.html").write_text('<h1 id="here">x</h1>', encoding="utf-8")
    found = check_site().problems(tmp_path)
    if problem is None:
        assert found == []
    else:
        assert len(found) == 1
        assert problem in found[0]


def test_a_site_without_pages_is_a_problem(tmp_path: Path) -> None:
    assert check_site().problems(tmp_path) == [f"{tmp_path}: no pages"]
