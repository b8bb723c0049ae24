"""What the pictures show is what the methods of a result say."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import NormalDist
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from numpy.testing import assert_allclose, assert_array_equal

import mixirt
from mixirt import plots
from tests.plots.test_every_kind import assert_legible
from tests.small_models import binary, small

CUT_OFF = 1e-3
"""Curves end 3.5 standard deviations out, beyond which lie 5e-4 of a distribution."""

BETWEEN_NODES = 0.01
"""Contours are linear between points .0875 apart."""

THETA = np.linspace(-2.0, 2.0, 9)
Z = NormalDist().inv_cdf(0.975)
SAME = 1e-12
"""Sums in another order."""
DELTA = 1e-6
"""Derivatives by differences, of steps that depend on what else is differentiated."""


def line(ax: Axes, k: int = 0) -> np.ndarray:
    return np.asarray(ax.lines[k].get_ydata(), dtype=float)


def band_at(ax: Axes, k: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edge of a band at THETA."""
    vertices = ax.collections[k].get_paths()[0].vertices
    edges = [np.unique(vertices[np.isclose(vertices[:, 0], t), 1]) for t in THETA]
    return np.array([e[0] for e in edges]), np.array([e[-1] for e in edges])


@pytest.mark.parametrize("name", ["graded", "gpcm, missing, weights"])
def test_category_curves_are_the_probabilities(name: str) -> None:
    result = small(name)
    ax = plots.category_curves(result, "item3", theta=THETA)
    frame = result.category_probabilities(THETA, item="item3")
    expected = frame["probability"].to_numpy().reshape(len(THETA), -1)
    for m, probability in enumerate(expected.T):
        assert_allclose(line(ax, m), probability, rtol=SAME)
    assert [t.get_text() for t in ax.texts] == ["0", "1", "2"]


def test_of_two_categories_the_upper_one_is_drawn() -> None:
    result = small("2pl")
    axes = plots.category_curves(result, ["item2", "item5"], theta=THETA)
    assert [ax.get_title(loc="left") for ax in axes] == ["item2", "item5"]
    expected = result.expected_scores(THETA)
    assert_allclose(line(axes[0]), expected[:, 1], rtol=SAME)
    assert_allclose(line(axes[1]), expected[:, 4], rtol=SAME)
    assert len(axes[0].lines) == 1
    assert axes[0].figure.get_supylabel() == "probability of 1"


def test_bands_are_intervals_by_the_delta_method() -> None:
    result = small("2pl")
    ax = plots.category_curves(result, "item4", theta=THETA)
    p, covariance = result.delta(lambda r: r.expected_scores(THETA)[:, 3])
    logit, width = np.log(p / (1 - p)), Z * np.sqrt(np.diagonal(covariance)) / (p * (1 - p))
    lower, upper = band_at(ax)
    assert_allclose(lower, 1 / (1 + np.exp(width - logit)), rtol=DELTA)
    assert_allclose(upper, 1 / (1 + np.exp(-width - logit)), rtol=DELTA)
    narrow = plots.category_curves(result, "item4", theta=THETA, level=0.5)
    assert (band_at(narrow)[0] > lower).all()
    assert not plots.category_curves(result, "item4", level=None).collections


def test_item_information_is_that_of_the_items() -> None:
    result = small("graded")
    ax = plots.item_information(result, ["item5", "item1"], theta=THETA)
    information = result.information(THETA)[:, :, 0, 0]
    assert_allclose(line(ax, 0), information[:, 4], rtol=SAME)
    assert_allclose(line(ax, 1), information[:, 0], rtol=SAME)


def test_no_line_runs_through_the_letters_of_a_name() -> None:
    """Three of these four lines are closer to each other than the height of a name."""
    science = mixirt.datasets.load("science").frame()
    ax = plots.item_information(mixirt.fit(science, "grm", categories=[1, 2, 3, 4]))
    ax.figure.draw_without_rendering()
    for name in ax.texts:
        box = name.get_window_extent()
        inside = 0.25 * box.height  # above and below it there are no letters
        for own in ax.lines:
            x, y = ax.transData.transform(own.get_xydata()).T
            y = np.interp(np.linspace(box.x0, box.x1, 50), x, y)
            runs_through = (y > box.y0 + inside) & (y < box.y1 - inside)
            assert not runs_through.any(), f"{name.get_text()} is struck through"


