"""Explanations: ROC curves (figures 1 and 6 to 14), scores above their nulls, entropy against AUROC (20)."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

from .. import inference, score_figures, tables
from ..metrics import ordered_variants, variant_label
from ..scores import SCORERS, above_null, area, roc
from ..summary import SETTINGS, means_over_layers
from .context import Context, listed, of_setting


def nothing(context: Context) -> str:
    """Why there are no scores; empty where there are some."""
    if context.done["scored"].any():
        return ""
    wants = (context.cells["score_id"] != "").any()
    return '<p class="empty">' + ("No cell is scored yet." if wants else "This sweep asks for no explanations.") + "</p>"


def rocs(context: Context) -> str:
    return nothing(context) or context.per_model(lambda cells, suffix: _rocs(context, cells, suffix)) or '<p class="empty">The judge answered no example.</p>'


def nulls(context: Context) -> str:
    empty = nothing(context)
    if empty:
        return empty
    scored = context.done[context.done["scored"]]
    judges = ", ".join(sorted(set(scored["judge"]) - {""})) or "not recorded"
    latents, answered, lost, unread = (_total(scored[name]) for name in ("n_scored", "n_judged", "n_missing", "n_unparsable"))
    text = (
        f"Latents explained and scored: {latents}, of {tables.counted(len(scored), 'SAE')}. Judge: {judges}. "
        f"Examples with an answer: {answered}; without one: {lost}, of which with a reply that could not be read: {unread}."
    )
    frame = above_null(context.cells, context.level)
    links = context.write(frame, "scores", "Scores and their nulls, means over cells") if len(frame) else ""

    def part(cells: pd.DataFrame, setting: tuple, suffix: str) -> str:
        rows = of_setting(frame, setting)
        return tables.above_null(rows, "Scores by variant, means over cells", context.labels, context.level) if len(rows) else ""

    return f"<p>{escape(text)}</p>{context.per_setting(part)}<p>{links}</p>"


def entropy(context: Context) -> str:
    empty = nothing(context)
    if empty:
        return empty
    correlations = inference.entropy_correlations(context.cells, context.results.latents, context.level)
    if len(correlations):
        context.write(correlations, "entropy_correlations", "Rank correlation of token entropy with scores")
    return context.per_model(lambda cells, suffix: _entropy(context, cells, correlations, suffix)) or '<p class="empty">No latent has both an entropy and a fuzzing AUROC.</p>'


def _rocs(context: Context, cells: pd.DataFrame, suffix: str) -> str:
    parts = []
    for scorer, name in SCORERS.items():
        curves = {
            (variant, layer): roc(*context.results.predictions(scorer, list(part.index)))
            for (variant, layer), part in cells[cells["scored"]].groupby(["variant", "layer"])
        }
        curves = {at: curve for at, curve in curves.items() if len(curve[0])}
        if curves:
            areas = pd.DataFrame([(*at, area(*curve)) for at, curve in curves.items()], columns=["variant", "layer", "area"])
            means = listed(means_over_layers(areas, "area"))
            said = f" Area under the pooled curves, mean over layers: {means}." if means else ""
            alt = f"ROC curves of {name}, a panel per layer.{said}"
            why = " Elsewhere scores are means of each latent's own AUROC; here examples of different latents are ranked together, so the numbers differ." if means else ""
            caption = f"{name.capitalize()}: all judged examples of a variant's cells together; dotted: chance.{escape(said + why)}"
            parts.append(context.figure(score_figures.roc_curves(f"roc_{scorer}{suffix}", curves, alt, caption)))
    return "".join(parts)


def _entropy(context: Context, cells: pd.DataFrame, correlations: pd.DataFrame, suffix: str) -> str:
    latents = context.results.latents.reindex(columns=["cell", "index", "token_entropy", "fuzz_auroc"])
    latents = latents.merge(cells.loc[cells["scored"], ["variant", "layer", "model"]], left_on="cell", right_index=True)
    latents = latents[np.isfinite(latents["token_entropy"]) & np.isfinite(latents["fuzz_auroc"])]
    if latents.empty:
        return ""
    rows = of_setting(correlations, tuple(cells[SETTINGS].iloc[0]))
    rows = rows[(rows["model"] == cells["model"].iloc[0]) & (rows["metric"] == "fuzz_auroc")]
    notes = {row.variant: f"ρ = {_two(row.rho)}" + (f" ({_two(row.low)} to {_two(row.high)})" if np.isfinite(row.low) else "") for row in rows.itertuples()}
    alt = "Token entropy against fuzzing AUROC, a panel per variant. Rank correlation: " + ", ".join(f"{variant_label(v)} {notes[v]}" for v in ordered_variants(notes)) + "."
    claims = ", ".join(sorted(set(rows["claim"])))
    caption = f"A point per latent; ρ: Spearman's rank correlation within SAEs, averaged over layers and seeds, with its {100 * context.level:g} % interval ({escape(claims)}); dotted: chance."
    if latents.groupby("variant").size().max() > score_figures.MOST_POINTS:
        caption += f" {score_figures.MOST_POINTS:,} latents drawn at random in a panel; ρ is over all."
    links = f" Correlations: {tables.links('entropy_correlations')}" if len(correlations) else ""
    return context.figure(score_figures.entropy_scatter("entropy" + suffix, latents, notes, "fuzz_auroc", "fuzzing AUROC", alt, caption + links))


def _total(counts: pd.Series) -> str:
    known = counts[counts >= 0]
    return f"{known.sum():,}" if len(known) else "not recorded"


def _two(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
