"""Models: what is to be estimated, said by name and printed before anything is fitted."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._checks import several
from mixirt._words import unknown
from mixirt.anchors import anchored
from mixirt.build import make_design
from mixirt.class_counts import check_classes
from mixirt.design import Design
from mixirt.errors import SpecError
from mixirt.identification import check_covariances, check_identification
from mixirt.model_classes import ClassVerbs
from mixirt.model_text import model_text
from mixirt.presets import default_table
from mixirt.priors import Prior
from mixirt.selection import select
from mixirt.table import ParameterTable, check_tie

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["Model"]

#: Parts of an address over which a tie may reach.
_ACROSS = ("item", "group", "class", "attribute", "category")

#: What a model is made of, besides item models and items.
_STRUCTURE = tuple(inspect.signature(make_design).parameters)[2:]


class Model(ClassVerbs):
    """A model: items, attributes, groups, classes, and what is fixed, free or tied.

    The constructor makes a model with the usual constraints; the verbs :meth:`fix`, :meth:`free`,
    :meth:`tie`, :meth:`start`, :meth:`prior` and :meth:`bound` change them. A verb addresses
    parameters by ``kind`` (``"slope"``, ``"intercept"``, ``"guessing"``, ``"mean"``,
    ``"variance"``, ``"covariance"``, ``"proportion"``) and, optionally, by ``item``, ``group``,
    ``class_``, ``attribute`` and ``category``; what is left out matches everything. Models are
    immutable: a verb returns a new one. ``print(model)`` shows the parameter table.

    Parameters
    ----------
    model : str, sequence of str or mapping, default "2pl"
        ``"rasch"``, ``"1pl"``, ``"2pl"``, ``"3pl"``, ``"pcm"``, ``"gpcm"`` or ``"grm"``: for all
        items, one for each, or by item name.
    items : int or sequence of str
        Number or names of the items.
    n_categories : int or sequence of int, default 2
        Number of categories of all items, or of each.
    categories : sequence of sequences, optional
        The user's value of each category of each item; default 0, 1, ...
    category_scores : sequence, or mapping from item to sequence, optional
        Real-valued scores of the categories (GPCM), for all items or by item; default 0, 1, ...
    q_matrix : array-like of 0/1, shape (I, J), optional
        Which item measures which attribute; default one attribute measured by all. Columns of a
        frame name the attributes.
    attributes : sequence of str, optional
        Names of the attributes.
    groups : sequence of labels, optional
        Labels of the observed groups.
    reference : label, optional
        The group whose mean and variance set the scale; default the first.
    items_by_group, attributes_by_group : mapping from group label to names, optional
        Items and attributes of groups that do not have all of them.
    invariance : {"configural", "metric", "scalar"}, default "configural"
        What is equal across groups: nothing; slopes; slopes, intercepts and guessing. Variances
        (metric) and means (scalar) of the other groups are then free.
    free_items : sequence of str, optional
        Items exempt from ``invariance`` (partial invariance).
    n_classes : int, default 1
        Number of latent classes (within each observed group).
    class_invariance, class_free_items
        The same as ``invariance`` and ``free_items``, across latent classes.
    quadrature : {"rectangular", "gauss-hermite"}, default "rectangular"
        The rule; see ``docs/method.md``.
    n_quadrature : int or sequence of int, optional
        Points per attribute; default 64 for one attribute, 32 each for two, 20 for three, 12 for
        four, 8 for five, 6 beyond.
    prune : float, optional
        With ``"gauss-hermite"``: drop nodes whose weight is below this share of the largest.

    Raises
    ------
    SpecError
        If the parts do not fit together; the message says which and what to do.

    Examples
    --------
    >>> import mixirt
    >>> model = mixirt.Model("2pl", items=["a", "b", "c"]).fix("slope", 1, item="a")
    >>> model.n_parameters
    5
    """

    def __init__(
        self,
        model: Any = "2pl",
        *,
        items: Any,
        invariance: str = "configural",
        free_items: Sequence[str] = (),
        class_invariance: str = "configural",
        class_free_items: Sequence[str] = (),
        **structure: Any,
    ) -> None:
        for option in structure:
            if option not in _STRUCTURE:
                raise SpecError(unknown("option", option, _STRUCTURE))
        self._design = make_design(model, items=items, **structure)
        self._table = default_table(
            self._design,
            groups=(invariance, _names("free_items", free_items)),
            classes=(class_invariance, _names("class_free_items", class_free_items)),
        )

    @property
    def design(self) -> Design:
        """Items, attributes, groups, classes and quadrature."""
        return self._design

    @property
    def table(self) -> ParameterTable:
        """What every parameter is."""
        return self._table

    @classmethod
    def of(cls, design: Design, table: ParameterTable) -> Model:
        """Put a model together from its two parts."""
        model = object.__new__(cls)
        model._design, model._table = design, table
        return model

    def _with(self, table: ParameterTable) -> Model:
        return Model.of(self._design, table)

    def _on_grid(self, n_quadrature: tuple[int, ...]) -> Model:
        """Return the same model with other numbers of quadrature points."""
        return Model.of(replace(self._design, n_quadrature=n_quadrature), self._table)

    def __str__(self) -> str:
        return model_text(self._design, self._table)

    def __repr__(self) -> str:
        design = self._design
        parts = [f"{len(design.items)} items", f"{len(design.attributes)} attributes"]
        if design.has_groups:
            parts.append(f"{len(design.groups)} groups")
        if design.n_classes > 1:
            parts.append(f"{design.n_classes} classes")
        return f"<mixirt.Model: {', '.join(parts)}, {self.n_parameters} parameters>"

    def fix(self, kind: str, value: Any = None, **where: Any) -> Model:
        """Hold parameters at a value.

        Parameters
        ----------
        kind : str
            The kind of parameter.
        value : float or sequence of float
            One value for all, or one for each matched parameter in table order. Guessing is a
            probability.
        **where
            ``item``, ``group``, ``class_``, ``attribute``, ``category``: a label or a list of
            labels; what is left out matches everything.

        Returns
        -------
        Model
            A new model; this one stays as it is.

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
        cells = select(self.design, kind, **where)
        if value is None:
            raise SpecError(f"fix needs the value at which to hold the {kind}")
        values = self._values(kind, value, cells)
        return self._with(self.table.fix(cells, values))

    def free(self, kind: str, **where: Any) -> Model:
        """Estimate parameters, each on its own: neither fixed nor tied.

        Parameters
        ----------
        kind : str
            The kind of parameter.
        **where
            ``item``, ``group``, ``class_``, ``attribute``, ``category``: a label or a list of
            labels; what is left out matches everything.

        Returns
        -------
        Model
            A new model; this one stays as it is.

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
        return self._with(self.table.free(select(self.design, kind, **where)))

    def tie(
        self, kind: str, *, across: str | Sequence[str] = ("item", "group", "class"), **where: Any
    ) -> Model:
        """Estimate parameters as one.

        Parameters
        ----------
        kind : str
            The kind of parameter.
        across : str or sequence of str, default ("item", "group", "class")
            The parts of an address in which tied parameters may differ. Attribute and category are
            not among them by default: intercepts are tied category by category.
        **where
            ``item``, ``group``, ``class_``, ``attribute``, ``category``: a label or a list of
            labels; what is left out matches everything.

        Returns
        -------
        Model
            A new model; this one stays as it is.

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
        cells = select(self.design, kind, **where)
        free_parts = (across,) if isinstance(across, str) else tuple(across)
        for part in free_parts:
            if part not in _ACROSS:
                raise SpecError(unknown("part of an address", part, _ACROSS))
        table, tied = self.table, 0
        for members in self._partition(cells, free_parts):
            if len(members) > 1:
                check_tie(table, members, [self.design.describe(int(c)) for c in members])
                table = table.tie(members)
                tied += 1
        if not tied:
            raise SpecError(
                f"there is nothing to tie: no two of the {len(cells)} matched parameters of kind "
                f"'{kind}' differ only in {', '.join(free_parts)}"
            )
        return self._with(table)

    def start(self, kind: str, value: Any, **where: Any) -> Model:
        """Start the estimation of parameters at a value.

        Parameters
        ----------
        kind : str
            The kind of parameter.
        value : float or sequence of float
            One value for all, or one for each matched parameter that is not fixed, in table order.
        **where
            ``item``, ``group``, ``class_``, ``attribute``, ``category``: a label or a list of
            labels; what is left out matches everything.

        Returns
        -------
        Model
            A new model; this one stays as it is.

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
        table = self.table
        for cell, number in zip(cells, self._values(kind, value, cells), strict=True):
            table = table.set(np.array([cell]), start=float(number))
        self._check_room(table, cells)
        return self._with(table)

    def prior(self, kind: str, prior: Prior | None, **where: Any) -> Model:
        """Give parameters a prior, or take it away.

        The estimates are then Bayes modal: they maximise the log-likelihood plus the log prior.

        Parameters
        ----------
        kind : str
            The kind of parameter.
        prior : Prior or None
            Made by :mod:`mixirt.priors`; None for no prior.
        **where
            ``item``, ``group``, ``class_``, ``attribute``, ``category``: a label or a list of
            labels; what is left out matches everything.

        Returns
        -------
        Model
            A new model; this one stays as it is.

        Raises
        ------
        SpecError
            If nothing matches, all are fixed, or the prior is not for this kind.

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
        if prior is not None and prior.name == "beta" and kind != "guessing":
            raise SpecError(f"a beta prior is for guessing probabilities, not for a {kind}")
        table = self.table.set_prior(cells, prior)
        if prior is not None and prior.name == "lognormal":
            if kind in ("guessing", "proportion"):
                raise SpecError(f"a lognormal prior is not for a {kind}")
            for cell in cells:
                table = table.set(np.array([cell]), lower=max(float(table.lower[cell]), 0.0))
            self._check_room(table, cells)
        return self._with(table)

    def bound(
        self, kind: str, lower: float | None = None, upper: float | None = None, **where: Any
    ) -> Model:
        """Keep parameters between two values.

        Parameters
        ----------
        kind : str
            The kind of parameter.
        lower, upper : float, optional
            Bounds, infinite for none; None leaves a side as it is. Guessing as a probability.
        **where
            ``item``, ``group``, ``class_``, ``attribute``, ``category``: a label or a list of
            labels; what is left out matches everything.

        Returns
        -------
        Model
            A new model; this one stays as it is.

        Raises
        ------
        SpecError
            If nothing matches, all are fixed, the bounds leave no room, or a start value is
            outside of them.

        Examples
        --------
        >>> import mixirt
        >>> model = mixirt.Model("2pl", items=5)
        >>> model.bound("slope", 0, 4).n_parameters
        10
        """
        cells = self._estimated(kind, where, "bound")
        if lower is not None and upper is not None and not lower < upper:
            raise SpecError(
                f"the lower bound {lower} of a {kind} is not below its upper bound {upper}"
            )
        settings = {}
        if lower is not None:
            settings["lower"] = self._bound_of(kind, lower)
        if upper is not None:
            settings["upper"] = self._bound_of(kind, upper)
        table = self.table.set(cells, **settings, bounded=True)
        self._check_room(table, cells)
        return self._with(table)

    @classmethod
    def _bound_of(cls, kind: str, bound: Any) -> float:
        """Return a bound on the engine's scale; an infinite one is none."""
        try:
            value = float(bound)
        except (TypeError, ValueError):
            raise SpecError(f"a bound of a {kind} must be a number; found {bound!r}") from None
        if math.isinf(value):
            return value
        if kind == "variance" and value == 0.0:
            return value
        if kind == "guessing" and value in {0.0, 1.0}:
            return math.inf if value else -math.inf
        return float(cls._engine_scale(kind, np.array([value]))[0])

    def _check_room(self, table: ParameterTable, cells: NDArray[np.intp]) -> None:
        """Refuse bounds without room, and starts outside of them."""
        for cell in cells.tolist():
            lower, upper, start = table.lower[cell], table.upper[cell], table.start[cell]
            what = self.design.describe(cell)
            scale = " (logits)" if table.cells.is_kind("guessing")[cell] else ""
            if not lower < upper:
                raise SpecError(
                    f"the bounds of {what} leave no room: {lower:g} is not below {upper:g}{scale}"
                )
            if not (np.isnan(start) or lower <= start <= upper):
                raise SpecError(
                    f"{what} cannot start at {start:g}: its bounds are {lower:g} and "
                    f"{upper:g}{scale}"
                )

    def anchor(self, result: Result, items: Sequence[object] | None = None) -> Model:
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
        return self._with(anchored(self.design, self.table, result, items))

    @property
    def n_parameters(self) -> int:
        """Number of parameters to be estimated, after ties and sum-to-one constraints."""
        return self._compile().n_parameters

    def check(self, *, some_known: bool = False) -> Model:
        """Refuse the model if it is not identified.

        Every fit begins with it.

        Parameters
        ----------
        some_known : bool, default False
            Whether the latent class of some respondents will be known.

        Returns
        -------
        Model
            The model itself.

        Raises
        ------
        IdentificationError
            Naming what is not identified, why, and how to fix it.
        SpecError
            If fixed variances and covariances are those of no distribution.

        Examples
        --------
        >>> import mixirt
        >>> model = mixirt.Model("2pl", items=5)
        >>> model.free("variance").check()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        mixirt.errors.IdentificationError: the variance of 'theta' is not identified: ...
        """
        check_covariances(self._design, self._table)
        check_identification(self._design, self._table, some_known=some_known)
        check_classes(self._design, self._table, self.n_parameters, some_known=some_known)
        return self

    def plan(self) -> str:
        """Say how the attributes are integrated over, and why.

        Where the structure allows it, attributes are summed out one by one instead of being
        crossed with all others: the specific attributes of a bifactor model, for instance.

        Returns
        -------
        str
            For every observed group: the attributes with a common grid, those that are summed out,
            their numbers of nodes, and the multiplications expected in an E-step either way.

        Examples
        --------
        >>> import mixirt
        >>> print(mixirt.bifactor(["algebra"] * 3 + ["geometry"] * 3, n_quadrature=21).plan())
        common grid over general: 21 nodes
          algebra summed out given general: 441 nodes for each answer to its 3 items
          geometry summed out given general: 441 nodes for each answer to its 3 items
          3.0e5 multiplications expected in an E-step of 5,000 patterns; 1.3e8 on the whole grid of 9.3e3 nodes
        """
        return self._compile().plan()

    def _compile(self) -> _core.Model:
        """Return the model as the engine takes it."""
        compiled = self.table.compiled()
        first = compiled.first_cell
        priors = [self.table.prior[c] for c in first]
        return _core.Model(
            self.design.structure,
            slot=compiled.slot,
            value=compiled.value,
            start=self.table.start[first],
            lower=self.table.lower[first],
            upper=self.table.upper[first],
            priors=[None if p is None else (p.name, p.first, p.second) for p in priors],
        )

    def _estimated(self, kind: str, where: dict[str, Any], verb: str) -> NDArray[np.intp]:
        cells = select(self.design, kind, **where)
        fixed = cells[self.table.is_fixed[cells]]
        if len(fixed) == len(cells):
            raise SpecError(
                f"{self.design.describe(int(fixed[0]))} is fixed at "
                f"{self.table.value[fixed[0]]:g}; free it before giving it a {verb}"
            )
        return cells[~self.table.is_fixed[cells]]

    def _values(self, kind: str, value: Any, cells: NDArray[np.intp]) -> NDArray[np.float64]:
        try:
            values = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise SpecError(f"the value of a {kind} must be a number; found {value!r}") from None
        if values.ndim == 0:
            values = np.full(len(cells), float(values))
        if values.shape != (len(cells),):
            raise SpecError(
                f"{values.size} values were given for the {len(cells)} matched parameters of kind "
                f"'{kind}'; give one value for all, or one for each"
            )
        return self._engine_scale(kind, values)

    @staticmethod
    def _engine_scale(kind: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if np.isnan(values).any():
            raise SpecError(f"the value of a {kind} is not a number (NaN)")
        if kind != "guessing" and np.isinf(values).any():
            raise SpecError(f"the value of a {kind} must be finite; found {values[0]:g}")
        if kind == "guessing" and (values == 1).any():
            raise SpecError("a guessing probability must be below 1; found 1")
        if kind in ("guessing", "proportion") and ((values < 0) | (values > 1)).any():
            bad = values[(values < 0) | (values > 1)][0]
            raise SpecError(f"a {kind} is a probability between 0 and 1; found {bad:g}")
        if kind == "variance" and (values <= 0).any():
            raise SpecError(f"a variance must be positive; found {values[values <= 0][0]:g}")
        if kind != "guessing":
            return values
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(values) - np.log1p(-values))

    def _partition(
        self, cells: NDArray[np.intp], across: tuple[str, ...]
    ) -> list[NDArray[np.intp]]:
        """Cells that agree in every part of their address that is not in ``across``."""
        table, n_classes = self.design.cells, self.design.n_classes
        parts = {
            "item": table.item[cells],
            "group": table.group[cells] // n_classes,
            "class": table.group[cells] % n_classes,
            "attribute": table.attribute[cells] * len(table) + table.attribute_2[cells],
            "category": table.category[cells],
        }
        keys = np.stack([parts[name] for name in _ACROSS if name not in across] or [cells * 0])
        _, inverse = np.unique(keys, axis=1, return_inverse=True)
        return [cells[inverse.ravel() == k] for k in range(int(inverse.max()) + 1)]


def _names(what: str, items: Any) -> tuple[str, ...]:
    """Return one or several names of items as text."""
    return tuple(str(item) for item in several(what, items))
