"""Rank correlations of two numbers of the latents, as of their token entropy with their scores."""

from __future__ import annotations

from collections.abc import Mapping

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
COLUMNS = [*SETTINGS, "model", "metric", "variant", "rho", "low", "high", "n_latents", "n_seeds", "n_layers", "basis", "claim"]


def entropy_correlations(cells: pd.DataFrame, latents: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """rank_correlations of the token entropy with each of SCORES, by whose name they stand in `metric`."""
    pairs = {score: (ENTROPY, score) for score in SCORES if {ENTROPY, score} <= set(latents)}
    return rank_correlations(cells, latents, pairs, level)


def rank_correlations(
    cells: pd.DataFrame, latents: pd.DataFrame, pairs: Mapping[str, tuple[str, str]], level: float = 0.95
) -> pd.DataFrame:
    """A row per setting, model, variant and pair of columns of `latents` (`metric`, its name in pairs): COLUMNS.

    rho: Spearman's, of the latents of each SAE, averaged as Fisher's z over layers, then seeds, and turned back; so
    differences between layers do not enter. A perfect one counts as 1 - 6 / (n^3 - n), half a step below 1. low, high: t
    interval of the seeds' z. With one seed: over its latents, by the variance (1 + rho^2 / 2) / (n - 3) of Bonett and
    Wright (2000).
    """
    cells = with_settings(cells)
    parts = [part for name, pair in pairs.items() for part in _of_pair(cells, latents, name, pair, level)]
    frame = tables.joined(parts, [*COLUMNS, "mean"]).astype({"mean": float, "low": float, "high": float})
    return frame.assign(rho=np.tanh(frame["mean"]), low=np.tanh(frame["low"]), high=np.tanh(frame["high"]))[COLUMNS]


def _of_pair(
    cells: pd.DataFrame, latents: pd.DataFrame, name: str, pair: tuple[str, str], level: float
) -> list[dict[str, np.ndarray] | None]:
    per_sae = _per_sae(latents, *pair)
    cells = cells[enter(cells) & cells.index.isin(per_sae.index)]
    found = arranged(cells, {name: column.to_numpy(float) for name, column in per_sae.loc[cells.index].items()})
    parts = []
    for variant in ordered_variants(found.variants):
        groups, (arm,) = over_layers(found.groups, [found.variants[variant]])
        parts.append(tables.of_groups(groups, {"metric": name, "variant": variant}, mean_rows(arm, level)))
    return parts


def _per_sae(latents: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """By cell, as a Sample's arrays are named: Fisher's z of its Spearman correlation, the variance of z over latents."""
    known = latents.loc[np.isfinite(latents[x]) & np.isfinite(latents[y]), ["cell", x, y]]
    ranks = known.groupby("cell")[[x, y]].rank()
    ranks -= ranks.groupby(known["cell"]).transform("mean")
    products = pd.DataFrame({"xy": ranks[x] * ranks[y], "xx": ranks[x] ** 2, "yy": ranks[y] ** 2, "n": 1.0})
    sums = products.groupby(known["cell"]).sum()
    sums = sums[(sums["n"] >= LEAST) & (sums["xx"] > 0) & (sums["yy"] > 0)]
    # Fisher's z of a perfect correlation would be infinite; it counts as half a step of Spearman's rho below 1.
    bound = 1 - 6 / (sums["n"] ** 3 - sums["n"])
    rho = (sums["xy"] / np.sqrt(sums["xx"] * sums["yy"])).clip(-bound, bound)
    return pd.DataFrame({"values": np.arctanh(rho), "error": (1 + rho**2 / 2) / (sums["n"] - 3), "error_df": np.inf, "n_latents": sums["n"]})
