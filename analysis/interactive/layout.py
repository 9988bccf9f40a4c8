"""Where the panels of a chart stand, in pixels from the top left; the same in the page and in files."""

from __future__ import annotations

from dataclasses import dataclass

from .chart import Chart

LEFT, RIGHT, TITLE, TICKS, LABEL = 62, 12, 26, 22, 18
GAP, SHARED_GAP = 48, 14


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    width: float
    height: float


def boxes(chart: Chart) -> tuple[list[Box], float]:
    """Of each panel its axes; and the height of the whole."""
    gap = SHARED_GAP if chart.shared_y else GAP
    width = (chart.width - LEFT - RIGHT - gap * (chart.n_columns - 1)) / chart.n_columns
    found, top = [], 0.0
    for row in range(chart.n_rows):
        panels = chart.panels[row * chart.n_columns : (row + 1) * chart.n_columns]
        top += TITLE if any(panel.title or panel.note for panel in panels) else 10
        found += [Box(LEFT + i * (width + gap), top, width, chart.row_height) for i in range(len(panels))]
        top += chart.row_height + TICKS + (LABEL if any(panel.x_label for panel in panels) else 0)
    return found, top
