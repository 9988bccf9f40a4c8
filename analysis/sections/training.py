"""How training went, and how often latents fire."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .. import tables, training_figures
from ..metrics import ordered_variants, variant_label
from ..summary import SETTINGS, means_over_layers
from .context import Context, listed


def curves(context: Context) -> str:
    return context.per_model(lambda cells, suffix: _curves(context, cells, suffix))


def firing_rates(context: Context) -> str:
    rows: list[dict] = []
    text = context.per_model(lambda cells, suffix: _firing_rates(context, cells, suffix, rows))
    if rows:
        context.write(pd.DataFrame(rows), "firing_rates", "Firing rates of latents, all layers and seeds together")
    return text


def _curves(context: Context, cells: pd.DataFrame, suffix: str) -> str:
    points = context.results.curves.reindex(columns=["cell", "tokens", "explained_variance", "dead_fraction"])
    points = points.merge(cells[["variant", "layer"]], left_on="cell", right_index=True)
    if points["tokens"].isna().all() or points[["explained_variance", "dead_fraction"]].isna().all(axis=None):
        return '<p class="empty">The file holds no training curves of these cells.</p>'
    ends = listed(means_over_layers(points[points["tokens"] == points["tokens"].max()], "explained_variance"))
    alt = "Explained variance and dead latents against training tokens, a panel per layer." + (f" Explained variance at the end, mean over layers and seeds: {ends}." if ends else "")
    return context.figure(training_figures.curves("curves" + suffix, points, alt, "Line: mean over seeds; band: range over seeds."))


def _firing_rates(context: Context, cells: pd.DataFrame, suffix: str, rows: list[dict]) -> str:
    rates = {}
    for (variant, layer), part in cells.groupby(["variant", "layer"]):
        values = context.results.firing_rates(list(part.index))
        if len(values):
            rates[variant, layer] = values
    if not rates:
        return '<p class="empty">The file holds no firing rates of these cells.</p>'
    medians = {v: np.median(np.concatenate([r for (name, _), r in rates.items() if name == v])) for v, _ in rates}
    alt = "Distribution of firing rates, a panel per layer. Median over all latents: " + ", ".join(f"{variant_label(v)} {100 * medians[v]:.2g}%" for v in ordered_variants(medians)) + "."
    note = "Share of all latents in each bin of the logarithm of the firing rate, seeds together; latents that never fired are in the table, not in the figure."
    kind = cells[["model", *SETTINGS]].iloc[0].to_dict()
    rows += [kind | row for row in tables.rate_rows(rates)]
    table = tables.firing_rates(rates, "Firing rates of latents, all layers and seeds together")
    return context.figure(training_figures.firing_rates("firing_rates" + suffix, rates, alt, note)) + table + f"<p>{tables.links('firing_rates')}</p>"
