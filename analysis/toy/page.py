"""The page of a toy sweep, and its figures and tables as files."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import tables
from ..drafts import OF_REPORTS, drafted
from ..frame import page, results_parts, template
from ..interactive import Chart, figure_html, still
from ..latex import write_table
from ..load import Results
from ..metrics import ordered_variants
from ..summary import model_labels, with_settings
from ..theme import write_figure
from . import figures
from .answers import DATA, answers
from .data import FOUND, KIND, MEASURES, best_penalties, by_penalty
from .equal_l0 import WIDEST_GAP, compare_at_equal_l0

NOTHING_YET = '<p class="empty">No SAE is evaluated yet.</p>'
CAPTIONS = {
    "best_penalties": f"Where the true features are found: MMCS, and penalties at which it is above {FOUND:g}",
    "equal_l0_means": "Explained variance of data and control, mean over log L0",
    "equal_l0": "Explained variance of data and control at equal L0",
    "penalties": "Means over seeds, and ranges, by penalty",
}
#: Of columns, where not their names.
HEADERS = {
    "model": "data set", "n_latents": "latents", "mmcs": "MMCS", "mmcs_min": "lowest", "mmcs_max": "highest", "n_seeds": "seeds", "from_penalty": "zone from", "to_penalty": "zone to",
    "n_found": f"penalties above {FOUND:g}", "n_penalties": "penalties", "l0": "L0", "from_l0": "L0 from", "to_l0": "L0 to", "mean_a": "data", "mean_b": "control", "n_a": "seeds",
    "p_difference_holm": "p difference", "p_equivalence_holm": "p equivalence",
    "mmcs_lowest_penalty": "MMCS, lowest penalty", "mmcs_highest_penalty": "MMCS, highest penalty",
}  # fmt: skip
#: Columns that the page leaves to the files.
UNSHOWN = ["variant_a", "variant_b", "n_b", "paired", "basis", "lowest_penalty", "highest_penalty", "mmcs_lowest_penalty", "mmcs_highest_penalty", "margin"]


def write_toy_report(results: Results, output: Path, margins: Mapping[str, float] | None = None, level: float = 0.95) -> Path:
    """Writes index.html, figures/ (SVG, PDF) and tables/ (CSV, LaTeX); returns the page's path. They take the place of an
    earlier report once all are drawn. margins: of equivalence, by metric, beside inference.default_margins; level: of intervals."""
    with drafted(output, OF_REPORTS) as draft:
        parts = _Page(results, draft, margins, level).parts()
        body = template("toy.html", "results.html")
        (draft / "index.html").write_text(page(f"{parts['name']}: saesweep toy report", body, parts, ["report.js", "charts.js"]), encoding="utf-8")
    return output / "index.html"


class _Page:
    """The parts of the page, by their names in templates/toy.html and results.html."""

    def __init__(self, results: Results, output: Path, margins: Mapping[str, float] | None, level: float):
        self.results, self.output, self.level = results, output, level
        self.cells = results.cells[results.cells["in_sweep"]]
        self.labels = model_labels(self.cells["model"].unique())
        self.table = by_penalty(self.cells)
        self.best = best_penalties(self.table)
        self.points, self.means = compare_at_equal_l0(self.cells, margins, level)

    def parts(self) -> dict[str, str]:
        self._write_tables()
        has_features = self.table["mmcs"].notna()
        figures_of = {
            "matching": self._figures(figures.matching, "mmcs", self.table[has_features], f"Line: mean over seeds; band: range over seeds; dotted: {FOUND:g}; shaded: penalties at which it is above that.")
            + (self._frame("best_penalties", self.best) if len(self.best) else ""),
            "fronts": self._figures(figures.fronts, "fronts", self.table, f"Lines: the SAEs that none beats in both, means over seeds; band: range of explained variance over seeds; pale: SAEs on no front. Lines break where neighbours differ by more than a factor {WIDEST_GAP:g}."),
            "by_penalty": self._figures(figures.by_penalty, "by_penalty", self.table, "Line: mean over seeds; band: range over seeds."),
        }
        if len(self.table) and not has_features.any():
            figures_of["matching"] = '<p class="empty">The true features of these data are not known.</p>'
        return figures_of | results_parts(self.results, with_settings(self.cells).drop(columns="layer"), "SAE", "gaussian mlp") | {
            "what": escape(self._what()),
            "note": self._note(),
            "answers": self._answers(),
            "measures": escape("A front joins the SAEs that explain most at their sparsity. Measures of sparsity: " + "; ".join(f"{m.label}, {m.meaning}" for m in MEASURES) + "."),
            "method": escape(self._method()),
            "means": self._frame("equal_l0_means", self.means) if len(self.means) else "<p>The fronts of data and control share no L0.</p>",
            "points": f"<details><summary>At single L0</summary>{self._frame('equal_l0', self.points)}</details>" if len(self.points) else "",
            "penalties_table": f"<p>{CAPTIONS['penalties']}: {tables.links('penalties')}</p>",
        }  # fmt: skip

    def _write_tables(self) -> None:
        folder = self.output / "tables"
        cells = with_settings(self.cells).drop(columns="layer")
        write_table(cells[tables.shown_columns(cells)], folder, "cells", "All SAEs", tables.CELL_COLUMNS)
        self.results.cells.to_csv(folder / "cells.csv", index_label="cell")
        for name, frame in {"best_penalties": self.best, "equal_l0_means": self.means, "equal_l0": self.points, "penalties": self.table}.items():
            write_table(self._shown(frame) if name != "penalties" else frame, folder, name, CAPTIONS[name], HEADERS)
            frame.to_csv(folder / f"{name}.csv", index=False)

    def _what(self) -> str:
        cells, asked = self.cells, self._asked()
        data = " and ".join(DATA.get(variant, variant) for variant in ordered_variants(cells["variant"]))
        places = " and ".join(text for name, text in {"input": "as they are", "mlp": "behind a random MLP"}.items() if name in set(cells["hookpoint"]))
        text = f"{_counted(len(cells), 'ReLU SAE')} with an L1 penalty on {data}, {places}. "
        if (cells["variant"] == "superposed").any() and {"features", "d_in", "active_features"} <= asked.keys():
            text += f"Superposed data are sums of {asked['features']:,} features in {asked['d_in']:,} dimensions, of which {asked['active_features']:g} are active on average. "
        elif len(self.labels):
            text += f"Data sets: {', '.join(self.labels.values())}. "
        text += f"Penalties: {cells['penalty'].nunique()} from {cells['penalty'].min():.3g} to {cells['penalty'].max():.3g}"
        widths = ", ".join(f"{width:,}" for width in sorted(set(cells["n_latents"]) - {-1}))
        text += (f"; latents: {widths}" if widths else "") + f"; {_counted(cells['sae_seed'].nunique(), 'seed')}, each of data, MLP and SAE."
        if {"epochs", "batch"} <= asked.keys():
            text += f" {_counted(asked['epochs'], 'epoch')} in batches of {asked['batch']:,}."
        return text

    def _asked(self) -> dict[str, Any]:
        """The table [toy] of the sweep."""
        try:
            return tomllib.loads(str(self.results.info.get("sweep", ""))).get("toy", {})
        except tomllib.TOMLDecodeError:
            return {}

    def _note(self) -> str:
        seeds, epochs = self.cells["sae_seed"].nunique(), self._asked().get("epochs", 0)
        paper = "The paper trains 100 epochs on 21 penalties, with 10 seeds on superposed data and one on embeddings."
        has_superposed = "superposed" in set(self.cells["variant"])
        short = [_counted(epochs, "epoch")] * (0 < epochs < 100) + [_counted(seeds, "seed")] * (has_superposed and seeds < 10)
        return f'<p class="note">This sweep is smaller: {" and ".join(short)}. {paper}</p>' if short else ""

    def _margin(self) -> str:
        return f"{self.means['margin'].iloc[0]:g}" if len(self.means) else "equivalence"

    def _answers(self) -> str:
        said = answers(self.best, self.points, self.means, self.labels, self.level) if len(self.table) else []
        return "".join(f'<p class="answer">{escape(text)}</p>' for text in said) or NOTHING_YET

    def _method(self) -> str:
        return (
            f"On each seed's front explained variance is read off at the same L0 for data and control, linear in log L0 between neighbours at most a factor {WIDEST_GAP:g} apart, without SAEs that explain nothing; "
            "only L0 that all seeds of both reach that way are compared. Differences are data minus control; their interval is Student's t over seeds, in pairs where seeds are shared. "
            f"A verdict holds at {100 * (1 - self.level):g} % after Holm over the rows of a data set; equivalent: within the margin of {self._margin()} (docs/statistics.md)."
        )

    def _figures(self, make: Callable[[pd.DataFrame, str, str], Chart], name: str, table: pd.DataFrame, caption: str) -> str:
        """One for each data set."""
        if table.empty:
            return NOTHING_YET if self.table.empty else ""
        texts = []
        models = [model for model in self.labels if model in set(table["model"])]
        for i, model in enumerate(models):
            chart = make(table[table["model"] == model], name + (f"-{i + 1}" if len(models) > 1 else ""), caption)
            write_figure(still(chart), self.output / "figures", chart.name)
            title = f"<h3>{escape(self.labels[model])}</h3>" if len(self.labels) > 1 else ""
            texts.append(title + figure_html(chart))
        return "\n".join(texts)

    def _frame(self, name: str, frame: pd.DataFrame) -> str:
        """A frame as a table of the page."""
        return tables.of_frame(CAPTIONS[name], self._shown(frame), HEADERS, 'class="dense"') + f"<p>{tables.links(name)}</p>"

    def _shown(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What people read of a frame: without what is the same for all, and with intervals as texts."""
        frame = frame.assign(model=frame["model"].map(self.labels)).drop(columns=UNSHOWN, errors="ignore")
        if "low" in frame:
            spans = [f"{low:.3f}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{high:.3f}".replace("-", "−") if np.isfinite(low) else "" for low, high in zip(frame["low"], frame["high"])]
            verdicts = frame["verdict"].replace("", "no claim")
            frame = frame.drop(columns=["low", "high", "verdict"])
            place = frame.columns.get_loc("difference") + 1
            frame.insert(place, f"{100 * self.level:g} % interval", spans)
            frame.insert(place + 1, "verdict", verdicts)
        return frame.drop(columns=[column for column in KIND if frame[column].nunique() == 1])


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
