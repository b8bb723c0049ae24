"""Whether a fit is at a maximum, and whether its grid is fine enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._words import quoted
from mixirt.errors import EstimationError, MixirtError

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["STATUSES", "Diagnostics", "decreases", "diagnose"]

Floats = NDArray[np.float64]
#: Every status and what it means, the worst last.
STATUSES = {
    "maximum": "every slope is zero, the surface bends down in every direction, the grid is fine",
    "maximum at a bound": "some parameters are held by a bound they push against; along all others "
    "every slope is zero, the surface bends down in every direction, the grid is fine",
    "coarse grid": "a maximum, but on twice the points a parameter moves in its third digit",
    "not converged": "the maximum is further away than the third digit of a parameter",
    "saddle or flat": "in some direction the log-likelihood rises or stays: no standard errors",
}
#: A distance is worth a word from half a unit in the third decimal place, of a parameter above 1
#: in its third digit.
_MATTERS = 5e-4
#: No second grid with more nodes than this is tried.
_MOST_NODES = 100_000
#: The log-posterior of a cycle is lower only beyond rounding, relative to its size.
_LOWER = 1e-10


@dataclass(frozen=True, eq=False)
class Diagnostics:
    """Proof of a fit; made by :meth:`mixirt.Result.diagnostics`.

    Attributes
    ----------
    status : str
        "maximum", "maximum at a bound", "coarse grid", "not converged" or "saddle or flat"; see
        ``mixirt.diagnostics.STATUSES`` for what each means.
    largest_gradient : float
        Largest derivative of the log-posterior, per standard error of its parameter.
    newton_distance : float
        ``g' I^-1 g``: twice the log-likelihood that a Newton step would still gain.
    largest_step : float
        Largest change of a parameter by that step.
    eigenvalues : tuple of float
        Smallest and largest eigenvalue of the observed information, scaled to unit diagonal.
    information_error : float
        Numerical error of the observed information on that scale.
    finer_loglik, finer_shift, finer_parameter : float, float, str
        On a grid with twice the points per attribute: the log-likelihood at the same estimates,
        by how much the maximum lies elsewhere (a Newton step there, less the one here, in the
        parameter that moves most), and which parameter that is. NaN and empty where there are no
        attributes or the grid would be too large.
    n_decreases, largest_decrease : int, float
        Cycles with a lower log-posterior than the one before, and by how much at the most.
        Accelerated points that were given up do not count.
    n_starts, n_replicated : int
        Starts, and how many reached the highest log-likelihood.
    at_bounds : tuple of str
        Parameters held by a bound.
    flat : tuple of str
        Parameters in flat directions where the information is not positive definite.
    """

    status: str
    largest_gradient: float
    newton_distance: float
    largest_step: float
    eigenvalues: tuple[float, float]
    information_error: float
    finer_loglik: float
    finer_shift: float
    finer_parameter: str
    n_decreases: int
    largest_decrease: float
    n_starts: int
    n_replicated: int
    at_bounds: tuple[str, ...]
    flat: tuple[str, ...]
    _loglik: float

    def __str__(self) -> str:
        return self.line()

    def line(self) -> str:
        """Put status, Newton distance, smallest eigenvalue and grid error in one line.

        Returns
        -------
        str
            What ``print`` shows, and the page of a fit in its line "status". The grid error is the
            change of the log-likelihood on twice the points.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> r.diagnostics().line()
        'maximum (distance < 1e-5, eigenvalue 0.12, grid error < 1e-5)'
        """
        parts = []
        if not math.isnan(self.eigenvalues[0]):
            parts.append(f"eigenvalue {self.eigenvalues[0]:.2g}")
        if not math.isnan(self.newton_distance):
            parts.insert(0, f"distance {_small(self.newton_distance)}")
        if not math.isnan(self.finer_loglik):
            parts.append(f"grid error {_small(abs(self.finer_loglik - self._loglik))}")
        return f"{self.status} ({', '.join(parts)})" if parts else self.status

    def message(self) -> str:
        """Say what is wrong and what to do.

        Returns
        -------
        str
            The text of the warning; empty for a maximum, also for one at a bound.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> r.diagnostics().message()
        ''
        """
        if self.status == "saddle or flat":
            return (
                "the log-likelihood does not bend down in every direction; flat direction: "
                f"{quoted(self.flat, 5)}. Fix or tie some of them, or look for a better start"
            )
        if self.status == "not converged":
            return (
                f"the estimates are {self.largest_step:.2g} from the maximum in some parameter; "
                "raise max_cycles or lower tol_parameter and tol_deviance"
            )
        if self.status == "coarse grid":
            return (
                f"on twice the quadrature points {self.finer_parameter} moves by "
                f"{self.finer_shift:.2g}; raise n_quadrature"
            )
        return ""


def diagnose(result: Result) -> Diagnostics:
    """Examine a fit; see :meth:`mixirt.Result.diagnostics`."""
    found = result._covariance("oakes")
    x, gradient = np.asarray(result._found["x"]), result.gradient()
    moves = ~np.isnan(np.diagonal(found.matrix))
    own = np.where(np.isnan(found.matrix), 0.0, found.matrix)
    se = np.sqrt(np.diagonal(own))
    step = own @ np.where(moves, gradient, 0.0)
    is_flat = bool(found.flat)
    finer_loglik, shift = (math.nan, None) if is_flat else _finer(result, own, moves)
    if shift is not None:
        shift = shift - step
        worst = int(np.argmax(_relative(shift, x)))
    inward = _points_inward(result, x, gradient)
    falls = decreases(result._found["history"])
    at_bounds = tuple(result._at_bounds())
    if is_flat:
        status = "saddle or flat"
    elif inward or _relative(step, x).max(initial=0.0) > _MATTERS:
        status = "not converged"
    elif shift is not None and _relative(shift, x)[worst] > _MATTERS:
        status = "coarse grid"
    else:
        status = "maximum at a bound" if at_bounds else "maximum"
    nan = math.nan
    return Diagnostics(
        status=status,
        largest_gradient=nan if is_flat else float(np.abs(gradient * se).max(initial=0.0)),
        newton_distance=nan if is_flat else float(np.where(moves, gradient, 0.0) @ step),
        largest_step=nan if is_flat else float(np.abs(step).max(initial=0.0)),
        eigenvalues=found.eigenvalues,
        information_error=found.error,
        finer_loglik=finer_loglik,
        finer_shift=nan if shift is None else float(abs(shift[worst])),
        finer_parameter="" if shift is None else found.names[worst],
        n_decreases=len(falls),
        largest_decrease=float(falls.max(initial=0.0)),
        n_starts=result.n_starts,
        n_replicated=result.n_replicated,
        at_bounds=at_bounds,
        flat=found.flat,
        _loglik=float(result._found["loglik"]),
    )


def _small(number: float) -> str:
    """Write a number of which only the size matters."""
    return "< 1e-5" if number < 1e-5 else f"{number:.0e}"


def _relative(step: Floats, x: Floats) -> Floats:
    """Return steps in units of parameters above 1."""
    return np.asarray(np.abs(step) / np.maximum(np.abs(x), 1.0))


def _finer(
    result: Result, covariance: Floats, moves: NDArray[np.bool_]
) -> tuple[float, Floats | None]:
    """Log-likelihood and Newton step on twice the points per attribute."""
    design, x = result._model.design, np.asarray(result._found["x"])
    if not design.attributes:
        return math.nan, None
    finer = result._model._on_grid(tuple(2 * n for n in result._engine.n_points()))
    try:
        engine = finer._compile()
        if engine.largest_grid() > _MOST_NODES:
            return math.nan, None
        loglik, gradient = _core.gradient(
            engine, result._fitted.engine, x, n_threads=result._settings.n_threads
        )
    except (EstimationError, MixirtError):
        return math.nan, None
    return loglik, np.asarray(covariance @ np.where(moves, gradient, 0.0)) if len(x) else None


def _points_inward(result: Result, x: Floats, gradient: Floats) -> bool:
    """Whether a parameter at a bound would rather leave it."""
    table = result._model.table
    first = table.compiled().first_cell
    # A proportion's derivative means nothing without those of the others.
    own = ~table.cells.is_kind("proportion")[first]
    low, high = x <= table.lower[first], x >= table.upper[first]
    return bool((own & ((low & (gradient > _MATTERS)) | (high & (gradient < -_MATTERS)))).any())


def decreases(history: dict[str, NDArray[np.generic]]) -> Floats:
    """By how much the log-posterior fell, for the cycles in which it did."""
    kept = np.asarray(history["log_posterior"])[~np.asarray(history["rejected"])]
    falls = -np.diff(kept)
    return np.asarray(falls[falls > _LOWER * np.abs(kept[1:])])
