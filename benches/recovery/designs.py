"""The nine models of Table 1, and what the report says of their data and their identification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from benches.cases import Floats

import mixirt

#: Columns of Table 1. The last one holds standard deviations and correlations alike.
COLUMNS = ("slope", "intercept", "mean", "spread")
N_ITEMS = 10
N_RESPONDENTS = 3000
GROUPS = ("first", "second")
#: Mean of every attribute, and correlation of two, in the first group and in the second.
MEANS = (0.0, 1.0)
CORRELATIONS = (0.7, 0.5)

#: One attribute; and two, of which three items need the first, two the second and five both. The
#: report says only that some items need one and others both. Errors of slopes and correlations
#: depend on it: with these numbers those of one group come out as printed.
ONE = np.ones((N_ITEMS, 1), dtype=bool)
TWO = np.array([[1, 0]] * 3 + [[0, 1]] * 2 + [[1, 1]] * 5, dtype=bool)


@dataclass(frozen=True, eq=False)
class Design:
    """A row of Table 1.

    Attributes
    ----------
    name : str
        As the report calls the model.
    n_categories : int
        Categories of all items.
    q_matrix : ndarray of bool, shape (I, J)
        Which item measures which attribute.
    groups : {"one", "observed", "latent"}
        One group; two of half the respondents each, known or not.
    printed : dict
        Root mean square errors in the report, by column.
    has_slopes : bool
        Whether slopes are estimated; 1 otherwise (1PL).
    """

    name: str
    n_categories: int
    q_matrix: Any
    groups: Literal["one", "observed", "latent"]
    printed: dict[str, float]
    has_slopes: bool = True

    @property
    def n_groups(self) -> int:
        """Groups or classes."""
        return 1 if self.groups == "one" else 2

    @property
    def n_attributes(self) -> int:
        """Attributes."""
        return int(self.q_matrix.shape[1])

    @property
    def has_spread(self) -> bool:
        """Whether any standard deviation or correlation is estimated."""
        return self.groups == "observed" or self.n_attributes > 1

    @property
    def means(self) -> Floats:
        """True means, shape (G, J)."""
        return np.repeat(np.array(MEANS[: self.n_groups])[:, None], self.n_attributes, axis=1)

    @property
    def covariances(self) -> Floats:
        """True covariance matrices, shape (G, J, J); variances are 1."""
        correlations = np.array(CORRELATIONS[: self.n_groups])[:, None, None]
        eye = np.eye(self.n_attributes)
        return np.asarray(eye + (1 - eye) * correlations)

    def model(self, **grid: Any) -> mixirt.Model:
        """Give the model with the report's constraints.

        Means and variances of one group, or the first, are 0 and 1. Observed groups share all items
        but the last, and the second has a distribution of its own. Classes share nothing: their
        means and variances are held at the true ones. Correlations are free.
        """
        arguments: dict[str, Any] = {"q_matrix": self.q_matrix, **grid}
        if self.groups == "observed":
            arguments |= {"groups": GROUPS, "invariance": "scalar", "free_items": "item10"}
        if self.groups == "latent":
            arguments["n_classes"] = 2
        model = mixirt.Model("gpcm", items=N_ITEMS, n_categories=self.n_categories, **arguments)
        if self.groups == "latent":
            model = model.fix("mean", MEANS[1], class_=2)
        return model if self.has_slopes else model.fix("slope", 1.0)


def _printed(*figures: float | None) -> dict[str, float]:
    return {c: f for c, f in zip(COLUMNS, figures, strict=True) if f is not None}


DESIGNS: dict[str, Design] = {
    design.name: design
    for design in (
        Design("1PL", 2, ONE, "one", _printed(None, 0.047, None, None), has_slopes=False),
        Design("2PL", 2, ONE, "one", _printed(0.078, 0.057, None, None)),
        Design("GPCM", 3, ONE, "one", _printed(0.052, 0.076, None, None)),
        Design("2-dimensional GPCM", 3, TWO, "one", _printed(0.102, 0.083, None, 0.051)),
        Design("2-group GPCM", 3, ONE, "observed", _printed(0.084, 0.088, 0.161, 0.064)),
        Design(
            "2-group 2-dimensional GPCM", 3, TWO, "observed", _printed(0.114, 0.094, 0.067, 0.051)
        ),
        Design(
            "mixture 1PL", 2, ONE, "latent", _printed(None, 0.094, None, None), has_slopes=False
        ),
        Design("mixture GPCM", 3, ONE, "latent", _printed(0.091, 0.117, None, None)),
        Design("2-dimensional mixture GPCM", 3, TWO, "latent", _printed(0.177, 0.130, None, 0.058)),
    )
}
