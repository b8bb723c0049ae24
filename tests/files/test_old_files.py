"""Files of every schema that was ever written still load, and still say the same."""

from __future__ import annotations

import numpy as np

import mixirt
from mixirt.files.versions import SCHEMA
from tests.files.paths import FIXTURES

#: Scores may move with the arithmetic of later engines, not with the reading of the file.
SCORE_TOLERANCE = 1e-6


def test_there_is_a_file_of_every_schema():
    found = sorted(path.name for path in FIXTURES.glob("schema_*.json"))
    assert found == [f"schema_{n}.json" for n in range(1, SCHEMA + 1)]


def test_schema_1():
    result = mixirt.load(FIXTURES / "schema_1.json")
    assert result.loglik == -1612.812881606858
    assert result.model.design.groups == ("north", "south")
    assert result.model.design.category_labels == ((1, 2, 3, 4),) * 4
    assert [model.name for model in result.model.design.models] == ["grm", "gpcm", "gpcm", "gpcm"]
    assert result.data.group_sizes == (196, 196)
    theta = result.score([[1, 2, 3, 4], [4, 4, None, 4]], groups=["north", "south"]).theta
    np.testing.assert_allclose(theta, [[-0.29799774], [1.51476558]], atol=SCORE_TOLERANCE)
    assert result.standard_errors()["se"][0] == 0.20698355647952432
