"""The structure of a model: items, attributes, groups and quadrature, before single parameters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt.families import ItemModel
from mixirt.table import Cells

__all__ = ["Design"]


@dataclass(frozen=True, eq=False)
class Design:
    """Everything about a model but its parameter table; checked when it is made.

    Parameters
    ----------
    items : tuple of str
        Names of the ``I`` items.
    models : tuple of ItemModel
        The item model of each.
    category_labels : tuple of tuple
        The user's value of each category of each item.
    category_scores : tuple of tuple of float
        The score of each category of each item (GPCM).
    attributes : tuple of str
        Names of the ``J`` attributes; none in a latent class model.
    q_matrix : ndarray of bool, shape (I, J)
        Which item measures which attribute.
    groups : tuple
        Labels of the observed groups; ``("all",)`` when there are none.
    reference : object
        Label of the group that sets location and scale.
    items_in_group : ndarray of bool, shape (O, I)
        Which item belongs to which observed group.
    attributes_in_group : ndarray of bool, shape (O, J)
        Which attribute belongs to which observed group.
    n_classes : int
        Latent classes within each observed group.
    quadrature : str
        Name of the quadrature rule.
    n_quadrature : tuple of int or None
        Points per attribute; None for the default by dimension.
    prune : float or None
        Nodes whose standard weight is below this share of the largest are dropped.
    """

    items: tuple[str, ...]
    models: tuple[ItemModel, ...]
    category_labels: tuple[tuple[object, ...], ...]
    category_scores: tuple[tuple[float, ...], ...]
    attributes: tuple[str, ...]
    q_matrix: NDArray[np.bool_]
    groups: tuple[object, ...]
    reference: object
    items_in_group: NDArray[np.bool_]
    attributes_in_group: NDArray[np.bool_]
    n_classes: int = 1
    quadrature: str = "rectangular"
    n_quadrature: tuple[int, ...] | None = None
    prune: float | None = None

    @property
    def n_categories(self) -> list[int]:
        """Number of categories of each item."""
        return [len(labels) for labels in self.category_labels]

    @property
    def has_groups(self) -> bool:
        """Whether observed groups were named."""
        return self.groups != ("all",)

    @property
    def n_latent_groups(self) -> int:
        """Observed groups times latent classes."""
        return len(self.groups) * self.n_classes

    def observed_of(self, group: int) -> int:
        """Return the observed group a latent group belongs to."""
        return group // self.n_classes

    def class_of(self, group: int) -> int:
        """Return the latent class (from 0) of a latent group."""
        return group % self.n_classes

    def attributes_of(self, group: int) -> NDArray[np.intp]:
        """Positions of the attributes of a latent group, shape ``(J_g,)``."""
        return np.flatnonzero(self.attributes_in_group[self.observed_of(group)])

    @cached_property
    def structure(self) -> _core.Structure:
        """The same for the engine, which checks it and lays out the parameters."""
        return _core.Structure(
            item_names=list(self.items),
            families=[model.family for model in self.models],
            category_scores=[list(scores) for scores in self.category_scores],
            item_attributes=_members(self.q_matrix),
            attribute_names=list(self.attributes),
            group_names=[str(label) for label in self.groups],
            group_items=_members(self.items_in_group),
            group_attributes=_members(self.attributes_in_group),
            n_classes=self.n_classes,
            quadrature=self.quadrature,
            n_quadrature=None if self.n_quadrature is None else list(self.n_quadrature),
            prune=self.prune,
        )

    @cached_property
    def cells(self) -> Cells:
        """Addresses of all parameters, in the engine's order."""
        return Cells(*self.structure.cells())

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what the engine made; it is made again where it is needed."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def without_attributes(self) -> NDArray[np.bool_]:
        """Cells of items that measure no attribute in their group: shape ``(n_cells,)``."""
        cells = self.cells
        n_measured = self.q_matrix.astype(int) @ self.attributes_in_group.T.astype(int)
        measured = n_measured[cells.item, cells.group // self.n_classes]
        return np.asarray((cells.item >= 0) & (measured == 0))

    def describe(self, cell: int) -> str:
        """Put a cell in words, for messages.

        For instance ``slope of item 'item1'`` or ``covariance of 'A' and 'B' in group '2'``.
        """
        cells = self.cells
        kind, item = _KIND_WORDS[cells.kind[cell]], cells.item[cell]
        where = self.where(int(cells.group[cell]))
        if item >= 0:
            part = ""
            if kind == "intercept" and len(self.category_labels[item]) > 2:
                part = f" {cells.category[cell]}"
            if kind == "slope" and len(self.attributes) > 1:
                part = f" on '{self.attributes[cells.attribute[cell]]}'"
            return f"{kind}{part} of item '{self.items[item]}'{where}"
        if kind == "proportion":
            return f"proportion{where}"
        first, second = cells.attribute[cell], cells.attribute_2[cell]
        if kind == "covariance" and first != second:
            both = f"'{self.attributes[second]}' and '{self.attributes[first]}'"
            return f"covariance of {both}{where}"
        kind = "variance" if kind == "covariance" else kind
        return f"{kind} of '{self.attributes[first]}'{where}"

    def where(self, group: int) -> str:
        """Put a latent group in words that follow others: `` in group 'x', class 2``."""
        parts = []
        if self.has_groups:
            parts.append(f"group '{self.groups[self.observed_of(group)]}'")
        if self.n_classes > 1:
            parts.append(f"class {self.class_of(group) + 1}")
        return " in " + ", ".join(parts) if parts else ""


def _members(rows: NDArray[np.bool_]) -> list[list[int]]:
    """List the places where each row is true."""
    return [[k for k, is_in in enumerate(row) if is_in] for row in rows.tolist()]


_KIND_WORDS = ("slope", "intercept", "guessing", "mean", "covariance", "proportion")
