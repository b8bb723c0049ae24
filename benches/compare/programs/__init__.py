"""The programs that are compared: one file each, read in the program's own environment.

A program is a module with

========================== =================================================================
``TITLE``                  what the table calls it
``load()``                 import the library; returns its version
``cannot(case)``           whether it has no such model
``prepare(case, data)``    the responses in the form it likes best; not timed
``fit(case, data, quick)`` the fit that is timed, at the program's own convergence criteria and
                           without standard errors; `quick` for a warming-up of few cycles
``estimates(case, fit)``   what it found, in the terms of mixirt
``own_loglik(case, fit)``  the log-likelihood it reports, on its own grid; None if it does not
``scoring(fit, data)``     work that gives EAP scores of responses as `prepare` gives them
========================== =================================================================

R mirt, being no Python, has a script of its own, r_mirt.R, and a file that reads what it writes.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

OURS = "mixirt"

#: Module of each program in Python, ours first.
MODULES = {OURS: "ours", "mirt": "pypi_mirt", "girth": "girth_mml", "stepmix": "stepmix_em"}

#: All programs in the order of the table.
PROGRAMS = (*MODULES, "r-mirt")


def module(name: str) -> ModuleType:
    """Import the file of a program."""
    return import_module(f"benches.compare.programs.{MODULES.get(name, 'r_mirt')}")
