"""Data and libraries inside a page: gzip and base64 in elements that templates/embed.js unpacks when they are needed."""

from __future__ import annotations

import base64
import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import plotly


def blob(name: str, value: Any) -> str:
    """An element with a value of lists, dicts, texts, numbers and arrays; `saesweep.unpack(name)` gives it in the page.

    A number that is not finite becomes null.
    """
    text = json.dumps(plain(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return _element(name, text.encode())


def library(name: str, path: Path) -> str:
    """An element with the text of a script; `saesweep.script(name)` runs it in the page."""
    return _element(name, path.read_bytes())


def plotly_library() -> str:
    """Plotly, as the script "plotly"."""
    return library("plotly", Path(plotly.__file__).parent / "package_data/plotly.min.js")


def plain(value: Any) -> Any:
    """A value of types that JSON has."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _element(name: str, data: bytes) -> str:
    text = base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()
    return f'<script type="text/plain" id="data-{name}">{text}</script>'
