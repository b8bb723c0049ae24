"""Sphinx reads this: how the site is made from the pages of this directory and the docstrings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mixirt

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

project = "mixirt"
author = "the mixirt developers"
copyright = author  # noqa: A001 -- Sphinx's own name
version = release = mixirt.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpydoc",
    "mathml",
    "command_help",
    "repository_links",
]

# docs/README.md is the table of contents for those who read the repository instead of the site.
exclude_patterns = ["README.md"]
source_suffix = {".md": "markdown"}
nitpicky = True  # every reference leads somewhere, or the build fails

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
myst_dmath_double_inline = True

# Types are told in the docstrings' words; signatures show names and defaults.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autosummary_generate = False  # numpydoc brings autosummary along; nothing here uses it
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "furo"
html_title = f"mixirt {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
# System fonts and MathML: nothing is fetched when a page is read.
pygments_style = "friendly"
html_theme_options = {"navigation_with_keys": True}


def setup(app: Any) -> None:
    """Leave out signatures that say nothing: of classes whose objects are made by functions."""
    app.connect("autodoc-process-signature", _signature)


def _signature(_app: Any, what: str, name: str, *_: Any) -> tuple[str, None] | None:
    return ("", None) if what == "class" and name != "mixirt.Model" else None
