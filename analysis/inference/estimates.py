"""Difference of two variants' means and its standard error, by a design. docs/statistics.md gives the reasons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from .designs import NONE, SEEDS, THIS_SAE, WELCH, Block, claim_of
from .samples import Sample

#: Numbers that differ by this share of them are equal.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Estimate:
    """Arrays over groups. se, df: standard error of the difference, and its degrees of freedom; hedges_g: difference over the
    replicates' pooled deviation, without bias; d_z: over the deviation of the pairs' differences, NaN without pairs.
    n_a, n_b: replicates (see `replicates`)."""

    mean_a: np.ndarray
    mean_b: np.ndarray
    difference: np.ndarray
    se: np.ndarray
    df: np.ndarray
    hedges_g: np.ndarray
    d_z: np.ndarray
    n_a: int
    n_b: int
    basis: str
    claim: str


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
    if how.kind == WELCH:
        se, df = combined([*one_arm_parts(values_a), *one_arm_parts(values_b)])
        d_z = np.full(len(se), np.nan)
        mean_a, mean_b = of_a.mean(1), of_b.mean(1)
    else:
        parts, pairs = paired_parts(values_a, values_b, how.same_init)
        se, df = combined(parts)
        mean_a, mean_b = values_a.mean((1, 2)), values_b.mean((1, 2))
        d_z = _ratio(pairs.mean(1), np.sqrt(variance(pairs)))
    g = _hedges_g(of_a, of_b)
    return Estimate(mean_a, mean_b, less(mean_a, mean_b), se, df, g, d_z, of_a.shape[1], of_b.shape[1], SEEDS, claim_of(values_a, values_b))


def paired_parts(values_a: np.ndarray, values_b: np.ndarray, same_init: bool) -> tuple[list[np.ndarray], np.ndarray]:
    """The replicates [groups, n] whose scatter makes up the variance of the difference, and those that are pairs.

    Differences by SAE seed, and the init seeds' means of each arm that has several (their differences where they pair).
    """
    difference = less(values_a.mean(1), values_b.mean(1))
    parts = [difference] if difference.shape[1] > 1 else []
    if same_init:
        of_weights = less(values_a.mean(2), values_b.mean(2))
        return [*parts, of_weights], difference if parts else of_weights
    return parts + [values.mean(2) for values in (values_a, values_b) if values.shape[1] > 1], difference


def one_arm_parts(values: np.ndarray) -> list[np.ndarray]:
    """As paired_parts, for the mean of one arm. Where SAE seeds differ between init seeds, the init seeds' means alone."""
    seeds = values[:, :, np.isfinite(values).any((0, 1))]
    is_crossed = min(seeds.shape[1:]) > 1 and np.isfinite(seeds).all()
    return [replicates(values), *([seeds.mean(1)] if is_crossed else [])]


def less(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a - b; 0 where they are equal but for rounding."""
    difference = a - b
    return np.where(np.abs(difference) <= ROUNDING * np.abs(a), 0, difference)


def variance(values: np.ndarray) -> np.ndarray:
    """Of the replicates [groups, n]; 0 of one alone, and of those that are equal but for rounding."""
    if values.shape[1] < 2:
        return np.zeros(len(values))
    found = values.var(1, ddof=1)
    return np.where(found <= (ROUNDING * np.abs(values).max(1)) ** 2, 0, found)


def combined(parts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Standard error of a sum of independent means of [groups, n] replicates each, and the degrees of freedom of Welch (1947)
    and Satterthwaite (1946): V = sum s^2 / n, df = V^2 / sum((s^2 / n)^2 / (n - 1)). One part: Student's n - 1."""
    variances = np.stack([variance(part) / part.shape[1] for part in parts])
    dfs = np.array([part.shape[1] - 1 for part in parts])[:, None]
    total = variances.sum(0)
    df = _ratio(total**2, (variances**2 / dfs).sum(0))
    return np.sqrt(total), np.where(total > 0, df, dfs.min())


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
    means = a.values[:, *at_a], b.values[:, *at_b]
    return Estimate(*means, less(*means), np.sqrt(total), df, nothing, nothing, 1, 1, basis, basis)


def _nothing(a: Sample, b: Sample) -> Estimate:
    """Of arms of which one has no number; the other's mean is still given."""
    nothing = np.full(len(a.values), np.nan)
    mean_a, mean_b = (np.nanmean(arm.values, (1, 2)) if np.isfinite(arm.values).any() else nothing for arm in (a, b))
    n_a, n_b = (int(np.isfinite(arm.values[:1]).sum()) for arm in (a, b))
    return Estimate(mean_a, mean_b, nothing, nothing, nothing, nothing, nothing, n_a, n_b, NONE, NONE)


def _hedges_g(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hedges (1981): difference over pooled deviation, times J(m) = G(m/2) / (sqrt(m/2) G((m-1)/2)), m = n_a + n_b - 2.

    NaN where m is 1: the estimate has no expectation to correct.
    """
    m = a.shape[1] + b.shape[1] - 2
    if m < 2:
        return np.full(len(a), np.nan)
    pooled = ((a.shape[1] - 1) * variance(a) + (b.shape[1] - 1) * variance(b)) / m
    correction = np.exp(gammaln(m / 2) - gammaln((m - 1) / 2)) / np.sqrt(m / 2)
    return correction * _ratio(less(a.mean(1), b.mean(1)), np.sqrt(pooled))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """NaN where the denominator is 0."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) > 0)
