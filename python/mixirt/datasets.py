"""Data sets that the documentation and the tests work with.

Responses as the literature has them, one row a respondent. `load` reads one, `names` lists them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixirt._words import shown
from mixirt.errors import DataError

__all__ = ["Dataset", "load", "names"]

_GROUP_COLUMN = "country"
_FRAME_MAKERS = {"pandas": "DataFrame", "polars": "DataFrame", "pyarrow": "table"}


class _Entry(NamedTuple):
    description: str
    source: str


_CATALOGUE = {
    "carcinoma": _Entry(
        "Seven pathologists (items) judge 118 slides (rows): 1 if carcinoma of the uterine cervix "
        "is present, 0 if not. A latent class example with probabilities at 0 and 1.",
        "Agresti (2002), Categorical Data Analysis, 2nd ed., table 13.1; also in R package poLCA",
    ),
    "fims": _Entry(
        "First International Mathematics Study: 14 items scored right (1) or wrong (0), 6,371 "
        "students of two countries, 1 Australia and 2 Japan.",
        "First International Mathematics Study; also in R package TAM",
    ),
    "gss87_antirel": _Entry(
        "Should anti-religionists be allowed to speak (item1) and to teach (item2), and their "
        "books in public libraries (item3)? 0 if yes, 1 if no; 1,713 respondents.",
        "General Social Survey 1987, as in the latent class tutorial of the MSI Statistical "
        "Training Series",
    ),
    "lsat6": _Entry(
        "Law School Admission Test, section 6: five items scored right (1) or wrong (0), 1,000 "
        "candidates.",
        "Bock & Lieberman (1970), Psychometrika 35, 179-197",
    ),
    "lsat7": _Entry(
        "Law School Admission Test, section 7: five items scored right (1) or wrong (0), 1,000 "
        "candidates.",
        "Bock & Lieberman (1970), Psychometrika 35, 179-197",
    ),
    "mobility": _Entry(
        "Social freedom of 8,445 rural women in Bangladesh: what a woman may do on her own, eight "
        "yes (1) or no (0) items.",
        "Bangladesh Fertility Survey 1989 (Huq & Cleland, 1990); also in R package ltm",
    ),
    "sat12": _Entry(
        "A science test of grade 12: 32 multiple-choice items scored right (1) or wrong (0), 600 "
        "students. Guessing matters.",
        "Manual of TESTFACT 4 (Wood et al., 2003); also in R package mirt",
    ),
    "science": _Entry(
        "Attitude to science and technology: four statements, from strongly disagree (1) to "
        "strongly agree (4), 392 respondents.",
        "Eurobarometer 38.1 (1992), Great Britain; also in R packages ltm and mirt",
    ),
    "timss_aus_twn": _Entry(
        "Trends in International Mathematics and Science Study: seven items scored 0 or 1 and four "
        "scored 0, 1 or 2, 1,769 students. Countries are ISO numbers: 36 is Australia, 158 Taiwan.",
        "TIMSS 2011, mathematics; items and countries of data.timssAusTwn in R package TAM",
    ),
}


@dataclass(frozen=True)
class Dataset:
    """Responses with what there is to know about them.

    Attributes
    ----------
    name : str
        The name it was loaded by.
    description : str
        What was asked of whom, and what the codes mean.
    responses : ndarray of shape (n_respondents, n_items)
        Category codes: integers, or floats with NaN where a response is missing.
    item_names : tuple of str
        One per column.
    groups : ndarray of str of shape (n_respondents,), or None
        Country of each respondent.
    source : str
        Where the data come from.
    """

    name: str
    description: str
    responses: NDArray[np.int64] | NDArray[np.float64]
    item_names: tuple[str, ...]
    groups: NDArray[np.str_] | None
    source: str

    def frame(self, backend: str = "pandas") -> Any:
        """Return the responses as a data frame.

        Parameters
        ----------
        backend : str
            The library that makes it: "pandas", "polars" or "pyarrow". It has to be installed.

        Returns
        -------
        DataFrame
            A column per item and, where the data have groups, a last column `country`.

        Raises
        ------
        DataError
            If the backend is none of the three.
        ImportError
            If it is not installed.

        Examples
        --------
        >>> from mixirt import datasets
        >>> list(datasets.load("science").frame().columns)
        ['Comfort', 'Work', 'Future', 'Benefit']
        """
        if str(backend) not in _FRAME_MAKERS:
            raise DataError(
                f"no frame can be made by {shown(backend)}; there are {', '.join(_FRAME_MAKERS)}"
            )
        columns: dict[str, Any] = dict(zip(self.item_names, self.responses.T, strict=True))
        if self.groups is not None:
            columns[_GROUP_COLUMN] = self.groups.tolist()
        try:
            library = import_module(backend)
        except ImportError as error:
            raise ImportError(
                f"a {backend} frame needs {backend}: pip install {backend}; or take the array, "
                f"datasets.load({self.name!r}).responses"
            ) from error
        return getattr(library, _FRAME_MAKERS[backend])(columns)


def names() -> list[str]:
    """Names of the data sets.

    Returns
    -------
    list of str
        In alphabetical order.

    Examples
    --------
    >>> from mixirt import datasets
    >>> datasets.names()[:3]
    ['carcinoma', 'fims', 'gss87_antirel']
    """
    return sorted(_CATALOGUE)


def load(name: str) -> Dataset:
    """Read a data set of the package.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    Dataset
        Responses, names of items and groups, description and source.

    Raises
    ------
    DataError
        If there is no data set of that name.

    Examples
    --------
    >>> from mixirt import datasets
    >>> lsat = datasets.load("lsat7")
    >>> lsat.responses.shape
    (1000, 5)
    """
    if str(name) not in _CATALOGUE:
        raise DataError(f"no data set is called {shown(name)}; there are {', '.join(names())}")
    entry = _CATALOGUE[name]
    text = files("mixirt").joinpath("data", f"{name}.csv").read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines())
    groups = None
    if header[-1] == _GROUP_COLUMN:
        groups = np.array([row[-1] for row in rows])
        header, rows = header[:-1], [row[:-1] for row in rows]
    return Dataset(
        name=name,
        description=entry.description,
        responses=_codes(rows),
        item_names=tuple(header),
        groups=groups,
        source=entry.source,
    )


def _codes(rows: list[list[str]]) -> NDArray[np.int64] | NDArray[np.float64]:
    """Codes (n_respondents, n_items); floats only where an empty field has to become NaN."""
    if any("" in row for row in rows):
        return np.array([[float(field or "nan") for field in row] for row in rows])
    return np.array(rows, dtype=np.int64)
