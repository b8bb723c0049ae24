"""Files replaced as a whole: there is always the old one or the new one, never a part."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mixirt.errors import FileError

__all__ = ["check_replaceable", "replacing"]


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file to be written in place of another.

    What is written goes to a new file in the same directory, which takes the old one's name only
    once all of it has reached the disk. If anything goes wrong, the old file stays and the new one
    is removed; a process that is killed leaves it under a name that begins with a dot.

    Parameters
    ----------
    path : str or Path
        The file to replace or create; a link is followed.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    target, temporary, file = _begin(path)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o7777)
        temporary.replace(target)
        _sync_directory(target.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def check_replaceable(path: str | Path) -> None:
    """Refuse a file that :func:`replacing` could not write, before there is anything to write.

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    _, temporary, file = _begin(path)
    file.close()
    temporary.unlink()


def _begin(path: str | Path) -> tuple[Path, Path, BinaryIO]:
    """Give the file to replace, and the new one beside it: its name, and itself, open."""
    try:
        target = Path(path).resolve()
        if target.is_dir():
            raise FileError(f"{path} cannot be written: it is a directory")
        # A device or a pipe would be replaced by a file of its name.
        if target.exists() and not target.is_file():
            raise FileError(
                f"{path} cannot be written: it is a device or a pipe; name a file that can be "
                "replaced as a whole"
            )
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
        # "x" makes the file with the permissions that new files get here.
        return target, temporary, temporary.open("xb")
    except (OSError, ValueError, RuntimeError) as error:
        raise _unwritable(path, error) from error


def _unwritable(path: str | Path, error: Exception) -> FileError:
    reason = getattr(error, "strerror", None) or str(error)
    return FileError(f"{path} cannot be written: {reason}")


def _sync_directory(directory: Path) -> None:
    """Make the new name reach the disk too, where directories can be synchronised."""
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
