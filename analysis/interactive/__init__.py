"""Figures as plain data, drawn twice from one description: by Plotly in the page, by matplotlib in files."""

from .chart import Chart, Panel, Series, chance_line
from .page import figure_html
from .still import still

__all__ = ["Chart", "Panel", "Series", "chance_line", "figure_html", "still"]
