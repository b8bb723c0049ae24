"""Links of the pages that leave `docs/`: to the page of the site with the same text, or to nothing.

Pages are read in the repository too, where `../CONTRIBUTING.md` or `../tests/oracle` leads
somewhere. On the site the first is a page elsewhere, and the second is a name without a link.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

#: Files of the repository that are pages of the site, and directories with a page for them.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "docs/README.md": "index.md",
    "docs/decisions": "project/decisions.md",
    "tests/reference/README.md": "project/reference-estimates.md",
    "tests/reference": "project/reference-estimates.md",
}

#: Pages of the site whose text is a file elsewhere, from where its links count. What stands in the
#: page itself is for those who read the repository.
INCLUDED = {
    page.removesuffix(".md"): file
    for file, page in PAGES.items()
    if file.endswith(".md") and page.startswith("project/")
}

_LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])+)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def setup(app: Any) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app: Any, page: str, source: list[str]) -> None:
    docs = Path(app.srcdir)
    read_from = docs / page
    if page in INCLUDED:
        read_from = docs.parent / INCLUDED[page]
        source[0] = read_from.read_text(encoding="utf-8")
        app.env.note_dependency(str(read_from))
    source[0] = _rewritten(source[0], docs, read_from, docs / page)


def _rewritten(text: str, docs: Path, read_from: Path, shown_as: Path) -> str:
    """Return a page whose links count from the file it is shown as, and stay within `docs`."""

    def link(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        if "://" in target or target.startswith("mailto:"):
            return found[0]
        path = Path(os.path.normpath(read_from.parent / target))
        inside = os.path.relpath(path, docs.parent).replace(os.sep, "/")
        if inside in PAGES:
            path = docs / PAGES[inside]
        elif docs not in path.parents:
            return words
        return f"[{words}]({os.path.relpath(path, shown_as.parent).replace(os.sep, '/')}{anchor})"

    return _LINK.sub(link, text)
