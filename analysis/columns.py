"""Units and meanings of the frames' columns: the file's own, and those of columns that the frames add."""

from __future__ import annotations

import h5py
import pandas as pd

#: The group of the results file that each frame holds.
GROUPS = {"cells": "cells", "latents": "latents", "all_latents": "all_latents", "curves": "curves", "grid": "grid", "judged": "predictions"}

CELL = ("", "row of `cells`, from 0")
LATENT = {"cell": CELL, "slot": ("", "place of the latent in the group, from 0: the order drawn")}
#: Columns that no dataset has, or that say it in other words: unit, meaning.
ADDED: dict[str, dict[str, tuple[str, str]]] = {
    "cells": {
        "state": ("", "to come, started, done or failed"),
        "stage": ("", "last stage whose columns are written: none, trained, evaluated, harvested or scored"),
        "evaluated": ("", "whether the columns of stage 2 are whole"),
        "scored": ("", "whether the columns of stages 3 and 4 are whole"),
        "in_sweep": ("", "false for a cell of an earlier state of the sweep, which was kept"),
    },
    "latents": LATENT,
    "all_latents": LATENT | {"slot": ("", "number of the latent in its SAE")},
    "curves": {"cell": CELL, "slot": ("", "number of the point, from 0")},
    "grid": {"cell": ("", "row of `cells`; -1 where no file loaded has the cell"), "state": ("", "to come, started, done or failed")},
    "judged": LATENT
    | {
        "latent": ("", "number of the latent in its SAE"),
        "scorer": ("", "fuzz or detection"),
        "null": ("", "whether the explanation was another latent's"),
        "place": ("", "place of the example in the order asked, from 0"),
        "example": ("", "place of its window in /examples; -1 where the file does not say"),
        "probability": ("", "the judge's probability that the example is marked rightly (fuzz) or activates the latent (detection); NaN missing"),
        "answer": ("", "the judge's answer, 0 or 1; -1 missing"),
        "truth": ("", "1 marked rightly or firing, 0 wrongly or silent"),
        "marks": ("", "fuzz: bit i set: token i of the window is marked; -1 for detection"),
    },
}


def described(file: h5py.File, columns: dict[str, list[str]]) -> pd.DataFrame:
    """A row a column of each frame: frame, column, unit, meaning, reproducible (whether two runs of one sweep agree in
    every bit). columns: of each frame."""
    rows = []
    for frame, names in columns.items():
        for name in names:
            data = file.get(f"{GROUPS[frame]}/{name}")
            attributes = data.attrs if isinstance(data, h5py.Dataset) else {}
            unit, meaning = ADDED[frame].get(name, (_text(attributes.get("unit", "")), _text(attributes.get("meaning", ""))))
            rows.append((frame, name, unit, meaning, bool(attributes.get("reproducible", True))))
    return pd.DataFrame(rows, columns=["frame", "column", "unit", "meaning", "reproducible"])


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
