"""Responses drawn from a fitted model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt._answers import MISSING
from mixirt._checks import generator, numbers, several, whole_number
from mixirt._respondents import check_groups_given
from mixirt._words import quoted, unknown
from mixirt.errors import DataError, SpecError
from mixirt.frames import to_native

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["draw_codes", "simulate"]

#: No more could be fitted.
MAX_RESPONDENTS = 2**32 - 1


def simulate(result: Result, n: int | None, groups: Any, theta: Any, seed: Any) -> Any:
    """Draw responses; see :meth:`mixirt.Result.simulate`."""
    design = result.model.design
    theta = None if theta is None else np.atleast_1d(numbers("theta", theta))
    observed = _observed(result, n, groups, theta)
    points = None if theta is None else _points(result, theta, len(observed))
    codes = draw_codes(result, observed, points, generator(seed))
    columns: dict[str, NDArray[Any]] = {}
    for i, name in enumerate(design.items):
        labels = _label_array(design.category_labels[i])
        if design.items_in_group[:, i].all():
            columns[name] = labels[codes[:, i]]
        else:
            with_missing = np.full(MISSING + 1, None, dtype=object)
            with_missing[: len(labels)] = labels
            columns[name] = with_missing[codes[:, i]]
    return to_native(columns, result._native)


def draw_codes(
    result: Result,
    observed: NDArray[np.int64],
    points: NDArray[np.float64] | None,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Draw category codes, shape (n, I); 255 for items that are not in a respondent's group.

    Parameters
    ----------
    observed : (n,)
        Position of each respondent's group.
    points : (n, J), optional
        Attributes of each; default drawn from the groups' distributions.
    """
    design = result.model.design
    drawn_codes = np.full((len(observed), len(design.items)), MISSING, dtype=np.uint8)
    classes = _classes(result, observed, rng)
    for latent in range(design.n_latent_groups):
        here = np.flatnonzero(observed * design.n_classes + classes == latent)
        if not len(here):
            continue
        own = design.attributes_of(latent)
        group = design.groups[design.observed_of(latent)]
        class_ = design.class_of(latent) + 1
        if points is None:
            mean, covariance = result._distribution(latent)
            root = np.linalg.cholesky(covariance) if len(own) else covariance
            drawn = mean + rng.standard_normal((len(here), len(own))) @ root.T
        else:
            drawn = np.ascontiguousarray(points[here][:, own])
        for i in result._items(None, group):
            probabilities = result._curve(i, drawn, group, class_)[0]
            cumulative = probabilities.cumsum(axis=0)[:-1]
            drawn_codes[here, i] = (rng.random(len(here)) >= cumulative).sum(axis=0)
    return drawn_codes


def _label_array(labels: tuple[object, ...]) -> NDArray[Any]:
    """Labels (M,) of the categories of an item; NumPy would make text of numbers among text."""
    same_type = len({type(label) for label in labels}) == 1
    return np.array(labels, dtype=None if same_type else object)


def _observed(
    result: Result, n: Any, groups: Any, theta: NDArray[np.float64] | None
) -> NDArray[np.int64]:
    """Return the observed group of every respondent to be drawn."""
    design, fitted = result.model.design, result._fitted
    if n is not None:
        n = whole_number("n", n, 1, MAX_RESPONDENTS)
    if groups is not None:
        check_groups_given(design, groups)
        labels = several("groups", groups)
        for label in labels:
            if label not in design.groups:
                raise DataError(unknown("group", label, design.groups))
        if n is not None and n != len(labels):
            raise SpecError(
                f"n is {n}, but {len(labels)} group labels were given; give one of the two"
            )
        return np.array([design.groups.index(label) for label in labels], dtype=np.int64)
    if n is None and theta is not None:
        n = len(theta)
    if n is None:
        if fitted.is_here and fitted.responses.groups is not None:
            return fitted.responses.groups.astype(np.int64)
        return np.repeat(np.arange(len(design.groups)), fitted.summary.group_sizes)
    if design.has_groups and len(design.groups) > 1:
        raise SpecError(
            f"the model has groups {quoted(design.groups)}: give groups= with a label for each of "
            f"the {n} respondents"
        )
    return np.zeros(n, dtype=np.int64)


def _points(result: Result, theta: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    n_attributes = len(result.model.design.attributes)
    points = theta.reshape(-1, 1) if theta.ndim == 1 else theta
    if points.shape != (n, n_attributes):
        raise SpecError(
            f"theta must have shape ({n}, {n_attributes}): one row per respondent, one column per "
            f"attribute; found {points.shape}"
        )
    return points


def _classes(
    result: Result, observed: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    n_classes = result.model.design.n_classes
    if n_classes == 1:
        return np.zeros(len(observed), dtype=np.int64)
    cumulative = result.proportions.cumsum(axis=1)[observed, :-1]
    return np.asarray((rng.random(len(observed))[:, None] >= cumulative).sum(axis=1))
