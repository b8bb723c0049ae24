"""Options and responses drawn at random are fitted or refused with a `MixirtError`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mixirt
from mixirt.errors import MixirtError

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 5),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.integers(-1, 3), max_size=6),
    st.lists(st.text(max_size=2), max_size=6),
    hnp.arrays(st.sampled_from([np.float64, np.int64, bool]), hnp.array_shapes(max_dims=3)),
    st.dictionaries(st.sampled_from(["item1", "A", "slope", 0]), st.integers(-1, 3), max_size=2),
)
ROWS = 8
FINE = np.array(
    [[0, 0, 0], [1, 1, 2], [0, 1, 1], [1, 0, 2], [0, 0, 1], [1, 1, 0], [0, 1, 2], [1, 0, 0]]
)
RIGHT_OR_WRONG = (FINE > 0).astype(int)
READABLE = st.sampled_from([RIGHT_OR_WRONG, np.where(FINE == 2, np.nan, FINE), FINE])
ANYTHING = st.one_of(
    hnp.arrays(
        np.int8, st.tuples(st.integers(1, ROWS), st.integers(1, 4)), elements=st.integers(-1, 3)
    ),
    hnp.arrays(np.float64, (ROWS, 3), elements=st.sampled_from([0.0, 1.0, np.nan])),
    VALUES,
)
ITEMS = st.lists(st.sampled_from(["item1", "item2", "item3"]), max_size=3)
SENSIBLE = {
    "model": st.sampled_from(["rasch", "1pl", "2pl", "3pl", "pcm", "gpcm", "grm"]),
    "quadrature": st.sampled_from(["rectangular", "gauss-hermite"]),
    "acceleration": st.sampled_from(["anderson", "squarem", "none"]),
    "invariance": st.sampled_from(["configural", "metric", "scalar"]),
    "class_invariance": st.sampled_from(["configural", "metric", "scalar"]),
    "groups": st.lists(st.sampled_from(["A", "B"]), min_size=ROWS, max_size=ROWS),
    "weights": hnp.arrays(np.float64, ROWS, elements=st.floats(0, 10)),
    "q_matrix": hnp.arrays(np.int8, (3, 2), elements=st.integers(0, 1)),
    "n_classes": st.integers(1, 3),
    "n_quadrature": st.integers(2, 9),
    "prune": st.floats(0, 0.5),
    "category_scores": st.lists(st.floats(-3, 3), min_size=2, max_size=3),
    "start": st.dictionaries(st.sampled_from(["slope", "intercept"]), st.floats(-5, 5)),
    "max_newton": st.integers(1, 5),
    "tol_parameter": st.floats(1e-12, 1),
    "tol_deviance": st.floats(1e-12, 1),
    "n_threads": st.integers(1, 3),
    "free_items": ITEMS,
    "items_by_group": st.dictionaries(st.sampled_from(["A", "B"]), ITEMS),
    "missing": st.sampled_from([None, 9, [9], {"item1": 0}]),
    "reference": st.sampled_from(["A", "B"]),
    "attributes": st.lists(st.text(max_size=2), max_size=2),
    "attributes_by_group": st.dictionaries(
        st.sampled_from(["A", "B"]), st.lists(st.sampled_from(["theta1", "theta2"]), max_size=2)
    ),
    "categories": st.sampled_from([None, [0, 1, 2], {"item1": [1, 0]}]),
}
#: Options that are refused without others, which mostly come with them.
PARTNERS = {
    "free_items": ["invariance", "groups"],
    "reference": ["invariance", "groups"],
    "items_by_group": ["groups"],
    "attributes_by_group": ["groups"],
    "invariance": ["groups"],
    "class_invariance": ["n_classes"],
    "prune": ["quadrature"],
}
PATIENT = settings(
    max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a few options, most of them sensible, some of them anything."""
    found = {"model": draw(SENSIBLE["model"])}
    for name in draw(st.lists(st.sampled_from(sorted(SENSIBLE)), max_size=3, unique=True)):
        is_sensible = draw(st.integers(0, 9)) < 9
        found[name] = draw(SENSIBLE[name] if is_sensible else VALUES)
    for name in [name for name in PARTNERS if name in found]:
        for partner in PARTNERS[name]:
            if partner not in found and draw(st.integers(0, 9)) < 9:
                found[partner] = draw(SENSIBLE[partner])
    return found


def fit_and_score(responses: Any, given_options: dict[str, Any], others: Any) -> bool:
    """Whether there is a fit; of it, scores or a `MixirtError`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = mixirt.fit(responses, max_cycles=3, **given_options)
        except MixirtError:
            return False
        assert np.isfinite(result.loglik)
        assert np.isfinite(result._values).all()
        assert str(result)
        for new in (None, others):
            try:
                scores = result.score(new)
            except MixirtError:
                continue
            assert len(scores.theta) > 0
    return True


@PATIENT
@given(READABLE, options(), VALUES)
def test_any_options_fit_or_are_refused(
    responses: Any, given_options: dict[str, Any], others: Any
) -> None:
    fit_and_score(responses, given_options, others)


@PATIENT
@given(ANYTHING, options(), VALUES)
def test_any_responses_fit_or_are_refused(
    responses: Any, given_options: dict[str, Any], others: Any
) -> None:
    fit_and_score(responses, given_options, others)


def test_many_of_the_options_drawn_do_fit() -> None:
    """Guards the tests above: if nearly everything were refused they would show nothing."""
    fits = []

    @PATIENT
    @given(READABLE, options())
    def count(responses: Any, given_options: dict[str, Any]) -> None:
        fits.append(fit_and_score(responses, given_options, None))

    count()
    assert np.mean(fits) > 0.25
