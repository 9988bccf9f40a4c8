"""Figures of the explanations' scores, each as a matplotlib Figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from .figures import PAGE_WIDTH, grid, legend
from .metrics import ordered_variants, variant_label
from .scores import thinned
from .summary import some_layers
from .theme import INK, style_of

CHANCE = {"color": INK, "linestyle": (0, (1, 2)), "linewidth": 0.8, "alpha": 0.7}
#: Points of a scatter, a panel; more would hide one another.
MOST_POINTS = 1500


def roc_curves(curves: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]) -> Figure:
    """ROC curves of one scorer (the paper's Figures 1 and 6 to 14): a panel a layer, a line a variant, chance dotted.

    curves: of scores.roc, by variant and layer.
    """
    layers = some_layers(layer for _, layer in curves)
    variants = ordered_variants(variant for variant, _ in curves)
    n_columns = len(layers) if len(layers) <= 6 else 5
    width = min(PAGE_WIDTH, 3 * n_columns)
    figure, axes = grid(len(layers), n_columns, width=width, height=width / n_columns + 0.15)
    for i, (axis, layer) in enumerate(zip(axes, layers)):
        axis.plot([0, 1], [0, 1], **CHANCE)
        for variant in variants:
            axis.plot(*thinned(*curves.get((variant, layer), ([], []))), **style_of(variant) | {"marker": None, "linewidth": 1.2})
        axis.set(title=f"layer {layer}", xlim=(0, 1), ylim=(0, 1), aspect="equal")
        axis.xaxis.set_major_locator(MultipleLocator(0.5))
        axis.yaxis.set_major_locator(MultipleLocator(0.5))
        axis.set_ylabel("true positive rate" if i % n_columns == 0 else "")
        axis.set_xlabel("false positive rate" if i >= len(layers) - n_columns else "")
    legend(figure, variants, with_markers=False)
    return figure


def entropy_scatter(latents: pd.DataFrame) -> Figure:
    """Token distribution entropy against fuzzing AUROC (Figure 20): a point a latent, a panel a variant.

    latents: variant, token_entropy, fuzz_auroc, without gaps.
    """
    variants = ordered_variants(latents["variant"])
    figure, axes = grid(len(variants), len(variants), width=min(PAGE_WIDTH, 2.6 * len(variants) + 0.6), height=2.3)
    for i, (axis, variant) in enumerate(zip(axes, variants)):
        part = latents[latents["variant"] == variant]
        shown = part if len(part) <= MOST_POINTS else part.sample(MOST_POINTS, random_state=0)
        axis.axhline(0.5, **CHANCE)
        style = style_of(variant)
        axis.scatter(shown["token_entropy"], shown["fuzz_auroc"], s=7, color=style["color"], marker=style["marker"], alpha=0.45, linewidths=0)
        axis.set_title(variant_label(variant))
        axis.text(0.97, 0.04, f"ρ = {rank_correlation(part):.2f}".replace("-", "−"), transform=axis.transAxes, ha="right", fontsize=7.5)
        axis.sharex(axes[0])
        axis.sharey(axes[0])
        axis.tick_params(labelleft=i == 0)
        axis.set_ylabel("fuzzing AUROC" if i == 0 else "")
        axis.set_xlabel("token entropy (nats)")
    axes[0].set(xlim=(0, None), ylim=(min(0.4, latents["fuzz_auroc"].min() - 0.03), 1.03))
    return figure


def rank_correlation(latents: pd.DataFrame) -> float:
    """Spearman's, of token_entropy and fuzz_auroc."""
    return latents["token_entropy"].corr(latents["fuzz_auroc"], method="spearman")
