"""The gallery shows every picture, by code that runs."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mixirt import plots

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
IMAGES = ROOT / "docs" / "images"
#: Bytes; a page of these has to load at once.
LARGEST = 60_000


def named() -> list[str]:
    return re.findall(r"!\[[^]]+\]\(images/(\w+)\.png\)", PAGE)


@pytest.mark.parametrize("kind", plots.__all__)
def test_every_kind_is_shown(kind: str) -> None:
    assert f"mixirt.plots.{kind}(" in PAGE


@pytest.mark.parametrize("name", named())
def test_images_are_small(name: str) -> None:
    path = IMAGES / f"{name}.png"
    assert path.stat().st_size < LARGEST
    with Image.open(path) as image:
        assert image.width >= 400


@pytest.mark.slow
def test_the_gallery_can_be_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The pictures alone: the page is in tests/reports.
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.chdir(tmp_path)
    script: dict[str, Any] = runpy.run_path(str(ROOT / "examples" / "gallery.py"))
    script["main"](tmp_path / "images")
    drawn = sorted(path.stem for path in (tmp_path / "images").iterdir())
    assert drawn == sorted(set(named()) - {"report"})
    for name in drawn:
        sizes = set()
        for folder in (tmp_path / "images", IMAGES):
            with Image.open(folder / f"{name}.png") as image:
                sizes.add(image.size)
        assert len(sizes) == 1, f"{name}: run make gallery"
