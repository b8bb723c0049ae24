"""Schemas of model files: which is the current one, and how older ones become it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["FORMAT", "SCHEMA", "migrate"]

#: What every model file says it is.
FORMAT = "mixirt-model"

#: The schema that is written.
SCHEMA = 1

#: For each older schema, what turns its content into that of the next one.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def migrate(content: dict[str, Any], schema: int) -> dict[str, Any]:
    """Turn the content of a file of any schema up to the current one into the current one's."""
    for version in range(schema, SCHEMA):
        content = MIGRATIONS[version](content)
    return content
