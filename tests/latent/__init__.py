"""Mixtures: recovery of classes, agreement with the oracle, and what must not matter."""
