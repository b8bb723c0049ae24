"""The information bounds of `benches/recovery`, expected and of the same responses."""

from __future__ import annotations

import numpy as np
import pytest
from benches.recovery.bound import N_INFORMATION, Bound, at_truth, bound_from, expected_bound
from benches.recovery.designs import DESIGNS, N_ITEMS, N_RESPONDENTS
from benches.recovery.parameters import (
    by_column,
    covariances,
    derivatives_by_column,
    draw_responses,
    draw_truth,
    estimates,
    spread,
    started,
)
from benches.recovery.study import AGAIN, DataSet, errors_of, fitted

import mixirt

#: Central differences, of a log-likelihood of some thousands or of parameters near 1.
DIFFERENCED = 1e-6
#: Four standard errors of a variance that is estimated from `N_INFORMATION` respondents.
SAMPLED = 4 * np.sqrt(2 / N_INFORMATION)
#: Sums of variances: from products of scores they are too large where few choose a category.
PRODUCTS = 0.1
#: Monte Carlo standard errors: of a few dozen seeded figures none is further out.
FAR = 4.5
#: Share of the squared errors that is left when those foretold are subtracted: of second order, so
#: it falls as one over the number of respondents. Nothing foretold would leave all of it.
REST = 0.1
MIXTURES = [name for name, design in DESIGNS.items() if design.groups == "latent"]
WITH_SPREAD = [name for name, design in DESIGNS.items() if design.has_spread]


class Plain2PL:
    """A 2PL of ten items in plain NumPy, at slopes and intercepts `x (20,)`."""

    theta = np.linspace(-6, 6, 101)
    weights = np.exp(-(theta**2) / 2) / np.exp(-(theta**2) / 2).sum()
    patterns = (np.arange(2**N_ITEMS)[:, None] >> np.arange(N_ITEMS)) & 1

    @classmethod
    def log_marginal(cls, x, patterns):
        """Give the log probabilities of patterns (n, I)."""
        slopes, intercepts = x[:N_ITEMS], x[N_ITEMS:]
        p = 1 / (1 + np.exp(-(slopes * cls.theta[:, None] + intercepts)))
        likelihood = np.exp(patterns @ np.log(p).T + (1 - patterns) @ np.log1p(-p).T)
        return np.log(likelihood @ cls.weights)

    @classmethod
    def scores(cls, x, patterns):
        """Differentiate `log_marginal` by differences, (n, 20)."""
        steps = 1e-5 * np.eye(len(x))
        ends = [[cls.log_marginal(x + s, patterns) for s in (d, -d)] for d in steps]
        return np.array([(up - down) / 2e-5 for up, down in ends]).T

    @classmethod
    def information(cls, x):
        """Give the expected information of one respondent, over all patterns."""
        scores = cls.scores(x, cls.patterns)
        return (scores * np.exp(cls.log_marginal(x, cls.patterns))[:, None]).T @ scores


def plain_2pl():
    """Give the design, a truth, and the same truth as a vector."""
    truth = draw_truth(DESIGNS["2PL"], np.random.default_rng(1))
    x = np.concatenate([truth.slopes[0, :, 0], truth.intercepts[0, :, 0]])
    return DESIGNS["2PL"], truth, x


PARTS = {"slope": slice(0, N_ITEMS), "intercept": slice(N_ITEMS, 2 * N_ITEMS)}


def test_the_expected_bound_is_the_inverse_information_over_all_patterns():
    design, truth, x = plain_2pl()
    exact = np.linalg.inv(N_RESPONDENTS * Plain2PL.information(x))
    found = expected_bound(design, truth, np.random.default_rng(2)).covariances(N_RESPONDENTS)
    assert set(found) == set(PARTS)
    for column, own in PARTS.items():
        matrix = exact[own, own]
        scale = np.sqrt(np.outer(np.diagonal(matrix), np.diagonal(matrix)))
        assert (np.abs(found[column] - matrix) / scale).max() < SAMPLED, column


@pytest.mark.parametrize("method", ["oakes", "cross_product"])
def test_of_all_patterns_every_form_is_the_expected_information(method):
    """With their probabilities as weights nothing is drawn, and the package agrees to the digit."""
    design, truth, x = plain_2pl()
    weights = 1e5 * np.exp(Plain2PL.log_marginal(x, Plain2PL.patterns))
    result = mixirt.fit(Plain2PL.patterns, started(design, truth), weights=weights, max_cycles=0)
    found = result.vcov(method)
    for kind, own in PARTS.items():
        place = [name.startswith(kind) for name in found.names]
        exact = np.linalg.inv(1e5 * Plain2PL.information(x))[own, own]
        scale = np.sqrt(np.outer(np.diagonal(exact), np.diagonal(exact)))
        assert (np.abs(found.matrix[np.ix_(place, place)] - exact) / scale).max() < DIFFERENCED


