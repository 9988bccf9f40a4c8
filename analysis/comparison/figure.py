"""The figure of a comparison: a still picture, and the numbers that templates/compare.js draws."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..metrics import Metric, ordered_variants, variant_label
from ..theme import INK, style_of

COLUMNS = 3
DASHES: dict[str, Any] = {"mean_a": "-", "mean_b": (0, (3, 2))}


def by_layer(table: pd.DataFrame, metrics: list[Metric]) -> Figure:
    """A panel a metric: its mean over seeds by layer, a colour a variant; A solid, B dashed.

    table: differences.by_seed of one model and setting.
    """
    n_rows = math.ceil(len(metrics) / COLUMNS)
    figure = Figure(figsize=(10.6, 2.1 * n_rows + 0.5))
    axes = figure.subplots(n_rows, COLUMNS, squeeze=False).ravel()
    variants = ordered_variants(table["variant"])
    for axis, metric in zip(axes, metrics):
        for variant in variants:
            part = table[(table["metric"] == metric.name) & (table["variant"] == variant)].sort_values("layer")
            for column, dashes in DASHES.items():
                axis.plot(part["layer"], part[column], **style_of(variant) | {"linestyle": dashes, "markersize": 3})
        axis.set_title(metric.label)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for axis in axes[len(metrics) :]:
        axis.remove()
    for axis in axes[max(0, len(metrics) - COLUMNS) : len(metrics)]:
        axis.set_xlabel("layer")
    lines = [Line2D([], [], **style_of(variant) | {"linestyle": "none"}, label=variant_label(variant)) for variant in variants]
    lines += [Line2D([], [], color=INK, linestyle=dashes, label=name) for name, dashes in zip("AB", DASHES.values())]
    figure.legend(handles=lines, loc="outside upper left", ncols=len(lines))
    return figure


def panels(table: pd.DataFrame, metrics: list[Metric]) -> list[dict[str, Any]]:
    """The same, as numbers for the page: a panel a metric, a line a variant; None where there is no number."""
    return [{"title": metric.label, "layers": int(table["layer"].nunique()), "lines": _lines(table[table["metric"] == metric.name])} for metric in metrics]


def _lines(table: pd.DataFrame) -> list[dict[str, Any]]:
    lines = []
    for variant in ordered_variants(table["variant"]):
        part = table[table["variant"] == variant].sort_values("layer")
        columns = {key: part[name].to_list() for key, name in {"layer": "layer", "verdict": "verdict"}.items()}
        columns |= {key: [float(f"{value:.6g}") for value in part[name]] for key, name in {"a": "mean_a", "b": "mean_b", "difference": "difference"}.items()}
        lines.append({"variant": variant, "label": variant_label(variant)} | columns)
    return lines
