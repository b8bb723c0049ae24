"""The verbs of a model: what is fixed, free, tied, started, bounded, anchored or given a prior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt._checks import chosen, several
from mixirt.anchors import anchored
from mixirt.design import Design
from mixirt.errors import SpecError
from mixirt.priors import Prior
from mixirt.scales import check_room, engine_bound, engine_values
from mixirt.selection import ACROSS, partition, select
from mixirt.table import ParameterTable, check_tie

if TYPE_CHECKING:
    from typing_extensions import Self

    from mixirt.result import Result

__all__ = ["Verbs"]

#: Why class proportions take neither priors nor bounds, and what there is instead.
_IN_CLOSED_FORM = (
    ": they are estimated in closed form, as the shares of the respondents expected in the "
    "classes; fix or tie them instead"
)


class Verbs:
    """Verbs that address parameters by name; mixed into :class:`mixirt.Model`."""

    _design: Design
    _table: ParameterTable

    def _with(self, table: ParameterTable) -> Self:
        raise NotImplementedError

    def fix(self, kind: str, value: Any = None, **where: Any) -> Self:
        """Hold parameters at a value.

        Parameters
        ----------
        kind : str
            The kind of the parameters, for instance ``"slope"``.
        value : float or sequence of float
            One value for all, or one for each matched parameter in table order. Guessing is a
            probability.
        **where
            Which of the kind: ``item``, ``group``, ``class_``, ``attribute``, ``category``, each a
            label or a list of labels; see :class:`mixirt.Model`.

        Returns
        -------
        Model
            With the parameters at the values.

        Raises
        ------
        SpecError
            If nothing matches, a name is unknown, or a value is not allowed for its kind.

        Examples
        --------
        >>> import mixirt
        >>> model = mixirt.Model("2pl", items=5)
        >>> model.fix("slope", 1.0, item="item1").n_parameters
        9
        """
        cells = select(self._design, kind, **where)
        if value is None:
            raise SpecError(
                f"fix takes the value at which to hold the {kind}, as fix('{kind}', 1.0)"
            )
        values = engine_values(kind, value, len(cells))
        return self._with(self._table.fix(cells, values))

    def free(self, kind: str, **where: Any) -> Self:
        """Estimate parameters, each on its own: neither fixed nor tied.

        Parameters
        ----------
        kind : str
            The kind of the parameters, for instance ``"slope"``.
        **where
            Which of the kind: ``item``, ``group``, ``class_``, ``attribute``, ``category``, each a
            label or a list of labels; see :class:`mixirt.Model`.

        Returns
        -------
        Model
            With the parameters free.

        Raises
        ------
        SpecError
            If nothing matches or a name is unknown.

        Examples
        --------
        >>> import mixirt
        >>> model = mixirt.Model("2pl", items=5)
        >>> model.fix("slope", 1.0, item="item1").free("variance").n_parameters
        10
        """
        return self._with(self._table.free(select(self._design, kind, **where)))

    def tie(
        self, kind: str, *, across: str | Sequence[str] = ("item", "group", "class"), **where: Any
    ) -> Self:
        """Estimate parameters as one.

        Parameters
        ----------
        kind : str
            The kind of the parameters, for instance ``"slope"``.
        across : str or sequence of str, default ("item", "group", "class")
            The parts of an address in which tied parameters may differ. Attribute and category are
            not among them by default: intercepts are tied category by category.
        **where
            Which of the kind: ``item``, ``group``, ``class_``, ``attribute``, ``category``, each a
            label or a list of labels; see :class:`mixirt.Model`.

        Returns
        -------
        Model
            With the parameters tied.

        Raises
        ------
        SpecError
            If nothing matches, only one parameter matches, one of them is fixed, their priors
            differ, or ``kind`` names several kinds.

        Examples
        --------
        >>> import mixirt
        >>> model = mixirt.Model("2pl", items=5)
        >>> model.tie("slope", item=["item1", "item2"]).n_parameters
        9
        """
        cells = select(self._design, kind, **where)
        free_parts = several("across", across)
        for part in free_parts:
            chosen("part of an address", part, ACROSS)
        table, tied = self._table, 0
        for members in partition(self._design, cells, free_parts):
            if len(members) > 1:
                check_tie(table, members, [self._design.describe(int(c)) for c in members])
                table = table.tie(members)
                tied += 1
        if not tied:
            raise SpecError(
                f"there is nothing to tie: no two of the {len(cells)} matched parameters of kind "
                f"'{kind}' differ only in {', '.join(free_parts)}; name more with across="
            )
        return self._with(table)

    def start(self, kind: str, value: Any, **where: Any) -> Self:
        """Start the estimation of parameters at a value.

        Parameters
        ----------
        kind : str
            The kind of the parameters, for instance ``"slope"``.
        value : float or sequence of float
            One value for all, or one for each matched parameter that is not fixed, in table order.
        **where
            Which of the kind: ``item``, ``group``, ``class_``, ``attribute``, ``category``, each a
            label or a list of labels; see :class:`mixirt.Model`.

        Returns
        -------
        Model
            With the start values.

        Raises
        ------
        SpecError
            If nothing matches, all are fixed, or a value is outside the bounds.

        Examples
        --------
        >>> import mixirt
        >>> model = mixirt.Model("2pl", items=5)
        >>> print(model.start("slope", 1.5, item="item1"))  # doctest: +ELLIPSIS
        mixirt.Model: 5 items (2pl)...slope of item 'item1': start 1.5
        """
        cells = self._estimated(kind, where, "start")
        table = self._table.start_at(cells, engine_values(kind, value, len(cells)))
        check_room(self._design, table, cells)
        return self._with(table)

    def prior(self, kind: str, prior: Prior | None, **where: Any) -> Self:
        """Give parameters a prior, or take it away.

        The estimates are then Bayes modal: they maximise the log-likelihood plus the log prior.

        Parameters
        ----------
        kind : str
            The kind of the parameters, for instance ``"slope"``.
        prior : Prior or None
            Made by :mod:`mixirt.priors`; None for no prior.
        **where
            Which of the kind: ``item``, ``group``, ``class_``, ``attribute``, ``category``, each a
            label or a list of labels; see :class:`mixirt.Model`.

        Returns
        -------
        Model
            With the prior, or without.

        Raises
        ------
        SpecError
            If nothing matches, all are fixed, or the prior is not for this kind; none is for class
            proportions.

        Examples
        --------
        >>> import mixirt
        >>> model = mixirt.Model("2pl", items=5)
        >>> model.prior("slope", mixirt.priors.lognormal(0, 0.5)).n_parameters
        10
        """
        cells = self._estimated(kind, where, "prior")
        if prior is not None and not isinstance(prior, Prior):
            raise SpecError(
                f"a prior is made by mixirt.priors.normal, .lognormal or .beta; found {prior!r}"
            )
        if prior is not None and kind == "proportion":
            raise SpecError(f"class proportions take no prior{_IN_CLOSED_FORM}")
        if prior is not None and prior.name == "beta" and kind != "guessing":
            raise SpecError(
                f"a beta prior is for guessing probabilities; {kind} was given one: use normal"
            )
        table = self._table.set_prior(cells, prior)
        if prior is not None and prior.name == "lognormal":
            if kind == "guessing":
                raise SpecError(
                    "a lognormal prior is for positive parameters; guessing was given one: use beta"
                )
            for cell in cells:
                table = table.set(np.array([cell]), lower=max(float(table.lower[cell]), 0.0))
            check_room(self._design, table, cells)
        return self._with(table)

    def bound(
        self, kind: str, lower: float | None = None, upper: float | None = None, **where: Any
    ) -> Self:
        """Keep parameters between two values.

        Parameters
        ----------
        kind : str
            The kind of the parameters, for instance ``"slope"``.
        lower, upper : float, optional
            Bounds, infinite for none; None leaves a side as it is. Guessing as a probability.
        **where
            Which of the kind: ``item``, ``group``, ``class_``, ``attribute``, ``category``, each a
            label or a list of labels; see :class:`mixirt.Model`.

        Returns
        -------
        Model
            With the bounds.

        Raises
        ------
        SpecError
            If nothing matches, all are fixed, the bounds leave no room, a start value is outside of
            them, or the parameters are class proportions.

        Examples
        --------
        >>> import mixirt
        >>> model = mixirt.Model("2pl", items=5)
        >>> model.bound("slope", 0, 4).n_parameters
        10
        """
        cells = self._estimated(kind, where, "bound")
        if lower is None and upper is None:
            raise SpecError(f"bound takes a lower bound or an upper one, as bound('{kind}', 0, 4)")
        if kind == "proportion":
            raise SpecError(f"class proportions take no bounds but 0 and 1{_IN_CLOSED_FORM}")
        given = {"lower": lower, "upper": upper}
        settings = {k: engine_bound(kind, bound) for k, bound in given.items() if bound is not None}
        if len(settings) == 2 and not settings["lower"] < settings["upper"]:
            raise SpecError(
                f"the lower bound of a {kind} must be below the upper one; found {lower} and "
                f"{upper}"
            )
        table = self._table.set(cells, **settings, bounded=True)
        check_room(self._design, table, cells)
        return self._with(table)

    def anchor(self, result: Result, items: Sequence[object] | None = None) -> Self:
        """Hold item parameters at the estimates of another fit.

        The new fit is then on the scale of the other one. Means and variances that were fixed to
        set the scale become free where the anchors identify them (fixed-parameter calibration).

        Parameters
        ----------
        result : Result
            The fit whose estimates to take. Parameters are matched by item, attribute and category,
            in the group and class of the same name; for groups it does not have, the estimates must
            be equal in all of its groups.
        items : sequence of str, optional
            The items to anchor; default all that both models have.

        Returns
        -------
        Model
            The anchored model.

        Raises
        ------
        SpecError
            If an item is unknown, or differs in family, categories or attributes.

        Examples
        --------
        >>> import mixirt
        >>> responses = mixirt.datasets.load("lsat7").frame()
        >>> bank = mixirt.fit(responses, "2pl")
        >>> model = mixirt.Model("2pl", items=list(responses.columns))
        >>> print(model.anchor(bank, items=["item1", "item2", "item3"]).check())
        mixirt.Model: 5 items (2pl), 1 attribute
        12 parameters, 6 to be estimated
        free: estimated; =1: fixed at 1; #1: one parameter wherever #1 stands
        <BLANKLINE>
        item   slope      intercept
        item1  =0.987546  =1.85586
        item2  =1.08084   =0.80797
        item3  =1.70748   =1.80521
        item4  free       free
        item5  free       free
        attribute  mean  variance
        theta      free  free
        """
        return self._with(anchored(self._design, self._table, result, items))

    def _estimated(self, kind: str, where: dict[str, Any], verb: str) -> NDArray[np.intp]:
        cells = select(self._design, kind, **where)
        fixed = cells[self._table.is_fixed[cells]]
        if len(fixed) == len(cells):
            raise SpecError(
                f"{self._design.describe(int(fixed[0]))} is fixed at "
                f"{self._table.value[fixed[0]]:g}; free it before giving it a {verb}"
            )
        return cells[~self._table.is_fixed[cells]]
