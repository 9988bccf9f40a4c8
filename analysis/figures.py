"""The figures, each as a matplotlib Figure; from frames of summary.py."""

from __future__ import annotations

import math
import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .metrics import Metric, ordered_variants, variant_label
from .summary import some_layers
from .theme import INK, style_of

#: Inches; the page shows 72 points an inch at 1.4 pixels a point, so this fills its column.
PAGE_WIDTH = 10.6
#: Bounded metrics are shown from here up: a loss score of -20 would flatten everything else.
LOWEST_SHOWN = -0.25
RATE_BINS = np.linspace(-5, 0, 26)


def figure2(table: pd.DataFrame, metrics: list[Metric], models: list[str], labels: dict[str, str]) -> Figure:
    """Figure 2 of the paper: a row a metric, a column a model, x the layer, a line a variant with its range over seeds.

    table: summary.figure2 of one setting. With one model its column is wrapped to three columns, read row by row.
    """
    panels = [(metric, model) for metric in metrics for model in models]
    n_columns = len(models) if len(models) > 1 else min(3, len(panels))
    figure, axes = grid(len(panels), n_columns, width=max(PAGE_WIDTH, 2.1 * n_columns), height=2.1)
    for i, (axis, (metric, model)) in enumerate(zip(axes, panels)):
        of_metric = table[table["metric"].isin([metric.name, metric.null])]
        of_model = of_metric[of_metric["model"] == model]
        _lines_by_layer(axis, of_model[of_model["metric"] == metric.name], metric)
        _null_lines(axis, of_model[of_model["metric"] == metric.null], metric)
        if metric.bounded:
            _limit_bounded(axis, of_metric, model, metric)
        title = metric.label + (" (trained only)" if metric.trained_only else "")
        if len(models) == 1:
            axis.set_title(title)
            continue
        axis.set_ylabel(textwrap.fill(title, 22) if i % n_columns == 0 else "")
        axis.set_title(labels[model] if i < n_columns else "", fontweight="bold")
    for axis in axes[-n_columns:]:
        axis.set_xlabel("layer")
    legend(figure, table["variant"])
    return figure


