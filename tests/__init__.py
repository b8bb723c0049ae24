"""Tests of mixirt."""
