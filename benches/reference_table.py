"""Fit the reference data and set log-likelihoods and times beside those of other programs.

`make reference-table` renews the table in README.md; `python -m benches.reference_table` in the
root of the repository prints it alone. What is compared with what: tests/reference/README.md.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from tests.reference import loading

import mixirt

REPEATS = 9
"""Fits of which the fastest is shown: what else the machine does can only slow a fit down."""

TOLERANCE = 1e-7
"""R mirt made the reference fits with this criterion on the parameters, so ours get it too."""

ATTRIBUTES = np.repeat(np.eye(2, dtype=int), 4, axis=0)
"""Items 1 to 4 measure one attribute, items 5 to 8 the other."""

BEGIN, END = "<!-- reference table -->\n", "<!-- end of reference table -->\n"


class Case(NamedTuple):
    """A fit that another program has made too; its name is that of the reference files."""

    name: str
    data: str
    model: str
    arguments: dict[str, Any]
    note: str = ""


CASES = [
    Case("lsat6_2pl", "lsat6", "2pl", {}),
    Case("lsat6_rasch", "lsat6", "rasch", {}),
    Case("lsat7_2pl", "lsat7", "2pl", {}),
    Case("lsat7_rasch", "lsat7", "rasch", {}),
    Case("science_grm", "science", "grm", {}),
    Case("science_gpcm", "science", "gpcm", {}),
    Case("science_pcm", "science", "pcm", {}),
    Case("sat12_2pl", "sat12", "2pl", {}),
    Case("sat12_3pl_prior", "sat12", "3pl", {}, "prior on guessing"),
    Case("mobility_2pl", "mobility", "2pl", {}),
    Case("mobility_2d", "mobility", "2pl", {"q_matrix": ATTRIBUTES}, "2 attributes"),
    Case(
        "mobility_2d",
        "mobility",
        "2pl",
        {"q_matrix": ATTRIBUTES, "n_quadrature": 81},
        "2 attributes, 81 x 81 nodes",
    ),
    Case("fims_2pl_configural", "fims", "2pl", {}, "2 groups"),
    Case("fims_2pl_scalar", "fims", "2pl", {"invariance": "scalar"}, "2 groups, all items equal"),
    Case(
        "fims_2pl_item1_free",
        "fims",
        "2pl",
        {"invariance": "scalar", "free_items": ["M1PTI1"]},
        "2 groups, 13 of 14 items equal",
    ),
    Case(
        "timss_mixed_scalar",
        "timss_aus_twn",
        "gpcm",
        {"invariance": "scalar"},
        "2 and 3 categories, 2 groups, all items equal",
    ),
    Case(
        "timss_grm_scalar",
        "timss_aus_twn",
        "grm",
        {"invariance": "scalar"},
        "2 and 3 categories, 2 groups, all items equal",
    ),
    *(
        Case(f"{data}_lca{k}", name, "latent classes", {"k": k}, f"{k}, best of 20 starts")
        for data, name, k in (
            ("gss87", "gss87_antirel", 2),
            ("carcinoma", "carcinoma", 2),
            ("carcinoma", "carcinoma", 3),
            ("mobility", "mobility", 2),
            ("mobility", "mobility", 3),
        )
    ),
]


class Row(NamedTuple):
    """One line of the table; log-likelihoods, and the seconds of R mirt or poLCA where known."""

    case: Case
    n_free: int
    other: float
    is_exact: bool
    ours: float
    other_seconds: float | None
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="renew the table in this file")
    write = parser.parse_args().write
    table = markdown([run(case) for case in CASES])
    print(table)
    if write is not None:
        before, _, rest = write.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        write.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


def run(case: Case) -> Row:
    responses, model, arguments = prepared(case)
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        if case.model == "latent classes":
            # Some probabilities of carcinoma are 0 or 1, which is said once and expected here.
            with warnings.catch_warnings(action="ignore", category=mixirt.BoundaryWarning):
                fit = mixirt.fit_latent_class(responses, n_starts=20, seed=1, **arguments)
        else:
            fit = mixirt.fit(responses, model, **arguments)
        seconds.append(time.perf_counter() - start)
    is_exact = case.name in loading.exact_names()
    other: dict[str, Any] = {}
    if case.name in loading.polca_names():
        other = loading.polca(case.name).other
    elif case.name in loading.mirt_names():
        other = loading.mirt(case.name).other
    reference = _reference(case, is_exact)
    if fit.n_parameters != reference.n_free or not fit.converged:
        raise SystemExit(f"{case.name} is not the fit it is compared with: {fit!r}")
    return Row(
        case=case,
        n_free=fit.n_parameters,
        other=reference.loglik,
        is_exact=is_exact,
        ours=fit.loglik,
        other_seconds=other.get("seconds"),
        seconds=min(seconds),
    )


def _reference(case: Case, is_exact: bool) -> Any:
    """Return the fit to compare with: an exact one where there is one."""
    if is_exact:
        return loading.exact(case.name)
    is_polca = case.name in loading.polca_names()
    return loading.polca(case.name) if is_polca else loading.mirt(case.name)


def prepared(case: Case) -> tuple[Any, Any, dict[str, Any]]:
    """Return responses with codes from 0, the model, and the arguments of the fit."""
    dataset = mixirt.datasets.load(case.data)
    codes = dataset.responses - dataset.responses.min()
    responses = pd.DataFrame(codes, columns=list(dataset.item_names))
    arguments = {**case.arguments, "tol_parameter": TOLERANCE, "tol_deviance": TOLERANCE}
    if dataset.groups is not None:
        arguments["groups"] = dataset.groups
    if case.model != "3pl":
        return responses, case.model, arguments
    guessing = mixirt.priors.normal(-1.1, 0.5)
    model = mixirt.Model("3pl", items=dataset.item_names).prior("guessing", guessing)
    return responses, model, arguments


def markdown(rows: list[Row]) -> str:
    lines = [
        "| data | model | parameters | reference | mixirt | R, s | mixirt, s |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        model = f"`{row.case.model}`" + (f", {row.case.note}" if row.case.note else "")
        other = f"**{row.other:.4f}**" if row.is_exact else f"{row.other:.4f}"
        known = "" if row.other_seconds is None else f"{row.other_seconds:.2f}"
        numbers = [str(row.n_free), other, f"{row.ours:.4f}", known, f"{row.seconds:.4f}"]
        lines.append("| " + " | ".join([f"`{row.case.data}`", model, *numbers]) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
