"""A chart as a picture of matplotlib."""

from __future__ import annotations

import math
import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..metrics import variant_label
from ..theme import INK, style_of
from .chart import Chart, Panel, Series, layered
from .layout import boxes

PIXELS_AN_INCH = 100
LEGEND_HEIGHT = 26
DASHES = {"solid": "-", "dashed": (0, (4, 1.5)), "dotted": (0, (1, 2))}


def still(chart: Chart) -> Figure:
    """With its legend above."""
    places, height = boxes(chart)
    top = LEGEND_HEIGHT if chart.variants else 4
    total = height + top
    figure = Figure(figsize=(chart.width / PIXELS_AN_INCH, total / PIXELS_AN_INCH))
    for i, (panel, box) in enumerate(zip(chart.panels, places)):
        axis = figure.add_axes((box.left / chart.width, 1 - (top + box.top + box.height) / total, box.width / chart.width, box.height / total))
        _draw(axis, panel, labelled=not chart.shared_y or i % chart.n_columns == 0)
    if chart.variants:
        handles = [Line2D([], [], **style_of(variant), label=variant_label(variant)) for variant in chart.variants]
        figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.03, 1), ncols=6, columnspacing=1.4, handletextpad=0.5, borderaxespad=0.2)
    return figure


def _draw(axis: Axes, panel: Panel, labelled: bool) -> None:
    if panel.is_log_y and panel.y_limits:  # without a positive value there is no logarithm
        axis.set_yscale("log")
    if panel.zone:
        axis.axhspan(*panel.zone, color=INK, alpha=0.07, linewidth=0)
    for series, weight in layered(panel):
        _series(axis, series, weight)
    axis.set_xlabel(panel.x_label)
    axis.set_ylabel(textwrap.fill(panel.y_label, 24))
    axis.set_title(panel.title, parse_math=False)  # the names of models may hold dollars
    if panel.note:
        axis.set_title(panel.note, loc="right", fontsize=7.5)
    if panel.corner:
        axis.text(0.97, 0.03, panel.corner, transform=axis.transAxes, ha="right", fontsize=7.5, backgroundcolor="white")
    if panel.x_range:
        axis.set_xlim(*panel.x_range)
    if panel.y_limits:
        axis.set_ylim(*panel.y_limits)
    for which, ticks in ((axis.xaxis, panel.x_ticks), (axis.yaxis, panel.y_ticks)):
        if ticks:
            which.set_ticks(list(ticks.values()), list(ticks))
    if not panel.y_ticks and not panel.is_log_y:
        axis.yaxis.set_major_locator(MaxNLocator(5))
    axis.tick_params(labelleft=labelled)


def _series(axis: Axes, series: Series, weight: float) -> None:
    style = look(series, weight)
    colour = style["color"]
    if len(series.low) and series.bars:
        low, high = np.asarray(series.low), np.asarray(series.high)
        axis.vlines(series.x, low, high, color=colour, linewidth=1.1)
    elif len(series.low):
        axis.fill_between(series.x, series.low, series.high, color=colour, alpha=0.18, linewidth=0)
    axis.plot(series.x, series.y, **style)


def look(series: Series, weight: float = 1) -> dict:
    """Keywords of Axes.plot. weight: how many times as wide its line is."""
    style = style_of(series.variant) if series.variant else {"color": INK, "marker": None, "linestyle": "-"}
    style |= {"linewidth": (0.8 if series.faint else 1.3) * weight, "markersize": 3.6 * math.sqrt(weight)}
    if not series.marked:
        style["marker"] = None
    if series.dash:
        style |= {"linestyle": DASHES[series.dash]} | ({"linewidth": 0.9} if series.dash == "dotted" else {})
    if series.kind != "line":
        style |= {"linestyle": "none"}
    if series.kind == "points":
        style |= {"alpha": 0.4, "markersize": 2.6, "markeredgewidth": 0}
    if series.faint:
        style |= {"markerfacecolor": "none", "markeredgewidth": 0.7} if series.marked and series.variant else {"alpha": 0.45}
    return style
