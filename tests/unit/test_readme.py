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


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
IN_RUST = ROOT / "rust_core"
PLACES = {"core": IN_RUST / "src", "bindings": IN_RUST / "bindings" / "src"}
"""What `CONTRIBUTING.md` calls the two folders."""


def source(name: str) -> str:
    """Return the text of a file by the name that pages give it."""
    first, _, rest = name.partition("/")
    paths = (ROOT / name, IN_RUST / "src" / name, PLACES.get(first, ROOT) / rest)
    return next((p.read_text(encoding="utf-8") for p in paths if p.is_file()), "")


def defines(text: str, name: str) -> bool:
    """Whether a source defines a function, a type, or a function or field of a type."""
    owner, _, member = name.replace(".", "::").rpartition("::")
    has_owner = not owner or re.search(rf"\b(impl|for|struct|enum|trait|class) {owner}\b", text)
    what = rf"\b(fn|def|struct|enum|trait|class) {member}\b|\bpub {member}:"
    return bool(has_owner and re.search(what, text))


@pytest.mark.parametrize(("page", "least"), [(METHOD, 15), (CONTRIBUTING, 15)])
def test_every_function_that_a_page_names_is_in_its_file(page: str, least: int) -> None:
    """Whoever looks an equation or a step up has to find its function, in the file named."""
    named = re.findall(r"`([\w/]+\.(?:rs|py))`: `(\w+(?:(?:::|\.)\w+)?)`", page)
    assert len(named) > least
    assert [f"{file}: {name}" for file, name in named if not defines(source(file), name)] == []


def test_every_function_of_a_type_that_the_method_names_exists() -> None:
    texts = [path.read_text(encoding="utf-8") for path in IN_RUST.glob("src/**/*.rs")]
    named = set(re.findall(r"`([A-Z]\w+::\w+)`", METHOD))
    assert len(named) > 15
    assert [name for name in named if not any(defines(text, name) for text in texts)] == []
