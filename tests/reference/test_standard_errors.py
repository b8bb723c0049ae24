"""Standard errors against other programs."""

from __future__ import annotations

import numpy as np
import pytest

import mixirt
from mixirt import datasets
from tests.reference import loading
from tests.reference.with_errors import (
    TIGHT,
    errors_by_key,
    fit_exact,
    from_zero,
    latent_class,
    matching,
    mirt_errors,
)

#: The references were computed by automatic differentiation; what is left is the distance of two
#: maxima, each found to 1e-9, and the 1e-6 to which information matrices are differentiated here.
EXACT = 1e-5
#: R mirt's complete-data errors: its EM stops at a change of 1e-7 on another grid.
COMPLETE = 1e-3
#: R mirt differentiates numerically (Oakes) or sums over its grid of 61 nodes from -6 to 6.
MIRT = {"Oakes": 2e-3, "Louis": 2e-3, "crossprod": 2e-3, "sandwich.Louis": 4e-3}
#: poLCA stops when the log-likelihood changes by 1e-10: its estimates are good to about 1e-5, and
#: so are its standard errors, which are of the cross products.
POLCA = 1e-3

METHODS = {
    "oakes": "se_observed",
    "louis": "se_observed",
    "cross_product": "se_cross_product",
    "sandwich": "se_sandwich",
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", loading.exact_names())
def test_exact_standard_errors(name, method):
    fit = loading.exact(name)
    found = errors_by_key(fit_exact(name), method)
    compared = 0
    for key, estimate in fit.estimates.items():
        # Guessing has one error here, that of the probability.
        if key.parameter == "guessing_logit":
            continue
        value, se = matching(found, key)
        assert value == pytest.approx(estimate.estimate, rel=EXACT, abs=EXACT), key
        assert se == pytest.approx(getattr(estimate, METHODS[method]), rel=EXACT), key
        compared += 1
    assert compared >= fit.n_free


MIRT_FITS = {
    "lsat6_2pl": "2pl",
    "lsat6_rasch": "rasch",
    "lsat7_2pl": "2pl",
    "lsat7_rasch": "rasch",
    "sat12_2pl": "2pl",
    "science_gpcm": "gpcm",
    "science_grm": "grm",
    "science_pcm": "pcm",
}
MIRT_METHODS = {
    "Oakes": "oakes",
    "Louis": "louis",
    "crossprod": "cross_product",
    "sandwich.Louis": "sandwich",
    "complete": "complete",
}


@pytest.mark.parametrize("name", MIRT_FITS)
def test_standard_errors_of_r_mirt(name):
    fit = loading.mirt(name)
    data = datasets.load(name.partition("_")[0])
    result = mixirt.fit(from_zero(data.responses), MIRT_FITS[name], **TIGHT)
    for theirs, ours in MIRT_METHODS.items():
        # R mirt's Louis fails where the variance is free, and its sandwich is built on that.
        is_broken = theirs == "sandwich.Louis" and "Louis" not in fit.standard_errors
        if theirs not in fit.standard_errors or is_broken:
            continue
        tolerance = MIRT.get(theirs, COMPLETE)
        found = mirt_errors(fit, result, ours)
        for key, se in fit.standard_errors[theirs].items():
            if theirs == "complete" and key.name == "COV_11":
                # The variance of a normal sample; R mirt's figure here is another one.
                n = len(data.responses)
                assert found[key] == pytest.approx(fit.values[key] * np.sqrt(2 / n), rel=COMPLETE)
                continue
            assert found[key] == pytest.approx(se, rel=tolerance), (theirs, key)


@pytest.mark.parametrize("name", ["gss87_lca2", "mobility_lca2", "mobility_lca3"])
def test_standard_errors_of_polca(name):
    fit = loading.polca(name)
    data = datasets.load({"gss87": "gss87_antirel"}.get(name[:5], "mobility"))
    starts = [[item[c] for item in fit.probabilities] for c in range(len(fit.proportions))]
    result = latent_class(data.responses, starts)
    probabilities = result.derived(method="cross_product")
    for c in range(len(fit.proportions)):
        for i, errors in enumerate(fit.probabilities_se):
            own = probabilities[
                (probabilities["class"] == c + 1) & (probabilities["item"] == f"item{i + 1}")
            ]
            np.testing.assert_allclose(own["se"], errors[c], rtol=POLCA)
    frame = result.standard_errors("cross_product")
    proportions = frame[frame["parameter"] == "proportion"]
    np.testing.assert_allclose(proportions["se"], fit.proportions_se, rtol=POLCA)
