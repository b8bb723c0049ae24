"""How reliable the scores of a fit are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mixirt.errors import SpecError
from mixirt.frames import to_native
from mixirt.model import Model
from mixirt.provenance import FittedData

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["Reliability"]


class Reliability:
    """Reliability of scores; mixed into :class:`mixirt.Result`."""

    _model: Model
    _fitted: FittedData
    _native: str

    def reliability(self) -> Any:
        """Empirical reliability of the EAP scores of the fitted respondents.

        The variance of the scores over that variance plus the mean squared standard error: the
        share of an attribute's variance in a group that its scores account for, on which
        respondents who answered little have their part (Adams, 2005). With weights, means and
        variances are weighted.

        Returns
        -------
        DataFrame
            ``group`` (with groups), ``attribute`` and ``reliability``.

        Raises
        ------
        SpecError
            If the model has no attributes.
        DataError
            If the fit was read from a file, which does not hold the responses.

        References
        ----------
        Adams, R. J. (2005). Reliability as a measurement design effect. *Studies in Educational
        Evaluation*, 31, 162-172.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> print(r.reliability().round(3))
          attribute  reliability
        0     theta        0.452
        """
        design, read = self._model.design, self._fitted.responses
        if not design.attributes:
            raise SpecError(
                "the model has no attributes, so there are no scores to be reliable; see entropy "
                "for how well classes are told apart"
            )
        scores = cast("Result", self).score()
        weights, group = read.every_weight(), read.every_group()
        rows = []
        for g, j in np.argwhere(design.attributes_in_group).tolist():
            theta, se, own = scores.theta[:, j], scores.se[:, j], np.where(group == g, weights, 0.0)
            here = own > 0
            mean = np.average(theta[here], weights=own[here])
            explained = np.average((theta[here] - mean) ** 2, weights=own[here])
            error = np.average(se[here] ** 2, weights=own[here])
            rows.append((design.groups[g], design.attributes[j], explained / (explained + error)))
        groups, attributes, values = zip(*rows, strict=True)
        columns: dict[str, Any] = {"group": list(groups)} if design.has_groups else {}
        columns |= {"attribute": list(attributes), "reliability": np.array(values)}
        return to_native(columns, self._native)
