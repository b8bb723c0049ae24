"""The cases: what is fitted, and responses drawn from known parameters with a fixed seed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from benches.compare.estimates import Estimates
from numpy.typing import NDArray

Structure = Literal["simple", "groups", "mixture", "bifactor", "classes"]
Task = Literal["fit", "score", "score one"]


@dataclass(frozen=True)
class Case:
    """A model and the size of its data.

    Attributes
    ----------
    name, title
        For the command line, and for the table.
    model
        "2pl", "3pl", "gpcm" or "grm".
    attributes
        Which attributes each item measures, in the words of mixirt's `q_matrix`; None for one.
    structure
        "groups": two observed groups, item parameters equal, mean and variance free in the second.
        "mixture": two latent classes that differ in all item parameters. "bifactor": attribute 0 is
        general, the others are specific. "classes": latent classes without attributes.
    n_strata
        Number of observed groups or latent classes.
    """

    name: str
    title: str
    model: str
    n_respondents: int
    n_items: int
    n_categories: int = 2
    attributes: tuple[tuple[int, ...], ...] | None = None
    structure: Structure = "simple"
    n_strata: int = 1
    task: Task = "fit"

    @property
    def q_matrix(self) -> NDArray[np.int64]:
        """Which item measures which attribute, shape (I, J)."""
        if self.structure == "classes":
            return np.zeros((self.n_items, 0), dtype=int)
        measured = self.attributes or ((0,),) * self.n_items
        q = np.zeros((self.n_items, 1 + max(j for js in measured for j in js)), dtype=int)
        for i, js in enumerate(measured):
            q[i, list(js)] = 1
        return q

    @property
    def seed(self) -> int:
        """Seed of the data; the same on every machine."""
        return zlib.crc32(self.name.encode())


def _simple(*blocks: tuple[int, tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    return tuple(attributes for n, attributes in blocks for _ in range(n))


_CROSSED = _simple((4, (0,)), (2, (0, 1)), (4, (1,)))
_THREE = _simple(*((10, (j,)) for j in range(3)))
_BIFACTOR = _simple(*((10, (0, j)) for j in range(1, 5)))

CASES = {
    case.name: case
    for case in (
        Case("2pl_10k", "2PL, 10,000 x 30", "2pl", 10_000, 30),
        Case("2pl_100k", "2PL, 100,000 x 40", "2pl", 100_000, 40),
        Case("2pl_1m", "2PL, 1,000,000 x 50", "2pl", 1_000_000, 50),
        Case("gpcm", "GPCM, 5,000 x 30, 5 categories", "gpcm", 5_000, 30, 5),
        Case("grm", "GRM, 10,000 x 20, 5 categories", "grm", 10_000, 20, 5),
        Case("3pl", "3PL, 20,000 x 40", "3pl", 20_000, 40),
        Case(
            "gpcm_2d",
            "GPCM, 2 attributes, 3,000 x 10, 4 categories",
            "gpcm",
            3_000,
            10,
            4,
            _CROSSED,
        ),
        Case("2pl_3d", "2PL, 3 attributes, 5,000 x 30", "2pl", 5_000, 30, 2, _THREE),
        Case(
            "groups",
            "GPCM, 2 groups, 6,000 x 20, 3 categories",
            "gpcm",
            6_000,
            20,
            3,
            None,
            "groups",
            2,
        ),
        Case(
            "mixture",
            "GPCM, 2 latent classes, 3,000 x 10, 4 categories",
            "gpcm",
            3_000,
            10,
            4,
            None,
            "mixture",
            2,
        ),
        Case("bifactor", "bifactor 1 + 4, 5,000 x 40", "2pl", 5_000, 40, 2, _BIFACTOR, "bifactor"),
        Case(
            "classes",
            "3 latent classes, 10,000 x 12",
            "gpcm",
            10_000,
            12,
            2,
            None,
            "classes",
            3,
        ),
        Case("eap_1m", "EAP of 1,000,000 x 50", "2pl", 1_000_000, 50, task="score"),
        Case("eap_one", "EAP of one respondent", "2pl", 10_000, 50, task="score one"),
    )
}


@dataclass(frozen=True)
class Responses:
    """Codes (N, I), and the observed group of each respondent (N,) where there are groups."""

    codes: NDArray[np.uint8]
    groups: NDArray[np.int64] | None = None


def truth(case: Case) -> Estimates:
    """Draw the parameters that the responses of a case come from."""
    rng = np.random.default_rng(case.seed)
    q = case.q_matrix
    n_dims = q.shape[1]
    n_item_sets = case.n_strata if case.structure in ("mixture", "classes") else 1
    parts = []
    for stratum in range(case.n_strata):
        if stratum < n_item_sets:
            slopes = q * rng.uniform(0.7, 1.8, q.shape) * (0.75 if case.model == "gpcm" else 1.0)
            intercepts = _intercepts(case, stratum, rng)
            guessing = rng.uniform(0.1, 0.25, case.n_items) if case.model == "3pl" else None
        correlation = 0.0 if case.structure == "bifactor" else 0.5
        covariance = np.full((n_dims, n_dims), correlation)
        np.fill_diagonal(covariance, 1.0)
        part = Estimates.of_one_group(slopes, intercepts, covariance=covariance, guessing=guessing)
        if case.structure == "groups" and stratum > 0:
            part = Estimates(part.slopes, part.intercepts, part.mean + 0.4, part.covariance * 1.3)
        parts.append(part)
    is_latent = case.structure in ("mixture", "classes")
    weights = np.arange(case.n_strata, 0, -1.0)
    return Estimates.of_groups(parts, weights / weights.sum() if is_latent else None)


def _intercepts(case: Case, stratum: int, rng: np.random.Generator) -> NDArray[np.float64]:
    shape = (case.n_items, case.n_categories - 1)
    if case.structure == "classes":
        # Each class says yes to a part of the items of its own.
        own = np.arange(case.n_items) % case.n_strata == stratum
        return np.where(own, 1.2, -1.0)[:, None] + rng.normal(0.0, 0.3, shape)
    location = rng.normal(0.0, 1.0, (case.n_items, 1))
    steps = np.linspace(1.2, -1.2, case.n_categories - 1) if case.n_categories > 2 else np.zeros(1)
    thresholds = location + steps + rng.uniform(-0.15, 0.15, shape)
    return thresholds if case.model in ("grm", "2pl", "3pl") else np.cumsum(thresholds, axis=1)


def draw(case: Case) -> Responses:
    """Draw the responses of a case."""
    rng = np.random.default_rng(case.seed + 1)
    parameters = truth(case)
    n = case.n_respondents
    if parameters.proportions is None:
        stratum = np.arange(n) % case.n_strata
    else:
        stratum = rng.choice(case.n_strata, n, p=parameters.proportions)
    n_dims = parameters.mean.shape[1]
    theta = rng.standard_normal((n, n_dims))
    for k in range(case.n_strata):
        root = np.linalg.cholesky(parameters.covariance[k])
        theta[stratum == k] = theta[stratum == k] @ root.T + parameters.mean[k]
    codes = np.empty((n, case.n_items), dtype=np.uint8)
    for i in range(case.n_items):
        u = rng.random(n)
        for k in range(case.n_strata):
            here = stratum == k
            p = probabilities(case.model, parameters, (k, i), theta[here])
            codes[here, i] = (u[here, None] > np.cumsum(p, axis=1)[:, :-1]).sum(axis=1)
    return Responses(codes, stratum if case.structure == "groups" else None)


def probabilities(
    model: str, parameters: Estimates, at: tuple[int, int], theta: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Category probabilities (N, M) of item `at = (stratum, item)` for theta (N, J)."""
    eta = theta @ parameters.slopes[at]
    b = parameters.intercepts[at]
    if model == "gpcm":
        logits = np.concatenate(
            [np.zeros((len(eta), 1)), b + np.arange(1, len(b) + 1) * eta[:, None]], axis=1
        )
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))
    at_least = 1.0 / (1.0 + np.exp(-(b + eta[:, None])))
    if parameters.guessing is not None:
        c = parameters.guessing[at]
        at_least = c + (1.0 - c) * at_least
    edges = np.concatenate([np.ones((len(eta), 1)), at_least, np.zeros((len(eta), 1))], axis=1)
    return edges[:, :-1] - edges[:, 1:]
