"""Metrics by layer (figure 2), their intervals over seeds (17), and what the SAEs' settings do (15, 16, 18, 19)."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import Any

import pandas as pd

from .. import figures, scores, tables
from ..metrics import Metric
from ..summary import SETTINGS, means_over_layers, setting_label
from .context import NOTHING_YET, Context, listed, of_setting

SCORES = tuple(metric.name for metric in scores.SCORES)
#: Rows of the grids that stand beside figure 2.
KEY = ("explained_variance", *SCORES, "token_entropy")
SEED_METRICS = ("explained_variance", "cosine_similarity", "l1", *SCORES, "token_entropy")
#: Settings that a sweep may vary, and how an axis names them.
DIMENSIONS = {
    "expansion_factor": "expansion factor", "sparsity": "sparsity", "tokens": "training tokens", "architecture": "architecture", "hookpoint_kind": "hookpoint",
}  # fmt: skip
#: Settings of one model beside one another.
MOST_COLUMNS = 8


def by_layer(context: Context) -> str:
    if not context.metrics:
        return '<p class="empty">The file holds no metrics of these cells.</p>' if len(context.done) else NOTHING_YET
    context.write(context.table, "figure2", "Metrics by model, variant and layer: means and ranges over seeds")

    def part(cells: pd.DataFrame, setting: tuple, suffix: str) -> str:
        alt = f"{len(context.metrics)} metrics by layer, a line per variant. {headline(cells)} All values: tables/figure2.csv."
        caption = "Line: mean over seeds; band: range over seeds. A line that another would hide is wider, below it. "
        if cells["scored"].any():
            caption += "Dotted: the same score under the explanation of another latent (its null), and the level of chance. "
        if any(metric.trained_only for metric in context.metrics):
            caption += "CE and KL scores mean something for the trained variant only; the others are thin, with open markers. "
        chart = figures.by_layer("figure2" + suffix, context.columns(of_setting(context.table, setting)), context.metrics, ("min", "max"), alt, caption + f"Values: {tables.links('figure2')}")
        return context.figure(chart)

    return context.per_setting(part)


def seeds(context: Context) -> str:
    """Nothing where each SAE was trained once."""
    means = context.means[context.means["basis"] == "seeds"]
    if means.empty:
        return ""
    nulls = {metric.null for metric in context.metrics}
    shown = [metric for metric in context.metrics if metric.name in SEED_METRICS and metric.name not in nulls]
    context.write(context.means, "means", f"Means of the variants with {100 * context.level:g} % intervals over seeds")

    def part(cells: pd.DataFrame, setting: tuple, suffix: str) -> str:
        rows = of_setting(means, setting)
        if rows.empty:
            return ""
        n = rows["n_seeds"]
        counts = f"{n.min()}" if n.min() == n.max() else f"{n.min()} to {n.max()}"
        claims = "; ".join(escape(claim) for claim in sorted(set(rows["claim"])))
        caption = (
            f"Line: mean over {counts} seeds; band: {100 * context.level:g} % interval of that mean by Student's t ({claims}), cut where it leaves the panel. "
            f"Values: {tables.links('means')}"
        )
        alt = f"Means over {counts} seeds with intervals, by layer: {', '.join(metric.label for metric in shown)}. All values: tables/means.csv."
        return context.figure(figures.by_layer("seeds" + suffix, context.columns(rows), [_without_null(m) for m in shown], ("low", "high"), alt, caption, context.level))

    return context.per_setting(part)


def settings(context: Context) -> str:
    """Nothing where all SAEs have the same."""
    parts = []
    shown = [metric for metric in context.metrics if metric.name in KEY]
    for dimension, label in DIMENSIONS.items():
        table = _over_layers(context, dimension, [metric.name for metric in shown])
        if table.empty:
            continue
        context.write(table, f"by_{dimension}", f"Means over layers and seeds by {label}")
        groups = table.groupby(["model", *[name for name in SETTINGS if name != dimension]], sort=False)
        columns = [(_group_label(context, groups, key), frame) for key, frame in groups][:MOST_COLUMNS]
        alt = f"{', '.join(metric.label for metric in shown)} against {label}, a line per variant. All values: tables/by_{dimension}.csv."
        caption = f"Mean over seeds, and over the layers in which all variants have numbers at all of their values of the {label}; dotted: chance. Values: {tables.links(f'by_{dimension}')}"
        parts.append(f"<h3>By {label}</h3>" + context.figure(figures.by_setting(f"by_{dimension}", columns, shown, dimension, label, alt, caption)))
    for i, model in enumerate(context.labels):
        rows = context.table[context.table["model"] == model]
        columns = [(_short_setting(context, setting), of_setting(rows, setting)) for setting in context.settings]
        columns = [column for column in columns if len(column[1])][:MOST_COLUMNS]
        if len(columns) > 1:
            alt = f"{', '.join(metric.label for metric in shown)} by layer, a column per setting of the SAEs, a line per variant."
            caption = f"{escape(context.labels[model])}: a column for each setting. Line: mean over seeds; band: range over seeds; dotted: nulls and chance."
            parts.append(f"<h3>By layer, {escape(context.labels[model])}</h3>" + context.figure(figures.by_layer(f"settings-{i + 1}", columns, shown, ("min", "max"), alt, caption)))
    return "\n".join(parts)


def explained_variance(context: Context) -> str:
    def part(cells: pd.DataFrame, setting: tuple, suffix: str) -> str:
        parts = []
        for model, of_model in cells.groupby("model", sort=False):
            parts.append(tables.explained_variance(of_model, f"Explained variance, {context.labels[model]}: mean over seeds, and range"))
        return "\n".join(parts)

    if len(context.done):
        means = context.done.groupby(["model", *SETTINGS, "variant", "layer"], sort=False)[["explained_variance", "explained_variance_train"]].mean().reset_index()
        links = context.write(means, "explained_variance", "Explained variance on held-out and training text, means over seeds", {"explained_variance": "held-out", "explained_variance_train": "training"})
        return context.per_setting(part) + f"<p>{links}</p>"
    return context.per_setting(part)


def headline(cells: pd.DataFrame) -> str:
    values = listed(means_over_layers(cells, "explained_variance"))
    return f"Explained variance on held-out text, mean over layers and seeds: {values}." if values else ""


def _without_null(metric: Metric) -> Metric:
    return replace(metric, null="")


def _over_layers(context: Context, dimension: str, names: list[str]) -> pd.DataFrame:
    """model, SETTINGS, variant, metric, mean, low, high, n (cells): where a dimension has several values, over the same layers
    for all that a panel compares."""
    others = ["model", *[name for name in SETTINGS if name != dimension]]
    rows = []
    for keys, group in context.done.groupby(others, sort=False):
        for name in names:
            known = _on_shared_layers(group[group[name].notna()], dimension)
            for (variant, value), part in known.groupby(["variant", dimension], sort=False):
                rows.append(dict(zip(others, keys)) | {
                    dimension: value, "variant": variant, "metric": name, "mean": part.groupby("layer")[name].mean().mean(), "low": part[name].min(), "high": part[name].max(), "n": len(part),
                })  # fmt: skip
    table = pd.DataFrame(rows, columns=[*others, dimension, "variant", "metric", "mean", "low", "high", "n"])
    return table[table.groupby(others)[dimension].transform("nunique") > 1]


def _on_shared_layers(cells: pd.DataFrame, dimension: str) -> pd.DataFrame:
    """Of the layers in which every variant has all of its values of a dimension; without variants that have no such layer."""
    n_values = cells.groupby(["variant", "layer"])[dimension].transform("nunique")
    cells = cells[n_values == cells.groupby("variant")[dimension].transform("nunique")]
    n_variants = cells.groupby("layer")["variant"].transform("nunique")
    return cells[n_variants == cells["variant"].nunique()]


def _group_label(context: Context, groups: Any, key: tuple) -> str:
    """What tells a group from the others."""
    keys = list(groups.groups)
    names = [context.labels[key[0]]] if len({other[0] for other in keys}) > 1 else []
    names += [_value(name, value) for i, (name, value) in enumerate(zip(groups.keys, key)) if i > 0 and len({other[i] for other in keys}) > 1]
    return ", ".join(names) or context.labels[key[0]]


def _short_setting(context: Context, setting: tuple) -> str:
    names = [_value(name, value) for i, (name, value) in enumerate(zip(SETTINGS, setting)) if len({other[i] for other in context.settings}) > 1]
    return ", ".join(names) or setting_label(setting)


def _value(name: str, value: Any) -> str:
    return {"expansion_factor": f"R = {value}", "tokens": f"{figures.setting_text(value)} tokens"}.get(name, str(value))
