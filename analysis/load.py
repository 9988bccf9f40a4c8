"""Results files as pandas frames. docs/analysis.md describes the frames, docs/results.md the files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from .columns import described
from .files import SCORED, STAGES, STATES, ResultsError, ResultsFile, decoded, finished, is_missing, masked, members, plain, read_file, stage_of
from .merge import merged, result_files

__all__ = ["LATENT_SCORED", "STAGES", "STATES", "Example", "Results", "ResultsError", "load"]

#: Of /latents/status.
LATENT_SCORED = 2
#: Of each long frame that is a group of the file: the column that is missing where an entry is padding.
KEYS = {"latents": "index", "all_latents": "firing_rate", "curves": "step"}
#: What `judged` is sorted by, and its columns.
JUDGED_ORDER = ["cell", "slot", "scorer", "null", "place"]
JUDGED_COLUMNS = ["cell", "slot", "latent", "scorer", "null", "place", "example", "probability", "answer", "truth", "marks"]


@dataclass(frozen=True)
class Example:
    """A window of text: its tokens, and what the latent makes of them."""

    tokens: list[str]
    activations: np.ndarray


@dataclass(frozen=True)
class Results:
    """The results of one sweep, of one file or several. `describe` gives unit and meaning of every column.

    path: of the first file. info: the root attributes by name (sweep_name, sweep, software_<library>, machine, created,
        version), of the newest file where there are several.
    cells: a row per cell, in the order of the file; of several files in the sweep's. Every column of /cells, and NaN (numbers),
        -1 (integers) or "" (text) for what the file lacks or the row's stage has not written. `state` and `stage` are words
        (see STATES and STAGES); `evaluated` says whether the metrics of the row are whole, `scored` whether the scores are;
        `in_sweep` is false for rows of an earlier state of the sweep.
    grid: a row per cell of the whole sweep, of which the files may hold a part: id, evaluate_id, score_id, settings (for
        people), cell (row in `cells`, or -1) and state.
    """

    path: Path
    info: dict[str, Any]
    cells: pd.DataFrame
    grid: pd.DataFrame
    sources: tuple[ResultsFile, ...]
    #: Of each cell: which of the sources has it, and in which row.
    source: np.ndarray
    source_row: np.ndarray

    @property
    def files(self) -> list[Path]:
        return [source.path for source in self.sources]

    @cached_property
    def latents(self) -> pd.DataFrame:
        """A row per latent drawn to be scored that qualified: cell (row in `cells`), slot (place in /latents), then each
        column of /latents: index, token_entropy, fuzz_auroc, explanation and so on."""
        return self.frame_of("latents", range(len(self.cells)))

    @cached_property
    def all_latents(self) -> pd.DataFrame:
        """A row per latent of every SAE: cell (row in `cells`), slot (the latent's number), firing_rate, status."""
        return self.frame_of("all_latents", range(len(self.cells)))

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row per point of every training curve: cell (row in `cells`), slot (number of the point), then each column
        of /curves (step, tokens, loss, explained_variance, l0, dead_fraction, learning_rate)."""
        return self.frame_of("curves", range(len(self.cells)))

    @cached_property
    def judged(self) -> pd.DataFrame:
        """A row per example that the judge was asked about: cell (row in `cells`), slot (place in /latents), latent (its
        number), scorer ("fuzz" or "detection"), null (whether under another latent's explanation), place (in the order
        asked), example (in /examples), probability (NaN: no answer), answer, truth, marks."""
        return self.frame_of("judged", range(len(self.cells)))

    def frame_of(self, frame: str, rows: Iterable[int]) -> pd.DataFrame:
        """What `latents`, `all_latents`, `curves` or `judged` (frame) have of some cells (rows of `cells`), for work in bounded memory."""
        rows = np.unique(np.fromiter(rows, int))
        return self._judged_of(rows) if frame == "judged" else self._long(frame, KEYS[frame], rows)

    def _judged_of(self, rows: np.ndarray) -> pd.DataFrame:
        parts = [part for row in rows for part in self._judged_parts(row)]
        if not parts:
            return pd.DataFrame({name: np.empty(0, int) for name in JUDGED_COLUMNS}).astype({"scorer": str, "null": bool, "probability": float})
        return pd.concat(parts, ignore_index=True).sort_values(JUDGED_ORDER, ignore_index=True)

    def describe(self) -> pd.DataFrame:
        """A row per column of every frame: frame, column, unit, meaning, reproducible (whether two runs agree in every bit)."""
        frames = {"cells": self.cells, "grid": self.grid, "judged": self.frame_of("judged", np.flatnonzero(self.cells["scored"])[:1])}
        columns = {name: list(frame.columns) for name, frame in frames.items()}
        with self.sources[0].open() as file:
            for name in ("latents", "all_latents", "curves"):
                wide = [column for column, data in members(file, name).items() if data.ndim == 2]
                columns[name] = ["cell", "slot", *wide]
            return described(file, columns)

    def count(self, state: str) -> int:
        """Number of cells in a state (one of STATES)."""
        return int((self.cells["state"] == state).sum())

    def firing_rates(self, rows: Sequence[int]) -> np.ndarray:
        """Firing rates of all latents of some cells (rows of `cells`), one after another; without padding."""
        rates = self._rows("all_latents/firing_rate", rows)
        return rates[np.isfinite(rates)]

    def predictions(self, scorer: str, rows: Sequence[int], slot: int | slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
        """Probability and truth (0 or 1) of each example that the judge answered, of all latents or one of some scored
        cells (rows of `cells`). scorer: "fuzz" or "detection"."""
        probability = self._rows(f"predictions/{scorer}_probability", rows, slot)
        truth = self._rows(f"predictions/{scorer}_truth", rows, slot)
        if probability.shape != truth.shape:
            return np.empty(0), np.empty(0)
        answered = (truth >= 0) & np.isfinite(probability)
        return probability[answered], truth[answered]

    def top_examples(self, row: int, slot: int, most: int) -> list[Example]:
        """Windows in which a latent's activation peaks, the highest first. slot: of `latents`."""
        with self._open(row) as (file, at):
            group = members(file, "examples")
            if not {"kind", "token", "activation"} <= set(group):
                return []
            top = np.flatnonzero(group["kind"][at, slot] == 0)[:most]
            tokens, activations = group["token"][at, slot], group["activation"][at, slot]
        words = self.token_texts(row)
        return [Example(texts_of(tokens[i], words), activations[i][tokens[i] >= 0]) for i in top]

    def of_cell(self, row: int, names: Iterable[str]) -> dict[str, np.ndarray]:
        """One cell's rows of some datasets ("examples/token"), whole; without those that the file lacks or that the cell's stage
        has not written. row: of `cells`."""
        reached = STAGES.index(self.cells["stage"][row]) if self.cells["stage"][row] in STAGES else 0
        with self._open(row) as (file, at):
            return {name: file[name][at] for name in names if name in file and at < len(file[name]) and stage_of(file[name]) <= reached}

    def token_texts(self, row: int) -> list[str]:
        """Texts of the token ids of one cell's model; empty where the file does not name them. row: of `cells`."""
        key = int(self.source[row]), int(self.cells["vocabulary"][row])
        if key not in self._vocabularies:
            with self._open(row) as (file, _):
                known = members(file, "vocabularies").get("token", np.empty((0, 0), "S1"))
                self._vocabularies[key] = [plain(text) for text in known[key[1]]] if 0 <= key[1] < len(known) else []
        return self._vocabularies[key]

    def peak_quantiles(self, row: int, slot: int) -> np.ndarray:
        """Quantiles 0, 0.1 to 1 of the peaks of a latent's windows; empty where there are none."""
        values = self._rows("latents/peak_quantiles", [row], slot)
        return values if np.isfinite(values).all() else np.empty(0)

    @cached_property
    def _vocabularies(self) -> dict[tuple[int, int], list[str]]:
        return {}

    @contextmanager
    def _open(self, row: int) -> Iterator[tuple[h5py.File, int]]:
        """The file that has a cell, and its row there."""
        with self.sources[self.source[row]].open() as file:
            yield file, int(self.source_row[row])

    def _rows(self, name: str, rows: Sequence[int], slot: int | slice = slice(None)) -> np.ndarray:
        """Some rows of a dataset, flat, one after another; nothing where a file lacks it."""
        parts: dict[int, np.ndarray] = {}
        for number in np.unique(self.source[list(rows)]):
            with self.sources[number].open() as file:
                if name not in file:
                    return np.empty(0)
                parts |= {row: file[name][self.source_row[row], slot].ravel() for row in rows if self.source[row] == number}
        return np.concatenate([parts[row] for row in rows]) if parts else np.empty(0)

    def _reached(self, stage: int) -> np.ndarray:
        """For each cell, whether the columns of a stage are whole."""
        return self.cells["stage"].isin(STAGES[stage:]).to_numpy()

    def _long(self, group: str, key: str, cells: np.ndarray) -> pd.DataFrame:
        """[cells, n] datasets as one row per entry, of some cells; entries whose key is missing are padding."""
        parts = [self._long_of(number, group, key, cells[self.source[cells] == number]) for number in np.unique(self.source[cells])]
        parts = [part for part in parts if part is not None]
        if not parts:
            return pd.DataFrame({"cell": np.empty(0, int), "slot": np.empty(0, int), key: np.empty(0, int)})
        return pd.concat(parts, ignore_index=True).sort_values(["cell", "slot"], ignore_index=True) if len(parts) > 1 else parts[0]

    def _long_of(self, number: int, group: str, key: str, cells: np.ndarray) -> pd.DataFrame | None:
        """_long of cells that one of the sources has."""
        rows = self.source_row[cells]
        first, last = rows.min(), rows.max()
        n_rows = len(self.sources[number].cells)
        with self.sources[number].open() as file:
            wide = {name: data for name, data in members(file, group).items() if _is_wide(data, n_rows)}
            stages = {name: stage_of(data) for name, data in wide.items()}
            columns = {name: data[first : last + 1][rows - first] for name, data in wide.items()}
        if key not in columns:
            return None
        used = ~is_missing(columns[key]) & self._reached(stages[key])[cells, None]
        place, slot = np.nonzero(used)
        frame: dict[str, Any] = {"cell": cells[place], "slot": slot}
        for name, values in columns.items():
            if values.shape == used.shape:
                frame[name] = masked(decoded(values[used]), ~self._reached(stages[name])[frame["cell"]])
        return pd.DataFrame(frame)

    def _judged_parts(self, row: int) -> Iterator[pd.DataFrame]:
        """`judged` of a cell, a part for each scorer and for its nulls."""
        if not self._reached(SCORED)[row]:
            return
        fields = ("probability", "answer", "truth", "example", "marks", "null_probability", "null_answer")
        names = [f"predictions/{scorer}_{field}" for scorer in ("fuzz", "detection") for field in fields]
        found = self.of_cell(row, ["latents/index", *names])
        for scorer in ("fuzz", "detection"):
            values = {field: found.get(f"predictions/{scorer}_{field}") for field in fields}
            if values["truth"] is not None and values["probability"] is not None:
                index = found.get("latents/index", np.full(len(values["truth"]), -1))
                yield _judged(row, scorer, index, values, null=False)
                if values["null_probability"] is not None:
                    yield _judged(row, scorer, index, values, null=True)


def load(*paths: str | Path) -> Results:
    """Reads the results of one sweep: a file, several (shards, which need not be merged), or folders with results.h5 and
    shards/*/results.h5. With several files each cell is read from the one where it stands furthest. Runs may be writing the files.
    Throws ResultsError where one is no results file, or they are of several sweeps."""
    found = result_files(paths)
    if not found:
        raise ResultsError("no file given; give the results.h5 of a sweep's output folder, or that folder")
    sources = tuple(read_file(path) for path in found)
    rows = merged(sources)
    cells = finished(rows.cells, {name: stage for source in sources for name, stage in source.stages.items()})
    row_of = pd.Series(cells.index, index=cells["id"])
    at = rows.grid["id"].map(row_of[~row_of.index.duplicated()]).fillna(-1).astype(int)
    grid = rows.grid.assign(cell=at, state=np.where(at >= 0, cells["state"].reindex(at).to_numpy(), STATES[0]))
    return Results(found[0], rows.info, cells, grid, sources, rows.file, rows.row)


def texts_of(tokens: Iterable[int], words: Sequence[str]) -> list[str]:
    """Texts of token ids, without padding; [id] where there is none."""
    return [words[token] if token < len(words) else f"[{token}]" for token in tokens if token >= 0]


def _judged(row: int, scorer: str, index: np.ndarray, values: dict[str, np.ndarray | None], null: bool) -> pd.DataFrame:
    """One scorer's examples of one cell. values: rows of /predictions by their names without the scorer's."""
    prefix = "null_" if null else ""
    probability, truth = values[prefix + "probability"], values["truth"]
    assert probability is not None and truth is not None
    asked = truth[: len(probability)] >= 0
    if null:  # a latent whose explanation no other one replaced has no null
        asked = asked & np.isfinite(probability).any(axis=1, keepdims=True)
    slot, place = np.nonzero(asked)

    def column(name: str, missing: int = -1) -> np.ndarray:
        data = values.get(name)
        return np.full(len(slot), missing) if data is None else data[slot, place]

    return pd.DataFrame({
        "cell": row, "slot": slot, "latent": index[slot], "scorer": scorer, "null": null, "place": place, "example": column("example"),
        "probability": probability[asked], "answer": column(prefix + "answer"), "truth": truth[slot, place], "marks": column("marks"),
    })  # fmt: skip


def _is_wide(data: Any, n_cells: int) -> bool:
    return isinstance(data, h5py.Dataset) and data.ndim == 2 and data.shape[0] == n_cells
