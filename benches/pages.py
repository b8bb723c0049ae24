"""docs/benchmarks.md: text by hand, and sections that commands renew between two marks."""

from __future__ import annotations

from pathlib import Path

PAGE = "docs/benchmarks.md"


def renew(section: str, text: str, root: Path) -> None:
    """Put `text` between the marks of a section.

    Raises
    ------
    ValueError
        If the page has no such section.
    """
    page = root / PAGE
    begin, end = f"<!-- {section} -->\n", f"<!-- end of {section} -->\n"
    before, mark, rest = page.read_text().partition(begin)
    _, end_mark, after = rest.partition(end)
    if not mark or not end_mark:
        raise ValueError(f"{PAGE} has no section between {begin.strip()} and {end.strip()}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")
