"""A fit handed on to readers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mixirt.result import Result

__all__ = ["Reported"]


class Reported:
    """Reports; mixed into :class:`mixirt.Result`."""

    def report(
        self,
        path: str | Path,
        *,
        title: str | None = None,
        level: float = 0.95,
        pictures: bool = True,
    ) -> None:
        """Write the fit as a page of HTML: model, data, estimates, diagnostics and pictures.

        The page is one file that needs nothing else: no network, no script, no font. It prints on
        A4, and labels of items, groups and categories appear in it as they are, never as markup.
        The file is replaced as a whole.

        Parameters
        ----------
        path : str or Path
            The file, for instance ``"report.html"``.
        title : str, optional
            Heading of the page; default the model in words.
        level : float, default 0.95
            Coverage of confidence intervals and bands.
        pictures : bool, default True
            Draw the fit, which needs matplotlib (the extra ``mixirt[plot]``).

        Raises
        ------
        FileError
            If the file cannot be written.
        SpecError
            If the level is not between 0 and 1, or the path does not end in ``.html`` or ``.htm``.
        ImportError
            If matplotlib is not installed and pictures are wanted.

        Examples
        --------
        >>> import mixirt, pathlib, tempfile
        >>> r = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "lsat7.html"
        ...     r.report(path, title="LSAT 7", pictures=False)
        ...     "<h1>LSAT 7</h1>" in path.read_text(encoding="utf-8")
        True
        """
        from mixirt.reports import write_report

        write_report(cast("Result", self), path, title, level, pictures)
