"""The upper tail of the chi-square distribution, without SciPy."""

from __future__ import annotations

import math

__all__ = ["chi_square_tail"]

_MOST_TERMS = 100_000
_PRECISION = 1e-16


def chi_square_tail(value: float, df: int) -> float:
    """P(X > value) for X chi-square with `df` > 0 degrees of freedom.

    The regularised upper incomplete gamma function Q(df / 2, value / 2): by its series where the
    argument is below the mean, by its continued fraction (Lentz) beyond.

    Examples
    --------
    >>> round(chi_square_tail(3.841459, 1), 6)
    0.05
    """
    a, x = 0.5 * df, 0.5 * value
    if not x > 0.0:
        return 1.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        term = total = 1.0 / a
        for n in range(1, _MOST_TERMS):
            term *= x / (a + n)
            total += term
            if term < total * _PRECISION:
                break
        return max(0.0, 1.0 - scale * total)
    b = x + 1.0 - a
    c, d = math.inf, 1.0 / b
    fraction = d
    for n in range(1, _MOST_TERMS):
        step = n * (a - n)
        b += 2.0
        d = 1.0 / (b + step * d)
        c = b + step / c
        fraction *= c * d
        if abs(c * d - 1.0) < _PRECISION:
            break
    return scale * fraction
