"""R mirt: runs r_mirt.R where Rscript and the package are present, and reads what it writes.

Its parameters are those of mixirt: intercepts beside slopes, named d, d1, d2, ... in its tables.
"""

from __future__ import annotations

import csv
import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
from benches.compare.cases import Case
from benches.compare.estimates import Estimates
from numpy.typing import NDArray

TITLE = "R mirt"

SCRIPT = Path(__file__).with_name("r_mirt.R")


@cache
def is_present() -> bool:
    """Whether R has the package mirt."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        return False
    loaded = subprocess.run([rscript, "-e", "library(mirt)"], capture_output=True, check=False)
    return loaded.returncode == 0


def cannot(case: Case) -> bool:
    return case.structure == "classes"


def command(case: Case, directory: Path) -> list[str]:
    """Give the command that makes one fit, having written what the script reads."""
    np.savetxt(directory / "q_matrix.csv", case.q_matrix, fmt="%d", delimiter=",")
    codes = directory / "codes.csv"
    if not codes.exists():
        np.savetxt(codes, np.load(directory / "codes.npy"), fmt="%d", delimiter=",")
        if (directory / "groups.npy").exists():
            np.savetxt(directory / "groups.csv", np.load(directory / "groups.npy"), fmt="%d")
    settings = [case.model, case.structure, case.task, str(case.n_strata)]
    return ["Rscript", str(SCRIPT), str(directory), *settings]


def read_estimates(case: Case, directory: Path) -> Estimates:
    """Read the files that the script wrote: three for each stratum, and the proportions."""
    groups = []
    for k in range(1, case.n_strata + 1):
        items = of_items(case, _columns(directory / f"items_{k}.csv"))
        mean = np.loadtxt(directory / f"mean_{k}.csv", delimiter=",", ndmin=1)
        covariance = np.loadtxt(directory / f"covariance_{k}.csv", delimiter=",", ndmin=2)
        groups.append(
            Estimates(items.slopes, items.intercepts, mean[None], covariance[None], items.guessing)
        )
    proportions = directory / "proportions.csv"
    return Estimates.of_groups(groups, np.loadtxt(proportions) if proportions.exists() else None)


def of_items(case: Case, columns: dict[str, NDArray[np.float64]]) -> Estimates:
    """Translate the item parameters, by the names of their columns."""
    n_dims = case.q_matrix.shape[1]
    slopes = np.stack([columns[f"a{j + 1}"] for j in range(n_dims)], axis=1)
    names = ["d"] if case.n_categories == 2 else [f"d{m}" for m in range(1, case.n_categories)]
    intercepts = np.stack([columns[name] for name in names], axis=1)
    guessing = columns["g"] if case.model == "3pl" else None
    return Estimates.of_one_group(slopes, intercepts, guessing=guessing)


def _columns(path: Path) -> dict[str, NDArray[np.float64]]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
