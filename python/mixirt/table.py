"""The parameter table: one cell for every parameter, each fixed, free or tied to others.

The cells and their order come from the engine; this module only says what each of them is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixirt.errors import SpecError
from mixirt.priors import Prior

__all__ = ["KINDS", "Cells", "ParameterTable"]

#: The kinds of parameters, in the order of the engine's codes.
KINDS = ("slope", "intercept", "guessing", "mean", "covariance", "proportion")

#: Intercepts in latent classes are log-odds at attribute 0: at this bound a probability is 1e-11,
#: and the log-likelihood no longer changes.
INTERCEPT_BOUND = 25.0
#: Bounds on the logit of a guessing probability (6e-6 and 1 minus that).
GUESSING_BOUND = 12.0
#: Smallest variance.
VARIANCE_BOUND = 1e-6


@dataclass(frozen=True, eq=False)
class Cells:
    """Addresses of all parameters, each an array of shape (n_cells,); -1 where a part has no place.

    Attributes
    ----------
    kind : ndarray of int
        Position in ``("slope", "intercept", "guessing", "mean", "covariance", "proportion")``.
    group : ndarray of int
        The latent group: observed group times number of classes, plus class, all from 0.
    item, attribute, attribute_2 : ndarray of int
        Positions among the items and the attributes; the second attribute is that of a covariance.
    category : ndarray of int
        The number of an intercept, from 1.
    """

    kind: NDArray[np.int64]
    group: NDArray[np.int64]
    item: NDArray[np.int64]
    attribute: NDArray[np.int64]
    attribute_2: NDArray[np.int64]
    category: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.kind)

    def is_kind(self, kind: str) -> NDArray[np.bool_]:
        """Find cells of one kind; ``"variance"`` is the diagonal, ``"covariance"`` the rest."""
        code = KINDS.index("covariance" if kind == "variance" else kind)
        found: NDArray[np.bool_] = self.kind == code
        if kind in ("variance", "covariance"):
            found &= (self.attribute == self.attribute_2) == (kind == "variance")
        return found


@dataclass(frozen=True, eq=False)
class ParameterTable:
    """What every parameter is: fixed, free, or tied to others; immutable.

    Values, starts and bounds are on the scale of estimation: guessing as a logit, the rest as
    reported.

    Attributes
    ----------
    cells : Cells
        What each cell is a parameter of.
    free_id : ndarray of int, shape (n_cells,)
        Negative where the cell is fixed; tied cells have the same.
    value : ndarray, shape (n_cells,)
        The value of fixed cells, NaN elsewhere.
    start : ndarray, shape (n_cells,)
        The user's start values, NaN where there are none.
    lower, upper : ndarray, shape (n_cells,)
        Bounds, infinite where there are none.
    prior : tuple of Prior or None
        The prior of each cell.
    bounded : ndarray of bool, shape (n_cells,)
        Whether the bounds are the user's and not those of the kind.
    """

    cells: Cells
    free_id: NDArray[np.int64]
    value: NDArray[np.float64]
    start: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    prior: tuple[Prior | None, ...]
    bounded: NDArray[np.bool_]

    @classmethod
    def all_free(cls, cells: Cells, can_run_away: NDArray[np.bool_]) -> ParameterTable:
        """Every cell free and on its own, with only the bounds that its kind implies.

        ``can_run_away`` marks cells whose intercepts are bounded: those of latent classes.
        """
        n = len(cells)
        lower, upper = np.full(n, -np.inf), np.full(n, np.inf)
        bounded = cells.is_kind("intercept") & can_run_away
        lower[bounded], upper[bounded] = -INTERCEPT_BOUND, INTERCEPT_BOUND
        guessing = cells.is_kind("guessing")
        lower[guessing], upper[guessing] = -GUESSING_BOUND, GUESSING_BOUND
        lower[cells.is_kind("variance")] = VARIANCE_BOUND
        proportion = cells.is_kind("proportion")
        lower[proportion], upper[proportion] = 0.0, 1.0
        nan = np.full(n, np.nan)
        prior, bounded = (None,) * n, np.zeros(n, dtype=bool)
        return cls(cells, np.arange(n), nan, nan.copy(), lower, upper, prior, bounded)

    @property
    def is_fixed(self) -> NDArray[np.bool_]:
        """Cells that hold a constant."""
        return self.free_id < 0

    def members(self, cells: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the given cells and all cells tied to them."""
        ids = np.unique(self.free_id[cells])
        tied = np.flatnonzero(np.isin(self.free_id, ids[ids >= 0]))
        return np.union1d(cells, tied)

    def fix(self, cells: NDArray[np.intp], values: NDArray[np.float64]) -> ParameterTable:
        """Hold cells at values; other cells tied to them stay tied to each other."""
        free_id, value = self.free_id.copy(), self.value.copy()
        free_id[cells], value[cells] = -1, values
        return replace(self, free_id=free_id, value=value)

    def free(self, cells: NDArray[np.intp]) -> ParameterTable:
        """Estimate each of the cells on its own."""
        free_id, value = self.free_id.copy(), self.value.copy()
        free_id[cells] = free_id.max(initial=-1) + 1 + np.arange(len(cells))
        value[cells] = np.nan
        return replace(self, free_id=free_id, value=value)

    def tie(self, cells: NDArray[np.intp]) -> ParameterTable:
        """Estimate the (free) cells as one parameter, which takes the first one's settings."""
        return self.tie_all(cells, np.zeros(len(cells), dtype=np.intp))

    def tie_all(self, cells: NDArray[np.intp], label: NDArray[np.intp]) -> ParameterTable:
        """Tie the (free) cells that have the same label; cells tied to them come along.

        Each set takes the settings of its first cell in table order.
        """
        root: dict[int, int] = {}

        def find(i: int) -> int:
            while root.setdefault(i, i) != i:
                root[i] = root[root[i]]
                i = root[i]
            return i

        first_of_label: dict[int, int] = {}
        for free, own in zip(self.free_id[cells].tolist(), label.tolist(), strict=True):
            root[find(free)] = find(first_of_label.setdefault(own, free))
        free_id = self.free_id.copy()
        touched = np.flatnonzero(np.isin(free_id, list(root)))
        free_id[touched] = [find(i) for i in free_id[touched].tolist()]
        _, first, inverse = np.unique(free_id[touched], return_index=True, return_inverse=True)
        return replace(self, free_id=free_id).share(touched, touched[first][inverse])

    def set(self, cells: NDArray[np.intp], **settings: float) -> ParameterTable:
        """Set ``start``, ``lower`` or ``upper`` of cells and of the cells tied to them."""
        members = self.members(cells)
        changed = {name: getattr(self, name).copy() for name in settings}
        for name, array in changed.items():
            array[members] = settings[name]
        return replace(self, **changed)

    def start_at(self, cells: NDArray[np.intp], values: NDArray[np.float64]) -> ParameterTable:
        """Set the start of each cell, and of the cells tied to it; the last of a tie counts."""
        start = self.start.copy()
        start[cells] = values
        of_id = dict(zip(self.free_id[cells].tolist(), values.tolist(), strict=True))
        tied = np.flatnonzero(~self.is_fixed & np.isin(self.free_id, list(of_id)))
        start[tied] = [of_id[i] for i in self.free_id[tied].tolist()]
        return replace(self, start=start)

    def set_prior(self, cells: NDArray[np.intp], prior: Prior | None) -> ParameterTable:
        """Set the prior of cells and of the cells tied to them."""
        priors = list(self.prior)
        for cell in self.members(cells):
            priors[cell] = prior
        return replace(self, prior=tuple(priors))

    def share(self, cells: NDArray[np.intp], models: NDArray[np.intp]) -> ParameterTable:
        """Give each cell the settings of its model."""
        changed = {
            name: getattr(self, name).copy() for name in ("start", "lower", "upper", "bounded")
        }
        for array in changed.values():
            array[cells] = array[models]
        priors = list(self.prior)
        for cell, model in zip(cells.tolist(), models.tolist(), strict=True):
            priors[cell] = self.prior[model]
        return replace(self, prior=tuple(priors), **changed)

    def compiled(self) -> CompiledTable:
        """Return the table with free parameters numbered in the order of their first cells."""
        free_cells = np.flatnonzero(~self.is_fixed)
        _, first, inverse = np.unique(
            self.free_id[free_cells], return_index=True, return_inverse=True
        )
        order = np.argsort(first, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        slot = np.full(len(self.cells), -1, dtype=np.int64)
        slot[free_cells] = rank[inverse]
        return CompiledTable(slot, self.value, free_cells[first[order]])


@dataclass(frozen=True, eq=False)
class CompiledTable:
    """A table as the engine takes it.

    ``slot (n_cells,)`` is the free parameter behind a cell or -1; ``value (n_cells,)`` its constant
    then; ``first_cell (n_free,)`` a cell that stands for each free parameter.
    """

    slot: NDArray[np.int64]
    value: NDArray[np.float64]
    first_cell: NDArray[np.intp]


def check_tie(table: ParameterTable, cells: NDArray[np.intp], describe: list[str]) -> None:
    """Refuse ties with fixed parameters and between different priors, in words."""
    fixed = table.is_fixed[cells]
    if fixed.any():
        where = int(np.flatnonzero(fixed)[0])
        raise SpecError(
            f"{describe[where]} is fixed at {table.value[cells[where]]:g} and cannot be tied to "
            f"{describe[0 if where else 1]}; free it first, or fix the others at the same value"
        )
    priors = {table.prior[c] for c in cells}
    if len(priors) > 1:
        found = " and ".join(sorted(str(p) for p in priors))
        raise SpecError(
            f"{describe[0]} and the parameters to be tied to it have different priors ({found}); "
            "give them the same prior first"
        )
