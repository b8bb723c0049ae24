"""What the pages show is what their code prints, and every page runs from top to bottom."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.docs.pages import blocks, differences, run_page

DOCS = Path(__file__).parents[2] / "docs"
FOLDERS = ("tutorials", "how-to", "coming-from")
PAGES = [
    "index.md",
    "numerics.md",
    *sorted(p.relative_to(DOCS).as_posix() for f in FOLDERS for p in DOCS.glob(f"{f}/*.md")),
]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_and_prints_what_it_shows(page: str, tmp_path: Path) -> None:
    if shutil.which("sh") is None and "```console" in (DOCS / page).read_text(encoding="utf-8"):
        pytest.skip("the page has commands for a shell that is not here")
    wrong = []
    for block, found in run_page(DOCS / page, tmp_path):
        if block.language == "console":
            lines = differences(block.code, found)
        elif block.shown is None and not found:
            lines = []
        else:
            lines = differences(block.shown or "", found)
        wrong += [f"block at line {block.line}: {line}" for line in lines]
    assert wrong == []


def test_there_are_tutorials_and_how_to_pages_with_code() -> None:
    with_code = [page for page in PAGES if blocks((DOCS / page).read_text(encoding="utf-8"))]
    assert sum(page.startswith("tutorials/") for page in with_code) >= 6
    assert sum(page.startswith("how-to/") for page in with_code) >= 15


@pytest.mark.parametrize(
    ("shown", "found", "agree"),
    [
        ("a  1.25\n", "a 1.254\n", True),
        ("a  1.25\n", "a 1.27\n", False),
        ("n 12\n", "n 13\n", False),
        ("p 1.2e-09\n", "p 1.25e-09\n", True),
        ("p 1.2e-09\n", "p 1.5e-09\n", False),
        ("took 3 s ...\n", "took 3 s and more\n", True),
        ("a\n...\nz\n", "a\nb\nc\nz\n", True),
        ("a\n...\nz\n", "a\nb\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("a\nb\n", "a\n", False),
    ],
)
def test_outputs_are_compared_to_the_digits_shown(shown: str, found: str, agree: bool) -> None:
    assert (differences(shown, found) == []) is agree


@pytest.mark.parametrize(
    ("page", "file"),
    [
        ("adding-an-item-family.md", "cloglog.rs"),
        ("adding-a-distribution.md", "principal.rs"),
        ("adding-a-standard-error-method.md", "hc1.rs"),
    ],
)
def test_worked_examples_are_the_files_that_are_compiled(page: str, file: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    compiled = DOCS.parent / "rust_core" / "tests" / "worked_examples" / file
    assert f"```rust\n{compiled.read_text(encoding='utf-8')}```\n" in text
    assert f"worked_examples/{file}" in text
