"""Run a study and write its page, figures and chart to `docs/`.

    make recovery
    make recovery-extended
    make recovery RECOVERY_ARGS="--replicates 5 --only '2PL;GPCM' --stdout"
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from benches.recovery.chart import chart
from benches.recovery.designs import DESIGNS
from benches.recovery.figures import figures, write_csv
from benches.recovery.page import markdown
from benches.recovery.study import all_data_sets

DOCS = Path(__file__).resolve().parents[2] / "docs"


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=30, help="data sets of each model")
    parser.add_argument("--only", default="", help="models, separated by semicolons")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--stdout", action="store_true", help="print the page, write no files")
    options = parser.parse_args()
    names = [name for name in options.only.split(";") if name] or list(DESIGNS)
    clock = time.perf_counter()
    made = all_data_sets(names, options.replicates, options.processes)
    rows = figures(made)
    page = markdown(rows, options.replicates, time.perf_counter() - clock)
    if options.stdout:
        print(page)
        return
    (DOCS / "recovery.md").write_text(page, encoding="utf-8")
    write_csv(DOCS / "recovery.csv", rows)
    chart(rows, DOCS / "recovery.png")


if __name__ == "__main__":
    main()
