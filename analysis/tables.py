"""Pieces of HTML: tables with real headers, everything from data escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from .load import Results
from .metrics import Metric, ordered_variants, variant_label
from .summary import layer_name, means_over_layers
from .theme import OTHER_MARK, VARIANT_COLOURS, VARIANT_MARKS

MISSING = '<span class="missing">–</span>'
BOOLS, NUMBERS = (bool, np.bool_), (int, float, np.number)

#: Columns of the table of all cells, where some cell has them: name in the file, header.
CELL_COLUMNS = {
    "model": "model", "variant": "variant", "init_seed": "init seed", "hookpoint": "hookpoint", "layer": "layer",
    "architecture": "SAE", "expansion_factor": "R", "k": "k", "penalty": "penalty", "sae_seed": "SAE seed", "tokens": "tokens",
    "state": "state", "stage": "stage", "explained_variance": "EV", "explained_variance_train": "EV train",
    "explained_variance_no_first": "EV no first", "cosine_similarity": "cosine", "mse": "MSE", "l0": "L0", "l1": "L1",
    "l1_sqrt_l2": "L1/√L2", "hoyer": "Hoyer", "mmcs": "MMCS", "dead_fraction": "dead", "fuzz_auroc": "fuzz", "fuzz_auroc_null": "fuzz null", "detection_auroc": "detect", "detection_auroc_null": "detect null",
    "simulation_correlation": "simul.", "token_entropy": "entropy", "qualifying_share": "qualify", "ce_clean": "CE clean", "ce_sae": "CE SAE", "ce_zero": "CE zero",
    "ce_loss_score": "CE score", "kl_score": "KL score", "train_loss": "train loss", "tokens_per_second": "tokens/s",
}  # fmt: skip
#: Scores by their columns.
SCORE_NAMES = {"fuzz_auroc": "fuzzing", "detection_auroc": "detection", "simulation_correlation": "simulation"}
#: Decimals, where not three.
DECIMALS = {"l0": 1, "l1": 2, "mse": 4, "tokens_per_second": 0}
#: Left out of that table where all cells have the same value; the paragraph at the top gives it.
ONLY_IF_VARIED = {"model", "hookpoint", "architecture", "expansion_factor", "k", "penalty", "tokens", "init_seed", "stage"}


def number(value: float, digits: int = 3) -> str:
    """So many decimals; none from 1000 up, powers of ten for the very small; a dash for NaN."""
    if value is None or not np.isfinite(value):
        return MISSING
    if value == 0 or 1e-3 <= abs(value) < 1000:
        text = f"{value:.{digits}f}"
    else:
        text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1e}"
    return text.replace("-", "−")


def counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def variant_mark(variant: str) -> str:
    """The variant's marker in its colour, as in the figures; decoration, the name stands beside it."""
    colour = f"--v-{variant}" if variant in VARIANT_COLOURS else "--v-other"
    return f'<span class="mark" style="color: var({colour})" aria-hidden="true">{VARIANT_MARKS.get(variant, OTHER_MARK)[1]}</span>'


def table(caption: str, header: list[str], rows: list[str], attributes: str = "") -> str:
    """A table that scrolls in its own box; header and rows are HTML of their cells."""
    head = "".join(cell if cell.startswith("<th") else f'<th scope="col">{cell}</th>' for cell in header)
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f"<table {attributes}><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
    )


def of_frame(caption: str, frame: pd.DataFrame, headers: Mapping[str, str] | None = None, attributes: str = "") -> str:
    """A frame, without its index, as a table: numbers to the right, texts to the left and escaped. headers: of columns, where
    not their names."""
    numeric = {name: all(isinstance(value, NUMBERS) and not isinstance(value, BOOLS) for value in frame[name]) for name in frame}
    labels = {name: (headers or {}).get(name, str(name).replace("_", " ")) for name in frame}
    header = [f'<th scope="col"{" class=num" if numeric[name] else ""}>{escape(labels[name])}</th>' for name in frame]
    rows = ["".join(_frame_cell(value, numeric[name]) for name, value in zip(frame, row)) for row in frame.itertuples(index=False)]
    return table(caption, header, rows, attributes)


