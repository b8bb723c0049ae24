"""What each respondent contributes to the derivatives of the log-likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt.frames import to_native

__all__ = ["Contributions"]


@dataclass(frozen=True, eq=False)
class Contributions:
    """Derivatives of each respondent's log-likelihood; made by :meth:`mixirt.Result.contributions`.

    Attributes
    ----------
    names : tuple of str
        Each free parameter in words, as in :class:`mixirt.covariance.ParameterCovariance`.
    matrix : ndarray, shape (N, n)
        A row for each respondent, in the order of the responses, and a column for each parameter,
        on the scale of estimation (guessing as a logit).
    persons : dict
        Labels of the respondents, by the name of their column, where responses came in long
        format; else empty.
    index : pandas.Index or None
        The index of the pandas frame that the responses came in.
    """

    names: tuple[str, ...]
    matrix: NDArray[np.float64]
    native: str = "numpy"
    persons: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    index: Any = None

    def __repr__(self) -> str:
        n_respondents, n_parameters = self.matrix.shape
        return (
            f"<mixirt.Contributions: {n_respondents} respondents, {n_parameters} parameters; "
            "frame() shows them>"
        )

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[np.float64]:
        """Return the matrix."""
        return np.array(self.matrix, dtype=dtype) if copy else np.asarray(self.matrix, dtype=dtype)

    def frame(self) -> Any:
        """Put the contributions into a frame.

        Returns
        -------
        DataFrame
            One row per respondent, and a column for each parameter under its name. In the library
            the responses came in, with the index of a pandas frame; pandas for arrays. For long
            responses, the persons come first.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> print(r.contributions().frame().iloc[[0, -1], :2].round(2))
             slope of item 'item1'  intercept of item 'item1'
        0                     0.83                      -0.50
        999                   0.02                       0.09
        """
        columns: dict[str, Any] = {name: list(labels) for name, labels in self.persons.items()}
        columns |= {name: self.matrix[:, f] for f, name in enumerate(self.names)}
        return to_native(columns, self.native, self.index)
