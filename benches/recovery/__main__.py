"""Run a study and write its page, figures and chart to `docs/`.

make recovery-extended: what goes beyond the report's, and its models in many more data sets;
make recovery: the report's; says of every figure what more data sets say. For a look at a part:
make recovery RECOVERY_ARGS="--replicates 5 --only '2PL;GPCM'". After a change of words:
make recovery RECOVERY_ARGS=--from-files.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from benches.recovery import chart, extended_chart, extended_page, page
from benches.recovery.conditions import CASES
from benches.recovery.designs import DESIGNS
from benches.recovery.extended import Summary, summaries
from benches.recovery.figures import Figure, T, figures, read_csv, write_csv
from benches.recovery.study import all_data_sets, all_truths

DOCS = Path(__file__).resolve().parents[2] / "docs"
#: Figures of each study; beside them its page and its chart.
REPORT, EXTENDED = DOCS / "recovery.csv", DOCS / "recovery-extended.csv"
#: Data sets of each model of the report, and of each condition beyond it.
N_REPORT, N_EXTENDED = 30, 100
#: The report's models with more data sets: made by the study beyond it, and used by both pages.
AGAIN = DOCS / "recovery-again.csv"


def report(options: Any) -> str:
    """Repeat the report's study; return its page."""
    n = options.replicates or N_REPORT
    if options.from_files:
        rows = read_csv(REPORT, Figure)
    else:
        names = options.only or list(DESIGNS)
        rows = figures(all_data_sets(names, n, options.processes))
    if not options.stdout:
        rows = written(REPORT, rows)
        chart.chart(rows, REPORT.with_suffix(".png"))
    return page.markdown(rows, read_csv(AGAIN, Figure), n)


def extended(options: Any) -> str:
    """Go beyond the report; return the page."""
    n, processes = options.replicates or N_EXTENDED, options.processes
    if options.from_files:
        rows = read_csv(EXTENDED, Summary)
    else:
        rows = []
        for name in options.only or CASES:
            rows += summaries(name, n, processes)
            print(name, file=sys.stderr)
    if options.only or options.from_files:
        again = read_csv(AGAIN, Figure)
    else:
        again = []
        for name in DESIGNS:
            again += figures(all_truths([name], min(n, N_REPORT), processes))
            print(name, file=sys.stderr)
    if not options.stdout:
        rows = written(EXTENDED, rows)
        again = written(AGAIN, again)
        extended_chart.chart(rows, EXTENDED.with_suffix(".png"))
    return extended_page.markdown(rows, again, n)


def written(path: Path, rows: list[T]) -> list[T]:
    """Write figures to a file and read them again: a page says what its file says."""
    write_csv(path, rows)
    return read_csv(path, type(rows[0]))


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extended", action="store_true", help="the study beyond the report")
    parser.add_argument("--replicates", type=int, help="data sets of each model")
    parser.add_argument(
        "--only", type=lambda names: names.split(";"), help="models, by semicolons; printed"
    )
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--stdout", action="store_true", help="print the page, write no files")
    parser.add_argument(
        "--from-files", action="store_true", help="draw nothing: page and chart of the figures kept"
    )
    options = parser.parse_args()
    options.stdout = options.stdout or bool(options.only)  # a part is no page
    text = (extended if options.extended else report)(options)
    if options.stdout:
        print(text)
    else:
        path = EXTENDED if options.extended else REPORT
        path.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