def test_the_errors_of_given_responses_are_information_times_score():
    """With the exact information, so that only the score of the package is in it."""
    design, truth, x = plain_2pl()
    codes = draw_responses(truth, 500, np.random.default_rng(3))
    result = at_truth(design, truth, codes)
    names = result.vcov().names
    # The package lists slope and intercept of the first item, then of the second.
    place = np.argsort([name.split()[0] == "intercept" for name in names], kind="stable")
    inverse = np.empty((len(x), len(x)))
    inverse[np.ix_(place, place)] = np.linalg.inv(Plain2PL.information(x))
    bound = Bound(inverse, derivatives_by_column(design, truth, names))
    found = bound.errors(result.gradient(), len(codes))
    score = Plain2PL.scores(x, codes).sum(axis=0)
    expected = np.linalg.solve(500 * Plain2PL.information(x), score)
    for column, own in PARTS.items():
        np.testing.assert_allclose(found[column], expected[own], rtol=0, atol=DIFFERENCED)
    assert np.abs(expected).max() > 0.1


@pytest.mark.parametrize("name", MIXTURES)
def test_both_forms_of_the_information_agree_at_the_truth(name):
    """Second derivatives and products of scores have the same expectation, in mixtures too."""
    design = DESIGNS[name]
    truth = draw_truth(design, np.random.default_rng(7))
    derivatives = expected_bound(design, truth, np.random.default_rng(8)).covariances(1)
    codes = draw_responses(truth, N_INFORMATION, np.random.default_rng(9))
    products = bound_from(design, truth, codes, "cross_product").covariances(1)
    assert set(products) == set(derivatives)
    for column, matrix in products.items():
        expected = pytest.approx(np.trace(derivatives[column]), rel=PRODUCTS)
        assert np.trace(matrix) == expected, column


@pytest.mark.parametrize("name", DESIGNS)
def test_derivatives_are_those_of_the_columns(name):
    """Of every parameter of Table 1 by every free one, in the same order."""
    design = DESIGNS[name]
    truth = draw_truth(design, np.random.default_rng(10))
    result = at_truth(design, truth, draw_responses(truth, 200, np.random.default_rng(11)))
    x, names = np.array(result._found["x"]), result._names_of_free()
    found = derivatives_by_column(design, truth, names)
    ends = [
        [by_column(design, estimates(design, result._moved(x + s))) for s in (step, -step)]
        for step in 1e-4 * np.eye(len(x))
    ]
    assert set(found) == set(ends[0][0])
    for column, matrix in found.items():
        expected = np.array([(up[column] - down[column]) / 2e-4 for up, down in ends]).T
        np.testing.assert_allclose(matrix, expected, rtol=0, atol=DIFFERENCED)


@pytest.mark.parametrize("name", WITH_SPREAD)
def test_standard_deviations_and_correlations_are_those_of_the_delta_method(name):
    design = DESIGNS[name]
    truth = draw_truth(design, np.random.default_rng(12))
    codes = draw_responses(truth, 2000, np.random.default_rng(13))
    found = bound_from(design, truth, codes).covariances(2000)["spread"]
    _, expected = at_truth(design, truth, codes).delta(
        lambda r: spread(design, covariances(design, r))
    )
    np.testing.assert_allclose(found, expected, rtol=DIFFERENCED)


@pytest.mark.parametrize("name", ["2PL", "2-group GPCM", "mixture 1PL"])
def test_errors_of_many_responses_vary_as_the_expected_bound_says(name):
    design, n, n_data_sets = DESIGNS[name], 300, 300
    truth = draw_truth(design, np.random.default_rng(14))
    generator = np.random.default_rng(15)
    bound = expected_bound(design, truth, generator)
    drawn = [draw_responses(truth, n, generator) for _ in range(n_data_sets)]
    errors = [bound.errors(at_truth(design, truth, codes).gradient(), n) for codes in drawn]
    for column, matrix in bound.covariances(n).items():
        own = np.array([e[column] for e in errors])
        squares = (own**2).sum(axis=1)
        se = squares.std(ddof=1) / np.sqrt(n_data_sets)
        assert abs(squares.mean() - np.trace(matrix)) < FAR * se, column
        z = own.mean(axis=0) / np.sqrt(np.diagonal(matrix) / n_data_sets)
        assert np.abs(z).max() < FAR, column


@pytest.mark.parametrize("name", DESIGNS)
def test_errors_of_given_responses_foretell_those_of_the_estimates(name):
    """Parameter by parameter; where classes are in each other's place they do not."""
    design, n = DESIGNS[name], 12_000
    truth = draw_truth(design, np.random.default_rng(16))
    bound = expected_bound(design, truth, np.random.default_rng(17))
    codes = draw_responses(truth, n, np.random.default_rng(18))
    foretold = bound.errors(at_truth(design, truth, codes).gradient(), n)
    data = DataSet(design, 0, truth, codes, bound.covariances(n), foretold)
    found = errors_of(design, fitted(data, AGAIN)[0], truth)
    assert set(found) == set(foretold)
    for column, errors in found.items():
        own = foretold[column]
        assert ((errors - own) ** 2).sum() < REST * (errors**2).sum(), column
        if design.groups == "latent":
            other_class = np.roll(own, len(own) // 2)
            assert ((errors - other_class) ** 2).sum() > 5 * REST * (errors**2).sum(), column
