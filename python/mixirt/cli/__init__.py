"""The command line: fit, score, simulate, show and compare from files.

Exit codes: 0 if all went well, 1 if the data, the model or a file cannot be used, 2 if the command
itself is wrong.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from mixirt._options import spelled
from mixirt.cli.arguments import parser
from mixirt.cli.options import as_option, respelled
from mixirt.errors import MixirtError

__all__ = ["main"]

#: What shells report of a program that Ctrl-C stopped.
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command and its arguments; default those of the process.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> main(["compare", "no-such-file.json"])
    1
    """
    given = parser().parse_args(arguments)
    with warnings.catch_warnings(), spelled(as_option):
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = _show_warning
        try:
            given.run(given)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read the output has seen enough; nothing may complain at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except (MixirtError, OSError, ImportError, MemoryError) as error:
            said = respelled(str(error)) or type(error).__name__
            print(f"mixirt {given.command}: {said}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(f"mixirt {given.command}: interrupted", file=sys.stderr)
            return _INTERRUPTED
    return 0


def _show_warning(message: Any, *_: Any, **__: Any) -> None:
    print(f"mixirt: warning: {respelled(str(message))}", file=sys.stderr)
