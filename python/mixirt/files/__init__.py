"""Model files: fits written down so that they can be read years later, and anywhere.

The format is JSON by a published schema; ``docs/model-file.md`` describes it.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixirt._checks import chosen, flag
from mixirt.errors import FileError, MixirtError
from mixirt.files.atomic import replacing
from mixirt.files.fields import Section
from mixirt.files.fits import fit_content, read_fit
from mixirt.files.strict_json import checksum, lay_out, parse
from mixirt.files.versions import FORMAT, SCHEMA, migrate
from mixirt.frames import LIBRARIES

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["dumps", "load", "loads", "save"]

#: The largest file that is read: more than 100 million numbers.
MAX_BYTES = 2**31


def save(result: Result, path: str | Path, covariances: bool = True) -> None:
    """Write a fit to a file; see :meth:`mixirt.Result.save`."""
    text = dumps(result, flag("covariances", covariances))
    with replacing(path) as file:
        file.write(text)


def dumps(result: Result, covariances: bool = True) -> bytes:
    """Give what :func:`save` writes."""
    content = fit_content(result, covariances)
    document = {
        "format": FORMAT,
        "schema": SCHEMA,
        "checksum": checksum(content),
        "content": content,
    }
    return lay_out(document).encode("ascii")


def loads(text: bytes, *, frames: str | None = None) -> Result:
    """Read a fit from what :func:`dumps` gave."""
    return read_fit(Section(_content(parse(text)), "content"), frames)


def load(path: str | Path, *, frames: str | None = None) -> Result:
    """Read a fit that :meth:`mixirt.Result.save` wrote.

    It scores new responses, plots, reports and simulates as the fit itself, and gives start values
    (``mixirt.fit(..., start=r)``) and anchors (``model.anchor(r)``). The responses it was
    fitted to are not in the file: what needs them says so.

    Parameters
    ----------
    path : str or Path
        The file. It is only ever read as data: no file can make the program run anything.
    frames : {"pandas", "polars", "pyarrow", "dict"}, optional
        The library that results come in, or ``"dict"`` for columns without any; default the one
        the fitted responses were in, if it is installed.

    Returns
    -------
    Result
        The fit.

    Raises
    ------
    FileError
        If the file cannot be read, is damaged or changed, or was written by a later version.
    SpecError
        If there is no such library.

    Examples
    --------
    >>> import mixirt
    >>> mixirt.load("no-such-file.json")
    Traceback (most recent call last):
    ...
    mixirt.errors.FileError: no-such-file.json cannot be read: No such file or directory
    """
    if frames is not None:
        chosen("library of frames", frames, (*LIBRARIES, "dict"))
    try:
        return loads(_read(path), frames=frames)
    except FileError as error:
        raise FileError(f"{path} {error}") from error
    except MixirtError as error:
        # The parts are right one by one, but make no model together.
        raise FileError(f"{path} holds a model that cannot be: {error}") from error


def _read(path: str | Path) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, TypeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(f"cannot be read: {reason}") from error
    if len(data) > MAX_BYTES:
        raise FileError(f"is larger than {MAX_BYTES} bytes, so it is no model file")
    return data


def _content(document: Any) -> Any:
    """Take the content out of its envelope, as the newest schema has it."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FileError(f'is no model file: it does not say "format": "{FORMAT}"')
    envelope = Section(document, "the file")
    schema = envelope.whole("schema", 1)
    if schema > SCHEMA:
        raise FileError(
            f"has schema {schema}, of a later version of mixirt; this version reads schemas up to "
            f"{SCHEMA}: upgrade mixirt"
        )
    content = envelope.section("content").members
    if not hmac.compare_digest(envelope.text("checksum").encode(), checksum(content).encode()):
        raise FileError("is damaged or was changed: its checksum does not match its content")
    return migrate(content, schema)
