"""How the estimation came to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt.errors import SpecError
from mixirt.plots import _choose, _labels, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mixirt.result import Result

__all__ = ["convergence"]

Floats = NDArray[np.float64]
#: Distances below this are rounding in a log-likelihood.
_SMALLEST = 1e-10
#: More cycles than this are a line without markers.
_MOST_MARKED = 40
_NAMES = ("largest change\nof a parameter", "log-likelihood\nstill missing")


def convergence(result: Result, *, ax: Axes | None = None) -> Axes:
    """Draw the cycles of a fit: how far each was from the end, on a logarithmic axis.

    One line is the largest change of a parameter, the other how much the log-likelihood (with
    priors, the log-posterior) fell short of its highest value. The dotted line is the tolerance for
    parameters; crosses mark accelerated points that were given up for being worse.

    Parameters
    ----------
    result : Result
        A fit.
    ax : Axes, optional
        Where to draw; default a new figure of 80 mm.

    Returns
    -------
    Axes

    Raises
    ------
    SpecError
        If the fit has no cycles.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import mixirt
    >>> r = mixirt.fit(mixirt.datasets.load("lsat7").frame(), "2pl")
    >>> mixirt.plots.convergence(r).get_xlabel()
    'EM cycle'
    """
    _choose.check_given(result, ax)
    history = result._found["history"]
    if not result.n_cycles:
        raise SpecError("the fit has no cycles to draw: it was made with max_cycles=0")
    ax = _style.given_or_new(ax)
    cycle = np.arange(1, result.n_cycles + 1)
    rejected = np.asarray(history["rejected"], dtype=bool)
    change = np.asarray(history["largest_change"], dtype=float)
    value = np.asarray(history["log_posterior"], dtype=float)
    short = np.nanmax(np.where(rejected, -np.inf, value)) - value
    lines = []
    for k, series in enumerate((change, short)):
        shown = np.where((series > _SMALLEST) & np.isfinite(series), series, np.nan)
        kept = np.where(rejected, np.nan, shown)
        style: dict[str, Any] = {
            "color": _style.colour(k),
            "marker": _style.marker(k),
            "markersize": 2.4 if result.n_cycles <= _MOST_MARKED else 0,
        }
        valid = np.isfinite(kept)
        ax.plot(cycle[valid], kept[valid], **style, **_style.LINE)
        lines.append(kept)
    given_up = rejected & np.isfinite(short) & (short > _SMALLEST)
    ax.plot(cycle[given_up], short[given_up], "x", color=_style.AXIS_GREY, markersize=4)
    tolerance = result._settings.tol_parameter
    ax.axhline(tolerance, color=_style.AXIS_GREY, linewidth=0.8, linestyle=":")
    ax.set_yscale("log")
    ax.set(xlabel="EM cycle", ylabel="distance from the end", xlim=(0.5, result.n_cycles + 0.5))
    ax.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
    ax.minorticks_off()
    _label(ax, cycle.astype(float), lines, tolerance)
    return ax


def _label(ax: Axes, cycle: Floats, lines: list[Floats], tolerance: float) -> None:
    """Name the lines, through points between the cycles so that names keep clear of them."""
    _labels.settle(ax)
    fine = np.linspace(cycle[0], cycle[-1], 200)
    curves, texts, colours = [], [], []
    for k, line in enumerate(lines):
        valid = np.isfinite(line)
        if valid.any():
            curves.append(np.exp(np.interp(fine, cycle[valid], np.log(line[valid]))))
            texts.append(_NAMES[k])
            colours.append(_style.colour(k))
    if curves:
        curves.append(np.full(len(fine), tolerance))
        texts.append("tolerance")
        colours.append(_style.AXIS_GREY)
        _labels.label_lines(ax, fine, np.stack(curves), texts, colours)
