"""Warnings that point at the line of the caller, however deep in the package they arise."""

from __future__ import annotations

import inspect
import warnings

from mixirt.errors import MixirtWarning

__all__ = ["warn"]


def warn(message: str, category: type[MixirtWarning]) -> None:
    """Warn at the nearest frame outside the package."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("mixirt."):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)
