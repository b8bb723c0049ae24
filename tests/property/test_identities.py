"""What must be equal whatever the numbers: the same model said twice, the same data said twice."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest

import mixirt
from mixirt import datasets
from tests.tolerances import ROUNDING

CRITERION = 1e-7
"""Twice the difference of two log-likelihoods of the same maximum."""

CUT_OFF = 1e-6
"""The grid ends 6 standard deviations out: it has all but 1e-7 of the variance."""

SATURATED = 1e-6
"""The maximum is known; what is left is the grid's error."""

CLOSE = {"tol_parameter": 1e-9, "tol_deviance": 1e-9}
"""Both sides of an identity are run to their maxima."""

LOGLIK = 1e-8
"""Sums of a thousand terms in another order; at a maximum, errors in the parameters are squared."""

PARAMETER = 1e-6
"""Runs that stop within 1e-9 a cycle of one maximum; slow directions lose a few digits."""

FREE_VARIANCE = 1e-5
"""The rule ends at 6 standard deviations, which cuts 7e-8 off the variance of a standard normal:
matching moments (a free variance) and a zero gradient (a free slope) differ by that, and the
response patterns say about a tenth of what the attribute itself would about its variance."""


DEFAULT_CRITERIA = 1e-5
"""Fits that converge by default stop within so much of where a parameter is heading."""


def science() -> Any:
    return datasets.load("science").responses - 1


def lsat7() -> Any:
    return datasets.load("lsat7").responses


@cache
def lsat7_2pl() -> mixirt.Result:
    return mixirt.fit(lsat7(), "2pl", **CLOSE)


def estimates(result: mixirt.Result, parameter: str) -> Any:
    frame = result.parameters(se=None)
    return frame.loc[frame["parameter"] == parameter, "estimate"].to_numpy()


def assert_same(one: mixirt.Result, other: mixirt.Result) -> None:
    """Compare the maximum and the estimates, parameter by parameter."""
    np.testing.assert_allclose(one.loglik, other.loglik, rtol=0, atol=LOGLIK)
    for kind in ("slope", "intercept"):
        np.testing.assert_allclose(
            estimates(one, kind), estimates(other, kind), rtol=0, atol=PARAMETER, err_msg=kind
        )


# --- the same model, said differently ---------------------------------------------------------


def test_two_categories_are_gpcm_grm_2pl_and_3pl_without_guessing() -> None:
    no_guessing = mixirt.Model("3pl", items=5).fix("guessing", 0.0)
    for model in ("gpcm", "grm", no_guessing):
        assert_same(mixirt.fit(lsat7(), model, **CLOSE), lsat7_2pl())


@pytest.mark.parametrize("factor", [0.25, 3.0, -1.0])
def test_scaled_category_scores_scale_the_slopes_back(factor: float) -> None:
    plain = mixirt.fit(science(), "gpcm", **CLOSE)
    scores = (factor * np.arange(4)).tolist()
    scaled = mixirt.fit(science(), "gpcm", category_scores=scores, **CLOSE)
    np.testing.assert_allclose(scaled.loglik, plain.loglik, rtol=0, atol=LOGLIK)
    sign = np.sign(estimates(plain, "slope") @ estimates(scaled, "slope"))
    slopes = factor * estimates(scaled, "slope")
    slopes *= np.sign(slopes.sum())
    np.testing.assert_allclose(slopes, estimates(plain, "slope"), rtol=0, atol=PARAMETER)
    assert sign in (-1, 1)
    np.testing.assert_allclose(
        estimates(scaled, "intercept"), estimates(plain, "intercept"), rtol=0, atol=PARAMETER
    )


@pytest.mark.parametrize("shift", [-2.0, 5.0])
def test_shifted_category_scores_change_nothing(shift: float) -> None:
    scores = (shift + np.arange(4)).tolist()
    shifted = mixirt.fit(science(), "gpcm", category_scores=scores, **CLOSE)
    assert_same(shifted, mixirt.fit(science(), "gpcm", **CLOSE))


