"""Rank correlation of the latents' token entropy with their scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from ..metrics import ordered_variants
from ..summary import SETTINGS, with_settings
from . import decisions, estimates
from .estimates import NONE, SEEDS, THIS_SAE

ENTROPY = "token_entropy"
SCORES = ("fuzz_auroc", "detection_auroc")
#: Fewer latents give no correlation whose z has a variance.
LEAST = 4
COLUMNS = [*SETTINGS, "model", "metric", "variant", "rho", "low", "high", "n_latents", "n_seeds", "n_layers", "basis", "claim"]


def entropy_correlations(cells: pd.DataFrame, latents: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """A row per setting, model, variant and score (`metric`, of SCORES): COLUMNS.

    rho: Spearman's, of the latents of each SAE, averaged as Fisher's z over layers, then seeds, and turned back; so
    differences between layers do not enter. low, high: t interval of the seeds' z. With one seed: over its latents, by the
    variance (1 + rho^2 / 2) / (n - 3) of Bonett and Wright (2000).
    """
    rows = [row for score in SCORES if {ENTROPY, score} <= set(latents) for row in _of_score(with_settings(cells), latents, score, level)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_score(cells: pd.DataFrame, latents: pd.DataFrame, score: str, level: float):
    found = _per_sae(latents, score)
    cells = cells[cells["evaluated"]].join(found, how="inner")
    for keys, group in cells.groupby([*SETTINGS, "model"], sort=False):
        for variant in ordered_variants(group["variant"]):
            yield (*keys, score, variant, *_mean(group[group["variant"] == variant], level))


def _per_sae(latents: pd.DataFrame, score: str) -> pd.DataFrame:
    """By cell: Fisher's z of its Spearman correlation, the variance of z over latents, their number."""
    known = latents.loc[np.isfinite(latents[ENTROPY]) & np.isfinite(latents[score]), ["cell", ENTROPY, score]]
    ranks = known.groupby("cell")[[ENTROPY, score]].rank()
    ranks = ranks - ranks.groupby(known["cell"]).transform("mean")
    sums = pd.DataFrame({"xy": ranks[ENTROPY] * ranks[score], "xx": ranks[ENTROPY] ** 2, "yy": ranks[score] ** 2, "n": 1.0}).groupby(known["cell"]).sum()
    sums = sums[(sums["n"] >= LEAST) & (sums["xx"] > 0) & (sums["yy"] > 0)]
    rho = (sums["xy"] / np.sqrt(sums["xx"] * sums["yy"])).clip(-1 + 1e-12, 1 - 1e-12)
    return pd.DataFrame({"z": np.arctanh(rho), "z_variance": (1 + rho**2 / 2) / (sums["n"] - 3), "n": sums["n"]})


def _mean(cells: pd.DataFrame, level: float) -> tuple:
    """rho, low, high, n_latents, n_seeds, n_layers, basis, claim of one variant's SAEs."""
    by_seed = cells.pivot_table(index=["init_seed", "sae_seed"], columns="layer", values="z").notna()
    seeds, layers = estimates.complete(by_seed.to_numpy(), lambda rows: np.full(len(rows), len(rows) <= 2))
    seeds, layers = by_seed.index[seeds], by_seed.columns[layers]
    at = pd.MultiIndex.from_frame(cells[["init_seed", "sae_seed"]])
    cells = cells[at.isin(seeds) & cells["layer"].isin(layers)]
    z = cells.groupby(["init_seed", "sae_seed"])["z"].mean()
    if len(z) > 1:
        values = z.unstack().to_numpy()[None]
        mean = estimates.replicates(values).mean(1)
        se, df = estimates.combined(estimates.one_arm_parts(values))
        basis, claim = SEEDS, estimates.claim_of(values)
    else:
        mean, se, df = np.array([z.mean()]), np.array([np.sqrt(cells["z_variance"].sum()) / len(cells)]), np.inf
        basis = claim = THIS_SAE if len(cells) else NONE
    low, high = decisions.t_interval(mean, se, df, level)
    return (*np.tanh([mean[0], low[0], high[0]]), int(cells["n"].sum()), len(z), len(layers), basis, claim)
