"""The parameters of a design in one record: true ones, estimates, and which class is which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from benches.cases import Codes, Floats, partial_credit
from benches.recovery.designs import GROUPS, N_ITEMS, Design
from numpy.typing import NDArray

import mixirt

#: Of variances and covariances, which are near 1, for differences of what follows from them.
STEP = 1e-5


@dataclass(frozen=True, eq=False)
class Parameters:
    """Parameters of all groups or classes.

    Attributes
    ----------
    slopes : ndarray, shape (G, I, J)
        0 where an item does not measure an attribute.
    intercepts : ndarray, shape (G, I, M - 1)
        Of all categories but the first.
    means : ndarray, shape (G, J)
    covariances : ndarray, shape (G, J, J)
    """

    slopes: Floats
    intercepts: Floats
    means: Floats
    covariances: Floats

    def centred(self) -> Floats:
        """Give the intercepts if every group had mean 0, shape (G, I, M - 1)."""
        shift = np.einsum("gij,gj->gi", self.slopes, self.means)
        return np.asarray(self.intercepts + _scores(self.intercepts) * shift[..., None])


def _scores(intercepts: Floats) -> Floats:
    """Scores of the categories that have an intercept: 1, 2, ..."""
    return np.arange(1.0, intercepts.shape[-1] + 1)


def draw_truth(design: Design, generator: np.random.Generator) -> Parameters:
    """Draw item parameters: log slopes N(-.02, .04), so of mean 1; intercepts N(0, 1).

    Observed groups have the same items but for the last; classes have items of their own.
    """
    n_groups, n_steps = design.n_groups, design.n_categories - 1
    shape = (n_groups, N_ITEMS, design.n_attributes)
    slopes = np.exp(generator.normal(-0.02, 0.2, shape)) if design.has_slopes else np.ones(shape)
    intercepts = generator.standard_normal((n_groups, N_ITEMS, n_steps))
    if design.groups == "observed":
        slopes[1, :-1], intercepts[1, :-1] = slopes[0, :-1], intercepts[0, :-1]
    return Parameters(slopes * design.q_matrix, intercepts, design.means, design.covariances)


def draw_responses(truth: Parameters, n: int, generator: np.random.Generator) -> Codes:
    """Draw responses of `n` respondents (n, I): equally large groups, one after the other."""
    codes = []
    for slopes, intercepts, mean, covariance in zip(
        truth.slopes, truth.intercepts, truth.means, truth.covariances, strict=True
    ):
        noise = generator.standard_normal((n // len(truth.means), len(mean)))
        theta = mean + noise @ np.linalg.cholesky(covariance).T
        codes.append(partial_credit(generator, theta @ slopes.T, intercepts))
    return np.concatenate(codes)


def labels(design: Design, n: int) -> list[str] | None:
    """Give the group of each of `n` respondents, where groups are observed."""
    return np.repeat(GROUPS, n // 2).tolist() if design.groups == "observed" else None


def started(design: Design, truth: Parameters) -> mixirt.Model:
    """Give the model with the true parameters as start values."""
    model = design.model().start("intercept", truth.intercepts.ravel())
    if design.has_slopes:
        model = model.start("slope", truth.slopes[:, design.q_matrix].ravel())
    if design.groups == "observed":
        own = {"group": GROUPS[1]}
        model = model.start("mean", truth.means[1], **own)
        model = model.start("variance", np.diagonal(truth.covariances[1]), **own)
    if design.groups == "latent":
        model = model.start("proportion", 0.5)
    if design.n_attributes > 1:
        model = model.start("covariance", truth.covariances[:, 0, 1])
    return model


def estimates(design: Design, result: mixirt.Result) -> Parameters:
    """Read the estimates of a fit."""
    frame = result.parameters(se=None)
    kind, value = frame["parameter"].to_numpy(), frame["estimate"].to_numpy()
    slopes = np.zeros((design.n_groups, N_ITEMS, design.n_attributes))
    slopes[:, design.q_matrix] = value[kind == "slope"].reshape(design.n_groups, -1)
    intercepts = value[kind == "intercept"].reshape(design.n_groups, N_ITEMS, -1)
    means = np.array([result.mean(*_where(design, g)) for g in range(design.n_groups)])
    return Parameters(slopes, intercepts, means, covariances(design, result))


def covariances(design: Design, result: mixirt.Result) -> Floats:
    """Give the covariance matrices of a fit, shape (G, J, J)."""
    return np.array([result.covariance(*_where(design, g)) for g in range(design.n_groups)])


def _where(design: Design, group: int) -> tuple[str | None, int]:
    """Say which observed group and which class a group of a design is."""
    if design.groups == "observed":
        return GROUPS[group], 1
    return None, group + 1


def aligned(found: Parameters, truth: Parameters) -> Parameters:
    """Give classes the places of the true ones that they are nearest to.

    Which class is which is a matter of chance, and so is the mean that was fixed for it: a class
    found in the other's place has intercepts that make up for the other's mean. Classes are
    therefore compared as if both had mean 0, where the likelihood is the same in either order, and
    then moved to the mean of the class whose place they take.
    """
    centred, goal = found.centred(), truth.centred()

    def distance(order: list[int]) -> float:
        of_slopes = ((found.slopes[order] - truth.slopes) ** 2).sum()
        return float(of_slopes + ((centred[order] - goal) ** 2).sum())

    order = min(([0, 1], [1, 0]), key=distance)
    # What takes the mean into the intercepts takes it out again when its sign is changed.
    there = replace(
        found, slopes=found.slopes[order], intercepts=centred[order], means=-truth.means
    )
    return replace(
        there,
        intercepts=there.centred(),
        means=truth.means,
        covariances=found.covariances[order],
    )


def by_column(design: Design, parameters: Parameters) -> dict[str, Floats]:
    """Give the estimated parameters of each column of Table 1; those equal across groups once."""
    slopes, intercepts = parameters.slopes, parameters.intercepts
    own = np.ones((design.n_groups, N_ITEMS), dtype=bool)
    columns: dict[str, Floats] = {}
    if design.groups == "observed":
        own[1, :-1] = False
        columns["mean"] = parameters.means[1]
    if design.has_slopes:
        measured = np.broadcast_to(design.q_matrix, slopes.shape)[own]
        columns["slope"] = slopes[own][measured]
    columns["intercept"] = intercepts[own].ravel()
    if design.has_spread:
        columns["spread"] = spread(design, parameters.covariances)
    return columns


def spread(design: Design, covariances: Floats) -> Floats:
    """Give the standard deviations and correlations that are estimated, shape (K,)."""
    sd = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    found = list(sd[1]) if design.groups == "observed" else []
    if design.n_attributes > 1:
        found += list(covariances[:, 0, 1] / sd.prod(axis=1))
    return np.array(found)


def derivatives_by_column(
    design: Design, truth: Parameters, names: Sequence[str]
) -> dict[str, Floats]:
    """Give the derivatives at the truth of what `by_column` gives, by the free parameters.

    Parameters
    ----------
    design, truth
        The model and its true parameters.
    names : sequence of str, length P
        The free parameters, as `mixirt` names them.

    Returns
    -------
    dict of ndarray, shape (K, P)
        By column of Table 1. Slopes, intercepts and means are free parameters themselves; standard
        deviations and correlations are differentiated by variances and covariances.
    """
    kind = np.array([name.split()[0] for name in names])
    unit = np.eye(len(names))
    columns = {own: unit[kind == own] for own in ("slope", "intercept", "mean") if own in kind}
    if design.has_spread:
        here, moves = truth.covariances, STEP * _moves_of_covariances(design, kind)
        both = [spread(design, here + move) - spread(design, here - move) for move in moves]
        columns["spread"] = np.transpose(both) / (2 * STEP)
    return columns


def _moves_of_covariances(design: Design, kind: NDArray[np.str_]) -> Floats:
    """Give the derivatives of all covariance matrices by the free parameters, (P, G, J, J)."""
    eye = np.eye(design.n_attributes)
    moves = np.zeros((len(kind), design.n_groups, *eye.shape))
    if design.groups == "observed":
        moves[kind == "variance", 1] = eye[:, :, None] * eye
    if design.n_attributes > 1:
        moves[kind == "covariance", np.arange(design.n_groups)] = 1 - eye
    return moves
