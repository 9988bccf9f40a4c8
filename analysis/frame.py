"""What all pages share: head and style, sections and their contents, scripts; and what both reports say of results."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from string import Template

import pandas as pd

from . import tables
from .embed import plotly_library
from .load import Results

TEMPLATES = Path(__file__).parent / "templates"
_HEADING = re.compile(r"^##(?: (\S+) \| (.*?) ?\| (.*))?\n", re.M)
#: Where the contents go, until the sections are known. Nothing from data looks so: it is escaped.
_CONTENTS = "<!-- contents -->"


def template(*names: str) -> str:
    """Some of templates/, one after another."""
    return "".join((TEMPLATES / name).read_text() for name in names)


def page(title: str, body: str, parts: Mapping[str, str], scripts: Sequence[str] = ()) -> str:
    """A whole page. title: HTML. body: a template, in which

        ## id | name in the contents, or nothing | title

    begins a section, `##` ends the last one, and $nav is the contents; sections without a word are left out. parts: HTML of
    what it names with a $. scripts: of templates/, beside embed.js; where there are charts, Plotly goes before them.
    """
    content = _filled(body, parts)
    content += plotly_library() + "\n" if 'data-chart="' in content else ""
    content += f"<script>\n{template(*scripts)}</script>\n" if scripts else ""
    head = {"title": title, "css": template("report.css"), "embed": template("embed.js")}
    return Template(template("page.html")).substitute(head, body=content)


def _filled(body: str, parts: Mapping[str, str]) -> str:
    def fill(text: str) -> str:
        return Template(text).substitute(parts, nav=_CONTENTS)

    before, *pieces = _HEADING.split(body)
    filled, links = [fill(before)], []
    for place, name, title, content in zip(*[iter(pieces)] * 4):
        text = fill(content)
        if place is None:
            filled.append(text)
        elif text.strip():
            heading = f'<h2 id="{place}-title">{fill(title)}</h2>'
            filled.append(f'<section id="{place}" aria-labelledby="{place}-title">\n{heading}\n{text}</section>\n')
            links += [f'<a href="#{place}">{fill(name)}</a>'] if name else []
    contents = "\n".join(['<nav aria-label="Contents">', *links, "</nav>"])
    return "".join(filled).replace(_CONTENTS, contents, 1)


def results_parts(results: Results, cells: pd.DataFrame, noun: str, example: str) -> dict[str, str]:
    """Parts of templates/results.html, and the head of both reports: name and state. cells: of the sweep, of
    summary.with_settings; noun: what people call one; example: of what the table of cells is filtered by."""
    return {
        "name": escape(str(results.info.get("sweep_name", "unnamed sweep"))),
        "state": tables.progress(results),
        "cells": tables.all_cells(cells, f"All {noun}s"),
        "cells_are": f"{noun}s",
        "cells_table": tables.links("cells"),
        "example": example,
        "failures": tables.failures(cells) if (cells["state"] == "failed").any() else f"<p>No {noun} failed.</p>",
        "provenance": tables.provenance(results),
        "sweep": escape(str(results.info.get("sweep", "not recorded"))),
        "made": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }
