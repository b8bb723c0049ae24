"""The engine against the plain-NumPy oracle, on every kind of model: same numbers, other code."""