def curves(points: pd.DataFrame) -> Figure:
    """Training curves: a column a layer, rows explained variance and dead latents, a line a variant (mean and range over seeds).

    points: Results.curves of one model and setting, joined with variant and layer.
    """
    layers = some_layers(points["layer"])
    rows = [("explained_variance", "explained variance\n(training batch)"), ("dead_fraction", "dead latents\n(share)")]
    rows = [row for row in rows if points[row[0]].notna().any()]
    figure, axes = grid(len(rows) * len(layers), len(layers), width=PAGE_WIDTH, height=1.8)
    for i, axis in enumerate(axes):
        (name, label), layer = rows[i // len(layers)], layers[i % len(layers)]
        _lines_by_tokens(axis, points[points["layer"] == layer], name)
        _share_limits(axis, rows=axes[(i // len(layers)) * len(layers)], first=i % len(layers) == 0)
        axis.set_ylabel(label if i % len(layers) == 0 else "")
        axis.set_title(f"layer {layer}" if i < len(layers) else "")
        axis.set_xlabel("tokens" if i >= len(axes) - len(layers) else "")
    legend(figure, points["variant"])
    return figure


def firing_rates(rates: dict[tuple[str, int], np.ndarray]) -> Figure:
    """Distribution of log10 firing rates: a panel a layer, a line a variant; share of all latents in each bin.

    rates: by variant and layer, the latents of all seeds; those that never fired are counted but not drawn.
    """
    layers = some_layers(layer for _, layer in rates)
    variants = ordered_variants(variant for variant, _ in rates)
    figure, axes = grid(len(layers), min(3, len(layers)), width=PAGE_WIDTH, height=2.0)
    for i, (axis, layer) in enumerate(zip(axes, layers)):
        for j, variant in enumerate(variants):
            values = rates.get((variant, layer), np.empty(0))
            if len(values):
                _histogram(axis, values, style_of(variant), offset=j)
        axis.set(title=f"layer {layer}", xlim=(RATE_BINS[0], RATE_BINS[-1]))
        axis.sharey(axes[0])
        axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * 10**x:g}%"))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g}%"))
        axis.set_ylabel("latents per bin" if i % 3 == 0 else "")
        axis.set_xlabel("firing rate" if i >= len(layers) - 3 else "")
    axes[0].set_ylim(0, None)
    legend(figure, variants)
    return figure


def grid(n_panels: int, n_columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of panels, row by row; width of the whole and height of a row in inches."""
    n_rows = math.ceil(n_panels / n_columns)
    figure = Figure(figsize=(width, height * n_rows + 0.45))
    figure.get_layout_engine().set(hspace=0.06, wspace=0.03)
    axes = [figure.add_subplot(n_rows, n_columns, i + 1) for i in range(n_panels)]
    return figure, axes


def legend(figure: Figure, variants, with_markers: bool = True) -> None:
    """A legend of variants above a figure."""
    plain = {} if with_markers else {"marker": None}
    styles = {variant_label(v): style_of(v) | plain for v in ordered_variants(variants)}
    axis = figure.axes[0]
    handles = [axis.plot([], [], label=label, **style)[0] for label, style in styles.items()]
    figure.legend(handles=handles, loc="outside upper left", ncols=5, columnspacing=1.4, handletextpad=0.5)


def _lines_by_layer(axis: Axes, part: pd.DataFrame, metric: Metric) -> None:
    for variant in ordered_variants(part["variant"]):
        line = part[part["variant"] == variant].sort_values("layer")
        style = style_of(variant)
        if metric.trained_only and variant != "trained":
            axis.plot(line["layer"], line["mean"], **style, alpha=0.45, linewidth=0.7, markersize=3)
            continue
        axis.plot(line["layer"], line["mean"], **style)
        axis.fill_between(line["layer"], line["min"], line["max"], color=style["color"], alpha=0.2, linewidth=0)
        axis.vlines(line["layer"], line["min"], line["max"], color=style["color"], linewidth=0.9)
    layers = sorted(part["layer"].unique())
    axis.set_xticks(layers[:: math.ceil(len(layers) / 9) or 1])
    if len(layers) == 1:
        axis.set_xlim(layers[0] - 1, layers[0] + 1)
    if not metric.bounded and _spans_decades(part["mean"]):
        axis.set_yscale("log")


def _null_lines(axis: Axes, part: pd.DataFrame, metric: Metric) -> None:
    """What a score is under another latent's explanation, and by guessing."""
    if metric.chance is not None:
        axis.axhline(metric.chance, color=INK, linestyle=(0, (1, 2)), linewidth=0.7, alpha=0.7)
    for variant in ordered_variants(part["variant"]):
        line = part[part["variant"] == variant].sort_values("layer")
        axis.plot(line["layer"], line["mean"], color=style_of(variant)["color"], linestyle=":", linewidth=1)


def _spans_decades(values: pd.Series) -> bool:
    values = values.dropna()
    return len(values) > 0 and values.min() > 0 and values.max() > 20 * values.min()


def _limit_bounded(axis: Axes, of_metric: pd.DataFrame, model: str, metric: Metric) -> None:
    """The same limits for all models, and chance among them; shows what lies above LOWEST_SHOWN, and says how many means lie below."""
    means = of_metric.loc[of_metric["model"] == model, "mean"].dropna()
    if means.empty:
        axis.text(0.5, 0.5, "no values", transform=axis.transAxes, ha="center", va="center")
    low, high = max(of_metric["min"].min(), LOWEST_SHOWN), of_metric["max"].max()
    if metric.chance is not None:
        low, high = min(low, metric.chance), max(high, metric.chance)
    margin = max(0.06 * (high - low), 1e-3)
    if np.isfinite(margin):
        axis.set_ylim(max(low - margin, LOWEST_SHOWN), min(high + margin, 1.03))
    below = int((means < LOWEST_SHOWN).sum())
    if below:
        axis.set_title(f"{below} below \N{MINUS SIGN}{-LOWEST_SHOWN}", loc="right", fontsize=7.5)


def _lines_by_tokens(axis: Axes, points: pd.DataFrame, name: str) -> None:
    for variant in ordered_variants(points["variant"]):
        groups = points[points["variant"] == variant].groupby("tokens")[name]
        line = groups.agg(["mean", "min", "max"]).reset_index()
        style = style_of(variant) | {"marker": None, "linewidth": 1.1}
        axis.plot(line["tokens"], line["mean"], **style)
        axis.fill_between(line["tokens"], line["min"], line["max"], color=style["color"], alpha=0.2, linewidth=0)
    axis.xaxis.set_major_locator(MaxNLocator(nbins=3))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _short(x)))


def _share_limits(axis: Axes, rows: Axes, first: bool) -> None:
    if not first:
        axis.sharey(rows)
        axis.tick_params(labelleft=False)


def _short(x: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(x) >= size:
            return f"{x / size:g}{unit}"
    return f"{x:g}"


def _histogram(axis: Axes, values: np.ndarray, style: dict, offset: int) -> None:
    fired = values[values > 0]
    counts, _ = np.histogram(np.log10(np.clip(fired, 10.0 ** RATE_BINS[0], 1)), RATE_BINS)
    centres = (RATE_BINS[1:] + RATE_BINS[:-1]) / 2
    axis.plot(centres, counts / len(values), **style, markevery=(offset, 5), markersize=3.2, linewidth=1.1)
