"""Difference of two variants' means and its standard error, by which seeds they share. docs/statistics.md gives the reasons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from .samples import Sample

#: Bases of an interval.
SEEDS, THIS_SAE, NONE = "seeds", "this SAE only", "none"

#: What an interval over seeds speaks of.
THESE_WEIGHTS = "these weights, other SAE seeds"
OTHER_WEIGHTS = "other init seeds, other SAE seeds"
OTHER_WEIGHTS_ONE_START = "other init seeds, this SAE seed"


@dataclass(frozen=True)
class Block:
    """The seeds of two arms that enter a comparison: rows (init seeds) of each, and SAE seeds; indices of a Sample's axes.

    kind: "paired", "welch", THIS_SAE or NONE. same_init: rows of a and b belong together, row by row. Arms of kind "welch"
    use all their numbers.
    """

    kind: str
    rows_a: np.ndarray
    rows_b: np.ndarray
    columns: np.ndarray
    same_init: bool = False


@dataclass(frozen=True)
class Estimate:
    """Arrays over groups. se, df: standard error of the difference, and its degrees of freedom; hedges_g: difference over the
    replicates' pooled deviation, without bias; d_z: over the deviation of the pairs' differences, NaN without pairs.
    n_a, n_b: replicates (see `replicates`). n_latents: of both arms, 0 where the metric is none of latents."""

    mean_a: np.ndarray
    mean_b: np.ndarray
    se: np.ndarray
    df: np.ndarray
    hedges_g: np.ndarray
    d_z: np.ndarray
    n_a: int
    n_b: int
    basis: str
    claim: str


def complete(mask: np.ndarray, keep_row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a mask between which nothing is missing: what misses most goes first, columns before rows.

    keep_row(rows) -> rows that may not go. Depends on what is there, never on the numbers.
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
            return Block("paired", common[rows], common[rows], columns, True)
    n = len(mask_a)
    both = np.concatenate([mask_a, mask_b])
    rows, columns = complete(both, lambda rows: np.where(rows < n, (rows < n).sum() <= 1, (rows >= n).sum() <= 1))
    rows_a, rows_b = rows[rows < n], rows[rows >= n] - n
    if len(columns) >= 2 and len(rows_a) and len(rows_b):
        return Block("paired", rows_a, rows_b, columns)
    counts = [_n_replicates(mask) for mask in (mask_a, mask_b)]
    if min(counts) >= 2:
        return Block("welch", np.flatnonzero(mask_a.any(1)), np.flatnonzero(mask_b.any(1)), np.arange(mask_a.shape[1]))
    if min(counts) == 0:
        return Block(NONE, *[np.empty(0, int)] * 3)
    shared = np.flatnonzero(mask_a.any(0) & mask_b.any(0))
    columns = [shared[0]] * 2 if len(shared) else [mask.any(0).argmax() for mask in (mask_a, mask_b)]
    rows = [mask[:, column].argmax() for mask, column in zip((mask_a, mask_b), columns)]
    return Block(THIS_SAE, np.array(rows[:1]), np.array(rows[1:]), np.array(columns))


def _n_replicates(mask: np.ndarray) -> int:
    """Init seeds where there are several, else SAE seeds."""
    return int(mask.any(1).sum()) if mask.any(1).sum() > 1 else int(mask.sum())


def replicates(values: np.ndarray) -> np.ndarray:
    """[groups, n] of [groups, init seeds, SAE seeds]: means of the init seeds where there are several, else the SAE seeds."""
    with np.errstate(invalid="ignore"):
        means = values.mean(2) if np.isfinite(values).all() else np.nanmean(values, 2)
    if means.shape[1] > 1:
        return means
    return values[:, 0][:, np.isfinite(values[:, 0]).all(0)]


def estimate(a: Sample, b: Sample, how: Block) -> Estimate:
    """The difference of two arms by a block that holds for all of their groups."""
    if how.kind == NONE:
        return _nothing(a, b)
    if how.kind == THIS_SAE:
        return _over_latents(a, b, how)
    values_a, values_b = _kept(a.values, how.rows_a, how.columns), _kept(b.values, how.rows_b, how.columns)
    of_a, of_b = replicates(values_a), replicates(values_b)
    if how.kind == "welch":
        se, df = combined([of_a, of_b])
        d_z = np.full(len(se), np.nan)
        mean_a, mean_b = of_a.mean(1), of_b.mean(1)
    else:
        parts, pairs = paired_parts(values_a, values_b, how.same_init)
        se, df = combined(parts)
        mean_a, mean_b = values_a.mean((1, 2)), values_b.mean((1, 2))
        d_z = _ratio(pairs.mean(1), pairs.std(1, ddof=1))
    g = _hedges_g(of_a, of_b)
    return Estimate(mean_a, mean_b, se, df, g, d_z, of_a.shape[1], of_b.shape[1], SEEDS, claim_of(values_a, values_b))


def paired_parts(values_a: np.ndarray, values_b: np.ndarray, same_init: bool) -> tuple[list[np.ndarray], np.ndarray]:
    """The replicates [groups, n] whose scatter makes up the variance of the difference, and those that are pairs.

    Differences by SAE seed, and the init seeds' means of each arm that has several (their differences where they pair).
    """
    difference = values_a.mean(1) - values_b.mean(1)
    parts = [difference] if difference.shape[1] > 1 else []
    if same_init:
        return [*parts, (values_a - values_b).mean(2)], difference if parts else (values_a - values_b).mean(2)
    return parts + [values.mean(2) for values in (values_a, values_b) if values.shape[1] > 1], difference


def one_arm_parts(values: np.ndarray) -> list[np.ndarray]:
    """As paired_parts, for the mean of one arm. Where SAE seeds differ between init seeds, the init seeds' means alone."""
    if values.shape[1] == 1:
        return [replicates(values)]
    crossed = [values.mean(1)] if values.shape[2] > 1 and np.isfinite(values).all() else []
    return [replicates(values), *crossed]


