"""Data and libraries inside a page of HTML: gzip and base64, which templates/embed.js unpacks.

A page that holds any has to run templates/embed.js first.
"""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import plotly

#: Of gzip. Data, of which there may be hundreds of pages, are packed in a third of the time that 4 % less would take.
DATA_LEVEL, LIBRARY_LEVEL = 5, 9


def blob(name: str, value: Any) -> str:
    """A value as JSON; `saesweep.unpack(name)` gives it back. Throws ValueError where it holds NaN, which JSON lacks."""
    return _element(name, json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(), DATA_LEVEL)


def library(name: str, path: Path) -> str:
    """A script, which `saesweep.script(name)` runs."""
    return _element(name, path.read_bytes(), LIBRARY_LEVEL)


def plotly_library() -> str:
    """Plotly, as the script "plotly"."""
    return library("plotly", Path(plotly.__file__).parent / "package_data/plotly.min.js")


def _element(name: str, content: bytes, level: int) -> str:
    packed = base64.b64encode(gzip.compress(content, level, mtime=0)).decode()
    return f'<script type="text/plain" id="data-{name}">{packed}</script>'
