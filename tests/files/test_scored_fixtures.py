"""The model files that the Rust tests read: Python scores them as the tables beside them say."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mixirt
from tests.files.fixtures.make_scored import OUT

OTHER_LIBRARY = 1e-11
"""Expected scores carry the exponential and logarithm of the platform they were written on."""

NAMES = sorted(path.stem for path in OUT.glob("*.json"))


def answer(text: str, labels: tuple[Any, ...]) -> Any:
    """Find the category that a text means; None for no text."""
    return {str(label): label for label in labels}[text] if text else None


def test_every_model_file_has_its_scores() -> None:
    assert len(NAMES) >= 8
    assert sorted(path.stem for path in OUT.glob("*.csv")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_tables_hold_the_scores_of_python(name: str) -> None:
    result = mixirt.load(Path(OUT, f"{name}.json"), frames="dict")
    design = result.model.design
    with Path(OUT, f"{name}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    answers = [
        [answer(row[i], own) for i, own in zip(design.items, design.category_labels, strict=True)]
        for row in rows
    ]
    groups = [row["group"] for row in rows] if design.has_groups else None
    scores = result.scorer().score(answers, groups=groups)
    found = {f"theta_{a}": scores.theta[:, j] for j, a in enumerate(design.attributes)}
    found |= {f"se_{a}": scores.se[:, j] for j, a in enumerate(design.attributes)}
    shares = scores.class_probabilities.T
    found |= {f"class_{c + 1}": own for c, own in enumerate(shares)}
    found["log_probability"] = scores.log_probability
    for column, values in found.items():
        expected = [float(row[column]) for row in rows]
        np.testing.assert_allclose(values, expected, rtol=OTHER_LIBRARY, atol=OTHER_LIBRARY)