def combined(parts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Standard error of a sum of independent means of [groups, n] replicates each, and the degrees of freedom of Welch (1947)
    and Satterthwaite (1946): V = sum s^2 / n, df = V^2 / sum((s^2 / n)^2 / (n - 1)). One part: Student's n - 1."""
    variances = np.stack([part.var(1, ddof=1) / part.shape[1] for part in parts])
    dfs = np.array([part.shape[1] - 1 for part in parts])[:, None]
    # Replicates that are equal but for rounding have no scatter.
    scale = np.max([np.abs(part).max(1) for part in parts], axis=0)
    variances[variances <= (1e-12 * scale) ** 2] = 0
    total = variances.sum(0)
    df = _ratio(total**2, (variances**2 / dfs).sum(0))
    return np.sqrt(total), np.where(total > 0, df, dfs.min())


def claim_of(*values: np.ndarray) -> str:
    """What differences over these replicates [groups, init seeds, SAE seeds] speak of."""
    if all(arm.shape[1] == 1 for arm in values):
        return THESE_WEIGHTS
    several_starts = any(np.isfinite(arm[:, row]).all(0).sum() > 1 for arm in values for row in range(arm.shape[1]))
    return OTHER_WEIGHTS if several_starts else OTHER_WEIGHTS_ONE_START


def _kept(values: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return values[:, rows][:, :, columns]


def _over_latents(a: Sample, b: Sample, how: Block) -> Estimate:
    """Welch over the latents of one SAE of each arm."""
    at_a, at_b = (how.rows_a[0], how.columns[0]), (how.rows_b[0], how.columns[1])
    errors = np.stack([a.error[:, *at_a], b.error[:, *at_b]])
    dfs = np.stack([a.error_df[:, *at_a], b.error_df[:, *at_b]])
    total = errors.sum(0)
    df = _ratio(total**2, (errors**2 / dfs).sum(0))
    nothing = np.full(len(total), np.nan)
    basis = THIS_SAE if np.isfinite(total).any() else NONE
    return Estimate(a.values[:, *at_a], b.values[:, *at_b], np.sqrt(total), df, nothing, nothing, 1, 1, basis, basis)


def _nothing(a: Sample, b: Sample) -> Estimate:
    """Of arms of which one has no number; the other's mean is still given."""
    nothing = np.full(len(a.values), np.nan)
    means = [np.nanmean(arm.values, (1, 2)) if np.isfinite(arm.values).any() else nothing for arm in (a, b)]
    counts = [int(np.isfinite(arm.values[:1]).sum()) for arm in (a, b)]
    return Estimate(*means, nothing, nothing, nothing, nothing, *counts, NONE, NONE)


def _hedges_g(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hedges (1981): difference over pooled deviation, times J(m) = G(m/2) / (sqrt(m/2) G((m-1)/2)), m = n_a + n_b - 2.

    NaN where m is 1: the estimate has no expectation to correct.
    """
    m = a.shape[1] + b.shape[1] - 2
    if m < 2:
        return np.full(len(a), np.nan)
    pooled = ((a.shape[1] - 1) * _var(a) + (b.shape[1] - 1) * _var(b)) / m
    correction = np.exp(gammaln(m / 2) - gammaln((m - 1) / 2)) / np.sqrt(m / 2)
    return correction * _ratio(a.mean(1) - b.mean(1), np.sqrt(pooled))


def _var(values: np.ndarray) -> np.ndarray:
    return values.var(1, ddof=1) if values.shape[1] > 1 else np.zeros(len(values))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """NaN where the denominator is 0."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) > 0)