def links(name: str) -> str:
    """To the files of a table."""
    return f'<span class="files"><a href="tables/{name}.csv">CSV</a> <a href="tables/{name}.tex">LaTeX</a></span>'


def integer(value: int | np.integer) -> str:
    return f"{value:,}".replace("-", "\N{MINUS SIGN}")


def _frame_cell(value: Any, is_numeric: bool) -> str:
    if is_numeric:
        return f"<td>{integer(value) if isinstance(value, (int, np.integer)) else number(value)}</td>"
    if pd.isna(value):
        return f'<td class="text">{MISSING}</td>'
    text = ("yes" if value else "no") if isinstance(value, BOOLS) else str(value)
    return f'<td class="text{" wide" if len(text) > 40 else ""}">{escape(text)}</td>'


def explained_variance(cells: pd.DataFrame, caption: str) -> str:
    """Explained variance on held-out and training text: a row a variant and text, a column a layer, the mean at the end."""
    texts = {"explained_variance": "held-out", "explained_variance_train": "training"}
    layers = sorted(cells["layer"].unique())
    means = {column: means_over_layers(cells, column) for column in texts}
    rows = []
    for variant in ordered_variants(cells["variant"]):
        part = cells[cells["variant"] == variant]
        for i, (column, text) in enumerate(texts.items()):
            head = f'<th scope="rowgroup" rowspan="2">{variant_mark(variant)} {escape(variant_label(variant))}</th>' if i == 0 else ""
            values = part.groupby("layer")[column]
            row = "".join(_mean_and_range(values.get_group(at) if at in values.groups else pd.Series(dtype=float)) for at in layers)
            rows.append(f'{head}<th scope="row" class="light">{text}</th>{row}<td class="total">{number(means[column].get(variant, np.nan))}</td>')
    header = ["variant", "text", *(f'<th scope="col" class="num">{layer_name(at)}</th>' for at in layers), '<th scope="col" class="num">mean</th>']
    return table(caption, header, rows, 'class="pairs"')


def _mean_and_range(values: pd.Series) -> str:
    values = values.dropna()
    if values.empty:
        return f"<td>{MISSING}</td>"
    low, high = number(values.min()), number(values.max())
    span = f'<small>{low} to {high}</small>' if len(values) > 1 else ""
    return f"<td>{number(values.mean())}{span}</td>"


def rate_rows(rates: dict[tuple[str, int], np.ndarray]) -> list[dict[str, Any]]:
    """Per variant, all layers and seeds together: latents, share that never fired, quartiles of the rate of those that did, share above 10 %."""
    rows = []
    for variant in ordered_variants(variant for variant, _ in rates):
        values = np.concatenate([part for (name, _), part in rates.items() if name == variant])
        fired = values[values > 0]
        lower, median, upper = np.quantile(fired, [0.25, 0.5, 0.75]) if len(fired) else [np.nan] * 3
        dense, silent = ((values > 0.1).mean(), (values == 0).mean()) if len(values) else (np.nan, np.nan)
        rows.append({"variant": variant, "n_latents": len(values), "never_fired": silent, "lower_quartile": lower, "median": median, "upper_quartile": upper, "above_10_percent": dense})
    return rows


def firing_rates(rates: dict[tuple[str, int], np.ndarray], caption: str) -> str:
    """rate_rows as a table."""
    rows = []
    for row in rate_rows(rates):
        quartiles = "".join(f"<td>{_rate(row[name])}</td>" for name in ("lower_quartile", "median", "upper_quartile"))
        rows.append(
            f'<th scope="row">{variant_mark(row["variant"])} {escape(variant_label(row["variant"]))}</th><td>{row["n_latents"]:,}</td><td>{_percent(row["never_fired"])}</td>'
            f"{quartiles}<td>{_percent(row['above_10_percent'])}</td>"
        )
    header = ["variant"] + [f'<th scope="col" class="num">{name}</th>' for name in ("latents", "never fired", "lower quartile", "median rate", "upper quartile", "above 10%")]
    return table(caption, header, rows)


