"""Curves of the fitted items: category probabilities, expected scores and information."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._checks import numbers
from mixirt._words import shown, unknown
from mixirt.errors import SpecError
from mixirt.estimates import Estimates
from mixirt.frames import to_native

__all__ = ["Curves"]


class Curves(Estimates):
    """What a fitted model says at given attribute values; mixed into :class:`mixirt.Result`."""

    _engine: _core.Model

    def category_probabilities(
        self,
        theta: Any = None,
        *,
        item: str | None = None,
        group: object = None,
        class_: int | None = None,
    ) -> Any:
        """Category probabilities.

        Parameters
        ----------
        theta : array-like, shape (n,) or (n, J_g), optional
            Attribute values. A latent class model has no attributes and takes none.
        item : str, optional
            One item; default all.
        group : label, optional
            Observed group, when there are several; default, without attributes, all.
        class_ : int, optional
            Latent class, from 1; default the first and, without attributes, all.

        Returns
        -------
        DataFrame
            With attributes: columns ``item``, ``point`` (row of `theta`), ``category`` (the
            user's value), ``probability``. Without: ``group`` (with groups), ``class``, ``item``,
            ``category``, ``probability``.

        Raises
        ------
        SpecError
            If `theta` is missing, has the wrong shape or is given to a latent class model, an item
            or class is unknown, or the group has to be named.
        DataError
            If the group is unknown.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> print(r.category_probabilities([0.0], item="item1").round(3))
            item  point  category  probability
        0  item1      0         0        0.135
        1  item1      0         1        0.865
        """
        if not self._model.design.attributes:
            if theta is not None:
                raise SpecError(
                    "theta was given, but a latent class model has no attributes; leave it out"
                )
            return self._class_probabilities(item, group, class_)
        class_ = 1 if class_ is None else class_
        points = self._points(theta, group, class_)
        labels, columns = self._model.design.category_labels, _columns("item", "point", "category")
        probabilities: list[NDArray[np.float64]] = []
        for i in self._items(item, group):
            table = self._curve(i, points, group, class_)[0]
            n = table.shape[1]
            columns["item"] += [self._model.design.items[i]] * table.size
            columns["point"] += np.repeat(np.arange(n), len(table)).tolist()
            columns["category"] += list(labels[i]) * n
            probabilities.append(table.T.ravel())
        return to_native({**columns, "probability": np.concatenate(probabilities)}, self._native)

    def expected_scores(
        self, theta: Any, *, group: object = None, class_: int = 1
    ) -> NDArray[np.float64]:
        """Return the expected category score of each item of a group.

        Parameters
        ----------
        theta : array-like, shape (n,) or (n, J_g)
            Points: values of the group's attributes.
        group, class_ : label and int, optional
            Observed group, needed where there are several, and latent class, default 1.

        Returns
        -------
        ndarray, shape (n, items)
            Sums of score times probability; row sums are the test characteristic curve.

        Raises
        ------
        SpecError
            If the points do not fit the attributes, the class is unknown, or the group has to be
            named.
        DataError
            If the group is unknown.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> r.expected_scores([0.0]).round(2)
        array([[0.86, 0.69, 0.86, 0.62, 0.86]])
        """
        points = self._points(theta, group, class_)
        scores = self._model.design.category_scores
        curves = [
            np.asarray(scores[i]) @ self._curve(i, points, group, class_)[0]
            for i in self._items(None, group)
        ]
        return np.stack(curves, axis=1)

    def information(
        self, theta: Any, *, group: object = None, class_: int = 1
    ) -> NDArray[np.float64]:
        """Return the Fisher information of each item about the attributes.

        Parameters
        ----------
        theta : array-like, shape (n,) or (n, J_g)
            Points: values of the group's attributes.
        group, class_ : label and int, optional
            Observed group, needed where there are several, and latent class, default 1.

        Returns
        -------
        ndarray, shape (n, items, J_g, J_g)
            Expected information; with one attribute the last two axes have length one.

        Raises
        ------
        SpecError
            If the points do not fit the attributes, the class is unknown, or the group has to be
            named.
        DataError
            If the group is unknown.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> r.information([0.0])[:, :, 0, 0].round(2)
        array([[0.11, 0.25, 0.35, 0.14, 0.06]])
        """
        points = self._points(theta, group, class_)
        design, latent = self._model.design, self._latent_group(group, class_)
        own = design.attributes_of(latent)
        result = []
        for i in self._items(None, group):
            information = self._curve(i, points, group, class_)[1]
            slopes = self._slopes(latent, i, own)
            result.append(information[:, None, None] * np.outer(slopes, slopes))
        return np.stack(result, axis=1)

    def test_information(
        self, theta: Any, *, group: object = None, class_: int = 1
    ) -> NDArray[np.float64]:
        """Return the Fisher information of the whole test, without the prior.

        Parameters
        ----------
        theta : array-like, shape (n,) or (n, J_g)
            Points: values of the group's attributes.
        group, class_ : label and int, optional
            Observed group, needed where there are several, and latent class, default 1.

        Returns
        -------
        ndarray, shape (n, J_g, J_g)
            Sum of the information of the items.

        Raises
        ------
        SpecError
            If the points do not fit the attributes, the class is unknown, or the group has to be
            named.
        DataError
            If the group is unknown.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> r.test_information([-1.0, 0.0, 1.0]).ravel().round(2)
        array([1.46, 0.92, 0.4 ])
        """
        return np.asarray(self.information(theta, group=group, class_=class_).sum(axis=1))

    def _slopes(self, latent: int, item: int, own: NDArray[np.intp]) -> NDArray[np.float64]:
        cells = self._model.design.cells
        slopes = np.zeros(len(own))
        here = (cells.group == latent) & (cells.item == item) & cells.is_kind("slope")
        for c in np.flatnonzero(here):
            slopes[int(np.flatnonzero(own == cells.attribute[c])[0])] = self._values[c]
        return slopes

    def _items(self, item: str | None, group: object) -> list[int]:
        design = self._model.design
        observed = design.observed_of(self._latent_group(group, 1))
        present = np.flatnonzero(design.items_in_group[observed]).tolist()
        if item is None:
            return present
        if not isinstance(item, str):
            raise SpecError(f"item is the name of one item, or None for all; found {shown(item)}")
        if item not in design.items or design.items.index(item) not in present:
            raise SpecError(unknown("item", item, [design.items[i] for i in present]))
        return [design.items.index(item)]

    def _curve(
        self, item: int, points: NDArray[np.float64], group: object, class_: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Probabilities (M, n) and information about the linear predictor (n,)."""
        latent = self._latent_group(group, class_)
        index = self._items(None, group).index(item)
        return self._engine.item_curves(self._found["x"], latent, index, points)

    def _points(self, theta: Any, group: object, class_: int) -> NDArray[np.float64]:
        design = self._model.design
        n = len(design.attributes_of(self._latent_group(group, class_)))
        if theta is None:
            raise SpecError(f"give theta: attribute values of shape (n, {n})")
        points = numbers("theta", theta)
        if points.ndim < 2:
            points = points.reshape(-1, 1) if n == 1 else points.reshape(1, -1)
        if points.ndim != 2 or points.shape[1] != n:
            raise SpecError(
                f"theta must have one column for each of the {n} attributes; found shape "
                f"{np.shape(theta)}"
            )
        return np.ascontiguousarray(points)

    def _class_table(self, item: int, group: object, class_: int) -> NDArray[np.float64]:
        """Category probabilities (M,) of an item without attributes."""
        return self._curve(item, np.zeros((1, 0)), group, class_)[0][:, 0]

    def _class_probabilities(self, item: str | None, group: object, class_: int | None) -> Any:
        design = self._model.design
        columns = _columns("group", "class", "item", "category")
        probabilities: list[float] = []
        for label in design.groups if group is None else (group,):
            for c in range(1, design.n_classes + 1) if class_ is None else (class_,):
                for i in self._items(item, label):
                    table = self._class_table(i, label, c)
                    columns["group"] += [label] * len(table)
                    columns["class"] += [c] * len(table)
                    columns["item"] += [design.items[i]] * len(table)
                    columns["category"] += list(design.category_labels[i])
                    probabilities += table.tolist()
        if not design.has_groups:
            del columns["group"]
        return to_native({**columns, "probability": probabilities}, self._native)


def _columns(*names: str) -> dict[str, list[Any]]:
    return {name: [] for name in names}
