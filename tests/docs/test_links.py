"""Links to places on pages lead to headings. Links to files: tests/unit/test_readme.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
)
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def places(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as the site and repository viewers make them."""
    headings = re.findall(
        r"^#+ (.+)$", _FENCE.sub("", path.read_text(encoding="utf-8")), re.MULTILINE
    )
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES)
def test_links_to_places_lead_to_headings(page: str) -> None:
    path = ROOT / page
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", text)
    dead = [
        f"{file}#{place}"
        for file, place in links
        if place not in places((path.parent / file).resolve() if file else path)
    ]
    assert dead == []
