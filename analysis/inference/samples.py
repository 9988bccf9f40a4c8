"""A metric's numbers by variant and seed: what all inference starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..summary import SETTINGS

#: What is compared stands in one group: the same SAE settings, model and layer.
GROUP = [*SETTINGS, "model", "layer"]
#: Resampled means of each cell's latents, from which the bootstrap draws.
POOL = 400


@dataclass(frozen=True)
class Sample:
    """One variant's numbers of one metric. All arrays are [groups, init seeds, SAE seeds], NaN where there is no number.

    values: of the SAE. error, error_df: variance of that value as a mean over the SAE's latents, and its degrees of
    freedom; n_latents: these latents. pool: [.., POOL] means of latents drawn anew with replacement; None where the metric
    is none of latents.
    """

    values: np.ndarray
    error: np.ndarray
    error_df: np.ndarray
    n_latents: np.ndarray
    pool: np.ndarray | None

    def take(self, groups: np.ndarray | list[int]) -> Sample:
        """Some of the groups, by index."""
        groups = np.asarray(groups, int)
        pool = None if self.pool is None else self.pool[groups]
        return Sample(self.values[groups], self.error[groups], self.error_df[groups], self.n_latents[groups], pool)

    def mean_over_groups(self, kept: np.ndarray) -> Sample:
        """One group, the mean of all of this sample's; seeds outside kept [init seeds, SAE seeds] become missing.

        The variance of a mean of independent means, its degrees of freedom by Satterthwaite (1946).
        """
        error = self.error.sum(0)
        with np.errstate(divide="ignore", invalid="ignore"):  # no scatter, or a variance that is known: df is infinite
            error_df = error**2 / (self.error**2 / self.error_df).sum(0)
        pool = None if self.pool is None else self.pool.mean(0)[None]
        parts = (self.values.mean(0), error / len(self.error) ** 2, error_df, self.n_latents.sum(0))
        values, error, error_df, n_latents = (np.where(kept, part, np.nan)[None] for part in parts)
        return Sample(values, error, error_df, n_latents, pool)


def stacked(parts: Sequence[Sample]) -> Sample:
    """The groups of several samples of one metric, one after another."""
    columns = zip(*[(part.values, part.error, part.error_df, part.n_latents) for part in parts])
    values, error, error_df, n_latents = (np.concatenate(column) for column in columns)
    pool = None if parts[0].pool is None else np.concatenate([part.pool for part in parts])
    return Sample(values, error, error_df, n_latents, pool)


@dataclass(frozen=True)
class Samples:
    """All variants of one metric, on the same axes. groups: a row per group, columns GROUP."""

    groups: pd.DataFrame
    variants: dict[str, Sample]


def enter(cells: pd.DataFrame) -> pd.Series:
    """Which cells have their metrics, and belong to the sweep as it is: rows of an earlier state of its file may be alike in all
    that is compared, and yet have been trained otherwise."""
    return cells["evaluated"] & cells["in_sweep"] if "in_sweep" in cells else cells["evaluated"]


def samples(cells: pd.DataFrame, latents: pd.DataFrame, metric: str, rng: np.random.Generator | None = None) -> Samples:
    """The numbers of a metric (a column) of the cells that `enter`. Without rng there is no pool.

    cells: of summary.with_settings, its index is what `latents.cell` names.
    """
    cells = cells[enter(cells) & np.isfinite(cells[metric])] if metric in cells else cells.iloc[:0]
    columns = {"values": cells[metric].to_numpy(float)} if metric in cells else {"values": np.empty(0)}
    return arranged(cells, columns | _latent_columns(cells, latents, metric), None if rng is None else _pool(cells, latents, metric, rng))


def arranged(cells: pd.DataFrame, columns: Mapping[str, np.ndarray], pool: np.ndarray | None = None) -> Samples:
    """Numbers of cells, a value a cell (and a row of the pool), by group, variant and seeds; `columns` as a Sample's arrays are named.

    Cells alike in all of GROUP, variant and seeds count as one, their mean.
    """
    group = cells.groupby(GROUP, sort=False).ngroup().to_numpy()
    groups = cells[GROUP].drop_duplicates().reset_index(drop=True)
    init, init_seeds = pd.factorize(cells["init_seed"], sort=True)
    seed, sae_seeds = pd.factorize(cells["sae_seed"], sort=True)
    variant, variants = pd.factorize(cells["variant"], sort=True)
    shape = (len(groups), len(variants), len(init_seeds), len(sae_seeds))
    at = (group, variant, init, seed)
    arrays = {name: _averaged(shape, at, column) for name, column in columns.items()}
    wide = None
    if pool is not None:
        wide = np.full((*shape, POOL), np.nan)
        wide[at] = pool
    return Samples(groups, {
        name: Sample(**{key: values[:, i] for key, values in arrays.items()}, pool=None if wide is None else wide[:, i])
        for i, name in enumerate(variants)
    })  # fmt: skip


def _averaged(shape: Sequence[int], at: tuple[np.ndarray, ...], values: np.ndarray) -> np.ndarray:
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, at, values)
    np.add.at(count, at, 1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _latent_columns(cells: pd.DataFrame, latents: pd.DataFrame, metric: str) -> dict[str, np.ndarray]:
    if metric not in latents:
        return dict.fromkeys(("error", "error_df", "n_latents"), np.full(len(cells), np.nan))
    of_cell = latents.groupby("cell")[metric].agg(["var", "count"]).reindex(cells.index)
    count = of_cell["count"].fillna(0).to_numpy(float)
    return {"error": of_cell["var"].to_numpy(float) / np.maximum(count, 1), "error_df": np.where(count > 1, count - 1, np.nan), "n_latents": count}


def _pool(cells: pd.DataFrame, latents: pd.DataFrame, metric: str, rng: np.random.Generator) -> np.ndarray | None:
    """[cells, POOL]: means of as many latents as the cell has, drawn from them with replacement.

    Cells with equally many latents share the draws: rows of the pool are picked at random later, each cell's for itself.
    """
    if metric not in latents:
        return None
    known = latents.loc[np.isfinite(latents[metric]), ["cell", metric]]
    values = dict(zip(*_split(known["cell"].to_numpy(), known[metric].to_numpy(float))))
    pool = np.repeat(cells[metric].to_numpy(float)[:, None], POOL, axis=1)
    rows: dict[int, list[int]] = {}
    for row, label in enumerate(cells.index):
        rows.setdefault(len(values.get(label, ())), []).append(row)
    for n, members in rows.items():
        if n:
            weights = rng.multinomial(n, np.full(n, 1 / n), POOL) / n
            pool[members] = np.stack([values[cells.index[row]] for row in members]) @ weights.T
    return pool


def _split(keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Values by key: the keys that occur, and the values of each."""
    order = np.argsort(keys, kind="stable")
    unique, starts = np.unique(keys[order], return_index=True)
    return unique, np.split(values[order], starts[1:]) if len(unique) else []
