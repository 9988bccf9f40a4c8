"""Several results files of one sweep as one: its shards, or runs divided otherwise. The rule is that of `saesweep merge`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .files import DONE, EVALUATED, FAILED, SCORED, STARTED, TO_COME, TRAINED, ResultsError, ResultsFile

IDS = ["id", "evaluate_id", "score_id"]


@dataclass(frozen=True)
class Merged:
    """Rows of several files. cells: as in ResultsFile, of the sweep in its order, then rows that it has no more, and
    `in_sweep`, which tells these. file, row: where each cell's columns stand. grid: of the whole sweep."""

    info: dict[str, Any]
    cells: pd.DataFrame
    file: np.ndarray
    row: np.ndarray
    grid: pd.DataFrame


def result_files(paths: Sequence[str | Path]) -> list[Path]:
    """The results files that are meant: a file itself; of a folder, results.h5 and those of its shards. Each once."""
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        files = [path]
        if path.is_dir():
            shards = sorted(path.glob("shards/*/results.h5"))
            whole = path / "results.h5"
            files = shards + [whole] if whole.is_file() or not shards else shards
        for file in files:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def merged(files: Sequence[ResultsFile]) -> Merged:
    """A row a cell, from the file where it stands furthest. Throws ResultsError where the files are of several sweeps."""
    newest = max(files, key=lambda file: str(file.info.get("created", "")))
    if len(files) == 1:
        cells = newest.cells.assign(in_sweep=newest.cells["id"].isin(newest.grid["id"]))
        return Merged(newest.info, cells, np.zeros(len(cells), int), np.arange(len(cells)), newest.grid)
    _require_one_sweep(files)
    rows = pd.concat([file.cells.assign(_file=i, _row=np.arange(len(file.cells))) for i, file in enumerate(files)], ignore_index=True)
    asked = _asked(newest.grid, rows)
    rows = _judged(rows, asked, SCORED if (newest.grid["score_id"] != "").any() else EVALUATED)
    rows = rows.sort_values(["_order", "stage", "_settled"], ascending=[True, False, False], kind="stable")
    rows = rows.drop_duplicates("_order", ignore_index=True)
    machines = dict.fromkeys(str(file.info["machine"]) for file in files if "machine" in file.info)
    info = newest.info | {"shard": ""} | ({"machine": "; ".join(machines)} if machines else {})
    cells = rows[[name for name in rows if not str(name).startswith("_")]]
    return Merged(info, cells, rows["_file"].to_numpy(), rows["_row"].to_numpy(), newest.grid)


def _require_one_sweep(files: Sequence[ResultsFile]) -> None:
    """A file that shards were merged into, or stand beside, may hold an earlier state of their sweep."""
    shards_of = {file.path.resolve().parent.parent for file in files}
    strict = [file for file in files if file.path.resolve().parent / "shards" not in shards_of] or list(files)
    first = strict[0]
    for file in files:
        names = [str(one.info.get("sweep_name", "")) for one in (file, first)]
        if names[0] != names[1]:
            raise _refused(file, f"holds the sweep '{names[0]}', expected '{names[1]}', which {first.path} holds")
    for file in strict[1:]:
        place = _first_difference(file.grid, first.grid)
        if place is not None:
            found, expected = (_cell(one.grid, place) for one in (file, first))
            later = ", with other settings of evaluation or scores" if found == expected else ""
            raise _refused(file, f"holds cells of another sweep than {first.path}: cell {place} is {found}, expected {expected}{later}")


def _refused(file: ResultsFile, problem: str) -> ResultsError:
    return ResultsError(f"{file.path}: {problem}; give files of one sweep, or `compare` two")


def _first_difference(found: pd.DataFrame, expected: pd.DataFrame) -> int | None:
    common = min(len(found), len(expected))
    differs = (found[IDS].to_numpy()[:common] != expected[IDS].to_numpy()[:common]).any(axis=1)
    if differs.any():
        return int(differs.argmax())
    return None if len(found) == len(expected) else common


def _cell(grid: pd.DataFrame, place: int) -> str:
    return f"{grid['settings'][place]} ({grid['id'][place]})" if place < len(grid) else "no cell"


def _asked(grid: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The ids asked for: the grid's; then, of rows that it has no more, their own; without scores asked for, those that a
    row evaluated alike has."""
    grid = grid[IDS].assign(in_sweep=True)
    older = rows.loc[~rows["id"].isin(grid["id"]), IDS].drop_duplicates("id").assign(in_sweep=False)
    asked = pd.concat([grid[grid["id"].isin(rows["id"])], older], ignore_index=True)
    furthest = rows.sort_values("stage", ascending=False, kind="stable").drop_duplicates(["id", "evaluate_id"])
    kept = asked[["id", "evaluate_id"]].merge(furthest[IDS], how="left")["score_id"].fillna("")
    return asked.assign(score_id=asked["score_id"].where(asked["score_id"] != "", kept), _order=range(len(asked)))


def _judged(rows: pd.DataFrame, asked: pd.DataFrame, last_stage: int) -> pd.DataFrame:
    """The rows under the ids asked for, as far as they hold: results::Origins."""
    rows = rows.merge(asked, on="id", suffixes=("_found", ""))
    equal = np.select([rows["evaluate_id_found"] != rows["evaluate_id"], rows["score_id_found"] != rows["score_id"]], [TRAINED, EVALUATED], SCORED)
    stage = np.minimum(rows["stage"].astype(int), equal)
    alike = equal == SCORED
    done = ((rows["state"] == DONE) & alike) | (stage >= last_stage)
    failed = ~done & (rows["state"] == FAILED) & (rows["stage"] < equal)
    started = (rows["state"] == STARTED) & alike
    state = np.select([done, failed, started], [DONE, FAILED, STARTED], TO_COME)
    failure = rows["failure"].where(failed, "") if "failure" in rows else ""
    rows = rows.assign(stage=stage, state=state, failure=failure, _settled=2 * done + failed)
    return rows.drop(columns=["evaluate_id_found", "score_id_found"])
