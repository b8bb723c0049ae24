"""Models that no data can determine are refused by cause; all others are let through."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import mixirt
from mixirt import IdentificationError, Model, priors
from mixirt.block_matrix import BlockMatrix
from tests.oracle.drawing import draw_parameters
from tests.oracle.e_step import log_joint
from tests.oracle.from_model import all_patterns, oracle_model
from tests.oracle.models import MISSING, Floats, data
from tests.oracle.probabilities import log_sum_exp

SIMPLE = [[1, 0]] * 3 + [[0, 1]] * 3
NESTED = [[1, 0]] * 3 + [[1, 1]] * 3
FULL = [[1, 1]] * 6
NONE = np.zeros((4, 0))
AB = {"groups": ["a", "b"]}

REFUSED = [
    (Model("2pl", items=5).free("variance"), "variance of 'theta' is not identified"),
    (Model("2pl", items=5).free("mean"), "mean of 'theta' is not identified"),
    (Model("rasch", items=5).free("mean"), "mean of 'theta'"),
    (Model("1pl", items=5).free("variance"), "variance of 'theta'"),
    (Model("2pl", items=6, q_matrix=FULL), "measured by the same items"),
    (Model("2pl", items=6, q_matrix=FULL).fix("covariance", 0), "measured by the same items"),
    (Model("2pl", items=6, q_matrix=NESTED), "also measures 'theta1'"),
    (Model("2pl", items=5, **AB).free("mean", group="b"), "'theta' in group 'b'"),
    (Model("2pl", items=5, **AB, invariance="metric").free("mean", group="b"), "group 'b'"),
    (Model("2pl", items=5, **AB, invariance="scalar").free("variance"), "variance of 'theta'"),
    (Model("2pl", items=6, n_classes=2).free("mean", class_=2), "class 2"),
    (Model("3pl", items=5, q_matrix=NONE[[0] * 5], n_classes=2), "guessing and intercept are one"),
    (
        Model("2pl", items=6, q_matrix=SIMPLE, **AB, items_by_group={"b": ["item1", "item2"]}),
        "no item measures attribute 'theta2' in group 'b'",
    ),
    (Model("2pl", items=5).fix("slope", 0), "no item measures attribute 'theta'"),
    (Model("2pl", items=2), "only 4 response patterns"),
    (Model("2pl", items=4, q_matrix=NONE, n_classes=3), "3 latent classes cannot be told apart"),
    (Model("2pl", items=2, q_matrix=NONE[:2], n_classes=2), "2 classes have 5 parameters"),
    (
        Model("2pl", items=6, n_classes=2, class_invariance="scalar")
        .fix("mean", 0)
        .fix("variance", 1),
        "share all parameters",
    ),
]


@pytest.mark.parametrize(("model", "words"), REFUSED)
def test_unidentified_models_are_refused_by_cause(model, words):
    with pytest.raises(IdentificationError, match=words):
        model.check()


ALLOWED = [
    Model("2pl", items=5).free("variance").fix("slope", 1, item="item1"),
    Model("2pl", items=5).free("mean").fix("intercept", 0, item="item1"),
    Model("2pl", items=5).free("mean").prior("mean", priors.normal(0, 1)),
    Model("2pl", items=6, q_matrix=SIMPLE),
    Model("2pl", items=6, q_matrix=NESTED).fix("covariance", 0),
    Model("2pl", items=6, q_matrix=NESTED).fix("slope", 0.5, item="item4", attribute="theta1"),
    Model("2pl", items=6, q_matrix=FULL).fix("slope", 0, item="item1", attribute="theta2"),
    Model("2pl", items=5, **AB, invariance="scalar"),
    Model("2pl", items=5, **AB, invariance="scalar", free_items=["item1", "item2"]),
    Model("2pl", items=5, **AB)
    .tie("slope", across="group", item="item1")
    .free("variance", group="b"),
    Model("2pl", items=6, n_classes=2, class_invariance="scalar"),
    Model("3pl", items=5, q_matrix=NONE[[0] * 5], n_classes=2).fix("guessing", 0.2),
    Model("2pl", items=5, q_matrix=NONE[[0] * 5], n_classes=3),
    Model("2pl", items=3, q_matrix=NONE[:3], n_classes=2),
    Model("2pl", items=4, q_matrix=NONE, n_classes=3).fix("intercept", 3, item="item1", class_=1),
]
# Two slopes held: no rotation of two attributes with free correlation is left.
ALLOWED[6] = ALLOWED[6].fix("slope", 0, item="item2", attribute="theta1")


@pytest.mark.parametrize("model", ALLOWED)
def test_identified_models_are_let_through(model):
    assert model.check() is model


@pytest.mark.parametrize("mean", [-1e8, 500.0, 1e6, 1e10])
def test_where_the_scale_has_its_origin_does_not_matter(mean):
    held = {"mean": mean, "variance": 1e2}
    scalar = Model("2pl", items=6, q_matrix=SIMPLE, **AB, invariance="scalar")
    for kind, value in held.items():
        scalar = scalar.fix(kind, value, group="a")
    scalar.check()
    Model("2pl", items=5).fix("mean", mean).check()
    with pytest.raises(IdentificationError, match="'theta' in group 'b'"):
        Model("2pl", items=5, **AB).fix("mean", mean).free("mean", group="b").check()
    with pytest.raises(IdentificationError, match="variance of 'theta1' in group 'a'"):
        scalar.free("variance").check()


def test_a_thousand_groups_are_checked_one_by_one():
    """One dense system of 6,000 unknowns would take minutes."""
    groups = range(1000)
    tied = Model("2pl", items=4, q_matrix=SIMPLE[1:5], groups=groups, invariance="scalar")
    assert tied.check() is tied
    with pytest.raises(IdentificationError, match="variance of 'theta1' in group '0'"):
        tied.free("variance", group=0, attribute="theta1").check()


@pytest.mark.parametrize("seed", range(5))
def test_elimination_by_blocks_is_that_of_the_whole_matrix(seed):
    """Vectors over two or three of seven blocks, so that elimination fills others in."""
    rng = np.random.default_rng(seed)
    n_blocks, size, shift = 7, 3, 0.3
    whole, blocks = np.zeros((21, 21)), BlockMatrix.zeros(n_blocks, size)
    for _ in range(12):
        chosen = rng.choice(n_blocks, size=rng.integers(2, 4), replace=False).tolist()
        parts = {g: rng.normal(size=size) for g in chosen}
        vector = np.zeros((n_blocks, size))
        for g, part in parts.items():
            vector[g] = part
        whole += np.outer(vector, vector)
        blocks.add_square(parts)
    keep = [np.flatnonzero(rng.random(size) < 0.8) for _ in range(n_blocks)]
    places = np.concatenate([g * size + own for g, own in enumerate(keep)])
    whole, blocks = whole[np.ix_(places, places)], blocks.part(keep)
    inverse = np.linalg.inv(whole + shift * np.eye(len(places)))
    found = np.concatenate(blocks.diagonal_of_inverse(shift))
    np.testing.assert_allclose(found, inverse.diagonal(), rtol=1e-10)
    smallest = np.linalg.eigvalsh(whole + shift * np.eye(len(places)))[0]
    # Blocks of their own make the matrix as positive definite as the shift above does.
    for g, own in enumerate(keep):
        for unit in np.eye(len(own)):
            blocks.add_square({g: np.sqrt(shift) * unit})
    assert blocks.exceeds(0.999 * smallest)
    assert not blocks.exceeds(1.001 * smallest)
    assert blocks.largest_diagonal() == pytest.approx(whole.diagonal().max() + shift, rel=1e-12)


def test_the_cures_in_the_messages_work():
    Model("2pl", items=5).free("variance").fix("variance", 1).check()
    nested = Model("2pl", items=6, q_matrix=NESTED)
    nested.fix("covariance", 0, attribute=["theta2", "theta1"]).check()


# --- The linear system against the information in all response patterns -------------------------

STENCIL = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))
STEP = 2e-3
N_POINTS = 33
#: What is flat is flat to the error of cutting the normal distribution off at 5.9 standard
#: deviations (3e-8 of its density); what is merely hard to estimate with so few items stays above
#: 1e-5. Draws in between say nothing and are passed.
FLAT, STEEP = 1e-6, 1e-5


def smallest_singular_value(model: Model, seed: int) -> float:
    """Of the derivatives of all pattern probabilities, at random parameters."""
    x = draw_parameters(model, np.random.default_rng(seed))
    compiled = model.table.compiled()

    def log_probabilities(x: Floats) -> Floats:
        values = np.where(compiled.slot >= 0, x[compiled.slot], compiled.value)
        oracle = oracle_model(model, values, N_POINTS)
        rows = []
        for o, has in enumerate(model.design.items_in_group):
            patterns = all_patterns(model.design.n_categories)
            patterns[:, ~has] = MISSING
            patterns = np.unique(patterns, axis=0)
            given = data(patterns, observed_group=np.full(len(patterns), o))
            rows.append(log_sum_exp(np.concatenate(log_joint(oracle, given), axis=1), axis=1))
        return np.concatenate(rows)

    units = np.eye(len(x))
    derivatives = [
        sum(w * log_probabilities(x + k * STEP * unit) for k, w in STENCIL) / STEP for unit in units
    ]
    jacobian = np.stack(derivatives, axis=1) * np.exp(log_probabilities(x) / 2)[:, None]
    lengths = np.linalg.norm(jacobian, axis=0)
    if lengths.min() < FLAT:
        return 0.0
    return float(np.linalg.svd(jacobian / lengths, compute_uv=False)[-1])


@st.composite
def random_models(draw: st.DrawFn) -> Model:
    """Small models with constraints as nobody would choose them."""
    n_attributes = draw(st.integers(1, 2))
    n_items = 5 if n_attributes == 1 else 6
    rows = [[1]] if n_attributes == 1 else [[1, 0], [0, 1], [1, 1]]
    q = [draw(st.sampled_from(rows)) for _ in range(n_items)]
    # An attribute that nothing measures is refused whatever its parameters are.
    assume(np.any(q, axis=0).all())
    groups = draw(st.sampled_from([None, None, ["a", "b"]]))
    options = {}
    if groups:
        options = {"groups": groups, "invariance": draw(st.sampled_from(["metric", "scalar"]))}
    model = Model("2pl", items=n_items, q_matrix=q, **options)
    present = [
        k for k in ("mean", "variance", "covariance") if k in "mean variance" or len(q[0]) > 1
    ]
    for kind in present:
        change = draw(st.sampled_from(["leave", "leave", "fix", "free"]))
        where = {"group": "b"} if groups and draw(st.booleans()) else {}
        if change == "free":
            model = model.free(kind, **where)
        elif change == "fix":
            model = model.fix(
                kind, {"mean": 0.3, "variance": 1.2, "covariance": 0.2}[kind], **where
            )
    for i in draw(st.lists(st.integers(1, n_items), max_size=3, unique=True)):
        kind = draw(st.sampled_from(["slope", "intercept"]))
        model = model.fix(kind, draw(st.sampled_from([0.8, 1.3])), item=f"item{i}")
    return model


@settings(max_examples=30, deadline=None, derandomize=True)
@given(random_models())
def test_the_verdict_is_that_of_the_information_matrix(model):
    try:
        model.check()
        identified = True
    except IdentificationError:
        identified = False
    smallest = smallest_singular_value(model, seed=20190535)
    if FLAT < smallest < STEEP:
        return
    assert identified == (smallest >= STEEP), f"{smallest:.1e}\n{model}"


def test_check_is_part_of_every_fit():
    responses = mixirt.datasets.load("lsat7").responses
    with pytest.raises(IdentificationError, match="variance of 'theta'"):
        mixirt.fit(responses, Model("2pl", items=5).free("variance"))
