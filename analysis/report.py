"""The report: one page of HTML that needs nothing else, and its figures and tables as files."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

from . import tables
from .drafts import OF_REPORTS, drafted
from .frame import page, results_parts, template
from .latents import latents_section
from .latex import write_table
from .load import Results
from .metrics import METRICS, ordered_variants, variant_label
from .sections import comparisons, metrics, scores, training
from .sections.context import NOTHING_YET, Context
from .summary import SETTINGS, setting_label

#: all_latents.csv is written up to this many rows; a larger table belongs in the results file.
MOST_LATENT_ROWS = 200_000
#: Below these a sweep can only illustrate.
SMALL_WIDTH, SMALL_BUDGET = 256, 1_000_000


def write_report(results: Results, output: Path, margins: Mapping[str, float] | None = None, level: float = 0.95) -> Path:
    """Writes index.html, figures/ (SVG, PDF), tables/ (CSV, LaTeX) and latents/*.html, a page for each SAE with latents; returns
    the page's path. They take the place of an earlier report once all are drawn. margins: of equivalence, by metric, beside
    inference.default_margins; level: of intervals."""
    with drafted(output, OF_REPORTS) as draft:
        context = Context(results, draft, margins or {}, level)
        _write_data(context)
        parts = _parts(context)
        body = template("report.html", "results.html")
        (draft / "index.html").write_text(page(f"{parts['name']}: saesweep report", body, parts, ["report.js", "charts.js"]), encoding="utf-8")
    return output / "index.html"


def _parts(context: Context) -> dict[str, str]:
    """The parts of the page, by their names in templates/report.html and results.html."""
    return results_parts(context.results, context.cells, "cell", "step0 done") | {
        "what": _what(context),
        "note": _note(context),
        "answer": comparisons.answer(context),
        "guide": tables.metric_guide([metric for metric in METRICS if metric in context.metrics] or list(METRICS)),
        "figure2": metrics.by_layer(context),
        "roc": scores.rocs(context),
        "differences": comparisons.differences(context) if len(context.done) else NOTHING_YET,
        "seeds": metrics.seeds(context),
        "settings": metrics.settings(context),
        "entropy": scores.entropy(context),
        "nulls": scores.nulls(context),
        "explained_variance": metrics.explained_variance(context),
        "curves": training.curves(context),
        "firing_rates": training.firing_rates(context),
        "latents": latents_section(context.results, context.cells, context.output),
        "latents_csv": _latents_csv(context),
    }  # fmt: skip


def _write_data(context: Context) -> None:
    """Tables of what the page shows in other ways: cells, and latents as CSV alone."""
    results, folder = context.results, context.output / "tables"
    write_table(context.cells[tables.shown_columns(context.cells)], folder, "cells", "All cells", tables.CELL_COLUMNS)
    results.cells.to_csv(folder / "cells.csv", index_label="cell")
    failed = context.cells[context.cells["state"] == "failed"]
    if len(failed):
        write_table(failed[["id", "model", "variant", "init_seed", "hookpoint", "sae_seed", "stage", "failure"]], folder, "failures", "Failed cells")
    if context.done["n_latents"].clip(lower=0).sum() <= MOST_LATENT_ROWS:
        every = results.frame_of("all_latents", context.cells.index)
        every.to_csv(folder / "all_latents.csv", index=False, float_format="%.6g")
    latents = results.latents[results.latents["cell"].isin(context.cells.index)]
    if len(latents):
        latents.to_csv(folder / "latents.csv", index=False, float_format="%.6g")


def _what(context: Context) -> str:
    cells = context.cells
    variants = ", ".join(variant_label(v) for v in ordered_variants(cells["variant"]))
    layers, of_none = sorted(set(cells.loc[cells["layer"] >= 0, "layer"])), sorted(set(cells.loc[cells["layer"] < 0, "hookpoint"]))
    places = [f"{tables.counted(len(layers), 'layer')} ({_spans(layers)})"] * bool(layers) + of_none
    n_init = cells.loc[cells["init_seed"] >= 0, "init_seed"].nunique()
    init_seeds = f", {n_init} init seeds" if n_init > 1 else ""
    kinds = [tuple(row) for row in cells[SETTINGS].drop_duplicates().itertuples(index=False)]
    settings = "; ".join(setting_label(s) for s in kinds[:4]) + (f"; and {len(kinds) - 4} more settings" if len(kinds) > 4 else "")
    text = (
        f"{tables.counted(len(cells), 'sparse autoencoder')} on {tables.counted(cells['model'].nunique(), 'model')} ({', '.join(context.labels.values())}): "
        f"{tables.counted(cells['variant'].nunique(), 'variant')} ({variants}), {', '.join(places)}, "
        f"{tables.counted(cells['sae_seed'].nunique(), 'SAE seed')}{init_seeds}. SAEs: {settings}."
    )
    evaluated, loss = context.done["tokens_evaluated"].max(), context.done["tokens_ce"].max()
    if evaluated > 0:
        text += f" Metrics on {evaluated:,} held-out tokens" + (f", cross-entropy and KL on {loss:,}." if loss > 0 else ".")
    return escape(text)


def _note(context: Context) -> str:
    width, budget = context.cells["d_in"].max(), context.cells["tokens"].max()
    small = []
    if 0 < width <= SMALL_WIDTH:
        small.append(f"models of width {width}")
    if 0 < budget < SMALL_BUDGET:
        small.append(f"{budget:,} training tokens for each SAE")
    rule = (
        "Models below 10 million parameters, or budgets below 1 million tokens for an SAE, show how the study works "
        "but cannot answer its question: the study used models of 70 million to 6.9 billion parameters and 100 million tokens."
    )
    if not small:
        return ""
    return f'<p class="note warn"><strong>This sweep illustrates; it is no evidence.</strong> It has {" and ".join(small)}. {rule}</p>'


def _latents_csv(context: Context) -> str:
    if (context.output / "tables/all_latents.csv").exists():
        return 'Each latent\'s: <span class="files"><a href="tables/all_latents.csv">CSV</a></span>'
    return "Each latent's is in the results file (too many for a CSV file)."


def _spans(layers: list[int]) -> str:
    if len(layers) > 2 and layers == list(range(layers[0], layers[-1] + 1)):
        return f"{layers[0]} to {layers[-1]}"
    return ", ".join(str(layer) for layer in layers)
