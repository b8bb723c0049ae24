"""The process that makes one fit: `python -m benches.compare.worker PROGRAM CASE DIRECTORY`.

It reads the responses from the directory, writes estimates there, and prints what it measured.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from benches.compare import measure
from benches.compare.cases import CASES, Case, Responses
from benches.compare.programs import module

#: Respondents of the fit before time is taken: imports on first use and threads are then there. Of
#: fewer, some would leave a category without an answer, and there would be no fit.
WARMING_UP = 1_000

#: Respondents that the parameters for scoring come from.
CALIBRATION = 5_000


def load_responses(directory: Path) -> Responses:
    """Read what the runner drew."""
    groups = directory / "groups.npy"
    return Responses(np.load(directory / "codes.npy"), np.load(groups) if groups.exists() else None)


def head(data: Responses, n: int) -> Responses:
    """Take the first respondents."""
    return Responses(data.codes[:n], None if data.groups is None else data.groups[:n])


def main() -> None:
    name, case_name, directory = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    program, case = module(name), CASES[case_name]
    warnings.simplefilter("ignore")
    version = program.load()
    baseline = measure.resident()
    work = fit if case.task == "fit" else score
    result = {"version": version, **work(program, case, load_responses(directory), directory)}
    result["peak_mb"] = (result.pop("peak") - baseline) / 1e6
    print(json.dumps(result))


def fit(program: ModuleType, case: Case, data: Responses, directory: Path) -> dict[str, Any]:
    """Time a fit and keep its estimates."""
    warm_up(program, case, data)
    prepared = program.prepare(case, data)
    del data
    measure.forget_peak()
    seconds, fitted = measure.seconds_of(lambda: program.fit(case, prepared))
    result = {"seconds": seconds, "peak": measure.peak()}
    result["own_loglik"] = program.own_loglik(case, fitted)
    program.estimates(case, fitted).save(directory / "estimates.npz")
    return result


def score(program: ModuleType, case: Case, data: Responses, directory: Path) -> dict[str, Any]:
    """Time the scoring of all respondents at once, or of one."""
    del directory
    fitted = program.fit(case, program.prepare(case, head(data, CALIBRATION)))
    if case.task == "score one":
        work = program.scoring(fitted, program.prepare(case, head(data, 1)))
        return {"seconds": measure.seconds_of_call(work), "peak": measure.peak()}
    program.scoring(fitted, program.prepare(case, head(data, WARMING_UP)))()
    work = program.scoring(fitted, program.prepare(case, data))
    del data
    measure.forget_peak()
    seconds, _ = measure.seconds_of(work)
    return {"seconds": seconds, "peak": measure.peak()}


def warm_up(program: ModuleType, case: Case, data: Responses) -> None:
    """Make a short fit to few respondents; whether it succeeds does not matter."""
    try:
        program.fit(case, program.prepare(case, head(data, WARMING_UP)), quick=True)
    except Exception as error:  # noqa: BLE001 -- another program may raise anything
        print(f"warming up: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
