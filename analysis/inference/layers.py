"""Means over layers, seed by seed: layers share their seeds and are no replicates of each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .designs import complete
from .samples import GROUP, Sample, stacked


def over_layers(groups: pd.DataFrame, arms: Sequence[Sample]) -> tuple[pd.DataFrame, list[Sample]]:
    """Groups that differ in their layer only become one, the mean of the layers; the frame gets `n_layers` for `layer`.

    Of the layers and the arms' seeds, those between which nothing is missing (designs.complete); layers go before an arm's
    last two seeds. Groups of which no layer is left fall away.
    """
    firsts, n_layers, means = [], [], []
    for at in groups.groupby([name for name in GROUP if name != "layer"], sort=False).indices.values():
        known = np.stack([np.isfinite(arm.values[at]) for arm in arms], axis=1)
        seeds, layers = complete(known.reshape(len(at), -1).T, lambda rows: _last_two(rows // known[0, 0].size))
        kept = np.isin(np.arange(known[0].size), seeds).reshape(known.shape[1:])
        if len(layers) and kept.any((1, 2)).all():
            firsts.append(at[0])
            n_layers.append(len(layers))
            means.append([arm.take(at[layers]).mean_over_groups(mask) for arm, mask in zip(arms, kept)])
    averaged = [stacked(parts) for parts in zip(*means)] if means else [arm.take([]) for arm in arms]
    return groups.iloc[firsts].drop(columns="layer").assign(n_layers=n_layers), averaged


def _last_two(arm_of: np.ndarray) -> np.ndarray:
    """Of seeds by their arm: those of arms with two or fewer."""
    return np.bincount(arm_of, minlength=1)[arm_of] <= 2
