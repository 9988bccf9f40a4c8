"""Charts of the explanations' scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from .interactive import Chart, Panel, Series, chance_line
from .interactive.layout import LEFT, RIGHT, boxes
from .metrics import ordered_variants, variant_label
from .scores import area, thinned
from .summary import layer_name

#: Points of a scatter, a panel; more would hide one another.
MOST_POINTS = 1500
HALVES = {"0": 0.0, "0.5": 0.5, "1": 1.0}


def roc_curves(name: str, curves: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]], alt: str, caption: str) -> Chart:
    """ROC curves of one scorer (the paper's Figures 1 and 6 to 14): a panel a layer, a line a variant, chance dotted.

    curves: of scores.roc, by variant and layer.
    """
    layers = sorted({layer for _, layer in curves})
    variants = ordered_variants(variant for variant, _ in curves)
    n_columns = len(layers) if len(layers) <= 6 else 6
    panels = [
        Panel(layer_name(layer), [chance_line((0, 1), (0, 1)), *(_curve(variant, *curves[variant, layer]) for variant in variants if (variant, layer) in curves)],
              x_label="false positive rate" if i >= len(layers) - n_columns else "", y_label="true positive rate" if i % n_columns == 0 else "",
              x_range=(0, 1), y_range=(0, 1), x_ticks=HALVES, y_ticks=HALVES)
        for i, layer in enumerate(layers)
    ]  # fmt: skip
    chart = Chart(name, panels, n_columns, alt, caption, variants, shared_y=True, width=min(1072, LEFT + RIGHT + 260 * n_columns), compared=False)
    return replace(chart, row_height=round(boxes(chart)[0][0].width))


def entropy_scatter(name: str, latents: pd.DataFrame, notes: dict[str, str], score: str, label: str, alt: str, caption: str) -> Chart:
    """Token distribution entropy against a score (Figure 20): a point a latent, a panel a variant.

    latents: variant, layer, token_entropy and the score, without gaps; notes: of each variant's panel.
    """
    variants = ordered_variants(latents["variant"])
    top = latents["token_entropy"].max() or 1.0
    panels = []
    for i, variant in enumerate(variants):
        part = latents[latents["variant"] == variant]
        part = part if len(part) <= MOST_POINTS else part.sample(MOST_POINTS, random_state=0)
        texts = [f"{layer_name(row.layer)}, latent {row.index}: entropy {row.token_entropy:.2f}, {label} {getattr(row, score):.3f}" for row in part.itertuples(index=False)]
        points = Series(variant, part["token_entropy"].tolist(), part[score].tolist(), texts, kind="points")
        panels.append(Panel(variant_label(variant), [chance_line((0, 1.04 * top), (0.5, 0.5)), points], x_label="token entropy (nats)", y_label=label if i == 0 else "",
                            corner=notes.get(variant, ""), x_range=(-0.03 * top, 1.04 * top), y_range=(min(0.4, latents[score].min() - 0.03), 1.03)))  # fmt: skip
    return Chart(name, panels, len(variants), alt, caption, (), row_height=190, shared_y=True, compared=False)


def _curve(variant: str, false_rate: np.ndarray, true_rate: np.ndarray) -> Series:
    text = f"{variant_label(variant)}: AUROC {area(false_rate, true_rate):.3f}"
    x, y = thinned(false_rate, true_rate)
    return Series(variant, x.tolist(), y.tolist(), [f"{text}<br>{b:.2f} true at {a:.2f} false positives" for a, b in zip(x, y)], marked=False)
