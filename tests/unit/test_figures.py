"""Figures on pages are those of the files beside them; of recovery: test_recovery_study.py."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from benches import coverage, scaling
from benches.compare import report

DOCS = Path(__file__).parents[2] / "docs"
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")

LAST_PLACE = 1.01
"""Figures of a file are rounded once more for the page, which may move the last place by one."""


def of_coverage() -> list[coverage.Row]:
    """Read the file of the study of coverage."""
    with (DOCS / "coverage.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return [
        coverage.Row(model, kind, method, int(n), int(n_fits), float(share), float(ratio))
        for model, kind, method, n, n_fits, share, ratio in rows
    ]


def differing(page: str, table: list[str]) -> list[tuple[str, str]]:
    """Return the lines of a page's table, found by its first line, that should be others."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    shown = lines[lines.index(table[0]) :][: len(table) + 1]
    assert shown[-1] == "", "the table on the page has more lines"
    return [pair for pair in zip(shown, table, strict=False) if not agree(*pair)]


def agree(shown: str, made: str) -> bool:
    """Whether the words are the same, and the numbers but for their last place."""
    if NUMBER.sub("#", shown) != NUMBER.sub("#", made):
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(made), strict=True)
    return all(abs(value(a) - value(b)) <= LAST_PLACE * unit(a) for a, b in pairs)


def value(number: str) -> float:
    return float(number.replace(",", ""))


def unit(number: str) -> float:
    """Return the last place that a number shows; counts have none to spare."""
    decimals = len(number.partition(".")[2])
    return 10.0**-decimals if decimals else 0.0


def test_the_table_of_other_programs_is_that_of_its_file() -> None:
    table = report.table(report.read(DOCS / "benchmarks.csv"))
    assert table in (DOCS / "benchmarks.md").read_text(encoding="utf-8")


def test_the_table_of_growing_sizes_is_that_of_its_file() -> None:
    table = "\n".join(scaling.table(scaling.read()))
    assert table in (DOCS / "benchmarks.md").read_text(encoding="utf-8")


def test_the_table_of_coverage_is_that_of_its_file() -> None:
    table = coverage.table(of_coverage())
    assert differing("coverage.md", table) == []


def test_figures_that_differ_are_noticed() -> None:
    assert agree("| grm | 95.1 (0.998) |", "| grm | 95.2 (0.998) |")
    assert not agree("| grm | 95.1 (0.998) |", "| grm | 95.3 (0.998) |")
    assert not agree("| grm | 95.1 (0.998) |", "| 2pl | 95.1 (0.998) |")
    assert not agree("| items | 1,000 |", "| items | 1,001 |")
