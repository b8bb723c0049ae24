"""Who runs when: ours and theirs in turns, in fresh processes, none longer than the limit."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from benches.compare import yardstick
from benches.compare.cases import Case, Responses, draw
from benches.compare.estimates import Estimates
from benches.compare.programs import MODULES, OURS, module, r_mirt

ROOT = Path(__file__).parents[2]

#: Seconds that a process may take besides its fit: imports, reading, warming up.
SETTING_UP = 20.0


@dataclass(frozen=True)
class Settings:
    """How to run: `peers` is the interpreter of the environment that holds the other programs."""

    peers: Path
    repeats: int
    limit: float


@dataclass(frozen=True)
class Row:
    """A program on a case, a line of docs/benchmarks.csv.

    `status` is "ok", "cannot" (it has no such model), "limit" (it took longer than `seconds`),
    "failed", or "absent" (it is not installed). Memory is that at the peak of the fit, responses
    included, above that of the process with the program imported.
    """

    case: str
    program: str
    status: str
    version: str = ""
    seconds: float | None = None
    n_runs: int = 0
    peak_mb: float | None = None
    loglik: float | None = None
    own_loglik: float | None = None


@dataclass
class _Runs:
    """What has come of a program so far."""

    program: str
    results: list[dict[str, Any]] = field(default_factory=list)
    status: str = "ok"
    loglik: float | None = None

    def row(self, case: Case, limit: float) -> Row:
        if self.status == "limit":
            return Row(case.name, self.program, "limit", seconds=limit)
        if self.status != "ok" or not self.results:
            return Row(case.name, self.program, self.status)

        def median(key: str) -> float:
            return float(statistics.median(result[key] for result in self.results))

        last = self.results[-1]
        return Row(
            case.name,
            self.program,
            "ok",
            str(last["version"]),
            median("seconds"),
            len(self.results),
            median("peak_mb"),
            self.loglik,
            last.get("own_loglik"),
        )


def run(case: Case, programs: Sequence[str], settings: Settings) -> list[Row]:
    """Run the programs on a case."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        responses = draw(case)
        np.save(directory / "codes.npy", responses.codes)
        if responses.groups is not None:
            np.save(directory / "groups.npy", responses.groups)
        all_runs = [_Runs(program, status=_status(program, case)) for program in programs]
        for _ in range(settings.repeats):
            for runs in all_runs:
                if runs.status == "ok" and not _is_enough(runs, settings):
                    _run_once(runs, case, directory, settings)
                    if runs.status == "ok" and case.task == "fit" and runs.loglik is None:
                        runs.loglik = _evaluate(case, responses, directory)
    return [runs.row(case, settings.limit) for runs in all_runs]


def _status(program: str, case: Case) -> str:
    if program in MODULES:
        return "cannot" if module(program).cannot(case) else "ok"
    if r_mirt.cannot(case):
        return "cannot"
    return "ok" if r_mirt.is_present() else "absent"


def _is_enough(runs: _Runs, settings: Settings) -> bool:
    """Whether another run would take too long altogether."""
    spent = sum(result["seconds"] for result in runs.results)
    return bool(runs.results) and spent + runs.results[-1]["seconds"] > settings.limit / 2


def _run_once(runs: _Runs, case: Case, directory: Path, settings: Settings) -> None:
    (directory / "estimates.npz").unlink(missing_ok=True)
    if runs.program in MODULES:
        python = sys.executable if runs.program == OURS else str(settings.peers)
        worker = [python, "-m", "benches.compare.worker"]
        command = [*worker, runs.program, case.name, str(directory)]
    else:
        command = r_mirt.command(case, directory)
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=settings.limit + SETTING_UP,
            check=False,
        )
    except subprocess.TimeoutExpired:
        runs.status = "limit"
        return
    if done.returncode != 0:
        runs.status = "failed"
        print(f"{runs.program}, {case.name}: {done.stderr.strip()[-600:]}", file=sys.stderr)
        return
    if runs.program not in MODULES:
        r_mirt.read_estimates(case, directory).save(directory / "estimates.npz")
    result = json.loads(done.stdout.splitlines()[-1])
    if result["seconds"] > settings.limit:
        runs.status = "limit"
    runs.results.append(result)


def _evaluate(case: Case, responses: Responses, directory: Path) -> float | None:
    estimates = Estimates.load(directory / "estimates.npz")
    if not all(np.isfinite(x).all() for x in (estimates.slopes, estimates.intercepts)):
        return None
    return yardstick.log_likelihood(case, estimates, responses)


def peers_present(settings: Settings) -> bool:
    """Whether the environment of the other programs is there."""
    return shutil.which(str(settings.peers)) is not None
