"""A chart as data and layout of Plotly, which templates/charts.js draws; colours are names of the page's style sheet."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Any

from ..embed import blob
from ..metrics import variant_label
from ..theme import OTHER_MARK, VARIANT_COLOURS, VARIANT_MARKS
from .chart import Chart, Panel, Series, layered
from .layout import LEFT, RIGHT, boxes

#: Dashes, and markers of matplotlib, as Plotly calls them.
DASHES = {"solid": "solid", "dashed": "6px,3px", "dotted": "dot"}
SYMBOLS = {"o": "circle", "^": "triangle-up", "s": "square", "D": "diamond", "X": "x", "P": "cross"}


def figure_html(chart: Chart) -> str:
    """The figure's place in the page: legend, plot, caption, links to its files; and its data."""
    data, layout, height = plotly(chart)
    links = " ".join(f'<a href="figures/{chart.name}.{kind}">{kind.upper()}</a>' for kind in ("svg", "pdf"))
    return (
        f'<figure class="chart" id="chart-{chart.name}" data-chart="{chart.name}">{_legend(chart.variants)}'
        f'<div class="plot-box"><div class="plot" role="img" aria-label="{escape(chart.alt)}" style="height: {height:.0f}px; max-width: {chart.width}px; min-width: {min(chart.width, 150 * chart.n_columns)}px"></div></div>'
        f"<figcaption>{chart.caption} <span class=\"files\">{links}</span></figcaption></figure>"
        + blob(f"chart-{chart.name}", {"data": data, "layout": layout})
    )


def plotly(chart: Chart) -> tuple[list[dict[str, Any]], dict[str, Any], float]:
    """Data and layout as plotly.js takes them but for colours ("--ink", "--v-trained/0.2" with an opacity); and the height in pixels."""
    places, height = boxes(chart)
    data = [trace for i, panel in enumerate(chart.panels) for series, weight in layered(panel) for trace in _traces(series, weight, i, panel)]
    layout: dict[str, Any] = {
        "margin": {"l": LEFT, "r": RIGHT, "t": 0, "b": 0}, "height": math.ceil(height), "showlegend": False,
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "annotations": [], "shapes": [], "dragmode": False,
        "hovermode": "x unified" if chart.compared else "closest", "font": {"size": 11.5, "color": "--ink"},
        "hoverlabel": {"bgcolor": "--paper", "bordercolor": "--line", "font": {"size": 12, "color": "--ink"}, "align": "left"},
    }  # fmt: skip
    inner = chart.width - LEFT - RIGHT
    for i, (panel, box) in enumerate(zip(chart.panels, places)):
        number = str(i + 1) if i else ""
        labelled = not chart.shared_y or i % chart.n_columns == 0
        layout[f"xaxis{number}"] = _axis(panel.x_ticks, panel.x_label, panel.x_range) | {
            "domain": _shares((box.left - LEFT) / inner, (box.left - LEFT + box.width) / inner), "anchor": f"y{number}",
        }  # fmt: skip
        layout[f"yaxis{number}"] = _axis(panel.y_ticks, textwrap.fill(panel.y_label, 24).replace("\n", "<br>"), _logs(panel)) | {
            "domain": _shares(1 - (box.top + box.height) / height, 1 - box.top / height), "anchor": f"x{number}", "nticks": 5,
            "showticklabels": labelled,
        } | ({"type": "log", "exponentformat": "power", "dtick": "D1" if _decades(panel) < 1.5 else 1} if panel.is_log_y else {})  # fmt: skip
        layout["annotations"] += _texts(panel, number)
        if panel.zone:
            layout["shapes"].append({
                "type": "rect", "xref": f"x{number} domain", "yref": f"y{number}", "x0": 0, "x1": 1, "y0": panel.zone[0], "y1": panel.zone[1],
                "fillcolor": "--ink/0.07", "line": {"width": 0}, "layer": "below",
            })  # fmt: skip
    return data, layout, height


def _legend(variants: Sequence[str]) -> str:
    entries = "".join(
        f'<button type="button" data-variant="{escape(variant)}" aria-pressed="true"><span class="mark" style="color: var({colour(variant)})" aria-hidden="true">'
        f"{VARIANT_MARKS.get(variant, OTHER_MARK)[1]}</span>{escape(variant_label(variant))}</button>"
        for variant in variants
    )
    return f'<div class="legend" role="group" aria-label="Variants shown">{entries}</div>' if entries else ""


def colour(variant: str) -> str:
    """The variable of the page's style sheet."""
    return "--ink" if not variant else f"--v-{variant}" if variant in VARIANT_COLOURS else "--v-other"


