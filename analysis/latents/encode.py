"""Dashboards and the list of latents as small JSON, which templates/latents.js and dashboard.js read."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from .data import Curve, Dashboard, Window


def encoded_dashboards(dashboards: dict[int, Dashboard]) -> dict[str, Any]:
    """Dashboards by their row in the list: {"tokens": texts, the most frequent first, "of": {row: dashboard}}.

    A dashboard: top, firing, silent: windows [places in `tokens`, [place in the window, activation, ...] of the tokens on
    which the latent fires, the judge's probability or null]; peaks: quantiles; rocs: {name: [x, y, x, y, ...]} in percent;
    null_of. What is empty is left out. Activations have 3 significant digits.
    """
    counts: Counter[str] = Counter()
    for one in dashboards.values():
        for window in (*one.top, *one.firing, *one.silent):
            counts.update(window.tokens)
    texts = [text for text, _ in counts.most_common()]
    places = {text: place for place, text in enumerate(texts)}
    return {"tokens": texts, "of": {row: _dashboard(one, places) for row, one in dashboards.items()}}


def significant(values: Any, digits: int = 3) -> list[float | None]:
    """Rounded to so many significant digits; None for NaN."""
    values = np.asarray(values, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = digits - 1 - np.floor(np.log10(np.abs(values)))
    shift[~np.isfinite(shift)] = 0
    # A whole number over or times a power of ten is the float that is written shortest.
    up, down = 10.0 ** np.maximum(shift, 0), 10.0 ** np.maximum(-shift, 0)
    rounded = np.round(values * up / down) * down / up
    return [value if known else None for value, known in zip(rounded.tolist(), np.isfinite(values).tolist())]


def _dashboard(one: Dashboard, places: dict[str, int]) -> dict[str, Any]:
    parts: dict[str, Any] = {name: _windows(getattr(one, name), places) for name in ("top", "firing", "silent")}
    parts["peaks"] = significant(one.peak_quantiles)
    parts["rocs"] = {name: _curve(curve) for name, curve in one.rocs.items()}
    if one.null_of >= 0:
        parts["null_of"] = one.null_of
    return {name: part for name, part in parts.items() if part or name == "null_of"}


def _windows(windows: list[Window], places: dict[str, int]) -> list[list[Any]]:
    if not windows:
        return []
    asked = significant([window.detection for window in windows], 2)
    fires = [np.flatnonzero(window.activations > 0) for window in windows]
    values = iter(significant(np.concatenate([window.activations[at] for window, at in zip(windows, fires)])))
    encoded = []
    for window, at, judged in zip(windows, fires, asked):
        active = [item for place in at.tolist() for item in (place, next(values))]
        encoded.append([[places[token] for token in window.tokens], active] + ([] if judged is None else [judged]))
    return encoded


def _curve(curve: Curve) -> list[int]:
    """Whole percents, corners only."""
    points = np.round(100 * np.stack(curve, axis=1)).astype(int)
    points = points[np.append(True, (np.diff(points, axis=0) != 0).any(axis=1))]
    steps = np.diff(points, axis=0)
    turns = steps[1:, 0] * steps[:-1, 1] != steps[1:, 1] * steps[:-1, 0]
    return points[np.concatenate([[True], turns, [True]])].ravel().tolist()
