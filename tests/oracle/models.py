"""What an estimation is about: items, groups with their nodes, the model and the data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MISSING = -1
"""The code of a missing response, and of a class that is not known."""

FAMILIES = ("gpcm", "grm", "3pl")


@dataclass(frozen=True)
class OracleItem:
    """One item as it works in one group.

    Attributes
    ----------
    family
        One of `FAMILIES`.
    slopes : (J,)
        `a_ij` over all attributes of the group; 0 where the item does not measure one.
    intercepts : (M - 1,)
        `b_im` of every category but the first. For the graded family strictly decreasing.
    guessing_logit
        `c'_i`, the logit of the guessing probability; minus infinity is no guessing. Only "3pl".
    scores : (M,)
        Category scores `s_im`, any real numbers; 0, 1, 2, ... if not given. Only "gpcm".
    """

    family: str
    slopes: Floats
    intercepts: Floats
    guessing_logit: float = -np.inf
    scores: Floats = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ValueError(f"family {self.family!r} is not one of {FAMILIES}")
        object.__setattr__(self, "slopes", np.asarray(self.slopes, dtype=float))
        object.__setattr__(self, "intercepts", np.asarray(self.intercepts, dtype=float))
        scores = np.asarray(self.scores, dtype=float)
        if scores.size == 0:
            scores = np.arange(self.n_categories, dtype=float)
        object.__setattr__(self, "scores", scores)

    @property
    def n_categories(self) -> int:
        """`M_i`."""
        return len(self.intercepts) + 1

    def eta(self) -> Floats:
        """Return the parameter vector: slopes, intercepts and, for "3pl", the guessing logit."""
        guessing = [self.guessing_logit] if self.family == "3pl" else []
        return np.concatenate([self.slopes, self.intercepts, guessing])

    def with_eta(self, eta: Floats) -> OracleItem:
        """Return the same item with another parameter vector."""
        n_dims, n_intercepts = len(self.slopes), len(self.intercepts)
        return replace(
            self,
            slopes=eta[:n_dims],
            intercepts=eta[n_dims : n_dims + n_intercepts],
            guessing_logit=float(eta[-1]) if self.family == "3pl" else self.guessing_logit,
        )


def class_item(probabilities: ArrayLike) -> OracleItem:
    """Return an item of a latent class model: no attribute, category probabilities (M,) free."""
    p = np.asarray(probabilities, dtype=float)
    return OracleItem("gpcm", np.empty(0), np.log(p[1:] / p[0]))


@dataclass(frozen=True)
class OracleGroup:
    """A latent class within an observed group; either of the two may be the only one.

    Attributes
    ----------
    items : I entries
        The items, `None` where the group does not take one.
    mean : (J,), covariance : (J, J)
        Distribution of the attributes.
    theta : (L, J), weights : (L,)
        Quadrature nodes `omega_gl` and weights `pi_gl`, which sum to 1.
    observed_group, latent_class
        Indices from 0.
    """

    items: tuple[OracleItem | None, ...]
    mean: Floats
    covariance: Floats
    theta: Floats
    weights: Floats
    observed_group: int = 0
    latent_class: int = 0


def class_group(items: tuple[OracleItem | None, ...], latent_class: int) -> OracleGroup:
    """Return a group without attributes: one node of weight 1."""
    return OracleGroup(
        items=items,
        mean=np.empty(0),
        covariance=np.empty((0, 0)),
        theta=np.empty((1, 0)),
        weights=np.ones(1),
        latent_class=latent_class,
    )


@dataclass(frozen=True)
class OracleModel:
    """All groups, and `proportions` (observed groups, latent classes), each row summing to 1."""

    groups: tuple[OracleGroup, ...]
    proportions: Floats


@dataclass(frozen=True)
class OracleData:
    """Responses, one row a respondent (or a response pattern that `weights` respondents gave).

    Attributes
    ----------
    responses : (N, I)
        Codes 0..M_i - 1, or `MISSING`.
    weights : (N,)
        `N_gp`: frequencies or sampling weights.
    observed_group : (N,)
    known_class : (N,)
        The latent class of a respondent where it is known, otherwise `MISSING`.
    """

    responses: Ints
    weights: Floats
    observed_group: Ints
    known_class: Ints


def data(
    responses: ArrayLike,
    weights: ArrayLike | None = None,
    observed_group: ArrayLike | None = None,
    known_class: ArrayLike | None = None,
) -> OracleData:
    """Return data with weights 1, one observed group and no known class unless given."""
    x = np.asarray(responses, dtype=np.int64)
    n = len(x)
    return OracleData(
        responses=x,
        weights=np.ones(n) if weights is None else np.asarray(weights, dtype=float),
        observed_group=np.zeros(n, np.int64)
        if observed_group is None
        else np.asarray(observed_group, np.int64),
        known_class=np.full(n, MISSING)
        if known_class is None
        else np.asarray(known_class, np.int64),
    )
