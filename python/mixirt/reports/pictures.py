"""The pictures of a report, as images within the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mixirt import plots
from mixirt.plots import _choose, _style
from mixirt.reports.html import Html, element

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mixirt.result import Result

__all__ = ["Picture", "gallery", "pictures"]

#: Items in one picture of category curves, five rows of four; and in all of them together.
_ITEMS_AT_ONCE, _MOST_ITEMS = 20, 60
#: Rows of one picture of many items.
_MOST_ROWS = 60


@dataclass(frozen=True)
class Picture:
    """A picture to be drawn: what it is called, what a reader who cannot see it is told."""

    caption: str
    alt: str
    draw: Callable[[], Any]


def gallery(result: Result, level: float) -> Html:
    """Draw all pictures that a fit has."""
    with _style.detached():
        return element("div", *(_figure(p) for p in pictures(result, level)), class_="gallery")


def pictures(result: Result, level: float) -> Iterator[Picture]:
    """List the pictures that a fit has."""
    if not result.model.design.attributes:
        yield from _of_classes(result, level)
    else:
        for attribute in result.model.design.attributes:
            yield from _along(result, attribute, level)
        if len(result.model.design.attributes) == 2:
            yield from _surfaces(result)
    if result.n_cycles:
        yield Picture(
            "Course of the estimation",
            f"Largest change of a parameter and log-likelihood still missing in each of the "
            f"{result.n_cycles} EM cycles, both falling towards zero.",
            lambda: plots.convergence(result),
        )


def _of_classes(result: Result, level: float) -> Iterator[Picture]:
    design = result.model.design
    # One picture where the groups do not differ, one for each group where they do.
    groups = {
        place.where["group"]
        for c in range(design.n_classes)
        for place in _choose.distinct_places(result, design.items, class_=c + 1)
    }
    for group in design.groups:
        if group not in groups:
            continue
        own = group if len(groups) > 1 else None
        place = _choose.places(result, group)[0]
        for part in _parts(_choose.choose_items(result, None, place), _MOST_ROWS):
            yield Picture(
                "Class profiles" + (f", {group}" if own is not None else ""),
                f"Response probabilities in {design.n_classes} latent classes, {_span(part)}; the "
                "table of probabilities has the same numbers.",
                _drawing(plots.class_profiles, result, part, group=own, level=level),
            )


def _along(result: Result, attribute: str, level: float) -> Iterator[Picture]:
    """Pictures along one attribute."""
    design = result.model.design
    a = design.attributes.index(attribute)
    measuring = [n for i, n in enumerate(design.items) if design.q_matrix[i, a]]
    along = {"attribute": attribute}
    found = _choose.distinct_places(result, measuring)
    found = [p for p in found if attribute in _choose.attributes_at(result, p)]
    for place in found:
        own = [n for n in _choose.choose_items(result, None, place) if n in set(measuring)]
        where = place.where if len(found) > 1 else {}
        yield from _of_items(result, own, place, {**along, **where}, level)
    if not found:
        return
    yield Picture(
        f"Test information along {attribute}",
        _information_words(result, attribute, found[0]),
        _drawing(plots.test_information, result, **along),
    )
    yield Picture(
        f"Test characteristic curve along {attribute}",
        f"Expected score of {len(measuring)} items, rising with {attribute} where their slopes are "
        "positive.",
        _drawing(plots.test_characteristic, result, measuring, **along, level=level)
        if all(set(measuring) <= set(_choose.choose_items(result, None, p)) for p in found)
        else _drawing(plots.test_characteristic, result, **along, level=level),
    )
    if design.has_groups or design.n_classes > 1:
        means = [
            f"{p.name} {result.mean(**p.where)[own.index(attribute)]:.2f}"
            for p in _choose.places(result)
            if attribute in (own := _choose.attributes_at(result, p))
        ]
        yield Picture(
            f"Distributions of {attribute}",
            f"Normal densities of {attribute}; means: {', '.join(means)}.",
            _drawing(plots.group_distributions, result, attribute),
        )


def _of_items(
    result: Result, names: list[str], place: _choose.Place, options: dict[str, Any], level: float
) -> Iterator[Picture]:
    """Curves, information and difficulties of items that measure an attribute."""
    attribute, suffix = options["attribute"], f", {place.name}" if place.name else ""
    shown = names[:_MOST_ITEMS]
    more = "" if len(shown) == len(names) else f" (the first {_MOST_ITEMS} of {len(names)} items)"
    # Panels are half as wide as other pictures: half the points do.
    theta = _choose.points_along(result, attribute, [place], None).theta[::2]
    for part in _parts(shown, _ITEMS_AT_ONCE):
        yield Picture(
            f"Category curves along {attribute}{suffix}{more}",
            f"Probability of each category along {attribute}, {_span(part)}; the table of item "
            "parameters has the same curves in numbers.",
            _drawing(plots.category_curves, result, part, **options, theta=theta, level=level),
        )
    for part in _parts(names, _MOST_ROWS):
        yield Picture(
            f"Item information along {attribute}{suffix}",
            f"Fisher information of each item along {attribute}, {_span(part)}.",
            _drawing(plots.item_information, result, part, **options),
        )
    simple = [n for n in names if _measures_one(result, n)]
    for part in _parts(simple, _MOST_ROWS):
        yield Picture(
            f"Respondents and difficulties on {attribute}{suffix}",
            f"Distribution of the respondents on {attribute} above the difficulties of the items, "
            f"{_span(part)}, which are in the table of item parameters.",
            _drawing(plots.person_item_map, result, part, **options, level=level),
        )


def _surfaces(result: Result) -> Iterator[Picture]:
    design = result.model.design
    found = _choose.distinct_places(result, design.items)
    for place in found:
        if len(_choose.attributes_at(result, place)) != 2:
            continue
        where = place.where if len(found) > 1 else {}
        first, second = design.attributes
        yield Picture(
            f"Expected score over {first} and {second}",
            f"Lines of equal expected score of all items over {first} and {second}.",
            _drawing(plots.surface, result, **where),
        )


def _information_words(result: Result, attribute: str, place: _choose.Place) -> str:
    at = _choose.points_along(result, attribute, [place], None)
    values = result.test_information(at.full, **place.where)[:, at.position, at.position]
    top = int(np.argmax(values))
    return (
        f"Information of the test along {attribute}, highest ({values[top]:.2f}) at "
        f"{at.theta[top]:.2f}, and the standard error, lowest where information is highest."
    )


def _measures_one(result: Result, name: str) -> bool:
    design = result.model.design
    return int(design.q_matrix[design.items.index(name)].sum()) == 1


def _drawing(function: Callable[..., Any], *arguments: Any, **options: Any) -> Callable[[], Any]:
    return lambda: function(*arguments, **options)


def _parts(names: list[str], most: int) -> Iterator[list[str]]:
    """Cut a list into parts of about the same length."""
    n = -(-len(names) // most)
    for part in np.array_split(np.arange(len(names)), n) if n else []:
        yield [names[i] for i in part]


def _span(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} items from {names[0]} to {names[-1]}"


def _figure(picture: Picture) -> Html:
    drawn = picture.draw()
    figure = (drawn.ravel()[0] if isinstance(drawn, np.ndarray) else drawn).figure
    width, height = figure.get_size_inches()
    # Millimetres: the style sheet shows them larger on a screen, and prints them as they are.
    size = f"--mm:{25.4 * width:.1f};aspect-ratio:{width / height:.4f}"
    image = element("img", src=_svg(figure), alt=picture.alt, style=size)
    return element("figure", image, element("figcaption", picture.caption))


def _svg(figure: Figure) -> str:
    """Return the picture as an address that holds it whole."""
    # The same fit gives the same bytes: no date, and names of parts that do not change.
    with _style.matplotlib().rc_context({"svg.hashsalt": "mixirt", "svg.fonttype": "path"}):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
