"""What a fit can serve for afterwards: a file, start values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from mixirt._checks import file_path
from mixirt._words import quoted, shown
from mixirt.errors import SpecError
from mixirt.model import Model

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["Reuse", "addresses"]


class Reuse:
    """Keeping a fit and building on it; mixed into :class:`mixirt.Result`."""

    _model: Model
    _values: NDArray[np.float64]

    def save(self, path: str | Path, *, covariances: bool = True) -> None:
        """Write the fit to a file that :func:`mixirt.load` reads, JSON by a published schema.

        The file holds the model with all its constraints, the estimates, how they were found and
        the numbers that describe the fit; of the responses no more than their number and a
        fingerprint. It is replaced as a whole: a save that is cut short leaves the old file.

        Parameters
        ----------
        path : str or Path
            The file, for instance ``"m.json"``.
        covariances : bool, default True
            Keep the standard errors, the status of the fit and the covariance matrices that `vcov`
            has computed. They are most of the file where there are hundreds of parameters.

        Raises
        ------
        FileError
            If the file cannot be written, or a label is neither text, a number nor a truth value.
        SpecError
            If `path` is none.

        Examples
        --------
        >>> import mixirt, pathlib, tempfile
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "lsat7.json"
        ...     r.save(path)
        ...     again = mixirt.load(path)
        >>> again.loglik == r.loglik, again.score([[1, 1, 1, 1, 1]]).theta.round(2).tolist()
        (True, [[0.73]])
        """
        from mixirt.files import save

        save(cast("Result", self), file_path("a fit", path), covariances)

    def start_for(self, model: Model) -> Model:
        """Give another model start values at these estimates, matched by name.

        Parameters
        ----------
        model : Model
            The model to be fitted next; what it fixes stays fixed.

        Returns
        -------
        Model
            The same model with start values for every parameter that this fit has too.

        Raises
        ------
        SpecError
            If `model` is none, or the fit has no parameter of it.

        Examples
        --------
        >>> import mixirt
        >>> lsat7 = mixirt.datasets.load("lsat7").responses
        >>> first = mixirt.fit(lsat7, "1pl")
        >>> second = mixirt.fit(lsat7, first.start_for(mixirt.Model("2pl", items=5)))
        >>> second.n_cycles > 0
        True
        """
        if not isinstance(model, Model):
            raise SpecError(f"start_for takes a mixirt.Model; found {shown(model)}")
        values = dict(zip(addresses(self._model), self._values, strict=True))
        is_fixed = model.table.is_fixed
        matched = {
            cell: float(values[address])
            for cell, address in enumerate(addresses(model))
            if address in values and not is_fixed[cell]
        }
        if not matched:
            raise SpecError(
                "the fit given as start has no parameter of this model: its items are "
                f"{quoted(self._model.design.items)}, the model's {quoted(model.design.items)}; "
                "they are matched by name"
            )
        cells, starts = np.array(list(matched)), np.array(list(matched.values()))
        return model._with(model.table.start_at(cells, starts))


def addresses(model: Model) -> list[tuple[object, ...]]:
    """List the names of every cell: what identifies it in another model."""
    design, cells = model.design, model.design.cells
    attributes: tuple[str | None, ...] = (*design.attributes, None)
    items: tuple[str | None, ...] = (*design.items, None)
    return [
        (
            int(cells.kind[c]),
            str(design.groups[cells.group[c] // design.n_classes]),
            int(cells.group[c] % design.n_classes),
            items[cells.item[c]],
            attributes[cells.attribute[c]],
            attributes[cells.attribute_2[c]],
            int(cells.category[c]),
        )
        for c in range(len(cells))
    ]
