"""Latent class analyses against exact maxima and R poLCA, and the tutorial cycle by cycle."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import mixirt
from tests.oracle.from_reference import exact_model, polca_model, reference_data
from tests.oracle.models import OracleModel
from tests.oracle.probabilities import log_probabilities
from tests.reference import loading

SAME_MAXIMUM = 1e-3
"""The first row of the starts is the fit itself, to what starts are told apart by."""

SIX_DECIMALS = 5e-7
"""Values written down with six decimals."""

SHARE = 1e-6
"""The share is written down with six decimals; the fit stops closer to the maximum."""

FREQUENCY = 1e-3
"""Frequencies of 1,713 at parameters that are off by less than 1e-6."""

SATURATED = 1e-5
"""Twice the log-likelihood that is missing at the end of the fit."""

LOGLIK_TOLERANCE = 1e-6
"""The references state six decimals."""

PARAMETER_TOLERANCE = 1e-3
"""Of a probability."""

MAXIMA = {
    ("gss87_antirel", 2): -2795.375533,
    ("mobility", 2): -24573.827013,
    ("mobility", 3): -23215.667531,
    ("carcinoma", 2): -317.256837,
    ("carcinoma", 3): -293.704979,
}


def analysis(name: str, k: int, **options: Any) -> mixirt.LatentClassResult:
    codes = reference_data(name).responses
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.BoundaryWarning)
        return mixirt.fit_latent_class(codes, k, seed=5, **options)


@pytest.mark.parametrize(("name", "k"), MAXIMA)
def test_best_of_twenty_starts(name: str, k: int) -> None:
    result = analysis(name, k)
    assert result.converged
    assert result.n_starts == 20
    assert result.n_replicated >= 5
    np.testing.assert_allclose(result.loglik, MAXIMA[name, k], rtol=0, atol=LOGLIK_TOLERANCE)
    assert result.starts()["loglik"][0] == pytest.approx(MAXIMA[name, k], abs=SAME_MAXIMUM)


def check_probabilities(result: mixirt.LatentClassResult, reference: OracleModel) -> None:
    order = np.argsort(-reference.proportions[0])
    shares = reference.proportions[0, order]
    np.testing.assert_allclose(result.proportions[0], shares, rtol=0, atol=PARAMETER_TOLERANCE)
    for c, other in enumerate(order):
        group = reference.groups[other]
        for i, item in enumerate(group.items):
            assert item is not None
            p = np.exp(log_probabilities(item, group.theta))[:, 0]
            found = result._class_table(i, "all", c + 1)
            np.testing.assert_allclose(found, p, rtol=0, atol=PARAMETER_TOLERANCE)


@pytest.mark.parametrize(("name", "k"), [("gss87", 2), ("mobility", 3)])
def test_exact_parameters(name: str, k: int) -> None:
    fit = loading.exact(f"{name}_lca{k}")
    result = analysis(fit.data, k)
    check_probabilities(result, exact_model(fit))
    posterior = result.classify().class_probabilities
    assert fit.class_posterior is not None
    order = np.argsort(-exact_model(fit).proportions[0])
    n = len(fit.class_posterior)
    np.testing.assert_allclose(
        posterior[:n], fit.class_posterior[:, order], rtol=0, atol=PARAMETER_TOLERANCE
    )


@pytest.mark.parametrize(("name", "k"), [("mobility", 2), ("carcinoma", 2), ("carcinoma", 3)])
def test_polca_parameters(name: str, k: int) -> None:
    fit = loading.polca(f"{name}_lca{k}")
    result = analysis(name, k)
    check_probabilities(result, polca_model(fit))
    assert result.n_parameters == fit.n_free


def test_boundary_is_reported_once() -> None:
    codes = reference_data("carcinoma").responses
    with pytest.warns(mixirt.BoundaryWarning) as caught:
        result = mixirt.fit_latent_class(codes, 3, seed=5)
    assert len(caught) == 1
    table = result.parameters()
    stopped = table[table["status"] == "bound"]
    fit = loading.polca("carcinoma_lca3")
    n_at_bound = sum(
        int((p[:, 1] < 1e-9).sum() + (p[:, 0] < 1e-9).sum()) for p in fit.probabilities
    )
    assert len(stopped) == n_at_bound


# --- the tutorial: P(agree) of the items, 0 is to agree ----------------------------------------

PRINTED = 5e-4
"""Its tables have three decimals."""


def tutorial(max_cycles: int) -> mixirt.LatentClassResult:
    responses = mixirt.datasets.load("gss87_antirel").responses
    model = mixirt.Model.latent_class(2, items=3)
    model = model.start("proportion", 0.5)
    model = model.start_probability([0.6, 0.4], class_=1)
    model = model.start_probability([0.4, 0.6], class_=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.ConvergenceWarning)
        return mixirt.fit_latent_class(
            responses, model, max_cycles=max_cycles, acceleration="none", tol_parameter=1e-9
        )


def agree(result: mixirt.LatentClassResult) -> np.ndarray:
    """P(agree | class), shape (items, classes)."""
    return np.array([[result._class_table(i, "all", c)[0] for c in (1, 2)] for i in range(3)])


def test_tutorial_first_cycle() -> None:
    result = tutorial(max_cycles=1)
    assert result.n_starts == 1
    np.testing.assert_allclose(result.history["loglik"][0], -3468.303416, rtol=0, atol=SIX_DECIMALS)
    np.testing.assert_allclose(result.proportions[0], [0.558, 0.442], rtol=0, atol=PRINTED)
    printed = [[0.831, 0.495], [0.633, 0.279], [0.808, 0.473]]
    np.testing.assert_allclose(agree(result), printed, rtol=0, atol=PRINTED)
    # The printed second table uses y1 twice for pattern 1-1-2; this is the value without the slip.
    np.testing.assert_allclose(result.loglik, -3097.490084, rtol=0, atol=SIX_DECIMALS)


def test_tutorial_maximum() -> None:
    result = tutorial(max_cycles=2000)
    assert result.converged
    np.testing.assert_allclose(result.loglik, -2795.375533, rtol=0, atol=LOGLIK_TOLERANCE)
    np.testing.assert_allclose(result.proportions[0, 0], 0.620474, rtol=0, atol=SHARE)
    p = agree(result)
    patterns = np.array(np.meshgrid(*[[0, 1]] * 3, indexing="ij")).reshape(3, -1).T
    terms = np.where(patterns[:, :, None] == 0, p, 1 - p).prod(axis=1)
    # Seven free frequencies, seven parameters: the model reproduces them.
    expected = 1713 * terms @ result.proportions[0]
    np.testing.assert_allclose(
        expected, [696, 68, 275, 130, 34, 19, 125, 366], rtol=0, atol=FREQUENCY
    )
    assert result.goodness_of_fit.df == 0
    assert result.goodness_of_fit.g2 == pytest.approx(0.0, abs=SATURATED)
