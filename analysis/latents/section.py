"""The latents' section of the report's page."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..load import Results
from .data import Dashboard, Most, dashboards
from .index import build_index, drawn
from .pages import FOLDER, list_html, page_html

#: Dashboards in the report's page: so many of each SAE, drawn by this seed.
PER_CELL, SEED = 8, 0
IN_REPORT, IN_PAGE = Most(top=8, firing=6, silent=2), Most(top=20, firing=12, silent=4)


def latents_section(results: Results, cells: pd.DataFrame, output: Path) -> str:
    """What the section holds, as HTML, about the latents of some cells (rows of `results.cells`); writes latents/<cell>.html for
    each of them under `output`. The page has to hold templates/report.css and embed.js."""
    index = build_index(results, cells)
    if not index.cells:
        wants = (cells["score_id"] != "").any()
        return '<p class="empty">' + ("No latent is harvested yet." if wants else "This sweep asks for no explanations, so no latent was looked at.") + "</p>"
    (output / FOLDER).mkdir(parents=True, exist_ok=True)
    name = str(results.info.get("sweep_name", "unnamed sweep"))
    here: dict[int, Dashboard] = {}
    for cell in index.cells:
        all_of_it = list(dashboards(results, cell.row, cell.slots, IN_PAGE))
        (output / FOLDER / cell.page).write_text(page_html(index, cell, all_of_it, name), encoding="utf-8")
        chosen = set(drawn(cell, PER_CELL, SEED).tolist())
        here |= {cell.first + i: one.shortened(IN_REPORT) for i, one in enumerate(all_of_it) if one.slot in chosen}
    return _introduction(len(index.latents), len(index.cells)) + list_html(index, index.cells, here, FOLDER + "/", "tables/")


def _introduction(n_latents: int, n_cells: int) -> str:
    latents = f"{n_latents:,} latent" + ("s" if n_latents != 1 else "")
    saes = f"{n_cells:,} SAE" + ("s" if n_cells != 1 else "")
    return (
        f"<p>{latents} of {saes}, each with its explanation, its scores (below them, smaller, what the explanation of another latent got: "
        "its own null, or in italics the mean of its SAE), the entropy of its tokens in nats, and how often it fires. "
        f"{PER_CELL} of each SAE, drawn at random, open here; the others open on the page of their SAE, in the folder <code>{FOLDER}</code>.</p>"
    )
