"""python -m analysis report, of the toy model (section 4 of the paper): a page, its figures and its tables."""

from .page import write_toy_report

__all__ = ["write_toy_report"]
