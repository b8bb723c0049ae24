"""Keywords that a function does not have are answered with the one that was meant."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import mixirt
from mixirt import datasets

LSAT7 = datasets.load("lsat7").responses


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("nstarts", "did you mean 'n_starts'"),
        ("maxcycles", "did you mean 'max_cycles'"),
        ("weight", "did you mean 'weights'"),
        ("quadpts", "number of points is n_quadrature"),
        ("prior", r"Model\(\.\.\.\)\.prior\(kind"),
        ("n_factors", "said by q_matrix"),
    ],
)
def test_an_unknown_option_is_answered(given: str, answer: str) -> None:
    options: dict[str, Any] = {given: 1}
    with pytest.raises(TypeError, match=f"unknown option '{given}'; .*{answer}"):
        mixirt.fit(LSAT7, **options)
    with pytest.raises(TypeError, match=answer):
        mixirt.fit_latent_class(LSAT7, 2, **options)


def test_the_signature_stays() -> None:
    parameters = inspect.signature(mixirt.fit).parameters
    assert "n_starts" in parameters
    assert inspect.Parameter.VAR_KEYWORD not in {p.kind for p in parameters.values()}


def test_methods_of_scores_may_be_in_capitals_like_models() -> None:
    result = mixirt.fit(LSAT7, "2PL", max_cycles=0)
    assert result.score(LSAT7[:2], "EAP").method == result.scorer("EAP").method == "eap"
