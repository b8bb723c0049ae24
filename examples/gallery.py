"""Run the code of docs/gallery.md and draw its pictures anew, into docs/images.

    python examples/gallery.py [folder]

The picture named after a block of code is that of the block's `ax` or `axes`, or of the page it
wrote.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import Image

PAGE = Path(__file__).resolve().parent.parent / "docs" / "gallery.md"
BLOCK = re.compile(r"```python\n(.*?)```\n\n!\[[^]]*\]\(images/(\w+)\.png\)", re.DOTALL)
#: Enough for lines, bands and the edges between them, and for a page; images of so few are small.
N_COLOURS, N_COLOURS_OF_A_PAGE = 200, 128
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def main(folder: Path) -> None:
    """Draw every picture of the page."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    names: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as elsewhere:
        before = Path.cwd()
        os.chdir(elsewhere)
        try:
            for code, name in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
                image = run(code, names)
                if image is None:
                    print(f"{name}.png: left as it is, no browser to show the page")
                    continue
                image.save(folder / f"{name}.png", optimize=True)
                print(f"{name}.png: {(folder / f'{name}.png').stat().st_size / 1000:.0f} kB")
                plt.close("all")
        finally:
            os.chdir(before)


def run(code: str, names: dict[str, Any]) -> Image.Image | None:
    """Run a block of the page, and return what it drew in few colours."""
    names.pop("ax", None)
    names.pop("axes", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, names)
    drawn = names.get("axes", names.get("ax"))
    if drawn is not None:
        return few_colours(picture(drawn), N_COLOURS, Image.Quantize.MEDIANCUT)
    (page,) = Path.cwd().glob("*.html")
    shown = screenshot(page)
    if shown is None:
        return None
    # Most of a page is white and grey: its colours must not count by how often they occur.
    return few_colours(shown, N_COLOURS_OF_A_PAGE, Image.Quantize.MAXCOVERAGE)


def few_colours(image: Image.Image, n: int, method: Image.Quantize) -> Image.Image:
    """Reduce an image to `n` colours."""
    return image.convert("RGB").quantize(n, method=method, dither=Image.Dither.NONE)


def picture(drawn: Any) -> Image.Image:
    """Turn axes into an image."""
    ax = drawn.ravel()[0] if isinstance(drawn, np.ndarray) else drawn
    buffer = io.BytesIO()
    ax.figure.savefig(buffer, format="png")
    return Image.open(buffer)


def screenshot(page: Path) -> Image.Image | None:
    """Show a page in a browser, and make it smaller than half."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        return None
    shot = page.with_suffix(".png")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    options += [f"--screenshot={shot}", "--window-size=1040,2900"]
    subprocess.run([browser, *options, page.as_uri()], check=True, capture_output=True)
    whole = Image.open(shot).convert("RGB")
    filled = np.flatnonzero((np.asarray(whole) != 255).any(axis=(1, 2)))
    whole = whole.crop((0, 0, whole.width, min(whole.height, int(filled[-1]) + 40)))
    return whole.resize((468, 468 * whole.height // whole.width), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE.parent / "images")
