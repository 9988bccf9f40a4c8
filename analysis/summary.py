"""Frames that the report shows, computed from the cells: means and ranges over seeds."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from .metrics import METRICS, Metric

#: What tells one kind of SAE from another; a figure holds one setting only.
SETTINGS = ["hookpoint_kind", "architecture", "expansion_factor", "sparsity", "tokens"]


def with_settings(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells with `hookpoint_kind`, the hookpoint with N for its layer (layers.N, layers.N.mlp, embed_in), and
    `sparsity`, what decides how many latents are active: k = 32, or for relu and jumprelu penalty = 0.05."""
    kinds = [re.sub(r"\d+", "N", hookpoint, count=1) for hookpoint in cells["hookpoint"]]
    sparsity = [
        f"penalty = {penalty:g}" if np.isfinite(penalty) else f"k = {k}" for k, penalty in zip(cells["k"], cells["penalty"])
    ]
    return cells.assign(hookpoint_kind=kinds, sparsity=sparsity)


def shown_metrics(cells: pd.DataFrame) -> list[Metric]:
    """The metrics that have a number in some cell."""
    return [metric for metric in METRICS if metric.name in cells and cells[metric.name].notna().any()]


def figure2(cells: pd.DataFrame, metrics: list[Metric]) -> pd.DataFrame:
    """Long frame: model, variant, layer, metric, mean, min, max, n (seeds with a number), then SETTINGS.

    Over the seeds of evaluated cells; a group without a number has NaN and n = 0. A metric's null is a metric here.
    """
    keys = ["model", "variant", "layer", *SETTINGS]
    cells = with_settings(cells[cells["evaluated"]])
    parts = []
    for name in [name for metric in metrics for name in (metric.name, metric.null) if name in cells]:
        groups = cells.groupby(keys, sort=False)[name].agg(["mean", "min", "max", "count"]).reset_index()
        parts.append(groups.assign(metric=name))
    columns = ["model", "variant", "layer", "metric", "mean", "min", "max", "n", *SETTINGS]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True).rename(columns={"count": "n"})[columns]


def model_labels(models: Iterable[str]) -> dict[str, str]:
    """The last part of each path, or the whole path where two would be the same."""
    short = {model: Path(model).name or model for model in models}
    return {m: s if list(short.values()).count(s) == 1 else m for m, s in short.items()}


def setting_label(setting: tuple, without: Collection[str] = ()) -> str:
    """A line for people: topk, R = 16, k = 16, 204,800 training tokens, hookpoint layers.N. Loaded SAEs have 0 tokens.
    without: of SETTINGS, what is not named."""
    kind, architecture, expansion, sparsity, tokens = setting
    training = f"{tokens:,} training tokens" if tokens > 0 else "not trained in this sweep"
    parts = {"architecture": architecture, "expansion_factor": f"R = {expansion:g}", "sparsity": sparsity, "tokens": training, "hookpoint_kind": f"hookpoint {kind}"}
    line = ", ".join(part for name, part in parts.items() if name not in without)
    return line.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")


def means_over_layers(frame: pd.DataFrame, column: str) -> dict[str, float]:
    """Of each variant the mean of its layers' means over seeds. Without variants that lack a number in one of the frame's layers:
    layers differ, so a mean over some of them compares with no other."""
    means = frame.pivot_table(index="variant", columns="layer", values=column, dropna=False).reindex(columns=frame["layer"].unique())
    return means.dropna().mean(axis=1).to_dict()


def layer_name(layer: int) -> str:
    """For people; the embedding is of no layer, -1."""
    return f"layer {layer}" if layer >= 0 else "no layer"


def some_layers(layers: Iterable[int], most: int = 9) -> list[int]:
    """All layers, or `most` evenly spaced ones with the first and the last."""
    layers = sorted(set(layers))
    if len(layers) <= most:
        return layers
    return [layers[round(i * (len(layers) - 1) / (most - 1))] for i in range(most)]
