"""A small part of the recovery studies of `benches/recovery`."""

from __future__ import annotations

import csv
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benches.recovery import chart, extended_chart, extended_page, page
from benches.recovery.bound import N_SCORES, expected_bound
from benches.recovery.conditions import CASES, SECTIONS
from benches.recovery.designs import DESIGNS, MEANS, N_ITEMS, N_RESPONDENTS
from benches.recovery.extended import summaries
from benches.recovery.figures import figures, write_csv
from benches.recovery.parameters import (
    aligned,
    by_column,
    draw_responses,
    draw_truth,
    started,
)
from benches.recovery.study import DEFAULTS, REPORT, all_data_sets

import mixirt

DOCS = Path(__file__).resolve().parents[2] / "docs"
#: Rounding in a few additions and multiplications.
ROUNDING = 1e-12
#: Four standard errors of a variance that is estimated from the scores of the bound.
SAMPLED = 4 * np.sqrt(2 / N_SCORES)
#: Monte Carlo standard errors: of a few dozen seeded figures none is further out.
FAR = 4.5
MIXTURES = [name for name, design in DESIGNS.items() if design.groups == "latent"]


@pytest.mark.parametrize("name", MIXTURES)
def test_alignment_undoes_a_permutation(name):
    """Classes in each other's place, with the mean that belongs to the place: the same fit."""
    design = DESIGNS[name]
    truth = draw_truth(design, np.random.default_rng(5))
    steps = np.arange(1, design.n_categories)
    shift = np.einsum("gij,gj->gi", truth.slopes, truth.means)[..., None] * steps
    there = np.einsum("gij,gj->gi", truth.slopes[::-1], truth.means)[..., None] * steps
    swapped = replace(
        truth,
        slopes=truth.slopes[::-1],
        intercepts=(truth.intercepts + shift)[::-1] - there,
        covariances=truth.covariances[::-1],
    )
    codes = draw_responses(truth, 400, np.random.default_rng(6))
    logliks = [loglik(design, p, codes) for p in (truth, swapped)]
    assert logliks[0] == pytest.approx(logliks[1], rel=ROUNDING)
    for found in (truth, swapped):
        placed = aligned(found, truth)
        for part in ("slopes", "intercepts", "means", "covariances"):
            np.testing.assert_allclose(
                getattr(placed, part), getattr(truth, part), rtol=ROUNDING, atol=ROUNDING
            )
    assert np.abs(swapped.intercepts - truth.intercepts).max() > 0.1


def loglik(design, parameters, codes):
    model = started(design, parameters)
    if design.n_attributes > 1:
        model = model.start("covariance", parameters.covariances[:, 0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.MixirtWarning)
        return mixirt.fit(codes, model, max_cycles=0).loglik


def test_the_bound_is_the_inverse_information_over_all_patterns():
    """Of a 2PL, with the expectation over the 1,024 patterns of answers in plain NumPy."""
    design = DESIGNS["2PL"]
    truth = draw_truth(design, np.random.default_rng(1))
    slopes, intercepts = truth.slopes[0, :, 0], truth.intercepts[0, :, 0]
    theta = np.linspace(-6, 6, 101)
    weights = np.exp(-(theta**2) / 2) / np.exp(-(theta**2) / 2).sum()
    p = 1 / (1 + np.exp(-(slopes * theta[:, None] + intercepts)))
    patterns = (np.arange(2**N_ITEMS)[:, None] >> np.arange(N_ITEMS)) & 1
    likelihood = np.exp(patterns @ np.log(p).T + (1 - patterns) @ np.log1p(-p).T) * weights
    marginal = likelihood.sum(axis=1)
    posterior = likelihood / marginal[:, None]
    of_intercepts = patterns - posterior @ p
    of_slopes = patterns * (posterior @ theta)[:, None] - posterior @ (p * theta[:, None])
    scores = np.hstack([of_slopes, of_intercepts])
    exact = np.linalg.inv(N_RESPONDENTS * (scores * marginal[:, None]).T @ scores)
    found = expected_bound(design, truth, np.random.default_rng(2))
    parts = {"slope": exact[:N_ITEMS, :N_ITEMS], "intercept": exact[N_ITEMS:, N_ITEMS:]}
    assert set(found) == set(parts)
    for column, matrix in parts.items():
        scale = np.sqrt(np.outer(np.diagonal(matrix), np.diagonal(matrix)))
        assert (np.abs(found[column] - matrix) / scale).max() < SAMPLED, column


@pytest.mark.parametrize("name", DESIGNS)
def test_columns_hold_every_parameter_once(name):
    design = DESIGNS[name]
    columns = by_column(design, draw_truth(design, np.random.default_rng(3)))
    n_proportions = int(design.groups == "latent")
    assert sum(map(len, columns.values())) == design.model().n_parameters - n_proportions
    # The report prints no means of classes, for they are fixed.
    assert set(design.printed) == set(columns)
    if "mean" in columns:
        assert (columns["mean"] == MEANS[1]).all()


def test_the_same_seed_gives_the_same_table(tmp_path):
    names = ["GPCM", "mixture 1PL"]
    once, again = (figures(all_data_sets(names, 2, n)) for n in (1, 2))
    assert [replace(row, seconds=0) for row in once] == [replace(row, seconds=0) for row in again]
    assert {row.run for row in once} == {REPORT.name, DEFAULTS.name}
    assert all(abs(row.z) < FAR and row.n_unconverged == 0 for row in once)
    write_csv(tmp_path / "recovery.csv", once)
    with (tmp_path / "recovery.csv").open() as file:
        assert [row["rmse"] for row in csv.DictReader(file)] == [f"{r.rmse:.5g}" for r in once]
    assert "| GPCM | slope (10) | 0.052 |" in page.markdown(once, 2, 1.0)
    chart.chart(once, tmp_path / "recovery.png")
    assert (tmp_path / "recovery.png").stat().st_size > 10_000


def test_conditions_beyond_the_report(tmp_path):
    rows = summaries("N = 500", 4) + summaries("60 % missing", 2) + summaries("3PL, prior", 2)
    assert [row.parameter for row in rows[-3:]] == ["slope", "intercept", "guessing"]
    for row in rows:
        assert abs(row.rmse / row.mean_se - 1) < 0.5, row
        assert row.coverage > 0.8, row
    extended_chart.chart(rows, tmp_path / "extended.png")
    assert (tmp_path / "extended.png").stat().st_size > 10_000
    few = figures(all_data_sets(["1PL"], 2, 1, (DEFAULTS,)))
    assert "| 60 % missing | slope (20) |" in extended_page.markdown(rows, few, few, 4, 1.0)


@pytest.mark.parametrize("name", SECTIONS["Missing by design"])
def test_everybody_lacks_as_many_items_and_every_item_as_many_people(name):
    missing = np.isnan(CASES[name]().draw(np.random.default_rng(4)))
    share = SECTIONS["Missing by design"][name].n_omitted / missing.shape[1]
    assert (missing.mean(axis=0) == share).all()
    assert (missing.mean(axis=1) == share).all()


def test_the_figures_in_the_repository_are_those_of_all_models():
    with (DOCS / "recovery.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = {(row["design"], row["run"], row["column"]) for row in rows}
    printed = {
        (d.name, r.name, c) for d in DESIGNS.values() for r in (REPORT, DEFAULTS) for c in d.printed
    }
    assert found == printed
    for row in rows:
        assert float(row["printed"]) == DESIGNS[row["design"]].printed[row["column"]]
