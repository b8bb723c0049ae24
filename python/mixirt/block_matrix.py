"""Symmetric matrices made of blocks, most of which are zero.

One block row for every latent group: what a group shares with others are a few blocks off the
diagonal. Blocks are eliminated in the order of how many others they touch, which keeps most blocks
zero: a thousand groups that all share items with the first cost a thousand small steps.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BlockMatrix"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Step:
    """What eliminating a block leaves: its inverse pivot, and its dependence on later blocks."""

    block: int
    inverse: Floats
    weights: dict[int, Floats]


class BlockMatrix:
    """A symmetric matrix; ``rows[g][h]`` is the block of ``g`` and ``h`` where it is not zero."""

    def __init__(self, rows: list[dict[int, Floats]]) -> None:
        self._rows = rows

    @classmethod
    def zeros(cls, n_blocks: int, size: int) -> BlockMatrix:
        """Make a matrix of ``n_blocks`` zero blocks ``(size, size)`` on the diagonal."""
        return cls([{g: np.zeros((size, size))} for g in range(n_blocks)])

    def add_square(self, parts: dict[int, Floats]) -> None:
        """Add the outer product of a vector with itself, given by its blocks ``(size,)``."""
        for g, left in parts.items():
            for h, right in parts.items():
                product = np.outer(left, right)
                self._rows[g][h] = self._rows[g][h] + product if h in self._rows[g] else product

    def part(self, keep: Sequence[NDArray[np.intp]]) -> BlockMatrix:
        """Take some rows and columns of every block, and leave the others out."""
        return BlockMatrix(
            [
                {h: block[np.ix_(keep[g], keep[h])] for h, block in row.items()}
                for g, row in enumerate(self._rows)
            ]
        )

    def largest_diagonal(self) -> float:
        """Return the largest element of the diagonal, at least 0."""
        return max(float(row[g].diagonal().max(initial=0.0)) for g, row in enumerate(self._rows))

    def exceeds(self, bound: float) -> bool:
        """Whether every eigenvalue is above a bound."""
        return self._eliminate(-bound) is not None

    def diagonal_of_inverse(self, shift: float) -> list[Floats] | None:
        """Diagonal of the inverse of the matrix plus ``shift`` times the identity, by block.

        None where the sum is not positive definite.
        """
        steps = self._eliminate(shift)
        if steps is None:
            return None
        # Blocks of the inverse, from the last step to the first: each needs only those of the
        # blocks that it depends on.
        inverse: dict[tuple[int, int], Floats] = {}
        for step in reversed(steps):
            own = step.inverse.copy()
            for h in step.weights:
                column = -sum(
                    (weight @ inverse[k, h] for k, weight in step.weights.items()),
                    np.zeros((len(own), inverse[h, h].shape[0])),
                )
                inverse[step.block, h], inverse[h, step.block] = column, column.T
                own -= step.weights[h] @ column.T
            inverse[step.block, step.block] = own
        return [inverse[g, g].diagonal() for g in range(len(self._rows))]

    def _eliminate(self, shift: float) -> list[_Step] | None:
        """Eliminate one block after the other; None where a pivot is not positive definite."""
        left = [dict(row) for row in self._rows]
        waiting = [(len(row), g) for g, row in enumerate(left)]
        heapq.heapify(waiting)
        done, steps = set(), []
        while waiting:
            n_touched, g = heapq.heappop(waiting)
            if g in done or n_touched != len(left[g]):
                continue  # an entry from before its number changed
            done.add(g)
            others = {h: block for h, block in left[g].items() if h != g}
            pivot = left[g][g] + shift * np.eye(len(left[g][g]))
            try:
                np.linalg.cholesky(pivot)
            except np.linalg.LinAlgError:
                return None
            inverse: Floats = np.asarray(np.linalg.inv(pivot))
            weights = {h: inverse @ block for h, block in others.items()}
            for h, block in others.items():
                del left[h][g]
                for k, weight in weights.items():
                    change = block.T @ weight
                    left[h][k] = left[h][k] - change if k in left[h] else -change
                heapq.heappush(waiting, (len(left[h]), h))
            steps.append(_Step(g, inverse, weights))
        return steps