def test_many_items_are_rows_in_the_order_of_where_they_inform() -> None:
    result = small("3pl with priors")
    ax = plots.item_information(result, theta=THETA)
    information = result.information(THETA)[:, :, 0, 0].T
    names = [label.get_text() for label in ax.get_yticklabels()]
    rows = [int(name.removeprefix("item")) - 1 for name in names]
    assert sorted(rows) == list(range(8))
    shown = np.asarray(ax.collections[0].get_array()).reshape(8, -1)
    assert_allclose(shown, information[rows], rtol=SAME)
    centres = (information @ THETA / information.sum(axis=1))[rows]
    assert (np.diff(centres) > 0).all()


def test_test_information_and_its_standard_error() -> None:
    result = small("gpcm, missing, weights")
    ax = plots.test_information(result, theta=THETA)
    information = result.test_information(THETA)[:, 0, 0]
    assert_allclose(line(ax), information, rtol=SAME)
    right = next(other for other in ax.figure.axes if other is not ax)
    assert_allclose(line(right), 1 / np.sqrt(information), rtol=SAME)
    assert right.get_ylabel() == "standard error (SD)"


def test_of_several_attributes_all_are_unknown() -> None:
    """The standard error is that of one attribute when the other is estimated too."""
    result = small("two attributes")
    ax = plots.test_information(result, attribute="theta2", theta=THETA)
    points = np.column_stack([np.zeros(len(THETA)), THETA])
    matrices = result.test_information(points)
    assert_allclose(line(ax), matrices[:, 1, 1], rtol=SAME)
    right = next(other for other in ax.figure.axes if other is not ax)
    assert_allclose(line(right), np.sqrt(np.linalg.inv(matrices)[:, 1, 1]), rtol=SAME)


def test_characteristic_curve_is_the_sum_of_expected_scores() -> None:
    result = small("graded")
    ax = plots.test_characteristic(result, theta=THETA)
    assert_allclose(line(ax), result.expected_scores(THETA).sum(axis=1), rtol=SAME)
    assert ax.get_ylim() == (0, 12)
    one = plots.test_characteristic(result, "item2", theta=THETA)
    assert_allclose(line(one), result.expected_scores(THETA)[:, 1], rtol=SAME)
    assert one.get_title(loc="left") == "item2"


def test_classes_that_differ_have_lines_of_their_own() -> None:
    result = small("mixture")
    ax = plots.test_characteristic(result, theta=THETA)
    assert [t.get_text() for t in ax.texts] == ["class 1", "class 2"]
    for k in range(2):
        expected = result.expected_scores(THETA, class_=k + 1).sum(axis=1)
        assert_allclose(line(ax, k), expected, rtol=SAME)
    only = plots.test_characteristic(result, class_=2, theta=THETA)
    assert_array_equal(line(only), line(ax, 1))
    assert only.get_title(loc="left") == "class 2"


def test_groups_with_equal_items_share_a_line() -> None:
    ax = plots.test_characteristic(small("two groups"), theta=THETA)
    assert len(ax.lines) == 1
    assert not ax.texts
    assert ax.get_title(loc="left") == ""


def test_groups_whose_items_differ_have_to_be_named() -> None:
    timss = mixirt.datasets.load("timss_aus_twn")
    result = mixirt.fit(timss.responses, "gpcm", groups=timss.groups, invariance="configural")
    with pytest.raises(mixirt.SpecError, match=r"which group \(group=\): '158', '36'"):
        plots.category_curves(result, "item3")
    ax = plots.category_curves(result, "item3", group="36", theta=THETA)
    expected = result.category_probabilities(THETA, item="item3", group="36")
    assert_allclose(line(ax), expected["probability"].to_numpy()[::3], rtol=SAME)
    assert ax.get_title(loc="left") == "item3, 36"
    assert len(plots.test_characteristic(result, theta=THETA).lines) == 2


def test_group_distributions_are_normal_densities() -> None:
    result = small("two groups")
    ax = plots.group_distributions(result, theta=THETA)
    for k, group in enumerate(["a", "b"]):
        normal = NormalDist(result.mean(group)[0], float(result.covariance(group)[0, 0]) ** 0.5)
        assert_allclose(line(ax, k), [normal.pdf(t) for t in THETA], rtol=SAME)
    assert ax.get_xlabel() == "theta (SD of a)"


