"""Pages of the documentation as programs: their blocks, what these print, what is shown.

    python -m tests.docs.pages docs/tutorials/first-calibration.md

runs a page and puts what its blocks print where the page shows something else.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

__all__ = ["Block", "blocks", "differences", "run_page"]

_FENCE = re.compile(r"^```(python|console|text)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])-?\d*\.?\d+(?:e[+-]?\d+)?(?![\w])")

ANYTHING = "..."
"""A line of it stands for any lines; at the end of a line, for the rest of the line."""


@dataclass(frozen=True)
class Block:
    """A block of code on a page, and the output shown right after it."""

    language: str
    code: str
    line: int
    shown: str | None = None
    span: tuple[int, int] = (0, 0)
    """Where on the page the output stands."""


def blocks(text: str) -> list[Block]:
    """Return the blocks of a page that run: Python and the command line."""
    found: list[Block] = []
    end = -1
    for fence in _FENCE.finditer(text):
        language, body = fence[1], fence[2]
        if language != "text":
            line = text.count("\n", 0, fence.start()) + 2
            found.append(Block(language, body, line, span=fence.span(2)))
            end = fence.end()
        elif found and end >= 0 and not text[end : fence.start()].strip():
            last = found.pop()
            found.append(Block(last.language, last.code, last.line, body, fence.span(2)))
            end = -1
    return found


def run_page(path: Path, folder: Path) -> Iterator[tuple[Block, str]]:
    """Run the blocks of a page one after another in a folder; give each with what it printed."""
    text = path.read_text(encoding="utf-8")
    namespace: dict[str, object] = {"__name__": "page"}
    # Filters that a page sets hold until its end.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for block in blocks(text):
            caught.clear()
            if block.language == "console":
                yield block, _console(block.code, folder)
                continue
            # As many empty lines as stand before the block: errors name the line of the page.
            code = compile("\n" * (block.line - 1) + block.code, str(path), "exec")
            printed, error = _python(code, namespace, folder, block.shown)
            told = [f"{w.category.__name__}: {w.message}\n" for w in caught]
            yield block, printed + "".join(told) + error


def _python(
    code: CodeType, namespace: dict[str, object], folder: Path, shown: str | None
) -> tuple[str, str]:
    """Run code in a folder; what it prints, and its error in a line."""
    printed = io.StringIO()
    before = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(printed):
            error = _run(code, namespace, shown)
    finally:
        os.chdir(before)
    return printed.getvalue(), error


def _run(code: CodeType, namespace: dict[str, object], shown: str | None) -> str:
    try:
        exec(code, namespace)
    except Exception as error:
        line = f"{type(error).__name__}: {error}\n"
        if shown is None or type(error).__name__ not in shown:
            raise
        return line
    return ""


def _console(code: str, folder: Path) -> str:
    """Run the lines after `$`; the block as it would stand with what they print."""
    result = []
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in _commands(code):
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env={**os.environ, "PATH": search, "COLUMNS": "100"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        result.append(f"$ {command}\n{done.stdout}")
    return "".join(result)


def _commands(code: str) -> list[str]:
    """Commands of a block; a line that ends in a backslash goes on."""
    joined = code.replace("\\\n", "\\\0")
    lines = [line[2:] for line in joined.splitlines() if line.startswith("$ ")]
    return [line.replace("\\\0", "\\\n") for line in lines]


def differences(shown: str, found: str) -> list[str]:
    """Lines that differ, in words or by more than a unit of the last digit shown."""
    expected, actual = shown.rstrip().splitlines(), found.rstrip().splitlines()
    wrong, position = [], 0
    for k, line in enumerate(expected):
        if line.strip() == ANYTHING:
            if k + 1 == len(expected):
                return wrong
            following = range(position, len(actual))
            at = [i for i in following if _agrees(expected[k + 1], actual[i])]
            position = at[0] if at else len(actual)
            continue
        if position >= len(actual):
            wrong.append(f"not printed: {line}")
        elif not _agrees(line, actual[position]):
            wrong.append(f"shown {line!r}, printed {actual[position]!r}")
        position += 1
    return wrong + [f"not shown: {line}" for line in actual[position:]]


def _agrees(shown: str, found: str) -> bool:
    if shown.endswith(ANYTHING):
        return found.startswith(shown.removesuffix(ANYTHING).rstrip())
    a, b = _NUMBER.findall(shown), _NUMBER.findall(found)
    same_words = _NUMBER.sub("#", shown).split() == _NUMBER.sub("#", found).split()
    return (
        same_words
        and len(a) == len(b)
        and all(abs(float(x) - float(y)) <= _unit(x) for x, y in zip(a, b, strict=True))
    )


def _unit(number: str) -> float:
    """Return a unit of the last digit of a number, and a hair for rounding; 0 for integers."""
    mantissa, _, exponent = number.partition("e")
    decimals = len(mantissa.partition(".")[2])
    if not decimals and not exponent:
        return 0.0
    return 1.001 * 10.0 ** (int(exponent or 0) - decimals)


def main(paths: list[str]) -> None:
    """Bring the outputs on pages up to date."""
    for path in map(Path, paths):
        text = path.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            for block, found in reversed(list(run_page(path, Path(folder)))):
                shown = block.code if block.language == "console" else block.shown
                if shown is not None and differences(shown, found):
                    clean = "".join(f"{line.rstrip()}\n" for line in found.splitlines())
                    text = text[: block.span[0]] + clean + text[block.span[1] :]
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
