"""The matrix of models: families by structures by quadrature rules, with data drawn from each."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from mixirt import Model, _core
from tests.oracle.drawing import draw_parameters, draw_responses
from tests.oracle.from_model import oracle_model
from tests.oracle.models import MISSING, Ints
from tests.oracle_agreement.bridge import Case

N_ITEMS = 7
SEED = 20190535

FAMILIES: dict[str, tuple[list[str], list[int], dict[str, list[float]]]] = {
    "gpcm": (["gpcm"] * N_ITEMS, [2, 3, 4, 2, 5, 3, 2], {}),
    "real scores": (
        ["gpcm"] * N_ITEMS,
        [3, 3, 4, 2, 3, 3, 2],
        {"item1": [-1.5, 0.25, 2.0], "item3": [0.0, 1.0, 1.0, 3.5], "item4": [4.0, 2.5]},
    ),
    "grm": (["grm"] * N_ITEMS, [2, 3, 4, 2, 5, 3, 2], {}),
    "3pl": (["3pl"] * N_ITEMS, [2] * N_ITEMS, {}),
    "mixed": (
        ["grm", "gpcm", "3pl", "2pl", "grm", "gpcm", "3pl"],
        [4, 3, 2, 2, 3, 4, 2],
        {"item2": [0.0, 2.0, 3.0]},
    ),
}
"""Item models, numbers of categories, and the category scores that are not 0, 1, 2, ..."""


@dataclass(frozen=True)
class Structure:
    """Everything about a model but its items.

    Attributes
    ----------
    options
        Arguments of `mixirt.Model`.
    n_attributes
        Number of attributes; more than one come with a Q matrix of mostly simple structure.
    n_points
        Quadrature points per attribute.
    known
        Share of the respondents whose class is known.
    is_bifactor
        Whether all items measure the first attribute too, and attributes are independent.
    """

    options: dict[str, Any] = field(default_factory=dict)
    n_attributes: int = 1
    n_points: int = 15
    known: float = 0.0
    is_bifactor: bool = False


TWO, THREE = ("a", "b"), ("a", "b", "c")
SOME = {
    "A": [f"item{i}" for i in (1, 2, 3, 4, 5)],
    "B": [f"item{i}" for i in (2, 3, 4, 5, 6, 7)],
}

STRUCTURES = {
    "one attribute": Structure(),
    "two attributes": Structure(n_attributes=2, n_points=9),
    "three attributes": Structure(n_attributes=3, n_points=7),
    "two groups": Structure({"groups": ["A", "B"], "invariance": "scalar"}),
    "partial invariance": Structure(
        {"groups": ["A", "B"], "invariance": "scalar", "free_items": ["item1", "item3"]}
    ),
    "item sets": Structure(
        {"groups": ["A", "B"], "invariance": "scalar", "items_by_group": SOME},
    ),
    "attribute sets": Structure(
        {"groups": ["A", "B"], "invariance": "metric", "attributes_by_group": {"B": ["b"]}}
        | {"items_by_group": {"B": ["item3", "item4", "item5", "item6", "item7"]}},
        n_attributes=2,
        n_points=9,
    ),
    "two groups, two attributes": Structure(
        {"groups": ["A", "B"], "invariance": "scalar"}, n_attributes=2, n_points=9
    ),
    "two classes": Structure({"n_classes": 2}),
    "equal slopes in classes": Structure({"n_classes": 2, "class_invariance": "metric"}),
    "known class": Structure({"n_classes": 2}, known=0.3),
    "classes within groups": Structure(
        {"groups": ["A", "B"], "n_classes": 2, "invariance": "metric"}, known=0.2
    ),
    "latent classes": Structure({"n_classes": 3}, n_attributes=0),
    "bifactor": Structure(n_attributes=3, n_points=7, is_bifactor=True),
    "bifactor in classes and groups": Structure(
        {"groups": ["A", "B"], "n_classes": 2, "invariance": "metric"},
        n_attributes=3,
        n_points=5,
        is_bifactor=True,
    ),
}

NAMES = [
    (family, structure, rule)
    for family in FAMILIES
    for structure in STRUCTURES
    for rule in ("rectangular", "gauss-hermite")
    if not (family == "3pl" and structure == "latent classes")
    if not (rule == "gauss-hermite" and structure == "latent classes")
    if not (family == "mixed" and structure == "latent classes")
]
"""All but what does not exist: guessing without a slope, and a grid without attributes."""


def q_matrix(n_attributes: int, is_bifactor: bool = False) -> Ints:
    """Return simple structure, but for one item that measures the first two attributes.

    In a bifactor structure all items measure the first, and the last nothing else.
    """
    if is_bifactor:
        q = np.zeros((N_ITEMS, n_attributes), dtype=np.int64)
        q[:, 0] = 1
        q[np.arange(N_ITEMS - 1), 1 + np.arange(N_ITEMS - 1) * (n_attributes - 1) // N_ITEMS] = 1
        return q
    q = np.zeros((N_ITEMS, n_attributes), dtype=np.int64)
    if n_attributes:
        q[np.arange(N_ITEMS), np.arange(N_ITEMS) * n_attributes // N_ITEMS] = 1
    if n_attributes > 1:
        q[2, :2] = 1
    return q


def make_model(family: str, structure: Structure, rule: str) -> Model:
    names, n_categories, scores = FAMILIES[family]
    options = dict(structure.options)
    if structure.n_attributes:
        options |= {"quadrature": rule, "n_quadrature": structure.n_points}
    made = Model(
        names,
        items=N_ITEMS,
        n_categories=n_categories,
        category_scores=scores,
        q_matrix=q_matrix(structure.n_attributes, structure.is_bifactor),
        attributes=("a", "b", "c")[: structure.n_attributes],
        **options,
    )
    return made.fix("covariance", 0.0) if structure.is_bifactor else made


@cache
def make_case(
    family: str, structure_name: str, rule: str, n: int = 120, missing: float = 0.15
) -> Case:
    """Return a case with missing answers, repeated rows and real-valued weights."""
    structure = STRUCTURES[structure_name]
    generator = np.random.default_rng([SEED, list(STRUCTURES).index(structure_name)])
    model = make_model(family, structure, rule)
    x = draw_parameters(model, generator)
    design, engine = model.design, model._compile()
    observed = np.arange(n) % len(design.groups)
    latent_class = generator.integers(0, design.n_classes, n)
    latent_group = observed * design.n_classes + latent_class
    codes = draw_responses(oracle_model(model, engine.expand(x)), latent_group, generator)
    codes[generator.random(codes.shape) < missing] = MISSING
    codes[: n // 4] = codes[n // 2 : n // 2 + n // 4]
    codes[-1] = MISSING
    absent = ~design.items_in_group[observed]
    codes[absent] = MISSING
    known = np.where(generator.random(n) < structure.known, latent_class, MISSING)
    return Case(model, codes, x, generator.uniform(0.2, 3, n), observed, known)


def engine_counts(case: Case) -> dict[str, Any]:
    """Return the engine's E-step at the case's parameters."""
    found: dict[str, Any] = _core.expected_counts(case.engine, case.engine_data, case.x)
    return found