def test_class_distributions_are_weighted_with_their_proportions() -> None:
    result = small("mixture")
    ax = plots.group_distributions(result)
    x = np.asarray(ax.lines[0].get_xdata(), dtype=float)
    areas = [line(ax, k).sum() * (x[1] - x[0]) for k in range(2)]
    # The curves reach 3.5 standard deviations to both sides.
    assert_allclose(areas, result.proportions[0], rtol=CUT_OFF)


def test_every_attribute_has_a_panel() -> None:
    axes = plots.group_distributions(small("two attributes"))
    assert [ax.get_xlabel() for ax in axes] == ["theta1 (SD)", "theta2 (SD)"]


def test_difficulties_and_people_of_the_map() -> None:
    result = small("2pl")
    ax = plots.person_item_map(result)
    derived = result.derived().query("parameter == 'difficulty'").set_index("item")
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == derived["estimate"].sort_values().index.tolist()
    points = {int(v.get_ydata()[0]): v.get_xdata()[0] for v in ax.lines if v.get_marker() == "o"}
    assert_allclose([points[r] for r in range(6)], derived["estimate"][names], rtol=SAME)
    segments = np.concatenate([c.get_segments() for c in ax.collections[1:7]])
    assert_allclose(segments[:, 0, 0], derived["lower"][names], rtol=DELTA)
    assert_allclose(segments[:, 1, 0], derived["upper"][names], rtol=DELTA)
    assert "EAP scores of 400" in [t.get_text() for t in ax.texts]


def test_difficulties_far_out_stand_at_the_edge() -> None:
    model = mixirt.Model("2pl", items=6).fix("slope", 0.05, item="item1")
    model = model.fix("intercept", 2.0, item="item1")
    result = mixirt.fit(mixirt.datasets.load("sat12").responses[:, :6], model)
    ax = plots.person_item_map(result)
    assert min(ax.get_xlim()) > -10 > -40
    assert [v.get_ydata()[0] for v in ax.lines if v.get_marker() == "<"] == [0]
    assert ax.get_yticklabels()[0].get_text() == "item1"


def test_scores_may_be_those_of_others() -> None:
    result = small("2pl")
    scores = result.score([[1, 0, 1, 0, 1, 0], [1, 1, 1, 1, 1, 1]], method="mode")
    ax = plots.person_item_map(result, scores=scores)
    assert "MODE scores of 2" in [t.get_text() for t in ax.texts]


def test_class_profiles_are_the_category_probabilities() -> None:
    result = small("latent classes")
    ax = plots.class_profiles(result)
    frame = result.category_probabilities().query("category == 1")
    for c in (1, 2):
        x = np.asarray(ax.lines[c - 1].get_xdata(), dtype=float)
        assert_allclose(x, frame.query("`class` == @c")["probability"], rtol=SAME)
    derived = result.derived().query("parameter == 'probability' and category == 1")
    for c in (1, 2):
        ends = np.array(ax.collections[c - 1].get_segments())[:, :, 0]
        own = derived[derived["class"] == c]
        assert_allclose(ends, own[["lower", "upper"]].to_numpy(float), rtol=DELTA)


def test_bars_of_several_categories_sum_to_one() -> None:
    science = mixirt.datasets.load("science")
    names = ["strongly disagree", "disagree", "agree", "strongly agree"]
    words = np.array(names)[science.responses - 1]
    with pytest.warns((mixirt.BoundaryWarning, mixirt.RunawayWarning)):
        result = mixirt.fit_latent_class(words, 2, categories=names, seed=1)
    ax = plots.class_profiles(result)
    bars = ax.patches
    assert len(bars) == 4 * 2 * 4
    table = result.category_probabilities().sort_values(["item", "class"], kind="stable")
    assert_allclose([b.get_width() for b in bars], table["probability"], rtol=SAME)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == names
    assert_legible(ax.figure)


def test_convergence_shows_the_history() -> None:
    result = small("graded")
    ax = plots.convergence(result)
    history = result.history
    kept = history[~history["rejected"] & (history["largest_change"] > 1e-10)]
    assert_array_equal(ax.lines[0].get_xdata(), kept["cycle"])
    assert_array_equal(line(ax), kept["largest_change"])
    assert ax.get_yscale() == "log"


