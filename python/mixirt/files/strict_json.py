"""JSON without its loopholes: no NaN, no repeated keys, no numbers that do not fit."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, NoReturn

from mixirt.errors import FileError

__all__ = ["checksum", "lay_out", "parse"]

#: Characters of the longest number: a 64-bit integer has 20, the shortest form of a float 24.
_LONGEST_NUMBER = 40

#: Levels of objects that are laid out with one member to a line.
_OPEN_LEVELS = 3


def parse(data: bytes) -> Any:
    """Read JSON.

    Raises
    ------
    FileError
        If it is not UTF-8 or not JSON, an object has a key twice, a number is not finite or not of
        64 bits, or it is nested deeper than the interpreter can follow.
    """
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_float,
            parse_int=_int,
            parse_constant=_constant,
        )
    except UnicodeDecodeError as error:
        raise FileError(f"is not a text file in UTF-8: byte {error.start} is wrong") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise FileError(f"is not JSON, or not all of it: {error.msg} at {where}") from error
    except RecursionError as error:
        raise FileError("is nested too deeply to be a model file") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise FileError(f"has the key {twice[:60]!r} twice in one object")
    return members


def _float(text: str) -> float:
    value = float(text) if len(text) <= _LONGEST_NUMBER else math.inf
    if not math.isfinite(value):
        raise FileError(f"has a number that is too long or too large: {text[:30]}...")
    return value


def _int(text: str) -> int:
    value = int(text) if len(text) <= _LONGEST_NUMBER else 2**63
    if not -(2**63) <= value < 2**63:
        raise FileError(f"has a number that is too long or too large: {text[:30]}...")
    return value


def _constant(text: str) -> NoReturn:
    raise FileError(f"has a number that is not finite: {text}")


def checksum(content: Any) -> str:
    r"""SHA-256 of the canonical JSON of some content, as ``"sha256:..."``.

    Canonical are: keys sorted by code point, no white space, characters beyond ASCII escaped
    (``\u00e9``), integers in decimal, floats in the shortest form that reads back the same, as
    Python's ``repr`` writes it (``1.0``, ``1e-05``, ``1e+16``).

    Examples
    --------
    >>> checksum({"b": 1.0, "a": [1, "x"]}) == checksum({"a": [1, "x"], "b": 1.0})
    True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"sha256:{hashlib.sha256(text.encode('ascii')).hexdigest()}"


def lay_out(value: Any, level: int = 0) -> str:
    r"""Write JSON with the members of the outer objects on lines of their own.

    Examples
    --------
    >>> lay_out({"schema": 1, "cells": [1, 2]})
    '{\n "schema": 1,\n "cells": [1, 2]\n}\n'
    """
    if isinstance(value, dict) and value and level < _OPEN_LEVELS:
        indent = " " * (level + 1)
        members = [f"{indent}{json.dumps(k)}: {lay_out(v, level + 1)}" for k, v in value.items()]
        text = "{\n" + ",\n".join(members) + "\n" + " " * level + "}"
    else:
        text = json.dumps(value, allow_nan=False)
    return text if level else text + "\n"
