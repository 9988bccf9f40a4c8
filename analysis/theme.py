"""Colours and markers, once for light pages, dark pages and files; and SVG fit for a page."""

from __future__ import annotations

import io
import math
import re
from itertools import count
from pathlib import Path

import matplotlib

matplotlib.use("svg")

from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

INK, GRID = "#1f2328", "#e2e5e9"
#: Trained grey and controls black as in the paper; the others from Okabe and Ito, safe for colour-blind readers. Each its own,
#: since the page tells them apart by it.
VARIANT_COLOURS = {
    "trained": "#7c7f84",
    "step0": "#009e73",
    "rerandomized_excl": "#d55e00",
    "rerandomized_incl": "#0072b2",
    "control": "#000001",
    "superposed": "#0072b3",
    "superposed_mlp": "#d55e01",
    "embedding": "#0072b4",
    "embedding_mlp": "#d55e02",
    "gaussian": "#000002",
    "gaussian_mlp": "#7c7f85",
}
#: marker of matplotlib, character for tables, dashes of the line.
VARIANT_MARKS = {
    "trained": ("o", "●", "-"),
    "step0": ("^", "▲", "-"),
    "rerandomized_excl": ("D", "◆", "-"),
    "rerandomized_incl": ("s", "■", "-"),
    "control": ("X", "✖", (0, (4, 1.5))),
    "superposed": ("o", "●", "-"),
    "superposed_mlp": ("s", "■", (0, (4, 1.5))),
    "embedding": ("o", "●", "-"),
    "embedding_mlp": ("s", "■", (0, (4, 1.5))),
    "gaussian": ("X", "✖", "-"),
    "gaussian_mlp": ("D", "◆", (0, (4, 1.5))),
}
#: Inches; the page shows 72 points an inch at 1.4 pixels a point, so this fills its column.
PAGE_WIDTH = 10.6
OTHER_COLOUR, OTHER_MARK = "#cc79a7", ("P", "✚", "-")

#: Each colour of the figures becomes a variable of the page's style sheet, which has a value per theme.
_PAGE_COLOURS = {INK: "var(--ink)", GRID: "var(--grid)", OTHER_COLOUR: "var(--v-other)"} | {
    colour: f"var(--v-{variant})" for variant, colour in VARIANT_COLOURS.items()
}
_figures = count()

matplotlib.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "saesweep", "font.size": 8.5, "axes.titlesize": 9, "axes.labelsize": 8.5,
    "xtick.labelsize": 8, "ytick.labelsize": 8, "legend.fontsize": 9, "legend.frameon": False,
    "text.color": INK, "axes.labelcolor": INK, "axes.titlecolor": INK, "axes.edgecolor": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.6,
    "axes.axisbelow": True, "axes.titlelocation": "left", "lines.linewidth": 1.4, "lines.markersize": 4,
    "figure.constrained_layout.use": True,
})  # fmt: skip


def style_of(variant: str) -> dict:
    """Colour, marker and dashes of a variant, as keywords of Axes.plot."""
    marker, _, dashes = VARIANT_MARKS.get(variant, OTHER_MARK)
    return {"color": VARIANT_COLOURS.get(variant, OTHER_COLOUR), "marker": marker, "linestyle": dashes}


def grid(n_panels: int, n_columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of panels, row by row; width of the whole and height of a row in inches."""
    n_rows = math.ceil(n_panels / n_columns)
    figure = Figure(figsize=(width, height * n_rows + 0.45))
    figure.get_layout_engine().set(hspace=0.06, wspace=0.03)
    axes = [figure.add_subplot(n_rows, n_columns, i + 1) for i in range(n_panels)]
    return figure, axes


def file_svg(figure: Figure) -> str:
    """The figure as a file of its own: transparent, dark on light."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": "saesweep"})
    return buffer.getvalue()


def write_figure(figure: Figure, folder: Path, name: str) -> str:
    """Writes FOLDER/NAME.svg and NAME.pdf; returns the SVG."""
    svg = file_svg(figure)
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    figure.set_layout_engine("none")  # it is laid out
    figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})
    return svg


def page_svg(svg: str, alt: str) -> str:
    """The SVG of a file to set into a page: colours by theme, ids of its own, the page's fonts, a text for ears."""
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.S)
    prefix = f"f{next(_figures)}-"
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}", svg)
    for colour, variable in _PAGE_COLOURS.items():
        svg = svg.replace(colour, variable)
    width, height = (float(x) for x in re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups())
    head = f'<svg role="img" aria-label="{alt}" style="max-width: {width * 1.4:.0f}px" viewBox="0 0 {width} {height}"'
    return head + ' xmlns:xlink="http://www.w3.org/1999/xlink">' + svg[svg.index(">") + 1 :]
