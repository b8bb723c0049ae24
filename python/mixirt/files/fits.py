"""Fits in files: estimates, how they were found, and what is known of the responses."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt.covariance import ParameterCovariance
from mixirt.errors import FileError
from mixirt.files.fields import Section, numbers_or_null
from mixirt.files.models import (
    design_content,
    parameter_content,
    read_cells,
    read_design,
)
from mixirt.frames import LIBRARIES
from mixirt.goodness import GoodnessOfFit, n_cells
from mixirt.model import Model
from mixirt.provenance import DataSummary, FittedData
from mixirt.settings import Settings

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["fit_content", "read_fit"]

#: Columns of the history that a result needs; others may come and go.
_HISTORY = ("loglik", "largest_change", "e_step_seconds", "m_step_seconds")

#: Columns of the starts that a result needs.
_STARTS = ("loglik", "log_posterior", "finished", "converged")

#: How far class proportions may be from a sum of 1: rounding in their last update.
_SUM_TOLERANCE = 1e-8


def fit_content(result: Result, covariances: bool) -> dict[str, Any]:
    """Write a fit for a file."""
    found, summary = result._found, result.data
    status = result._status_line() if covariances else ""
    return {
        "library": {"name": "mixirt", "version": _core.__version__},
        "design": design_content(result.model.design),
        "parameters": parameter_content(result.model, result._values, result._status()),
        "x": np.asarray(found["x"]).tolist(),
        "fit": {
            "loglik": result.loglik,
            "log_posterior": result.log_posterior,
            "converged": result.converged,
            "status": status,
            "n_parameters": result.n_parameters,
            "aic": result.aic,
            "bic": result.bic,
            "sabic": result.sabic,
            "class_sizes": np.asarray(found["class_sizes"]).tolist(),
            "history": _columns(found["history"]),
            "starts": _columns(found["starts"]),
            **_classification(result),
        },
        "covariances": {
            method: _covariance(own, result.model)
            # Another thread may ask for one more meanwhile.
            for method, own in (dict(result._covariances) if covariances else {}).items()
        },
        "settings": dataclasses.asdict(result._settings),
        "data": {
            **dataclasses.asdict(summary),
            "group_sizes": list(summary.group_sizes),
            "fingerprint": f"sha256:{result.fingerprint}",
        },
    }


def _classification(result: Result) -> dict[str, Any]:
    """Write what only the fitted responses can tell of latent classes."""
    from mixirt.latent_class import LatentClassResult

    told: dict[str, Any] = {"entropy": None, "goodness_of_fit": None}
    if result.model.design.n_classes > 1:
        told["entropy"] = numbers_or_null(np.array([result.entropy]))[0]
    if isinstance(result, LatentClassResult):
        fit = result.goodness_of_fit
        statistics = {name: getattr(fit, name) for name in ("pearson", "pearson_p", "g2", "g2_p")}
        told["goodness_of_fit"] = {
            name: value if value is not None and math.isfinite(value) else None
            for name, value in statistics.items()
        } | {"unavailable": fit.unavailable}
    return told


def _columns(columns: Any) -> dict[str, list[Any]]:
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    return {
        name: _extended(values) if values.dtype.kind == "f" else values.tolist()
        for name, values in arrays.items()
    }


def _extended(values: NDArray[np.float64]) -> list[float | str | None]:
    """Write floats of which some may be infinite, as the log-likelihood of a point given up."""
    finite = numbers_or_null(values)
    return [
        f if f is not None or math.isnan(v) else str(v)
        for f, v in zip(finite, values.tolist(), strict=True)
    ]


def _covariance(covariance: ParameterCovariance, model: Model) -> dict[str, Any]:
    """Write a matrix row by row, and the standard error of every parameter."""
    matrix, slot = covariance.matrix, model.table.compiled().slot
    with np.errstate(invalid="ignore"):
        errors = np.append(np.sqrt(np.diagonal(matrix)), np.nan)
    return {
        "matrix": numbers_or_null(matrix.ravel()),
        "eigenvalues": numbers_or_null(np.array(covariance.eigenvalues)),
        "flat": [covariance.names.index(name) for name in covariance.flat],
        "standard_errors": numbers_or_null(errors[slot]),
    }


def read_fit(content: Section, frames: str | None) -> Result:
    """Read a fit.

    Parameters
    ----------
    content : Section
        The content of a file of the current schema.
    frames : str or None
        The library of the frames that results come in; None for that of the fitted responses.
    """
    from mixirt.latent_class import LatentClassResult
    from mixirt.result import Result

    parameters = content.section("parameters")
    design = read_design(content.section("design"), len(parameters.entries("kind")))
    saved = read_cells(parameters, design)
    model = Model._of(design, saved.table)
    engine = model._compile()
    order = saved.free_order()
    x = content.numbers("x", len(order))[order]
    if not np.array_equal(engine.expand(x), saved.values):
        raise content.wrong("x", "differs from the estimates of the parameters")
    _check_feasible(model, engine, x)
    kind = Result if design.attributes else LatentClassResult
    result = kind(
        model=model,
        engine=engine,
        data=_read_data(content.section("data"), len(design.groups)),
        found={"x": x, **_read_found(content.section("fit"), design.n_latent_groups)},
        settings=_read_settings(content.section("settings")),
    )
    result._native = frames or _installed(result.data.native)
    # These are computed from the responses when asked for, and kept; here they come from the file.
    vars(result).update(_read_classification(content.section("fit"), result))
    fit = content.section("fit")
    result._saved_status = fit.text("status") if fit.has("status") else ""
    result._covariances.update(_read_covariances(content.section("covariances"), model, order))
    return result


def _installed(native: str) -> str:
    """Give a library of frames if it is one and is installed here, else what stands for any."""
    known = native in LIBRARIES and importlib.util.find_spec(native) is not None
    return native if known else "numpy"


def _check_feasible(model: Model, engine: _core.Model, x: NDArray[np.float64]) -> None:
    """Refuse estimates that no fit can have."""
    if not engine.is_feasible(x):
        raise FileError(
            "is no valid model file: at its estimates an item or a distribution does not exist: "
            "intercepts of a graded item do not decrease, a covariance matrix is not positive "
            "definite, or a parameter is outside its bounds"
        )
    design, values = model.design, engine.expand(x)
    if design.n_classes > 1:
        shares = values[design.cells.is_kind("proportion")].reshape(-1, design.n_classes)
        if (abs(shares.sum(axis=1) - 1.0) > _SUM_TOLERANCE).any():
            raise FileError("is no valid model file: class proportions do not sum to 1")


def _read_found(section: Section, n_latent_groups: int) -> dict[str, Any]:
    """Read what the engine found, but for the estimates."""
    found: dict[str, Any] = {
        "loglik": section.number("loglik"),
        "log_posterior": section.number("log_posterior"),
        "converged": section.truth("converged"),
        "class_sizes": section.numbers("class_sizes", n_latent_groups),
        "history": section.columns("history", _HISTORY),
        "starts": section.columns("starts", _STARTS),
    }
    starts = found["starts"]
    if not (starts["finished"] | starts["converged"]).any():
        raise section.wrong("starts", "must have one that came to its end")
    return found


def _read_classification(section: Section, result: Result) -> dict[str, Any]:
    """Read what only the responses could tell of latent classes, by attribute of a result."""
    from mixirt.latent_class import LatentClassResult

    told: dict[str, Any] = {"entropy": math.nan}
    if section.has("entropy"):
        told["entropy"] = section.number("entropy")
    if isinstance(result, LatentClassResult):
        own = section.section("goodness_of_fit")
        reason = own.text("unavailable") if own.has("unavailable") else None
        # Where there are statistics, null is what JSON has for an infinite one.
        default = math.inf if reason is None else None
        cells = n_cells(result.model.design)
        told["goodness_of_fit"] = GoodnessOfFit(
            pearson=own.number("pearson") if own.has("pearson") else default,
            pearson_p=own.number("pearson_p") if own.has("pearson_p") else None,
            g2=own.number("g2") if own.has("g2") else default,
            g2_p=own.number("g2_p") if own.has("g2_p") else None,
            df=sum(cells) - len(cells) - result.n_parameters,
            n_cells=sum(cells),
            unavailable=reason,
        )
    return told


def _read_data(section: Section, n_groups: int) -> FittedData:
    digest = section.text("fingerprint")
    if not re.fullmatch("sha256:[0-9a-f]{64}", digest):
        raise section.wrong("fingerprint", "must be sha256: and 64 hexadecimal digits")
    sum_of_weights = section.number("sum_of_weights")
    if not sum_of_weights > 0:
        raise section.wrong("sum_of_weights", "must be positive")
    summary = DataSummary(
        n_respondents=section.whole("n_respondents", 1),
        n_patterns=section.whole("n_patterns", 1),
        sum_of_weights=sum_of_weights,
        group_sizes=tuple(section.wholes("group_sizes", n_groups).tolist()),
        native=section.text("native"),
    )
    return FittedData(summary, digest.removeprefix("sha256:"))


def _read_settings(section: Section) -> Settings:
    """Read the settings that this version has; what it does not know changed nothing here."""
    given: dict[str, Any] = {}
    for field in dataclasses.fields(Settings):
        if not section.has(field.name):
            continue
        if isinstance(field.default, str):
            given[field.name] = section.text(field.name)
        elif isinstance(field.default, float):
            given[field.name] = section.number(field.name)
        else:
            given[field.name] = section.whole(field.name)
    return Settings(**given)


def _read_covariances(
    section: Section, model: Model, order: NDArray[np.int64]
) -> dict[str, ParameterCovariance]:
    n = len(order)
    names = tuple(model.design.describe(int(c)) for c in model.table.compiled().first_cell)
    new_position = np.argsort(order)
    found = {}
    for method in section.members:
        own = section.section(method)
        matrix = own.numbers("matrix", n * n, null=math.nan).reshape(n, n)
        flat = own.wholes("flat", most=max(n - 1, 0))
        smallest, largest = own.numbers("eigenvalues", 2, null=math.nan).tolist()
        found[method] = ParameterCovariance(
            method=method,
            names=names,
            matrix=matrix[np.ix_(order, order)],
            eigenvalues=(smallest, largest),
            flat=tuple(names[new_position[f]] for f in flat),
        )
    return found
