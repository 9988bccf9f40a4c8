"""The report: one page of HTML that needs nothing else, and its figures and tables as files."""

from __future__ import annotations

from datetime import datetime, timezone
from html import escape
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd

from . import figures, score_figures, tables
from .latents import latents_section
from .load import Results
from .metrics import METRICS, ordered_variants, variant_label
from .scores import SCORERS, above_null, area, roc
from .summary import SETTINGS, figure2, mean_over_layers, model_labels, setting_label, shown_metrics, with_settings
from .theme import file_svg, page_svg

TEMPLATES = Path(__file__).parent / "templates"
#: all_latents.csv is written up to this many rows; a larger table belongs in the results file.
MOST_LATENT_ROWS = 200_000
#: Below these a sweep can only illustrate.
SMALL_WIDTH, SMALL_BUDGET = 256, 1_000_000
NOTHING_YET = '<p class="empty">No cell is evaluated yet.</p>'


def write_report(results: Results, output: Path) -> Path:
    """Writes index.html, figures/*.svg and tables as CSV, and latents/*.html, a page for each SAE with latents; returns the page's path."""
    (output / "figures").mkdir(parents=True, exist_ok=True)
    metrics = shown_metrics(results.cells)
    table = figure2(results.cells, metrics)
    _write_tables(results, table, output)
    page = _Page(results, table, metrics, output)
    template = Template((TEMPLATES / "report.html").read_text())
    index = output / "index.html"
    index.write_text(template.substitute(page.parts()), encoding="utf-8")
    return index


def _write_tables(results: Results, table: pd.DataFrame, output: Path) -> None:
    results.cells.to_csv(output / "cells.csv", index_label="cell")
    table.to_csv(output / "figure2.csv", index=False)
    n_latents = results.cells.loc[results.cells["evaluated"], "n_latents"].clip(lower=0).sum()
    scores = above_null(results.cells)
    for name, frame in {
        "all_latents.csv": results.all_latents if n_latents <= MOST_LATENT_ROWS else None,
        "latents.csv": results.latents if len(results.latents) else None,
        "scores.csv": scores if len(scores) else None,
    }.items():
        (output / name).unlink(missing_ok=True)
        if frame is not None:
            frame.to_csv(output / name, index=False, float_format="%.6g")


