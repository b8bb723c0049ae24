"""What the categories of items are: the same in `fit` and `Model`, and advice that is right."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import mixirt
from mixirt import Model, datasets
from tests.libraries import polars as pl

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


WORDS = {1: "never", 2: "seldom", 3: "often", 4: "always"}


def in_words() -> pd.DataFrame:
    return science().replace(WORDS)


@pytest.mark.parametrize(
    "ordered",
    [
        lambda: in_words().astype(pd.CategoricalDtype(list(WORDS.values()), ordered=True)),
        lambda: pl.from_pandas(in_words()).select(pl.all().cast(pl.Enum(list(WORDS.values())))),
    ],
)
def test_ordered_categoricals_say_their_categories(ordered: Any) -> None:
    result = mixirt.fit(ordered(), "grm", max_cycles=0)
    assert result.model.design.category_labels == (tuple(WORDS.values()),) * 4
    expected = mixirt.fit(science(), "grm", categories=[1, 2, 3, 4], max_cycles=0)
    assert result.loglik == expected.loglik
    left_out = mixirt.fit(ordered(), "grm", missing="never", max_cycles=0)
    assert left_out.model.design.category_labels == (tuple(WORDS.values())[1:],) * 4
    turned = mixirt.fit(ordered(), "grm", categories=list(WORDS.values())[::-1], max_cycles=0)
    assert turned.model.design.category_labels[0][0] == "always"


def test_ordered_numbers_are_categories_too() -> None:
    ordered = science().astype(pd.CategoricalDtype([1, 2, 3, 4], ordered=True))
    assert mixirt.fit(ordered, "grm", max_cycles=0).model.design.n_categories == [4] * 4


def test_categoricals_without_an_order_ask_for_one() -> None:
    assert "list the item's values in order" in refusal(in_words().astype("category"))


# --- the numbers of intercepts --------------------------------------------------------------


@pytest.mark.parametrize("category", [0, 4, "often", True, 1.5])
def test_intercepts_are_addressed_by_their_numbers(category: Any) -> None:
    model = Model("grm", items=["p", "q"], categories={"q": list(WORDS.values())})
    match = r"Item 'q' has 1 \(into category 'seldom'\), 2 \(into category 'often'\), 3 \("
    with pytest.raises(mixirt.SpecError, match=match):
        model.fix("intercept", 0, category=category)
    with pytest.raises(mixirt.SpecError, match=r"found 2. Item 'p' has 1 \(into category 1\)$"):
        model.fix("intercept", 0, item="p", category=2)


# --- names and models that are none ---------------------------------------------------------


@pytest.mark.parametrize("model", [None, 2, 3.5, object()])
def test_what_is_no_model_is_told_what_one_is(model: Any) -> None:
    assert "model must be one of 'rasch', '1pl'" in refusal(science() - 1, model)


def test_small_messages_are_in_the_words_of_users() -> None:
    result = mixirt.fit(science() - 1, "grm", max_cycles=0)
    with pytest.raises(mixirt.SpecError, match="unknown item '0'; known: 'Comfort'"):
        mixirt.plots.category_curves(result, 0)  # type: ignore[arg-type]
    with pytest.raises(mixirt.DataError, match="7 is not among its categories 0, 1, 2, 3"):
        result.scorer().score_one({"Work": 7})


def test_models_and_responses_have_the_same_limit() -> None:
    """Answers are one byte, of which two values are no categories."""
    most = 254
    model = Model("gpcm", items=["p", "q"], n_categories=[most, 2])
    assert len(model.design.category_labels[0]) == most
    with pytest.raises(
        mixirt.SpecError, match=f"n_categories of item 'p' .* from 2 to {most}; found 255"
    ):
        Model("gpcm", items=["p", "q"], n_categories=[most + 1, 2])
    with pytest.raises(
        mixirt.SpecError, match=f"item 'p' is given 255 categories; an item has 2 to {most}"
    ):
        Model("gpcm", items=["p", "q"], categories={"p": range(most + 1)})
