"""One results file: opened, checked, and read row by row. docs/results.md describes it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from .shapes import misshapen

FILETYPE = "saesweep-results"
VERSION = 5

STATES = ("to come", "started", "done", "failed")
STAGES = ("none", "trained", "evaluated", "harvested", "scored")
TO_COME, STARTED, DONE, FAILED = range(4)
TRAINED, EVALUATED, HARVESTED, SCORED = range(1, 5)

GRID_COLUMNS = ("id", "evaluate_id", "score_id", "settings")
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
    "ce_clean", "ce_sae", "ce_zero", "ce_loss_score", "kl_sae", "kl_zero", "kl_score",
    "train_loss", "train_seconds", "evaluate_seconds", "tokens_per_second",
    "qualifying_share", "token_entropy",
    "fuzz_auroc", "fuzz_auroc_null", "detection_auroc", "detection_auroc_null",
    "simulation_correlation", "simulation_correlation_null",
    "mmcs", "l1_sqrt_l2", "hoyer",
)  # fmt: skip


class ResultsError(Exception):
    """Files that cannot be read as results; the message names the file and what to do."""


@dataclass(frozen=True)
class ResultsFile:
    """What a file says of its cells, read in one go.

    identity: tells the file that was read from another of the same name that replaced it, be it while this one was read. info: the root attributes.
    cells: every column of /cells, state and stage as numbers; a row's columns of later stages than its own may hold
    anything. stages: the stage that writes each column. grid: the cells of the whole sweep (GRID_COLUMNS).
    """

    path: Path
    identity: tuple[int, int]
    info: dict[str, Any]
    cells: pd.DataFrame
    stages: dict[str, int]
    grid: pd.DataFrame

    @contextmanager
    def open(self) -> Iterator[h5py.File]:
        """The file, to read more of it. Throws ResultsError where it is another one by now, or what is read of it is damaged."""
        with open_file(self.path) as file:
            if identity_of(file) != self.identity:
                raise ResultsError(
                    f"{self.path}: was replaced since it was loaded, as a run does that starts with other cells; load it again"
                )
            with _readable(self.path):
                yield file


def read_file(path: Path) -> ResultsFile:
    """Throws ResultsError. A run may be writing the file."""
    with open_file(path) as file, _readable(path):
        info = {name: plain(value) for name, value in file.attrs.items()}
        _check(path, info)
        wrong = misshapen(file)
        if wrong:
            raise ResultsError(f"{path}: {wrong}; the file is damaged: restore it, or move it aside and run the sweep again")
        cells, stages = _cells(path, file)
        return ResultsFile(path, identity_of(file), info, cells, stages, _grid(file, cells))


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Throws ResultsError for what h5py throws where parts of a file make no sense."""
    try:
        yield
    except (KeyError, OSError, RuntimeError) as error:
        raise ResultsError(
            f"{path}: cannot be read ({str(error).strip(chr(39))}); it is damaged, or a run is only now making it: where no run writes "
            "it, restore it, or move it aside and run the sweep again"
        ) from error


def open_file(path: Path) -> h5py.File:
    if not path.is_file():
        raise ResultsError(f"{path}: no such file; give the results.h5 of a sweep's output folder, or that folder")
    try:
        return h5py.File(path, "r", locking=False)  # a run that writes the file must not be disturbed
    except OSError as error:
        if h5py.is_hdf5(path):
            raise ResultsError(f"{path}: is cut short or damaged ({error}); restore it, or move it aside and run the sweep again") from error
        raise ResultsError(f"{path}: not an HDF5 file ({error}); give the results.h5 of a sweep's output folder") from error


def members(file: h5py.File, group: str) -> dict[str, h5py.Dataset]:
    """The datasets of a group, none where the file lacks it. `items()` of h5py would pass over those that are damaged."""
    return {name: file[group][name] for name in file[group]} if group in file else {}


def identity_of(file: h5py.File) -> tuple[int, int]:
    """Of the opened file, not of what has its name by now."""
    status = os.fstat(file.id.get_vfd_handle())
    return status.st_dev, status.st_ino


