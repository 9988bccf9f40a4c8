"""latents/<cell>.html: a page for each SAE with the dashboards of all its latents, which needs nothing else."""

from __future__ import annotations

from html import escape
from string import Template

from ..embed import blob
from ..frame import page, template
from .data import Dashboard
from .encode import encoded_dashboards
from .index import CellEntry, Index, encoded_index

FOLDER = "latents"
#: How to read what the embedded judge writes (src/judge/lexical_rules.h).
LEXICAL = (
    '<p class="note">How to read an explanation of the lexical judge: in <q>Marks "foo" (3 of 15 marks, 2 of 260 other words), numbers (1, 4); anything else (11, 254)</q> '
    'of the 15 marked words in the examples that it was shown 3 are "foo", and of the 260 others 2. The other pairs are the same two counts, of words that nothing before '
    'them covers. "re-" and "-ing" are parts of words. Counts of rare words ("now and then") are estimates, hence fractions.</p>'
)


def list_html(index: Index, cells: list[CellEntry], dashboards: dict[int, Dashboard], folder: str, tables: str) -> str:
    """The list of some cells with the dashboards given, by their rows in the list, which count from the first of `cells`.
    folder: where the pages of cells stand, as seen from the page; empty where all dashboards are in it. tables: where the tables do."""
    value = encoded_index(index, cells, list(dashboards)) | {"folder": folder}
    blobs = blob("latents", value) + "\n" + blob("dashboards", encoded_dashboards(dashboards))
    reading = LEXICAL if any(cell.facts["judge"] == "lexical" for cell in cells) else ""
    return Template(template("latents.html")).substitute(tables=tables, reading=reading, css=template("latents.css"), blobs=blobs, js=template("dashboard.js", "latents.js"))


def page_html(index: Index, cell: CellEntry, dashboards: list[Dashboard], sweep_name: str) -> str:
    facts = cell.facts
    name = index.variants[facts["variant"]]["label"]
    seeds = [f"init seed {facts['init_seed']}"] if facts["init_seed"] >= 0 else []
    seeds += [f"SAE seed {facts['sae_seed']}"] if facts["sae_seed"] >= 0 else []
    place = ", ".join([facts["model"], facts["hookpoint"], *seeds])
    return page(escape(f"{name}: {place}"), template("latents_page.html"), {
        "name": escape(sweep_name),
        "heading": f'<span class="mark" style="color: var({index.variants[facts["variant"]]["colour"]})" aria-hidden="true">{index.variants[facts["variant"]]["mark"]}</span> {escape(name)}',
        "place": escape(place + (f" ({facts['setting']})" if facts["setting"] else "")),
        "list": list_html(index, [cell], dict(enumerate(dashboards)), "", "../tables/"),
    })  # fmt: skip
