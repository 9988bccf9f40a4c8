"""Which seeds of two arms are compared, and how: by what is there, never by the numbers. docs/statistics.md gives the reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: Bases of an interval.
SEEDS, THIS_SAE, NONE = "seeds", "this SAE only", "none"
#: Designs over seeds.
PAIRED, WELCH = "paired", "welch"

#: What an interval over seeds speaks of.
THESE_WEIGHTS = "these weights, other SAE seeds"
OTHER_WEIGHTS = "other init seeds, other SAE seeds"
OTHER_WEIGHTS_ONE_START = "other init seeds, this SAE seed"


@dataclass(frozen=True)
class Block:
    """The seeds of two arms that enter a comparison: rows (init seeds) of each, and SAE seeds; indices of a Sample's axes.

    kind: PAIRED, WELCH, THIS_SAE or NONE. same_init: rows of a and b belong together, row by row. Arms of kind WELCH
    use all their numbers.
    """

    kind: str
    rows_a: np.ndarray
    rows_b: np.ndarray
    columns: np.ndarray
    same_init: bool = False


def complete(mask: np.ndarray, keep_row: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a mask between which nothing is missing: what misses most goes first, columns before rows.

    keep_row: of the rows left, which may not go.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    while not mask[np.ix_(rows, columns)].all():
        part = ~mask[np.ix_(rows, columns)]
        of_rows = np.where(keep_row(rows), -1.0, part.mean(1))
        of_columns = part.mean(0)
        if of_columns.max() >= of_rows.max():
            columns = np.delete(columns, of_columns.argmax())
        else:
            rows = np.delete(rows, of_rows.argmax())
    return rows, columns


def block(mask_a: np.ndarray, mask_b: np.ndarray, same_init: bool) -> Block:
    """How to compare two arms with these numbers [init seeds, SAE seeds]. same_init: equal init seeds draw the same tensors."""
    common = np.flatnonzero(mask_a.any(1) & mask_b.any(1))
    if same_init and len(common) >= 2:
        rows, columns = complete((mask_a & mask_b)[common], lambda rows: np.full(len(rows), len(rows) <= 2))
        if len(rows) >= 2 and len(columns):
            return Block(PAIRED, common[rows], common[rows], columns, True)
    n = len(mask_a)
    both = np.concatenate([mask_a, mask_b])
    rows, columns = complete(both, lambda rows: np.where(rows < n, (rows < n).sum() <= 1, (rows >= n).sum() <= 1))
    rows_a, rows_b = rows[rows < n], rows[rows >= n] - n
    if len(columns) >= 2 and len(rows_a) and len(rows_b):
        return Block(PAIRED, rows_a, rows_b, columns)
    counts = [_n_replicates(mask) for mask in (mask_a, mask_b)]
    if min(counts) >= 2:
        return Block(WELCH, np.flatnonzero(mask_a.any(1)), np.flatnonzero(mask_b.any(1)), np.arange(mask_a.shape[1]))
    if min(counts) == 0:
        nothing = np.empty(0, int)
        return Block(NONE, nothing, nothing, nothing)
    shared = np.flatnonzero(mask_a.any(0) & mask_b.any(0))
    column_a, column_b = (shared[0] if len(shared) else mask.any(0).argmax() for mask in (mask_a, mask_b))
    row_a, row_b = mask_a[:, column_a].argmax(), mask_b[:, column_b].argmax()
    return Block(THIS_SAE, np.array([row_a]), np.array([row_b]), np.array([column_a, column_b]))


def _n_replicates(mask: np.ndarray) -> int:
    """Init seeds where there are several, else SAE seeds."""
    return int(mask.any(1).sum()) if mask.any(1).sum() > 1 else int(mask.sum())


def claim_of(*values: np.ndarray) -> str:
    """What differences over these replicates [groups, init seeds, SAE seeds] speak of."""
    if all(arm.shape[1] == 1 for arm in values):
        return THESE_WEIGHTS
    several_starts = any(np.isfinite(arm[:, row]).all(0).sum() > 1 for arm in values for row in range(arm.shape[1]))
    return OTHER_WEIGHTS if several_starts else OTHER_WEIGHTS_ONE_START
