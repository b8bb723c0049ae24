"""Where EM comes to rest short of a maximum, the fit says so; at a maximum it is silent."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import mixirt
from tests.reference.fitting import codes

SMALL = 1e-3
"""Of estimates that are 0 at the maximum: the criteria leave 1e-5, a bound 1e-6."""

GROUPS = np.arange(1000) % 2


@pytest.mark.parametrize("slope", [0.0, 1e-9])
@pytest.mark.parametrize("model", ["1pl", "2pl", "grm", "3pl"])
def test_a_start_that_em_cannot_leave_is_told(model: str, slope: float) -> None:
    """Without slopes items are independent, and the posterior says nothing of any slope."""
    with pytest.warns(mixirt.ConvergenceWarning, match="all slopes on 'theta' are 0, a saddle"):
        stuck = mixirt.fit(codes("lsat7"), model, start={"slope": slope})
    with pytest.warns(mixirt.InformationWarning, match="does not bend down"):
        assert stuck.diagnostics().status == "saddle or flat"


@pytest.mark.filterwarnings("ignore:the responses have .* rows and .* columns")
def test_a_large_fit_at_a_saddle_is_told_without_a_matrix() -> None:
    """It has more parameters than any covariance matrix may have, and the fit is not lost."""
    answers = np.tile([[0, 1], [1, 0], [1, 1], [0, 0], [1, 0]], (2, 1501))
    with pytest.warns(mixirt.ConvergenceWarning, match="all slopes on 'theta' are 0, a saddle"):
        stuck = mixirt.fit(answers, "2pl", start={"slope": 0.0})
    assert stuck.n_parameters > 6000


@pytest.mark.parametrize("n_pairs", [2, 160])
def test_slopes_that_are_0_at_the_maximum_are_no_saddle(n_pairs: int) -> None:
    """One slope for pairs of items that contradict each other: none is better than any.

    Of more than 300 parameters no matrix is made to see that.
    """
    answers = np.repeat(np.tile([[0, 1], [1, 0]], n_pairs), 150, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = mixirt.fit(answers, "1pl")
    np.testing.assert_allclose(fit.parameters().estimate, 0, atol=SMALL)


@pytest.mark.filterwarnings("ignore:the quadrature grid")
@pytest.mark.parametrize(
    ("data", "model", "options", "where"),
    [
        ("lsat7", "rasch", {"start": {"variance": 1e-5}}, "the variance of 'theta' is next to 0"),
        ("science", "pcm", {"start": {"variance": 1e6}}, "the variance of 'theta' is next to 0"),
        (
            "lsat7",
            "rasch",
            {"start": {"variance": 1e-5}, "q_matrix": [[1, 0]] * 3 + [[0, 1]] * 2},
            "the variance of 'theta1', 'theta2' is next to 0",
        ),
        (
            "lsat7",
            "2pl",
            {"start": {"variance": 1e-5}, "groups": GROUPS, "invariance": "scalar"},
            "the variance of 'theta' in group '1' is next to 0",
        ),
        (
            "lsat7",
            "2pl",
            {"start": {"mean": 30.0}, "groups": GROUPS, "invariance": "scalar"},
            "all slopes on 'theta' in group '0', 'theta' in group '1' are 0, a saddle",
        ),
    ],
)
def test_a_start_so_far_off_that_em_stops_is_told(
    data: str, model: str, options: dict[str, Any], where: str
) -> None:
    """Each converged by its criteria, 40 to 80 below the maximum, without a word."""
    with pytest.warns(mixirt.ConvergenceWarning, match=where):
        stuck = mixirt.fit(codes(data), model, **options)
    assert stuck.converged
    usual = {name: value for name, value in options.items() if name != "start"}
    assert mixirt.fit(codes(data), model, **usual).loglik > stuck.loglik + 10


@pytest.mark.parametrize("start", [None, {"variance": 1e-5}])
def test_a_variance_that_is_0_at_the_maximum_is_no_resting_place(start: Any) -> None:
    """Each two items contradict each other: respondents differ by less than by chance."""
    answers = np.repeat([[0, 1, 0, 1], [1, 0, 1, 0]], 150, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", mixirt.BoundaryWarning)
        fit = mixirt.fit(answers, "rasch", start=start)
    assert fit.covariance()[0, 0] < SMALL


def test_a_variance_that_a_prior_holds_down_is_no_resting_place() -> None:
    model = mixirt.Model("rasch", items=5).start("variance", 1e-5)
    model = model.prior("variance", mixirt.priors.lognormal(np.log(1e-5), 0.01))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = mixirt.fit(codes("lsat7"), model)
    assert fit.covariance()[0, 0] < SMALL
