"""Charts of training and of firing rates."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from .figures import short
from .interactive import Chart, Panel, Series
from .metrics import ordered_variants, variant_label
from .summary import layer_name, some_layers

RATE_BINS = np.linspace(-5, 0, 26)
#: Points of a curve that a panel shows.
MOST_POINTS = 60
#: Curves are shown from here up: the first batches of an SAE may explain far less than nothing.
LOWEST_SHOWN = -0.05


def curves(name: str, points: pd.DataFrame, alt: str, caption: str) -> Chart:
    """Training curves: a column a layer, rows explained variance and dead latents, a line a variant (mean and range over seeds).

    points: Results.curves of one model and setting, joined with variant and layer.
    """
    layers = some_layers(points["layer"])
    points = points[points["tokens"].notna()]
    rows = [(column, label) for column, label in (("explained_variance", "explained variance (training batch)"), ("dead_fraction", "dead latents (share)")) if points[column].notna().any()]
    last = points["tokens"].max()
    panels = []
    for i, (column, label) in enumerate(rows):
        limits = _limits(points[column])
        for j, layer in enumerate(layers):
            part = points[points["layer"] == layer]
            panels.append(Panel(layer_name(layer) if i == 0 else "", [_curve(part, variant, column) for variant in ordered_variants(part["variant"])],
                                x_label="tokens" if i == len(rows) - 1 else "", y_label=label if j == 0 else "", x_range=(0, last), y_range=limits,
                                x_ticks=_token_ticks(last)))  # fmt: skip
    return Chart(name, panels, len(layers), alt, caption, ordered_variants(points["variant"]), row_height=130, shared_y=True)


def firing_rates(name: str, rates: dict[tuple[str, int], np.ndarray], alt: str, caption: str) -> Chart:
    """Distribution of log10 firing rates: a panel a layer, a line a variant; share of all latents in each bin.

    rates: by variant and layer, the latents of all seeds; those that never fired are counted but not drawn.
    """
    layers = some_layers(layer for _, layer in rates)
    variants = ordered_variants(variant for variant, _ in rates)
    centres = (RATE_BINS[1:] + RATE_BINS[:-1]) / 2
    shares = {at: _shares(values) for at, values in rates.items() if len(values)}
    top = 1.06 * max(share.max() for share in shares.values()) or 0.01
    across = min(3, len(layers))
    panels = []
    for i, layer in enumerate(layers):
        lines = [
            Series(variant, centres.tolist(), shares[variant, layer].tolist(), [f"{variant_label(variant)}: {100 * share:.1f}% of latents" for share in shares[variant, layer]], marked=False)
            for variant in variants
            if (variant, layer) in shares
        ]
        panels.append(Panel(layer_name(layer), lines, x_label="firing rate" if i >= len(layers) - across else "", y_label="latents per bin" if i % across == 0 else "", x_range=(-5, 0),
                            y_range=(0, top), x_ticks={f"{100 * 10.0**x:g}%": x for x in range(-4, 0)}, y_ticks=_percents(top)))  # fmt: skip
    return Chart(name, panels, across, alt, caption, variants, row_height=140, shared_y=True)


def _token_ticks(last: float) -> dict[str, float]:
    """0 and a round number near the middle; none at the end, where the next panel begins."""
    size = 10 ** math.floor(math.log10(last / 2))
    middle = size * math.floor(last / 2 / size)
    return {"0": 0.0, short(middle): float(middle)}


def _limits(values: pd.Series) -> tuple[float, float]:
    low, high = max(values.min(), LOWEST_SHOWN), max(values.max(), 0.0)
    room = max(0.05 * (high - low), 0.005)
    return low - room, high + room


def _curve(points: pd.DataFrame, variant: str, column: str) -> Series:
    line = points[points["variant"] == variant].groupby("tokens")[column].agg(["mean", "min", "max"])
    line = line.iloc[np.unique(np.linspace(0, len(line) - 1, min(MOST_POINTS, len(line))).astype(int))]
    texts = [f"{variant_label(variant)}: {mean:.3f}" for mean in line["mean"]]
    return Series(variant, line.index.tolist(), line["mean"].tolist(), texts, line["min"].tolist(), line["max"].tolist(), marked=False)


def _shares(values: np.ndarray) -> np.ndarray:
    fired = values[values > 0]
    counts, _ = np.histogram(np.log10(np.clip(fired, 10.0 ** RATE_BINS[0], 1)), RATE_BINS)
    return counts / len(values)


def _percents(top: float) -> dict[str, float]:
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if top / step <= 5)
    return {f"{100 * step * i:g}%": step * i for i in range(int(top / step) + 1)}
