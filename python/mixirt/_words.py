"""Words of messages: values, lists of values and names, numbers of things, the nearest name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

__all__ = ["MAX_NAMES", "counted", "listed", "quoted", "shown", "unknown"]

#: How many names a message lists before it only counts them.
MAX_NAMES = 5

#: How many characters of a value a message shows.
MAX_CHARACTERS = 60


def shown(value: Any) -> str:
    """Show a value in a message: a NumPy scalar as a Python one, a long value cut short."""
    return _cut(repr(value.item() if isinstance(value, np.generic) else value))


def _cut(text: str) -> str:
    """Put a text on one line that is no longer than a message can bear."""
    text = " ".join(text.split()) if "\n" in text else text
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 3] + "..."


def listed(values: Iterable[Any]) -> str:
    """List values in a message: the first five, and how many more there are.

    Examples
    --------
    >>> listed(["q1", "q2"])
    "'q1', 'q2'"
    >>> listed(range(9))
    '0, 1, 2, 3, 4 and 4 more'
    """
    values = list(values)
    text = ", ".join(shown(value) for value in values[:MAX_NAMES])
    n_more = len(values) - MAX_NAMES
    return f"{text} and {n_more} more" if n_more > 0 else text


def counted(n: int, noun: str) -> str:
    """Say how many there are.

    Examples
    --------
    >>> counted(1, "cycle"), counted(2, "cycle")
    ('1 cycle', '2 cycles')
    """
    return f"{n} {noun}{'s' * (n != 1)}"


def quoted(names: Iterable[object], most: int = 8) -> str:
    """List names in quotes, whatever their type: the first few, and how many more there are.

    Examples
    --------
    >>> quoted(["a", "b"])
    "'a', 'b'"
    >>> quoted("abcd", most=2)
    "'a', 'b' and 2 more"
    """
    texts = [f"'{name}'" for name in names]
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more} more" if more > 0 else "")


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
    return f"unknown {what} '{_cut(str(name))}'; {hint}{'K' if hint else 'k'}nown: {quoted(labels)}"
