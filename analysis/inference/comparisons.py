"""Every pair of variants compared: per layer, and over the mean of the layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from ..metrics import Metric, ordered_variants
from ..summary import SETTINGS, with_settings
from . import bootstrap, decisions, designs, estimates, tables
from .layers import over_layers
from .samples import GROUP, Sample, Samples, samples

#: For metrics between 0 and 1, as AUROCs.
MARGIN = 0.05
DRAWS = 1000
#: Equal init seeds draw the same tensors in these.
SAME_INIT = frozenset({"rerandomized_incl", "rerandomized_excl"})
FAMILY = [*SETTINGS, "model", "metric"]
RESULT = [
    "variant_a", "variant_b", "n_a", "n_b", "paired", "mean_a", "mean_b", "difference", "se", "df", "low", "high",
    "low_tost", "high_tost", "margin", "p_difference", "p_equivalence", "p_difference_holm", "p_equivalence_holm",
    "effect_size", "d_z", "boot_low", "boot_high", "basis", "claim", "verdict",
]  # fmt: skip
#: Groups, and two arms' numbers in them.
Pair = tuple[pd.DataFrame, Sample, Sample]


def default_margins(metrics: Sequence[Metric]) -> dict[str, float]:
    """MARGIN for metrics on a scale of 0 to 1. Others have none until one is given."""
    return {metric.name: MARGIN for metric in metrics if metric.bounded}


def compare_variants(
    cells: pd.DataFrame, latents: pd.DataFrame, metrics: Sequence[Metric], margins: Mapping[str, float] | None = None, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """A row per group (GROUP), metric and pair of variants with cells in it: GROUP, metric, RESULT. docs/statistics.md says how.

    cells, latents: of Results. margins: by metric, in its unit, beside default_margins. level: of the intervals; verdicts
    hold at 1 - level after Holm over all layers and pairs of a metric, model and setting. seed: of the bootstrap.
    Metrics that mean something for the trained variant only are left out. Throws ValueError for a margin or level that is none.
    """
    return _compared(cells, latents, metrics, margins, level, seed, _by_layer, GROUP)


def compare_over_layers(
    cells: pd.DataFrame, latents: pd.DataFrame, metrics: Sequence[Metric], margins: Mapping[str, float] | None = None, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """As compare_variants, of each seed's mean over the layers that it and the other seeds of the pair have; `n_layers` of
    them. Holm over the pairs of a metric, model and setting. There is no column `layer`."""
    return _compared(cells, latents, metrics, margins, level, seed, _over_layers, [*SETTINGS, "model", "n_layers"])


def _compared(
    cells: pd.DataFrame, latents: pd.DataFrame, metrics: Sequence[Metric], margins: Mapping[str, float] | None, level: float, seed: int,
    pair_of: Callable[[Samples, Sample, Sample], Pair], keys: list[str],
) -> pd.DataFrame:  # fmt: skip
    """keys: columns of the groups that pair_of gives."""
    margins = _checked(default_margins(metrics) | dict(margins or {}), level)
    cells = with_settings(cells)
    parts = []
    for metric in [metric for metric in metrics if not metric.trained_only]:
        rng = np.random.default_rng(seed)
        found = samples(cells, latents, metric.name, rng)
        for a, b in combinations(ordered_variants(found.variants), 2):
            groups, of_a, of_b = pair_of(found, found.variants[a], found.variants[b])
            rows = _rows(of_a, of_b, {a, b} == SAME_INIT, margins.get(metric.name, np.nan), level, rng)
            names = {"metric": metric.name, "variant_a": a, "variant_b": b}
            parts.append(tables.of_groups(groups, names, rows))
    frame = tables.joined(parts, [*keys, "metric", *RESULT])
    if len(frame):
        frame = decisions.with_holm(frame, FAMILY)
        frame = frame.assign(verdict=decisions.verdicts(frame, level))
    return frame[[*keys, "metric", *RESULT]]


def _checked(margins: dict[str, float], level: float) -> dict[str, float]:
    if not 0.5 < level < 1:
        raise ValueError(f"level {level}: expected a number between 0.5 and 1, as 0.95")
    for name, margin in margins.items():
        if not margin > 0:
            raise ValueError(f"margin {margin} of {name}: expected a number above 0")
    return margins


def _by_layer(found: Samples, a: Sample, b: Sample) -> Pair:
    return found.groups, a, b


def _over_layers(found: Samples, a: Sample, b: Sample) -> Pair:
    groups, (of_a, of_b) = over_layers(found.groups, [a, b])
    return groups, of_a, of_b


def _rows(a: Sample, b: Sample, same_init: bool, margin: float, level: float, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, dict]]:
    """Groups whose arms have the same seeds are computed at once: their indices, and their columns of RESULT."""
    for at, (mask_a, mask_b) in tables.alike(np.isfinite(np.stack([a.values, b.values], axis=1))):
        if mask_a.any() or mask_b.any():
            how = designs.block(mask_a, mask_b, same_init)
            yield at, _columns(a.take(at), b.take(at), how, margin, level, rng)


def _columns(a: Sample, b: Sample, how: designs.Block, margin: float, level: float, rng: np.random.Generator) -> dict:
    found = estimates.estimate(a, b, how)
    difference = found.difference
    low, high = decisions.t_interval(difference, found.se, found.df, level)
    nothing = np.full(len(difference), np.nan)
    columns = dict.fromkeys(("low_tost", "high_tost", "p_difference", "p_equivalence"), nothing)
    if found.basis == designs.SEEDS:
        columns["low_tost"], columns["high_tost"] = decisions.t_interval(difference, found.se, found.df, 2 * level - 1)
        columns["p_difference"] = decisions.p_difference(difference, found.se, found.df)
        columns["p_equivalence"] = decisions.p_equivalence(difference, found.se, found.df, margin)
    boot_low, boot_high = bootstrap.interval(a, b, how, level, DRAWS, rng)
    return columns | {
        "n_a": found.n_a, "n_b": found.n_b, "paired": how.kind == designs.PAIRED, "mean_a": found.mean_a, "mean_b": found.mean_b,
        "difference": difference, "se": found.se, "df": found.df, "low": low, "high": high, "margin": margin,
        "effect_size": found.hedges_g, "d_z": found.d_z, "boot_low": boot_low, "boot_high": boot_high,
        "basis": found.basis, "claim": found.claim,
    }  # fmt: skip
