"""The information bound: how large errors are when the likelihood is all there is to go by.

To first order in one over the root of the number of respondents, the error of a maximum likelihood
estimate is the inverse of Fisher's information times the gradient of the log-likelihood, both at
the true parameters. That is the error implied for given responses; over all responses that may be
drawn, its covariance matrix is the inverse of the information.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from benches.cases import Codes, Floats
from benches.recovery.designs import Design
from benches.recovery.parameters import (
    Parameters,
    derivatives_by_column,
    draw_responses,
    labels,
    started,
)

import mixirt

#: Fisher's information is the observed one in the mean of respondents drawn from the truth, of this
#: many. It varies far less between them than products of their scores do, in which a category that
#: one in a hundred chooses counts by its number: the inverse of these is too large by several per
#: cent even for 30,000. What chance is left moves a bound of 30 truths by less than .5 per cent.
N_INFORMATION = 100_000


@dataclass(frozen=True, eq=False)
class Bound:
    """What Fisher's information at a truth implies for maximum likelihood estimates.

    Attributes
    ----------
    inverse : ndarray, shape (P, P)
        Inverse of the expected information of one respondent about the free parameters.
    columns : dict of ndarray, shape (K, P)
        For each column of Table 1: the derivatives of its parameters by the free ones.
    """

    inverse: Floats
    columns: dict[str, Floats]

    def covariances(self, n: int) -> dict[str, Floats]:
        """Give the covariance matrix of the errors in samples of `n`, by column of Table 1."""
        return {name: d @ self.inverse @ d.T / n for name, d in self.columns.items()}

    def errors(self, gradient: Floats, n: int) -> dict[str, Floats]:
        """Give the errors implied for `n` responses with this gradient, by column of Table 1.

        `e = I^-1 g / n`, with `g` the gradient of their log-likelihood at the truth, shape (P,).
        """
        return {name: d @ (self.inverse @ gradient) / n for name, d in self.columns.items()}


def expected_bound(design: Design, truth: Parameters, generator: np.random.Generator) -> Bound:
    """Give the bound of a truth, from `N_INFORMATION` respondents that are drawn."""
    return bound_from(design, truth, draw_responses(truth, N_INFORMATION, generator))


def bound_from(design: Design, truth: Parameters, codes: Codes, method: str = "oakes") -> Bound:
    """Give the bound as these responses tell it: of many, all methods tell about the same."""
    found = at_truth(design, truth, codes).vcov(method)
    columns = derivatives_by_column(design, truth, found.names)
    return Bound(len(codes) * found.matrix, columns)


def at_truth(design: Design, truth: Parameters, codes: Codes) -> mixirt.Result:
    """Give the model at the true parameters, with these responses; nothing is estimated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.MixirtWarning)
        return mixirt.fit(
            codes,
            started(design, truth),
            groups=labels(design, len(codes)),
            max_cycles=0,
            n_threads=1,
        )
