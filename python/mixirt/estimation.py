"""The estimation itself: from a checked model and checked responses to a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._progress import fit_reports
from mixirt.fit_warnings import warn_about
from mixirt.latent_class import LatentClassResult
from mixirt.model import Model
from mixirt.provenance import FittedData
from mixirt.responses import Responses
from mixirt.result import Result
from mixirt.scores import new_data
from mixirt.settings import Settings
from mixirt.unbounded import check_own_parameters

__all__ = ["estimate"]


def estimate(
    read: Responses,
    model: Model,
    settings: Settings,
    progress: bool | Callable[..., Any] | None = None,
    known: NDArray[np.uint16] | None = None,
) -> Result:
    """Fit a checked model to checked responses.

    Parameters
    ----------
    read : Responses
        The responses.
    model : Model
        The model, found to be identified.
    settings : Settings
        How to go about it.
    progress : bool, callable or None
        As for :func:`mixirt.fit`.
    known : ndarray, shape (N,), or None
        The latent class of each respondent, from 1; 0 where it is not known.

    Raises
    ------
    DataError
        If a group's own parameters have no finite estimate.
    EstimationError
        If responses cannot occur under the model.
    """
    engine = model._compile()
    data = new_data(engine, read, settings.n_threads, known)
    if settings.max_cycles:
        check_own_parameters(model.design, model.table, data.category_counts())
    with fit_reports(progress, settings.n_starts) as reports:
        found = _core.fit(
            engine,
            data,
            start=None,
            **settings.of_one_start(),
            n_starts=settings.n_starts,
            seed=settings.seed,
            **reports._asdict(),
        )
    kind = Result if model.design.attributes else LatentClassResult
    result = kind(
        model=model,
        engine=engine,
        data=FittedData.of(read, data, known),
        found=found,
        settings=settings,
    )
    warn_about(result)
    return result
