"""Whether response patterns can tell the parameters of a latent class model apart.

Enough patterns are not enough: three classes and four items of two categories have 14 parameters
for 15 free pattern probabilities, and yet no data determine them (Goodman, 1974). Without
attributes the derivatives of all pattern probabilities are products, so the rank of their matrix is
simply computed, at values as no accident would have them.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mixirt.design import Design
from mixirt.table import ParameterTable

__all__ = ["classes_identified"]

#: Beyond this many patterns of a group the rank is not computed.
MOST_PATTERNS = 4096
#: Beyond this many parameters neither.
MOST_PARAMETERS = 200
#: Singular values (columns of length one) below this count as zero. Rounding leaves about 1e-15,
#: models that are identified 1e-5 and more.
_RANK_TOLERANCE = 1e-9
#: Fixed intercepts are taken no further out than this, so that no probability vanishes.
_FURTHEST = 3.0


def classes_identified(design: Design, table: ParameterTable) -> bool:
    """Whether the rank is that of all free parameters; True where it is not computed."""
    sizes = design.items_in_group @ np.log(np.array(design.n_categories, dtype=float))
    families = {model.family for model in design.models}
    n_free = len(np.unique(table.free_id[~table.is_fixed]))
    if design.attributes or design.n_classes == 1 or not families <= {"gpcm", "grm"}:
        return True
    if _enough_items(design, table):
        return True
    if sizes.max() > math.log(MOST_PATTERNS) or not 0 < n_free <= MOST_PARAMETERS:
        return True
    rng = np.random.default_rng(1974)
    shares = rng.uniform(0.5, 1.5, size=len(design.cells))
    draws = np.where(design.cells.is_kind("proportion"), shares, _intercepts(design, rng))
    slot = table.compiled().slot
    draws = np.where(slot >= 0, draws[_first_of(slot)], np.clip(table.value, -_FURTHEST, _FURTHEST))
    rows = [_jacobian(design, draws, o) for o in range(len(design.groups))]
    rows.append(_held(design, table))
    by_cell = np.concatenate(rows)
    matrix = np.zeros((len(by_cell), n_free))
    free_cells = np.flatnonzero(slot >= 0)
    matrix += by_cell[:, free_cells] @ np.eye(n_free)[slot[free_cells]]
    lengths = np.linalg.norm(matrix, axis=0)
    if len(matrix) < n_free or not lengths.all():
        return False
    return bool(np.linalg.svd(matrix / lengths, compute_uv=False)[-1] > _RANK_TOLERANCE)


def _enough_items(design: Design, table: ParameterTable) -> bool:
    """Whether so many items make the rank certain without computing it.

    Classes without constraints are identified if the items can be put into three sets that tell
    enough of them apart: with m_t joint categories in set t, if the sum of min(C, m_t) is at least
    2 C + 2 (Allman, Matias & Rhodes, 2009, corollary 5).
    """
    if table.is_fixed.any() or len(np.unique(table.free_id)) < len(table.free_id):
        return False
    n_classes = design.n_classes
    for row in design.items_in_group:
        sets = [1, 1, 1]
        for m in sorted(np.array(design.n_categories)[row].tolist(), reverse=True):
            smallest = sets.index(min(sets))
            sets[smallest] = min(n_classes, sets[smallest] * m)
        if sum(sets) < 2 * n_classes + 2:
            return False
    return True


def _first_of(slot: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the first cell with the same free parameter, for every cell."""
    _, first, inverse = np.unique(slot, return_index=True, return_inverse=True)
    return np.asarray(first[inverse.ravel()])


def _intercepts(design: Design, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw intercepts that decrease with the category, as the graded family needs them."""
    cells = design.cells
    return rng.uniform(-0.7, 0.7, size=len(cells)) + 1.5 * (1.0 - cells.category)


def _jacobian(design: Design, values: NDArray[np.float64], observed: int) -> NDArray[np.float64]:
    """Differentiate the pattern probabilities of one observed group: (patterns, cells)."""
    cells = design.cells
    items = np.flatnonzero(design.items_in_group[observed])
    patterns = np.array(list(product(*(range(design.n_categories[i]) for i in items))))
    jacobian = np.zeros((len(patterns), len(cells)))
    for class_ in range(design.n_classes):
        here = cells.group == observed * design.n_classes + class_
        own = np.flatnonzero(here & cells.is_kind("proportion"))
        likelihood = np.ones(len(patterns))
        for n, i in enumerate(items):
            mine = np.flatnonzero(here & (cells.item == i))
            p, slopes_of_log = _probabilities(design.models[i].family, values[mine])
            likelihood *= p[patterns[:, n]]
            jacobian[:, mine] = slopes_of_log[patterns[:, n]]
        jacobian[:, here & (cells.item >= 0)] *= (values[own] * likelihood)[:, None]
        jacobian[:, own] = likelihood[:, None]
    return jacobian


def _probabilities(
    family: str, b: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Category probabilities (M,) and the derivatives of their logarithms (M, M - 1)."""
    if family == "gpcm":
        weights = np.exp(np.concatenate([[0.0], b]))
        p = weights / weights.sum()
        return p, np.eye(len(p))[:, 1:] - p[1:]
    above = 1.0 / (1.0 + np.exp(-b))
    p = -np.diff(np.concatenate([[1.0], above, [0.0]]))
    moved = np.zeros((len(p), len(b)))
    at = np.arange(len(b))
    moved[at + 1, at] = above * (1.0 - above)
    moved[at, at] = -above * (1.0 - above)
    return p, moved / p[:, None]


def _held(design: Design, table: ParameterTable) -> NDArray[np.float64]:
    """Rows for what is known besides the responses: proportions sum to one, and priors."""
    cells = design.cells
    observed = cells.group // design.n_classes
    sums = [cells.is_kind("proportion") & (observed == o) for o in range(len(design.groups))]
    priors = [np.arange(len(cells)) == c for c, p in enumerate(table.prior) if p is not None]
    return np.array([*sums, *priors], dtype=float)
