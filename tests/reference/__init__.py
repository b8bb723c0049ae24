"""Estimates that other programs made from the data sets of the package."""
