"""Intervals, tests, bootstrap and diagnostics of fits."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest
from scipy import stats

import mixirt
from mixirt.covariance import VCOV_METHODS
from mixirt.diagnostics import STATUSES
from tests.small_models import SMALL_MODELS, TIGHT, binary, graded, small
from tests.tolerances import ROUNDING

#: Differences with a step of a thousandth of a standard error.
DIFFERENCED = 1e-6
"""Derivatives of the identity by central differences, in steps of 1e-3 standard errors."""

FORESEEN = 0.5
"""The surface is quadratic only nearby: a Newton step foresees what follows to within a half."""

DELTA = 1e-6


def test_frames_carry_standard_errors_or_leave_them_out():
    result = small("two groups")
    frame = result.parameters()
    assert list(frame.columns)[3:5] == ["estimate", "se"]
    assert list(frame.columns)[-2:] == ["difficulty", "status"]
    assert "se" not in result.parameters(se=None).columns
    assert "se" not in result.distributions(se=None).columns
    complete = result.parameters(se="complete")["se"]
    assert (complete < frame["se"]).all()
    distributions = result.distributions()
    assert distributions["se"].isna().tolist() == [True, True, False, False]
    with pytest.raises(mixirt.SpecError, match="unknown method 'oaks'; did you mean 'oakes'"):
        result.parameters(se="oaks")


def test_intervals_stay_within_their_limits():
    frame = small("3pl with priors").confint(0.999)
    guessing = frame[frame["parameter"] == "guessing"]
    assert ((guessing["lower"] > 0) & (guessing["upper"] < 1)).all()
    variances = small("rasch").confint(1 - 1e-9)
    assert (variances.loc[variances["parameter"] == "covariance", "lower"] > 0).all()
    for level in (0.0, 1.0, 95):
        with pytest.raises(mixirt.SpecError, match="level must be between 0 and 1"):
            small("rasch").confint(level)


def test_difficulties_have_the_error_of_the_ratio():
    result = small("2pl")
    covariance = result.vcov().matrix
    names = result.vcov().names
    a, b = names.index("slope of item 'item1'"), names.index("intercept of item 'item1'")
    x = result._found["x"]
    gradient = np.array([x[b] / x[a] ** 2, -1 / x[a]])
    expected = np.sqrt(gradient @ covariance[np.ix_([a, b], [a, b])] @ gradient)
    row = result.derived().iloc[0]
    assert row["estimate"] == pytest.approx(-x[b] / x[a])
    assert row["se"] == pytest.approx(expected, rel=DELTA)


def test_correlations_and_standard_deviations_are_derived():
    frame = small("two attributes").derived()
    row = frame[frame["parameter"] == "correlation"].iloc[0]
    # With unit variances the correlation is the covariance itself.
    own = small("two attributes").distributions()
    own = own[own["attribute"] != own["attribute_2"]].query("parameter == 'covariance'").iloc[0]
    assert row["estimate"] == pytest.approx(own["estimate"])
    assert row["se"] == pytest.approx(own["se"], rel=DELTA)
    assert -1 < row["lower"] < row["estimate"] < row["upper"] < 1
    sd = small("rasch").derived().query("parameter == 'sd'").iloc[0]
    variance = small("rasch").distributions().query("parameter == 'covariance'").iloc[0]
    assert sd["se"] == pytest.approx(variance["se"] / (2 * sd["estimate"]), rel=DELTA)


def test_class_probabilities_of_a_binary_item_have_one_error():
    frame = small("latent classes").derived().query("parameter == 'probability'")
    pairs = frame["se"].to_numpy().reshape(-1, 2)
    np.testing.assert_allclose(pairs[:, 0], pairs[:, 1], rtol=DELTA)
    np.testing.assert_allclose(frame["estimate"].to_numpy().reshape(-1, 2).sum(axis=1), 1.0)


def test_wald_tests():
    result = small("2pl")
    name = "slope of item 'item1'"
    frame = result.standard_errors()
    row = frame[(frame["item"] == "item1") & (frame["parameter"] == "slope")].iloc[0]
    test = result.wald(name)
    assert (test.statistic, test.df) == (pytest.approx((row["estimate"] / row["se"]) ** 2), 1)
    other = "slope of item 'item2'"
    names = result.vcov().names
    matrix = np.zeros(len(names))
    matrix[names.index(name)], matrix[names.index(other)] = 1, -1
    assert result.wald([name, other], equal=True).statistic == pytest.approx(
        result.wald(matrix).statistic
    )
    with pytest.raises(mixirt.SpecError, match="unknown parameter 'slope'"):
        result.wald("slope")
    with pytest.raises(mixirt.SpecError, match="not independent"):
        result.wald([matrix, 2 * matrix])
    with pytest.raises(mixirt.SpecError, match="12 columns"):
        result.wald(np.eye(3))


def test_compare_orders_fits_and_tests_each_against_the_one_before():
    answers = binary(40, 6, np.random.default_rng(41).standard_normal(500))
    larger, smaller = mixirt.fit(answers, "2pl"), mixirt.fit(answers, "1pl")
    table = mixirt.compare(larger, smaller, names=["2pl", "1pl"])
    assert table["fit"].tolist() == ["1pl", "2pl"]
    assert table["chi_square"].iloc[1] == pytest.approx(2 * (larger.loglik - smaller.loglik))
    assert table["df"].iloc[1] == 5
    assert table["p_value"].iloc[1] == pytest.approx(stats.chi2.sf(table["chi_square"].iloc[1], 5))
    other = mixirt.fit(answers[::-1], "1pl")
    with pytest.raises(mixirt.DataError, match="different responses"):
        mixirt.compare(larger, other)
    weighted = mixirt.fit(answers, "1pl", weights=np.full(500, 2.0))
    with pytest.raises(mixirt.DataError, match="weights"):
        mixirt.compare(larger, weighted)
    early = mixirt.fit(answers, "2pl", start={"slope": 0.01, "intercept": 3}, max_cycles=1000)
    assert mixirt.compare(smaller, early)["p_value"].notna().iloc[1]


def test_a_test_that_does_not_hold_is_left_out():
    answers = binary(40, 6, np.random.default_rng(41).standard_normal(500))
    with_prior = mixirt.Model("2pl", items=6).prior("slope", mixirt.priors.normal(1, 0.5))
    table = mixirt.compare(mixirt.fit(answers, "1pl"), mixirt.fit(answers, with_prior))
    assert np.isnan(table["p_value"].iloc[1])


@pytest.mark.parametrize("method", ["parametric", "nonparametric"])
def test_bootstrap_agrees_with_the_information(method):
    answers = binary(42, 5, np.random.default_rng(43).standard_normal(800))
    result = mixirt.fit(answers, "rasch")
    n = 150
    found = result.bootstrap(n, method, seed=5)
    assert found.draws.shape == (n, 6)
    assert found.n_failed == 0
    se = np.sqrt(np.diagonal(result.vcov().matrix))
    # A standard deviation from n draws has a relative error of 1 / sqrt(2 n): four of them.
    np.testing.assert_allclose(np.sqrt(np.diagonal(found.covariance)), se, rtol=4 / np.sqrt(2 * n))
    frame = found.frame(0.9)
    free = frame["status"] == "free"
    assert (frame["lower"] < frame["estimate"])[free].all()
    assert (frame["estimate"] < frame["upper"])[free].all()
    assert frame.loc[~free, "se"].isna().all()
    again = result.bootstrap(3, method, seed=5)
    np.testing.assert_array_equal(again.draws, found.draws[:3])


@pytest.mark.parametrize("method", ["parametric", "nonparametric"])
def test_a_bootstrap_has_the_same_bits_at_any_number_of_threads(method):
    answers = binary(60, 5, np.random.default_rng(61).standard_normal(300))
    fits = [mixirt.fit(answers, "2pl", n_threads=n) for n in (1, 2, 5, None)]
    draws = [fit.bootstrap(12, method, seed=3).draws for fit in fits]
    assert len({tuple(row) for row in draws[0]}) == 12
    for other in draws[1:]:
        np.testing.assert_array_equal(other, draws[0])


def test_an_exception_in_progress_ends_a_bootstrap_and_its_threads():
    result = mixirt.fit(binary(62, 5, np.random.default_rng(63).standard_normal(300)), "2pl")
    before = threading.active_count()
    calls = []

    def stop(done, _):
        calls.append(done)
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        result.bootstrap(10_000, seed=1, progress=stop)
    assert calls == [1]
    assert threading.active_count() == before


def test_bootstrap_counts_what_does_not_converge_and_reports_progress():
    answers = binary(44, 5, np.random.default_rng(45).standard_normal(300))
    with pytest.warns(mixirt.ConvergenceWarning):
        result = mixirt.fit(answers, "2pl", max_cycles=3)
    seen = []
    found = result.bootstrap(4, seed=1, progress=lambda done, n: seen.append((done, n)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert found.n_failed == 4
    assert found.failures[0] == "not converged after 3 cycles"
    assert found.draws.shape == (0, 10)
    with pytest.raises(mixirt.SpecError, match="from 2 to"):
        result.bootstrap(1)


def test_a_parametric_bootstrap_keeps_what_was_missing():
    result = small("gpcm, missing, weights")
    found = result.bootstrap(30, seed=2)
    se = np.sqrt(np.diagonal(result.vcov().matrix))
    ratio = np.sqrt(np.diagonal(found.covariance)) / se
    assert 0.7 < np.median(ratio) < 1.4


def test_a_matrix_that_would_not_fit_in_memory_is_refused_and_not_tried_unasked():
    answers = np.random.default_rng(64).integers(0, 2, (40, 3001))
    answers[0], answers[1] = 0, 1  # every category occurs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.MixirtWarning)
        result = mixirt.fit(answers, "2pl", max_cycles=0)
    assert result.n_parameters == 6002
    assert result.parameters()["se"].isna().all()
    assert "log-likelihood" in str(result)
    for method in VCOV_METHODS:
        with pytest.raises(
            mixirt.SpecError, match=r"6002 parameters takes 0\.3 GB.*6000 are allowed"
        ):
            result.vcov(method)


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_delta_of_the_parameters_is_their_covariance(name):
    result = small(name)
    covariance = result.vcov().matrix
    _, found = result.delta(lambda r: r._found["x"])
    np.testing.assert_allclose(found, covariance, rtol=DIFFERENCED, atol=ROUNDING)


def test_diagnostics_of_a_fit_that_stopped_too_early():
    answers = binary(46, 6, np.random.default_rng(47).standard_normal(500))
    with pytest.warns(mixirt.ConvergenceWarning):
        result = mixirt.fit(answers, "2pl", max_cycles=2)
    with pytest.warns(mixirt.ConvergenceWarning, match="from the maximum"):
        found = result.diagnostics()
    assert found.status == "not converged"
    best = mixirt.fit(answers, "2pl", **TIGHT)
    gain = best.loglik - result.loglik
    assert found.newton_distance / 2 == pytest.approx(gain, rel=FORESEEN)


@pytest.mark.filterwarnings("ignore::mixirt.BoundaryWarning", "ignore::mixirt.QuadratureWarning")
def test_a_log_likelihood_that_falls_is_told():
    lsat7 = mixirt.datasets.load("lsat7").responses
    words = r"in \d+ of \d+ cycles, by up to 1\.3"
    with pytest.warns(mixirt.LikelihoodDecreaseWarning, match=words):
        coarse = mixirt.fit(lsat7, "rasch", n_quadrature=4)
    assert coarse.history["loglik"].diff().min() < -1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error", mixirt.LikelihoodDecreaseWarning)
        mixirt.fit(lsat7, "rasch", n_quadrature=16)


def test_diagnostics_of_a_coarse_grid():
    answers = graded(48, 12, 2 * np.random.default_rng(49).standard_normal(500))
    result = mixirt.fit(answers, "grm", n_quadrature=9, **TIGHT)
    with pytest.warns(mixirt.QuadratureWarning, match="twice the quadrature points"):
        found = result.diagnostics()
    assert found.status == "coarse grid"
    finer = mixirt.fit(answers, "grm", n_quadrature=18, **TIGHT)
    moved = np.abs(finer._found["x"] - result._found["x"]).max()
    assert found.finer_shift == pytest.approx(moved, rel=FORESEEN)


def test_diagnostics_of_an_estimate_at_a_bound():
    answers = binary(50, 6, np.random.default_rng(51).standard_normal(500))
    model = mixirt.Model("2pl", items=6).bound("slope", upper=0.9, item="item6")
    with pytest.warns(mixirt.BoundaryWarning):
        result = mixirt.fit(answers, model, **TIGHT)
    found = result.diagnostics()
    assert found.status == "maximum at a bound"
    assert len(found.at_bounds) == 1
    frame = result.parameters()
    row = frame[(frame["item"] == "item6") & (frame["parameter"] == "slope")].iloc[0]
    assert row["status"] == "bound"
    assert np.isnan(row["se"])
    assert frame.loc[frame["status"] == "free", "se"].notna().all()


@pytest.mark.parametrize("kind", ["gpcm", "rasch"], ids=["latent classes", "mixture"])
def test_a_flat_direction_is_named(kind):
    """Classes that start as good as equal: EM converges at once, but not at a maximum."""
    answers = binary(52, 4, np.random.default_rng(53).standard_normal(500))
    names = [] if kind == "gpcm" else ["theta"]
    q = np.ones((4, len(names)), dtype=int)
    model = mixirt.Model(kind, items=4, attributes=names, q_matrix=q, n_classes=2)
    model = model.start("intercept", 0.5, class_=1).start("intercept", 0.5 + 1e-9, class_=2)
    result = mixirt.fit(answers, model, acceleration="none")
    assert result.converged
    with pytest.warns(mixirt.InformationWarning, match="flat direction: '.* class"):
        covariance = result.vcov()
    assert np.isnan(covariance.matrix).all()
    with pytest.warns(mixirt.InformationWarning, match="does not bend down"):
        found = result.diagnostics()
    assert found.status == "saddle or flat"
    assert found.flat


def test_every_parameter_of_an_empty_class_is_named_and_no_other() -> None:
    answers = binary(22, 6, np.random.default_rng(23).standard_normal(400))
    model = mixirt.Model("gpcm", items=6, attributes=[], q_matrix=np.zeros((6, 0)), n_classes=2)
    model = model.start("intercept", 0.5, class_=1).start("intercept", -0.5, class_=2)
    with pytest.warns(mixirt.BoundaryWarning, match="proportion in class 2 at 0"):
        result = mixirt.fit(answers, model, known_classes=[1] * 400)
    for method in VCOV_METHODS:
        with pytest.warns(mixirt.InformationWarning, match="intercept of item '.*' in class 2"):
            found = result.vcov(method)
        expected = {f"intercept of item 'item{i}' in class 2" for i in range(1, 7)}
        assert set(found.flat) == expected


@pytest.mark.parametrize("method", VCOV_METHODS)
def test_an_item_of_which_nothing_is_known_is_named(method: str) -> None:
    """Everybody answers it correctly with the same probability: a step that lies anywhere."""
    generator = np.random.default_rng(1)
    theta = np.random.default_rng(3).standard_normal(1000)
    b = np.array([3.5, 4, 0, 0.5, -0.5, 0, 1, -1])
    p = 0.2 + 0.8 / (1 + np.exp(-(1.2 * theta[:, None] + b)))
    answers = (generator.random(p.shape) < p).astype(np.int64)
    model = mixirt.Model("3pl", items=8).fix("guessing", 0.2)
    model = model.free("guessing", item="item1")
    model = model.start("slope", 524.0, item="item1").start("intercept", 86.0, item="item1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.MixirtWarning)
        result = mixirt.fit(answers, model.start("guessing", 0.9, item="item1"), max_cycles=0)
    with pytest.warns(mixirt.InformationWarning, match="of item 'item1'"):
        found = result.vcov(method)
    assert found.flat
    assert set(found.flat) <= {"slope of item 'item1'", "intercept of item 'item1'"}


def test_the_flat_directions_of_a_bifactor_model_are_named() -> None:
    """At slopes of 0 on an attribute of two items, only the product of the slopes matters."""
    theta = np.random.default_rng(30).standard_normal((1200, 4))
    own = np.repeat([0, 1, 2], [4, 4, 2])
    answers = [binary(33 + s, 4, theta[:, 0] + 0.9 * theta[:, 1 + s]) for s in range(3)]
    start = mixirt.fit(np.hstack(answers)[:, :10], "2pl")
    model = mixirt.bifactor([f"s{s}" for s in own], n_quadrature=17).start("slope", 0.7)
    model = start.start_for(model.start("slope", 0.0, attribute="s2"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.MixirtWarning)
        result = mixirt.fit(np.hstack(answers)[:, :10], model, max_cycles=0)
    assert "s2 summed out" in result.plan()
    with pytest.warns(mixirt.InformationWarning, match="slope on 's2'"):
        found = result.vcov()
    # Far from the maximum other directions rise too.
    assert set(found.flat) >= {"slope on 's2' of item 'item9'", "slope on 's2' of item 'item10'"}


@pytest.mark.parametrize("method", VCOV_METHODS)
@pytest.mark.parametrize("name", SMALL_MODELS)
def test_good_fits_have_no_flat_direction(name: str, method: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert small(name).vcov(method).flat == ()


def test_clusters_are_refused_where_they_have_no_place():
    result = small("2pl")
    with pytest.raises(mixirt.SpecError, match='clusters belong to method="sandwich"'):
        result.vcov(clusters=range(400))
    with pytest.raises(mixirt.DataError, match="400 are needed, found 3"):
        result.vcov("sandwich", clusters=[1, 2, 3])
    with pytest.raises(mixirt.DataError, match="row 1 has no label"):
        result.vcov("sandwich", clusters=["a", None, *["b"] * 398])
    with pytest.raises(mixirt.DataError, match=r"found 1, but .* at least 2"):
        result.vcov("sandwich", clusters=["a"] * 400)


def test_the_summary_has_a_line_of_diagnostics():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "status: maximum (distance" in small("2pl").summary()
    assert set(STATUSES) >= {"maximum", "not converged"}


def test_a_model_without_free_parameters_is_examined_and_shown():
    """A calibrated test, given to somebody: everything is known, only scores are wanted."""
    model = mixirt.Model("2pl", items=5).fix("slope", 1).fix("intercept", 0.5)
    result = mixirt.fit(mixirt.datasets.load("lsat7").responses, model)
    assert result.converged
    assert result.diagnostics().status == "maximum"
    assert np.isfinite(result.diagnostics().finer_loglik)
    assert "nothing was estimated" in str(result)
    assert result.vcov().matrix.shape == (0, 0)


def test_next_to_no_information_loses_no_fit() -> None:
    """An item that all of a group answered alike: its intercept runs away, its steps are long.

    Bounds so wide that they do not matter keep the fit from being refused.
    """
    responses = [
        [0, 0, 0],
        [1, 1, 1],
        [0, 1, 1],
        [1, 0, 1],
        [0, 0, 1],
        [1, 1, 0],
        [0, 1, 1],
        [1, 0, 0],
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.MixirtWarning)
        model = mixirt.Model("rasch", items=3, groups=["A", "B"]).bound("intercept", -1e9, 1e9)
        r = mixirt.fit(responses, model, groups=list("BBBABBBA"))
        assert r.parameters()["se"].notna().sum() < len(r.parameters())
        assert r.diagnostics().status != "maximum"


def test_delta_does_not_take_what_was_kept_at_the_estimates():
    """Entropy is computed once and kept; a function of the parameters asks for it elsewhere."""
    responses = mixirt.datasets.load("gss87_antirel").responses
    fresh, asked = (mixirt.fit_latent_class(responses, 2, seed=1) for _ in range(2))
    assert asked.entropy > 0
    (_, expected), (_, found) = (r.delta(lambda r: r.entropy) for r in (fresh, asked))
    assert expected[0, 0] > 0
    np.testing.assert_array_equal(found, expected)