def _axis(ticks: dict[str, float], label: str, limits: tuple[float, float] | None) -> dict[str, Any]:
    axis: dict[str, Any] = {
        "gridcolor": "--grid", "linecolor": "--muted", "showline": True, "zeroline": False, "ticks": "outside", "ticklen": 3, "tickcolor": "--muted",
        "tickfont": {"size": 11, "color": "--muted"}, "title": {"text": label, "standoff": 5, "font": {"size": 11.5}}, "fixedrange": True,
    }  # fmt: skip
    if ticks:
        axis |= {"tickmode": "array", "tickvals": [float(value) for value in ticks.values()], "ticktext": list(ticks)}
    if limits:
        axis |= {"range": [_rounded(limits[0]), _rounded(limits[1])]}
    return axis


def _logs(panel: Panel) -> tuple[float, float] | None:
    limits = panel.y_limits
    return (math.log10(limits[0]), math.log10(limits[1])) if limits and panel.is_log_y else limits


def _decades(panel: Panel) -> float:
    limits = _logs(panel)
    return limits[1] - limits[0] if limits else 0


def _texts(panel: Panel, number: str) -> list[dict[str, Any]]:
    """Plotly knows tags and a few entities, no quotes among them."""
    place = {"xref": f"x{number} domain", "yref": f"y{number} domain", "y": 1, "yanchor": "bottom", "showarrow": False, "yshift": 3}
    found = []
    if panel.title:
        found.append(place | {"text": f"<b>{escape(panel.title, quote=False)}</b>", "x": 0, "xanchor": "left", "font": {"size": 12}})
    if panel.note:
        found.append(place | {"text": escape(panel.note, quote=False), "x": 1, "xanchor": "right", "font": {"size": 10.5, "color": "--muted"}})
    if panel.corner:
        inside = {"y": 0, "yanchor": "bottom", "x": 1, "xanchor": "right", "xshift": -3, "bgcolor": "--paper"}
        found.append(place | inside | {"text": escape(panel.corner, quote=False), "font": {"size": 11}})
    return found


def _traces(series: Series, weight: float, i: int, panel: Panel) -> list[dict[str, Any]]:
    number = str(i + 1) if i else ""
    shade = colour(series.variant)
    x, y, low, high = ([_rounded(value) for value in part] for part in (series.x, series.y, series.low, series.high))
    place = {"type": "scatter", "xaxis": f"x{number}", "yaxis": f"y{number}", "meta": series.variant}
    traces = []
    if low and not series.bars:
        floor = panel.y_limits[0] if panel.is_log_y and panel.y_limits else -math.inf  # a logarithm of 0 would tear the band
        outline = _outline(x, [None if value is None else max(value, floor) for value in low], high)
        traces.append(place | {
            "x": [at[0] for at in outline], "y": [at[1] for at in outline], "mode": "lines", "fill": "toself", "fillcolor": f"{shade}/0.18", "line": {"width": 0}, "hoverinfo": "skip",
        })  # fmt: skip
    mark = VARIANT_MARKS.get(series.variant, OTHER_MARK)
    is_marked = series.marked and bool(series.variant)
    trace = place | {"x": x, "y": y, "mode": {"line": "lines+markers" if is_marked else "lines"}.get(series.kind, "markers"), "cliponaxis": True}
    if series.kind == "line":
        dash = series.dash or ("solid" if mark[2] == "-" or not series.variant else "dashed")
        trace["line"] = {"color": shade, "width": 1.2 if dash == "dotted" else (1 if series.faint else 1.8) * weight, "dash": DASHES[dash]}
    if is_marked:
        size = {"points": 4, "marks": 7}.get(series.kind, 5.5 * math.sqrt(weight))
        marker = {"color": shade, "size": size, "symbol": SYMBOLS[mark[0]], "opacity": 0.45 if series.kind == "points" else 1, "line": {"width": 0}}
        trace["marker"] = marker | {"symbol": SYMBOLS[mark[0]] + "-open", "line": {"width": 1}} if series.faint else marker
    elif series.faint:
        trace["opacity"] = 0.5
    if low and series.bars:
        trace["error_y"] = {
            "type": "data", "symmetric": False, "color": shade, "thickness": 1.4, "width": 0,
            "array": [_less(a, b) for a, b in zip(high, y)], "arrayminus": [_less(b, a) for a, b in zip(low, y)],
        }  # fmt: skip
    if len(series.texts):
        trace |= {"text": list(series.texts), "hovertemplate": "%{text}<extra></extra>"}
    else:
        trace["hoverinfo"] = "skip"
    return [*traces, trace]


def _outline(x: list[float | None], low: list[float | None], high: list[float | None]) -> list[tuple[float | None, float | None]]:
    """Of a band: points around each of its stretches, with a gap between them where a number is missing."""
    points: list[tuple[float | None, float | None]] = []
    for is_known, stretch in groupby(zip(x, low, high), lambda at: None not in at):
        if is_known:
            part = list(stretch)
            points += [(None, None)] * bool(points) + [(at[0], at[1]) for at in part] + [(at[0], at[2]) for at in reversed(part)]
    return points


def _less(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else _rounded(a - b)


def _shares(low: float, high: float) -> list[float]:
    return [min(1.0, max(0.0, round(low, 5))), min(1.0, max(0.0, round(high, 5)))]


def _rounded(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
