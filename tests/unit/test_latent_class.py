"""Latent class analysis: fit statistics, constraints, refusals and bookkeeping of starts."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import stats

import mixirt
from mixirt._chi_square import chi_square_tail
from mixirt.fit_warnings import warn_about
from mixirt.starts import Optima
from tests.libraries import polars as pl
from tests.tolerances import ROUNDING

TAIL_RELATIVE = 1e-9
"""Series and continued fraction stop at 1e-16 of a term; a thousand of them may be summed."""

TAIL_ABSOLUTE = 1e-14
"""What is left of 1 minus a sum near 1."""

CONVERGED_LOGLIK = 1e-6
"""Fits that stop within 1e-5 of the maximum: quadratic in the parameters."""

CONVERGED = 1e-4
"""And in the parameters themselves, with room for flat directions."""

MARGIN = 1e-6
"""An intercept within 1e-5 of its maximum moves a probability by a quarter of that at the most; the
last cycle mostly comes closer."""

CLOSED_FORM = 1e-8
"""Rounding of a log-likelihood of a few thousand against its closed form."""


@pytest.fixture(scope="module")
def responses() -> Any:
    """1000 rows of five items with 2, 3, 4, 2 and 3 categories; no category is rare."""
    rng = np.random.default_rng(4)
    classes = rng.random(1000) < 0.35
    columns = []
    for m in (2, 3, 4, 2, 3):
        p = rng.dirichlet(np.full(m, 3.0), size=2)[classes.astype(int)]
        columns.append((rng.random(1000)[:, None] > p.cumsum(1)[:, :-1]).sum(1))
    return np.stack(columns, axis=1)


@pytest.fixture(scope="module")
def two(responses: Any) -> mixirt.LatentClassResult:
    return mixirt.fit_latent_class(responses, 2, seed=1)


@pytest.mark.parametrize("df", [1, 2, 7, 104, 5000])
def test_tail_of_chi_square(df: int) -> None:
    values = [0.0, 0.01, 0.5 * df, df, 1.5 * df, 3.0 * df + 10]
    found = [chi_square_tail(value, df) for value in values]
    np.testing.assert_allclose(
        found, stats.chi2.sf(values, df), rtol=TAIL_RELATIVE, atol=TAIL_ABSOLUTE
    )


def test_one_class_is_independence(responses: Any) -> None:
    result = mixirt.fit_latent_class(responses, 1)
    counts = [np.bincount(column) for column in responses.T]
    loglik = sum(float(n @ np.log(n / n.sum())) for n in counts)
    assert result.loglik == pytest.approx(loglik, abs=CLOSED_FORM)
    assert result.n_starts == 1
    assert np.isnan(result.entropy)
    for i, n in enumerate(counts):
        np.testing.assert_allclose(result._class_table(i, "all", 1), n / n.sum(), rtol=ROUNDING)


def test_chi_squares_over_every_cell(responses: Any, two: mixirt.LatentClassResult) -> None:
    cells = np.array(list(itertools.product(*(range(m) for m in (2, 3, 4, 2, 3)))))
    expected = 1000 * np.exp(two.classify(cells).log_probability)
    observed = np.array([(responses == cell).all(axis=1).sum() for cell in cells])
    fit = two.goodness_of_fit
    assert fit.n_cells == len(cells)
    assert fit.df == len(cells) - 1 - two.n_parameters
    np.testing.assert_allclose(fit.pearson, ((observed - expected) ** 2 / expected).sum())
    seen = observed > 0
    g2 = 2 * (observed[seen] * np.log(observed[seen] / expected[seen])).sum()
    np.testing.assert_allclose(fit.g2, g2)
    np.testing.assert_allclose(fit.g2_p, stats.chi2.sf(g2, fit.df))


def test_no_chi_square_with_missing_responses(responses: Any) -> None:
    x = responses.astype(float)
    x[3, 1] = np.nan
    fit = mixirt.fit_latent_class(x, 2, seed=1).goodness_of_fit
    assert (fit.pearson, fit.g2) == (None, None)
    assert "missing" in str(fit.unavailable)


def test_weights_are_frequencies(responses: Any, two: mixirt.LatentClassResult) -> None:
    rows, n = np.unique(responses, axis=0, return_counts=True)
    weighted = mixirt.fit_latent_class(rows, 2, weights=n, seed=1)
    assert weighted.loglik == pytest.approx(two.loglik, abs=CONVERGED_LOGLIK)
    assert weighted.entropy == pytest.approx(two.entropy, abs=CONVERGED)
    assert weighted.goodness_of_fit.g2 == pytest.approx(
        two.goodness_of_fit.g2, abs=CONVERGED_LOGLIK
    )


def test_classification(two: mixirt.LatentClassResult) -> None:
    posterior = two.classify().class_probabilities
    np.testing.assert_allclose(posterior.sum(axis=1), 1.0)
    np.testing.assert_allclose(posterior.mean(axis=0), two.class_sizes, atol=CONVERGED)
    entropy = 1 + (posterior * np.log(posterior)).sum() / (1000 * np.log(2))
    assert two.entropy == pytest.approx(entropy)
    table = two.classification_table()
    assert table["n"].sum() == 1000
    first = posterior[two.classify().class_map == 1].mean(axis=0)
    np.testing.assert_allclose(table[["class_1", "class_2"]].to_numpy()[0], first)


def test_new_respondents(responses: Any, two: mixirt.LatentClassResult) -> None:
    again = two.classify(responses[:10])
    np.testing.assert_array_equal(again.class_map, two.classify().class_map[:10])
    assert list(again.frame().columns) == ["class_1", "class_2", "class_map"]


def test_parameters_and_fit_count(two: mixirt.LatentClassResult) -> None:
    assert two.n_parameters == 2 * 9 + 1
    assert two.sabic == pytest.approx(-2 * two.loglik + 19 * np.log(1002 / 24))
    summary = two.summary()
    assert "reached by" in summary
    assert max(len(line) for line in summary.splitlines()) <= 80


def test_comparison(responses: Any) -> None:
    comparison = mixirt.compare_classes(responses, [1, 2], seed=1)
    frame = comparison.frame()
    assert frame["n_classes"].tolist() == [1, 2]
    assert frame["loglik"][0] < frame["loglik"][1]
    assert frame["bic"].idxmin() == 1
    assert comparison.fits[2].model.design.n_classes == 2


def test_fixed_and_tied_probabilities(responses: Any) -> None:
    model = mixirt.Model.latent_class(2, items=5, n_categories=[2, 3, 4, 2, 3])
    model = model.fix_probability([0.2, 0.3, 0.5], item="item2", class_=1)
    model = model.tie("intercept", across="class", item="item3")
    result = mixirt.fit_latent_class(responses, model, seed=1)
    np.testing.assert_allclose(result._class_table(1, "all", 1), [0.2, 0.3, 0.5], rtol=ROUNDING)
    tied = [result._class_table(2, "all", c) for c in (1, 2)]
    np.testing.assert_array_equal(*tied)
    # An item equal in all classes is independent of them: its margin is fitted exactly.
    margin = np.bincount(responses[:, 2]) / 1000
    np.testing.assert_allclose(tied[0], margin, atol=MARGIN)
    assert result.n_parameters == 19 - 2 - 3


def test_impossible_first_category() -> None:
    """Where category 0 is empty in a class, the ratios of the others survive."""
    rng = np.random.default_rng(0)
    one = np.stack([rng.choice(3, p=[0, 0.3, 0.7], size=300) for _ in range(4)], axis=1)
    other = np.stack([rng.choice(3, p=[0.8, 0.2, 0], size=200) for _ in range(4)], axis=1)
    with pytest.warns(mixirt.BoundaryWarning):
        result = mixirt.fit_latent_class(np.vstack([one, other]), 2, seed=1)
    for i in range(4):
        p = result._class_table(i, "all", 1)
        np.testing.assert_allclose(
            p[2] / p[1], (one[:, i] == 2).sum() / (one[:, i] == 1).sum(), rtol=0.1
        )
        assert p[0] < 1e-6


@pytest.mark.parametrize("k", [0, -1, 2.5, "two", True, None])
def test_number_of_classes(responses: Any, k: Any) -> None:
    with pytest.raises(mixirt.SpecError, match="n_classes must be a whole number"):
        mixirt.fit_latent_class(responses, k)


def test_too_many_classes() -> None:
    x = np.random.default_rng(0).integers(2, size=(100, 3))
    with pytest.raises(
        mixirt.IdentificationError, match=r"3 classes have 11 .* allow 7 .*without constraints 2"
    ):
        mixirt.fit_latent_class(x, 3)


def test_classes_that_are_the_same() -> None:
    model = mixirt.Model.latent_class(2, items=5).tie("intercept", across="class")
    with pytest.raises(mixirt.IdentificationError, match="share all parameters"):
        model.check()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_starts": 0}, "n_starts"),
        ({"n_starts": 2.5}, "n_starts"),
        ({"seed": -1}, "seed"),
        ({"q_matrix": [[1]]}, "no option"),
        ({"known_classes": [3] * 1000}, "row 0 has 3"),
        ({"known_classes": [1.5] * 1000}, "row 0 has 1.5"),
        ({"known_classes": [1]}, "1000 are needed"),
    ],
)
def test_options_are_checked(responses: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(mixirt.MixirtError, match=message):
        mixirt.fit_latent_class(responses, 2, **options)


@pytest.mark.parametrize("probabilities", [[0.5, 0.6], [1.0], [-0.1, 1.1], "ab", [[0.5, 0.5]]])
def test_probabilities_are_checked(probabilities: Any) -> None:
    with pytest.raises(mixirt.SpecError, match="sum to 1"):
        mixirt.Model.latent_class(2, items=3).fix_probability(probabilities)


def test_probabilities_belong_to_items_without_attributes() -> None:
    with pytest.raises(mixirt.SpecError, match="address its intercepts"):
        mixirt.Model("2pl", items=3).fix_probability([0.5, 0.5])
    with pytest.raises(mixirt.SpecError, match="has 2 categories"):
        mixirt.Model.latent_class(2, items=3).fix_probability([0.5, 0.3, 0.2])


def test_starts_are_gathered_by_maximum() -> None:
    value = np.array([-10.0, -12.0, -10.0004, -50.0, -12.0005])
    optima = Optima.of(
        {
            "loglik": value,
            "log_posterior": value,
            "finished": np.array([True, True, True, False, True]),
            "converged": np.array([True, False, True, False, False]),
        }
    )
    assert optima.loglik.tolist() == [-10.0, -12.0]
    assert optima.times.tolist() == [2, 2]
    assert optima.converged.tolist() == [True, False]


def test_a_maximum_reached_once_is_doubted(two: mixirt.LatentClassResult) -> None:
    starts = {name: column[:3].copy() for name, column in two._found["starts"].items()}
    starts["finished"][:], starts["converged"][:] = True, True
    starts["log_posterior"][:] = [-100.0, -90.0, -100.0]
    starts["n_redrawn"][0] = 2
    found = {**two._found, "starts": starts}
    doubtful = mixirt.LatentClassResult(
        model=two.model,
        engine=two._engine,
        data=two._fitted,
        found=found,
        settings=two._settings,
    )
    with pytest.warns(mixirt.ReplicationWarning, match="only one of 3 starts"):
        warn_about(doubtful)
    summary = doubtful.summary()
    assert "NOT REPLICATED" in summary
    assert "1 of the 3 starts that went on" in summary
    assert "a failure: 1" in summary


def test_a_seed_repeats_a_fit(responses: Any) -> None:
    first = mixirt.fit_latent_class(responses, 2, n_starts=3)
    again = mixirt.fit_latent_class(responses, 2, n_starts=3, seed=first.seed)
    assert first.loglik == again.loglik
    assert first.starts()["times"].sum() >= 2


def test_frames_come_back_in_their_library(responses: Any) -> None:
    frame = pl.DataFrame(responses, schema=list("abcde"))
    result = mixirt.fit_latent_class(frame, 2, seed=1)
    for table in (result.starts(), result.classification_table(), result.classify().frame()):
        assert isinstance(table, pl.DataFrame)


def test_no_warning_on_a_clean_fit(responses: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mixirt.fit_latent_class(responses, 2, seed=1)


def test_a_bound_is_named_as_the_probability_it_means():
    responses = [["a", "no"]] * 40 + [["b", "yes"]] * 30 + [["b", "no"], ["c", "yes"]] * 15
    categories = {"item1": ["a", "b", "c"], "item2": ["no", "yes"]}
    known = [1] * 40 + [2] * 30 + [None] * 30
    with pytest.warns(mixirt.BoundaryWarning) as caught:
        fit = mixirt.fit_latent_class(responses, 2, categories=categories, known_classes=known)
    told = " ".join(str(w.message) for w in caught)
    shown = fit.category_probabilities()
    for row in shown.itertuples():
        place = f"of category '{row.category}' of item '{row.item}' in class {row._1} of 2"
        # Of two categories, one is named for both.
        assert (f"probability 0 {place}" in told) <= (row.probability < 1e-9)
        assert (f"probability 1 {place}" in told) <= (row.probability > 1 - 1e-9)
    assert "probability 0 of category" in told
    assert "at -25" not in told
    assert "at 25" not in told


def test_compared_numbers_of_classes_are_named_in_warnings():
    responses = mixirt.datasets.load("carcinoma").responses
    with pytest.warns(mixirt.BoundaryWarning, match="in class 2 of 2"):
        mixirt.compare_classes(responses, [1, 2], seed=1)
