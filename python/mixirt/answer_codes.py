"""Answers of single respondents as the engine's codes: what a scorer does for each call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mixirt._coding import MISSING, Coding
from mixirt._respondents import is_missing
from mixirt._words import listed, shown, unknown
from mixirt.design import Design
from mixirt.errors import DataError

__all__ = ["AnswerCodes", "as_they_are"]


class AnswerCodes:
    """The codes of all answers to the items of a model.

    Parameters
    ----------
    design
        The structure of the model.
    codings : sequence of Coding
        Categories and missing values of each item.
    """

    def __init__(self, design: Design, codings: Sequence[Coding]) -> None:
        self._design = design
        self._codes = [_codes_of(coding) for coding in codings]
        own: list[dict[Any, int]] = [
            {None: MISSING, **{code: code for code in range(len(codes) - 1)}}
            for codes in self._codes
        ]
        #: Whether categories are the whole numbers from 0 on, so that answers are their own codes.
        self.are_own = self._codes == own
        self._items = {
            name: (i, codes)
            for i, (name, codes) in enumerate(zip(design.items, self._codes, strict=True))
        }

    def of(self, responses: Any) -> bytes:
        """Read answers by item name, or one for each item.

        Raises
        ------
        DataError
            If an item or an answer is unknown, or the number of answers is not that of the items.
        """
        return self._named(responses) if isinstance(responses, Mapping) else self._listed(responses)

    def _named(self, responses: Mapping[Any, Any]) -> bytes:
        codes = bytearray([MISSING]) * len(self._codes)
        try:
            for name, answer in responses.items():
                item, known = self._items[name]
                codes[item] = known[answer]
        except (KeyError, TypeError):  # NaN, or no item or category
            for name, answer in responses.items():
                if name not in self._items:
                    raise DataError(unknown("item", name, self._design.items)) from None
                item, _ = self._items[name]
                codes[item] = self._code(item, answer)
        return bytes(codes)

    def _listed(self, responses: Iterable[Any]) -> bytes:
        if isinstance(responses, np.ndarray):
            responses = responses.tolist()
        try:
            answers = list(responses)
        except TypeError:
            raise DataError(
                "score_one takes the answers of one respondent, by item name or one for each of "
                f"{len(self._codes)} items; found {shown(responses)}"
            ) from None
        if len(answers) != len(self._codes):
            raise DataError(
                f"{len(answers)} answers were given for {len(self._codes)} items; give one for "
                "each, None where it is missing, or name the items in a mapping"
            )
        try:
            return bytes([codes[a] for codes, a in zip(self._codes, answers, strict=True)])
        except (KeyError, TypeError):  # NaN, or no category
            return bytes([self._code(item, answer) for item, answer in enumerate(answers)])

    def _code(self, item: int, answer: Any) -> int:
        try:
            code = self._codes[item].get(answer)
        except TypeError:  # not hashable, so neither a category nor a missing value
            code = None
        if code is not None:
            return code
        if is_missing(answer):
            return MISSING
        labels = self._design.category_labels[item]
        raise DataError(
            f"item '{self._design.items[item]}': {shown(answer)} is not among its categories "
            f"{listed(labels)}; give None where there is no answer"
        )


def _codes_of(coding: Coding) -> dict[Any, int]:
    """Give the code of every value of an item, missing ones among them."""
    labels = () if coding.labels is None else coding.labels
    return {**{label: code for code, label in enumerate(labels)}, **coding.codes, None: MISSING}


def as_they_are(responses: Any) -> bytes | None:
    """Give whole numbers that may be codes; None where some are missing or must be read."""
    if not isinstance(responses, (list, tuple)):
        if not isinstance(responses, np.ndarray) or responses.ndim != 1:
            return None
        responses = responses if responses.dtype.char == "B" else responses.tolist()
    try:
        codes = bytes(responses)
    except (TypeError, ValueError):
        return None
    return None if MISSING in codes else codes
