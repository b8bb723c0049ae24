"""Models with more attributes than a grid could cross: bifactor and two-tier structures."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import mixirt
from mixirt.covariance import VCOV_METHODS

N_SPECIFIC, PER_SPECIFIC, N = 12, 5, 1500
SAME_MATRIX = 1e-11
"""In standard errors: the same sums of squares, inverted, round as the matrix is conditioned."""

TWICE_FITTED = 1e-3
"""Two fits that stop within 1e-5 of the maximum, and matrices that follow them."""

CORRELATION = 0.08
"""Four standard errors, about, of the correlation of attributes that 18 items measure each."""

N_POINTS = 21

#: Two sums of the same terms in another order, of attributes around 1.
AGREEMENT = 1e-10
#: The slopes of 60 items deviate from the true ones by their standard errors, .06 to .2 each.
RECOVERED = 0.2


class Drawn:
    """Answers of N respondents with a general and N_SPECIFIC specific attributes."""

    def __init__(self) -> None:
        generator = np.random.default_rng(8)
        n_items = N_SPECIFIC * PER_SPECIFIC
        self.specific = np.repeat(np.arange(N_SPECIFIC), PER_SPECIFIC)
        self.theta = generator.standard_normal((N, 1 + N_SPECIFIC))
        self.slopes = np.zeros((n_items, 1 + N_SPECIFIC))
        self.slopes[:, 0] = generator.uniform(0.8, 1.8, n_items)
        self.slopes[np.arange(n_items), 1 + self.specific] = generator.uniform(0.7, 1.5, n_items)
        self.intercepts = generator.normal(size=n_items)
        p = 1 / (1 + np.exp(-(self.theta @ self.slopes.T + self.intercepts)))
        self.answers = (generator.random(p.shape) < p).astype(float)
        self.answers[generator.random(p.shape) < 0.1] = np.nan
        self.answers[0] = np.nan

    def model(self) -> mixirt.Model:
        labels = [f"s{s}" for s in self.specific]
        return mixirt.bifactor(labels, n_quadrature=N_POINTS)


@cache
def drawn() -> Drawn:
    return Drawn()


@cache
def fitted() -> mixirt.Result:
    return mixirt.fit(drawn().answers, drawn().model())


def slopes_of(result: mixirt.Result) -> np.ndarray:
    """Estimated slopes (I, J), 0 where an item does not measure an attribute."""
    design, cells = result.model.design, result.model.design.cells
    slopes = np.zeros((len(design.items), len(design.attributes)))
    own = cells.is_kind("slope")
    slopes[cells.item[own], cells.attribute[own]] = result._values[own]
    return slopes


def bifactor_posteriors(result: mixirt.Result, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances (N, J), one specific attribute at a time (Gibbons & Hedeker, 1992)."""
    # The same nodes as the engine's, read from the only axis of a small model.
    one = mixirt.Model("2pl", items=3, n_quadrature=N_POINTS)._compile()
    data = mixirt._core.Data(one, np.zeros((1, 3), np.uint8))
    grid = mixirt._core.expected_counts(one, data, np.zeros(one.n_free))["groups"][0]
    z, w = grid["theta"], grid["weights"]
    assert result._engine.n_points() == [len(z)] * (1 + N_SPECIFIC)
    slopes, cells = slopes_of(result), result.model.design.cells
    intercepts = result._values[cells.is_kind("intercept")]
    n, n_specific = len(codes), slopes.shape[1] - 1
    joint = np.empty((n_specific, n, N_POINTS, N_POINTS))  # specific, row, general, own
    for s in range(n_specific):
        log_p = np.zeros((n, N_POINTS, N_POINTS))
        for i in np.flatnonzero(slopes[:, 1 + s]):
            logit = slopes[i, 0] * z[:, None] + slopes[i, 1 + s] * z + intercepts[i]
            answered = ~np.isnan(codes[:, i])
            sign = np.where(codes[:, i] == 1, 1.0, -1.0)
            log_p -= answered[:, None, None] * np.logaddexp(0, -sign[:, None, None] * logit)
        joint[s] = np.exp(log_p) * w
    marginal = joint.sum(axis=3)
    posterior = w * marginal.prod(axis=0)
    posterior /= posterior.sum(axis=1, keepdims=True)
    mean = np.empty((n, 1 + n_specific))
    second = np.empty_like(mean)
    mean[:, 0], second[:, 0] = posterior @ z, posterior @ z**2
    for s in range(n_specific):
        own = np.einsum("ng,ngs->ns", posterior / marginal[s], joint[s])
        mean[:, 1 + s], second[:, 1 + s] = own @ z, own @ z**2
    return mean, second - mean**2


def test_many_specific_attributes_are_recovered():
    result = fitted()
    assert result.converged
    assert f"common grid over general: {N_POINTS} nodes" in result.plan()
    own = drawn().slopes != 0
    apart = (slopes_of(result) - drawn().slopes)[own]
    assert np.sqrt((apart**2).mean()) < RECOVERED