def test_surface_is_the_expected_score() -> None:
    result = small("two attributes")
    ax = plots.surface(result, "item1", category=1)
    assert ax.get_xlabel() == "theta1 (SD)"
    assert ax.get_title(loc="left") == "probability of 1, item1"
    # Item 1 measures the first attribute alone: the lines of equal probability are upright.
    lines = ax.collections[-1].get_paths()
    levels = np.asarray(ax.collections[-1].levels)  # type: ignore[attr-defined]
    drawn = [(level, path) for level, path in zip(levels, lines, strict=True) if len(path)]
    assert len(drawn) >= 5
    for level, path in drawn:
        x = path.vertices[:, 0]
        assert np.ptp(x) < 1e-9
        p = result.category_probabilities([[x[0], 0.0]], item="item1")["probability"][1]
        # Linear between nodes .175 apart.
        assert p == pytest.approx(level, abs=BETWEEN_NODES)


# --- fits read from files, and errors -----------------------------------------------------------


def test_a_fit_read_from_a_file_is_drawn(tmp_path: Path) -> None:
    result = small("graded")
    result.vcov()
    result.save(tmp_path / "m.json")
    loaded = mixirt.load(tmp_path / "m.json")
    again, first = (plots.category_curves(r, "item1", theta=THETA) for r in (loaded, result))
    assert_array_equal(line(again), line(first))
    assert len(again.collections) == 3
    people = plots.person_item_map(loaded)
    assert "estimated distribution" in [t.get_text() for t in people.texts]
    result.save(tmp_path / "bare.json", covariances=False)
    assert not plots.category_curves(mixirt.load(tmp_path / "bare.json"), "item1").collections


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda r: plots.category_curves(r, "itm1"), "did you mean 'item1'"),
        (lambda r: plots.category_curves(r, []), "items names no item"),
        (lambda r: plots.category_curves(r, attribute="x"), "unknown attribute 'x'"),
        (lambda r: plots.category_curves(r, class_=2), "class 2 does not exist"),
        (lambda r: plots.category_curves(r, level=95), "level must be between 0 and 1"),
        (lambda r: plots.category_curves(r, "item1", theta=[1.0]), "at least two points"),
        (lambda r: plots.category_curves(r, ax=plt.subplots()[1]), "one ax holds one item"),
        (lambda r: plots.category_curves(r, ax=5), "as plt.subplots() returns them; found int"),
        (lambda _: plots.convergence(5), "as mixirt.fit returns it; found int"),  # type: ignore[arg-type]
        (plots.surface, "a surface needs two attributes"),
        (lambda r: plots.group_distributions(r, "z"), "unknown attribute 'z'"),
    ],
)
def test_errors(draw: Any, message: str) -> None:
    with pytest.raises(mixirt.SpecError, match=re.escape(message)):
        draw(small("2pl"))


def test_errors_of_surfaces() -> None:
    result = small("two attributes")
    for options, message in [
        ({"category": 1}, "a category belongs to an item"),
        ({"item": "item1", "category": 7}, "unknown category '7'"),
        ({"attributes": ("theta1", "theta1")}, "two different ones"),
        ({"attributes": ("theta1", "up")}, "unknown attribute 'up'"),
    ]:
        with pytest.raises(mixirt.SpecError, match=message):
            plots.surface(result, **options)


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'mixirt\[plot\]'"):
        plots.convergence(small("2pl"))


def test_groups_without_an_attribute_have_no_part_in_its_pictures(tmp_path: Path) -> None:
    """The first group, which pictures begin with, took the first four items only."""
    theta = np.random.default_rng(40).standard_normal(400)
    answers = np.hstack([binary(41, 4, theta), binary(42, 4, theta[::-1])]).astype(float)
    answers[:200, 4:] = np.nan
    model = mixirt.Model(
        "2pl", items=8, q_matrix=np.repeat(np.eye(2, dtype=int), 4, axis=0),
        attributes=["verbal", "spatial"], groups=["a", "b"],
        items_by_group={"a": [f"item{i}" for i in range(1, 5)]},
        attributes_by_group={"a": ["verbal"]}, n_quadrature=15,
    )  # fmt: skip
    groups = np.repeat(["a", "b"], 200)
    result = mixirt.fit(answers, model.fix("covariance", 0.0), groups=groups)
    assert plots.group_distributions(result, group="a").get_xlabel() == "verbal (SD of a)"
    with pytest.raises(mixirt.SpecError, match="unknown attribute 'spatial'"):
        plots.group_distributions(result, "spatial", group="a")
    for draw in (plots.test_information, plots.test_characteristic):
        assert draw(result, attribute="spatial").get_xlabel().startswith("spatial")
    for ax in plots.category_curves(result, ["item5", "item6"], attribute="spatial"):
        assert ax.get_title(loc="left").endswith(", b")
    result.report(tmp_path / "report.html")
