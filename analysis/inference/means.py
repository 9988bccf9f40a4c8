"""Means of the variants with intervals over seeds, as figures show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from ..metrics import Metric, ordered_variants
from ..summary import with_settings
from . import decisions, designs, estimates, tables
from .samples import GROUP, Sample, samples

COLUMNS = [*GROUP, "variant", "metric", "mean", "low", "high", "n_seeds", "n_latents", "basis", "claim"]


def variant_means(cells: pd.DataFrame, latents: pd.DataFrame, metrics: Sequence[Metric], level: float = 0.95) -> pd.DataFrame:
    """A row per group (GROUP), variant and metric with a number: COLUMNS. A metric's null is a metric here.

    mean, low, high: over the seeds, t interval; with several init seeds as docs/statistics.md says. n_seeds: SAEs averaged.
    With one seed low and high are over its latents (basis "this SAE only"), or NaN where the metric is none of latents ("none").
    """
    cells = with_settings(cells)
    parts = []
    for name in [name for metric in metrics for name in (metric.name, metric.null) if name in cells]:
        found = samples(cells, latents, name)
        for variant in ordered_variants(found.variants):
            names = {"variant": variant, "metric": name}
            parts.append(tables.of_groups(found.groups, names, mean_rows(found.variants[variant], level)))
    return tables.joined(parts, COLUMNS)[COLUMNS]


def mean_rows(arm: Sample, level: float) -> Iterator[tuple[np.ndarray, dict]]:
    """Groups with the same seeds at once: their indices, and their columns."""
    for at, mask in tables.alike(np.isfinite(arm.values)):
        if mask.any():
            yield at, mean_columns(arm.take(at), mask, level)


def mean_columns(arm: Sample, mask: np.ndarray, level: float) -> dict:
    rows, columns = designs.complete(mask, lambda rows: np.full(len(rows), len(rows) <= 2))
    if len(columns) < 2 or not len(rows):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    values = arm.values[:, rows][:, :, columns]
    n_seeds = int(np.isfinite(values[:1]).sum())
    n_latents = np.nan_to_num(arm.n_latents[:, rows][:, :, columns]).sum((1, 2)).astype(int)
    mean = estimates.replicates(values).mean(1)
    if n_seeds > 1:
        se, df = estimates.combined(estimates.one_arm_parts(values))
        basis, claim = designs.SEEDS, designs.claim_of(values)
    else:
        se, df = (part[:, rows[0], columns[0]] for part in (np.sqrt(arm.error), arm.error_df))
        basis = claim = designs.THIS_SAE if np.isfinite(se).any() else designs.NONE
    low, high = decisions.t_interval(mean, se, df, level)
    return {"mean": mean, "low": low, "high": high, "n_seeds": n_seeds, "n_latents": n_latents, "basis": basis, "claim": claim}
