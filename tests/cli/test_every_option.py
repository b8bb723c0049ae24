"""Every option and argument of every command is given wrong values in turn: no traceback comes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

import mixirt
from mixirt.cli import main
from mixirt.cli.arguments import parser

#: What people and scripts type by mistake.
WRONG = (
    *("no such", "", "-1", "0", "nan", "inf", "1e400", "9" * 30, "a=b", "a=1,2", "=", ","),
    *("\x00", "é", "data.csv", "one.json", "nowhere/x.csv", "--"),
)
#: Arguments with which each command succeeds.
RIGHT = {
    "fit": ["data.csv", "--id", "person", "--max-cycles", "20"],
    "lca": ["data.csv", "--id", "person", "--classes", "2", "--starts", "1"],
    "score": ["one.json", "data.csv", "--id", "person"],
    "simulate": ["one.json", "-n", "5"],
    "show": ["one.json"],
    "compare": ["one.json", "other.json"],
}
COMMANDS: dict[str, argparse.ArgumentParser] = next(
    action.choices for action in parser()._actions if isinstance(action, argparse._SubParsersAction)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("options")
    frame = mixirt.datasets.load("lsat7").frame().iloc[::20]
    frame.to_csv(path / "data.csv", index_label="person")
    mixirt.fit(frame, "rasch").save(path / "one.json")
    mixirt.fit(frame, "2pl").save(path / "other.json")
    return path


def with_wrong_values(name: str) -> Iterator[list[str]]:
    """Give the arguments of a command with one of them wrong in turn."""
    right, actions = RIGHT[name], COMMANDS[name]._actions
    positional = [action.dest for action in actions if not action.option_strings]
    for action in actions:
        if isinstance(action, argparse._HelpAction) or action.nargs == 0:
            continue
        writes = {"data.csv", "one.json"} if action.dest == "out" else set()
        for wrong in [value for value in WRONG if value not in writes]:
            if action.option_strings:
                yield [*right, action.option_strings[-1], wrong]
            else:
                place = positional.index(action.dest)
                yield [*right[:place], wrong, *right[place + 1 :]]


def exit_code(arguments: list[str]) -> object:
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code


@pytest.mark.parametrize("name", COMMANDS)
def test_wrong_values_end_in_a_line_and_an_exit_code(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert exit_code([name, *RIGHT[name]]) == 0
    for arguments in with_wrong_values(name):
        capsys.readouterr()
        code = exit_code([name, *arguments])
        assert code in {0, 1, 2}, arguments
        assert code == 0 or capsys.readouterr().err.strip(), arguments
