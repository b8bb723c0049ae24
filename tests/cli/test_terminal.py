"""Progress is for people who watch: shown on a terminal, not in a pipe, and wiped at the end."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals of POSIX")


def watched(*arguments: object) -> str:
    """Run a command whose standard error is a terminal; give what it showed there."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "mixirt", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # Linux's way of saying that the other end is closed
            pass
        finally:
            os.close(ours)
    assert process.returncode == 0
    return shown.decode()


def is_wiped(shown: str) -> bool:
    """Whether what was last written on the line is blank."""
    return re.search(r"\r +\r$", shown) is not None


def test_cycles_are_shown(lsat7):
    shown = watched("fit", lsat7, "--id", "person")
    assert re.match(r"\rcycle 1 \[00:00, log-likelihood -26\d\d\.\d{4}, change \d", shown)
    assert is_wiped(shown)


def test_rows_are_shown(lsat7, saved):
    shown = watched("score", saved, lsat7, "--chunk-rows", 400)
    assert shown.startswith("\r400 rows [00:00]")
    assert is_wiped(shown)


def test_quiet_is_quiet(lsat7, saved):
    assert watched("score", saved, lsat7, "--quiet") == ""
    assert watched("fit", lsat7, "--id", "person", "--quiet", "--out", saved) == ""
