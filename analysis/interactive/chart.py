"""What a figure shows. page.py and still.py draw it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

#: Lines whose distance is below a share of a panel's height, at a share of their points or more, hide one another.
HIDDEN_BELOW, HIDDEN_AT = 0.02, 2 / 3
#: How much wider a line is drawn for each one that hides it.
WIDER = 0.9

Dash = Literal["", "solid", "dashed", "dotted"]


@dataclass(frozen=True)
class Series:
    """x, y: of the points, NaN where a line breaks. variant: whose colour and marker it has; "" is the ink of the page, without a
    marker. low, high: of a band, or of bars where `bars`. texts: shown when a point is pointed at; empty: nothing is.
    kind: "line", "points" (pale, alone), or "marks" (alone). faint: of values that mean little: thin, with open markers. dash: of a line, where not the
    variant's own; dotted ones are nulls and chance."""

    variant: str
    x: Sequence[float]
    y: Sequence[float]
    texts: Sequence[str] = ()
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    kind: str = "line"
    bars: bool = False
    faint: bool = False
    dash: Dash = ""
    marked: bool = True


@dataclass(frozen=True)
class Panel:
    """note: small, at the top right; corner: inside, at the bottom right. x_ticks: by their texts, where not the drawing's own. zone: y between which it is shaded."""

    title: str
    series: Sequence[Series]
    x_label: str = ""
    y_label: str = ""
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    x_ticks: dict[str, float] = field(default_factory=dict)
    y_ticks: dict[str, float] = field(default_factory=dict)
    is_log_y: bool = False
    note: str = ""
    corner: str = ""
    zone: tuple[float, float] | None = None

    @property
    def y_limits(self) -> tuple[float, float] | None:
        """y_range, or what holds all values and bands with some room."""
        if self.y_range is not None:
            return self.y_range
        known = [v for s in self.series for part in (s.y, s.low, s.high) for v in part if np.isfinite(v) and (v > 0 or not self.is_log_y)]
        if not known:
            return None
        if self.is_log_y:
            room = (max(known) / min(known)) ** 0.06 or 1
            return min(known) / max(room, 1.02), max(known) * max(room, 1.02)
        room = 0.07 * (max(known) - min(known)) or 0.05 * abs(max(known)) or 1
        return min(known) - room, max(known) + room


@dataclass(frozen=True)
class Chart:
    """name: of its files, and its id in the page. alt: what it shows, for who cannot see it. caption: HTML. variants: of the legend.
    row_height: pixels of a panel's axes; shared_y: panels of a row have one axis; width: of the whole.
    compared: pointing shows what all series of a panel have at that x (else the nearest point)."""

    name: str
    panels: Sequence[Panel]
    n_columns: int
    alt: str
    caption: str
    variants: Sequence[str] = ()
    row_height: int = 150
    shared_y: bool = False
    width: int = 1072
    compared: bool = True

    @property
    def n_rows(self) -> int:
        return math.ceil(len(self.panels) / self.n_columns)


def chance_line(x: Sequence[float], y: Sequence[float]) -> Series:
    return Series("", x, y, dash="dotted", marked=False)


def layered(panel: Panel) -> list[tuple[Series, float]]:
    """The panel's series in the order in which they are drawn, and how many times as wide: a line that a later one would hide is
    wider and below it, so that its colour shows on both sides."""
    weights = [1 + WIDER * sum(_hides(later, one, panel) for later in panel.series[i + 1 :]) for i, one in enumerate(panel.series)]
    return sorted(zip(panel.series, weights), key=lambda at: -at[1])


def _hides(one: Series, other: Series, panel: Panel) -> bool:
    if not panel.y_limits or one.variant == other.variant or not all(s.kind == "line" and s.marked and s.variant for s in (one, other)):
        return False
    scale = math.log if panel.is_log_y else float
    heights = [{x: scale(y) for x, y in zip(s.x, s.y) if np.isfinite(y) and (y > 0 or not panel.is_log_y)} for s in (one, other)]
    shared = heights[0].keys() & heights[1].keys()
    span = scale(panel.y_limits[1]) - scale(panel.y_limits[0])
    close = sum(abs(heights[0][x] - heights[1][x]) < HIDDEN_BELOW * span for x in shared)
    return len(shared) > 0 and close >= HIDDEN_AT * len(shared)
