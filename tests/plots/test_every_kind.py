"""Every kind of picture of every kind of fit: drawn legibly, or refused in words."""

from __future__ import annotations

import inspect
from itertools import combinations
from typing import Any
from unittest import mock

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

import mixirt
from mixirt import plots
from tests.small_models import SMALL_MODELS, small

KINDS = plots.__all__
#: Pictures that a fit has none of without saying more, and the words that say so.
ONE_ATTRIBUTE = (
    "category_curves",
    "item_information",
    "person_item_map",
    "test_characteristic",
    "test_information",
)
REFUSED = {
    ("class_profiles", "*"): "without attributes",
    ("surface", "*"): "two attributes",
    ("surface", "mixture"): "which class",
    **{(kind, "latent classes"): "no attributes" for kind in KINDS},
    **{
        (kind, name): "which attribute"
        for kind in ONE_ATTRIBUTE
        for name in ("two attributes", "bifactor")
    },
    **{(kind, "mixture"): "which class" for kind in ONE_ATTRIBUTE[:3]},
}
DRAWN = {
    ("convergence", "latent classes"),
    ("class_profiles", "latent classes"),
    ("surface", "two attributes"),
    ("group_distributions", "two attributes"),
}
MM = 1 / 25.4
#: Rounding of a width in inches.
WIDTH_TOLERANCE = 1e-9
#: Pixels (of 1/200 inch) by which the box of a text may pass the edge: its white margin.
EDGE = 1.0
#: Points of the smallest text.
SMALLEST = 6.0


def refusal(kind: str, name: str) -> str | None:
    if (kind, name) in DRAWN:
        return None
    return REFUSED.get((kind, name)) or REFUSED.get((kind, "*"))


def draw(kind: str, name: str, **options: Any) -> Any:
    return getattr(plots, kind)(small(name), **options)


def has_rows(ax: Axes) -> bool:
    """Whether the vertical axis has names in place of numbers."""
    figure = ax.get_figure()
    assert figure is not None
    figure.draw_without_rendering()  # type: ignore[union-attr]
    return any(label.get_text().startswith("item") for label in ax.get_yticklabels())


def list_of(found: Any) -> list[Axes]:
    return list(found) if isinstance(found, np.ndarray) else [found]


PAIRS = [(kind, name) for kind in KINDS for name in SMALL_MODELS]
ALLOWED = [pair for pair in PAIRS if refusal(*pair) is None]


@pytest.mark.parametrize(("kind", "name"), [p for p in PAIRS if refusal(*p) is not None])
def test_what_cannot_be_drawn_is_refused_in_words(kind: str, name: str) -> None:
    with pytest.raises(mixirt.SpecError, match=refusal(kind, name)):
        draw(kind, name)


@pytest.mark.parametrize(("kind", "name"), ALLOWED)
def test_a_picture_is_named_and_fits_its_figure(kind: str, name: str) -> None:
    axes = list_of(draw(kind, name))
    figure = axes[0].figure
    assert isinstance(figure, Figure)
    is_panel = kind == "category_curves" or len(axes) > 1
    widths = [80, 160] if is_panel else [80]
    assert min(abs(figure.get_figwidth() - w * MM) for w in widths) < WIDTH_TOLERANCE
    if is_panel and kind == "category_curves":
        assert figure.get_supxlabel()
        assert figure.get_supylabel()
    else:
        assert all(ax.get_xlabel() for ax in axes)
        if not has_rows(axes[0]):
            assert all(ax.get_ylabel() for ax in axes)
    assert_legible(figure)


def drawn_texts(figure: Figure) -> list[tuple[Text, Bbox]]:
    """Every text that is drawn, with its box in pixels."""
    found: list[Text] = []
    draw_text = Text.draw

    def note(self: Text, renderer: Any, *args: Any, **kwargs: Any) -> None:
        if self.get_visible() and self.get_text():
            found.append(self)
        draw_text(self, renderer, *args, **kwargs)

    figure.draw_without_rendering()
    with mock.patch.object(Text, "draw", note):
        figure.draw_without_rendering()
    return [(text, text.get_window_extent()) for text in found]


def assert_legible(figure: Figure) -> None:
    """All text lies within the figure, none is small, and none covers another."""
    texts = drawn_texts(figure)
    assert texts
    for text, box in texts:
        assert min(box.x0, box.y0) >= -EDGE, f"{text} is cut off"
        assert box.x1 <= figure.bbox.width + EDGE, f"{text} is cut off"
        assert box.y1 <= figure.bbox.height + EDGE, f"{text} is cut off"
        assert text.get_fontsize() >= SMALLEST, f"{text} is too small"
    for (first, a), (second, b) in combinations(texts, 2):
        overlap = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(overlap) <= EDGE, f"{first} and {second} cover each other"


@pytest.mark.parametrize("kind", KINDS)
def test_given_axes_are_the_ones_drawn_on(kind: str) -> None:
    """And they keep the looks that their owner gave them."""
    name = {"class_profiles": "latent classes", "surface": "two attributes"}.get(kind, "2pl")
    figure = Figure()
    ax = figure.subplots()
    ax.tick_params(labelsize=13)
    options: dict[str, Any] = {"items": "item2"} if kind == "category_curves" else {}
    assert draw(kind, name, ax=ax, **options) is ax
    figure.draw_without_rendering()
    assert ax.xaxis.get_ticklabels()[0].get_fontsize() == 13
    assert figure.axes[0] is ax


@pytest.mark.parametrize("kind", KINDS)
def test_all_options_are_keywords_but_what_is_drawn(kind: str) -> None:
    parameters = list(inspect.signature(getattr(plots, kind)).parameters.values())
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert len(positional) <= 2
    assert positional[0].name == "result"
    assert parameters[-1].name == "ax"


LONG = [
    "I feel confident speaking in front of large groups of people I do not know",
    "short",
    "costs $5 or $6",
    "<script>alert(1)</script>",
]


def long_named(n_items: int) -> mixirt.Result:
    """Five categories, and names that nobody would like to draw."""
    generator = np.random.default_rng(5)
    theta = generator.standard_normal(800)
    cuts = np.array([-1.5, -0.5, 0.5, 1.5])
    z = theta[:, None] + generator.logistic(size=(800, n_items))
    answers = (z[:, :, None] > cuts).sum(axis=2)
    columns = [f"{i + 1} {LONG[i % 4]}" for i in range(n_items)]
    import pandas as pd

    return mixirt.fit(pd.DataFrame(answers, columns=columns), "gpcm")


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if k not in {"class_profiles", "surface", "convergence"}]
)
def test_forty_items_with_long_names(kind: str) -> None:
    result = long_named(40)
    options: dict[str, Any] = {"level": None} if kind == "category_curves" else {}
    assert_legible(list_of(getattr(plots, kind)(result, **options))[0].figure)
