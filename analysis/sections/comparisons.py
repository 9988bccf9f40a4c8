"""The answer in three sentences, and the comparisons behind it."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

from .. import figures, inference, tables
from ..metrics import METRICS, ordered_variants, variant_label
from ..summary import SETTINGS, layer_name
from .context import Context, of_setting

#: Panels of the figure of differences.
SHOWN = ("fuzz_auroc", "detection_auroc", "simulation_correlation", "explained_variance", "cosine_similarity", "token_entropy")
#: Rows of its table: also all that the answer may name.
TABLED = {*SHOWN, *inference.SEPARATING, "l1"}
VERDICT_MARKS = {"different": "≠", "equivalent": "≈", "undecided": "?", "": "–"}
HEADERS = {
    "variant": "against", "mean_a": "trained", "mean_b": "other", "low": "from", "high": "to", "p_difference_holm": "p diff. (Holm)", "p_equivalence_holm": "p equiv. (Holm)",
    "n_different": "layers different", "n_equivalent": "equivalent", "n_undecided": "undecided", "largest_layer": "largest at layer", "effect_size": "Hedges' g",
}  # fmt: skip
_METRICS = {metric.name: metric for metric in METRICS}


def answer(context: Context) -> str:
    """The three sentences; or why there are none."""
    if context.done.empty:
        return '<p class="empty">No cell is evaluated yet, so there is no answer.</p>'
    sentences = inference.answer_sentences(context.answers, context.comparisons, context.level)
    if not sentences:
        return '<p class="empty">No trained model stands beside a random one yet, so there is nothing to compare.</p>'
    return '<div class="answer">' + "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences) + "</div>"


def differences(context: Context) -> str:
    rows = context.comparisons
    if rows.empty or not np.isfinite(rows["difference"].astype(float)).any():
        return '<p class="empty">There are no two variants with a number yet.</p>'
    context.write(rows, "comparisons", "Pairs of variants compared, by layer")
    overall = context.answers
    if overall.empty:
        return f'<p>No trained model is among the variants; all pairs: {tables.links("comparisons")}</p>'
    context.write(overall, "answers", "Trained against each other variant, means over layers", HEADERS)

    def part(cells: pd.DataFrame, setting: tuple, suffix: str) -> str:
        of_trained = of_setting(rows[(rows["variant_a"] == "trained") & np.isfinite(rows["difference"].astype(float))], setting)
        shown = [metric for metric in context.metrics if metric.name in SHOWN and (of_trained["metric"] == metric.name).any()]
        if not shown:
            return '<p class="empty">These SAEs have no trained model beside another.</p>'
        margins = of_trained["margin"].dropna().unique()
        band = f" Shaded: the margin of equivalence, ±{margins[0]:g}." if len(margins) == 1 else " Shaded: the margins of equivalence." if len(margins) else ""
        bases = ", ".join(sorted(set(of_trained["claim"]) - {"none"})) or "none here"
        alt = f"Trained minus each other variant by layer, with intervals: {', '.join(metric.label for metric in shown)}. All values: tables/comparisons.csv."
        caption = (
            f"Trained minus the other variant; bars: {100 * context.level:g} % intervals ({escape(bases)}), not adjusted for their number.{band} "
            f"Where a bar is far longer than the differences it is cut. Values, also of the other pairs and by bootstrap: {tables.links('comparisons')}"
        )
        figure = context.figure(figures.differences("differences" + suffix, context.columns(of_trained), shown, alt, caption, context.level))
        return figure + _overall(context, of_setting(overall, setting)) + _by_layer(context, of_trained)

    return context.per_setting(part)


def _overall(context: Context, rows: pd.DataFrame) -> str:
    """The metrics of TABLED, and the others folded."""
    shown, further = (_overall_table(context, rows[rows["metric"].isin(TABLED) == inside]) for inside in (True, False))
    folded = f"<details><summary>Further metrics</summary>{further}</details>" if further else ""
    return shown + (f"<p>{tables.links('answers')}</p>" if shown or further else "") + folded


def _overall_table(context: Context, rows: pd.DataFrame) -> str:
    parts = []
    for model in context.models(rows):
        lines = []
        of_model = rows[rows["model"] == model]
        for name in [metric.name for metric in context.metrics if (of_model["metric"] == metric.name).any()]:
            of_metric = of_model[of_model["metric"] == name].set_index("variant")
            for i, variant in enumerate(ordered_variants(of_metric.index)):
                row = of_metric.loc[variant]
                head = f'<th scope="rowgroup" rowspan="{len(of_metric)}">{escape(_METRICS[name].label)}</th>' if i == 0 else ""
                span = f"{tables.number(row['low'])} to {tables.number(row['high'])}" if np.isfinite(row["low"]) else tables.MISSING
                where = str(row["largest_layer"]) if row["n_layers"] > 1 else tables.MISSING
                lines.append(
                    f'{head}<th scope="row" class="light">{tables.variant_mark(variant)} {escape(variant_label(variant))}</th>'
                    f"<td>{tables.number(row['mean_a'])}</td><td>{tables.number(row['mean_b'])}</td><td class=\"total\">{tables.number(row['difference'])}</td><td>{span}</td>"
                    f"<td class=\"text\">{_verdict(row['verdict'])}</td><td>{_p(row['p_difference_holm'])}</td><td>{_p(row['p_equivalence_holm'])}</td><td>{where}</td>"
                )
        level = f"{100 * context.level:g}% interval"
        header = ["metric", "trained against", *(f'<th scope="col" class="num">{name}</th>' for name in ("trained", "other", "difference", level)), "verdict", *(f'<th scope="col" class="num">{name}</th>' for name in ("p diff.", "p equiv.", "most at layer"))]
        caption = f"{context.labels[model]}: trained against each other variant, means over layers. p after Holm over the pairs of a metric; verdicts at {100 * (1 - context.level):.2g} %"
        parts.append(tables.table(caption, header, lines, 'class="groups dense"'))
    return "".join(parts)


def _by_layer(context: Context, rows: pd.DataFrame) -> str:
    """A row per metric and variant, a column per layer: the difference and its verdict."""
    parts = []
    for model in context.models(rows):
        of_model = rows[rows["model"] == model]
        layers = sorted(of_model["layer"].unique())
        lines = []
        for name in [metric.name for metric in context.metrics if (of_model["metric"] == metric.name).any()]:
            of_metric = of_model[of_model["metric"] == name]
            variants = ordered_variants(of_metric["variant_b"])
            for i, variant in enumerate(variants):
                of_variant = of_metric[of_metric["variant_b"] == variant].drop_duplicates("layer").set_index("layer")
                head = f'<th scope="rowgroup" rowspan="{len(variants)}">{escape(_METRICS[name].label)}</th>' if i == 0 else ""
                cells = "".join(_layer_cell(of_variant.loc[layer]) if layer in of_variant.index else f"<td>{tables.MISSING}</td>" for layer in layers)
                lines.append(f'{head}<th scope="row" class="light">{tables.variant_mark(variant)} {escape(variant_label(variant))}</th>{cells}')
        header = ["metric", "trained against", *(f'<th scope="col" class="num">{layer_name(layer)}</th>' for layer in layers)]
        caption = f"{context.labels[model]}: difference and verdict by layer; ≠ different, ≈ equivalent, ? undecided, – one seed. Holm over all layers and pairs of a metric"
        parts.append(tables.table(caption, header, lines, 'class="groups dense"'))
    return f"<details><summary>Differences and verdicts by layer</summary>{''.join(parts)}</details>" if parts else ""


def _layer_cell(row: pd.Series) -> str:
    verdict = row["verdict"]
    span = f"{row['low']:.3g} to {row['high']:.3g}; Holm p of difference {row['p_difference_holm']:.2g}, of equivalence {row['p_equivalence_holm']:.2g}" if np.isfinite(row["low"]) else "no interval"
    return f'<td class="verdict-{verdict or "none"}" title="{escape(verdict or "no claim")}: {span}">{tables.number(row["difference"])} {VERDICT_MARKS[verdict]}</td>'


def _verdict(verdict: str) -> str:
    return f'<span class="verdict verdict-{verdict or "none"}">{VERDICT_MARKS[verdict]} {verdict or "no claim"}</span>'


def _p(value: float) -> str:
    if not np.isfinite(value):
        return tables.MISSING
    return "&lt;0.001" if value < 0.001 else f"{value:.3f}"
