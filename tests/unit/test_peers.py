"""The yardstick of `benches/compare`, and the translations of other programs' estimates."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from benches.compare import report, runner
from benches.compare.cases import CASES, Case, Responses, draw, probabilities, truth
from benches.compare.estimates import Estimates
from benches.compare.programs import girth_mml, pypi_mirt, r_mirt, stepmix_em
from benches.compare.yardstick import log_likelihood

from tests.tolerances import ROUNDING

#: Relative. The yardstick leaves out 2e-9 of a normal distribution, of which an extreme respondent
#: may have a larger share; otherwise both sums are exact to rounding.
YARDSTICK = 1e-3
"""Log-likelihoods are compared to two decimals."""

SAME_INTEGRAL = 1e-7

N = 60
SMALL = {name: replace(case, n_respondents=N) for name, case in CASES.items() if case.task == "fit"}


def plain_log_likelihood(case: Case, parameters: Estimates, responses: Responses) -> float:
    """Sum over a fine grid of its own, respondent by respondent, in plain NumPy."""
    n_dims = case.q_matrix.shape[1]
    z = np.linspace(-8, 8, 201 if n_dims == 1 else 41)
    density = np.exp(-z * z / 2) / np.exp(-z * z / 2).sum()
    grids = np.meshgrid(*[z] * n_dims, indexing="ij")
    nodes = np.stack([g.ravel() for g in grids], axis=1) if n_dims else np.zeros((1, 0))
    weights = np.ones(len(nodes))
    for g in np.meshgrid(*[density] * n_dims, indexing="ij"):
        weights = weights * g.ravel()
    pi = parameters.proportions
    total = np.zeros(len(responses.codes))
    for k in range(case.n_strata):
        theta = nodes @ np.linalg.cholesky(parameters.covariance[k]).T + parameters.mean[k]
        likelihood = np.ones((len(responses.codes), len(nodes)))
        for i in range(case.n_items):
            p = probabilities(case.model, parameters, (k, i), theta)
            likelihood *= p[:, responses.codes[:, i]].T
        if pi is not None:
            here = np.full(len(total), pi[k])
        elif responses.groups is not None:
            here = (responses.groups == k).astype(float)
        else:
            here = np.ones(len(total))
        total += here * (likelihood @ weights)
    return float(np.log(total).sum())


@pytest.mark.parametrize("name", [n for n in SMALL if n not in ("bifactor", "2pl_1m")])
def test_the_yardstick_agrees_with_a_plain_sum(name):
    case = SMALL[name]
    responses, parameters = draw(case), truth(case)
    plain = plain_log_likelihood(case, parameters, responses)
    measured = log_likelihood(case, parameters, responses)
    assert measured == pytest.approx(plain, rel=SAME_INTEGRAL)


def test_the_yardstick_is_fine_enough():
    for name in ("2pl_10k", "gpcm_2d", "2pl_3d", "bifactor"):
        case = SMALL[name]
        responses, parameters = draw(case), truth(case)
        finer = log_likelihood(case, parameters, responses, refinement=2)
        assert log_likelihood(case, parameters, responses) == pytest.approx(finer, abs=YARDSTICK)


def difficulties(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Slopes, and intercepts as each step's or threshold's difficulty."""
    parameters = truth(case)
    a, b = parameters.slopes[0], parameters.intercepts[0]
    steps = np.diff(b, axis=1, prepend=0.0) if case.model == "gpcm" else b
    return a, -steps / a.sum(axis=1, keepdims=True)


def same(found: Estimates, wanted: Estimates) -> None:
    for field in ("slopes", "intercepts", "mean", "covariance", "guessing", "proportions"):
        x, y = getattr(found, field), getattr(wanted, field)
        assert (x is None) == (y is None), field
        if x is not None:
            np.testing.assert_allclose(x, y, rtol=ROUNDING, atol=ROUNDING, err_msg=field)


@pytest.mark.parametrize("name", ["2pl_10k", "3pl", "gpcm", "grm", "gpcm_2d"])
def test_translations_of_pypi_mirt(name):
    case = SMALL[name]
    wanted = truth(case)
    a, difficulty = difficulties(case)
    key = {"gpcm": "steps", "grm": "thresholds"}.get(case.model, "difficulty")
    values = {"discrimination": a if case.attributes else a[:, 0], key: difficulty}
    if key == "difficulty":
        values[key] = difficulty[:, 0]
    if wanted.guessing is not None:
        values["guessing"] = wanted.guessing[0]
    same(pypi_mirt.items_of(case, values, wanted.covariance[0]), wanted)


