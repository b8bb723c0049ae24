"""How a fit came about: cycles, starts, and what stood in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mixirt import _core
from mixirt.estimates import Estimates
from mixirt.frames import to_native
from mixirt.starts import Optima

if TYPE_CHECKING:
    from mixirt.settings import Settings

__all__ = ["Course"]


class Course(Estimates):
    """The course of the estimation; mixed into :class:`mixirt.Result`."""

    _engine: _core.Model
    _settings: Settings

    @property
    def converged(self) -> bool:
        """Whether both convergence criteria were met before the cycles ran out."""
        return bool(self._found["converged"])

    @property
    def n_cycles(self) -> int:
        """EM cycles made."""
        return len(self._found["history"]["loglik"])

    @property
    def seconds(self) -> float:
        """Time spent in E-steps and M-steps."""
        history = self._found["history"]
        return float(history["e_step_seconds"].sum() + history["m_step_seconds"].sum())

    @property
    def last_change(self) -> float:
        """Largest change of a parameter in the last cycle."""
        changes = self._found["history"]["largest_change"]
        return float(changes[-1]) if len(changes) else 0.0

    @property
    def history(self) -> Any:
        """A frame with one row per cycle.

        Columns: ``cycle``, ``loglik``, ``log_posterior``, ``largest_change``, ``halvings`` (of
        Newton steps), ``accelerated``, ``rejected`` (an accelerated point given up for being
        worse), ``e_step_seconds``, ``m_step_seconds``.
        """
        columns = {"cycle": np.arange(1, self.n_cycles + 1), **self._found["history"]}
        return to_native(columns, self._native)

    @property
    def n_starts(self) -> int:
        """Starts made."""
        return len(self._found["starts"]["loglik"])

    @property
    def n_replicated(self) -> int:
        """Starts that reached the best log-likelihood (with priors: log-posterior)."""
        return int(Optima.of(self._found["starts"]).times[0])

    @property
    def seed(self) -> int:
        """Seed of the random starts."""
        return int(self._settings.seed)

    def starts(self) -> Any:
        """List the distinct maxima that the starts found, the best first.

        Returns
        -------
        DataFrame
            ``loglik``, ``times`` (how many starts reached it) and ``converged``. Starts given up
            after their short run are not counted.

        Examples
        --------
        >>> import mixirt
        >>> responses = mixirt.datasets.load("gss87_antirel").responses
        >>> mixirt.fit_latent_class(responses, 2, seed=1).starts()["loglik"].round(3).tolist()
        [-2795.376]
        """
        optima = Optima.of(self._found["starts"])
        columns = {"loglik": optima.loglik, "times": optima.times, "converged": optima.converged}
        return to_native(columns, self._native)

    def _at_bounds(self) -> list[str]:
        """Parameters stopped by a bound, in words."""
        return [self._at(cell) for cell in self._stopped()]

    def _at(self, cell: int) -> str:
        return f"{self._model.design.describe(cell)} at {self._public_values()[cell]:.6g}"

    def _listed(self, cells: list[int], most: int = 5) -> str:
        """Put estimates in words, the first few of them."""
        more = f"; and {len(cells) - most} more" if len(cells) > most else ""
        return "; ".join(self._at(cell) for cell in cells[:most]) + more

    def _stopped(self) -> list[int]:
        """Give a cell of each parameter stopped by a bound."""
        table = self._model.table
        free = np.flatnonzero(~table.is_fixed)
        first = free[np.unique(table.free_id[free], return_index=True)[1]]
        values = self._values[first]
        is_stopped = (values <= table.lower[first]) | (values >= table.upper[first])
        stopped: list[int] = first[is_stopped].tolist()
        return stopped

    def _coarse_groups(self) -> list[str]:
        """List groups with an attribute that varies too little for the grid, in words."""
        design = self._model.design
        steps = self._engine.resolution(self._found["x"])
        return [
            f"of group '{design.groups[design.observed_of(g)]}'" if design.has_groups else "found"
            for g, resolution in enumerate(steps)
            if resolution < 1.0
        ]
