"""Tests of the Python front, one module at a time."""
