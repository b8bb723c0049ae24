"""Frames for results: built in the library that the responses came in."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LIBRARIES", "to_native"]

#: For each library, the module and the function in it that makes a frame of a dict of columns.
_CONSTRUCTORS = {
    "pandas": ("pandas", "DataFrame"),
    "polars": ("polars", "DataFrame"),
    "pyarrow": ("pyarrow", "table"),
    "modin": ("modin.pandas", "DataFrame"),
    "cudf": ("cudf", "DataFrame"),
}

#: The libraries that make frames.
LIBRARIES = tuple(_CONSTRUCTORS)

#: The libraries to try, in order, for responses that were in none of the above.
_PREFERENCE = ("pandas", "polars", "pyarrow")


def to_native(
    columns: Mapping[str, Sequence[Any] | NDArray[Any]], native: str, index: Any = None
) -> Any:
    """Build a data frame in the library that the responses came in.

    Parameters
    ----------
    columns
        The columns by name, all of one length.
    native
        `Responses.native`: the name of a library. Where it makes no data frames itself, as
        "numpy", the frame is one of the first installed of pandas, polars and pyarrow; "dict" needs
        no library and gives the columns themselves.
    index
        The index of the rows, as a frame of that library has it; None to count them.

    Returns
    -------
    DataFrame or Table
        A data frame of that library, with the columns in the order given.

    Raises
    ------
    ImportError
        If no library for data frames is installed.

    Examples
    --------
    >>> frame = to_native({"item": ["q1", "q2"], "estimate": [0.5, -1.25]}, "polars")
    >>> type(frame).__module__.split(".")[0], frame.shape
    ('polars', (2, 2))
    """
    if native == "dict":
        return {k: v if isinstance(v, np.ndarray) else list(v) for k, v in columns.items()}
    names = (native,) if native in _CONSTRUCTORS else _PREFERENCE
    for name in names:
        module, constructor = _CONSTRUCTORS[name]
        try:
            library = importlib.import_module(module)
        except ImportError:
            continue
        made = {k: _column(v, name) for k, v in columns.items()}
        own = {} if index is None else {"index": index}
        return getattr(library, constructor)(made, **own)
    raise ImportError(
        f"results come in a data frame, but {' and '.join(names)} cannot be imported; "
        "install one with the extra of its name, for example: pip install 'mixirt[pandas]'"
        if native not in _CONSTRUCTORS
        else f"the responses came in {native}, which cannot be imported any more"
    )


def _column(values: Sequence[Any] | NDArray[Any], library: str) -> list[Any] | NDArray[Any]:
    # pandas would turn whole numbers with gaps into floats; the others would keep opaque objects.
    if isinstance(values, np.ndarray) and (
        values.dtype != object or library in {"pandas", "modin"}
    ):
        return values
    return list(values)
