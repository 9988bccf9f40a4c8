"""Rank correlation of the latents' token entropy with their scores."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..metrics import ordered_variants
from ..summary import SETTINGS, with_settings
from . import tables
from .layers import over_layers
from .means import mean_rows
from .samples import arranged, enter

ENTROPY = "token_entropy"
SCORES = ("fuzz_auroc", "detection_auroc")
#: Fewer latents give no correlation whose z has a variance.
LEAST = 4
#: Fisher's z of a perfect correlation would be infinite.
BOUND = 1 - 1e-9
COLUMNS = [*SETTINGS, "model", "metric", "variant", "rho", "low", "high", "n_latents", "n_seeds", "n_layers", "basis", "claim"]


def entropy_correlations(cells: pd.DataFrame, latents: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """A row per setting, model, variant and score (`metric`, of SCORES): COLUMNS.

    rho: Spearman's, of the latents of each SAE, averaged as Fisher's z over layers, then seeds, and turned back; so
    differences between layers do not enter. low, high: t interval of the seeds' z. With one seed: over its latents, by the
    variance (1 + rho^2 / 2) / (n - 3) of Bonett and Wright (2000).
    """
    cells = with_settings(cells)
    parts = [part for score in SCORES if {ENTROPY, score} <= set(latents) for part in _of_score(cells, latents, score, level)]
    frame = tables.joined(parts, [*COLUMNS, "mean"]).astype({"mean": float, "low": float, "high": float})
    return frame.assign(rho=np.tanh(frame["mean"]), low=np.tanh(frame["low"]), high=np.tanh(frame["high"]))[COLUMNS]


def _of_score(cells: pd.DataFrame, latents: pd.DataFrame, score: str, level: float) -> list[dict[str, np.ndarray]]:
    per_sae = _per_sae(latents, score)
    cells = cells[enter(cells) & cells.index.isin(per_sae.index)]
    found = arranged(cells, {name: column.to_numpy(float) for name, column in per_sae.loc[cells.index].items()})
    parts = []
    for variant in ordered_variants(found.variants):
        groups, (arm,) = over_layers(found.groups, [found.variants[variant]])
        parts.append(tables.of_groups(groups, {"metric": score, "variant": variant}, mean_rows(arm, level)))
    return parts


def _per_sae(latents: pd.DataFrame, score: str) -> pd.DataFrame:
    """By cell, as a Sample's arrays are named: Fisher's z of its Spearman correlation, the variance of z over latents."""
    known = latents.loc[np.isfinite(latents[ENTROPY]) & np.isfinite(latents[score]), ["cell", ENTROPY, score]]
    ranks = known.groupby("cell")[[ENTROPY, score]].rank()
    ranks -= ranks.groupby(known["cell"]).transform("mean")
    x, y = ranks[ENTROPY], ranks[score]
    sums = pd.DataFrame({"xy": x * y, "xx": x**2, "yy": y**2, "n": 1.0}).groupby(known["cell"]).sum()
    sums = sums[(sums["n"] >= LEAST) & (sums["xx"] > 0) & (sums["yy"] > 0)]
    rho = (sums["xy"] / np.sqrt(sums["xx"] * sums["yy"])).clip(-BOUND, BOUND)
    return pd.DataFrame({"values": np.arctanh(rho), "error": (1 + rho**2 / 2) / (sums["n"] - 3), "error_df": np.inf, "n_latents": sums["n"]})