def stage_of(data: h5py.Dataset) -> int:
    """The stage that writes a dataset; in rows at an earlier stage it may hold anything."""
    return int(data.attrs.get("stage", 0))


def finished(cells: pd.DataFrame, stages: dict[str, int]) -> pd.DataFrame:
    """`cells` of a ResultsFile with "missing" where a row's stage has not written a column, and with words for states."""
    missing: dict[str, Any] = dict.fromkeys(TEXT_COLUMNS, "") | dict.fromkeys(INTEGER_COLUMNS, -1)
    missing |= {"state": 0, "stage": 0} | dict.fromkeys(FLOAT_COLUMNS, np.nan)
    stage = cells["stage"].astype(int).to_numpy()
    columns = {name: masked(cells[name], stage < stages.get(name, 0)) for name in cells}
    columns |= {name: pd.Series([value] * len(cells)) for name, value in missing.items() if name not in columns}
    frame = pd.DataFrame({name: columns[name] for name in [*missing, *(name for name in columns if name not in missing)]})
    frame["evaluated"] = stage >= EVALUATED
    frame["scored"] = stage >= SCORED
    frame["state"] = _words(frame["state"], STATES)
    frame["stage"] = _words(frame["stage"], STAGES)
    return frame


def masked(values: Any, unwritten: np.ndarray) -> pd.Series:
    """A column with "missing" where its stage has not written it."""
    values = pd.Series(values).reset_index(drop=True)
    numeric = pd.api.types.is_numeric_dtype(values)
    missing = "" if not numeric else np.nan if values.dtype.kind == "f" else 0 if values.dtype.kind == "u" else -1
    return values.where(~unwritten, missing)


def is_missing(values: np.ndarray) -> np.ndarray:
    return np.isnan(values) if values.dtype.kind == "f" else values < 0


def decoded(values: np.ndarray) -> Any:
    """Text columns as str (fixed-length UTF-8, NUL padded, in the file); numbers as they are."""
    if values.dtype.kind not in "SO":
        return values
    return pd.Series([plain(value) for value in values], dtype="str")


def plain(value: Any) -> Any:
    """An attribute or text as Python has it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").rstrip("\0")
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    return value.item() if isinstance(value, np.generic) else value


def _check(path: Path, info: dict[str, Any]) -> None:
    filetype = info.get("filetype", "missing")
    if filetype != FILETYPE:
        raise ResultsError(f"{path}: attribute filetype is {filetype!r}, expected {FILETYPE!r}; not a results file of saesweep")
    version = info.get("version", "missing")
    if version != VERSION:
        raise ResultsError(
            f"{path}: results version {version}, this package reads version {VERSION}; "
            "use that of the saesweep that wrote the file"
        )


def _cells(path: Path, file: h5py.File) -> tuple[pd.DataFrame, dict[str, int]]:
    group = file.get("cells")
    if not isinstance(group, h5py.Group) or "id" not in group:
        raise ResultsError(f"{path}: no dataset /cells/id; the file is damaged or its run never started")
    n_cells = len(group["id"])
    # While a run writes, a stage that is read first vouches for the columns read after it.
    names = sorted((name for name in group if group[name].ndim == 1), key=lambda name: name not in ("state", "stage"))
    columns = {name: decoded(group[name][:]) for name in names}
    empty = {name: np.zeros(n_cells, "u1") for name in ("state", "stage")} | {name: [""] * n_cells for name in ("evaluate_id", "score_id")}
    cells = pd.DataFrame({name: values for name, values in empty.items() if name not in columns} | columns)
    return cells, {name: stage_of(group[name]) for name in names}


def _grid(file: h5py.File, cells: pd.DataFrame) -> pd.DataFrame:
    """The cells of the whole sweep; those of the file where it does not say."""
    group = members(file, "grid")
    if "id" not in group or len(group["id"]) == 0:
        return cells.reindex(columns=GRID_COLUMNS, fill_value="")
    return pd.DataFrame({name: decoded(group[name][:]) if name in group else "" for name in GRID_COLUMNS})


def _words(codes: pd.Series, words: tuple[str, ...]) -> list[str]:
    return [words[code] if 0 <= code < len(words) else f"unknown ({code})" for code in codes.astype(int)]
