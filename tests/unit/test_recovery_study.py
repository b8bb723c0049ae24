"""A small part of the recovery studies of `benches/recovery`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benches.recovery import chart, extended_chart, extended_page, page
from benches.recovery.bound import at_truth
from benches.recovery.conditions import CASES, SECTIONS
from benches.recovery.designs import DESIGNS, MEANS
from benches.recovery.extended import Summary, summaries
from benches.recovery.figures import HIGHER, Figure, figures, joint, read_csv, write_csv
from benches.recovery.parameters import (
    aligned,
    by_column,
    draw_responses,
    draw_truth,
)
from benches.recovery.reading import cause, excess, excess_se
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

DOCS = Path(__file__).resolve().parents[2] / "docs"
#: Rounding in a few additions and multiplications.
ROUNDING = 1e-12
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
    logliks = [at_truth(design, p, codes).loglik for p in (truth, swapped)]
    assert logliks[0] == pytest.approx(logliks[1], rel=ROUNDING)
    for found in (truth, swapped):
        placed = aligned(found, truth)
        for part in ("slopes", "intercepts", "means", "covariances"):
            np.testing.assert_allclose(
                getattr(placed, part), getattr(truth, part), rtol=ROUNDING, atol=ROUNDING
            )
    assert np.abs(swapped.intercepts - truth.intercepts).max() > 0.1


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


def outcome(replicate, squares, expected, scatter, realised=2.0, gain=0.0):
    """Of two parameters."""
    return Outcome(
        "2PL", "defaults", "slope", replicate, 3000, 2, squares, expected, realised, scatter, True,
        gain, True, 5, 0.1,
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


def test_chance_that_moves_error_and_bound_alike_is_in_neither_ratio_nor_its_error():
    chance = np.array([1.0, 5.0, 2.5, 9.0])
    outcomes = [outcome(i, 1.21 * c, 4.0, 1.0, realised=c) for i, c in enumerate(chance)]
    (row,) = figures(outcomes)
    assert row.realised == pytest.approx(np.sqrt(chance.sum() / 8), rel=ROUNDING)
    assert row.realised_ratio == pytest.approx(1.1, rel=ROUNDING)
    assert row.realised_z == pytest.approx(0.1 * row.realised / row.mc_se, rel=1e-9)
    of_mean_square = np.std(0.21 * chance / 2, ddof=1) / np.sqrt(4)
    assert row.realised_se == pytest.approx(of_mean_square / (2.1 * row.realised), rel=ROUNDING)
    # The excess of the mean square is of this size, and known as well as the difference.
    assert excess(row) == pytest.approx(0.21, rel=1e-9)
    step = 1e-6
    more = replace(row, realised_ratio=row.realised_ratio + step)
    assert excess_se(row) == pytest.approx(
        (excess(more) - excess(row)) / step * row.realised_se / row.realised, rel=1e-5
    )


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
    ("z", "same", "larger", "why"),
    [
        (0.3, 1.1, 1.0, "chance"),
        (3.0, 1.1, 1.01, "size of the sample"),
        (3.0, 1.1, 1.1, "not explained"),
        (3.0, 1.0, 1.0, "not explained"),
    ],
)
def test_the_page_says_why_a_figure_is_beyond(z, same, larger, why):
    (row,) = figures([outcome(i, 2.0 + i, 2.0, 1.0) for i in range(2)])
    row = replace(row, bound=0.1, ratio=1.17, mc_se=0.005, z=3.4, realised=0.1, realised_z=z)
    both = [replace(row, run=run) for run in ("report", "defaults")]
    again = [
        replace(row, run="again", n_respondents=n, realised_ratio=ratio, realised_se=0.001)
        for n, ratio in ((3000, same), (30_000, larger))
    ]
    text = page.markdown(both, again, 2)
    line = next(line for line in text.splitlines() if line.startswith("| 2PL | slope"))
    assert line.endswith(f"| +3.4 | {why} |")
    reason = next(line for line in text.splitlines() if line.startswith("- **2PL, slope**"))
    assert "1.170 times the expected bound" in reason
    assert reason.endswith(f". {why.capitalize()}.")
    assert (f"{same:.3f} (0.010) in 2 other data sets of 3,000" in reason) == (why != "chance")


@pytest.mark.parametrize(("z", "why"), [(1.9, ""), (-1.9, ""), (-2.1, "chance")])
def test_a_figure_within_two_needs_no_cause(z, why):
    (row,) = figures([outcome(i, 2.0 + i, 2.0, 1.0) for i in range(2)])
    assert cause(replace(row, z=z, realised_z=0.0), []) == why


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
