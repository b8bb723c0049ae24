"""The estimates of a fit as frames and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt._respondents import group_position
from mixirt._words import quoted, shown
from mixirt.errors import SpecError
from mixirt.frames import to_native
from mixirt.model import Model
from mixirt.model_text import cell_status
from mixirt.table import KINDS
from mixirt.unbounded import runaways

__all__ = ["Estimates"]


class Estimates:
    """Item parameters, distributions and proportions; mixed into :class:`mixirt.Result`."""

    _model: Model
    _found: Mapping[str, Any]
    _native: str
    _values: NDArray[np.float64]

    def _standard_errors(self, method: str) -> NDArray[np.float64]:
        raise NotImplementedError

    def parameters(self, se: str | None = "auto") -> Any:
        """Item parameters as a frame.

        Parameters
        ----------
        se : str or None, default "auto"
            Method of the standard errors, see :meth:`vcov`; None leaves them out. They are computed
            when first asked for, which takes as long as a fit, or two E-steps a parameter where
            they are differentiated: ``"auto"`` is ``"oakes"`` up to 300 free parameters, and none
            (NaN) beyond, unless ``vcov("oakes")`` has been computed.

        Returns
        -------
        DataFrame
            One row per parameter: ``group`` (with groups), ``class`` (with classes), ``item``,
            ``parameter`` ("slope", "intercept", "guessing"), ``estimate`` (guessing as a
            probability), ``se`` (NaN where there is none: a fixed parameter, or one held by a
            bound), ``attribute``, ``category`` (of an intercept, its number from 1),
            ``difficulty`` and ``status`` ("free", "fixed", "tied" or "bound"). Difficulty belongs
            to intercepts of items that measure one attribute: -intercept / slope, for the GPCM the
            location where neighbouring categories are equally likely.

        Raises
        ------
        SpecError
            If the method is unknown.
        DataError
            If a method is named and the fit was read from a file that does not have its matrix.

        Warns
        -----
        InformationWarning
            As for :meth:`vcov`.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "1pl")
        >>> columns = ["item", "parameter", "estimate", "se", "difficulty", "status"]
        >>> print(r.parameters()[columns].head(3).round(2))
            item  parameter  estimate    se  difficulty status
        0  item1      slope      1.01  0.06         NaN   tied
        1  item1  intercept      1.87  0.10       -1.85   free
        2  item2      slope      1.01  0.06         NaN   tied
        """
        cells = self._model.design.cells
        chosen = np.flatnonzero(cells.item >= 0)
        design = self._model.design
        category = [int(c) if c >= 0 else None for c in cells.category[chosen]]
        status = self._status()
        columns: dict[str, Any] = self._groups_of(chosen)
        columns["item"] = [design.items[i] for i in cells.item[chosen]]
        columns["parameter"] = [KINDS[k] for k in cells.kind[chosen]]
        # Estimates come early: where a frame is too wide for the screen, its middle is left out.
        columns["estimate"] = self._public_values()[chosen]
        if se is not None:
            columns["se"] = self._standard_errors(se)[chosen]
        columns["attribute"] = self._attribute(cells.attribute[chosen])
        columns["category"] = np.array(category, dtype=object)
        columns["difficulty"] = self._difficulties()[chosen]
        columns["status"] = [status[c] for c in chosen]
        return to_native(columns, self._native)

    def distributions(self, se: str | None = "auto") -> Any:
        """Distributions of the attributes as a frame.

        Parameters
        ----------
        se : str or None, default "auto"
            Method of the standard errors, as in :meth:`parameters`; None leaves them out.

        Returns
        -------
        DataFrame
            One row per parameter: ``group`` (with groups), ``class`` (with classes),
            ``proportion`` (of the class within its group; the group's share of the observations
            where there are no classes), ``parameter`` ("mean" or "covariance"; a variance where
            both attributes are the same), ``attribute``, ``attribute_2``, ``estimate``, ``se``,
            ``status``. Without attributes, one row per class with parameter "proportion".

        Raises
        ------
        SpecError, DataError
            As for :meth:`parameters`.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "rasch")
        >>> r.distributions()[["parameter", "estimate", "status"]].round(2)
            parameter  estimate status
        0        mean      0.00  fixed
        1  covariance      1.02   free
        """
        design, cells = self._model.design, self._model.design.cells
        kinds = ["mean", "covariance"] if design.attributes else ["proportion"]
        chosen = np.flatnonzero(np.isin(cells.kind, [KINDS.index(k) for k in kinds]))
        columns: dict[str, Any] = self._groups_of(chosen)
        columns["proportion"] = self.proportions.ravel()[cells.group[chosen]]
        columns["parameter"] = [KINDS[k] for k in cells.kind[chosen]]
        if design.attributes:
            columns["attribute"] = self._attribute(cells.attribute[chosen])
            columns["attribute_2"] = self._attribute(cells.attribute_2[chosen])
        columns["estimate"] = self._values[chosen]
        if se is not None:
            columns["se"] = self._standard_errors(se)[chosen]
        status = self._status()
        columns["status"] = [status[c] for c in chosen]
        return to_native(columns, self._native)

    @property
    def proportions(self) -> NDArray[np.float64]:
        """Class proportions, shape (groups, classes); with one class, the groups' shares."""
        design, cells = self._model.design, self._model.design.cells
        if design.n_classes > 1:
            values = self._values[cells.is_kind("proportion")]
            return values.reshape(len(design.groups), design.n_classes)
        sizes: NDArray[np.float64] = np.asarray(self._found["class_sizes"])
        shares: NDArray[np.float64] = sizes / sizes.sum()
        return shares.reshape(-1, 1)

    def mean(self, group: object = None, class_: int = 1) -> NDArray[np.float64]:
        """Return the mean of the attributes in a group and class.

        Parameters
        ----------
        group, class_ : label and int, optional
            Observed group, needed where there are several, and latent class, default 1.

        Returns
        -------
        ndarray, shape (J_g,)

        Raises
        ------
        DataError, SpecError
            If the group or class does not exist.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "rasch")
        >>> r.mean()
        array([0.])
        """
        return self._distribution(self._latent_group(group, class_))[0]

    def covariance(self, group: object = None, class_: int = 1) -> NDArray[np.float64]:
        """Return the covariance matrix of the attributes in a group and class.

        Parameters
        ----------
        group, class_ : label and int, optional
            Observed group, needed where there are several, and latent class, default 1.

        Returns
        -------
        ndarray, shape (J_g, J_g)

        Raises
        ------
        DataError, SpecError
            If the group or class does not exist.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "rasch")
        >>> r.covariance().round(2)
        array([[1.02]])
        """
        return self._distribution(self._latent_group(group, class_))[1]

    def _latent_group(self, group: object, class_: Any) -> int:
        design = self._model.design
        if not isinstance(class_, (int, np.integer)) or not 1 <= class_ <= design.n_classes:
            raise SpecError(
                f"class {shown(class_)} does not exist; classes run from 1 to {design.n_classes}"
            )
        if group is None and len(design.groups) > 1:
            raise SpecError(f"say which group (group=): {quoted(design.groups)}")
        observed = 0 if group is None else group_position(design, group)
        return observed * design.n_classes + class_ - 1

    def _distribution(self, group: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        design, cells = self._model.design, self._model.design.cells
        own = design.attributes_of(group)
        position = {int(a): j for j, a in enumerate(own)}
        here = cells.group == group
        mean = self._values[here & cells.is_kind("mean")]
        covariance = np.zeros((len(own), len(own)))
        for c in np.flatnonzero(here & (cells.attribute_2 >= 0)):
            j, k = position[int(cells.attribute[c])], position[int(cells.attribute_2[c])]
            covariance[j, k] = covariance[k, j] = self._values[c]
        return mean, covariance

    def _runaways(self) -> list[int]:
        """Give a cell of each parameter that grew beyond what responses can determine."""
        return runaways(self._model.design, self._model.table, self._values)

    def _public_values(self) -> NDArray[np.float64]:
        """Every cell on the scale users read: guessing as a probability."""
        values = self._values.copy()
        guessing = self._model.design.cells.is_kind("guessing")
        with np.errstate(over="ignore"):
            values[guessing] = 1.0 / (1.0 + np.exp(-values[guessing]))
        return values

    def _groups_of(self, chosen: NDArray[np.intp]) -> dict[str, Any]:
        design, group = self._model.design, self._model.design.cells.group[chosen]
        columns: dict[str, Any] = {}
        if design.has_groups:
            columns["group"] = [design.groups[design.observed_of(int(g))] for g in group]
        if design.n_classes > 1:
            columns["class"] = group % design.n_classes + 1
        return columns

    def _attribute(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        names = [self._model.design.attributes[a] if a >= 0 else None for a in positions]
        return np.array(names, dtype=object)

    def _status(self) -> list[str]:
        status, table = cell_status(self._model.table), self._model.table
        for c in np.flatnonzero(~table.is_fixed):
            if self._values[c] <= table.lower[c] or self._values[c] >= table.upper[c]:
                status[c] = "bound"
        return status

    def _difficulties(self) -> NDArray[np.float64]:
        cells, design = self._model.design.cells, self._model.design
        difficulty = np.full(len(cells), np.nan)
        slopes: dict[tuple[int, int], list[float]] = {}
        for c in np.flatnonzero(cells.is_kind("slope")):
            slopes.setdefault((int(cells.group[c]), int(cells.item[c])), []).append(self._values[c])
        previous: dict[tuple[int, int], float] = {}
        for c in np.flatnonzero(cells.is_kind("intercept")):
            key, m = (int(cells.group[c]), int(cells.item[c])), int(cells.category[c])
            own, step, value = slopes.get(key, []), 1.0, float(self._values[c])
            if design.models[key[1]].family == "gpcm":
                scores = design.category_scores[key[1]]
                step = scores[m] - scores[m - 1]
                value -= previous.get(key, 0.0) if m > 1 else 0.0
                previous[key] = float(self._values[c])
            if len(own) == 1 and own[0] * step != 0.0:
                difficulty[c] = -value / (own[0] * step)
        return difficulty
