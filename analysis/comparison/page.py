"""The page of a comparison, and its tables and figures as files."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..drafts import drafted
from ..frame import page, template
from ..interactive import figure_html, still
from ..latex import write_table
from ..load import Results, ResultsError
from ..metrics import METRICS, Metric, variant_label
from ..summary import SETTINGS, model_labels, setting_label
from ..tables import counted, integer, number, of_frame
from ..theme import write_figure
from . import differences
from .figure import by_layer
from .match import Matched, match, with_whole_widths
from .settings import asked_differently, settings

DENSE = 'class="dense"'
#: Of axes of the match that SETTINGS hold under another name.
SETTING_OF = {"k": "sparsity", "penalty": "sparsity", "hookpoint": "hookpoint_kind"}
#: Rows of cells that are listed; the files hold all.
LISTED = 100
CAPTIONS = {
    "differences": "Metrics of the two sweeps by layer, A minus B over pairs of seeds",
    "latents": "Scores of the latents that both sweeps drew",
    "settings": "Settings and programs that differ",
    "bits": "Columns that runs of one sweep agree in",
    "only_in_one": "Cells that one sweep alone has",
}

#: Of columns, where not their names.
HEADERS = {"mean_a": "A", "mean_b": "B", "difference": "A − B", "max_abs": "largest", "equal_bits": "equal bits", "p_difference_holm": "p difference",
           "p_equivalence_holm": "p equivalence", "rho": "ρ", "n_differ": "differ", "same_sae": "same SAE", "a": "A", "b": "B"}  # fmt: skip


def write_comparison(a: Results, b: Results, output: Path, margins: Mapping[str, float] | None = None, level: float = 0.95) -> Path:
    """Writes index.html, figures/*.svg and *.pdf, and the tables of CAPTIONS as CSV and LaTeX; returns the page's path.
    margins: of equivalence, by metric; level: of intervals and verdicts. Throws ResultsError where the sweeps have no cell in common."""
    a, b = with_whole_widths(a, b)
    matched = match(a, b)
    if matched.pairs.empty:
        raise ResultsError(f"{a.path} and {b.path}: no cell is in both (same model, variant, hookpoint, SAE settings and seeds); nothing to compare. {_left_out(matched)}".rstrip())
    metrics = [metric for metric in METRICS if all(metric.name in r.cells and r.cells[metric.name].notna().any() for r in (a, b))]
    frames = {
        "differences": differences.by_seed(a, b, matched, metrics, margins, level),
        "latents": differences.latents(a, b, matched, level),
        "settings": settings(a, b),
        "bits": differences.by_column(a, b, matched),
        "only_in_one": matched.only,
    }
    with drafted(output, ["figures/by_layer*"]) as draft:
        for name, frame in frames.items():
            write_table(frame, draft, name, CAPTIONS[name])
        parts = _parts(a, b, matched, metrics, frames, draft) | {"alpha": f"{100 * (1 - level):g}"}
        text = page(f"{parts['title']}: saesweep comparison", template("compare.html"), parts, ["charts.js"])
        (draft / "index.html").write_text(text, encoding="utf-8")
    return output / "index.html"


def _parts(a: Results, b: Results, matched: Matched, metrics: list[Metric], frames: dict[str, pd.DataFrame], output: Path) -> dict[str, str]:
    names = [str(results.info.get("sweep_name", "unnamed sweep")) for results in (a, b)]
    found, bits = frames["differences"], frames["bits"]
    return {
        "title": escape(names[0] if names[0] == names[1] else f"{names[0]} beside {names[1]}"),
        "files": "".join(f"<p>{letter}: <strong>{escape(name)}</strong>, <code>{escape(', '.join(map(str, results.files)))}</code></p>" for letter, name, results in zip("AB", names, (a, b))),
        "summary": escape(_summary(a, b, matched, found, bits, frames["settings"])),
        "figures": _figures(found, metrics, matched, output) or '<p class="empty">No cell is evaluated in both yet.</p>',
        "overview": _overview(found),
        "differences": _each_layer(found),
        "latents": _latents(frames["latents"]),
        "settings": of_frame(CAPTIONS["settings"], frames["settings"], HEADERS) if len(frames["settings"]) else "<p>Nothing.</p>",
        "bits": _bits(bits),
        "only": _only(matched),
        "tables": ", ".join(f"<code>{name}.csv</code>" for name in frames),
    }


def _summary(a: Results, b: Results, matched: Matched, found: pd.DataFrame, bits: pd.DataFrame, differing: pd.DataFrame) -> str:
    done = [results.cells["evaluated"].loc[matched.pairs[name]].to_numpy() for name, results in (("a", a), ("b", b))]
    counts = matched.only["sweep"].value_counts()
    text = f"{len(matched.pairs)} cells are in both sweeps, {int((done[0] & done[1]).sum())} of them evaluated in both; A alone has {counts.get('A', 0)}, B alone {counts.get('B', 0)}. {_left_out(matched)}"
    if len(matched.axes):
        text += "All cells differ in " + ", ".join(f"{row.axis} (A {_shown(row.a)}, B {_shown(row.b)})" for row in matched.axes.itertuples()) + ". "
    asked = asked_differently(differing)
    text += f"Settings differ{', too' if len(matched.axes) else ''}: {asked}. " if asked else ""
    same = int(matched.pairs["same_sae"].sum())
    text += f"{same} pairs have equal train ids: the same SAE asked for. " if same else "No pair has equal train ids: the SAEs were asked for differently. "
    n_differ = int((bits["n_differ"] > 0).sum())
    text += "All reproducible numbers are equal in every bit. " if bits["n"].any() and not n_differ else f"{n_differ} of {len(bits)} reproducible columns differ. " if n_differ else ""
    verdicts = found["verdict"].value_counts()
    claims = [f"{verdicts[name]} {name}" for name in ("equal", "different", "equivalent", "undecided") if verdicts.get(name, 0)]
    text += f"Of {len(found)} comparisons (variant, layer, metric) " + ", ".join(claims) + "." if claims else "With one seed no comparison makes a claim about the model." if len(found) else ""
    return text


def _left_out(matched: Matched) -> str:
    if not matched.n_left_out:
        return ""
    cells = counted(matched.n_left_out, "cell")
    return f"Left out: {cells} without an SAE yet, which alone tells the width, since expansion factors are no whole numbers here. "


def _figures(found: pd.DataFrame, metrics: list[Metric], matched: Matched, output: Path) -> str:
    """One for each model and setting, under the name of what both sweeps share."""
    groups = list(found.groupby([*SETTINGS, "model"], sort=False))
    labels = model_labels(found["model"].unique())
    axes = matched.axes.set_index("axis")
    differing = {SETTING_OF.get(axis, axis) for axis in axes.index}
    texts = []
    for i, (key, part) in enumerate(groups):
        name = "by_layer" + (f"-{i + 1}" if len(groups) > 1 else "")
        shown = [metric for metric in metrics if metric.name in set(part["metric"])]
        model = labels[key[-1]] if "model" not in axes.index else " beside ".join(model_labels(axes.loc["model"]).values())
        title = ": ".join(filter(None, [model, setting_label(key[:-1], differing)]))
        chart = by_layer(name, part, shown, f"Metrics by layer of A and B, {title}. All values: differences.csv.")
        write_figure(still(chart), output / "figures", name)
        texts.append(f"<h3>{escape(title)}</h3>{figure_html(chart)}")
    return "\n".join(texts)


def _overview(found: pd.DataFrame) -> str:
    """A row a model, setting, metric and variant, over its layers."""
    keys = [*SETTINGS, "model"]
    shown = [key for key in keys if key not in _constant(found, keys)]
    rows = []
    for (*_, metric, variant), part in found.groupby([*keys, "metric", "variant"], sort=False):
        verdicts = part["verdict"].replace("", "no claim").value_counts()
        rows.append(part[shown].iloc[0].to_dict() | {
            "metric": metric, "variant": variant, "mean_a": part["mean_a"].mean(), "mean_b": part["mean_b"].mean(), "difference": part["difference"].mean(),
            "verdict": ", ".join(f"{n} {verdict}" for verdict, n in verdicts.items()),
            "layers": len(part), "max_abs": part["max_abs"].max(), "equal_bits": bool(part["equal_bits"].all()),
        })  # fmt: skip
    return of_frame("Means over layers, and the layers' verdicts", _labelled(pd.DataFrame(rows)), HEADERS, DENSE) if rows else ""


def _latents(frame: pd.DataFrame) -> str:
    if frame.empty:
        return '<p class="empty">Both sweeps have no scored latent in common.</p>'
    return of_frame(CAPTIONS["latents"], _labelled(_told(frame)), HEADERS, DENSE)


def _each_layer(found: pd.DataFrame) -> str:
    """Folded. The verdict, which also tells equal bits, stands beside the difference, where a narrow window shows it."""
    if found.empty:
        return ""
    frame = _told(found)
    low, high = (frame[name].map(number) for name in ("low", "high"))
    frame = frame.assign(interval=(low + "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}" + high).where(np.isfinite(frame["low"].astype(float)), None))
    names = [name for name in frame if name not in ("low", "high", "interval", "verdict", "equal_bits")]
    place = names.index("difference") + 1
    text = of_frame("Differences", _labelled(frame[[*names[:place], "verdict", "interval", *names[place:]]]), HEADERS, DENSE)
    return f"<details>\n<summary>Each layer</summary>\n{text}\n</details>"


def _bits(bits: pd.DataFrame) -> str:
    if not bits["n"].any():
        return '<p class="empty">No number is in both sweeps yet.</p>'
    differing = bits[bits["n_differ"] > 0]
    return of_frame("Columns that differ", differing, HEADERS) if len(differing) else f"<p>All {len(bits)} columns are equal in every bit.</p>"


def _only(matched: Matched) -> str:
    if matched.only.empty:
        return "<p>None.</p>"
    more = f"<p>And {len(matched.only) - LISTED:,} more: <code>only_in_one.csv</code>.</p>" if len(matched.only) > LISTED else ""
    return of_frame(CAPTIONS["only_in_one"], matched.only.head(LISTED), HEADERS) + more


def _labelled(frame: pd.DataFrame) -> pd.DataFrame:
    """With the names that people read for variants and metrics."""
    metrics = {metric.name: metric.label for metric in METRICS}
    readable = {"variant": variant_label, "metric": lambda name: metrics.get(name, name), "score": lambda name: metrics.get(name, name.replace("_", " "))}
    return frame.assign(**{name: frame[name].map(label) for name, label in readable.items() if name in frame})


def _told(frame: pd.DataFrame) -> pd.DataFrame:
    """Without what is the same in all rows or stands in the files alone."""
    return frame.drop(columns=["basis", *_constant(frame, [*SETTINGS, "model"])])


def _constant(frame: pd.DataFrame, names: list[str]) -> list[str]:
    return [name for name in names if frame[name].nunique() <= 1]


def _shown(value: Any) -> str:
    """Of an axis: -1 and no number are what a cell has not."""
    if isinstance(value, (int, float, np.number)) and (value == -1 or not np.isfinite(value)):
        return "none"
    return integer(value) if isinstance(value, (int, np.integer)) else str(value)
