"""A save that is cut short leaves the old file."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

import pytest

import mixirt
from mixirt.files.atomic import check_replaceable, replacing
from tests.files.fits import fitted

#: A program that saves over and over, and says when it has begun.
SAVER = """
import sys, mixirt
result = mixirt.load(sys.argv[1])
print("ready", flush=True)
while True:
    result.save(sys.argv[1])
"""

#: A program that is stopped between writing and replacing, where the damage would be done.
HALF_WAY = """
import os, signal, sys
from mixirt.files import atomic
with atomic.replacing(sys.argv[1]) as file:
    file.write(b"half of it")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""

posix = pytest.mark.skipif(os.name != "posix", reason="signals and permissions of POSIX")


@posix
def test_killed_half_way(tmp_path):
    path = tmp_path / "m.json"
    fitted("plain").save(path)
    before = path.read_bytes()
    run = subprocess.run([sys.executable, "-c", HALF_WAY, path], check=False)
    assert run.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    fitted("plain").save(path)
    assert path.read_bytes() == before


@posix
@pytest.mark.parametrize("milliseconds", [1, 7, 23])
def test_killed_at_any_moment(milliseconds, tmp_path):
    path = tmp_path / "m.json"
    fitted("plain").save(path)
    saver = subprocess.Popen([sys.executable, "-c", SAVER, path], stdout=subprocess.PIPE)
    assert saver.stdout is not None
    with saver:
        assert saver.stdout.readline() == b"ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            saver.wait(milliseconds / 1000)
        saver.kill()
    assert mixirt.load(path).loglik == fitted("plain").loglik


def test_failure_inside_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_half():
        with replacing(path) as file:
            file.write(b"new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_permissions_and_links_stay(tmp_path):
    path, link = tmp_path / "a.txt", tmp_path / "link.txt"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    with replacing(link) as file:
        file.write(b"new")
    assert path.read_text() == "new"
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@posix
def test_what_is_no_file_is_left_alone(tmp_path):
    """The rename would put a file in the place of a pipe, or of /dev/null."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(mixirt.FileError, match="it is a device or a pipe"), replacing(pipe):
        pass
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_asking_first_leaves_nothing_behind(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    check_replaceable(path)
    check_replaceable(tmp_path / "b.txt")
    with pytest.raises(mixirt.FileError, match="cannot be written: No such file or directory"):
        check_replaceable(tmp_path / "nowhere" / "a.txt")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.txt": "old"}