def test_scores_are_those_of_the_reduced_integrals():
    rows = slice(0, 40)
    scores = fitted().score()
    mean, variance = bifactor_posteriors(fitted(), drawn().answers[rows])
    np.testing.assert_allclose(scores.theta[rows], mean, rtol=0, atol=AGREEMENT)
    np.testing.assert_allclose(scores.se[rows] ** 2, variance, rtol=0, atol=AGREEMENT)
    # Nobody is known better than by his own answers; the first row has none.
    np.testing.assert_allclose(scores.theta[0], 0, rtol=0, atol=AGREEMENT)
    assert np.corrcoef(scores.theta[:, 0], drawn().theta[:, 0])[0, 1] > 0.9


def test_modes_lie_near_the_means_with_covariances():
    result = fitted()
    few = drawn().answers[:50]
    eap, grid, mode = (result.score(few, method) for method in ("eap", "map", "mode"))
    step = np.diff(np.unique(grid.theta[:, 0])).min()
    assert np.abs(grid.theta - mode.theta).max() < 2 * step
    for scores in (eap, grid, mode):
        assert scores.covariance.shape == (50, 1 + N_SPECIFIC, 1 + N_SPECIFIC)
        assert (np.linalg.eigvalsh(scores.covariance) > 0).all()


@pytest.mark.parametrize("method", [m for m in VCOV_METHODS if m != "louis"])
def test_standard_errors_need_no_whole_grid(method):
    matrix = fitted().vcov(method).matrix
    assert (np.linalg.eigvalsh(matrix) > 0).all()


def test_clusters_count_in_the_sandwich():
    result = fitted()
    alone = result.vcov("sandwich", clusters=range(N)).matrix
    corrected = result.vcov("sandwich").matrix * N / (N - 1)
    se = np.sqrt(np.diagonal(alone))
    np.testing.assert_allclose((alone - corrected) / np.outer(se, se), 0, rtol=0, atol=SAME_MATRIX)
    # Everybody twice, both in one cluster: as if each had been asked once.
    twice = mixirt.fit(np.repeat(drawn().answers, 2, axis=0), drawn().model(), start=result)
    together = twice.vcov("sandwich", clusters=np.repeat(np.arange(N), 2)).matrix
    np.testing.assert_allclose(np.sqrt(np.diagonal(together)), se, rtol=TWICE_FITTED)


def test_louis_says_what_to_use_instead():
    with pytest.raises(mixirt.SpecError, match=r"whole grid.*13 attributes.*or use 'oakes'"):
        fitted().vcov("louis")


def test_a_bifactor_fit_is_examined_saved_and_simulated(tmp_path):
    result = fitted()
    assert result.diagnostics().status in ("maximum", "coarse grid")
    result.save(tmp_path / "bifactor.json")
    loaded = mixirt.load(tmp_path / "bifactor.json")
    assert loaded.plan() == result.plan()
    few = drawn().answers[:20]
    np.testing.assert_array_equal(loaded.score(few).theta, result.score(few).theta)
    again = mixirt.fit(result.simulate(seed=3), drawn().model(), start=result)
    assert np.sqrt(((slopes_of(again) - slopes_of(result)) ** 2).mean()) < RECOVERED
    assert mixirt.fit(drawn().answers, drawn().model(), start=result).n_cycles <= 4


def test_two_tiers_with_correlated_general_attributes():
    generator = np.random.default_rng(5)
    general = generator.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 3000)
    specific = generator.standard_normal((3000, 6))
    q = np.zeros((36, 8), dtype=int)
    q[np.arange(36), np.arange(36) // 18] = 1
    q[np.arange(36), 2 + np.arange(36) // 6] = 1
    logits = 1.3 * q[:, :2] @ general.T + q[:, 2:] @ specific.T
    answers = (generator.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(int).T
    names = ["first", "second", *(f"s{k}" for k in range(6))]
    model = mixirt.Model("2pl", items=36, q_matrix=q, attributes=names, n_quadrature=15)
    model = model.fix("covariance", 0.0).free("covariance", attribute=["first", "second"])
    assert "common grid over first, second: 225 nodes" in model.plan()
    result = mixirt.fit(answers, model)
    assert result.converged
    assert result.covariance()[0, 1] == pytest.approx(0.5, abs=CORRELATION)
    assert result.score(answers[:5]).theta.shape == (5, 8)


def test_only_what_is_crossed_can_be_too_much():
    model = mixirt.bifactor([f"s{k // 3}" for k in range(60)], n_quadrature=31)
    assert model.plan().count("961 nodes") == 20
    q = np.ones((12, 6), dtype=int)
    with pytest.raises(mixirt.SpecError, match=r"need a common grid.*make .* nodes"):
        mixirt.Model("2pl", items=12, q_matrix=q, n_quadrature=31).plan()
