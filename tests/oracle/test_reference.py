"""The oracle at the estimates of other programs reaches the log-likelihood they state."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tests.oracle.e_step import ExpectedCounts, e_step
from tests.oracle.from_reference import (
    exact_blocks,
    exact_model,
    group_labels,
    mirt_model,
    polca_model,
    reference_data,
)
from tests.oracle.grids import product_grid
from tests.oracle.m_step import block_derivatives, moments
from tests.oracle.models import Floats, OracleModel
from tests.oracle.scores import class_probabilities, eap, posterior_mode
from tests.reference import loading

LOGLIK_TOLERANCE = 1e-6
"""The exact files give nine decimals, R's twelve digits of parameters up to 6e4 in all."""

GRADIENT_TOLERANCE = 1e-8
"""Exact maxima have gradients of 1e-9 and less."""

EAP_TOLERANCE = 1e-10
"""The same formula on the same grid."""

MIRT_EAP_TOLERANCE = 1e-5
"""R mirt scores at parameters a last cycle away from those it prints."""

MIRT_MODE_TOLERANCE = 5e-5
"""R mirt's optimiser stops at about this distance from the mode, in theta and in its SE."""

WITH_ATTRIBUTE = [name for name in loading.exact_names() if "lca" not in name]
CLASS_MODELS = [name for name in loading.exact_names() if "lca" in name]
SCORED = [name for name in loading.mirt_names() if loading.mirt(name).scores]
DATA_NAMES = {"timss": "timss_aus_twn", "gss87": "gss87_antirel"}


def data_name(fit_name: str) -> str:
    """Return the data set that a fit of another program used: the first word of the fit's name."""
    first = fit_name.partition("_")[0]
    return DATA_NAMES.get(first, first)


@cache
def at_the_maximum(name: str) -> tuple[OracleModel, ExpectedCounts]:
    fit = loading.exact(name)
    model = exact_model(fit)
    return model, e_step(model, reference_data(fit.data))


def mirt_grid(mean: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """R mirt's default: fixed nodes on [-6, 6], 61 in one dimension and 31 x 31 in two."""
    axis = np.linspace(-6, 6, {1: 61, 2: 31}[len(mean)])
    theta = product_grid([axis] * len(mean))
    offset = theta - mean
    weights = np.exp(-0.5 * np.einsum("lj,jk,lk->l", offset, np.linalg.inv(covariance), offset))
    return theta, weights / weights.sum()


@pytest.mark.parametrize("name", loading.exact_names())
def test_exact_loglik(name: str) -> None:
    _, counts = at_the_maximum(name)
    expected = loading.exact(name).loglik
    np.testing.assert_allclose(counts.loglik, expected, rtol=0, atol=LOGLIK_TOLERANCE)


@pytest.mark.parametrize("name", WITH_ATTRIBUTE)
def test_the_gradient_vanishes_at_an_exact_maximum(name: str) -> None:
    """By Fisher's identity the gradient of equation 8 at its own counts is that of the data."""
    fit = loading.exact(name)
    model, counts = at_the_maximum(name)
    for block in exact_blocks(fit):
        values, gradient, _ = block_derivatives(model, counts, block)
        if fit.prior is not None:
            gradient[-1] -= (values[-1] - fit.prior["normal_mean"]) / fit.prior["normal_sd"] ** 2
        np.testing.assert_allclose(gradient, 0, rtol=0, atol=GRADIENT_TOLERANCE)
    labels = group_labels(fit.data)
    for label, group, n_gl in zip(labels, model.groups, counts.n_gl, strict=True):
        if label in (loading.ALL, fit.reference_group):
            continue
        mean, covariance = moments(group.theta, n_gl)
        np.testing.assert_allclose(mean, group.mean, rtol=0, atol=GRADIENT_TOLERANCE)
        np.testing.assert_allclose(covariance, group.covariance, rtol=0, atol=GRADIENT_TOLERANCE)


def test_exact_log_posterior() -> None:
    fit = loading.exact("sat12_3pl_prior")
    assert fit.prior is not None
    assert fit.log_posterior is not None
    model, counts = at_the_maximum(fit.name)
    mean, sd = fit.prior["normal_mean"], fit.prior["normal_sd"]
    logits = np.array([item.guessing_logit for item in model.groups[0].items if item])
    log_prior = -0.5 * ((logits - mean) / sd) ** 2 - np.log(sd * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(
        counts.loglik + log_prior.sum(), fit.log_posterior, rtol=0, atol=LOGLIK_TOLERANCE
    )


@pytest.mark.parametrize("name", WITH_ATTRIBUTE)
def test_exact_eap(name: str) -> None:
    """The first 20 rows are all of the first group."""
    fit = loading.exact(name)
    model, counts = at_the_maximum(name)
    theta, covariance = eap([counts.posterior[0][:20]], [model.groups[0].theta])
    assert fit.eap is not None
    assert fit.eap_sd is not None
    np.testing.assert_allclose(theta[:, 0], fit.eap, rtol=0, atol=EAP_TOLERANCE)
    np.testing.assert_allclose(np.sqrt(covariance[:, 0, 0]), fit.eap_sd, rtol=0, atol=EAP_TOLERANCE)


@pytest.mark.parametrize("name", CLASS_MODELS)
def test_exact_class_probabilities(name: str) -> None:
    _, counts = at_the_maximum(name)
    expected = loading.exact(name).class_posterior
    assert expected is not None
    np.testing.assert_allclose(
        class_probabilities(counts.posterior)[:20], expected, rtol=0, atol=EAP_TOLERANCE
    )


@pytest.mark.parametrize("name", loading.mirt_names())
def test_mirt_loglik_on_its_own_grid(name: str) -> None:
    fit = loading.mirt(name)
    model = mirt_model(fit, data_name(name), mirt_grid)
    loglik = e_step(model, reference_data(data_name(name))).loglik
    np.testing.assert_allclose(loglik, fit.loglik, rtol=0, atol=LOGLIK_TOLERANCE)


@pytest.mark.parametrize("name", SCORED)
def test_mirt_scores(name: str) -> None:
    fit = loading.mirt(name)
    model = mirt_model(fit, data_name(name), mirt_grid)
    data = reference_data(data_name(name))
    rows = data.responses[:25]
    first = replace(
        data,
        responses=rows,
        weights=data.weights[:25],
        observed_group=data.observed_group[:25],
        known_class=data.known_class[:25],
    )
    theta, covariance = eap([e_step(model, first).posterior[0]], [model.groups[0].theta])
    scores = np.stack([theta[:, 0], np.sqrt(covariance[:, 0, 0])], axis=1)
    np.testing.assert_allclose(scores, fit.scores["EAP"], rtol=0, atol=MIRT_EAP_TOLERANCE)
    modes = [posterior_mode(model.groups[0], row) for row in rows]
    scores = np.array([[theta[0], np.sqrt(variance[0, 0])] for theta, variance in modes])
    np.testing.assert_allclose(scores, fit.scores["MAP"], rtol=0, atol=MIRT_MODE_TOLERANCE)


@pytest.mark.parametrize("name", loading.polca_names())
def test_polca_loglik(name: str) -> None:
    fit = loading.polca(name)
    loglik = e_step(polca_model(fit), reference_data(data_name(name))).loglik
    np.testing.assert_allclose(loglik, fit.loglik, rtol=0, atol=LOGLIK_TOLERANCE)
