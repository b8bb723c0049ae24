"""The information bound: how large errors are when the likelihood is all there is to go by."""

from __future__ import annotations

import warnings

import numpy as np
from benches.cases import Codes, Floats
from benches.recovery.designs import N_RESPONDENTS, Design
from benches.recovery.parameters import (
    Parameters,
    covariances,
    draw_responses,
    labels,
    spread,
    started,
)

import mixirt

#: Fisher's information is the variance of the scores of respondents drawn from the truth, taken
#: over this many: over 3,000 its inverse would be too large, by 4 % for 120 parameters.
N_SCORES = 30_000


def expected_bound(
    design: Design, truth: Parameters, generator: np.random.Generator
) -> dict[str, Floats]:
    """Give the covariance matrices that Fisher's information at the truth implies.

    Parameters
    ----------
    design : Design
        The model.
    truth : Parameters
        Its true parameters.
    generator : numpy.random.Generator
        Draws the respondents over whose scores the information is taken.

    Returns
    -------
    dict of ndarray, shape (P, P)
        For each column of Table 1, of its parameters in a data set of the report's size.
    """
    codes = draw_responses(truth, N_SCORES, generator)
    found = covariances_at(design, truth, codes)
    return {column: N_SCORES / N_RESPONDENTS * matrix for column, matrix in found.items()}


def covariances_at(
    design: Design, truth: Parameters, codes: Codes, method: str = "cross_product"
) -> dict[str, Floats]:
    """Give the inverse information of some responses at the truth, by column of Table 1.

    With many responses all methods come near the same, the expected information.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mixirt.MixirtWarning)
        result = mixirt.fit(
            codes,
            started(design, truth),
            groups=labels(design, len(codes)),
            max_cycles=0,
            n_threads=1,
        )
        inverse = result.vcov(method)
        columns = {}
        for kind in ("slope", "intercept", "mean"):
            own = np.array([name.startswith(kind) for name in inverse.names])
            if own.any():
                columns[kind] = inverse.matrix[np.ix_(own, own)]
        if len(spread(design, truth.covariances)):
            columns["spread"] = result.delta(
                lambda r: spread(design, covariances(design, r)), method
            )[1]
    return columns