class _Page:
    """The parts of the page, by their names in templates/report.html."""

    def __init__(self, results: Results, table: pd.DataFrame, metrics: list, output: Path):
        self.results, self.table, self.metrics, self.output = results, table, metrics, output
        self.cells = with_settings(results.cells)
        self.done = self.cells[self.cells["evaluated"]]
        self.labels = model_labels(self.cells["model"].unique())

    def parts(self) -> dict[str, str]:
        return {
            "name": escape(str(self.results.info.get("sweep_name", "unnamed sweep"))),
            "css": (TEMPLATES / "report.css").read_text(),
            "js": (TEMPLATES / "report.js").read_text(),
            "what": self._what(),
            "state": tables.progress(self.results),
            "note": self._note(),
            "guide": tables.metric_guide([metric for metric in METRICS if metric in self.metrics] or list(METRICS)),
            "figure2": self._per_setting(self._figure2),
            "scores": self._scores(),
            "latents": latents_section(self.results, self.results.cells, self.output),
            "embed": (TEMPLATES / "embed.js").read_text(),
            "explained_variance": self._per_setting(self._explained_variance),
            "curves": self._per_model(self._curves),
            "firing_rates": self._per_model(self._firing_rates),
            "cells": tables.all_cells(self.cells, "All cells"),
            "latents_csv": self._latents_csv(),
            "failures": tables.failures(self.cells) if self.results.count("failed") else "<p>No cell failed.</p>",
            "provenance": tables.provenance(self.results),
            "sweep": escape(str(self.results.info.get("sweep", "not recorded"))),
            "made": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        }

    def _what(self) -> str:
        cells = self.cells
        variants = ", ".join(variant_label(v) for v in ordered_variants(cells["variant"]))
        layers = sorted(cells["layer"].unique())
        seeds = cells["sae_seed"].nunique()
        n_init = cells.loc[cells["init_seed"] >= 0, "init_seed"].nunique()
        init_seeds = f", {n_init} init seeds" if n_init > 1 else ""
        kinds = _settings(cells)
        settings = "; ".join(setting_label(s) for s in kinds[:4]) + (f"; and {len(kinds) - 4} more settings" if len(kinds) > 4 else "")
        text = (
            f"{_counted(len(cells), 'sparse autoencoder')} on {_counted(cells['model'].nunique(), 'model')} ({', '.join(self.labels.values())}): "
            f"{_counted(cells['variant'].nunique(), 'variant')} ({variants}), {_counted(len(layers), 'layer')} ({_spans(layers)}), "
            f"{_counted(seeds, 'SAE seed')}{init_seeds}. SAEs: {settings}."
        )
        evaluated, loss = self.done["tokens_evaluated"].max(), self.done["tokens_ce"].max()
        if evaluated > 0:
            text += f" Metrics on {evaluated:,} held-out tokens" + (f", cross-entropy and KL on {loss:,}." if loss > 0 else ".")
        return escape(text)

    def _note(self) -> str:
        width, budget = self.cells["d_in"].max(), self.cells["tokens"].max()
        small = []
        if 0 < width <= SMALL_WIDTH:
            small.append(f"models of width {width}")
        if 0 < budget < SMALL_BUDGET:
            small.append(f"{budget:,} training tokens for each SAE")
        rule = (
            "Models below 10 million parameters, or budgets below 1 million tokens for an SAE, show how the study works "
            "but cannot answer its question (whether SAE metrics tell a trained transformer from a random one): "
            "the study used models of 70 million to 6.9 billion parameters and 100 million tokens."
        )
        if not small:
            return f'<p class="note">{rule}</p>'
        return f'<p class="note warn"><strong>This sweep illustrates; it is no evidence.</strong> It has {" and ".join(small)}. {rule}</p>'

    def _per_setting(self, part) -> str:
        """part(cells, setting, file suffix) for every setting of the SAEs; titled where there are several."""
        settings = _settings(self.done)
        texts = []
        for i, setting in enumerate(settings):
            title = f"<h3>{escape(setting_label(setting))}</h3>" if len(settings) > 1 else ""
            texts.append(title + part(_of_setting(self.done, setting), setting, f"-{i + 1}" if len(settings) > 1 else ""))
        return "\n".join(texts) or NOTHING_YET

    def _per_model(self, part, title: str = "") -> str:
        """part(cells, file suffix) for every model and setting; titled where there are several, or by `title`."""
        groups = [(m, s) for s in _settings(self.done) for m in self.labels]
        texts = []
        for i, (model, setting) in enumerate(groups):
            cells = _of_setting(self.done[self.done["model"] == model], setting)
            if len(cells):
                which = f"{self.labels[model]}: {setting_label(setting)}" if len(groups) > 1 else ""
                head = f"<h3>{escape(': '.join(filter(None, (title, which))))}</h3>" if title or which else ""
                texts.append(head + part(cells, f"-{i + 1}" if len(groups) > 1 else ""))
        return "\n".join(texts) or NOTHING_YET

    def _figure2(self, cells: pd.DataFrame, setting: tuple, suffix: str) -> str:
        if not self.metrics:
            return '<p class="empty">The file holds no metrics of these cells.</p>'
        table = _of_setting(self.table, setting)
        models = [model for model in self.labels if model in set(cells["model"])]
        alt = f"{len(self.metrics)} metrics by layer, a line per variant. {_headline(cells)} All values: figure2.csv."
        caption = "Line: mean over seeds; band and bar: range over seeds. "
        if self.done["scored"].any():
            caption += "Dotted: the same score under the explanation of another latent (its null); level and dotted: chance. "
        caption += "Values: <code>figure2.csv</code>."
        figure = figures.figure2(table, self.metrics, models, self.labels)
        headline = f"<p>{escape(_headline(cells))}</p>" if len(models) == 1 else ""
        return headline + self._figure(figure, "figure2" + suffix, alt, caption)

    def _scores(self) -> str:
        scored = self.done[self.done["scored"]]
        if scored.empty:
            wants = (self.cells["score_id"] != "").any()
            return '<p class="empty">' + ("No cell is scored yet." if wants else "This sweep asks for no explanations.") + "</p>"
        judges = ", ".join(sorted(set(scored["judge"]) - {""})) or "not recorded"
        asked, lost, unread = (scored[name].clip(lower=0).sum() for name in ("n_judged", "n_missing", "n_unparsable"))
        text = (
            f"{_counted(int(scored['n_scored'].clip(lower=0).sum()), 'latent')} of {_counted(len(scored), 'SAE')} explained and scored. Judge: {judges}. "
            f"Judged examples: {asked:,}; without an answer {lost:,}; replies that could not be read {unread:,}."
        )
        rule = (
            "The null is the mean score of latents under the explanation of another latent of the same SAE: what this judge makes of an explanation "
            "that is not the latent's own. The difference says what the explanations are worth; its interval is Student's t over cells."
        )
        links = '<p><a href="#latent-dashboards">Each latent</a>, with its explanation and the text it fires on. Tables: <code>scores.csv</code>, <code>latents.csv</code>.</p>'
        parts = (self._per_setting(self._score_table), self._per_model(self._rocs, "ROC curves"), self._per_model(self._entropy, "Entropy and fuzzing"))
        return f"<p>{escape(text)}</p><p>{escape(rule)}</p>{links}" + "\n".join(parts)

    def _score_table(self, cells: pd.DataFrame, setting: tuple, suffix: str) -> str:
        rows = above_null(cells)
        return tables.above_null(rows, "Scores by variant, means over cells", self.labels) if len(rows) else ""

    def _rocs(self, cells: pd.DataFrame, suffix: str) -> str:
        parts = []
        for scorer, name in SCORERS.items():
            curves = {
                (variant, layer): roc(*self.results.predictions(scorer, list(part.index)))
                for (variant, layer), part in cells[cells["scored"]].groupby(["variant", "layer"])
            }
            curves = {at: curve for at, curve in curves.items() if len(curve[0])}
            if curves:
                areas = {v: np.mean([area(*c) for (other, _), c in curves.items() if other == v]) for v, _ in curves}
                alt = f"ROC curves of {name}, a panel per layer. Area, mean over layers: " + ", ".join(f"{variant_label(v)} {areas[v]:.3f}" for v in ordered_variants(areas)) + "."
                caption = f"ROC curves of {name}: all judged examples of a variant's cells together; dotted: chance."
                parts.append(self._figure(score_figures.roc_curves(curves), f"roc_{scorer}{suffix}", alt, caption))
        return "".join(parts)

    def _entropy(self, cells: pd.DataFrame, suffix: str) -> str:
        latents = self.results.latents.reindex(columns=["cell", "token_entropy", "fuzz_auroc"])
        latents = latents.merge(cells.loc[cells["scored"], ["variant"]], left_on="cell", right_index=True).dropna()
        if latents.empty:
            return ""
        ranks = ", ".join(f"{variant_label(v)} {score_figures.rank_correlation(latents[latents['variant'] == v]):.2f}" for v in ordered_variants(latents["variant"]))
        alt = f"Token entropy against fuzzing AUROC, a panel per variant. Rank correlation: {ranks}."
        caption = "A point per latent; ρ: Spearman's rank correlation; dotted: chance."
        if latents.groupby("variant").size().max() > score_figures.MOST_POINTS:
            caption += f" {score_figures.MOST_POINTS:,} latents drawn at random in a panel; ρ is over all."
        return self._figure(score_figures.entropy_scatter(latents), "entropy" + suffix, alt, caption)

    def _explained_variance(self, cells: pd.DataFrame, setting: tuple, suffix: str) -> str:
        parts = []
        for model, part in cells.groupby("model", sort=False):
            parts.append(tables.explained_variance(part, f"Explained variance, {self.labels[model]}: mean over seeds, and range"))
        return "\n".join(parts)

    def _curves(self, cells: pd.DataFrame, suffix: str) -> str:
        points = self.results.curves.reindex(columns=["cell", "tokens", "explained_variance", "dead_fraction"])
        points = points.merge(cells[["variant", "layer"]], left_on="cell", right_index=True)
        if points["tokens"].isna().all() or points[["explained_variance", "dead_fraction"]].isna().all(axis=None):
            return '<p class="empty">The file holds no training curves of these cells.</p>'
        last = points[points["tokens"] == points["tokens"].max()].groupby("variant")["explained_variance"].mean()
        ends = ", ".join(f"{variant_label(v)} {last[v]:.3f}" for v in ordered_variants(last.index))
        alt = f"Explained variance and dead latents against training tokens, a panel per layer. Explained variance at the end, mean over layers and seeds: {ends}."
        return self._figure(figures.curves(points), "curves" + suffix, alt, "Line: mean over seeds; band: range over seeds.")

    def _firing_rates(self, cells: pd.DataFrame, suffix: str) -> str:
        rates = {}
        for (variant, layer), part in cells.groupby(["variant", "layer"]):
            values = self.results.firing_rates(list(part.index))
            if len(values):
                rates[variant, layer] = values
        if not rates:
            return '<p class="empty">The file holds no firing rates of these cells.</p>'
        medians = {v: np.median(np.concatenate([r for (name, _), r in rates.items() if name == v])) for v, _ in rates}
        alt = "Distribution of firing rates, a panel per layer. Median over all latents: " + ", ".join(f"{variant_label(v)} {100 * medians[v]:.2g}%" for v in ordered_variants(medians)) + "."
        note = "Share of all latents in each bin of the logarithm of the firing rate, seeds together; latents that never fired are in the table, not in the figure."
        table = tables.firing_rates(rates, "Firing rates of latents, all layers and seeds together")
        return self._figure(figures.firing_rates(rates), "firing_rates" + suffix, alt, note) + table

    def _figure(self, figure, name: str, alt: str, caption: str) -> str:
        svg = file_svg(figure)
        (self.output / "figures" / f"{name}.svg").write_text(svg, encoding="utf-8")
        return f'<figure>{page_svg(svg, escape(alt))}<figcaption>{caption} File: <code>figures/{name}.svg</code>.</figcaption></figure>'

    def _latents_csv(self) -> str:
        if (self.output / "all_latents.csv").exists():
            return "Each latent's firing rate: <code>all_latents.csv</code>."
        return "Each latent's firing rate is in the results file (too many for a CSV file)."


def _settings(cells: pd.DataFrame) -> list[tuple]:
    return [tuple(row) for row in cells[SETTINGS].drop_duplicates().itertuples(index=False)]


def _of_setting(frame: pd.DataFrame, setting: tuple) -> pd.DataFrame:
    return frame[(frame[SETTINGS] == list(setting)).all(axis=1)]


def _headline(cells: pd.DataFrame) -> str:
    n_layers = cells["layer"].nunique()
    whole = {v: part for v, part in cells.groupby("variant") if part["layer"].nunique() == n_layers}
    means = pd.Series({v: mean_over_layers(part, "explained_variance") for v, part in whole.items()}, dtype=float).dropna()
    values = ", ".join(f"{variant_label(v)} {means[v]:.3f}" for v in ordered_variants(means.index))
    return f"Explained variance on held-out text, mean over layers and seeds: {values}." if values else ""


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def _spans(layers: list[int]) -> str:
    if len(layers) > 2 and layers == list(range(layers[0], layers[-1] + 1)):
        return f"{layers[0]} to {layers[-1]}"
    return ", ".join(str(layer) for layer in layers)
