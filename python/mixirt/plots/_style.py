"""How every picture looks: sizes for a column of 80 mm, colours, and where axes come from."""

from __future__ import annotations

import contextlib
import contextvars
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "AXIS_GREY",
    "BAND",
    "COLOURS",
    "HEIGHT",
    "LINE",
    "LINE_STYLES",
    "MARKERS",
    "WIDTH",
    "blends",
    "colour",
    "cut",
    "detached",
    "draw_line",
    "figure_of",
    "given_or_new",
    "legend_above",
    "legend_over",
    "line_style",
    "marker",
    "matplotlib",
    "name_rows",
    "new_axes",
    "per_squared",
    "plain",
    "plain_lines",
    "plain_space",
    "rows_height",
    "shades",
    "share",
    "small_size",
    "title",
    "wrapped",
]

#: Width and height of one picture in millimetres: a column of a journal.
WIDTH, HEIGHT = 80.0, 58.0
#: The colours of Okabe and Ito (2008), which colour-blind readers tell apart, without the yellow,
#: too pale for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Colours are repeated by line styles, for print in black and white.
LINE_STYLES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1.2, 1, 1.2)), (0, (7, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
AXIS_GREY = "#444444"
#: How lines and the bands about them are drawn.
LINE: dict[str, Any] = {"linewidth": 1.2, "solid_capstyle": "round"}
BAND: dict[str, Any] = {"alpha": 0.2, "linewidth": 0}
#: Sizes of text in points.
_TEXT, _SMALL = 8.0, 7.0
_MM = 1 / 25.4
#: Height of a row of a picture in millimetres, and characters of its name.
_ROW, _LONGEST_ROW = 3.2, 22
#: Whether new figures are kept from pyplot.
_DETACHED = contextvars.ContextVar("detached", default=False)
#: Pixels per inch on a screen: a picture is some 630 pixels wide there.
_DPI = 200


def matplotlib() -> Any:
    """Import matplotlib, or say how to get it."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise ImportError(
            "pictures need matplotlib; install it with the extra: pip install 'mixirt[plot]'"
        ) from error
    return mpl


@contextlib.contextmanager
def detached() -> Iterator[None]:
    """Make figures that pyplot knows nothing of: no window, no display, gone with their owner."""
    token = _DETACHED.set(True)
    try:
        yield
    finally:
        _DETACHED.reset(token)


def new_axes(n: int = 1, width: float = WIDTH, height: float = HEIGHT, columns: int = 1) -> Any:
    """Make a figure of `n` panels; width and height of each in millimetres.

    Returns
    -------
    ndarray of Axes, shape (n,)
    """
    matplotlib()
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    rows = -(-n // columns)
    options: dict[str, Any] = {
        "figsize": (width * columns * _MM, height * rows * _MM),
        "dpi": _DPI,
        "layout": ConstrainedLayoutEngine(w_pad=0.8 * _MM, h_pad=0.8 * _MM),
    }
    if _DETACHED.get():
        figure = Figure(**options)
    else:
        import matplotlib.pyplot as plt

        figure = plt.figure(**options)
    grid = figure.subplots(rows, columns, squeeze=False)
    axes = grid.ravel()
    for ax in axes[n:]:
        ax.remove()
    for ax in axes[:n]:
        _dress(ax)
    return axes[:n]


def given_or_new(ax: Axes | None, width: float = WIDTH, height: float = HEIGHT) -> Axes:
    """Return the caller's axes as they are, or new ones in the style of this package."""
    return ax if ax is not None else new_axes(1, width, height)[0]


def _dress(ax: Axes) -> None:
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set(color=AXIS_GREY, linewidth=0.6)
    ax.tick_params(labelsize=_SMALL, color=AXIS_GREY, width=0.6, length=2.5, pad=2)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set_fontsize(_TEXT)
    ax.xaxis.labelpad = ax.yaxis.labelpad = 3


def small_size(ax: Axes) -> float:
    """Points of text inside a picture: a little smaller than the names of the axes."""
    return float(ax.xaxis.label.get_fontsize()) * _SMALL / _TEXT


def title(ax: Axes, text: str) -> None:
    """Write a title over the left end, in at most two lines."""
    size = float(ax.xaxis.label.get_fontsize())
    width = ax.get_position().width * figure_of(ax).get_size_inches()[0]
    fits = max(12, int(width * 72 / (0.52 * size)))
    ax.set_title(wrapped(text, fits), loc="left", fontsize=size, pad=4)


def share(axes: Any, columns: int, x: str, y: str) -> None:
    """Name the axes of panels once for all, and leave out the numbers between panels."""
    figure = figure_of(axes[0])
    for k, ax in enumerate(axes):
        ax.set(xlabel="", ylabel="")
        ax.tick_params(labelleft=k % columns == 0, labelbottom=k + columns >= len(axes))
    figure.supxlabel(x, fontsize=_TEXT)
    figure.supylabel(y, fontsize=_TEXT)


def per_squared(measure: str) -> str:
    """Return the unit of information about an attribute, in brackets.

    Examples
    --------
    >>> per_squared("SD"), per_squared("SD of Japan"), per_squared("")
    (' (1/SD²)', ' (1/SD² of Japan)', '')
    """
    first, _, rest = measure.partition(" ")
    words = {"SD": "1/SD²", "logits": "1/logit²"}
    return plain_space(f" ({words[first]}{' ' * bool(rest)}{rest})") if first in words else ""


def plain_space(text: str) -> str:
    """As `plain`, with the blank at the beginning kept."""
    return " " * text.startswith(" ") + plain(text)


def rows_height(n: int, others: float = 24.0) -> float:
    """Millimetres that a picture with `n` rows needs, `others` of them for what is not rows."""
    return max(HEIGHT, others + n * _ROW)


def name_rows(ax: Axes, y: Any, names: Sequence[str], length: int = _LONGEST_ROW) -> None:
    """Write names at the left of rows, long ones cut."""
    ax.set_yticks(y, [plain(cut(name, length)) for name in names])
    ax.tick_params(axis="y", length=0, labelsize=small_size(ax))
    ax.spines["left"].set_visible(False)


def legend_above(ax: Axes, names: list[str]) -> None:
    """Name the lines of `ax`, which other panels repeat, above all of them."""
    figure_of(ax).legend(
        ax.lines[: len(names)],
        names,
        loc="outside upper left",
        ncols=min(len(names), 3),
        fontsize=_SMALL,
        frameon=False,
        handlelength=2.2,
        columnspacing=1.2,
    )


def legend_over(ax: Axes, **options: Any) -> None:
    """Put a legend over a picture, in as many columns as there is room for."""
    texts = [h.get_label() for h in options.get("handles", ax.get_legend_handles_labels()[0])]
    figure = figure_of(ax)
    room = ax.get_position().width * figure.get_size_inches()[0] * 72 / small_size(ax)
    n_columns = max(1, min(len(texts), int(room / (max(map(len, texts)) * 0.58 + 3.2))))
    settings: dict[str, Any] = {
        "loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2, "frameon": False,
        "fontsize": small_size(ax), "handlelength": 1.6, "columnspacing": 1.0,
        "handletextpad": 0.5, "borderpad": 0.2, "ncols": n_columns,
    }  # fmt: skip
    ax.legend(**{**settings, **options})


def cut(text: object, length: int) -> str:
    """Shorten a label.

    Examples
    --------
    >>> cut("strongly disagree", 10)
    'strongly…'
    """
    words = _words(text)
    return words if len(words) <= length else words[: length - 1].rstrip() + "…"


def figure_of(ax: Axes) -> Figure:
    """Return the figure of some axes."""
    figure = ax.get_figure()
    assert figure is not None
    return figure  # type: ignore[return-value]


def _words(text: object) -> str:
    """Return a label on one line, without characters that have no shape."""
    seen = (
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(str(text).split())
    )
    return "".join(seen)


def plain(text: object) -> str:
    r"""Keep matplotlib from reading a user's label as mathematics.

    Examples
    --------
    >>> plain("costs $5 or $6")
    'costs \\$5 or \\$6'
    """
    return _words(text).replace("$", r"\$")


def wrapped(text: object, width: int, lines: int = 2) -> str:
    r"""Break a label into lines, the last of them cut where it is longer still.

    Examples
    --------
    >>> wrapped("the earth goes around the sun", 14)
    'the earth goes\naround the sun'
    """
    words = _words(text)
    return plain_lines(textwrap.wrap(words, width, max_lines=lines, placeholder="…"))


def plain_lines(lines: list[str]) -> str:
    """Join lines, each protected as by `plain`."""
    return "\n".join(plain(line) for line in lines)


def colour(k: int) -> str:
    """Return the colour of the k-th line."""
    return COLOURS[k % len(COLOURS)]


def line_style(k: int) -> Any:
    """Return the style of the k-th line."""
    return LINE_STYLES[k % len(LINE_STYLES)]


def draw_line(ax: Axes, x: Any, y: Any, k: int) -> None:
    """Draw the k-th line, in its colour and style."""
    ax.plot(x, y, color=colour(k), linestyle=line_style(k), **LINE)


def marker(k: int) -> str:
    """Return the marker of the k-th series."""
    return MARKERS[k % len(MARKERS)]


def shades(darkest: float = 1.0) -> Any:
    """Return a scale of one hue from white to dark blue, or a light part of it."""
    library = matplotlib()
    stops = ["#ffffff", "#b9d9ee", "#4f9fd0", "#0a5a94", "#062b4a"]
    whole = library.colors.LinearSegmentedColormap.from_list("mixirt", stops)
    return library.colors.ListedColormap(whole(np.linspace(0.0, darkest, 256)))


def blends(n: int) -> list[str]:
    """Return `n` colours from light to dark for ordered categories."""
    library, scale = matplotlib(), shades()
    return [library.colors.to_hex(scale(v)) for v in np.linspace(0.12, 1.0, n)]
