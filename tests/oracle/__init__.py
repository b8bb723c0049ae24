"""The method in plain NumPy: an independent check of the engine, slow and obvious.

Equation numbers are those of Fu (2019), ETS RR-19-35. Nothing here imports mixirt, shares code
with it, or is written for speed: every quantity is computed the way the paper prints it, in the
few places where the print slips with the slip put right and shown in a test.
"""
