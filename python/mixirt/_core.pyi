"""Types of the compiled engine; private: use the functions of `mixirt`."""

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Data",
    "Drawer",
    "Model",
    "Scorer",
    "Structure",
    "__version__",
    "contributions",
    "covariance",
    "em_step",
    "encode",
    "expected_counts",
    "fit",
    "gradient",
    "sum_scores",
    "vcov_methods",
]

__version__: str

@final
class Structure:
    def __new__(
        cls,
        *,
        item_names: Sequence[str],
        families: Sequence[str],
        category_scores: Sequence[Sequence[float]],
        item_attributes: Sequence[Sequence[int]],
        attribute_names: Sequence[str],
        group_names: Sequence[str],
        group_items: Sequence[Sequence[int]],
        group_attributes: Sequence[Sequence[int]],
        n_classes: int,
        quadrature: str,
        n_quadrature: Sequence[int] | None,
        prune: float | None,
    ) -> Structure: ...
    def cells(self) -> list[NDArray[np.int64]]: ...

@final
class Model:
    def __new__(
        cls,
        structure: Structure,
        *,
        slot: NDArray[np.int64],
        value: NDArray[np.float64],
        start: NDArray[np.float64],
        lower: NDArray[np.float64],
        upper: NDArray[np.float64],
        priors: Sequence[tuple[str, float, float] | None],
    ) -> Model: ...
    @property
    def n_free(self) -> int: ...
    @property
    def n_parameters(self) -> int: ...
    def expand(self, x: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def is_feasible(self, x: NDArray[np.float64]) -> bool: ...
    def start(self, data: Data) -> NDArray[np.float64]: ...
    def plan(self) -> str: ...
    def n_points(self) -> list[int]: ...
    def largest_grid(self) -> int: ...
    def resolution(self, x: NDArray[np.float64]) -> list[float]: ...
    def item_curves(
        self, x: NDArray[np.float64], group: int, index: int, theta: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

@final
class Data:
    def __new__(
        cls,
        model: Model,
        codes: NDArray[np.uint8],
        *,
        group: NDArray[np.uint32] | None = None,
        weights: NDArray[np.float64] | None = None,
        known_class: NDArray[np.uint16] | None = None,
        n_threads: int | None = None,
    ) -> Data: ...
    @staticmethod
    def from_answers(
        model: Model,
        ptr: NDArray[np.uint64],
        items: NDArray[np.uint32],
        codes: NDArray[np.uint8],
        *,
        group: NDArray[np.uint32] | None = None,
        weights: NDArray[np.float64] | None = None,
        known_class: NDArray[np.uint16] | None = None,
        n_threads: int | None = None,
    ) -> Data: ...
    @property
    def n_respondents(self) -> int: ...
    @property
    def n_patterns(self) -> int: ...
    @property
    def sum_of_weights(self) -> float: ...
    def category_counts(self) -> list[list[list[float]]]: ...
    def score(
        self,
        model: Model,
        x: NDArray[np.float64],
        method: str,
        *,
        n_threads: int | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> dict[str, NDArray[np.float64]]: ...

@final
class Drawer:
    def __new__(cls, model: Model, x: NDArray[np.float64]) -> Drawer: ...
    def draw(
        self,
        codes: NDArray[np.uint8],
        n_draws: int,
        seed: int,
        *,
        first_row: int = 0,
        group: NDArray[np.uint32] | None = None,
        known_class: NDArray[np.uint16] | None = None,
        n_threads: int | None = None,
    ) -> dict[str, NDArray[Any]]: ...

@final
class Scorer:
    def __new__(cls, model: Model, x: NDArray[np.float64], method: str) -> Scorer: ...
    def score(
        self,
        codes: NDArray[np.uint8],
        *,
        group: NDArray[np.uint32] | None = None,
        n_threads: int | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> dict[str, NDArray[np.float64]]: ...
    def score_columns(
        self,
        responses: NDArray[Any] | list[NDArray[Any]],
        tables: NDArray[np.uint8],
        others: Sequence[tuple[int, float, int]],
        scores: tuple[NDArray[np.float64], ...],
        *,
        n_threads: int | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> None: ...
    def score_one(
        self, group: int, codes: bytes
    ) -> tuple[
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        float,
    ]: ...

def encode(
    responses: NDArray[Any] | list[NDArray[Any]],
    tables: NDArray[np.uint8],
    others: Sequence[tuple[int, float, int]],
    codes: NDArray[np.uint8],
) -> tuple[NDArray[np.uint32], tuple[int, int] | None]: ...
def fit(
    model: Model,
    data: Data,
    *,
    start: NDArray[np.float64] | None,
    acceleration: str,
    max_cycles: int,
    tol_parameter: float,
    tol_deviance: float,
    max_newton: int | None,
    n_starts: int = 1,
    seed: int = 0,
    n_threads: int | None = None,
    progress: Callable[[float, float, bool], object] | None = None,
    runs: Callable[[bool, int, int, int], object] | None = None,
) -> dict[str, Any]: ...
def expected_counts(
    model: Model, data: Data, x: NDArray[np.float64], *, eliminate: bool = False
) -> dict[str, Any]: ...
def em_step(
    model: Model, data: Data, x: NDArray[np.float64], max_newton: int
) -> NDArray[np.float64]: ...
def covariance(
    model: Model,
    data: Data,
    x: NDArray[np.float64],
    method: str,
    *,
    clusters: Sequence[int] | None = None,
    weights: Sequence[float] | None = None,
    n_threads: int | None = None,
) -> dict[str, Any]: ...
def gradient(
    model: Model,
    data: Data,
    x: NDArray[np.float64],
    *,
    n_threads: int | None = None,
) -> tuple[float, NDArray[np.float64]]: ...
def contributions(
    model: Model,
    data: Data,
    x: NDArray[np.float64],
    *,
    n_threads: int | None = None,
) -> NDArray[np.float64]: ...
def sum_scores(
    model: Model,
    x: NDArray[np.float64],
    group: int,
    items: Sequence[int],
    points: Sequence[Sequence[int]],
    *,
    n_threads: int | None = None,
) -> dict[str, NDArray[Any]]: ...
def vcov_methods() -> list[str]: ...
