"""Estimates of any program in the terms of mixirt."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Estimates:
    """Parameters of a model; the first axis is the observed group or latent class.

    Attributes
    ----------
    slopes
        Shape (K, I, J), 0 where an item does not measure an attribute.
    intercepts
        Shape (K, I, M - 1). GPCM: of the logit against the first category. GRM: of P(X >= m).
    mean, covariance
        Of the attributes, shapes (K, J) and (K, J, J).
    guessing
        Probabilities, shape (K, I); None but for the 3PL.
    proportions
        Of the latent classes, shape (K,); None where groups are observed.
    """

    slopes: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    guessing: NDArray[np.float64] | None = None
    proportions: NDArray[np.float64] | None = None

    @classmethod
    def of_one_group(
        cls,
        slopes: ArrayLike,
        intercepts: ArrayLike,
        *,
        covariance: ArrayLike | None = None,
        guessing: ArrayLike | None = None,
    ) -> Estimates:
        """Estimates for one group: slopes (I,) or (I, J), intercepts (I,) or (I, M - 1)."""
        a = np.asarray(slopes, dtype=float)
        a = a[:, None] if a.ndim == 1 else a
        b = np.asarray(intercepts, dtype=float)
        b = b[:, None] if b.ndim == 1 else b
        n_dims = a.shape[1]
        cov = np.eye(n_dims) if covariance is None else np.asarray(covariance, dtype=float)
        c = None if guessing is None else np.asarray(guessing, dtype=float)[None]
        return cls(a[None], b[None], np.zeros((1, n_dims)), cov[None], c)

    @classmethod
    def of_groups(cls, groups: list[Estimates], proportions: ArrayLike | None = None) -> Estimates:
        """Put groups or classes together."""

        def stack(name: str) -> NDArray[np.float64] | None:
            parts = [getattr(group, name) for group in groups]
            return None if parts[0] is None else np.concatenate(parts)

        parts = {f.name: stack(f.name) for f in fields(cls) if f.name != "proportions"}
        pi = None if proportions is None else np.asarray(proportions, dtype=float)
        return cls(**parts, proportions=pi)  # type: ignore[arg-type]

    def save(self, path: Path) -> None:
        """Write to an npz file."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        np.savez(path, **{name: x for name, x in arrays.items() if x is not None})

    @classmethod
    def load(cls, path: Path) -> Estimates:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return cls(**arrays)
