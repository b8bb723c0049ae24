"""Latent class models: their constructor, and verbs on the scale of probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt.design import Design
from mixirt.errors import SpecError
from mixirt.selection import select
from mixirt.table import INTERCEPT_BOUND, ParameterTable

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ClassVerbs", "refuse_attributes"]

#: What probabilities typed by people may sum to.
_SUM_TOLERANCE = 1e-6


class ClassVerbs:
    """Verbs for items without attributes; mixed into :class:`mixirt.Model`."""

    _design: Design
    _table: ParameterTable

    def _with(self, table: ParameterTable) -> Self:
        raise NotImplementedError

    @classmethod
    def latent_class(cls, n_classes: int, *, items: Any = None, **structure: Any) -> Self:
        """Make a latent class model: classes without attributes, free category probabilities.

        Parameters
        ----------
        n_classes : int
            Number of classes.
        items : int or sequence of str
            Number or names of the items.
        **structure
            ``responses``, ``n_categories``, ``categories``, ``missing``, ``groups``,
            ``items_by_group``, ``invariance``, ``free_items``, as for :class:`mixirt.Model`.

        Returns
        -------
        Model
            For :func:`mixirt.fit_latent_class`.

        Raises
        ------
        SpecError
            As for :class:`mixirt.Model`.

        Examples
        --------
        Two classes with equal probabilities for two items in the first:

        >>> import mixirt
        >>> model = mixirt.Model.latent_class(2, items=["a", "b", "c"])
        >>> model = model.tie("intercept", across="item", item=["a", "b"], class_=1)
        >>> model.n_parameters
        6
        """
        refuse_attributes(structure, "mixirt.Model")
        return cls("gpcm", items=items, q_matrix=(), n_classes=n_classes, **structure)  # type: ignore[call-arg]

    def fix_probability(self, probabilities: Sequence[float], **where: Any) -> Self:
        """Hold the category probabilities of items without attributes.

        Probabilities of 0 become 1e-11 times the largest. To make probabilities equal rather than
        fix them, tie the intercepts, all categories of an item alike:
        ``model.tie("intercept", across="class", item="a")``.

        Parameters
        ----------
        probabilities : sequence of float
            One for each category, in order; they sum to 1.
        **where
            ``item``, ``class_``, ``group``: what is left out matches everything.

        Returns
        -------
        Model
            With the probabilities fixed.

        Raises
        ------
        SpecError
            If these are no probabilities, or an item that is meant has attributes, another family
            or another number of categories.

        Examples
        --------
        >>> import mixirt
        >>> model = mixirt.Model.latent_class(2, items=["a", "b", "c"])
        >>> model.fix_probability([1, 0], item="a", class_=1).n_parameters
        6
        """
        cells, values = self._logits(probabilities, where)
        return self._with(self._table.fix(cells, values))

    def start_probability(self, probabilities: Sequence[float], **where: Any) -> Self:
        """Start category probabilities of items without attributes at values.

        Parameters
        ----------
        probabilities : sequence of float
            One for each category, in order; they sum to 1.
        **where
            ``item``, ``class_``, ``group``: what is left out matches everything.

        Returns
        -------
        Model
            With the start values.

        Raises
        ------
        SpecError
            As for :meth:`fix_probability`.

        Examples
        --------
        >>> import mixirt
        >>> model = mixirt.Model.latent_class(2, items=["a", "b", "c"])
        >>> model.start_probability([0.9, 0.1], class_=1).n_parameters
        7
        """
        cells, values = self._logits(probabilities, where)
        return self._with(self._table.start_at(cells, values))

    def _logits(
        self, probabilities: Sequence[float], where: dict[str, Any]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        design = self._design
        intercepts = intercepts_of(probabilities)
        cells = select(design, "intercept", **where)
        bare = design.without_attributes()[cells]
        for item in np.unique(design.cells.item[cells]):
            name, n = design.items[item], len(intercepts) + 1
            if (
                design.models[item].family != "gpcm"
                or not bare[design.cells.item[cells] == item].all()
            ):
                raise SpecError(
                    f"item '{name}' has no category probabilities of its own: it measures an "
                    "attribute, or its family is not 'gpcm'; address its intercepts instead"
                )
            if design.n_categories[item] != n:
                raise SpecError(
                    f"{n} probabilities were given for item '{name}', which has "
                    f"{design.n_categories[item]} categories; give one for each"
                )
        return cells, intercepts[design.cells.category[cells] - 1]


def refuse_attributes(options: Mapping[str, Any], instead: str) -> None:
    """Refuse options of models with attributes."""
    for name in ("model", "q_matrix", "attributes"):
        if name in options:
            raise SpecError(
                f"{name} is no option of a latent class model; leave it out, or use {instead}"
            )


def intercepts_of(probabilities: Sequence[float]) -> NDArray[np.float64]:
    """Log-odds of categories 1, 2, ... against category 0, within the bounds of intercepts.

    Examples
    --------
    >>> intercepts_of([0.5, 0.5]).tolist(), intercepts_of([0, 1]).tolist()
    ([0.0], [25.0])
    """
    try:
        p = np.asarray(probabilities, dtype=np.float64)
    except (TypeError, ValueError):
        p = np.empty(0)
    if p.ndim != 1 or len(p) < 2 or not (p >= 0).all() or abs(p.sum() - 1.0) > _SUM_TOLERANCE:
        raise SpecError(
            "give one probability for each category, none negative, that sum to 1; found "
            f"{probabilities!r}"
        )
    # An impossible first category is given what keeps the ratios of all others as they are.
    reference = max(float(p[0]), float(p.max()) * np.exp(-INTERCEPT_BOUND))
    with np.errstate(divide="ignore"):
        logits = np.log(p[1:] / reference)
    return np.asarray(np.clip(logits, -INTERCEPT_BOUND, INTERCEPT_BOUND))