def above_null(rows: pd.DataFrame, caption: str, labels: dict[str, str], level: float) -> str:
    """Scores of a variant, their nulls, and the difference with its interval: scores.above_null of one setting.
    labels: of the models, named where there are several; level: of the interval."""
    lines = []
    for model in rows["model"].unique():
        for variant in ordered_variants(rows.loc[rows["model"] == model, "variant"]):
            part = rows[(rows["model"] == model) & (rows["variant"] == variant)]
            name = f"{labels[model]}, {variant_label(variant)}" if rows["model"].nunique() > 1 else variant_label(variant)
            for i, row in enumerate(part.itertuples()):
                head = f'<th scope="rowgroup" rowspan="{len(part)}">{variant_mark(variant)} {escape(name)}</th>' if i == 0 else ""
                span = f"{number(row.low)} to {number(row.high)}" if np.isfinite(row.low) else MISSING
                lines.append(
                    f'{head}<th scope="row" class="light">{SCORE_NAMES[row.score]}</th><td>{number(row.mean)}</td><td>{number(row.null)}</td>'
                    f'<td class="total">{number(row.difference)}</td><td>{span}</td><td>{row.n_seeds}</td><td>{row.n_cells}</td>'
                )
    header = ["variant", "score", *(f'<th scope="col" class="num">{name}</th>' for name in ("mean", "null", "difference", f"its {100 * level:g}% interval", "seeds", "cells"))]
    return table(caption, header, lines, 'class="groups"')


def _percent(share: float) -> str:
    return MISSING if np.isnan(share) else f"{100 * share:.1f}%"


def _rate(rate: float) -> str:
    """Of two digits, 0.50% as 0.54%, as in the list of latents: most rates are far below a hundredth of a percent."""
    if np.isnan(rate):
        return MISSING
    percent = float(f"{100 * rate:.2g}")
    return f"{percent:.{max(0, 1 - math.floor(math.log10(percent))) if percent else 0}f}%"


def all_cells(cells: pd.DataFrame, caption: str) -> str:
    """Every cell (of summary.with_settings), a row each; the script of the page sorts and filters it."""
    names = shown_columns(cells)
    numeric = {name: pd.api.types.is_numeric_dtype(cells[name]) for name in names}
    header = [
        f'<th scope="col" aria-sort="none"{" class=num" if numeric[name] else ""}><button type="button" title="{name}">{CELL_COLUMNS[name]}</button></th>'
        for name in names
    ]
    rows = []
    for cell in cells[names].itertuples(index=False, name=None):
        rows.append("".join(_cell_value(name, value, numeric[name]) for name, value in zip(names, cell)))
    return table(caption, header, rows, 'id="cells-table"')


def shown_columns(cells: pd.DataFrame) -> list[str]:
    """Of CELL_COLUMNS, those that all_cells shows."""
    return [name for name in CELL_COLUMNS if name in cells and _worth_showing(cells, name)]


def _worth_showing(cells: pd.DataFrame, name: str) -> bool:
    values = cells[name]
    if name == "hookpoint":
        values = cells["hookpoint_kind"]
    elif name == "init_seed":
        values = values[values >= 0]
    return values.nunique() > 1 if name in ONLY_IF_VARIED else bool(values.notna().any())


def _cell_value(name: str, value: Any, numeric: bool) -> str:
    if numeric:
        is_integer = isinstance(value, (int, np.integer))
        missing = value < 0 if is_integer else not np.isfinite(value)
        shown = MISSING if missing else f"{value:,}" if is_integer else number(value, DECIMALS.get(name, 3))
        return f'<td data-value="{"" if missing else value}">{shown}</td>'
    mark = variant_mark(value) + " " if name == "variant" else ""
    state = f' class="state-{escape(value.replace(" ", "-"))}"' if name == "state" else ' class="text"'
    return f"<td{state}>{mark}{escape(value)}</td>"


