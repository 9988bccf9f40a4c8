"""The list of all latents: which there are, where the dashboard of each stands, and its numbers."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..load import Results
from ..metrics import ordered_variants, variant_label
from ..summary import SETTINGS, model_labels, setting_label, with_settings
from ..theme import OTHER_MARK, VARIANT_COLOURS, VARIANT_MARKS
from .encode import significant

KEY_LENGTH = 8


@dataclass(frozen=True)
class Column:
    """A number of each latent. kind: score, nats, rate or count; null: the column with what another latent's explanation
    got; shown: as a column of the list, the others sort it and stand in the dashboard."""

    name: str
    label: str
    meaning: str
    kind: str
    null: str = ""
    shown: bool = False


COLUMNS = (
    Column("fuzz_auroc", "Fuzzing", "AUROC of fuzzing: does the judge tell rightly from wrongly marked tokens?", "score", "fuzz_auroc_null", True),
    Column("detection_auroc", "Detection", "AUROC of detection: does the judge tell firing from silent windows?", "score", "detection_auroc_null", True),
    Column("simulation_correlation", "Simulation", "correlation of true activations and those that the judge predicts", "score", "simulation_correlation_null", True),
    Column("token_entropy", "Entropy", "entropy of the tokens on which the latent fires, in nats", "nats", shown=True),
    Column("firing_rate", "Fires on", "share of harvested tokens that activate the latent", "rate", shown=True),
    Column("token_entropy_mm", "Entropy, corrected", "token entropy with Miller and Madow's correction, in nats", "nats"),
    Column("fuzz_auroc_null", "Fuzzing, null", "AUROC of fuzzing under the explanation of another latent", "score"),
    Column("detection_auroc_null", "Detection, null", "AUROC of detection under the explanation of another latent", "score"),
    Column("simulation_correlation_null", "Simulation, null", "correlation under the explanation of another latent", "score"),
    Column("fuzz_balanced_accuracy", "Fuzzing, balanced accuracy", "mean of the shares of right and of wrong examples answered rightly", "score"),
    Column("detection_balanced_accuracy", "Detection, balanced accuracy", "mean of the shares of firing and of silent examples answered rightly", "score"),
    Column("n_windows", "Windows", "windows of the harvest in which the latent fires", "count"),
    Column("n_active_tokens", "Active tokens", "tokens that activate it in the windows that the entropy is taken over", "count"),
    Column("n_judged", "Judged", "examples with an answer of the judge", "count"),
    Column("n_missing", "Missing", "examples without one", "count"),
)  # fmt: skip


@dataclass(frozen=True)
class CellEntry:
    """An SAE of the list. row: in `results.cells`; key: a short name that stays when the sweep grows; page: name of its
    file; slots: its latents, by their place in /latents; first: the list's row of the first of them."""

    row: int
    key: str
    page: str
    slots: np.ndarray
    first: int
    facts: dict[str, Any]


@dataclass(frozen=True)
class Index:
    """The list. latents: rows of `results.latents` in the list's order, those of a cell together."""

    cells: list[CellEntry]
    latents: pd.DataFrame
    variants: dict[str, dict[str, str]]


def build_index(results: Results, cells: pd.DataFrame) -> Index:
    """Of all latents of some cells (rows of `results.cells`)."""
    latents = results.latents
    latents = latents[latents["cell"].isin(cells.index)].sort_values(["cell", "slot"], ignore_index=True)
    rows = latents["cell"].unique()
    known = with_settings(results.cells.loc[rows])
    labels, keys = model_labels(results.cells["model"].unique()), _keys(results.cells["id"])
    settings = known[SETTINGS].drop_duplicates()
    entries = []
    for row, part in latents.groupby("cell", sort=True):
        cell = known.loc[row]
        facts = _facts(cell, labels[cell["model"]], setting_label(tuple(cell[SETTINGS])) if len(settings) > 1 else "")
        entries.append(CellEntry(int(row), keys[row], _page(facts, keys[row]), part["slot"].to_numpy(), int(part.index[0]), facts))
    variants = {
        name: {
            "label": variant_label(name),
            "mark": VARIANT_MARKS.get(name, OTHER_MARK)[1],
            "colour": f"--v-{name}" if name in VARIANT_COLOURS else "--v-other",
        }
        for name in ordered_variants(known["variant"])
    }
    return Index(entries, latents, variants)


