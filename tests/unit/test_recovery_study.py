"""A small part of the recovery studies of `benches/recovery`."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benches.recovery import chart, extended_chart, extended_page, page
from benches.recovery.bound import N_SCORES, covariances_at, expected_bound
from benches.recovery.conditions import CASES, SECTIONS
from benches.recovery.designs import DESIGNS, MEANS, N_ITEMS, N_RESPONDENTS
from benches.recovery.extended import Summary, summaries
from benches.recovery.figures import HIGHER, Figure, figures, joint, read_csv, write_csv
from benches.recovery.parameters import (
    aligned,
    by_column,
    draw_responses,
    draw_truth,
    started,
)
from benches.recovery.study import (
    AGAIN,
    DEFAULTS,
    DRAWS,
    REPORT,
    Outcome,
    all_data_sets,
    all_truths,
    one_truth,
)

import mixirt

DOCS = Path(__file__).resolve().parents[2] / "docs"
#: Rounding in a few additions and multiplications.
ROUNDING = 1e-12
#: Four standard errors of a variance that is estimated from the scores of the bound.
SAMPLED = 4 * np.sqrt(2 / N_SCORES)
#: Sums of variances from two samples of `N_SCORES`; a correlation's, which is one, varies most.
TWO_SAMPLES = 0.1
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


@pytest.mark.parametrize("name", MIXTURES)
def test_both_forms_of_the_information_agree_at_the_truth(name):
    """Products of scores and second derivatives have the same expectation, in mixtures too."""
    design = DESIGNS[name]
    truth = draw_truth(design, np.random.default_rng(7))
    products = expected_bound(design, truth, np.random.default_rng(8))
    codes = draw_responses(truth, N_SCORES, np.random.default_rng(9))
    derivatives = covariances_at(design, truth, codes, "oakes")
    assert set(products) == set(derivatives)
    for column, matrix in products.items():
        variances = np.diagonal(derivatives[column]) * N_SCORES / N_RESPONDENTS
        assert np.trace(matrix) == pytest.approx(variances.sum(), rel=TWO_SAMPLES), column


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
    once, twice = (figures(all_data_sets(names, 2, n)) for n in (1, 2))
    assert [replace(row, seconds=0) for row in once] == [replace(row, seconds=0) for row in twice]
    assert {row.run for row in once} == {REPORT.name, DEFAULTS.name}
    assert all(abs(row.z) < FAR and row.n_unconverged == 0 for row in once)
    write_csv(tmp_path / "recovery.csv", once)
    read = read_csv(tmp_path / "recovery.csv", Figure)
    assert [f"{row.rmse:.5g}" for row in once] == [f"{row.rmse:.5g}" for row in read]
    assert [row.n_truths for row in read] == [2] * len(read)
    assert "| GPCM | slope (10) | 0.052 |" in page.markdown(once, [], 2)
    chart.chart(once, tmp_path / "recovery.png")
    assert (tmp_path / "recovery.png").stat().st_size > 10_000


def outcome(replicate, squares, expected, scatter, gain=0.0):
    """Of two parameters."""
    return Outcome(
        "2PL", "defaults", "slope", replicate, 3000, 2, squares, expected, scatter, True, gain,
        True, 5, 0.1,
    )  # fmt: skip


def test_the_standard_error_is_that_of_data_sets_around_their_own_bounds():
    """Bounds that differ from truth to truth are no error, and errors of a data set go together."""
    expected = np.array([2.0, 20.0, 4.0])
    squares = expected + np.array([1.0, -1.0, 3.0])
    outcomes = [outcome(i, squares[i], expected[i], scatter=0.0) for i in range(3)]
    (row,) = figures(outcomes)
    of_mean_square = np.std([0.5, -0.5, 1.5], ddof=1) / np.sqrt(3)
    assert row.bound == pytest.approx(np.sqrt(26 / 6), rel=ROUNDING)
    assert row.mc_se == pytest.approx(of_mean_square / (2 * row.rmse), rel=ROUNDING)
    assert row.z == pytest.approx((row.rmse - row.bound) / row.mc_se, rel=ROUNDING)
    by_truth = np.std([1.0, 10.0, 2.0], ddof=1) / np.sqrt(3)
    assert row.bound_se == pytest.approx(by_truth / (2 * row.bound), rel=ROUNDING)
    # Less scatter than normal errors have is chance.
    (row,) = figures([replace(o, scatter=100.0) for o in outcomes])
    assert row.mc_se == pytest.approx(np.sqrt(300) / 6 / (2 * row.bound), rel=ROUNDING)
    # Two data sets of one truth count as two data sets, and as one truth.
    (row,) = figures([outcomes[0], outcomes[0], outcomes[1]])
    assert (row.n_data_sets, row.n_truths) == (3, 2)


def test_higher_maxima_are_counted():
    (row,) = figures([outcome(0, 2.0, 2.0, 1.0, gain=gain) for gain in (-5.0, HIGHER / 2, 5.0)])
    assert row.n_below == 1


def test_figures_are_judged_together():
    (row,) = figures([outcome(i, 2.0 + i, 2.0, 1.0) for i in range(2)])
    of_all = joint([replace(row, z=z) for z in (0.5, -3.0, 1.0, 2.0)])
    assert (of_all.n, of_all.n_far, of_all.largest) == (4, 1, -3.0)
    assert of_all.expected_far == pytest.approx(4 * 0.0455, rel=1e-3)  # from a printed table
    assert of_all.p_largest == pytest.approx(1 - (1 - 0.0027) ** 4, rel=1e-3)
    assert of_all.sum_of_squares == 0.25 + 9 + 1 + 4
    # With an even number of degrees of freedom: exp(-x / 2) (1 + x / 2).
    assert of_all.p_sum == pytest.approx(np.exp(-7.125) * 8.125, rel=1e-9)


@pytest.mark.parametrize(
    ("same", "larger", "cause"),
    [
        ((1.01, 0.9), (1.00, 0.1), "chance"),
        ((1.15, 6.0), (1.02, 0.8), "size of the sample"),
        ((1.05, 4.0), (1.01, 0.3), "size of the sample, and chance"),
        ((1.15, 6.0), (1.12, 4.0), "not explained"),
    ],
)
def test_the_page_says_why_a_figure_is_beyond(same, larger, cause):
    (row,) = figures([outcome(i, 2.0 + i, 2.0, 1.0) for i in range(2)])
    row = replace(row, bound=0.1, ratio=1.17, mc_se=0.005, z=3.4)
    both = [replace(row, run=run) for run in ("report", "defaults")]
    again = [
        replace(row, run="again", n_respondents=n, ratio=ratio, z=z)
        for n, (ratio, z) in ((3000, same), (30_000, larger))
    ]
    text = page.markdown(both, again, 2)
    line = next(line for line in text.splitlines() if line.startswith("| 2PL | slope"))
    assert line.endswith(f"| +3.4 | {cause} |")
    assert f"- **2PL, slope**: 1.170 times the bound here, {same[0]:.3f} (0.050)" in text


def test_more_responses_of_a_truth_are_new_ones_with_the_bound_of_the_first():
    """The same truth, starts at it, and a bound that falls with the number of respondents."""
    (first,) = (o for o in all_data_sets(["2PL"], 1, 1, (DEFAULTS,)) if o.column == "slope")
    more = [o for o in one_truth("2PL", 0, {3000: 2, 12_000: 1}) if o.column == "slope"]
    assert [o.n_respondents for o in more] == [3000, 3000, 12_000]
    assert [o.expected for o in more] == pytest.approx(
        [first.expected, first.expected, first.expected / 4], rel=ROUNDING
    )
    assert len({o.squares for o in [first, *more]}) == 4


def test_random_starts_reach_what_a_start_at_the_truth_reaches():
    outcomes = list(all_data_sets(["mixture GPCM"], 2, 1, (DEFAULTS,)))
    assert outcomes
    assert max(o.gain for o in outcomes) < HIGHER


def test_conditions_beyond_the_report(tmp_path, monkeypatch):
    rows = summaries("N = 500", 4) + summaries("60 % missing", 2) + summaries("3PL, prior", 2)
    assert [row.parameter for row in rows[-3:]] == ["slope", "intercept", "guessing"]
    for row in rows:
        assert abs(row.rmse / row.mean_se - 1) < 0.5, row
        assert row.coverage > 0.8, row
    extended_chart.chart(rows, tmp_path / "extended.png")
    assert (tmp_path / "extended.png").stat().st_size > 10_000
    monkeypatch.setitem(DRAWS, 1, {500: 2, 1500: 1})
    again = figures(all_truths(["1PL"], 2))
    assert [(row.run, row.n_respondents, row.n_data_sets) for row in again] == [
        (AGAIN.name, 500, 4),
        (AGAIN.name, 1500, 2),
    ]
    text = extended_page.markdown(rows, again, 4)
    assert "| 60 % missing | slope (20) |" in text
    assert "| 1PL | intercept | 4 |" in text


@pytest.mark.parametrize("name", SECTIONS["Missing by design"])
def test_everybody_lacks_as_many_items_and_every_item_as_many_people(name):
    missing = np.isnan(CASES[name]().draw(np.random.default_rng(4)))
    share = SECTIONS["Missing by design"][name].n_omitted / missing.shape[1]
    assert (missing.mean(axis=0) == share).all()
    assert (missing.mean(axis=1) == share).all()


def test_the_figures_in_the_repository_are_those_of_all_models():
    rows, again = (read_csv(DOCS / f"recovery{part}.csv", Figure) for part in ("", "-again"))
    found = {(row.design, row.run, row.column) for row in rows}
    printed = {
        (d.name, r.name, c) for d in DESIGNS.values() for r in (REPORT, DEFAULTS) for c in d.printed
    }
    assert found == printed
    for row in rows:
        assert row.printed == DESIGNS[row.design].printed[row.column]
    assert {(r.design, r.column, r.n_respondents) for r in again} == {
        (design, column, n)
        for design, _, column in printed
        for n in DRAWS[DESIGNS[design].n_attributes]
    }


def test_the_pages_say_what_the_files_say():
    rows, again = (read_csv(DOCS / f"recovery{part}.csv", Figure) for part in ("", "-again"))
    conditions = read_csv(DOCS / "recovery-extended.csv", Summary)
    n = max(row.n_data_sets for row in rows)
    found = (DOCS / "recovery.md").read_text(encoding="utf-8")
    assert found == page.markdown(rows, again, n)
    n = max(row.n_data_sets for row in conditions)
    found = (DOCS / "recovery-extended.md").read_text(encoding="utf-8")
    assert found == extended_page.markdown(conditions, again, n)
