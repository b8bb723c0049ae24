"""Refusing models whose parameters no data could tell apart.

The attributes of a group can be replaced by any affine function of themselves without changing a
single probability: with ``theta = (1 + B) theta* + d`` and infinitesimal ``B (J, J)``, ``d (J,)``

* slopes move by ``B' a_i``,
* intercepts by ``a_i' d`` (times the score of the category for the GPCM),
* means by ``-B mu - d``, covariances by ``-(B Sigma + Sigma B')``.

Whatever of that the constraints of the model do not rule out is not identified. A constraint is a
linear equation in the ``B`` and ``d`` of all groups (:mod:`mixirt.movements` writes them down), so
one linear system answers for location, scale and rotation at once, within groups and across them.
What is wrong with a model that fails is read off the movements left: shifts alone, stretches, or
mixtures of attributes.

Not all is affine. A model cannot have more parameters than there are response patterns to tell them
apart, and an item without attributes cannot tell guessing from its intercept.
"""

from __future__ import annotations

import math
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from mixirt._words import counted, quoted
from mixirt.block_matrix import BlockMatrix
from mixirt.design import Design
from mixirt.errors import IdentificationError, SpecError
from mixirt.movements import Places, gram_matrix
from mixirt.table import ParameterTable

__all__ = ["check_covariances", "check_identification"]

#: Eigenvalues of the equations' Gram matrix (rows of length one) below this share of the largest
#: count as zero. Rounding leaves about 1e-16; a chain of 100 groups linked one to the next 1e-5.
_RANK_TOLERANCE = 1e-11
#: Movements are explained by the first group that moves at least this part as much as any other.
_MUCH = 0.5
#: Unknowns of a group move alike within this part: rounding, divided by the tolerance above, leaves
#: about 1e-5.
_SAME = 1e-3


def check_identification(
    design: Design, table: ParameterTable, *, some_known: bool = False
) -> None:
    """Refuse a model that is not identified; :func:`check_classes` looks at classes.

    Parameters
    ----------
    design, table : Design and ParameterTable
        The model.
    some_known : bool, default False
        Whether some respondents' classes are known: that can identify what responses do not.

    Raises
    ------
    IdentificationError
        Naming the cause and the cure.
    """
    _check_measured(design, table)
    _check_guessing(design, table)
    if design.attributes:
        _check_movements(design, table)
        if not some_known:
            _check_count(design, table)


def check_covariances(design: Design, table: ParameterTable) -> None:
    """Refuse fixed variances and covariances that belong to no distribution.

    Every pair of attributes whose three moments are fixed is looked at, and the whole matrix where
    all of it is.

    Raises
    ------
    SpecError
        Naming the attributes.
    """
    cells, n = design.cells, len(design.attributes)
    for group in range(design.n_latent_groups):
        here = np.flatnonzero((cells.group == group) & (cells.attribute_2 >= 0))
        sigma = np.full((n, n), np.nan)
        held = here[table.is_fixed[here]]
        first, second = cells.attribute[held], cells.attribute_2[held]
        sigma[first, second] = sigma[second, first] = table.value[held]
        own: list[int] = design.attributes_of(group).tolist()
        pairs = [[j, k] for j in own for k in own if j < k]
        for chosen in [*pairs, own]:
            part = sigma[np.ix_(chosen, chosen)]
            if len(chosen) > 1 and not np.isnan(part).any() and np.linalg.eigvalsh(part)[0] <= 0.0:
                names = quoted(design.attributes[j] for j in chosen)
                where = f" in group '{design.groups[design.observed_of(group)]}'"
                raise SpecError(
                    f"the variances and covariances at which {names} are fixed"
                    f"{where if design.has_groups else ''} are those of no distribution (the "
                    "matrix is not positive definite); bring the covariance nearer to 0"
                )


