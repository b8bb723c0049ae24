"""What came of it: docs/benchmarks.csv, the table in docs/benchmarks.md, and the chart."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from benches import machine, pages
from benches.compare import chart
from benches.compare.cases import CASES
from benches.compare.programs import OURS, PROGRAMS, module
from benches.compare.runner import Row

CSV = "docs/benchmarks.csv"
CHART = "docs/images/benchmarks.png"

#: A log-likelihood that is short by less is called the maximum.
SAME_LOGLIK = 0.005

_HEAD = """\
| case | program | seconds | times mixirt | memory, MB | log-likelihood | short by |
|---|---|--:|--:|--:|--:|--:|"""


def line(row: Row) -> str:
    """Show a row in the terminal."""
    loglik = "" if row.loglik is None else f"  log-likelihood {row.loglik:.4f}"
    peak = "" if row.peak_mb is None else f"  {row.peak_mb:.0f} MB"
    return f"{module(row.program).TITLE:10s} {_seconds(row)}{peak}{loglik}"


def write(rows: Sequence[Row], root: Path) -> None:
    """Renew the CSV file, the table and the chart; rows that were not run again stay."""
    merged = {(r.case, r.program): r for r in (*read(root / CSV), *rows)}
    ordered = [merged[case, p] for case in CASES for p in PROGRAMS if (case, p) in merged]
    with (root / CSV).open("w", newline="") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(_rounded(asdict(row)) for row in ordered)
    # What the page shows follows from the file, to the last place.
    rounded = read(root / CSV)
    chart.draw(rounded, root / CHART)
    pages.renew("peers", _section(rounded), root)


def read(path: Path) -> list[Row]:
    """Read the rows of an earlier run."""
    if not path.exists():
        return []
    numbers = {f.name for f in fields(Row) if "float" in str(f.type)}
    rows = []
    with path.open(newline="") as file:
        for found in csv.DictReader(file):
            values: dict[str, Any] = {
                name: (float(text) if text else None) if name in numbers else text
                for name, text in found.items()
            }
            rows.append(Row(**values | {"n_runs": int(found["n_runs"])}))
    return rows


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    digits = {"seconds": "{:.4g}", "peak_mb": "{:.0f}", "loglik": "{:.4f}", "own_loglik": "{:.4f}"}
    return {
        name: digits[name].format(value) if name in digits and value is not None else value
        for name, value in values.items()
    }


def _section(rows: Sequence[Row]) -> str:
    versions = {r.program: r.version for r in rows if r.version}
    programs = ", ".join(f"{module(p).TITLE} {v}" for p, v in versions.items())
    absent = [p for p in PROGRAMS if any(r.program == p and r.status == "absent" for r in rows)]
    note = "".join(f" {module(p).TITLE} was not installed there." for p in absent)
    return f"""\
{programs}. {machine.description()}.{note}

{table(rows)}
"""


def table(rows: Sequence[Row]) -> str:
    """Write the table of docs/benchmarks.md."""
    lines = [_HEAD]
    for case in CASES.values():
        here = [r for r in rows if r.case == case.name and r.status not in ("cannot", "absent")]
        ours = next((r.seconds for r in here if r.program == OURS), None)
        best = max((r.loglik for r in here if r.loglik is not None), default=None)
        title = case.title
        for row in here:
            lines.append(_table_line(row, title, ours, best))
            title = ""
        unable = [
            module(r.program).TITLE for r in rows if (r.case, r.status) == (case.name, "cannot")
        ]
        if unable:
            lines.append(f"| {title} | {', '.join(unable)} | cannot | | | | |")
    return "\n".join(lines)


def _table_line(row: Row, title: str, ours: float | None, best: float | None) -> str:
    is_ours = row.program == OURS
    ratio = "" if is_ours or not ours or not row.seconds else f"{row.seconds / ours:,.3g}"
    if ratio and row.seconds and ours and row.seconds / ours >= 100:
        ratio = f"{row.seconds / ours:,.0f}"
    if row.status == "limit" and ratio:
        ratio = f"> {ratio}"
    memory = "" if row.peak_mb is None else f"{row.peak_mb:.0f}"
    loglik = "" if row.loglik is None else f"{row.loglik:.3f}"
    short = ""
    if row.loglik is not None and best is not None:
        gap = best - row.loglik
        short = "" if gap < SAME_LOGLIK else f"{gap:.2f}"
    name = module(row.program).TITLE
    cells = [title, name, _seconds(row), ratio, memory, loglik, short]
    cells = [f"**{c}**" if is_ours and c and k > 0 else c for k, c in enumerate(cells)]
    return f"| {' | '.join(cells)} |"


def _seconds(row: Row) -> str:
    if row.status == "limit":
        return f"> {row.seconds:.0f}"
    if row.seconds is None:
        return row.status
    if row.seconds < 1e-3:
        return f"{row.seconds:.6f}"
    return f"{row.seconds:.4f}" if row.seconds < 1 else f"{row.seconds:.3g}"
