"""HTML from text that may hold anything: whatever is not marked as HTML is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

__all__ = ["Html", "element", "facts", "join", "table", "text"]

#: Characters that no HTML page may contain.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
#: Elements without an end.
_EMPTY = {"img", "meta"}
_NUMBER = re.compile(r"[-<]?\s*[\d.,]+(e[-+]\d+)?( \([\d.e<+-]+\))?†?|n/a|")


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Html:
    """Escape text, quotes included.

    Examples
    --------
    >>> text("<script>alert('x')</script>")
    '&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;'
    """
    if isinstance(value, Html):
        return value
    return Html(html.escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", str(value)), quote=True))


def element(name: str, /, *children: object, **attributes: object) -> Html:
    """Make an element; attributes that are None are left out, ``_`` ends a name of Python's.

    Examples
    --------
    >>> element("th", "a < b", scope="col", class_=None)
    '<th scope="col">a &lt; b</th>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{join(children)}</{name}>")


def join(parts: Iterable[object], between: str = "") -> Html:
    """Put parts together."""
    return Html(between.join(text(part) for part in parts))


def facts(pairs: Iterable[tuple[str, object]]) -> Html:
    """Make a list of terms and values."""
    rows = (element("div", element("dt", term), element("dd", value)) for term, value in pairs)
    return element("dl", *rows, class_="facts")


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Html:
    """Make a table whose first column names the rows; columns of numbers stand to the right."""
    is_number = [
        all(_NUMBER.fullmatch(str(row[i])) for row in rows) and i > 0 for i in range(len(header))
    ]
    kinds = ["number" if n else None for n in is_number]
    top = (element("th", h, scope="col", class_=k) for h, k in zip(header, kinds, strict=True))
    body = []
    for row in rows:
        cells = [element("th", row[0], scope="row")]
        cells += [element("td", c, class_=k) for c, k in zip(row[1:], kinds[1:], strict=True)]
        body.append(element("tr", *cells))
    whole = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *top)),
        element("tbody", join(body, "\n")),
    )
    return element("div", whole, class_="table", tabindex="0", role="region", aria_label=caption)