def test_translations_of_pypi_mirt_in_slopes_and_loadings():
    case = SMALL["2pl_3d"]
    wanted = truth(case)
    values = {"slopes": wanted.slopes[0], "intercepts": wanted.intercepts[0, :, 0]}
    same(pypi_mirt.items_of(case, values, wanted.covariance[0]), wanted)
    case = SMALL["bifactor"]
    wanted = truth(case)
    values = {
        "general_loadings": wanted.slopes[0, :, 0],
        "specific_loadings": wanted.slopes[0, :, 1:].sum(axis=1),
        "intercepts": wanted.intercepts[0, :, 0],
    }
    same(pypi_mirt.items_of(case, values), wanted)


def test_translation_of_groups_of_pypi_mirt():
    case = SMALL["groups"]
    wanted = truth(case)
    a, difficulty = difficulties(case)
    values = {"discrimination": a[:, 0], "steps": difficulty}
    model = SimpleNamespace(get_group_model=lambda _: SimpleNamespace(parameters=values))
    latent = [SimpleNamespace(mean=wanted.mean[k], cov=wanted.covariance[k]) for k in range(2)]
    same(
        pypi_mirt.estimates(case, SimpleNamespace(model=model, latent_distributions=latent)), wanted
    )


@pytest.mark.parametrize("name", ["2pl_10k", "3pl", "gpcm", "grm"])
def test_translations_of_girth(name):
    case = SMALL[name]
    wanted = truth(case)
    a, difficulty = difficulties(case)
    found = {"Discrimination": a[:, 0], "Difficulty": difficulty.squeeze()}
    if wanted.guessing is not None:
        found["Guessing"] = wanted.guessing[0]
    same(girth_mml.estimates(case, found), wanted)


def test_translation_of_stepmix():
    wanted = truth(SMALL["classes"])
    yes = 1 / (1 + np.exp(-wanted.intercepts[:, :, 0]))
    same(stepmix_em.of_classes(yes, wanted.proportions), wanted)


def test_translation_of_r_mirt(tmp_path):
    case = SMALL["mixture"]
    wanted = truth(case)
    names = ["a1", "ak0", "ak1", "ak2", "ak3", "d0", "d1", "d2", "d3"]
    for k in range(2):
        rows = np.zeros((case.n_items, len(names)))
        rows[:, 0], rows[:, 6:] = wanted.slopes[k, :, 0], wanted.intercepts[k]
        lines = [
            ",".join(f'"{n}"' for n in names),
            *(",".join(map(repr, r.tolist())) for r in rows),
        ]
        (tmp_path / f"items_{k + 1}.csv").write_text("\n".join(lines))
        np.savetxt(tmp_path / f"mean_{k + 1}.csv", wanted.mean[k][None], delimiter=",")
        np.savetxt(tmp_path / f"covariance_{k + 1}.csv", wanted.covariance[k], delimiter=",")
    np.savetxt(tmp_path / "proportions.csv", wanted.proportions)
    same(r_mirt.read_estimates(case, tmp_path), wanted)


def test_a_machine_without_the_programs_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(r_mirt, "is_present", lambda: False)
    settings = runner.Settings(tmp_path / "python", repeats=1, limit=5.0)
    assert not runner.peers_present(settings)
    case = replace(CASES["2pl_10k"], n_respondents=500)
    ours, r, stepmix = runner.run(case, ["mixirt", "r-mirt", "stepmix"], settings)
    assert (ours.status, r.status, stepmix.status) == ("ok", "absent", "cannot")
    assert ours.seconds is not None
    assert "absent" in report.line(r)


def test_a_report_keeps_rows_that_were_not_run_again(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "benchmarks.md").write_text("<!-- peers -->\n<!-- end of peers -->\n")
    mixirt, mirt = (
        runner.Row("gpcm", "mixirt", "ok", "0.1.0", 0.02, 5, 11.0, -100.0, -100.0),
        runner.Row("gpcm", "mirt", "ok", "1.2.0", 2.0, 5, 80.0, -107.25, -110.0),
    )
    report.write([mixirt, mirt], tmp_path)
    report.write(
        [replace(mixirt, seconds=0.04), runner.Row("grm", "girth", "limit", seconds=120)], tmp_path
    )
    rows = {(r.case, r.program): r for r in report.read(docs / "benchmarks.csv")}
    assert rows["gpcm", "mixirt"].seconds == 0.04
    assert rows["gpcm", "mirt"] == mirt
    table = (docs / "benchmarks.md").read_text()
    assert re.search(r"PyPI mirt \| 2 \| 50 \| 80 \| -107.250 \| 7.25 \|", table)
    assert Path(tmp_path / report.CHART).stat().st_size > 1000
