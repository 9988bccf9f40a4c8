"""latents.html: some latents of each variant, with explanation, scores and the windows in which they peak."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd

from .load import LATENT_SCORED, Example, Results
from .metrics import ordered_variants, variant_label
from .scores import SCORERS, roc, thinned
from .tables import MISSING, number, variant_mark

TEMPLATES = Path(__file__).parent / "templates"
PER_VARIANT, EXAMPLES = 6, 8
SEED = 0


def write_latents_page(results: Results, labels: dict[str, str], output: Path) -> Path | None:
    """Writes latents.html, where any latent is scored; an older one goes. labels: of the models."""
    path = output / "latents.html"
    path.unlink(missing_ok=True)
    drawn = draw(results)
    if drawn.empty:
        return None
    variants = ordered_variants(drawn["variant"])
    parts = {
        "name": escape(str(results.info.get("sweep_name", "unnamed sweep"))),
        "css": (TEMPLATES / "report.css").read_text(),
        "latents_css": (TEMPLATES / "latents.css").read_text(),
        "what": (
            f"Of each variant {PER_VARIANT} scored latents, drawn at random over its cells. Each has the explanation that the judge gave, "
            f"its scores, and up to {EXAMPLES} windows of held-out text with its highest peaks; the stronger a token's colour, the higher the activation. ROC curves: fuzzing a line, detection dashes."
        ),
        "contents": "\n".join(f'<a href="#{escape(v)}">{escape(variant_label(v))}</a>' for v in variants),
        "latents": "\n".join(_section(results, variant, drawn[drawn["variant"] == variant], labels) for variant in variants),
    }
    path.write_text(Template((TEMPLATES / "latents.html").read_text()).substitute(parts), encoding="utf-8")
    return path


def draw(results: Results) -> pd.DataFrame:
    """Latents for the page: columns of results.latents, and `variant`. The same every time."""
    latents = results.latents
    if "explanation" not in latents or "status" not in latents:
        return pd.DataFrame(columns=["variant"])
    latents = latents[(latents["status"] == LATENT_SCORED) & results.cells["scored"].to_numpy()[latents["cell"]]]
    latents = latents.assign(variant=results.cells["variant"].to_numpy()[latents["cell"]])
    parts = [part.sample(min(PER_VARIANT, len(part)), random_state=SEED).sort_values(["cell", "slot"]) for _, part in latents.groupby("variant")]
    return pd.concat(parts) if parts else latents


def _section(results: Results, variant: str, latents: pd.DataFrame, labels: dict[str, str]) -> str:
    articles = "\n".join(_article(results, latent, labels) for latent in latents.to_dict("records"))
    name = escape(variant)
    return f'<section id="{name}" aria-labelledby="{name}-title">\n<h2 id="{name}-title">{variant_mark(variant)} {escape(variant_label(variant))}</h2>\n{articles}\n</section>'


def _article(results: Results, latent: dict, labels: dict[str, str]) -> str:
    cell = results.cells.loc[latent["cell"]]
    examples = results.top_examples(latent["cell"], latent["slot"], EXAMPLES)
    place = f"{labels[cell['model']]}, {cell['hookpoint']}, SAE seed {cell['sae_seed']}, latent {latent['index']:,}"
    return (
        f"<article>\n<h3>{escape(place)}</h3>\n<blockquote>{escape(latent['explanation']) or MISSING}</blockquote>\n"
        f'<dl class="facts">{_facts(results, latent, cell)}</dl>\n'
        f'<ol class="examples">\n{"".join(_example(one, _peak(examples)) for one in examples)}</ol>\n</article>'
    )


def _facts(results: Results, latent: dict, cell: pd.Series) -> str:
    facts = []
    for name, label in (("fuzz_auroc", "fuzzing AUROC"), ("detection_auroc", "detection AUROC"), ("simulation_correlation", "simulation")):
        if np.isfinite(latent.get(name, np.nan)):
            facts.append((label, f"{number(latent[name])} <small>{_null(latent, cell, name)}</small>"))
    facts.append(("token entropy", f"{number(latent.get('token_entropy', np.nan), 2)} nats"))
    if np.isfinite(latent.get("firing_rate", np.nan)):
        facts.append(("fires on", f"{100 * latent['firing_rate']:.2g}% of tokens"))
    if latent.get("n_windows", -1) >= 0:
        facts.append(("windows", f"{latent['n_windows']:,}"))
    curves = _roc_picture(results, latent)
    facts += [curves] if curves else []
    peaks = results.peak_quantiles(latent["cell"], latent["slot"])
    facts += [_peaks_picture(peaks)] if len(peaks) else []
    return "".join(f"<div><dt>{label}</dt><dd>{value}</dd></div>" for label, value in facts)


def _null(latent: dict, cell: pd.Series, name: str) -> str:
    """The latent's own null; most have none, and show the mean of their cell."""
    own, mean = latent.get(f"{name}_null", np.nan), cell.get(f"{name}_null", np.nan)
    if np.isfinite(own):
        return f"null {number(own)}"
    return f"SAE's null {number(mean)}" if np.isfinite(mean) else ""


def _peak(examples: list[Example]) -> float:
    return max((one.activations.max(initial=0) for one in examples), default=0)


def _example(example: Example, peak: float) -> str:
    """One window, its tokens shaded by their share of the highest peak shown."""
    parts = []
    for token, activation in zip(example.tokens, example.activations):
        text = escape(token.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r"))
        if activation > 0 and peak > 0:
            text = f'<mark style="--a: {activation / peak:.2f}" title="{activation:.3g}">{text}</mark>'
        parts.append(text)
    return f"<li>{''.join(parts)}</li>\n"


def _roc_picture(results: Results, latent: dict) -> tuple[str, str] | None:
    """The latent's own ROC curves, fuzzing a line, detection dashes: label and picture."""
    lines, names = [], []
    for (scorer, name), dashes in zip(SCORERS.items(), ("", ' stroke-dasharray="3 2"')):
        rates = thinned(*roc(*results.predictions(scorer, [latent["cell"]], latent["slot"])))
        if len(rates[0]):
            points = " ".join(f"{44 * x:.1f},{44 * (1 - y):.1f}" for x, y in zip(*rates))
            lines.append(f'<polyline points="{points}" fill="none" stroke="var(--ink)" stroke-width="1.2"{dashes}/>')
            names.append(name + (" dashed" if dashes else ""))
    if not lines:
        return None
    frame = '<path d="M0 0V44H44M0 44L44 0" fill="none" stroke="var(--muted)" stroke-width=".5"/>'
    label = ", ".join(names)
    return "ROC", f'<svg class="roc" role="img" aria-label="ROC curves: {label}" viewBox="0 0 44 44">{frame}{"".join(lines)}</svg>'


def _peaks_picture(quantiles: np.ndarray) -> tuple[str, str]:
    """A histogram of windows' peaks, bars of equal area from quantile to quantile: label and picture."""
    low, high = quantiles[0], quantiles[-1]
    widths = np.maximum(np.diff(quantiles) / max(high - low, 1e-12), 1e-3)
    heights = 1 / widths
    starts = (quantiles[:-1] - low) / max(high - low, 1e-12)
    bars = "".join(
        f'<rect x="{74 * x:.1f}" y="{38 * (1 - h):.1f}" width="{74 * w:.1f}" height="{38 * h:.1f}"/>' for x, w, h in zip(starts, widths, heights / heights.max())
    )
    label = f"peaks, {low:.2g} to {high:.2g}"
    return label, f'<svg role="img" aria-label="Histogram of {label}" viewBox="0 0 74 38" fill="var(--muted)">{bars}</svg>'
