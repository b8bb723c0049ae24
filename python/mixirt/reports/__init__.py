"""A fit on a page of HTML, for readers who run nothing."""

from mixirt.reports.page import write_report

__all__ = ["write_report"]
