from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__version__: str

def encode(
    responses: NDArray[Any] | list[NDArray[Any]],
    tables: NDArray[np.uint8],
    others: Sequence[tuple[int, float, int]],
    codes: NDArray[np.uint8],
) -> tuple[NDArray[np.uint32], tuple[int, int] | None]: ...
