"""The command line: `python -m benches.compare`, or `make bench-peers BENCH_ARGS="..."`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benches.compare import report
from benches.compare.cases import CASES
from benches.compare.programs import OURS, PROGRAMS
from benches.compare.runner import ROOT, Settings, peers_present, run


def main() -> None:
    arguments = _parse()
    python = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    settings = Settings(arguments.peers / python, arguments.repeats, arguments.limit)
    programs = arguments.programs
    if not peers_present(settings):
        programs = [p for p in programs if p in (OURS, "r-mirt")]
        print(f"no other programs in {arguments.peers.name}: make bench-peers installs them")
    rows = []
    for name in arguments.cases:
        print(f"{CASES[name].title}", flush=True)
        for row in run(CASES[name], programs, settings):
            print(f"  {report.line(row)}", flush=True)
            rows.append(row)
    if arguments.write:
        report.write(rows, ROOT)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benches.compare", description=__doc__)
    add = parser.add_argument
    add(
        "--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE", help="default all"
    )
    add("--programs", nargs="+", choices=PROGRAMS, default=list(PROGRAMS), metavar="PROGRAM")
    add("--repeats", type=int, default=5, help="processes for each program and case; default 5")
    add("--limit", type=float, default=120.0, help="seconds for one fit; default 120")
    add("--peers", type=Path, default=ROOT / ".venv-peers", help="environment of the others")
    add("--write", action="store_true", help="renew docs/benchmarks.* (rows not run stay)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
