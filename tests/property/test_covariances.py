"""What holds for every covariance method on every kind of model."""

from __future__ import annotations

import numpy as np
import pytest

import mixirt
from mixirt.covariance import VCOV_METHODS
from tests.small_models import SMALL_MODELS, TIGHT, binary, small

#: To this the information is differentiated; relative to unit diagonal.
INVERTED = 1e-9
"""Rounding times the condition of the information matrix."""

TWICE_FITTED = 1e-5
"""Two fits to 1e-9 or so in the parameters, and matrices that follow them."""

DIFFERENTIATED = 1e-6
#: Louis's nodes stand still, those of Oakes move with the distribution: the matrices differ by the
#: error of quadrature. A rectangular grid leaves out tails whose part in the curvature of a
#: variance is of this size.
TAILS = 1e-5
#: Gauss-Hermite grids leave none out.
NO_TAILS = 1e-7
#: Rounding of a matrix product, relative to the largest element.
ROUNDING = 1e-12


@pytest.mark.parametrize("method", VCOV_METHODS)
@pytest.mark.parametrize("name", SMALL_MODELS)
def test_every_matrix_is_symmetric_and_positive_semidefinite(name, method):
    result = small(name)
    matrix = result.vcov(method).matrix
    assert matrix.shape == (len(result.vcov().names),) * 2
    scale = np.sqrt(np.diagonal(matrix))
    assert (scale > 0).all()
    correlation = matrix / np.outer(scale, scale)
    np.testing.assert_allclose(correlation, correlation.T, rtol=0, atol=ROUNDING)
    # Class proportions sum to one, which makes the matrix singular.
    assert np.linalg.eigvalsh(correlation).min() > -1e3 * ROUNDING
    assert np.linalg.matrix_rank(correlation, tol=1e-9) == result.n_parameters


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_louis_and_oakes_are_the_same_matrix(name):
    result = small(name)
    oakes, louis = result.vcov("oakes"), result.vcov("louis")
    assert oakes.error < DIFFERENTIATED
    assert louis.error == 0.0
    assert _apart(oakes, louis) < TAILS


@pytest.mark.parametrize("name", ["2pl", "common slope", "graded", "gpcm, missing, weights"])
def test_standing_nodes_are_not_differentiated(name):
    """Both sum posterior covariances, one node by node, the other answer by answer."""
    result = small(name)
    oakes = result.vcov("oakes")
    assert oakes.error == 0.0
    assert _apart(oakes, result.vcov("louis")) < 1e3 * ROUNDING


def _two_groups(n_quadrature: int) -> mixirt.Result:
    groups = np.repeat(["a", "b"], 400)
    theta = np.random.default_rng(1).standard_normal(800)
    answers = binary(2, 6, np.where(groups == "a", theta, 0.6 + 1.3 * theta))
    options = {"groups": groups, "invariance": "scalar", "n_quadrature": n_quadrature}
    return mixirt.fit(answers, "2pl", quadrature="gauss-hermite", **options, **TIGHT)


def _two_attributes(n_quadrature: int) -> mixirt.Result:
    theta = np.random.default_rng(3).standard_normal((400, 2)) @ [[1, 0.5], [0, 0.87]]
    answers = np.hstack([binary(5, 4, theta[:, 0]), binary(6, 4, theta[:, 1])])
    q = np.repeat(np.eye(2, dtype=int), 4, axis=0)
    grid = {"quadrature": "gauss-hermite", "n_quadrature": n_quadrature}
    return mixirt.fit(answers, "2pl", q_matrix=q, **grid, **TIGHT)


def _rasch(n_quadrature: int) -> mixirt.Result:
    answers = binary(20, 6, np.random.default_rng(21).standard_normal(400))
    grid = {"quadrature": "gauss-hermite", "n_quadrature": n_quadrature}
    return mixirt.fit(answers, "rasch", **grid, **TIGHT)


