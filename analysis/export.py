"""Frames as files: Parquet with units and meanings, or CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from .columns import CELL
from .load import Results

#: Cells whose latents and judged examples are held at a time.
CELLS_AT_ONCE = 16


def write_tables(results: Results, folder: Path, kind: str = "parquet") -> Iterator[Path]:
    """Writes cells, latents, all_latents, curves, predictions (Results.judged) and grid, each as FOLDER/NAME.KIND, and
    columns.csv (unit and meaning of every column); yields their paths.

    kind: "parquet" (the fields' metadata hold unit and meaning, the schema's the root attributes) or "csv". A missing
    number is null in Parquet and empty in CSV; -1 stays where an integer is missing, as in the frames.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index = pd.DataFrame([("cells", "cell", *CELL, True)], columns=["frame", "column", "unit", "meaning", "reproducible"])
    columns = pd.concat([index, results.describe()], ignore_index=True).replace({"frame": {"judged": "predictions"}})
    about = {frame: part.set_index("column") for frame, part in columns.groupby("frame")}
    info = {name: str(value) for name, value in results.info.items()}
    for name, parts in _frames(results).items():
        path = folder / f"{name}.{kind}"
        _write(parts(), path, about.get(name, pd.DataFrame()), info)
        yield path
    columns.to_csv(folder / "columns.csv", index=False)
    yield folder / "columns.csv"


def _frames(results: Results) -> dict[str, Callable[[], Iterator[pd.DataFrame]]]:
    """Each table in parts, made when they are asked for."""
    return {
        "cells": lambda: iter([results.cells.rename_axis("cell").reset_index()]),
        "grid": lambda: iter([results.grid]),
        **{name: partial(_in_parts, results, name) for name in ("latents", "all_latents", "curves")},
        "predictions": partial(_in_parts, results, "judged"),
    }


def _in_parts(results: Results, frame: str) -> Iterator[pd.DataFrame]:
    """A part that has rows first: its columns are the table's. One part without rows where none has any."""
    cells = np.arange(len(results.cells))
    parts = (results.frame_of(frame, cells[first : first + CELLS_AT_ONCE]) for first in range(0, len(cells), CELLS_AT_ONCE))
    filled = (part for part in parts if len(part))
    first = next(filled, None)
    return iter([results.frame_of(frame, cells[:1])]) if first is None else chain([first], filled)


def _write(parts: Iterator[pd.DataFrame], path: Path, about: pd.DataFrame, info: dict[str, str]) -> None:
    """A table, part after part, under its name once it is whole."""
    unfinished = path.with_name(path.name + ".part")
    first = pa.Table.from_pandas(next(parts), preserve_index=False)
    schema = _described(first.schema, about, info)
    writer: Any = pa.parquet.ParquetWriter(unfinished, schema) if path.suffix == ".parquet" else pa.csv.CSVWriter(unfinished, schema)
    with writer:
        writer.write_table(first.cast(schema))
        for part in parts:
            writer.write_table(pa.Table.from_pandas(part, preserve_index=False).cast(schema))
    unfinished.rename(path)


def _described(schema: pa.Schema, about: pd.DataFrame, info: dict[str, str]) -> pa.Schema:
    """The schema with unit and meaning in each field's metadata, and the root attributes in its own."""
    fields = []
    for field in schema:
        known = about.loc[field.name] if field.name in about.index else {"unit": "", "meaning": ""}
        fields.append(field.with_metadata({"unit": known["unit"], "meaning": known["meaning"]}))
    return pa.schema(fields, {**(schema.metadata or {}), **info})
