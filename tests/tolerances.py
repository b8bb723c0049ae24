"""Tolerances that tests of many kinds share; all others stand in the files they belong to."""

ROUNDING = 1e-12
"""The same numbers put together in another order: some thousand roundings of 1e-16."""
