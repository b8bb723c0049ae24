"""Small helpers for messages: lists of names, and the nearest known name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def quoted(names: Iterable[object], most: int = 8) -> str:
    """Names in quotes, the first few of them.

    Examples
    --------
    >>> quoted(["a", "b"])
    "'a', 'b'"
    >>> quoted("abcd", most=2)
    "'a', 'b' and 2 more"
    """
    listed = [f"'{name}'" for name in names]
    more = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {more} more" if more > 0 else "")


def unknown(what: str, name: object, known: Sequence[object]) -> str:
    """Say that a name is unknown, with the nearest known one and a list of the rest.

    Examples
    --------
    >>> unknown("item", "itm1", ["item1", "other"])
    "unknown item 'itm1'; did you mean 'item1'? Known: 'item1', 'other'"
    """
    labels = [str(label) for label in known]
    near = difflib.get_close_matches(str(name), labels, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"unknown {what} '{name}'; {hint}{'K' if hint else 'k'}nown: {quoted(labels)}"
