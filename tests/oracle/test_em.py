"""The EM algorithm of the oracle reaches known maxima."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mixirt import datasets
from tests.oracle.e_step import e_step
from tests.oracle.from_reference import exact_blocks, exact_model, patterns, reference_data
from tests.oracle.grids import rectangular
from tests.oracle.m_step import (
    FreeDistribution,
    FreeParameters,
    Member,
    Place,
    class_probabilities,
    equal_in_all_groups,
    m_step,
    newton_step,
    update_proportions,
)
from tests.oracle.models import (
    Floats,
    OracleData,
    OracleGroup,
    OracleItem,
    OracleModel,
    class_group,
    class_item,
    data,
)
from tests.reference import loading
from tests.tolerances import ROUNDING

SPREAD_TOLERANCE = 1e-3
"""R mirt's convergence in the parameters, and its fixed grid."""

PRINTED_WHOLE = 0.5
"""The tutorial prints this log-likelihood without decimals."""

SIX_DECIMALS = 1e-6
"""The value is written down with six decimals."""

LOGLIK_TOLERANCE = 1e-4
"""How near to the maximum EM is run; its steps shrink geometrically."""

RISE_TOLERANCE = 1e-9
"""Rounding of a log-likelihood of a few thousand."""


def grid(mean: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    return rectangular(mean, covariance, 81)


def run(
    model: OracleModel, given: OracleData, free: FreeParameters, n_cycles: int, place: Place = grid
) -> tuple[OracleModel, list[float]]:
    """EM cycles, and the log-likelihood before each and after the last."""
    history = []
    for _ in range(n_cycles):
        counts = e_step(model, given)
        history.append(counts.loglik)
        model = m_step(model, counts, free, place)
    history.append(e_step(model, given).loglik)
    return model, history


def test_lsat7_from_afar() -> None:
    place = grid(np.zeros(1), np.eye(1))
    items = tuple(OracleItem("gpcm", np.array([1.0]), np.array([0.5])) for _ in range(5))
    model = OracleModel((OracleGroup(items, np.zeros(1), np.eye(1), *place),), np.ones((1, 1)))
    free = FreeParameters(tuple(equal_in_all_groups(model, i) for i in range(5)))
    model, history = run(model, patterns(reference_data("lsat7")), free, n_cycles=200)
    assert np.all(np.diff(history) > -RISE_TOLERANCE)
    np.testing.assert_allclose(history[-1], -2658.805114, rtol=0, atol=LOGLIK_TOLERANCE)


def test_lsat7_common_slope_is_the_rasch_model() -> None:
    """One slope shared by five items: a block across items. The maximum is R mirt's Rasch fit."""
    place = grid(np.zeros(1), np.eye(1))
    items = tuple(OracleItem("gpcm", np.array([1.0]), np.array([0.5])) for _ in range(5))
    model = OracleModel((OracleGroup(items, np.zeros(1), np.eye(1), *place),), np.ones((1, 1)))
    block = tuple(Member(0, i, (0, 1 + i)) for i in range(5))
    model, history = run(model, patterns(reference_data("lsat7")), FreeParameters((block,)), 100)
    np.testing.assert_allclose(history[-1], -2664.900891, rtol=0, atol=LOGLIK_TOLERANCE)
    slope = model.groups[0].items[0].slopes[0]
    sd = np.sqrt(loading.mirt("lsat7_rasch").covariance("all")[0, 0])
    np.testing.assert_allclose(slope, sd, rtol=SPREAD_TOLERANCE)


@pytest.mark.parametrize("name", ["science_grm", "science_gpcm"])
def test_science_from_nearby(name: str) -> None:
    fit = loading.exact(name)
    model = exact_model(fit, grid)
    (only,) = model.groups
    moved = tuple(item.with_eta(item.eta() * 0.97) for item in only.items if item is not None)
    model = OracleModel((replace(only, items=moved),), model.proportions)
    free = FreeParameters(exact_blocks(fit))
    model, history = run(model, patterns(reference_data(fit.data)), free, n_cycles=500)
    assert history[0] < fit.loglik - 100 * LOGLIK_TOLERANCE
    np.testing.assert_allclose(history[-1], fit.loglik, rtol=0, atol=LOGLIK_TOLERANCE)


def test_timss_two_groups_from_nearby() -> None:
    """Mixed items equal in both countries; mean and variance of the second are free."""
    fit = loading.exact("timss_mixed_scalar")
    model = exact_model(fit, grid)
    first, second = model.groups
    mean, covariance = second.mean + 0.1, second.covariance * 1.1
    theta, weights = grid(mean, covariance)
    second = replace(second, mean=mean, covariance=covariance, theta=theta, weights=weights)
    model = OracleModel((first, second), model.proportions)
    everything = FreeDistribution(1, np.ones(1, bool), np.ones((1, 1), bool))
    free = FreeParameters(exact_blocks(fit), (everything,))
    model, history = run(model, reference_data(fit.data), free, n_cycles=150)
    assert history[0] < fit.loglik - 100 * LOGLIK_TOLERANCE
    np.testing.assert_allclose(history[-1], fit.loglik, rtol=0, atol=LOGLIK_TOLERANCE)


# --- the latent class tutorial -----------------------------------------------------------------

PRINTED = 5e-4
"""Its tables have three decimals."""

CYCLE_TOLERANCE = 5e-7
"""The log-likelihoods of its cycles are given to six decimals."""


def class_model(share: float, agree: Floats) -> OracleModel:
    """Two classes: the share of the first, and P(agree) of item by class (I, 2)."""
    groups = tuple(
        class_group(tuple(class_item([p, 1 - p]) for p in agree[:, c]), c) for c in range(2)
    )
    return OracleModel(groups, np.array([[share, 1 - share]]))


def class_cycle(model: OracleModel, given: OracleData) -> tuple[float, float, Floats]:
    """Log-likelihood, and the share and P(agree) (I, 2) of the M-step that follows."""
    counts = e_step(model, given)
    share = update_proportions(model, counts)[0, 0]
    agree = [[class_probabilities(n)[0] for n in items if n is not None] for items in counts.n_glim]
    return counts.loglik, share, np.array(agree).T


def tutorial_data() -> OracleData:
    return patterns(data(datasets.load("gss87_antirel").responses))


def test_tutorial() -> None:
    share, agree = 0.5, np.array([[0.6, 0.4]] * 3)
    given = tutorial_data()
    loglik, share, agree = class_cycle(class_model(share, agree), given)
    np.testing.assert_allclose(loglik, -3468.303416, rtol=0, atol=CYCLE_TOLERANCE)
    np.testing.assert_allclose(share, 0.558, rtol=0, atol=PRINTED)
    printed = [[0.831, 0.495], [0.633, 0.279], [0.808, 0.473]]
    np.testing.assert_allclose(agree, printed, rtol=0, atol=PRINTED)
    loglik, share, agree = class_cycle(class_model(share, agree), given)
    np.testing.assert_allclose(loglik, -3097.490084, rtol=0, atol=CYCLE_TOLERANCE)
    for _ in range(200):
        loglik, share, agree = class_cycle(class_model(share, agree), given)
    np.testing.assert_allclose(loglik, -2795.375533, rtol=0, atol=CYCLE_TOLERANCE)
    np.testing.assert_allclose(share, 0.620474, rtol=0, atol=CYCLE_TOLERANCE)


def test_slip_of_the_tutorial() -> None:
    """It uses y1 twice for the pattern 1-1-2: its cycle 2 has -3071 and a share of .561."""
    given = tutorial_data()
    _, share, agree = class_cycle(class_model(0.5, np.array([[0.6, 0.4]] * 3)), given)
    shares = np.array([share, 1 - share])
    p = np.prod(np.where(given.responses[:, :, None] == 0, agree, 1 - agree), axis=1)
    slipped = p.copy()
    pattern = np.flatnonzero((given.responses == [0, 0, 1]).all(axis=1))
    slipped[pattern] = agree[0] ** 2 * (1 - agree[2])
    loglik = given.weights @ np.log(slipped @ shares)
    np.testing.assert_allclose(loglik, -3071, rtol=0, atol=PRINTED_WHOLE)
    posterior = slipped * shares / (slipped @ shares)[:, None]
    share_printed = given.weights @ posterior[:, 0] / given.weights.sum()
    np.testing.assert_allclose(share_printed, 0.561, rtol=0, atol=PRINTED)
    np.testing.assert_allclose(
        given.weights @ np.log(p @ shares), -3097.490084, rtol=0, atol=SIX_DECIMALS
    )


def test_newton_ends_where_the_proportions_are() -> None:
    """Without attributes the intercepts are a free multinomial: equation 9's fixed point."""
    given = tutorial_data()
    model = class_model(0.5, np.array([[0.6, 0.4], [0.7, 0.2], [0.5, 0.3]]))
    counts = e_step(model, given)
    for _ in range(20):
        moved = newton_step(model, counts, (Member(0, 1, (0,)),))
        first, second = model.groups
        items = (first.items[0], moved[0, 1], first.items[2])
        model = replace(model, groups=(replace(first, items=items), second))
    n_lm = counts.n_glim[0][1]
    assert n_lm is not None
    expected = class_item(class_probabilities(n_lm)).intercepts
    np.testing.assert_allclose(moved[0, 1].intercepts, expected, rtol=ROUNDING)
