"""Options in messages: written as those who read the message give them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from mixirt._words import MAX_NAMES, shown

__all__ = ["aside", "option", "spelled"]

#: Writes an option, and its value if one is advised; None for an option that it does not have.
Spelling = Callable[..., str | None]

_SPELLING: ContextVar[Spelling | None] = ContextVar("spelling", default=None)


@contextmanager
def spelled(spelling: Spelling) -> Iterator[None]:
    """Have options written otherwise than as arguments of Python."""
    token = _SPELLING.set(spelling)
    try:
        yield
    finally:
        _SPELLING.reset(token)


def option(name: str, *value: Any) -> str:
    """Write an option in a message.

    Parameters
    ----------
    name : str
        The argument of Python; with ``=`` behind it, it is written as a keyword.
    *value
        What it could be; ``...`` stands for what the reader has to put in.

    Examples
    --------
    >>> option("n_starts"), option("groups="), option("missing", 9)
    ('n_starts', 'groups=', 'missing=9')
    >>> option("categories", {"q1": ["no", "yes"], "q2": [...]})
    "categories={'q1': ['no', 'yes'], 'q2': [...]}"
    """
    found = _spelled(name.removesuffix("="), *value)
    if found is not None:
        return found
    return f"{name}={_literal(value[0])}" if value else name


def aside(name: str) -> str:
    """Name an option in brackets where it exists; Python may have none by that name."""
    found = _spelled(name)
    return "" if found is None else f" ({found})"


def _spelled(name: str, *value: Any) -> str | None:
    spelling = _SPELLING.get()
    return None if spelling is None else spelling(name, *value)


def _literal(value: Any) -> str:
    """Write a value as Python does; of many items the first few."""
    if value is ...:
        return "..."
    if isinstance(value, Mapping):
        entries = [f"{shown(name)}: {_literal(own)}" for name, own in value.items()]
        more = ["..."] if len(entries) > MAX_NAMES else []
        return f"{{{', '.join([*entries[:MAX_NAMES], *more])}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_literal(own) for own in value)}]"
    return shown(value)