@pytest.mark.parametrize(("one", "common"), [("rasch", "1pl"), ("pcm", "gpcm")])
def test_rasch_is_a_common_slope_in_other_units(one: str, common: str) -> None:
    """Slope 1 and a free variance, or variance 1 and a free slope: the slope is the SD."""
    responses = lsat7() if one == "rasch" else science()
    first = mixirt.fit(responses, one, **CLOSE)
    model: Any = common
    if common == "gpcm":
        model = mixirt.Model("gpcm", items=4, n_categories=4).tie("slope")
    second = mixirt.fit(responses, model, **CLOSE)
    assert first.n_parameters == second.n_parameters
    np.testing.assert_allclose(first.loglik, second.loglik, rtol=0, atol=LOGLIK)
    sd = np.sqrt(first.covariance()[0, 0])
    np.testing.assert_allclose(estimates(second, "slope"), sd, rtol=0, atol=FREE_VARIANCE)
    np.testing.assert_allclose(
        estimates(first, "intercept"), estimates(second, "intercept"), rtol=0, atol=FREE_VARIANCE
    )
    np.testing.assert_allclose(
        first.score().theta, sd * second.score().theta, rtol=0, atol=FREE_VARIANCE
    )


@pytest.mark.parametrize("seed", [3, 7, 14, 27, 30, 36])
def test_a_variance_near_0_is_the_slope_squared_as_well(seed: int) -> None:
    """Answers by chance: EM steps of a small variance are lost among those of the intercepts.

    One of the variances ends at its bound of 1e-6, the others between .002 and .04.
    """
    chance = np.random.default_rng(seed).integers(0, 2, (500, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.BoundaryWarning)
        variance = mixirt.fit(chance, "rasch").covariance()[0, 0]
    slope = estimates(mixirt.fit(chance, "1pl", **CLOSE), "slope")[0]
    np.testing.assert_allclose(variance, slope**2, rtol=0, atol=DEFAULT_CRITERIA)


def test_a_moved_scale_moves_the_items_back() -> None:
    """Mean 1 and variance 4 instead of 0 and 1: the same probabilities."""
    model = mixirt.Model("2pl", items=5).fix("mean", 1.0).fix("variance", 4.0)
    moved = mixirt.fit(lsat7(), model, **CLOSE)
    np.testing.assert_allclose(moved.loglik, lsat7_2pl().loglik, rtol=0, atol=LOGLIK)
    slopes = 2 * estimates(moved, "slope")
    intercepts = estimates(moved, "intercept") + estimates(moved, "slope")
    np.testing.assert_allclose(slopes, estimates(lsat7_2pl(), "slope"), rtol=0, atol=PARAMETER)
    np.testing.assert_allclose(
        intercepts, estimates(lsat7_2pl(), "intercept"), rtol=0, atol=PARAMETER
    )


def test_reversed_items_reverse_their_parameters() -> None:
    responses = lsat7().copy()
    responses[:, [1, 3]] = 1 - responses[:, [1, 3]]
    reversed_ = mixirt.fit(responses, "2pl", **CLOSE)
    sign = np.array([1, -1, 1, -1, 1])
    np.testing.assert_allclose(reversed_.loglik, lsat7_2pl().loglik, rtol=0, atol=LOGLIK)
    for kind in ("slope", "intercept"):
        found = sign * estimates(reversed_, kind)
        np.testing.assert_allclose(found, estimates(lsat7_2pl(), kind), rtol=0, atol=PARAMETER)


# --- the same data, said differently ----------------------------------------------------------


@pytest.mark.parametrize("model", ["gpcm", "grm"])
def test_a_weight_of_k_is_a_row_k_times(model: str) -> None:
    generator = np.random.default_rng(1)
    times = generator.integers(0, 4, len(science()))
    weighted = mixirt.fit(science(), model, weights=times, **CLOSE)
    repeated = mixirt.fit(np.repeat(science(), times, axis=0), model, **CLOSE)
    assert_same(weighted, repeated)
    assert weighted.n_observations == repeated.n_observations == times.sum()
    np.testing.assert_allclose(weighted.bic, repeated.bic, rtol=0, atol=CRITERION)


def test_scaled_weights_scale_the_log_likelihood() -> None:
    scaled = mixirt.fit(lsat7(), "2pl", weights=np.full(1000, 2.5), **CLOSE)
    np.testing.assert_allclose(scaled.loglik, 2.5 * lsat7_2pl().loglik, rtol=ROUNDING)
    np.testing.assert_allclose(
        estimates(scaled, "slope"), estimates(lsat7_2pl(), "slope"), rtol=0, atol=PARAMETER
    )


@pytest.mark.parametrize("model", ["gpcm", "grm"])
def test_the_order_of_rows_does_not_matter(model: str) -> None:
    order = np.random.default_rng(2).permutation(len(science()))
    shuffled = mixirt.fit(science()[order], model, **CLOSE)
    straight = mixirt.fit(science(), model, **CLOSE)
    assert_same(shuffled, straight)
    np.testing.assert_allclose(
        shuffled.score().theta, straight.score().theta[order], rtol=0, atol=PARAMETER
    )


def test_the_order_of_items_does_not_matter() -> None:
    order = np.array([3, 0, 4, 1, 2])
    shuffled = mixirt.fit(lsat7()[:, order], "2pl", **CLOSE)
    np.testing.assert_allclose(shuffled.loglik, lsat7_2pl().loglik, rtol=0, atol=LOGLIK)
    for kind in ("slope", "intercept"):
        np.testing.assert_allclose(
            estimates(shuffled, kind), estimates(lsat7_2pl(), kind)[order], rtol=0, atol=PARAMETER
        )


def test_a_row_without_answers_contributes_nothing_and_scores_as_the_prior() -> None:
    responses = np.vstack([lsat7().astype(float), np.full((3, 5), np.nan)])
    result = mixirt.fit(responses, "2pl", **CLOSE)
    assert_same(result, lsat7_2pl())
    scores = result.score()
    np.testing.assert_allclose(scores.theta[-3:], 0, rtol=0, atol=ROUNDING)
    np.testing.assert_allclose(scores.se[-3:], 1, rtol=0, atol=CUT_OFF)


@pytest.mark.parametrize("model", ["2pl", "grm"])
def test_groups_with_nothing_tied_are_separate_fits(model: str) -> None:
    fims = datasets.load("fims")
    rows = slice(None, None, 4)
    responses, groups = fims.responses[rows], fims.groups
    assert groups is not None
    groups = groups[rows]
    together = mixirt.fit(responses, model, groups=groups, **CLOSE)
    apart = [mixirt.fit(responses[groups == label], model, **CLOSE) for label in ("1", "2")]
    assert together.n_parameters == sum(r.n_parameters for r in apart)
    np.testing.assert_allclose(together.loglik, sum(r.loglik for r in apart), rtol=0, atol=LOGLIK)
    for kind in ("slope", "intercept"):
        found = np.concatenate([estimates(r, kind) for r in apart])
        np.testing.assert_allclose(estimates(together, kind), found, rtol=0, atol=PARAMETER)


def test_the_codes_of_categories_do_not_matter() -> None:
    words = np.array(["no", "yes"], dtype=object)[lsat7()]
    result = mixirt.fit(words, "2pl", categories=["no", "yes"], **CLOSE)
    assert (
        result.parameters(se=None)["estimate"] == lsat7_2pl().parameters(se=None)["estimate"]
    ).all()


# --- threads ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_threads", [2, 7])
@pytest.mark.parametrize(
    ("data", "model", "options"),
    [
        ("sat12", "2pl", {}),
        ("mobility", "2pl", {"q_matrix": np.kron(np.eye(2), np.ones((4, 1))), "n_quadrature": 21}),
        ("fims", "2pl", {"invariance": "scalar"}),
        ("timss_aus_twn", "gpcm", {"quadrature": "gauss-hermite", "n_quadrature": 21}),
    ],
)
def test_same_bits_at_any_number_of_threads(
    data: str, model: str, options: dict[str, Any], n_threads: int
) -> None:
    dataset = datasets.load(data)

    def run(n: int) -> tuple[bytes, ...]:
        result = mixirt.fit(
            dataset.responses, model, groups=dataset.groups, n_threads=n,
            tol_parameter=1e-1, tol_deviance=1.0, **options,
        )  # fmt: skip
        scores = [result.score(method=m, n_threads=n) for m in ("eap", "map", "mode")]
        arrays = [result._found["x"], result.history["loglik"].to_numpy()]
        arrays += [a for s in scores for a in (s.theta, s.covariance, s.log_probability)]
        return (*[np.ascontiguousarray(a).tobytes() for a in arrays], repr(result.loglik).encode())

    assert run(n_threads) == run(1)


# --- extremes -----------------------------------------------------------------------------------


def draw_2pl(n_rows: int, n_items: int, seed: int) -> tuple[Any, Any, Any]:
    """Responses to 2PL items, with their slopes and intercepts."""
    generator = np.random.default_rng(seed)
    slopes = generator.uniform(0.7, 1.8, n_items)
    intercepts = generator.uniform(-1.5, 1.5, n_items)
    theta = generator.standard_normal(n_rows)
    p = 1 / (1 + np.exp(-(theta[:, None] * slopes + intercepts)))
    return (generator.random((n_rows, n_items)) < p).astype(int), slopes, intercepts


@pytest.mark.slow
def test_a_test_of_3000_items() -> None:
    """Most rows have a likelihood that no double can hold."""
    responses, slopes, _ = draw_2pl(300, 3000, seed=3)
    with pytest.warns(mixirt.DataWarning, match="transpose"):
        result = mixirt.fit(
            responses, "2pl", n_quadrature=101, tol_parameter=1e-2, tol_deviance=1.0
        )
    assert np.isfinite(result.loglik)
    found = estimates(result, "slope")
    assert np.isfinite(found).all()
    # Standard error of a slope with 300 respondents: about .2.
    assert np.corrcoef(found, slopes)[0, 1] > 0.75
    rows = result.score().log_probability
    np.testing.assert_allclose(rows.sum(), result.loglik, rtol=ROUNDING)
    assert np.median(rows) < np.log(np.nextafter(0, 1))


def test_a_test_of_two_items() -> None:
    """The Rasch model with a free variance has three parameters and four patterns: it is exact."""
    generator = np.random.default_rng(4)
    theta = generator.standard_normal(1000)
    p = 1 / (1 + np.exp(-(1.3 * theta[:, None] + np.array([0.5, -0.7]))))
    responses = (generator.random((1000, 2)) < p).astype(int)
    result = mixirt.fit(responses, "rasch", **CLOSE)
    assert result.converged
    _, counts = np.unique(responses, axis=0, return_counts=True)
    np.testing.assert_allclose(
        result.loglik, counts @ np.log(counts / 1000), rtol=0, atol=SATURATED
    )


def test_aberrant_rows_do_not_underflow() -> None:
    """All hard items right and all easy ones wrong: 1e-300 beside ordinary probabilities."""
    responses, _, _ = draw_2pl(500, 400, seed=5)
    share = responses.mean(axis=0)
    aberrant = np.tile((share < np.median(share)).astype(int), (3, 1))
    plain = mixirt.fit(responses, "2pl", n_quadrature=101, tol_parameter=1e-3, tol_deviance=1e-2)
    found = plain.score(np.vstack([responses, aberrant]))
    assert np.isfinite(found.log_probability).all()
    assert found.log_probability[-1] < found.log_probability[:-3].min() - 100
    result = mixirt.fit(
        np.vstack([responses, aberrant]), "2pl", n_quadrature=101,
        tol_parameter=1e-3, tol_deviance=1e-2,
    )  # fmt: skip
    assert np.isfinite(result.loglik)
    assert result.loglik < plain.loglik
