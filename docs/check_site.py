"""Check a built site: every link leads to a page and a place on it, and nothing comes from outside.

Sphinx checks the links of the pages; this looks at what the theme and the extensions made of them.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Elements that a browser fetches by itself, and where each says what.
FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
#: Links that only say how pages are related are not fetched.
RELATIONS = {"canonical", "next", "prev", "index", "search", "author"}


class Page(HTMLParser):
    """Names of places on a page, the links it has, and what it fetches."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element names, links to or fetches."""
        own = {name: value or "" for name, value in attrs}
        self.places |= {own[name] for name in ("id", "name") if name in own}
        if tag == "a" and "href" in own:
            self.links.append(own["href"])
        elif tag in FETCHED and FETCHED[tag] in own and own.get("rel") not in RELATIONS:
            self.fetched.append(own[FETCHED[tag]])


def problems(site: Path) -> list[str]:
    """Say what is wrong with a site, a line each."""
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    found = [] if pages else [f"{site}: no pages"]
    for path, page in pages.items():
        name = path.relative_to(site)
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            place = unquote(parts.fragment)
            if not target.exists():
                found.append(f"{name}: {link} leads nowhere")
            elif place and target in pages and place not in pages[target].places:
                found.append(f"{name}: {link}: there is no such place on the page")
        outside = [link for link in page.fetched if urlsplit(link).netloc]
        found += [f"{name}: fetches {link}" for link in outside]
        inside = [urlsplit(link).path for link in page.fetched if not urlsplit(link).netloc]
        gone = [file for file in inside if file and not (path.parent / unquote(file)).exists()]
        found += [f"{name}: {file} is not there" for file in gone]
    return found


def main() -> int:
    """Print what is wrong; 1 if anything is."""
    site = Path(sys.argv[1]).resolve()
    found = problems(site)
    for line in found:
        print(line)
    n_pages = len(list(site.rglob("*.html")))
    print(f"{site.name}: {n_pages} pages, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
