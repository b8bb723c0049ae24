"""A small part of the coverage study of `benches/coverage.py`."""

from __future__ import annotations

import numpy as np
import pytest
from benches.coverage import study
from benches.coverage_cases import CASES, FEWER

#: Data sets of each model.
N = 60
#: Four standard errors of a share from N data sets, if all parameters of a kind went together.
SHARE = 4 * np.sqrt(0.95 * 0.05 / N)
#: Four relative standard errors of a standard deviation from N draws.
RATIO = 4 / np.sqrt(2 * N)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name not in FEWER])
def test_intervals_cover_and_complete_data_errors_do_not(name):
    rows = study(name, N, ("oakes", "complete"))
    assert min(row.n_fits for row in rows) >= 0.8 * N
    right = [row for row in rows if row.method == "oakes"]
    short = [row for row in rows if row.method == "complete"]
    for row in right:
        assert row.coverage > 0.95 - SHARE, row
        # With a prior the estimates vary less than the posterior is wide.
        upper = np.inf if name == "3pl, prior" else 1 + RATIO
        assert 1 - RATIO < row.se_to_sd < upper, row
    assert all(s.se_to_sd < r.se_to_sd for r, s in zip(right, short, strict=True))
    assert sum(s.coverage for s in short) < sum(r.coverage for r in right)
