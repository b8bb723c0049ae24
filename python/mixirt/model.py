"""Models: what is to be estimated, said by name and printed before anything is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mixirt import _core
from mixirt._checks import flag, several
from mixirt._words import counted
from mixirt.build import items_of, make_design
from mixirt.class_counts import check_classes
from mixirt.design import Design
from mixirt.errors import SpecError
from mixirt.identification import check_covariances, check_identification
from mixirt.model_classes import ClassVerbs
from mixirt.model_text import model_text
from mixirt.model_verbs import Verbs
from mixirt.presets import default_table
from mixirt.table import ParameterTable

__all__ = ["Model"]


class Model(Verbs, ClassVerbs):
    """A model: items, attributes, groups, classes, and what is fixed, free or tied.

    The constructor makes a model with the usual constraints; the verbs :meth:`fix`, :meth:`free`,
    :meth:`tie`, :meth:`start`, :meth:`prior` and :meth:`bound` change them. A verb addresses
    parameters by ``kind`` (``"slope"``, ``"intercept"``, ``"guessing"``, ``"mean"``,
    ``"variance"``, ``"covariance"``, ``"proportion"``) and, optionally, by ``item``, ``group``,
    ``class_``, ``attribute`` and ``category``, each a label or a list of labels; what is left out
    matches everything. ``category`` is the number of an intercept, from 1: that of the step or
    boundary into the category at that place after the first, whatever categories are called. Models
    are immutable: a verb returns a new one and leaves the old one as it is. ``print(model)`` shows
    the parameter table.

    Parameters
    ----------
    model : str, sequence of str or mapping, default "2pl"
        ``"rasch"``, ``"1pl"``, ``"2pl"``, ``"3pl"``, ``"pcm"``, ``"gpcm"`` or ``"grm"``: for all
        items, one for each, or by item name.
    items : int or sequence of str
        Number or names of the items; needed without ``responses``.
    responses : array, list of lists, data frame or LongResponses, optional
        Responses that the model is for, as :func:`mixirt.fit` takes them: they say which items
        there are, and how many categories each has, instead of ``items`` and ``n_categories``.
    n_categories : int or sequence of int, default 2
        Number of categories of all items, or of each.
    categories : sequence, or mapping from item to sequence, optional
        The values of the categories in order, where they are not 0, 1, ..., as :func:`mixirt.fit`
        takes them: for all items, or by item, the rest having ``n_categories``. Without
        ``responses``, also a sequence of sequences, one for each item.
    missing : value or values, or mapping from item to them, optional
        Codes in ``responses`` that mean a missing answer.
    category_scores : sequence, or mapping from item to sequence, optional
        Real-valued scores of the categories (GPCM), for all items or by item; default 0, 1, ...
    q_matrix : array-like of 0/1, shape (I, J), optional
        Which item measures which attribute; default one attribute measured by all. Columns of a
        frame name the attributes; an index that does not count the rows names the items, in any
        order.
    attributes : sequence of str, optional
        Names of the attributes; default the columns of ``q_matrix`` if it is a frame, else
        ``"theta1"``, ``"theta2"``, ...; without a ``q_matrix``, ``"theta"``.
    groups : sequence of labels, optional
        Labels of the observed groups.
    reference : label, optional
        The group whose mean and variance set the scale; default the first.
    items_by_group, attributes_by_group : mapping from group label to names, optional
        Items and attributes of groups that do not have all of them.
    invariance : {"configural", "metric", "scalar"}, default "configural"
        What is equal across groups: nothing; slopes; slopes, intercepts and guessing. The variances
        of all groups but the reference (metric), and their means too (scalar), are then free.
    free_items : sequence of str, optional
        Items that may differ between groups all the same: partial invariance.
    n_classes : int, default 1
        Number of latent classes (within each observed group): a mixture.
    class_invariance, class_free_items
        The same as ``invariance`` and ``free_items``, across latent classes.
    quadrature : {"rectangular", "gauss-hermite"}, default "rectangular"
        The rule; see ``docs/numerics.md``.
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

    Items and categories of a survey:

    >>> science = mixirt.datasets.load("science").frame()
    >>> model = mixirt.Model("grm", responses=science, categories=[1, 2, 3, 4])
    >>> model.fix("slope", 1, item="Work")
    <mixirt.Model: 4 items, 1 attribute, 15 parameters>
    """

    def __init__(  # noqa: PLR0913 -- keywords of the front door
        self,
        model: Any = "2pl",
        *,
        items: Any = None,
        responses: Any = None,
        n_categories: int | Sequence[int] | None = None,
        categories: Any = None,
        missing: Any = None,
        category_scores: Any = None,
        q_matrix: Any = None,
        attributes: Sequence[str] | None = None,
        groups: Sequence[object] | None = None,
        reference: object = None,
        items_by_group: Mapping[Any, Sequence[str]] | None = None,
        attributes_by_group: Mapping[Any, Sequence[str]] | None = None,
        invariance: str = "configural",
        free_items: Sequence[str] = (),
        n_classes: int = 1,
        class_invariance: str = "configural",
        class_free_items: Sequence[str] = (),
        quadrature: str = "rectangular",
        n_quadrature: int | Sequence[int] | None = None,
        prune: float | None = None,
    ) -> None:
        if responses is not None:
            if items is not None or n_categories is not None:
                raise SpecError(
                    "items and n_categories cannot be given together with responses, which say "
                    "both; leave out one or the other"
                )
            items, categories = items_of(responses, categories, missing)
        elif items is None:
            raise SpecError("a model needs items=, their number or names, or responses= to them")
        elif missing is not None:
            raise SpecError("missing codes are those of responses=, which were not given")
        self._design = make_design(
            model,
            items=items,
            n_categories=n_categories,
            categories=categories,
            category_scores=category_scores,
            q_matrix=q_matrix,
            attributes=attributes,
            groups=groups,
            reference=reference,
            items_by_group=items_by_group,
            attributes_by_group=attributes_by_group,
            n_classes=n_classes,
            quadrature=quadrature,
            n_quadrature=n_quadrature,
            prune=prune,
        )
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
    def _of(cls, design: Design, table: ParameterTable) -> Model:
        """Put a model together from its two parts."""
        model = object.__new__(cls)
        model._design, model._table = design, table
        return model

    def _with(self, table: ParameterTable) -> Model:
        return Model._of(self._design, table)

    def _on_grid(self, n_quadrature: tuple[int, ...]) -> Model:
        """Return the same model with other numbers of quadrature points."""
        return Model._of(replace(self._design, n_quadrature=n_quadrature), self._table)

    def __str__(self) -> str:
        return model_text(self._design, self._table, self.n_parameters)

    def __repr__(self) -> str:
        design = self._design
        parts = [counted(len(design.items), "item"), counted(len(design.attributes), "attribute")]
        if design.has_groups:
            parts.append(counted(len(design.groups), "group"))
        if design.n_classes > 1:
            parts.append(f"{design.n_classes} classes")
        return f"<mixirt.Model: {', '.join(parts)}, {counted(self.n_parameters, 'parameter')}>"

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
        flag("some_known", some_known)
        check_covariances(self._design, self._table)
        check_identification(self._design, self._table, some_known=some_known)
        check_classes(self, some_known=some_known)
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
          multiplications expected in an E-step of 5,000 patterns: 4.5e5
          on the whole grid of 9.3e3 nodes: 9.3e7
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


def _names(what: str, items: Any) -> tuple[str, ...]:
    """Return one or several names of items as text."""
    return tuple(str(item) for item in several(what, items))
