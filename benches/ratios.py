"""The ratios of the last `cargo bench`: how many times faster than the plain way, stage by stage.

`make bench` ends with it; `python -m benches.ratios` alone shows the last run again. It needs
nothing but Python: criterion leaves a file of estimates for each line it measured.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

#: How many times as fast as the plain kernel the E-step has to be.
ASKED = {
    "2pl 10,000 x 30": 20,
    "2pl 100,000 x 40": 20,
    "3pl 20,000 x 40": 20,
    "gpcm 5,000 x 30, 5 categories": 8,
    "grm 10,000 x 20, 5 categories": 8,
    "2pl 5,000 x 30, 3 attributes": 200,
}

#: Stages beside a plain way to do them.
COMPARED = {
    "e_step": "E-step",
    "tables": "tables of the items",
    "encode": "answers to codes",
    "patterns": "codes to patterns",
    "score": "EAP scores",
}


class Line(NamedTuple):
    """What criterion measured: median milliseconds by stage, way and case."""

    stage: str
    way: str
    case: str


def read(criterion: Path) -> dict[Line, float]:
    """Read the newest estimates of every line."""
    times = {}
    for path in sorted(criterion.glob("*/*/*/new/benchmark.json")):
        named = json.loads(path.read_text())
        estimates = json.loads((path.parent / "estimates.json").read_text())
        line = Line(named["group_id"], named["function_id"], named["value_str"])
        times[line] = estimates["median"]["point_estimate"] / 1e6
    return times


def compared(times: dict[Line, float]) -> list[list[str]]:
    """Rows of the table of stages."""
    rows = []
    for stage, title in COMPARED.items():
        cases = [line.case for line in times if (line.stage, line.way) == (stage, "mixirt")]
        for case in sorted(cases, key=lambda c: (list(ASKED).index(c) if c in ASKED else 99, c)):
            ours = times[Line(stage, "mixirt", case)]
            plain = times.get(Line(stage, "plain", case))
            whole = times.get(Line(stage, "whole grid", case))
            asked = ASKED.get(case) if stage == "e_step" else None
            rows.append(
                [
                    title,
                    case,
                    f"{ours:.3g}",
                    "" if whole is None else f"{whole:.3g}",
                    "" if plain is None else f"{plain:.3g}",
                    "" if plain is None else f"{plain / ours:.3g}",
                    "" if asked is None else f"{asked}",
                ]
            )
    return rows


def counted(times: dict[Line, float]) -> list[list[str]]:
    """Rows of the table of work whose cost is counted in E-steps."""
    rows = []
    for line, ms in times.items():
        if line.stage == "m_step":
            title, e_step = "M-step", Line("e_step", "mixirt", line.case)
        elif line.stage == "standard_errors" and line.way != "e_step":
            # The E-step measured beside them: at the estimates, with the same missing answers.
            title, e_step = f"standard errors, {line.way}", Line(line.stage, "e_step", line.case)
        else:
            continue
        cost = f"{ms / times[e_step]:.3g}" if e_step in times else ""
        rows.append([title, line.case, f"{ms:.3g}", cost])
    return rows


def table(head: list[str], rows: list[list[str]], n_texts: int = 2) -> str:
    """Lay out a table in Markdown, its columns in line; the first columns are text."""
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]

    def line(row: list[str]) -> str:
        cells = [
            cell.ljust(width) if k < n_texts else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = ["-" * w if k < n_texts else "-" * (w - 1) + ":" for k, w in enumerate(widths)]
    return "\n".join([line(head), f"|-{'-|-'.join(rule)}-|", *map(line, rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew the section of the page")
    write = parser.parse_args().write
    times = read(ROOT / "target" / "criterion")
    if not times:
        parser.error("nothing was measured yet: make bench")
    stages = table(
        ["stage", "case", "ms", "whole grid", "plain, ms", "ratio", "asked"], compared(times)
    )
    costs = table(["work", "case", "ms", "in E-steps"], counted(times))
    print(f"\n{stages}\n\n{costs}")
    if write:
        from benches import machine, pages

        text = f"{machine.description()}, one thread.\n\n{stages}\n\n{costs}\n"
        pages.renew("stages", text, ROOT)


if __name__ == "__main__":
    main()
