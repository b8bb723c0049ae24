"""The README and the pages it leads to say what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import differences, run_page

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")]
)

TIMED = "converged after"
"""Begins the one line of a fit's page that differs from run to run."""

SHOWN = 1e-3
"""A fit stops within 1e-4 of the maximum, and its page has four decimals."""


def blocks(language: str) -> list[str]:
    """Return the contents of the README's code blocks of a language."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def words_and_numbers(line: str) -> tuple[list[str], list[float]]:
    """Return what is to be equal in a line, and what is to be close."""
    numbers = re.findall(r"-?\d+\.\d+", line)
    return re.sub(r"-?\d+\.\d+", "", line).split(), [float(number) for number in numbers]


def test_the_python_blocks_run_and_print_what_is_shown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace: dict[str, object] = {}
    monkeypatch.chdir(tmp_path)  # one block saves a file
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)
    printed = capsys.readouterr().out.splitlines()
    (page,) = blocks("text")
    for shown, found in zip(page.splitlines(), printed, strict=False):
        if not shown.startswith(TIMED):
            (words, numbers), (words_found, numbers_found) = map(words_and_numbers, (shown, found))
            assert words == words_found
            assert numbers == pytest.approx(numbers_found, abs=SHOWN)


def test_the_transcript_of_the_command_line_is_what_comes_out(tmp_path: Path) -> None:
    (transcript,) = blocks("console")
    (tmp_path / "page.md").write_text(f"```console\n{transcript}```\n", encoding="utf-8")
    ((block, found),) = run_page(tmp_path / "page.md", tmp_path)
    assert differences(block.code, found) == []
    assert "status 1" in found


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", (ROOT / page).read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (folder / link).exists()] == []


METHOD = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")


def test_every_test_that_the_method_names_exists() -> None:
    """A page that says which test checks an equation is worth nothing once the test is gone."""
    cells = [line.split("|")[3] for line in METHOD.splitlines() if line.count("|") == 4]
    in_tables = re.findall(r"`(\w+_\w+)`", " ".join(cells))
    in_prose = re.findall(r"`(test_\w+|\w+(?:_\w+){3,})`", METHOD)
    named = sorted({*in_tables, *in_prose})
    sources = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("rust_core/**/*.rs")]
    defined = " ".join(path.read_text(encoding="utf-8") for path in sources)
    assert len(named) > 30
    assert [name for name in named if not re.search(rf"\b(fn|def) {name}\b", defined)] == []


def test_every_file_that_the_method_names_exists() -> None:
    named = set(re.findall(r"`([\w/]+\.(?:rs|py))`", METHOD))
    folders = [ROOT, ROOT / "rust_core" / "src"]
    assert len(named) > 20
    assert [name for name in sorted(named) if not any((f / name).exists() for f in folders)] == []


def test_every_function_that_the_method_names_exists() -> None:
    """Whoever looks an equation up has to find its function, in the file that is named."""
    folders = [ROOT, ROOT / "rust_core" / "src"]
    texts = {p: p.read_text(encoding="utf-8") for p in ROOT.glob("rust_core/src/**/*.rs")}

    def defines(text: str, name: str) -> bool:
        owner, _, member = name.rpartition("::")
        has_owner = not owner or re.search(rf"\b(impl|for|struct|enum|trait|class) {owner}\b", text)
        what = rf"\b(fn|def|struct|enum|trait|class) {member}\b|\bpub {member}:"
        return bool(has_owner and re.search(what, text))

    in_files = re.findall(r"`([\w/]+\.(?:rs|py))`: `(\w+(?:(?:::|\.)\w+)?)`", METHOD)
    wrong = []
    for file, name in in_files:
        path = next((f / file for f in folders if (f / file).exists()), None)
        text = "" if path is None else path.read_text(encoding="utf-8")
        if not defines(text, name.replace(".", "::")):
            wrong.append(f"{file}: {name}")
    named = re.findall(r"`([A-Z]\w+::\w+)`", METHOD)
    assert len(in_files) > 15
    assert len(named) > 15
    wrong += [name for name in named if not any(defines(text, name) for text in texts.values())]
    assert wrong == []