def progress(results: Results) -> str:
    """How much of the whole sweep is done, of which the files may hold a part, as a bar and in words."""
    counts = results.grid["state"].value_counts().reindex(["done", "failed", "started", "to come"], fill_value=0)
    n_cells = len(results.grid)
    bar = "".join(f'<span class="bar-{s.replace(" ", "-")}" style="width: {100 * n / max(1, n_cells):.2f}%"></span>' for s, n in counts.items() if n)
    words = [f"<strong>{counts['done']} of {n_cells} cells done</strong>"]
    words.append(f'<a href="#failures">{counts["failed"]} failed</a>' if counts["failed"] else "none failed")
    words += [f"{counts[state]} {state}" for state in ("started", "to come") if counts[state]]
    tail = "" if counts["done"] + counts["failed"] == n_cells else " The sweep is not finished: what follows shows the cells that are."
    n_older = int((~results.cells["in_sweep"]).sum())
    tail += f" Of an earlier state of the sweep {counted(n_older, 'cell')} {'are' if n_older > 1 else 'is'} kept, and left out here; tables/cells.csv has all." if n_older else ""
    return f'<div class="bar" aria-hidden="true">{bar}</div><p>{", ".join(words)}.{tail}</p>'


def failures(cells: pd.DataFrame) -> str:
    rows = []
    for cell in cells[cells["state"] == "failed"].itertuples():
        what = f"{cell.variant}, init seed {cell.init_seed}" if cell.init_seed >= 0 else cell.variant
        rows.append(
            f'<th scope="row"><code>{escape(cell.id[:12])}</code></th><td class="text">{escape(cell.model)}</td><td class="text">{escape(what)}</td><td class="text">{escape(cell.hookpoint)}</td>'
            f'<td>{cell.sae_seed}</td><td class="text">{escape(cell.stage)}</td><td class="text wide">{escape(cell.failure) or "no reason recorded"}</td>'
        )
    header = ["cell", "model", "variant", "hookpoint", '<th scope="col" class="num">SAE seed</th>', "last stage", "reason"]
    return table("Failed cells", header, rows)


def metric_guide(metrics: list[Metric]) -> str:
    rows = []
    for metric in metrics:
        mark = ' <span class="tag">trained only</span>' if metric.trained_only else ""
        rows.append(f'<th scope="row">{metric.label}{mark}</th><td class="text wide">{metric.meaning}</td><td class="text">{metric.at_best}</td>')
    return table("What each metric is", ["metric", "what it is", "best value"], rows)


def provenance(results: Results) -> str:
    info = {name: value for name, value in results.info.items() if name not in ("sweep", "filetype")}
    labels = {"sweep_name": "sweep", "created": "results file made", "version": "version of the results format"}
    first = [name for name in ("sweep_name", "created", "machine", "version") if name in info]
    rows = []
    prompts = sorted(name for name in info if name.startswith("prompt_"))
    for name in first + sorted(set(info) - set(first) - set(prompts)):
        if not str(info[name]):
            continue
        label = labels.get(name, name.removeprefix("software_").replace("_", " "))
        rows.append(f'<th scope="row">{escape(label)}</th><td class="text wide">{escape(str(info[name]))}</td>')
    rows.append(f'<th scope="row">results file{"s" if len(results.files) > 1 else ""}</th><td class="text wide">{escape(", ".join(path.name for path in results.files))}</td>')
    texts = "".join(f'<details><summary>The prompt of {escape(name.removeprefix("prompt_"))}</summary><pre tabindex="0">{escape(str(info[name]))}</pre></details>' for name in prompts)
    return table("What made these results", ["what", "value"], rows) + texts
