"""How a fit runs: algorithm, criteria, starts and threads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from mixirt._checks import check_threads, positive_number, whole_number, word
from mixirt._options import option

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """How a fit runs; see :func:`mixirt.fit` for each."""

    acceleration: str = "anderson"
    max_cycles: int = 2000
    tol_parameter: float = 1e-5
    tol_deviance: float = 1e-5
    max_newton: int | None = None
    n_threads: int | None = None
    n_starts: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no count or tolerance, and keep Python's own numbers of the others."""
        word("acceleration", self.acceleration)
        own = {
            "max_cycles": whole_number(option("max_cycles"), self.max_cycles, 0),
            "tol_parameter": positive_number("tol_parameter", self.tol_parameter),
            "tol_deviance": positive_number("tol_deviance", self.tol_deviance),
            "n_threads": check_threads(self.n_threads),
        }
        if self.max_newton is not None:
            own["max_newton"] = whole_number("max_newton", self.max_newton, 1)
        for name, value in own.items():
            object.__setattr__(self, name, value)

    def of_one_start(self) -> dict[str, Any]:
        """Arguments of the engine's `fit`, but for those of several starts."""
        own = asdict(self)
        del own["n_starts"], own["seed"]
        return own
