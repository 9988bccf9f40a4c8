"""The bootstrap over seeds and latents. It stands beside the t intervals: with few seeds it is too narrow (docs/statistics.md)."""

from __future__ import annotations

import numpy as np

from .designs import NONE, THIS_SAE, WELCH, Block
from .samples import POOL, Sample

#: Numbers held at a time.
AT_ONCE = 4_000_000


def interval(a: Sample, b: Sample, how: Block, level: float, draws: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval of the difference, [groups] each: init seeds, SAE seeds and then latents drawn with replacement, in
    both arms the same seeds where they are paired. Groups share the drawn seeds. NaN where nothing can be drawn."""
    n_groups = len(a.values)
    low, high = np.full((2, n_groups), np.nan)
    if how.kind == NONE or (how.kind == THIS_SAE and a.pool is None):
        return low, high
    seeds = _drawn_seeds(a, b, how, draws, rng)
    step = max(1, AT_ONCE // max(index[0].size for index in seeds))
    tails = [(1 - level) / 2, (1 + level) / 2]
    for start in range(0, n_groups, step):
        part = slice(start, start + step)
        means = [_means(arm, part, index, rng) for arm, index in zip((a, b), seeds)]
        low[part], high[part] = np.quantile(means[0] - means[1], tails, axis=1)
    return low, high


def _drawn_seeds(a: Sample, b: Sample, how: Block, draws: int, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each arm, indices of init seeds and SAE seeds, [draws, seeds of the arm]."""
    if how.kind == WELCH:
        return [_unpaired(arm, rows, draws, rng) for arm, rows in ((a, how.rows_a), (b, how.rows_b))]
    if how.kind == THIS_SAE:
        one = [(rows[0], column) for rows, column in zip((how.rows_a, how.rows_b), how.columns)]
        return [(np.full((draws, 1), row), np.full((draws, 1), column)) for row, column in one]
    columns = _drawn(how.columns, draws, rng)
    rows_a = _drawn(how.rows_a, draws, rng)
    return [_crossed(rows_a, columns), _crossed(rows_a if how.same_init else _drawn(how.rows_b, draws, rng), columns)]


def _unpaired(arm: Sample, rows: np.ndarray, draws: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """SAE seeds within init seeds; of init seeds with several SAE seeds, as many as the fewest have."""
    known = np.isfinite(arm.values[0])
    per_row = [np.flatnonzero(known[row]) for row in rows]
    n = min(map(len, per_row))
    picked = rng.integers(0, len(rows), (draws, len(rows)))
    columns = np.stack([rng.choice(columns, (draws, len(rows), n)) for columns in per_row])
    of_row = np.take_along_axis(columns, picked[None, :, :, None], 0)[0]
    return np.broadcast_to(rows[picked][:, :, None], of_row.shape), of_row


def _drawn(of: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    return of[rng.integers(0, len(of), (draws, len(of)))]


def _crossed(rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    of_rows, of_columns = np.broadcast_arrays(rows[:, :, None], columns[:, None, :])
    return of_rows.reshape(len(of_rows), -1), of_columns.reshape(len(of_columns), -1)


def _means(arm: Sample, groups: slice, index: tuple[np.ndarray, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """[groups, draws]: means over the drawn seeds, each of which draws its latents for itself."""
    rows, columns = (part.reshape(len(part), -1) for part in index)
    if arm.pool is None:
        return arm.values[groups][:, rows, columns].mean(2)
    return arm.pool[groups][:, rows, columns, rng.integers(0, POOL, rows.shape)].mean(2)
