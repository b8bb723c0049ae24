"""Plausible values: draws from the posterior distributions of respondents' attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._checks import check_threads, drawn_seed, whole_number
from mixirt._progress import Progress
from mixirt.frames import to_native
from mixirt.long_format import own_columns
from mixirt.scores import check_nothing_new, read_new

if TYPE_CHECKING:
    from mixirt.responses import Responses
    from mixirt.result import Result

__all__ = ["DrawOptions", "Drawing", "PlausibleValues", "plausible_values"]

#: Respondents drawn for at a time, between two looks at the progress.
_CHUNK = 1 << 14


@dataclass(frozen=True, eq=False)
class PlausibleValues:
    """Draws from the posteriors of N respondents; made by :meth:`mixirt.Result.plausible_values`.

    Attributes
    ----------
    attributes : tuple of str
        Names of the J attributes.
    theta : ndarray, shape (N, D, J)
        D draws of the attributes of each respondent; NaN for an attribute that is not in a
        respondent's group.
    classes : ndarray of int, shape (N, D)
        The latent class drawn with each, from 1.
    seed : int
        What gives the same draws again.
    n_classes : int
        Latent classes of the model.
    persons, index
        Labels of the respondents, as in :class:`mixirt.Scores`.
    """

    attributes: tuple[str, ...]
    theta: NDArray[np.float64]
    classes: NDArray[np.int64]
    seed: int
    native: str = "numpy"
    persons: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    n_classes: int = 1
    index: Any = None

    def __repr__(self) -> str:
        about = ", ".join(self.attributes) or f"{self.n_classes} classes"
        return (
            f"<mixirt.PlausibleValues: {len(self.theta)} respondents, {self.n_draws} draws of "
            f"{about}; frame() shows them>"
        )

    @property
    def n_draws(self) -> int:
        """Number of draws D for each respondent."""
        return int(self.classes.shape[1])

    def frame(self) -> Any:
        """One row per respondent.

        Columns ``theta_1``, ``theta_2``, ... for every draw of every attribute; with classes,
        ``class_1``, ``class_2``, ... for that drawn with each. A pandas frame's index is kept; for
        long responses, the persons come first.

        Returns
        -------
        DataFrame
            In the library of the responses.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> list(r.plausible_values(n_draws=3, seed=1).frame().columns)
        ['theta_1', 'theta_2', 'theta_3']
        """
        columns: dict[str, Any] = {name: list(labels) for name, labels in self.persons.items()}
        for j, name in enumerate(self.attributes):
            columns |= {f"{name}_{d + 1}": self.theta[:, d, j] for d in range(self.n_draws)}
        if self.n_classes > 1:
            columns |= {f"class_{d + 1}": self.classes[:, d] for d in range(self.n_draws)}
        return to_native(columns, self.native, self.index)


class Drawing:
    """Plausible values of a fit; mixed into :class:`mixirt.Result`."""

    def plausible_values(  # noqa: PLR0913 -- keywords
        self,
        responses: Any = None,
        n_draws: int = 5,
        *,
        seed: int | None = None,
        groups: Any = None,
        missing: Any = None,
        extra: Any = "refuse",
        n_threads: int | None = None,
        progress: bool | None = None,
    ) -> PlausibleValues:
        """Draw from the posterior distribution of each respondent's attributes.

        Plausible values are for statistics of groups: computed from each set of draws and averaged
        over the sets, they are not shrunk as those of point estimates are [1]_.

        Parameters
        ----------
        responses : array, list of lists, data frame or LongResponses, optional
            As for :meth:`score`; default the responses of the fit.
        n_draws : int, default 5
            Draws for each respondent.
        seed : int, optional
            For the same draws again; default one drawn at random, to be found in the result.
        groups, missing, extra
            As for :meth:`score`.
        n_threads : int, optional
            Threads; default one per processor. The draws do not depend on it.
        progress : bool, optional
            Show how many respondents are done; default from two seconds on, where somebody watches.

        Returns
        -------
        PlausibleValues
            ``theta (N, D, J)`` and ``classes (N, D)``.

        Raises
        ------
        DataError
            As :meth:`score`.
        SpecError
            If `n_draws` or `seed` is no such number.
        EstimationError
            If a respondent's answers have probability 0, or the grid is too coarse to draw from.

        Notes
        -----
        The class is drawn first, with the probabilities of ``score().class_probabilities``. The
        attributes are drawn from the normal distribution of the class times the likelihood, as it
        is between the nodes of the grid too, by rejection: a node is drawn from the posterior over
        the grid and moved by up to a step along every axis, which gives proposals the density that
        interpolates the posterior's linearly; the curvature of the item response functions bounds
        how far the posterior density lies above that, and a proposal is accepted with the ratio of
        the two. So draws have the posterior's own shape, where draws of nodes would be too coarse,
        moving them alone would add variance, and a normal approximation would lose skewness. They
        lie within the range of the grid, 6 standard deviations of the group by default for one
        attribute. ``"gauss-hermite"`` models are drawn from on the default grid.

        Every respondent has a stream of random numbers (ChaCha) of the seed and the number of the
        row: draws do not depend on the other rows, nor on the number of threads; rows in another
        order get other draws.

        The estimates are taken as the truth: their standard errors do not enter.

        References
        ----------
        .. [1] R. J. Mislevy (1991). Randomization-based inference about latent variables from
           complex samples. Psychometrika 56, 177-196.

        Examples
        --------
        >>> import mixirt
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "rasch")
        >>> drawn = r.plausible_values(n_draws=5, seed=1)
        >>> drawn.theta.shape
        (1000, 5, 1)
        >>> estimated = r.covariance()[0, 0]
        >>> drawn_variance = drawn.theta.var(axis=0).mean()
        >>> eap_variance = r.score().theta.var()
        >>> print(f"{estimated:.2f} {drawn_variance:.1f} {eap_variance:.2f}")
        1.02 1.0 0.44
        """
        options = DrawOptions(n_draws, seed, missing, extra, n_threads, progress)
        return plausible_values(self, responses, groups, options)  # type: ignore[arg-type]


class DrawOptions(NamedTuple):
    """The arguments of :meth:`mixirt.Result.plausible_values` besides the responses."""

    n_draws: Any
    seed: Any
    missing: Any
    extra: Any
    n_threads: int | None
    progress: bool | None


def plausible_values(
    result: Result, responses: Any, groups: Any, options: DrawOptions
) -> PlausibleValues:
    """Draw for the fitted or new responses; see :meth:`mixirt.Result.plausible_values`."""
    check_threads(options.n_threads)
    n_draws = whole_number("n_draws", options.n_draws, 1)
    known: NDArray[np.uint16] | None = None
    if responses is None:
        check_nothing_new(groups, options.missing, options.extra)
        read, known = result._fitted.responses, result._fitted.known
        native = result._native
    else:
        groups, _ = own_columns(responses, groups)
        read = read_new(result, responses, groups, options.missing, options.extra)
        native = read.native
    seed = drawn_seed(options.seed)
    drawer = _core.Drawer(result._engine, result._found["x"])
    design = result.model.design
    theta = np.empty((read.n_rows, n_draws, len(design.attributes)))
    classes = np.empty((read.n_rows, n_draws), dtype=np.int64)
    with Progress(options.progress, read.n_rows) as shown:
        for start, codes, group in _pieces(read):
            rows = slice(start, start + len(codes))
            found = drawer.draw(
                codes,
                n_draws,
                seed,
                first_row=start,
                group=group,
                known_class=None if known is None else known[rows],
                n_threads=options.n_threads,
            )
            theta[rows], classes[rows] = found["theta"], found["class"]
            shown.say(rows.stop, "respondents drawn for")
    return PlausibleValues(
        attributes=design.attributes,
        theta=theta,
        classes=classes + 1,
        seed=seed,
        native=native,
        persons=read.persons,
        n_classes=design.n_classes,
        index=read.index,
    )


def _pieces(read: Responses) -> Any:
    """First row, codes (n, I) and groups (n,) of some respondents at a time."""
    codes = read.matrix()
    for start in range(0, read.n_rows, _CHUNK):
        rows = slice(start, start + _CHUNK)
        group = None if read.groups is None else read.groups[rows].astype(np.uint32)
        yield start, np.ascontiguousarray(codes[rows]), group
