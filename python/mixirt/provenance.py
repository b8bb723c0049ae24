"""What stays known of the responses of a fit once they are gone."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixirt import _core
from mixirt._answers import Answers
from mixirt.errors import DataError
from mixirt.responses import Responses

__all__ = ["DataSummary", "FittedData", "fingerprint"]


@dataclass(frozen=True)
class DataSummary:
    """The responses of a fit in a few numbers.

    Attributes
    ----------
    n_respondents : int
        Number of respondents.
    n_patterns : int
        Number of different response patterns.
    sum_of_weights : float
        Sum of the weights; the number of respondents without weights.
    group_sizes : tuple of int
        Respondents in each observed group.
    native : str
        The library that the responses came in, and frames go out in.
    """

    n_respondents: int
    n_patterns: int
    sum_of_weights: float
    group_sizes: tuple[int, ...]
    native: str


class FittedData:
    """The responses of a fit: always their summary; themselves only where they were fitted.

    A fit read from a file has the summary and the fingerprint. What needs more says so.
    """

    def __init__(
        self,
        summary: DataSummary,
        fingerprint: str | None = None,
        responses: Responses | None = None,
        engine: _core.Data | None = None,
        known: NDArray[np.uint16] | None = None,
    ) -> None:
        self.summary = summary
        #: Known latent classes (N,), 0 where unknown; None without any, or without responses.
        self.known = known
        self._fingerprint, self._responses, self._engine = fingerprint, responses, engine

    @classmethod
    def of(
        cls, read: Responses, engine: _core.Data, known: NDArray[np.uint16] | None = None
    ) -> FittedData:
        """Summarise responses that are here."""
        sizes = [read.n_rows]
        if read.groups is not None:
            sizes = np.bincount(read.groups, minlength=len(read.group_labels or ())).tolist()
        summary = DataSummary(
            n_respondents=int(engine.n_respondents),
            n_patterns=int(engine.n_patterns),
            sum_of_weights=float(engine.sum_of_weights),
            group_sizes=tuple(sizes),
            native=read.native,
        )
        return cls(summary, None, read, engine, known)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what the engine made of the responses; a `Result` has it made again."""
        return {**vars(self), "_engine": None}

    @property
    def is_here(self) -> bool:
        """Whether the responses themselves are at hand."""
        return self._responses is not None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what was fitted, in hexadecimal; see `fingerprint`."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint(self.responses, self.known)
        return self._fingerprint

    @property
    def responses(self) -> Responses:
        """The fitted responses.

        Raises
        ------
        DataError
            If the fit was read from a file, which does not hold them.
        """
        if self._responses is None:
            raise _absent()
        return self._responses

    @property
    def engine(self) -> _core.Data:
        """The fitted responses as the engine keeps them; raises as `responses` does."""
        if self._engine is None:
            raise _absent()
        return self._engine


def _absent() -> DataError:
    return DataError(
        "this fit was read from a file, which holds the estimates but not the responses they were "
        "made from; pass responses to score or classify them, or, for what needs the fitted "
        "responses themselves, fit them again from here: mixirt.fit(responses, r.model, start=r)"
    )


def fingerprint(read: Responses, known: NDArray[np.uint16] | None = None) -> str:
    """SHA-256 of codes, weights, groups and known classes: equal where a fit saw the same numbers.

    It covers the numbers of rows and items (two little-endian 64-bit integers), the codes row by
    row (one byte each), then a byte 1 and the weights (64-bit floats) or a byte 0, and likewise the
    groups (32-bit integers) and the known classes (16-bit integers); little-endian everywhere.

    Examples
    --------
    >>> fingerprint(Responses.read([[0, 1], [1, 0]]))[:12]
    'c6324ff11a42'
    """
    digest = hashlib.sha256(struct.pack("<QQ", read.n_rows, read.n_items))
    blocks = read.codes.blocks() if isinstance(read.codes, Answers) else (read.codes,)
    for block in blocks:
        digest.update(np.ascontiguousarray(block).data)
    for part, kind in ((read.weights, "<f8"), (read.groups, "<i4"), (known, "<u2")):
        digest.update(b"\0" if part is None else b"\1")
        if part is not None:
            digest.update(np.ascontiguousarray(part, dtype=kind).data)
    return digest.hexdigest()