@pytest.mark.parametrize(
    ("fit", "n_quadrature"),
    [(_rasch, 61), (_two_groups, 81), (_two_attributes, 31)],
    ids=["variance", "mean and variance", "correlation"],
)
def test_distributions_are_differentiated_to_rounding_of_a_grid_without_tails(fit, n_quadrature):
    result = fit(n_quadrature)
    oakes = result.vcov("oakes")
    assert 0 < oakes.error < DIFFERENTIATED
    assert _apart(oakes, result.vcov("louis")) < NO_TAILS


def _apart(first, second):
    scale = np.sqrt(np.diagonal(second.matrix))
    return np.abs((first.matrix - second.matrix) / np.outer(scale, scale)).max()


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_the_complete_data_errors_are_the_smallest(name):
    result = small(name)
    complete = np.diagonal(result.vcov("complete").matrix)
    assert (complete <= np.diagonal(result.vcov("oakes").matrix) * (1 + DIFFERENTIATED)).all()


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_every_small_fit_is_at_its_maximum(name):
    found = small(name).diagnostics()
    assert found.status == "maximum"
    assert found.newton_distance < 1e-6
    assert found.eigenvalues[0] > 0


def test_proportions_covary_as_their_sum_wants():
    matrix = small("latent classes").vcov().matrix
    names = small("latent classes").vcov().names
    both = [i for i, name in enumerate(names) if name.startswith("proportion")]
    own = matrix[np.ix_(both, both)]
    np.testing.assert_allclose(own.sum(axis=0), 0.0, atol=ROUNDING)
    assert own[0, 0] == pytest.approx(own[1, 1], rel=INVERTED)


def test_a_tied_parameter_has_one_error_and_a_fixed_one_none():
    frame = small("common slope").parameters()
    slopes = frame[frame["parameter"] == "slope"]
    assert set(slopes["status"]) == {"tied"}
    assert slopes["se"].nunique() == 1
    fixed = small("rasch").parameters()
    assert fixed.loc[fixed["parameter"] == "slope", "se"].isna().all()
    assert fixed.loc[fixed["parameter"] == "intercept", "se"].notna().all()


@pytest.mark.parametrize("method", VCOV_METHODS)
def test_doubling_all_weights_halves_all_variances(method):
    answers = binary(30, 5, np.random.default_rng(31).standard_normal(500))
    once = mixirt.fit(answers, "2pl", **TIGHT).vcov(method).matrix
    twice = mixirt.fit(answers, "2pl", weights=np.full(500, 2.0), **TIGHT).vcov(method).matrix
    np.testing.assert_allclose(2 * twice, once, rtol=TWICE_FITTED, atol=INVERTED)


def test_with_clusters_the_unit_of_the_weights_does_not_matter():
    answers = binary(32, 5, np.random.default_rng(33).standard_normal(500))
    weights = np.random.default_rng(34).uniform(0.5, 3.0, 500)
    first = mixirt.fit(answers, "2pl", weights=weights, **TIGHT)
    second = mixirt.fit(answers, "2pl", weights=7 * weights, **TIGHT)
    matrices = [r.vcov("sandwich", clusters=range(500)).matrix for r in (first, second)]
    np.testing.assert_allclose(matrices[0], matrices[1], rtol=TWICE_FITTED, atol=INVERTED)


def test_clusters_of_one_respondent_are_no_clusters_and_copies_are_one():
    answers = binary(35, 5, np.random.default_rng(36).standard_normal(400))
    single = mixirt.fit(answers, "2pl", **TIGHT)
    alone = single.vcov("sandwich", clusters=range(400))
    assert alone.n_clusters == 400
    corrected = single.vcov("sandwich").matrix * 400 / 399
    np.testing.assert_allclose(alone.matrix, corrected, rtol=INVERTED)
    # Everybody twice, known to be copies: nothing is gained.
    double = mixirt.fit(np.repeat(answers, 2, axis=0), "2pl", **TIGHT)
    copies = double.vcov("sandwich", clusters=np.repeat(np.arange(400), 2))
    np.testing.assert_allclose(copies.matrix, alone.matrix, rtol=TWICE_FITTED, atol=INVERTED)
