"""The help texts of the command line, as the command prints them."""

from __future__ import annotations

import contextlib
import io
import os
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

from mixirt.cli.arguments import parser

#: Characters a line.
WIDTH = "88"


class CommandHelp(Directive):
    """``command-help:: fit`` shows what ``mixirt fit --help`` prints."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a literal block."""
        os.environ["COLUMNS"] = WIDTH
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            parser().parse_args([self.arguments[0], "--help"])
        text = printed.getvalue()
        return [nodes.literal_block(text, text, language="text")]


def setup(app: Any) -> dict[str, Any]:
    """Register the directive with Sphinx."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