def _check_measured(design: Design, table: ParameterTable) -> None:
    cells = design.cells
    slope = cells.is_kind("slope") & ~(table.value == 0)
    for o, group in enumerate(design.groups):
        here = slope & (cells.group // design.n_classes == o)
        for j in np.flatnonzero(design.attributes_in_group[o]):
            if not (here & (cells.attribute == j)).any():
                where = f" in group '{group}'" if design.has_groups else ""
                raise IdentificationError(
                    f"no item measures attribute '{design.attributes[j]}'{where}; give it items "
                    "(a column of the Q matrix with at least one 1) or leave the attribute out"
                )


def _check_guessing(design: Design, table: ParameterTable) -> None:
    cells = design.cells
    slope = cells.is_kind("slope") & ~(table.value == 0)
    has_slope = np.zeros((design.n_latent_groups, len(design.items)), dtype=bool)
    has_slope[cells.group[slope], cells.item[slope]] = True
    sloped = (cells.item >= 0) & has_slope[cells.group, cells.item]
    for cell in np.flatnonzero(cells.is_kind("guessing") & ~table.is_fixed & ~sloped):
        item = int(cells.item[cell])
        own = (cells.group == cells.group[cell]) & (cells.item == item) & ~cells.is_kind("slope")
        known = table.is_fixed | [prior is not None for prior in table.prior]
        known |= np.isin(table.free_id, table.free_id[sloped & ~table.is_fixed])
        if known[own].any():
            continue
        raise IdentificationError(
            f"item '{design.items[item]}' has a guessing parameter but no slope: guessing and "
            'intercept are one probability; fix the guessing parameter or use "2pl"'
        )


def _check_count(design: Design, table: ParameterTable) -> None:
    """As many parameters as there are response patterns, less one a group, at the most."""
    log_patterns = design.items_in_group @ np.log(np.array(design.n_categories, dtype=float))
    estimated = ~table.is_fixed & [prior is None for prior in table.prior]
    proportions = len(np.unique(design.cells.group[estimated & design.cells.is_kind("proportion")]))
    n_free = len(np.unique(table.free_id[estimated])) - bool(proportions) * len(design.groups)
    # Only a few items can have too few patterns; with many the number would overflow.
    few = log_patterns.max() < math.log(n_free + 1) + 1.0
    n_known = round(float((np.exp(log_patterns) - 1.0).sum())) if few else n_free
    if n_free > n_known:
        items = "1 item has" if len(design.items) == 1 else f"{len(design.items)} items have"
        raise IdentificationError(
            f"{n_free} parameters are to be estimated, but {items} only "
            f"{n_known + len(design.groups)} response patterns, which tell "
            f"{counted(n_known, 'parameter')} apart at the most; fix or tie parameters, ask for "
            "fewer classes, or add items"
        )


def _check_movements(design: Design, table: ParameterTable) -> None:
    n = len(design.attributes)
    at = Places(design.n_latent_groups, n)
    gram = gram_matrix(design, table, at)
    scale = _RANK_TOLERANCE * max(1.0, gram.largest_diagonal())
    present = [design.attributes_of(g).tolist() for g in range(at.n_groups)]
    shifts = [[at.shift(0, j) for j in own] for own in present]
    stretches = [[at.mix(0, j, j) for j in own] for own in present]
    turns = [[at.mix(0, j, k) for j in own for k in own if j != k] for own in present]
    everything = _joined(turns, stretches, shifts)
    if gram.part(everything).exceeds(scale):
        return
    # The simplest movement left explains best: shifts alone, then with stretches, then everything.
    if (moved := _most_moved(gram, _joined(shifts), scale)) is not None:
        group, place = moved
        raise IdentificationError(_mean_message(design, group, place - n * n))
    if (moved := _most_moved(gram, _joined(stretches, shifts), scale)) is not None:
        group, place = moved
        j = place // n if place < n * n else place - n * n
        raise IdentificationError(_variance_message(design, group, j))
    moved = _most_moved(gram, everything, scale, among=_joined(turns))
    group, place = moved or (0, at.mix(0, 0, 1))
    raise IdentificationError(_rotation_message(design, table, (group, *divmod(place, n))))


def _joined(*kinds: list[list[int]]) -> list[NDArray[np.intp]]:
    """Put kinds of unknowns together, group by group."""
    return [np.array([*chain(*own)], dtype=np.intp) for own in zip(*kinds, strict=True)]


def _most_moved(
    gram: BlockMatrix,
    places: list[NDArray[np.intp]],
    scale: float,
    among: list[NDArray[np.intp]] | None = None,
) -> tuple[int, int] | None:
    """Return the group and the unknown that moves most where these can move at all; None if not."""
    part = gram.part(places)
    if part.exceeds(scale):
        return None
    inverse = part.diagonal_of_inverse(scale)
    # Times the shift, the inverse is the projection on all free movements, which depends on no
    # basis of theirs; its diagonal says how much of each unknown can move.
    shares = [np.array(own) for own in inverse or []]
    if among is not None:
        shares = [own * np.isin(places[g], among[g]) for g, own in enumerate(shares)]
    most = max(float(own.max(initial=0.0)) for own in shares)
    group = next(g for g, own in enumerate(shares) if own.max(initial=0.0) >= _MUCH * most)
    own = shares[group]
    return group, int(places[group][np.argmax(own >= (1.0 - _SAME) * own.max())])


def _mean_message(design: Design, group: int, j: int) -> str:
    return (
        f"the {_name(design, group, j, 'mean')} is not identified: it can change together with the "
        "intercepts of its items without changing any probability; fix it (at 0), or fix or tie "
        "the intercepts of an item that measures the attribute"
    )


def _variance_message(design: Design, group: int, j: int) -> str:
    return (
        f"the {_name(design, group, j, 'variance')} is not identified: it can change together with "
        "the slopes of its items without changing any probability; fix it (at 1), or fix or tie "
        "the slopes of an item that measures the attribute"
    )


def _name(design: Design, group: int, j: int, kind: str) -> str:
    cells = design.cells
    here = cells.is_kind(kind) & (cells.group == group) & (cells.attribute == j)
    return design.describe(int(np.flatnonzero(here)[0]))


def _rotation_message(design: Design, table: ParameterTable, turn: tuple[int, int, int]) -> str:
    """Explain that ``theta_j`` can take up some of ``theta_k``."""
    group, j, k = turn
    cells, observed = design.cells, design.observed_of(group)
    first, second = design.attributes[j], design.attributes[k]
    q = design.q_matrix[design.items_in_group[observed]]
    where = f" in group '{design.groups[observed]}'" if design.has_groups else ""
    if (q[:, j] == q[:, k]).all():
        return (
            f"attributes '{first}' and '{second}' are measured by the same items{where}, so they "
            "can be rotated into one another without changing any probability; let some item "
            "measure only one of them, or fix enough of their slopes"
        )
    pair = (cells.attribute == max(j, k)) & (cells.attribute_2 == min(j, k))
    covariance = pair & cells.is_kind("covariance") & (cells.group == group)
    if (q[:, j] <= q[:, k]).all() and not table.is_fixed[covariance].any():
        return (
            f"every item that measures attribute '{first}' also measures '{second}'{where}, so "
            "with a free covariance the two can be mixed without changing any probability; fix the "
            f'covariance (model.fix("covariance", 0, attribute=["{first}", "{second}"]), as in a '
            f"bifactor model) or let some item measure '{first}' alone"
        )
    return (
        f"attribute '{first}' can take up some of '{second}'{where} without changing any "
        f"probability; let some item measure '{first}' without '{second}', fix their covariance, "
        "or fix more of their slopes"
    )
