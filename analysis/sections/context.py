"""What all sections of the page read, and how they write figures and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from html import escape
from pathlib import Path

import pandas as pd

from .. import inference, tables
from ..interactive import Chart, figure_html, still
from ..latex import write_table
from ..load import Results
from ..metrics import Metric, ordered_variants, variant_label
from ..summary import SETTINGS, figure2, model_labels, setting_label, shown_metrics, with_settings
from ..theme import write_figure

NOTHING_YET = '<p class="empty">No cell is evaluated yet.</p>'


class Context:
    """cells: of the sweep as it is, with SETTINGS; done: those evaluated; metrics: those with a number; labels: of the models; the
    frames of inference at `level`, with `margins` beside the default ones. Cells of an earlier state of the sweep are in none: they
    may be alike in all that is shown and yet have been trained otherwise."""

    def __init__(self, results: Results, output: Path, margins: Mapping[str, float], level: float):
        self.results, self.output, self.margins, self.level = results, output, margins, level
        self.cells = with_settings(results.cells[results.cells["in_sweep"]])
        self.done = self.cells[self.cells["evaluated"]]
        self.metrics: list[Metric] = shown_metrics(self.cells)
        self.labels = model_labels(self.cells["model"].unique())

    @cached_property
    def table(self) -> pd.DataFrame:
        return figure2(self.cells, self.metrics)

    @cached_property
    def means(self) -> pd.DataFrame:
        return inference.variant_means(self.cells, self.results.latents, self.metrics, self.level)

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        return inference.compare_variants(self.cells, self.results.latents, self.metrics, self.margins, self.level)

    @cached_property
    def overall(self) -> pd.DataFrame:
        return inference.compare_over_layers(self.cells, self.results.latents, self.metrics, self.margins, self.level)

    @cached_property
    def answers(self) -> pd.DataFrame:
        return inference.model_answers(self.comparisons, self.overall)

    @cached_property
    def settings(self) -> list[tuple]:
        """Of the evaluated cells; that of the most models first, then of the most cells."""
        groups = self.done.groupby(SETTINGS, sort=False)
        sizes = groups.agg(models=("model", "nunique"), cells=("model", "size")).sort_values(["models", "cells"], ascending=False, kind="stable")
        return [tuple(setting) for setting in sizes.index]

    def models(self, frame: pd.DataFrame) -> list[str]:
        return [model for model in self.labels if (frame["model"] == model).any()]

    def columns(self, frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
        """A column of a grid for each model."""
        return [(self.labels[model], frame[frame["model"] == model]) for model in self.models(frame)]

    def figure(self, chart: Chart) -> str:
        """Writes the chart's files, and gives its place in the page."""
        write_figure(still(chart), self.output / "figures", chart.name)
        return figure_html(chart)

    def write(self, frame: pd.DataFrame, name: str, caption: str, headers: Mapping[str, str] | None = None) -> str:
        """Writes a table's files, and gives links to them."""
        write_table(frame, self.output / "tables", name, caption, headers)
        return tables.links(name)

    def per_setting(self, part: Callable[[pd.DataFrame, tuple, str], str]) -> str:
        """part(cells, setting, suffix of file names) of each setting of the SAEs; all but the first folded."""
        texts = []
        for i, setting in enumerate(self.settings):
            text = part(of_setting(self.done, setting), setting, f"-{i + 1}" if len(self.settings) > 1 else "")
            texts.append(self._titled(text, escape(setting_label(setting)), folded=i > 0) if len(self.settings) > 1 else text)
        return "\n".join(texts) or NOTHING_YET

    def per_model(self, part: Callable[[pd.DataFrame, str], str]) -> str:
        """part(cells, suffix) of each model and setting; all models of the first setting unfolded."""
        groups = [(model, setting) for setting in self.settings for model in self.labels]
        texts = []
        for i, (model, setting) in enumerate(groups):
            cells = of_setting(self.done[self.done["model"] == model], setting)
            text = part(cells, f"-{i + 1}" if len(groups) > 1 else "") if len(cells) else ""
            if text:
                title = ": ".join([self.labels[model]] * (len(self.labels) > 1) + [setting_label(setting)] * (len(self.settings) > 1))
                texts.append(self._titled(text, escape(title), folded=setting != self.settings[0]) if title else text)
        return "\n".join(texts) or ("" if len(self.done) else NOTHING_YET)

    def _titled(self, text: str, title: str, folded: bool) -> str:
        return f"<details><summary>{title}</summary>{text}</details>" if folded else f"<h3>{title}</h3>{text}"


def of_setting(frame: pd.DataFrame, setting: tuple) -> pd.DataFrame:
    return frame[(frame[SETTINGS] == list(setting)).all(axis=1)]


def listed(values: Mapping[str, float]) -> str:
    """Numbers by variant, in a sentence."""
    return ", ".join(f"{variant_label(variant)} {values[variant]:.3f}" for variant in ordered_variants(values))
