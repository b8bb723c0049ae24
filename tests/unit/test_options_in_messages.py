"""Advice names options as its reader gives them."""

from __future__ import annotations

import pytest

import mixirt
from mixirt import datasets
from mixirt._options import aside, option, spelled
from mixirt.cli.arguments import parser
from mixirt.cli.options import _OPTIONS, as_option

LSAT7 = datasets.load("lsat7").responses


def test_every_option_that_is_named_is_one_of_a_command():
    help_ = "".join(
        command.format_help()
        for action in parser()._actions
        for command in (action.choices or {}).values()
    )
    assert [option for option in _OPTIONS.values() if f"{option} " not in help_] == []


def test_the_same_message_for_two_readers():
    with pytest.raises(mixirt.SpecError, match=r"give groups=, or leave it out"):
        mixirt.fit(LSAT7, invariance="scalar")
    with spelled(as_option), pytest.raises(mixirt.SpecError) as refusal:
        mixirt.fit(LSAT7, invariance="scalar")
    assert str(refusal.value).startswith("--invariance scalar makes")
    assert "give --groups, or leave it out" in str(refusal.value)
    assert option("groups=") == "groups="


def test_what_a_reader_does_not_have_is_not_named():
    assert aside("exclude") == ""
    with spelled(as_option):
        assert aside("exclude") == " (--exclude)"
        assert option("tol_parameter") == "tol_parameter"


def test_values_are_typed_as_a_shell_takes_them():
    assert as_option("missing", "don't know") == """--missing 'don'"'"'t know'"""
    assert as_option("categories", {"q 1": [0, 1]}) == "--categories 'q 1=0,1'"


def test_of_many_items_the_first_are_named():
    many = {f"q{i}": [1, 2] for i in range(9)}
    assert option("categories", many).endswith("'q4': [1, 2], ...}")
    assert as_option("categories", many).endswith("--categories q4=1,2 ...")
