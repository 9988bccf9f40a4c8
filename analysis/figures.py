"""Charts of metrics by layer and by setting; from frames of summary.py and inference."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from html import escape

import numpy as np
import pandas as pd

from .interactive import Chart, Panel, Series, chance_line
from .metrics import Metric, ordered_variants, variant_label
from .summary import layer_name

#: Bounded metrics are shown from here up: a loss score of -20 would flatten everything else.
LOWEST_SHOWN = -0.25
#: Columns of panels, where they are of one model and its metrics.
ACROSS = 3
MINUS = "\N{MINUS SIGN}"
#: Layers that a panel's axis names.
MOST_TICKS = 9
#: Of a layer, between the variants that stand side by side in it.
STEP = 0.14

#: A column of a grid: its title, and its rows of the table.
Column = tuple[str, pd.DataFrame]


def by_layer(name: str, columns: Sequence[Column], metrics: Sequence[Metric], band: tuple[str, str], alt: str, caption: str, level: float = 0.95) -> Chart:
    """Figure 2 of the paper: a row a metric, a column a model (or a setting), x the layer, a line a variant.

    Frames of summary.figure2, or inference.variant_means; band: columns of it that a line's band spans; level: where these are an
    interval, its. With one column its panels are wrapped, read row by row.
    """
    alone = len(columns) == 1
    panels = []
    for row, metric in enumerate(metrics):
        frames = [_of_metric(frame, metric) for _, frame in columns]
        limits = _limits(pd.concat(frames), metric, band) if metric.bounded else None
        for i, ((label, _), frame) in enumerate(zip(columns, frames)):
            panels.append(_by_layer(frame, metric, band, level, limits, title=_label(metric) if alone else label if row == 0 else "", y_label=_label(metric) if not alone and i == 0 else ""))
    n_columns = min(ACROSS, len(panels)) if alone else len(columns)
    panels = [_with_x(panel, "layer") if i >= len(panels) - n_columns else panel for i, panel in enumerate(panels)]
    variants = ordered_variants(variant for _, frame in columns for variant in frame["variant"])
    is_across = any(frame["layer"].nunique() > 1 for _, frame in columns)
    return Chart(name, panels, n_columns, alt, caption, variants, row_height=150 if alone else 125, width=_width(n_columns), compared=is_across)


def by_setting(name: str, columns: Sequence[Column], metrics: Sequence[Metric], dimension: str, label: str, alt: str, caption: str) -> Chart:
    """Means over layers and seeds against one setting of the SAEs, a row a metric, a column a model and its other settings (the
    paper's figures 15, 16, 18 and 19). Frames: variant, metric, mean, low, high, n, and the dimension."""
    alone = len(columns) == 1
    panels = []
    for row, metric in enumerate(metrics):
        frames = [frame[frame["metric"] == metric.name] for _, frame in columns]
        limits = _limits(pd.concat(frames), metric, ("low", "high")) if metric.bounded else None
        for i, ((title, whole), frame) in enumerate(zip(columns, frames)):
            values = sorted(whole[dimension].unique(), key=_in_order)
            at = {value: place for place, value in enumerate(values)}
            x_range = (-0.3, len(values) - 0.7)
            lines = [chance_line(x_range, (metric.chance, metric.chance))] if metric.chance is not None else []
            for variant in ordered_variants(frame["variant"]):
                line = frame[frame["variant"] == variant].sort_values(dimension, key=lambda column: column.map(at))
                texts = [f"{variant_label(variant)}: {value_text(r.mean)} (layers and seeds from {value_text(r.low)} to {value_text(r.high)})" for r in line.itertuples()]
                lines.append(Series(variant, line[dimension].map(at).tolist(), line["mean"].tolist(), texts))
            last = alone or row == len(metrics) - 1
            panels.append(Panel(_label(metric) if alone else title if row == 0 else "", lines, x_label=label if last else "", y_label="" if alone or i else _label(metric),
                                x_range=x_range, y_range=limits, x_ticks={setting_text(value): place for value, place in at.items()}, note=_absence(frame)))  # fmt: skip
    n_columns = min(ACROSS, len(panels)) if alone else len(columns)
    variants = ordered_variants(variant for _, frame in columns for variant in frame["variant"])
    return Chart(name, panels, n_columns, alt, caption, variants, row_height=150 if alone else 125, width=_width(n_columns))


def differences(name: str, columns: Sequence[Column], metrics: Sequence[Metric], alt: str, caption: str, level: float) -> Chart:
    """Trained minus each other variant by layer, with intervals, and the margin shaded. Frames of inference.compare_variants, at this level."""
    alone = len(columns) == 1
    panels = []
    for row, metric in enumerate(metrics):
        for i, (label, frame) in enumerate(columns):
            title = _label(metric) if alone else label if row == 0 else ""
            panels.append(_differences(frame[frame["metric"] == metric.name], level, title, "" if alone or i else _label(metric)))
    n_columns = min(ACROSS, len(panels)) if alone else len(columns)
    panels = [_with_x(panel, "layer") if i >= len(panels) - n_columns else panel for i, panel in enumerate(panels)]
    variants = ordered_variants(variant for _, frame in columns for variant in frame["variant_b"])
    return Chart(name, panels, n_columns, alt, caption, variants, row_height=150 if alone else 125, width=_width(n_columns), compared=False)


def setting_text(value: object) -> str:
    """A value of a setting, for an axis: 100M of 100,000,000."""
    if not isinstance(value, (int, float, np.number)):
        return str(value)
    return short(float(value))


def _in_order(value: object) -> tuple[float, str]:
    """Numbers, and texts as "k = 16", by the number in them."""
    if isinstance(value, (int, float, np.number)):
        return float(value), ""
    number = re.search(r"[\d.]+(e-?\d+)?", str(value))
    return (float(number.group()) if number else 0.0), str(value)


def short(x: float) -> str:
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(x) >= size:
            return f"{x / size:.3g}{unit}"
    return f"{x:g}"


def layer_ticks(layers: Sequence[int]) -> dict[str, float]:
    layers = sorted(set(layers))
    return {str(layer) if layer >= 0 else "none": float(layer) for layer in layers[:: math.ceil(len(layers) / MOST_TICKS) or 1]}


def layer_range(layers: Sequence[int]) -> tuple[float, float] | None:
    if not len(layers):
        return None
    room = max(0.4, 0.03 * (max(layers) - min(layers)))
    return min(layers) - room, max(layers) + room


def _label(metric: Metric) -> str:
    return metric.label + (" (trained only)" if metric.trained_only else "")


def _width(n_columns: int) -> int:
    return max(1072, 200 * n_columns)


def _of_metric(frame: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    return frame[frame["metric"].isin({metric.name, metric.null} - {""})]


def _absence(rows: pd.DataFrame) -> str:
    return "" if rows["mean"].notna().any() else "no values"


def _with_x(panel: Panel, label: str) -> Panel:
    return replace(panel, x_label=label)


def _by_layer(frame: pd.DataFrame, metric: Metric, band: tuple[str, str], level: float, limits: tuple[float, float] | None, title: str, y_label: str) -> Panel:
    own, layers = frame[frame["metric"] == metric.name], sorted(frame["layer"].unique())
    lines, x_range = [], layer_range(layers)
    if metric.chance is not None and x_range:
        lines.append(chance_line(x_range, (metric.chance, metric.chance)))
    variants, is_alone = ordered_variants(own["variant"]), len(layers) == 1
    for i, variant in enumerate(variants):
        line = own[own["variant"] == variant].sort_values("layer")
        x = line["layer"] + (_beside(i, len(variants)) if is_alone else 0)
        is_faint = metric.trained_only and variant != "trained"
        texts = [_text(variant, row, band, level) for row in line.to_dict("records")]
        low, high = ((), ()) if is_faint else (line[band[0]].tolist(), line[band[1]].tolist())
        lines.append(Series(variant, x.tolist(), line["mean"].tolist(), texts, low, high, bars=is_alone, faint=is_faint))
        null = frame[(frame["metric"] == metric.null) & (frame["variant"] == variant)].sort_values("layer")
        if metric.null and null["mean"].notna().any():
            lines.append(_null(variant, x.iloc[[0]] if is_alone else null["layer"], null["mean"]))
    below = int((own["mean"] < LOWEST_SHOWN).sum()) if metric.bounded else 0
    note = f"{below} below {MINUS}{-LOWEST_SHOWN}" if below else _absence(own)
    return Panel(title, lines, y_label=y_label, x_range=x_range, y_range=limits, x_ticks=layer_ticks(layers), note=note,
                 is_log_y=not metric.bounded and _spans_decades(own["mean"]))  # fmt: skip


def _null(variant: str, x: pd.Series, means: pd.Series) -> Series:
    """A dotted line; of a single layer a short one, as a point alone would not be seen."""
    if len(means) == 1:
        at, mean = float(x.iloc[0]), float(means.iloc[0])
        x, means = pd.Series([at - 0.4 * STEP, at + 0.4 * STEP]), pd.Series([mean, mean])
    return Series(variant, x.tolist(), means.tolist(), [f"{variant_label(variant)}, null: {value_text(v)}" for v in means], dash="dotted", marked=False)


def _beside(i: int, n: int) -> float:
    """How far from its layer the i-th of n variants stands, where they would hide one another."""
    return STEP * (i - (n - 1) / 2)


def _text(variant: str, row: dict, band: tuple[str, str], level: float) -> str:
    text = f"{variant_label(variant)}: {value_text(row['mean'])}"
    n = row.get("n", row.get("n_seeds", 0))
    if n > 1 or band[0] == "low":
        what = f"range of {n} seeds" if band[0] == "min" else f"{100 * level:g}% interval" + (f", {n} seeds" if n > 1 else " over latents")
        if np.isfinite(row[band[0]]):
            text += f" ({value_text(row[band[0]])} to {value_text(row[band[1]])}, {what})"
    return text


def _differences(rows: pd.DataFrame, level: float, title: str, y_label: str) -> Panel:
    layers = sorted(rows["layer"].unique())
    variants = ordered_variants(rows["variant_b"])
    x_range = layer_range(layers)
    lines = [Series("", x_range, (0, 0), marked=False, faint=True)] if x_range else []
    for i, variant in enumerate(variants):
        line = rows[rows["variant_b"] == variant].sort_values("layer")
        moved = (line["layer"] + _beside(i, len(variants))).tolist()
        texts = [_difference_text(row, level) for row in line.to_dict("records")]
        lines.append(Series(variant, moved, line["difference"].tolist(), texts, line["low"].tolist(), line["high"].tolist(), kind="marks", bars=True))
    margin = rows["margin"].iloc[0] if len(rows) else np.nan
    limits, cut = _difference_limits(rows, margin)
    return Panel(title, lines, y_label=y_label, x_range=x_range, y_range=limits, x_ticks=layer_ticks(layers),
                 zone=(-margin, margin) if np.isfinite(margin) else None, note=f"{cut} interval{'s' if cut > 1 else ''} cut" if cut else "")  # fmt: skip


def _difference_limits(rows: pd.DataFrame, margin: float) -> tuple[tuple[float, float] | None, int]:
    """So that the differences fill at least a third of the panel, and how many intervals reach beyond: with two seeds one may be
    a hundred times as wide as another."""
    values = rows["difference"].dropna()
    if values.empty:
        return None, 0
    ends = [*values, 0.0, *([margin, -margin] if np.isfinite(margin) else [])]
    low, high = min(ends), max(ends)
    size = high - low or 1.0
    bottom = max(min([low, *rows["low"].dropna()]), low - size)
    top = min(max([high, *rows["high"].dropna()]), high + size)
    cut = int(((rows["low"] < bottom) | (rows["high"] > top)).sum())
    room = 0.05 * (top - bottom) or 0.05
    return (bottom - room, top + room), cut


def _difference_text(row: dict, level: float) -> str:
    text = f"Trained {MINUS} {variant_label(row['variant_b'])}, {layer_name(row['layer'])}: {value_text(row['difference'])}"
    if np.isfinite(row["low"]):
        text += f"<br>{100 * level:g}% interval {value_text(row['low'])} to {value_text(row['high'])}, {escape(row['claim'])}"
    if row["verdict"]:
        text += f"<br>{row['verdict']}; Holm p of difference {value_text(row['p_difference_holm'])}"
        if np.isfinite(row["p_equivalence_holm"]):
            text += f", of equivalence {value_text(row['p_equivalence_holm'])}"
    return text


def _limits(frame: pd.DataFrame, metric: Metric, band: tuple[str, str]) -> tuple[float, float] | None:
    """The same for all columns, chance among them; what lies above LOWEST_SHOWN."""
    parts = [frame["mean"]] if metric.trained_only else [frame["mean"], frame[band[0]], frame[band[1]]]
    values = pd.concat(parts).dropna()
    if values.empty:
        return None
    means = frame["mean"].dropna()
    size = max(means.max() - means.min(), 0.02)
    low, high = max(values.min(), means.min() - size, LOWEST_SHOWN), max(min(values.max(), means.max() + size), 0.0)
    if metric.chance is not None:
        low, high = min(low, metric.chance), max(high, metric.chance)
    room = max(0.06 * (high - low), 1e-3)
    return max(low - room, LOWEST_SHOWN - 0.02), min(high + room, max(1.03, high))


def _spans_decades(values: pd.Series) -> bool:
    values = values.dropna()
    return len(values) > 0 and values.min() > 0 and values.max() > 20 * values.min()


def value_text(value: float) -> str:
    """Of a point, for who points at it."""
    if not np.isfinite(value):
        return "–"
    size = abs(value)
    text = f"{value:.3f}" if 1e-3 <= size < 100 or size == 0 else f"{value:,.0f}" if size >= 100 else f"{value:.1e}"
    return text.replace("-", MINUS)
