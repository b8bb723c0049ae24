"""Coded answers as lists, for responses of which most cells are empty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MISSING", "Answers"]

#: The code of a missing answer, where answers are a matrix.
MISSING = 255

#: Rows that are made dense at a time when they are only looked at.
_BLOCK_CELLS = 1 << 20


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers of N respondents to I items, respondent by respondent.

    Attributes
    ----------
    ptr
        Where each respondent's answers begin: uint64, shape (N + 1,).
    items
        Item of each answer, ascending within a respondent: uint32, shape (A,).
    codes
        Category of each answer: uint8, shape (A,).
    n_items
        Number of items I.
    """

    ptr: NDArray[np.uint64]
    items: NDArray[np.uint32]
    codes: NDArray[np.uint8]
    n_items: int

    def __len__(self) -> int:
        """Give the number of respondents."""
        return len(self.ptr) - 1

    def n_answers(self) -> NDArray[np.int64]:
        """Count the answers of each respondent: shape (N,)."""
        ptr = self.ptr.astype(np.int64)
        return np.asarray(ptr[1:] - ptr[:-1])

    def counts(self, counting: NDArray[np.bool_] | None = None) -> NDArray[np.uint32]:
        """Count the respondents by item and code: shape (I, 256); of those `counting (N,)`."""
        cell = self.items.astype(np.int64) * 256 + self.codes
        if counting is not None:
            cell = cell[np.repeat(counting, self.n_answers())]
        found = np.bincount(cell, minlength=256 * self.n_items).astype(np.uint32)
        return found.reshape(self.n_items, 256)

    def answered(self, group: NDArray[np.integer], n_groups: int) -> NDArray[np.bool_]:
        """Whether anybody in a group answered an item: shape (groups, I)."""
        answered = np.zeros((n_groups, self.n_items), dtype=np.bool_)
        answered[np.repeat(group, self.n_answers()), self.items] = True
        return answered

    def blocks(self) -> Iterator[NDArray[np.uint8]]:
        """Give the matrix of codes a few rows at a time, 255 where there is no answer."""
        step = max(1, _BLOCK_CELLS // max(1, self.n_items))
        for start in range(0, len(self), step):
            ptr = self.ptr[start : start + step + 1].astype(np.int64)
            rows = np.repeat(np.arange(len(ptr) - 1), np.diff(ptr))
            block = np.full((len(ptr) - 1, self.n_items), MISSING, dtype=np.uint8)
            block[rows, self.items[ptr[0] : ptr[-1]]] = self.codes[ptr[0] : ptr[-1]]
            yield block

    def matrix(self) -> NDArray[np.uint8]:
        """Give the whole matrix of codes, shape (N, I): a byte for every cell."""
        return np.concatenate([*self.blocks(), np.empty((0, self.n_items), np.uint8)])
