"""Groups that differ in items, attributes and distributions: the truth is found again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mixirt

WITHIN = 4.0
"""Standard errors that an estimate may be from the truth: the seeds are fixed, and of the 60 or so
figures compared here the largest of a normal sample lies near 2.5."""

N = 3000
"""Respondents in each group."""


def drawn(
    generator: np.random.Generator,
    theta: NDArray[np.float64],
    slopes: NDArray[np.float64],
    intercepts: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Draw binary answers (n, I) for attributes (n, J), slopes (I, J) and intercepts (I,)."""
    z = theta @ slopes.T + intercepts
    return (generator.random(z.shape) < 1 / (1 + np.exp(-z))).astype(float)


def errors(result: mixirt.Result, truth: dict[tuple[Any, ...], float]) -> NDArray[np.float64]:
    """Return how many standard errors the estimates lie from the truth, by the keys' columns."""
    rows = result.standard_errors()
    found = []
    for key, value in truth.items():
        parts = zip(("group", "parameter", "attribute", "item"), key, strict=True)
        mask = np.ones(len(rows), dtype=bool)
        for column, wanted in parts:
            if wanted is not None:
                mask &= (rows[column] == wanted).to_numpy()
        (row,) = rows[mask & (rows["se"] > 0)].to_dict("records")
        found.append((row["estimate"] - value) / row["se"])
    return np.array(found)


@pytest.fixture
def items() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slopes (12, 1) and intercepts (12,)."""
    generator = np.random.default_rng(7)
    return generator.uniform(0.7, 1.8, (12, 1)), generator.normal(0, 1, 12)


def test_item_sets_by_group(items: Any) -> None:
    """Two overlapping forms, linked by four items."""
    slopes, intercepts = items
    generator = np.random.default_rng(1)
    first = drawn(generator, generator.standard_normal((N, 1)), slopes, intercepts)
    second = drawn(generator, generator.normal(0.6, 1.3, (N, 1)), slopes, intercepts)
    first[:, 8:] = np.nan
    second[:, :4] = np.nan
    groups = np.repeat(["a", "b"], N)
    result = mixirt.fit(np.vstack([first, second]), "2pl", groups=groups, invariance="scalar")
    truth: dict[tuple[Any, ...], float] = {
        ("b", "mean", "theta", None): 0.6,
        ("b", "covariance", "theta", None): 1.3**2,
    }
    for i in range(12):
        group = "a" if i < 8 else "b"
        truth[group, "slope", "theta", f"item{i + 1}"] = slopes[i, 0]
        truth[group, "intercept", None, f"item{i + 1}"] = intercepts[i]
    assert abs(errors(result, truth)).max() < WITHIN
    assert set(result.parameters().query("group == 'a'")["item"]) == {
        f"item{i + 1}" for i in range(8)
    }


def test_attribute_sets_by_group() -> None:
    """One group has both attributes, the other only the first."""
    generator = np.random.default_rng(2)
    q = np.repeat(np.eye(2, dtype=int), 6, axis=0)
    slopes, intercepts = q * generator.uniform(0.8, 1.6, (12, 1)), generator.normal(0, 1, 12)
    both = generator.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], N)
    one = np.column_stack([generator.normal(-0.5, 0.8, N), np.zeros(N)])
    first = drawn(generator, both, slopes, intercepts)
    second = drawn(generator, one, slopes, intercepts)
    second[:, 6:] = np.nan
    result = mixirt.fit(
        np.vstack([first, second]),
        "2pl",
        q_matrix=q,
        attributes=["x", "y"],
        groups=np.repeat(["a", "b"], N),
        attributes_by_group={"b": ["x"]},
        invariance="scalar",
        n_quadrature=25,
    )
    truth: dict[tuple[Any, ...], float] = {
        ("b", "mean", "x", None): -0.5,
        ("b", "covariance", "x", None): 0.64,
        ("a", "covariance", "y", None): 0.6,
    }
    for i in range(12):
        truth["a", "intercept", None, f"item{i + 1}"] = intercepts[i]
    assert abs(errors(result, truth)).max() < WITHIN
    scores = result.score()
    assert np.isnan(scores.theta[N:, 1]).all()
    assert np.isfinite(scores.theta[:, 0]).all()


def test_fixed_anchors_locate_a_new_group(items: Any) -> None:
    """Fixed-parameter calibration: known items, an unknown distribution and two new items."""
    slopes, intercepts = items
    generator = np.random.default_rng(3)
    X = drawn(generator, generator.normal(0.8, 1.4, (N, 1)), slopes, intercepts)
    model = mixirt.Model("2pl", items=12).free("mean").free("variance")
    known = [f"item{i + 1}" for i in range(10)]
    model = model.fix("slope", slopes[:10, 0], item=known)
    model = model.fix("intercept", intercepts[:10], item=known)
    result = mixirt.fit(X, model)
    rows = result.standard_errors()
    free = rows[rows["se"] > 0]
    truth = [slopes[10, 0], intercepts[10], slopes[11, 0], intercepts[11], 0.8, 1.4**2]
    assert abs((free["estimate"] - truth) / free["se"]).max() < WITHIN
    fixed = rows[rows["status"] == "fixed"]["estimate"].to_numpy()
    assert (fixed == np.column_stack([slopes[:10, 0], intercepts[:10]]).ravel()).all()


def test_distributions_tied_element_by_element(items: Any) -> None:
    """Variances of two groups are one parameter; their means are not."""
    slopes, intercepts = items
    generator = np.random.default_rng(4)
    places = ((0.0, 1.0), (0.5, 1.3), (-0.7, 1.3))
    X = np.vstack(
        [drawn(generator, generator.normal(m, s, (N, 1)), slopes, intercepts) for m, s in places]
    )
    groups = np.repeat(["a", "b", "c"], N)
    model = mixirt.Model("2pl", items=12, groups=["a", "b", "c"], invariance="scalar")
    result = mixirt.fit(X, model.tie("variance", group=["b", "c"]), groups=groups)
    variances = [result.covariance(group)[0, 0] for group in ("b", "c")]
    assert variances[0] == variances[1]
    assert result.n_parameters == 24 + 2 + 1
    truth: dict[tuple[Any, ...], float] = {
        ("b", "mean", "theta", None): 0.5,
        ("c", "mean", "theta", None): -0.7,
        ("c", "covariance", "theta", None): 1.69,
    }
    assert abs(errors(result, truth)).max() < WITHIN
