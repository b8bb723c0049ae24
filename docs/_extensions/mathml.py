"""Formulas as MathML: browsers set it themselves, so pages need neither scripts nor a network.

The font is STIX Two Math (SIL Open Font License), as the package ziamath has it.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert

#: Functions set upright; MathML leaves no space between them and their argument.
_FUNCTIONS = ("log", "exp", "min", "max")


def setup(app: Any) -> dict[str, Any]:
    """Register the renderer with Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    app.config.html_math_renderer = "mathml"
    app.config.html_static_path.append(str(files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _markup(latex: str, display: str) -> str:
    markup = convert(latex, display=display)
    for name in _FUNCTIONS:
        upright = f"<mi>{name}</mi>"
        markup = markup.replace(upright, f'{upright}<mspace width="0.17em"/>')
    return markup


def _inline(writer: Any, node: Any) -> None:
    writer.body.append(_markup(node.astext(), "inline"))
    raise nodes.SkipNode


def _display(writer: Any, node: Any) -> None:
    writer.body.append(_markup(node.astext(), "block"))
    raise nodes.SkipNode
