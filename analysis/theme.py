"""Colours and markers of files, as templates/report.css has them of pages in light; and how figures are written."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("svg")

from matplotlib.figure import Figure  # noqa: E402

INK, GRID = "#1f2328", "#e2e5e9"
#: Trained grey and controls black as in the paper; the others from Okabe and Ito, safe for colour-blind readers.
VARIANT_COLOURS = {
    "trained": "#7c7f84",
    "step0": "#009e73",
    "rerandomized_excl": "#d55e00",
    "rerandomized_incl": "#0072b2",
    "control": "#000000",
    "superposed": "#0072b2",
    "superposed_mlp": "#d55e00",
    "embedding": "#0072b2",
    "embedding_mlp": "#d55e00",
    "gaussian": "#000000",
    "gaussian_mlp": "#7c7f84",
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
OTHER_COLOUR, OTHER_MARK = "#cc79a7", ("P", "✚", "-")

matplotlib.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "saesweep", "font.size": 8.5, "axes.titlesize": 9, "axes.labelsize": 8.5,
    "xtick.labelsize": 8, "ytick.labelsize": 8, "legend.fontsize": 9, "legend.frameon": False,
    "text.color": INK, "axes.labelcolor": INK, "axes.titlecolor": INK, "axes.edgecolor": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.6,
    "axes.axisbelow": True, "axes.titlelocation": "left", "lines.linewidth": 1.4, "lines.markersize": 4,
})  # fmt: skip


def style_of(variant: str) -> dict:
    """Colour, marker and dashes of a variant, as keywords of Axes.plot."""
    marker, _, dashes = VARIANT_MARKS.get(variant, OTHER_MARK)
    return {"color": VARIANT_COLOURS.get(variant, OTHER_COLOUR), "marker": marker, "linestyle": dashes}


def write_figure(figure: Figure, folder: Path, name: str) -> None:
    """Writes FOLDER/NAME.svg and NAME.pdf, transparent, dark on light, and the same for the same figure."""
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{name}.svg", transparent=True, metadata={"Date": None, "Creator": "saesweep"})
    figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})
