"""The figure of a comparison."""

from __future__ import annotations

import pandas as pd

from ..figures import ACROSS, layer_range, layer_ticks, value_text
from ..interactive import Chart, Panel, Series
from ..interactive.chart import Dash
from ..metrics import Metric, ordered_variants, variant_label
from ..summary import layer_name

SWEEPS: dict[str, Dash] = {"A": "solid", "B": "dashed"}


def by_layer(name: str, table: pd.DataFrame, metrics: list[Metric], alt: str) -> Chart:
    """A panel a metric: its mean over seeds by layer, a colour a variant; A solid, B dashed.

    table: differences.by_seed of one model and setting.
    """
    layers, variants = sorted(table["layer"].unique()), ordered_variants(table["variant"])
    panels = []
    for i, metric in enumerate(metrics):
        rows = table[table["metric"] == metric.name].sort_values("layer")
        of_variant = {variant: rows[rows["variant"] == variant] for variant in ordered_variants(rows["variant"])}
        lines = [_line(part, variant, sweep) for variant, part in of_variant.items() for sweep in SWEEPS]
        x_label = "layer" if i >= len(metrics) - ACROSS else ""
        panels.append(Panel(metric.label, lines, x_label, x_range=layer_range(layers), x_ticks=layer_ticks(layers)))
    caption = "Mean over seeds; solid: A, dashed: B. A line that one of another variant would hide is wider, below it."
    return Chart(name, panels, min(ACROSS, len(panels)), alt, caption, variants, compared=False)


def _line(rows: pd.DataFrame, variant: str, sweep: str) -> Series:
    means = rows[f"mean_{sweep.lower()}"].tolist()
    texts = [
        f"{variant_label(variant)}, {sweep}<br>{layer_name(row.layer)}: {value_text(mean)}"
        f"<br>A − B: {value_text(row.difference)} {row.verdict}"
        for row, mean in zip(rows.itertuples(), means)
    ]
    return Series(variant, rows["layer"].tolist(), means, texts, dash=SWEEPS[sweep])
