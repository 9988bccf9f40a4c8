"""Results files as pandas frames. docs/results.md describes the file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

FILETYPE = "saesweep-results"
VERSION = 2

STATES = ("to come", "started", "done", "failed")
STAGES = ("none", "trained", "evaluated", "harvested", "scored")
TRAINED, EVALUATED = STAGES.index("trained"), STAGES.index("evaluated")

TEXT_COLUMNS = ("id", "evaluate_id", "score_id", "model", "variant", "hookpoint", "architecture", "failure", "host")
INTEGER_COLUMNS = (
    "init_seed", "layer", "expansion_factor", "k", "sae_seed", "tokens",
    "d_in", "n_latents", "tokens_trained", "tokens_evaluated", "tokens_ce", "rank",
)  # fmt: skip
FLOAT_COLUMNS = (
    "penalty",
    "explained_variance", "cosine_similarity", "mse",
    "explained_variance_no_first", "cosine_similarity_no_first", "mse_no_first",
    "explained_variance_train", "l0", "l1", "dead_fraction",
    "ce_clean", "ce_sae", "ce_zero", "ce_loss_score", "kl_sae", "kl_zero", "kl_score",
    "train_loss", "train_seconds", "evaluate_seconds", "tokens_per_second",
)  # fmt: skip

#: The stage that writes a column; in rows at an earlier stage the column may hold anything.
_STAGE_OF = {name: EVALUATED for name in (*FLOAT_COLUMNS[1:], "tokens_evaluated", "tokens_ce")} | {
    name: TRAINED
    for name in ("d_in", "n_latents", "tokens_trained", "train_loss", "train_seconds", "tokens_per_second", "host", "rank")
}


class ResultsError(Exception):
    """A file that cannot be read as results; the message names the file and what to do."""


@dataclass(frozen=True)
class Results:
    """One results file.

    info: the root attributes by name (sweep_name, sweep, software_<library>, machine, created, version).
    cells: a row per cell, in the order of the file. Every column of /cells, and NaN (numbers), -1 (integers)
        or "" (text) for what the file lacks or the row's stage has not written. `state` and `stage` are words (see STATES and STAGES);
        `evaluated` says whether the metrics of the row are whole.
    """

    path: Path
    info: dict[str, Any]
    cells: pd.DataFrame

    @cached_property
    def latents(self) -> pd.DataFrame:
        """A row per latent of every cell: cell (row in `cells`), then each column of /latents (index, firing_rate)."""
        return self._long("latents", "index")

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row per point of every training curve: cell (row in `cells`), then each column of /curves
        (step, tokens, loss, explained_variance, l0, dead_fraction, learning_rate)."""
        return self._long("curves", "step")

    def count(self, state: str) -> int:
        """Number of cells in a state (one of STATES)."""
        return int((self.cells["state"] == state).sum())

    def firing_rates(self, rows: list[int]) -> np.ndarray:
        """Firing rates of all latents of some cells (rows of `cells`), one after another; without padding."""
        with _open(self.path) as file:
            if "firing_rate" not in file.get("latents", {}):
                return np.empty(0)
            data = file["latents/firing_rate"]
            rates = [data[row] for row in rows]
        rates = np.concatenate(rates) if rates else np.empty(0)
        return rates[np.isfinite(rates)]

    def _reached(self, stage: int) -> np.ndarray:
        """For each cell, whether the columns of a stage are whole."""
        return self.cells["stage"].isin(STAGES[stage:]).to_numpy()

    def _long(self, group: str, key: str) -> pd.DataFrame:
        """A [cells, n] group as one row per entry; entries whose key is below 0 are padding."""
        with _open(self.path) as file:
            columns = {name: data[:] for name, data in file.get(group, {}).items() if _is_wide(data, len(self.cells))}
        if key not in columns:
            return pd.DataFrame({"cell": np.empty(0, int), key: np.empty(0, int)})
        used = (columns[key] >= 0) & self._reached(EVALUATED if group == "latents" else TRAINED)[:, None]
        frame = {"cell": np.nonzero(used)[0]}
        for name, values in columns.items():
            if values.shape[:2] == used.shape:
                frame[name] = _decoded(values[used])
        return pd.DataFrame(frame)


def load(path: str | Path) -> Results:
    """Reads a results file, or results.h5 of a folder; a run may be writing it. Throws ResultsError."""
    path = Path(path)
    if path.is_dir():
        path = path / "results.h5"
    with _open(path) as file:
        info = {name: _plain(value) for name, value in file.attrs.items()}
        _check(path, info)
        return Results(path, info, _cells(path, file))


def _open(path: Path) -> h5py.File:
    if not path.is_file():
        raise ResultsError(f"{path}: no such file; give the results.h5 of a sweep's output folder")
    try:
        return h5py.File(path, "r", locking=False)  # a run that writes the file must not be disturbed
    except OSError as error:
        raise ResultsError(f"{path}: not an HDF5 file ({error}); give the results.h5 of a sweep's output folder") from error


def _check(path: Path, info: dict[str, Any]) -> None:
    filetype = info.get("filetype", "missing")
    if filetype != FILETYPE:
        raise ResultsError(f"{path}: attribute filetype is {filetype!r}, expected {FILETYPE!r}; not a results file of saesweep")
    version = info.get("version", "missing")
    if version != VERSION:
        raise ResultsError(
            f"{path}: results version {version}, this report reads version {VERSION}; "
            "use the analysis package of the saesweep that wrote the file"
        )


def _cells(path: Path, file: h5py.File) -> pd.DataFrame:
    group = file.get("cells")
    if not isinstance(group, h5py.Group) or "id" not in group:
        raise ResultsError(f"{path}: no dataset /cells/id; the file is damaged or its run never started")
    n_cells = len(group["id"])
    # While a run writes, a stage that is read first vouches for the columns read after it.
    names = sorted((name for name, data in group.items() if data.ndim == 1), key=lambda name: name not in ("state", "stage"))
    columns = {name: _decoded(group[name][:]) for name in names}
    for name, values in columns.items():
        if len(values) != n_cells:
            raise ResultsError(f"{path}: /cells/{name} has {len(values)} rows, /cells/id has {n_cells}; the file is damaged")
    cells = pd.DataFrame(columns)
    missing = dict.fromkeys(TEXT_COLUMNS, "") | dict.fromkeys(INTEGER_COLUMNS, -1)
    missing |= {"state": 0, "stage": 0} | dict.fromkeys(FLOAT_COLUMNS, np.nan)
    for name, value in missing.items():
        if name not in cells:
            cells[name] = value
    for name, stage in _STAGE_OF.items():
        cells.loc[cells["stage"] < stage, name] = missing[name]
    cells = cells[[*missing, *(name for name in columns if name not in missing)]].copy()
    cells["evaluated"] = cells["stage"].astype(int) >= EVALUATED
    cells["state"] = _words(cells["state"], STATES)
    cells["stage"] = _words(cells["stage"], STAGES)
    return cells


def _words(codes: pd.Series, words: tuple[str, ...]) -> list[str]:
    return [words[code] if 0 <= code < len(words) else f"unknown ({code})" for code in codes.astype(int)]


def _is_wide(data: Any, n_cells: int) -> bool:
    return isinstance(data, h5py.Dataset) and data.ndim == 2 and data.shape[0] == n_cells


def _decoded(values: np.ndarray) -> Any:
    """Text columns as str (fixed-length UTF-8, NUL padded, in the file); numbers as they are."""
    if values.dtype.kind not in "SO":
        return values
    return pd.Series([_plain(value) for value in values], dtype="str")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").rstrip("\0")
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    return value.item() if isinstance(value, np.generic) else value
