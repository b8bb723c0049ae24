"""Several observed groups: invariance, partial invariance, and the choice of reference group."""

from __future__ import annotations

import numpy as np
import pytest

from tests.reference import loading
from tests.reference.fitting import (
    estimates_of,
    exact_lookup,
    fitted,
    fitted_closely,
    held_at,
    mirt_lookup,
    values_of,
)

TWO_DECIMALS = 0.005
"""The differences are written down with two decimals."""

EXACT_LOGLIK = 1e-4
"""Default settings stop within 1e-5 in -2 log L of a cycle; the grid adds less than 1e-5."""

TAIL = 1e-8
"""Per respondent: the rectangular rule ends 6 standard deviations out. Outside lies 2e-9 of the
population, and several times that of the posterior of respondents with extreme answers."""

MIRT_LOGLIK = 2e-3
"""R mirt states the log-likelihood of its own grid of 61 fixed nodes."""

PARAMETER = 1e-3
"""Where R mirt's fixed grid covers both groups, it agrees to its printed convergence."""

CLOSE_PARAMETER = 1e-6
"""Both at the maximum: fits run to 1e-8 against gradients of 1e-9."""

EAP = 1e-5
"""The same formula on two fine grids. What the rule cuts off at 6 standard deviations counts
sixfold in a posterior mean and 36-fold in a variance."""

EXACT = {
    "fims_2pl_scalar": 30,
    "fims_2pl_item1_free": 32,
    "timss_mixed_scalar": 28,
    "timss_mixed_scalar_ref_158": 28,
}
MIRT = {"fims_2pl_configural": 56, "timss_grm_scalar": 28}
OFF_ITS_GRID = {"fims_2pl_scalar": 0.33, "fims_2pl_item1_free": 0.44}
"""R mirt's grid ends 3.2 standard deviations from the second country's mean: on a fine grid its
estimates have a log-likelihood higher by so much than it says."""


@pytest.mark.parametrize("name", EXACT)
def test_exact_log_likelihood(name: str) -> None:
    result = fitted(name)
    assert result.converged
    assert result.n_parameters == EXACT[name]
    np.testing.assert_allclose(result.loglik, loading.exact(name).loglik, rtol=0, atol=EXACT_LOGLIK)


@pytest.mark.parametrize("name", EXACT)
def test_exact_maximum(name: str) -> None:
    result, fit = fitted_closely(name), loading.exact(name)
    assert result.converged
    atol = TAIL * result.n_observations
    np.testing.assert_allclose(result.loglik, fit.loglik, rtol=0, atol=atol)
    expected = values_of(result.model, exact_lookup(fit))
    for kind, values in estimates_of(result).items():
        np.testing.assert_allclose(
            values, expected[kind], rtol=0, atol=CLOSE_PARAMETER, err_msg=kind
        )


@pytest.mark.parametrize("name", EXACT)
def test_log_likelihood_and_eap_at_an_exact_maximum(name: str) -> None:
    fit = loading.exact(name)
    held = held_at(name, exact_lookup(fit), n_quadrature=161)
    atol = TAIL * held.n_observations
    np.testing.assert_allclose(held.loglik, fit.loglik, rtol=0, atol=atol)
    scores = held.score()
    np.testing.assert_allclose(scores.theta[:20, 0], fit.eap, rtol=0, atol=EAP)
    np.testing.assert_allclose(scores.se[:20, 0], fit.eap_sd, rtol=0, atol=EAP)


@pytest.mark.parametrize("name", MIRT)
def test_mirt(name: str) -> None:
    result, fit = fitted(name), loading.mirt(name)
    assert result.converged
    assert result.n_parameters == MIRT[name] == fit.n_free
    np.testing.assert_allclose(result.loglik, fit.loglik, rtol=0, atol=MIRT_LOGLIK)
    expected = values_of(result.model, mirt_lookup(fit))
    for kind, values in estimates_of(result).items():
        np.testing.assert_allclose(values, expected[kind], rtol=0, atol=PARAMETER, err_msg=kind)


@pytest.mark.parametrize("name", OFF_ITS_GRID)
def test_mirts_grid_is_too_short_for_the_second_country(name: str) -> None:
    fit = loading.mirt(name)
    held = held_at(name, mirt_lookup(fit))
    np.testing.assert_allclose(
        held.loglik - fit.loglik, OFF_ITS_GRID[name], rtol=0, atol=TWO_DECIMALS
    )
    assert held.loglik < fitted(name).loglik


def test_the_reference_group_is_a_matter_of_words() -> None:
    """Probabilities, scores in standard units of a country and the maximum stay the same."""
    one, other = fitted_closely("timss_mixed_scalar"), fitted_closely("timss_mixed_scalar_ref_158")
    atol = TAIL * one.n_observations
    np.testing.assert_allclose(one.loglik, other.loglik, rtol=0, atol=atol)
    standard = []
    for result in (one, other):
        mean, sd = result.mean("36")[0], np.sqrt(result.covariance("36")[0, 0])
        standard.append((result.score().theta[:, 0] - mean) / sd)
    np.testing.assert_allclose(standard[0], standard[1], rtol=0, atol=CLOSE_PARAMETER)
