"""Latent classes of respondents that are known beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt._respondents import is_missing
from mixirt._tables import read_vector
from mixirt._words import shown
from mixirt.errors import DataError, SpecError
from mixirt.responses import Responses

__all__ = ["read_known_classes"]


def read_known_classes(
    values: Any, responses: Responses, n_classes: int
) -> NDArray[np.uint16] | None:
    """Read the class of each respondent as far as it is known.

    Parameters
    ----------
    values : sequence of int, None or NaN, shape (N,), or None
        The class from 1; None or NaN where it is not known.
    responses : Responses
        The responses of the N respondents.
    n_classes : int
        Number of classes.

    Returns
    -------
    ndarray of uint16, shape (N,), or None
        The class from 1; 0 where it is not known.

    Raises
    ------
    DataError
        If a value is no class, or there is not one for each respondent; names the row.
    SpecError
        If the model has one class only.
    """
    if values is None:
        return None
    if n_classes == 1:
        raise SpecError("known_classes were given, but the model has one class; set n_classes")
    n_rows, index = responses.n_rows, responses.index
    known = np.zeros(n_rows, dtype=np.uint16)
    for row, value in enumerate(read_vector(values, n_rows, "known_classes", index).tolist()):
        if is_missing(value):
            continue
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or value % 1 != 0 or not 1 <= value <= n_classes:
            raise DataError(
                f"known_classes: row {row} has {shown(value)}; a class is a whole number from 1 "
                f"to {n_classes}, or None where it is not known"
            )
        known[row] = int(value)
    return known if known.any() else None
