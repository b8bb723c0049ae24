"""The report: one page, whole, escaped, the same in a real browser."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

import mixirt
from mixirt.reports.html import Html, element, table, text
from tests.small_models import SMALL_MODELS, small

EVIL = "<script>document.title='caught'</script>"
VOID = {"meta", "img"}


class Page(HTMLParser):
    """Elements in order, with their attributes and text; refuses what is not nested."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(source)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@cache
def report(name: str, folder: Path) -> str:
    path = folder / f"{name.replace(' ', '_').replace(',', '')}.html"
    small(name).report(path, title=f"report of {name}")
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_a_report_is_whole_and_needs_nothing_else(name: str, folder: Path) -> None:
    source = report(name, folder)
    page = Page(source)
    assert source.startswith("<!DOCTYPE html>")
    assert page.all("html") == [{"lang": "en"}]
    assert page.texts["h1"] == [f"report of {name}"]
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in page.elements}
    for tag, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on")], (tag, attributes)
        for key in ("src", "href"):
            if key in attributes:
                assert (attributes[key] or "").startswith(("data:image/svg+xml;base64,", "#"))
    assert "url(" not in source
    assert "@import" not in source
    policy = next(m for m in page.all("meta") if m.get("http-equiv"))
    assert "default-src 'none'" in (policy["content"] or "")


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_a_report_can_be_read_without_seeing_it(name: str, folder: Path) -> None:
    """Headings in order, tables with captions and heads, a text for every picture."""
    page = Page(report(name, folder))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels)) <= 1
    ids = [a["id"] for a in page.all("section")]
    assert [a["href"] for a in page.all("a")] == [f"#{i}" for i in ids]
    assert len(set(ids)) == len(ids)
    assert len(page.all("caption")) == len(page.all("table")) >= 3
    assert {a.get("scope") for a in page.all("th")} == {"row", "col"}
    images = page.all("img")
    assert len(images) >= 2
    assert all(len(a.get("alt") or "") > 30 for a in images)
    assert len(page.all("figcaption")) == len(images)


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_the_numbers_are_those_of_the_fit(name: str, folder: Path) -> None:
    result, page = small(name), Page(report(name, folder))
    shown = " ".join(page.texts["dd"])
    for value in (f"{result.loglik:.4f}", f"{result.aic:.2f}", f"{result.bic:.2f}"):
        assert value in shown
    cells = " ".join(page.texts["td"])
    if result.model.design.attributes:
        for row in result.parameters().itertuples():
            se = "" if np.isnan(row.se) else f" ({row.se:.3f})"
            assert f"{row.estimate:.3f}{se}" in cells
    else:
        derived = result.derived().query("parameter == 'probability'")
        for row in derived.itertuples():
            assert f"{row.estimate:.3f} ({row.se:.3f})" in cells
    for item in result.model.design.items:
        assert item in page.texts["th"]


def test_pictures_are_drawings_of_their_own(folder: Path) -> None:
    page = Page(report("graded", folder))
    for attributes in page.all("img"):
        _, _, content = (attributes["src"] or "").partition("base64,")
        drawing = base64.b64decode(content).decode("utf-8")
        assert drawing.lstrip().startswith("<?xml")
        assert "<script" not in drawing
        assert not re.findall(r'(?:href|src)="(?!#)', drawing)


def evil_fit() -> mixirt.Result:
    import pandas as pd

    generator = np.random.default_rng(4)
    theta = generator.standard_normal(600)
    codes = (theta[:, None] + generator.logistic(size=(600, 5)) > 0).astype(int)
    columns = [f"{EVIL}{i}" for i in range(4)] + ['" onload="x\x00\x1b']
    frame = pd.DataFrame(np.array(["</td>no", "yes & 'so'"])[codes], columns=columns)
    groups = np.repeat([f"<b>{EVIL}", "]]> $x$"], 300)
    return mixirt.fit(
        frame, "2pl", categories=["</td>no", "yes & 'so'"], groups=groups, invariance="scalar",
        attributes=[f"<i>{EVIL}"],
    )  # fmt: skip


@cache
def evil_report(folder: Path) -> Path:
    path = folder / "evil.html"
    evil_fit().report(path, title=f"</title>{EVIL}")
    return path


def test_labels_are_text_whatever_they_hold(folder: Path) -> None:
    source = evil_report(folder).read_text(encoding="utf-8")
    page = Page(source)
    assert "<script" not in source
    assert page.texts["title"] == [f"</title>{EVIL}"]
    assert f"{EVIL}0" in page.texts["th"]
    assert '" onload="x\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}' in page.texts["th"]
    assert "</td>no" in page.texts["th"]
    assert not [a for _, a in page.elements if "onload" in a]


