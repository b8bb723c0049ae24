"""Unknown keywords: answered with the known one that was meant."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import ParamSpec, TypeVar

from mixirt._words import unknown

__all__ = ["names_keywords"]

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


def names_keywords(
    elsewhere: Mapping[str, str],
) -> Callable[[Callable[Given, Returned]], Callable[Given, Returned]]:
    """Let a function answer an unknown keyword with the nearest one it has.

    Parameters
    ----------
    elsewhere : mapping from keyword to text
        Keywords that other programs have or that stand for something said otherwise here: what to
        say instead.

    Returns
    -------
    callable
        The decorator; the function keeps its signature.
    """

    def decorate(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
        known = tuple(inspect.signature(function).parameters)

        @wraps(function)
        def checked(*args: Given.args, **keywords: Given.kwargs) -> Returned:
            for name in keywords:
                if name in known:
                    continue
                hint = f"unknown option '{name}'; {elsewhere.get(name, '')}"
                said = hint if name in elsewhere else unknown("option", name, known)
                raise TypeError(f"{function.__name__}: {said}")
            return function(*args, **keywords)

        return checked

    return decorate
