"""Run a study and write its page, figures and chart to `docs/`.

make recovery: the report's; make recovery-extended: what goes beyond it. For a look at a part:
make recovery RECOVERY_ARGS="--replicates 5 --only '2PL;GPCM' --stdout".
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benches.recovery import chart, extended_chart, extended_page, page
from benches.recovery.conditions import CASES
from benches.recovery.designs import DESIGNS
from benches.recovery.extended import summaries
from benches.recovery.figures import figures, write_csv
from benches.recovery.study import DEFAULTS, all_data_sets

DOCS = Path(__file__).resolve().parents[2] / "docs"
#: Data sets of each model of the report, and of each condition beyond it.
N_REPORT, N_EXTENDED = 30, 100
#: The mixtures once more: data sets, and respondents in each.
N_LARGE, LARGE = 20, 30_000


def report(options: Any, clock: Callable[[], float]) -> str:
    """Repeat the report's study; return its page."""
    n = options.replicates or N_REPORT
    names = options.only or list(DESIGNS)
    rows = figures(all_data_sets(names, n, options.processes))
    text = page.markdown(rows, n, clock())
    if not options.stdout:
        (DOCS / "recovery.md").write_text(text, encoding="utf-8")
        write_csv(DOCS / "recovery.csv", rows)
        chart.chart(rows, DOCS / "recovery.png")
    return text


def extended(options: Any, clock: Callable[[], float]) -> str:
    """Go beyond the report; return the page."""
    n, processes = options.replicates or N_EXTENDED, options.processes
    rows = []
    for name in options.only or CASES:
        rows += summaries(name, n, processes)
        print(f"{name}: {clock():.0f} s", file=sys.stderr)
    mixtures = [name for name, design in DESIGNS.items() if design.groups == "latent"]
    more = figures(all_data_sets(DESIGNS, n, processes, (DEFAULTS,)))
    print(f"the report's models: {clock():.0f} s", file=sys.stderr)
    n_large = min(n, N_LARGE)
    large = figures(all_data_sets(mixtures, n_large, processes, (DEFAULTS,), LARGE))
    text = extended_page.markdown(rows, more, large, n, clock())
    if not options.stdout:
        (DOCS / "recovery-extended.md").write_text(text, encoding="utf-8")
        write_csv(DOCS / "recovery-extended.csv", rows)
        write_csv(DOCS / "recovery-more.csv", more + large)
        extended_chart.chart(rows, DOCS / "recovery-extended.png")
    return text


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extended", action="store_true", help="the study beyond the report")
    parser.add_argument("--replicates", type=int, help="data sets of each model")
    parser.add_argument("--only", type=lambda names: names.split(";"), help="models, by semicolons")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--stdout", action="store_true", help="print the page, write no files")
    options = parser.parse_args()
    begin = time.perf_counter()
    text = (extended if options.extended else report)(options, lambda: time.perf_counter() - begin)
    if options.stdout:
        print(text)


if __name__ == "__main__":
    main()
