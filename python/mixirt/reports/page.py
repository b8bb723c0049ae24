"""The page as a whole."""

from __future__ import annotations

import datetime as dt
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from mixirt._checks import file_path, flag, word
from mixirt._core import __version__
from mixirt.files.atomic import check_replaceable, replacing
from mixirt.intervals import quantile
from mixirt.reports import sections
from mixirt.reports.html import Html, element, join

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["write_report"]

#: Nothing may be fetched or executed, whatever the labels hold.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_report(
    result: Result, path: str | Path, title: str | None, level: float, pictures: bool
) -> None:
    """Write a report; see :meth:`mixirt.Result.report`."""
    quantile(level)
    flag("pictures", pictures)
    title = sections.model_words(result) if title is None else word("title", title)
    path = file_path("a report", path, (".html", ".htm"))
    check_replaceable(path)
    page = _page(result, title, level, pictures)
    with replacing(path) as file:
        file.write(page.encode("utf-8"))


def _page(result: Result, title: str, level: float, pictures: bool) -> str:
    parts = [
        ("Fit", sections.glance(result)),
        ("Model", sections.models(result)),
        ("Data", sections.data(result)),
        ("Estimates", sections.estimates(result)),
        ("Distributions", sections.distributions(result)),
        ("Diagnostics", sections.diagnostics(result)),
    ]
    if pictures:
        from mixirt.reports.pictures import gallery

        note = f"Bands and bars are {100 * level:g} % confidence intervals."
        parts.append(
            ("Pictures", join([element("p", note, class_="note"), gallery(result, level)]))
        )
    links = (element("li", element("a", name, href=f"#{name.lower()}")) for name, _ in parts)
    body = element(
        "body",
        element(
            "header",
            element("h1", title),
            element("p", _lead(result, title == sections.model_words(result)), class_="lead"),
            element("nav", element("ul", *links), aria_label="Sections"),
        ),
        element("main", *(_section(name, content) for name, content in parts)),
        element("footer", _colophon(result)),
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n{_head(title)}\n{body}\n</html>\n'


def _head(title: str) -> Html:
    style = files("mixirt.reports").joinpath("page.css").read_text(encoding="utf-8")
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", title),
        element("style", Html(style)),
    )


def _section(name: str, content: Html) -> Html:
    return join(["\n", element("section", element("h2", name), content, id=name.lower()), "\n"])


def _lead(result: Result, titled: bool) -> str:
    design, data = result.model.design, result.data
    words = f"{len(design.items)} items, {data.n_respondents:,} respondents."
    return words if titled else f"{sections.model_words(result)}; {words}"


def _colophon(result: Result) -> str:
    today = dt.date.today().isoformat()
    return f"mixirt {__version__}, {today}. Data: SHA-256 {result.fingerprint}."
