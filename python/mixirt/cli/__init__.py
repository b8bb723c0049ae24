"""The command line: fit, score, simulate, show and compare from files.

Exit codes: 0 if all went well, 1 if the data, the model or a file cannot be used, 2 if the command
itself is wrong.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from mixirt.cli.arguments import parser
from mixirt.errors import MixirtError

__all__ = ["main"]

#: Options by the Python arguments they stand for, where a message may speak of these.
_OPTIONS = {
    "free_items": "--free-items",
    "max_cycles": "--max-cycles",
    "n_classes": "--classes",
    "n_quadrature": "--n-quadrature",
    "n_starts": "--starts",
    "n_threads": "--threads",
    "q_matrix": "--q-matrix",
}

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
    with warnings.catch_warnings():
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
            said = _in_options(str(error)) or type(error).__name__
            print(f"mixirt {given.command}: {said}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(f"mixirt {given.command}: interrupted", file=sys.stderr)
            return _INTERRUPTED
    return 0


def _show_warning(message: Any, *_: Any, **__: Any) -> None:
    print(f"mixirt: warning: {_in_options(str(message))}", file=sys.stderr)


def _in_options(message: str) -> str:
    """Turn arguments of Python functions that a message advises into options.

    Examples
    --------
    >>> _in_options("say categories=[1, 2], or missing='x'")
    "say --categories 1,2, or --missing 'x'"
    >>> _in_options("list the values, categories={'q1': [...]}")
    'list the values, --categories q1=...'
    >>> _in_options("raise n_starts, or say n_classes=2")
    'raise --starts, or say --classes 2'
    >>> _in_options("give groups=, or leave it out")
    'give --groups, or leave it out'
    """
    message = re.sub(r"categories=\{([^}]*)\}", lambda m: _by_item(m[1]), message)
    message = re.sub(
        r"categories=\[([^]]*)\]", lambda m: f"--categories {m[1].replace(', ', ',')}", message
    )
    message = message.replace("categories= ", "--categories ")
    message = message.replace("is no item has to be left out", "is no item belongs to --exclude")
    message = re.sub(
        rf"\b({'|'.join(_OPTIONS)})\b(= ?)?",
        lambda m: _OPTIONS[m[1]] + (" " if m[2] else ""),
        message,
    )
    message = re.sub(r"\b(groups|missing)=(?=[,.;]|$)", r"--\1", message)
    return re.sub(r"\b(missing|groups|quadrature|invariance)=(?=\S)", r"--\1 ", message)


def _by_item(text: str) -> str:
    """Turn `'q1': [1, 2], 'q2': [1, 2], ...` into an option for each item.

    Examples
    --------
    >>> _by_item("'q1': [1, 2], 'q2': [1, 3], ...")
    '--categories q1=1,2 --categories q2=1,3 ...'
    """
    items = re.findall(r"[\"'](.*?)[\"']: \[([^]]*)\]", text)
    options = [f"--categories {item}={values.replace(', ', ',')}" for item, values in items]
    return " ".join([*options, *(["..."] if text.endswith(" ...") else [])])