def test_a_loaded_fit_reports(tmp_path: Path) -> None:
    for name in ("graded", "latent classes", "mixture"):
        result = small(name)
        result.vcov()
        result.save(tmp_path / "m.json")
        mixirt.load(tmp_path / "m.json").report(tmp_path / "r.html")
        source = (tmp_path / "r.html").read_text(encoding="utf-8")
        page = Page(source)
        assert "not part of the file" in source
        assert re.search(r"\d\.\d{3} \(0\.\d{3}\)", " ".join(page.texts["td"]))
        assert page.all("img")
    result.save(tmp_path / "bare.json", covariances=False)
    mixirt.load(tmp_path / "bare.json").report(tmp_path / "r.html", pictures=False)
    page = Page((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert not re.search(r"\(0\.\d{3}\)", " ".join(page.texts["td"]))


def test_answers_are_counted_whichever_way_they_came(tmp_path: Path) -> None:
    wide = mixirt.datasets.load("lsat7").responses.astype(float)
    wide[np.random.default_rng(1).random(wide.shape) < 0.2] = np.nan
    expected = [f"{n}" for v in wide.T for n in (sum(v == 0), sum(v == 1), sum(np.isnan(v)))]
    person, item = np.nonzero(~np.isnan(wide))
    rows = {"person": person, "item": item, "answer": wide[person, item].astype(int)}
    import pandas as pd

    long = mixirt.long(
        pd.DataFrame(rows), person="person", item="item", response="answer", items=range(5)
    )
    for responses in (wide, long):
        mixirt.fit(responses, "rasch").report(tmp_path / "r.html", pictures=False)
        source = (tmp_path / "r.html").read_text(encoding="utf-8")
        table = re.search(r"<table><caption>Responses in each.*?</table>", source, re.DOTALL)
        assert table is not None
        assert re.findall(r'<td class="number">(\d+)', table[0]) == expected


def test_a_fit_that_did_not_converge_says_so_first(tmp_path: Path) -> None:
    with pytest.warns(mixirt.ConvergenceWarning):
        result = mixirt.fit(mixirt.datasets.load("sat12").responses, "2pl", max_cycles=2)
    result.report(tmp_path / "r.html", pictures=False)
    source = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert '<p class="status warn"><strong>Not converged.</strong>' in source


def test_the_same_fit_makes_the_same_page(tmp_path: Path) -> None:
    first, second = tmp_path / "a.html", tmp_path / "b.html"
    for path in (first, second):
        small("two attributes").report(path)
    assert first.read_bytes() == second.read_bytes()


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(mixirt.SpecError, match="level must be"):
        small("2pl").report(path, level=95)
    assert path.read_text(encoding="utf-8") == "old"
    small("2pl").report(path, pictures=False)
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]
    with pytest.raises(mixirt.FileError, match="cannot be written"):
        small("2pl").report(tmp_path / "nowhere" / "r.html", pictures=False)


def test_reports_leave_nothing_open_in_pyplot(tmp_path: Path) -> None:
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    small("2pl").report(tmp_path / "r.html")
    assert plt.get_fignums() == before


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    small("2pl").report(tmp_path / "r.html", pictures=False)
    with pytest.raises(ImportError, match=r"mixirt\[plot\]"):
        small("2pl").report(tmp_path / "r2.html")
    assert not (tmp_path / "r2.html").exists()


def test_html_is_escaped_unless_it_is_html() -> None:
    assert element("p", "<&", Html("<b>"), id='"') == '<p id="&quot;">&lt;&amp;<b></p>'
    assert text("\ud800\x07") == "\N{REPLACEMENT CHARACTER}" * 2
    made = table("t", ["a", "b", "c"], [["x", "1.5 (0.2)", "y"], ["z", "", "2"]])
    assert re.findall(r'<td( class="number")?>', made) == [' class="number"', ""] * 2


# --- in a real browser ----------------------------------------------------------------------------

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next((found for name in BROWSERS if (found := shutil.which(name))), None)
in_browser = pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(BROWSERS)} is here")


def browse(page: Path, *options: str) -> str:
    command = [str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    profile = f"--user-data-dir={page.parent / 'profile'}"
    run = subprocess.run(
        [*command, profile, *options, page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return run.stdout


@in_browser
def test_a_browser_shows_the_pictures(folder: Path) -> None:
    report("graded", folder)
    shot = folder / "shot.png"
    browse(folder / "graded.html", f"--screenshot={shot}", "--window-size=1100,3600")
    pixels = np.round(matplotlib.image.imread(shot)[:, :, :3] * 255).astype(int)
    assert pixels.shape == (3600, 1100, 3)
    # The first three colours of lines are seen nowhere else on the page.
    for colour in ((0, 114, 178), (213, 94, 0), (0, 158, 115)):
        assert (pixels == colour).all(axis=2).sum() > 200
    # Nothing is wider than the window: the right margin is white.
    assert (pixels[:, -8:] == 255).all()


@in_browser
def test_a_browser_runs_nothing_from_labels(folder: Path) -> None:
    seen = browse(evil_report(folder), "--dump-dom")
    assert "<title>&lt;/title&gt;&lt;script&gt;" in seen
    assert "<title>caught" not in seen


@in_browser
def test_it_prints_on_a4(folder: Path) -> None:
    report("two groups", folder)
    paper = folder / "paper.pdf"
    browse(folder / "two_groups.html", f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    content = paper.read_bytes()
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", content)
    assert 2 <= len(boxes) <= 6
    # A4 is 595.28 x 841.89 points; browsers round to their own pixels.
    assert all(abs(float(w) - 595.28) < 1 and abs(float(h) - 841.89) < 1 for w, h in boxes)
