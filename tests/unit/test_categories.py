"""What the categories of items are: the same in `fit` and `Model`, and advice that is right."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import mixirt
from mixirt import Model, datasets

LABELS = ("low", "mid", "high")


@pytest.mark.parametrize(
    ("categories", "expected"),
    [
        ([1, 2, 3, 4], ((1, 2, 3, 4),) * 2),
        (["no", "yes"], (("no", "yes"),) * 2),
        (LABELS, (LABELS, LABELS)),
        ({"p": ["no", "yes"], "q": LABELS}, (("no", "yes"), LABELS)),
        ({"q": LABELS}, ((0, 1), LABELS)),
        ([["no", "yes"], LABELS], (("no", "yes"), LABELS)),
    ],
)
def test_a_model_takes_categories_as_fit_does(categories: Any, expected: Any) -> None:
    model = Model("grm", items=["p", "q"], categories=categories)
    assert model.design.category_labels == expected


def test_items_without_categories_have_the_number_that_is_said() -> None:
    model = Model("grm", items=["p", "q"], n_categories=[3, 9], categories={"q": LABELS})
    assert model.design.category_labels == ((0, 1, 2), LABELS)


@pytest.mark.parametrize(
    ("categories", "match"),
    [
        ("abc", "'p' must be a sequence of values"),
        ({"p": "abc"}, "'p' must be a sequence of values"),
        ({"x": LABELS}, "categories names what are no items: 'x'"),
        ([LABELS], "given for 1 items, but there are 2"),
        (["no"], "'p' is given 1 categories"),
        (["no", "no"], "'no' is given twice"),
        ({"no", "yes"}, "'p' must be a sequence of values in order"),
        (3, "'p' must be a sequence of values"),
    ],
)
def test_other_categories_of_a_model_are_refused(categories: Any, match: str) -> None:
    with pytest.raises(mixirt.SpecError, match=match):
        Model("grm", items=["p", "q"], categories=categories)


def science(**options: Any) -> pd.DataFrame:
    return datasets.load("science").frame(**options)


def refusal(responses: Any, model: Any = "grm", **options: Any) -> str:
    with pytest.raises((mixirt.DataError, mixirt.SpecError)) as caught:
        mixirt.fit(responses, model, **options)
    return str(caught.value)


def test_categories_in_fit_are_sent_to_the_model() -> None:
    items = list(science())
    plain = Model("grm", items=items, n_categories=4)
    message = refusal(science(), plain, categories=[1, 2, 3, 4])
    assert "made without them; give categories= to Model" in message
    own = Model("grm", items=items, categories=[1, 2, 3, 4])
    assert "has them already" in refusal(science(), own, categories=[1, 2, 3, 4])


def test_advice_does_not_destroy_data() -> None:
    small = Model("grm", items=list(science()))
    assert "make the model with n_categories=4" in refusal(science() - 1, small)
    message = refusal(science(), small)
    assert "categories=[1, 2, 3, 4]" in message
    assert "given to the Model" in message
    for message in (
        refusal(science() - 1, small),
        refusal(science(), small),
        refusal(science().astype(str), categories=[1, 2, 3, 4]),
        refusal(science().astype(str)),
        refusal(science(), categories=["1", "2", "3", "4"]),
    ):
        assert "missing=" not in message


def test_text_and_numbers_are_told_apart() -> None:
    message = refusal(science().astype(str), categories=[1, 2, 3, 4])
    assert "found '4', which is text, but its categories are 1, 2, 3, 4, which are num" in message
    assert "convert the column to numbers" in message
    message = refusal(science(), categories=["1", "2", "3", "4"])
    assert "found 4, which is a number, but" in message
    assert "convert the column to numbers" in refusal(science().astype(str))


@pytest.mark.parametrize("options", [{}, {"categories": [0, 1, 2, 3]}])
def test_a_code_beyond_the_others_is_missing_first_and_a_category_second(
    options: dict[str, Any],
) -> None:
    responses = science() - 1
    responses.iloc[3, 1] = 9
    message = refusal(responses, **options)
    assert 0 < message.index("missing=9") < message.index("if it is a category")
    mixirt.fit(responses, "grm", missing=9, max_cycles=0, **options)
