"""How the command line writes the options that messages speak of."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from mixirt._words import MAX_NAMES

__all__ = ["as_option", "respelled"]

#: Options by the arguments of Python that they stand for.
_OPTIONS = {
    "categories": "--categories",
    "exclude": "--exclude",
    "free_items": "--free-items",
    "groups": "--groups",
    "invariance": "--invariance",
    "max_cycles": "--max-cycles",
    "missing": "--missing",
    "n_classes": "--classes",
    "n_quadrature": "--n-quadrature",
    "n_starts": "--starts",
    "n_threads": "--threads",
    "q_matrix": "--q-matrix",
    "quadrature": "--quadrature",
    "reference": "--reference",
    "seed": "--seed",
}


def as_option(name: str, *value: Any) -> str | None:
    """Write an argument of Python as the option that stands for it, or None where none does.

    Examples
    --------
    >>> as_option("n_starts"), as_option("n_classes", 2), as_option("missing", 9.0)
    ('--starts', '--classes 2', '--missing 9')
    >>> as_option("categories", {"q1": ["no", "yes"], "q2": [...]})
    '--categories q1=no,yes --categories q2=...'
    >>> as_option("tol_parameter")
    """
    written = _OPTIONS.get(name)
    if written is None or not value:
        return written
    if not isinstance(value[0], Mapping):
        return f"{written} {shlex.quote(_text(value[0]))}"
    said = [f"{written} {shlex.quote(f'{k}={_text(own)}')}" for k, own in value[0].items()]
    return " ".join([*said[:MAX_NAMES], *(["..."] if len(said) > MAX_NAMES else [])])


def respelled(message: str) -> str:
    """Write the arguments of Python that messages of the engine name as options.

    Other messages are written for their reader from the start; the engine knows no reader.

    Examples
    --------
    >>> respelled("lower n_quadrature (at most 21 points); n_quadrature = 64 points make 262144")
    'lower --n-quadrature (at most 21 points); --n-quadrature 64 points make 262144'
    """
    return re.sub(r"(?<![-\w])n_quadrature\b(?: ?=)?", _OPTIONS["n_quadrature"], message)


def _text(value: Any) -> str:
    """Write a value as it would be typed, but for quotes that a shell needs."""
    if isinstance(value, (list, tuple)):
        return ",".join(_text(own) for own in value)
    if value is ...:
        return "..."
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if is_whole else value)
