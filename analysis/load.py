"""Results files as pandas frames. docs/results.md describes the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

FILETYPE = "saesweep-results"
VERSION = 5

STATES = ("to come", "started", "done", "failed")
STAGES = ("none", "trained", "evaluated", "harvested", "scored")
EVALUATED, SCORED = STAGES.index("evaluated"), STAGES.index("scored")
#: Of /latents/status.
LATENT_SCORED = 2

#: Columns that `cells` always has.
TEXT_COLUMNS = ("id", "evaluate_id", "score_id", "model", "variant", "hookpoint", "architecture", "failure", "host", "judge")
INTEGER_COLUMNS = (
    "init_seed", "layer", "expansion_factor", "k", "sae_seed", "tokens",
    "d_in", "n_latents", "tokens_trained", "tokens_evaluated", "tokens_ce", "rank",
    "vocabulary", "n_scored", "n_judged", "n_missing", "n_unparsable",
)  # fmt: skip
FLOAT_COLUMNS = (
    "penalty",
    "explained_variance", "cosine_similarity", "mse",
    "explained_variance_no_first", "cosine_similarity_no_first", "mse_no_first",
    "explained_variance_train", "l0", "l1", "dead_fraction",
    "mmcs", "l1_sqrt_l2", "hoyer",
    "ce_clean", "ce_sae", "ce_zero", "ce_loss_score", "kl_sae", "kl_zero", "kl_score",
    "train_loss", "train_seconds", "evaluate_seconds", "tokens_per_second",
    "qualifying_share", "token_entropy",
    "fuzz_auroc", "fuzz_auroc_null", "detection_auroc", "detection_auroc_null",
    "simulation_correlation", "simulation_correlation_null",
)  # fmt: skip


class ResultsError(Exception):
    """A file that cannot be read as results; the message names the file and what to do."""


@dataclass(frozen=True)
class Example:
    """A window of text: its tokens, and what the latent makes of them."""

    tokens: list[str]
    activations: np.ndarray


@dataclass(frozen=True)
class Results:
    """One results file.

    info: the root attributes by name (sweep_name, sweep, software_<library>, machine, created, version).
    cells: a row per cell, in the order of the file. Every column of /cells, and NaN (numbers), -1 (integers)
        or "" (text) for what the file lacks or the row's stage has not written. `state` and `stage` are words (see STATES and STAGES);
        `evaluated` says whether the metrics of the row are whole, `scored` whether the scores are.
    """

    path: Path
    info: dict[str, Any]
    cells: pd.DataFrame

    @cached_property
    def latents(self) -> pd.DataFrame:
        """A row per latent drawn to be scored that qualified: cell (row in `cells`), slot (place in /latents), then each
        column of /latents: index, token_entropy, fuzz_auroc, explanation and so on."""
        return self._long("latents", "index")

    @cached_property
    def all_latents(self) -> pd.DataFrame:
        """A row per latent of every SAE: cell (row in `cells`), slot (the latent's number), firing_rate, status."""
        return self._long("all_latents", "firing_rate")

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row per point of every training curve: cell (row in `cells`), slot (number of the point), then each column
        of /curves (step, tokens, loss, explained_variance, l0, dead_fraction, learning_rate)."""
        return self._long("curves", "step")

    def count(self, state: str) -> int:
        """Number of cells in a state (one of STATES)."""
        return int((self.cells["state"] == state).sum())

    def firing_rates(self, rows: list[int]) -> np.ndarray:
        """Firing rates of all latents of some cells (rows of `cells`), one after another; without padding."""
        rates = self._rows("all_latents/firing_rate", rows)
        return rates[np.isfinite(rates)]

    def predictions(self, scorer: str, rows: list[int], slot: int | slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
        """Probability and truth (0 or 1) of each example that the judge answered, of all latents or one of some scored
        cells (rows of `cells`). scorer: "fuzz" or "detection"."""
        probability = self._rows(f"predictions/{scorer}_probability", rows, slot)
        truth = self._rows(f"predictions/{scorer}_truth", rows, slot)
        answered = (truth >= 0) & np.isfinite(probability) if probability.shape == truth.shape else []
        return probability[answered], truth[answered]

    def top_examples(self, row: int, slot: int, most: int) -> list[Example]:
        """Windows in which a latent's activation peaks, the highest first. slot: of `latents`."""
        with _open(self.path) as file:
            group = file.get("examples", {})
            if not {"kind", "token", "activation"} <= set(group):
                return []
            at = np.flatnonzero(group["kind"][row, slot] == 0)[:most]
            tokens, activations = group["token"][row, slot], group["activation"][row, slot]
        words = self._vocabulary(int(self.cells["vocabulary"][row]))
        return [Example([words[t] if 0 <= t < len(words) else f"[{t}]" for t in tokens[i] if t >= 0], activations[i][tokens[i] >= 0]) for i in at]

    def of_cell(self, row: int, names: Iterable[str]) -> dict[str, np.ndarray]:
        """One cell's rows of some datasets ("examples/token"), whole; without those that the file lacks or that the cell's stage
        has not written. row: of `cells`."""
        with _open(self.path) as file:
            reached = STAGES.index(self.cells["stage"][row]) if self.cells["stage"][row] in STAGES else 0
            return {name: file[name][row] for name in names if name in file and row < len(file[name]) and _stage_of(file[name]) <= reached}

    def token_texts(self, row: int) -> list[str]:
        """Texts of the token ids of one cell's model; empty where the file does not name them. row: of `cells`."""
        return self._vocabulary(int(self.cells["vocabulary"][row]))

    def peak_quantiles(self, row: int, slot: int) -> np.ndarray:
        """Quantiles 0, 0.1 to 1 of the peaks of a latent's windows; empty where there are none."""
        values = self._rows("latents/peak_quantiles", [row], slot)
        return values if np.isfinite(values).all() else np.empty(0)

    def _vocabulary(self, place: int) -> list[str]:
        if place not in self._vocabularies:
            with _open(self.path) as file:
                known = file.get("vocabularies/token", np.empty((0, 0), "S1"))
                self._vocabularies[place] = [_plain(text) for text in known[place]] if 0 <= place < len(known) else []
        return self._vocabularies[place]

    @cached_property
    def _vocabularies(self) -> dict[int, list[str]]:
        return {}

    def _rows(self, name: str, rows: list[int], slot: int | slice = slice(None)) -> np.ndarray:
        """Some rows of a dataset, flat, one after another; nothing where the file lacks it."""
        with _open(self.path) as file:
            if name not in file or not rows:
                return np.empty(0)
            return np.concatenate([file[name][row, slot].ravel() for row in rows])

    def _reached(self, stage: int) -> np.ndarray:
        """For each cell, whether the columns of a stage are whole."""
        return self.cells["stage"].isin(STAGES[stage:]).to_numpy()

    def _long(self, group: str, key: str) -> pd.DataFrame:
        """A [cells, n] group as one row per entry; entries whose key is missing are padding."""
        with _open(self.path) as file:
            stages = {name: _stage_of(data) for name, data in file.get(group, {}).items() if _is_wide(data, len(self.cells))}
            columns = {name: file[group][name][:] for name in stages}
        if key not in columns:
            return pd.DataFrame({"cell": np.empty(0, int), "slot": np.empty(0, int), key: np.empty(0, int)})
        used = ~_is_missing(columns[key]) & self._reached(stages[key])[:, None]
        cell, slot = np.nonzero(used)
        frame = {"cell": cell, "slot": slot}
        for name, values in columns.items():
            if values.shape == used.shape:
                frame[name] = _masked(_decoded(values[used]), ~self._reached(stages[name])[cell])
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
    for name in names:
        cells[name] = _masked(cells[name], (cells["stage"] < _stage_of(group[name])).to_numpy())
    cells = cells[[*missing, *(name for name in columns if name not in missing)]].copy()
    cells["evaluated"] = cells["stage"].astype(int) >= EVALUATED
    cells["scored"] = cells["stage"].astype(int) >= SCORED
    cells["state"] = _words(cells["state"], STATES)
    cells["stage"] = _words(cells["stage"], STAGES)
    return cells


def _stage_of(data: h5py.Dataset) -> int:
    """The stage that writes a dataset; in rows at an earlier stage it may hold anything."""
    return int(data.attrs.get("stage", 0))


def _masked(values: Any, unwritten: np.ndarray) -> Any:
    """A column with "missing" where its stage has not written it."""
    values = pd.Series(values).reset_index(drop=True)
    numeric = pd.api.types.is_numeric_dtype(values)
    missing = "" if not numeric else np.nan if values.dtype.kind == "f" else 0 if values.dtype.kind == "u" else -1
    return values.where(~unwritten, missing)


def _is_missing(values: np.ndarray) -> np.ndarray:
    return np.isnan(values) if values.dtype.kind == "f" else values < 0


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