def encoded_index(index: Index, cells: list[CellEntry], here: list[int]) -> dict[str, Any]:
    """The list of some cells as JSON. here: rows of the list whose dashboards are in the page."""
    latents = index.latents[index.latents["cell"].isin([cell.row for cell in cells])]
    columns = [column for column in COLUMNS if column.name in latents and _known(latents[column.name]).any()]
    names = ("slot", "index", "status")
    return {
        "variants": {name: known for name, known in index.variants.items() if any(cell.facts["variant"] == name for cell in cells)},
        "cells": [cell.facts | {"key": cell.key, "page": cell.page, "n": len(cell.slots)} for cell in cells],
        "columns": [
            {"name": c.name, "label": c.label, "meaning": c.meaning, "kind": c.kind, "null": c.null, "shown": c.shown} for c in columns
        ],
        "values": {name: latents[name].astype(int).tolist() for name in names if name in latents}
        | {column.name: _encoded(latents[column.name], column.kind) for column in columns},
        "explanations": latents["explanation"].tolist() if "explanation" in latents else [],
        "here": here,
    }


def drawn(cell: CellEntry, most: int, seed: int) -> np.ndarray:
    """At most so many of a cell's slots, in order; the same for the same seed and SAE, whatever other cells there are."""
    if len(cell.slots) <= most:
        return cell.slots
    rng = np.random.default_rng([seed, zlib.crc32(cell.key.encode())])
    return np.sort(rng.choice(cell.slots, most, replace=False))


def _facts(cell: pd.Series, model: str, setting: str) -> dict[str, Any]:
    facts = {name: cell[name] for name in ("variant", "hookpoint", "architecture")}
    facts |= {name: int(cell[name]) for name in ("layer", "sae_seed", "init_seed")}
    facts |= {"model": model, "setting": setting.replace("\N{NO-BREAK SPACE}", " "), "judge": cell["judge"]}
    names = [column.null for column in COLUMNS if column.null]
    nulls = zip(names, significant([cell.get(name, np.nan) for name in names]))
    return facts | {"nulls": {name: value for name, value in nulls if value is not None}}


def _keys(ids: pd.Series) -> dict[int, str]:
    """Of each row the beginning of its id, with the row where ids or their beginnings are equal."""
    short = ids.str[:KEY_LENGTH]
    return {row: key if n == 1 and key else f"{key}.{row}" for row, key, n in zip(ids.index, short, short.groupby(short).transform("size"))}


def _page(facts: dict[str, Any], key: str) -> str:
    parts = [facts["model"], facts["variant"], facts["hookpoint"]]
    parts += [f"init{facts['init_seed']}"] if facts["init_seed"] >= 0 else []
    parts += [f"seed{facts['sae_seed']}"] if facts["sae_seed"] >= 0 else []
    return re.sub(r"[^A-Za-z0-9._-]+", "_", "-".join([*parts, key])).lstrip("._-")[-180:] + ".html"


def _known(values: pd.Series) -> pd.Series:
    return values.abs() < np.inf if values.dtype.kind == "f" else values >= 0


def _encoded(values: pd.Series, kind: str) -> list[float | int | None]:
    known = _known(values).tolist()
    if kind == "count":
        return [value if is_known else None for value, is_known in zip(values.tolist(), known)]
    if kind == "rate":
        return significant(values)
    return [value if is_known else None for value, is_known in zip(values.astype(float).round(3).tolist(), known)]
