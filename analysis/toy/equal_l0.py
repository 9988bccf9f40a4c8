"""Explained variance of data and of their Gaussian control at equal L0, read off each seed's Pareto fronts."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd

from ..inference import compare_variants
from ..metrics import METRICS
from .data import KIND, pareto

EXPLAINED_VARIANCE = next(metric for metric in METRICS if metric.name == "explained_variance")
#: Neighbours on a front whose L0 differ by a larger factor say nothing about what lies between them.
WIDEST_GAP = 5.0
#: L0 of the table.
READ_AT = np.array([digit * 10.0**power for power, digit in product(range(-1, 5), (1, 1.5, 2, 3, 5, 7))])
#: Points over which the mean over L0 is taken.
MEAN_POINTS = 200
COLUMNS = ["variant_a", "variant_b", "n_a", "n_b", "paired", "mean_a", "mean_b", "difference", "low", "high", "p_difference_holm",
           "p_equivalence_holm", "margin", "basis", "verdict"]  # fmt: skip


class Front:
    """One seed's front of explained variance against L0, of SAEs that explain anything; between them linear in log L0."""

    def __init__(self, l0: np.ndarray, explained_variance: np.ndarray):
        at = pareto(np.where((l0 > 0) & (explained_variance > 0), l0, np.nan), explained_variance)
        self._log_l0, self._value = np.log(l0[at]), explained_variance[at]

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest L0; without SAEs the lowest is the higher."""
        return (float(np.exp(self._log_l0[0])), float(np.exp(self._log_l0[-1]))) if len(self._log_l0) else (np.inf, 0.0)

    def covers(self, l0: np.ndarray) -> np.ndarray:
        """Whether SAEs at most WIDEST_GAP apart lie on both sides, or one is there."""
        x = np.log(l0)
        after = np.searchsorted(self._log_l0, x, "left")
        before = np.searchsorted(self._log_l0, x, "right") - 1
        inside = (before >= 0) & (after < len(self._log_l0))
        gap = self._log_l0[np.where(inside, after, 0)] - self._log_l0[np.where(inside, before, 0)] if len(self._log_l0) else np.full(len(x), np.inf)
        return inside & (gap <= np.log(WIDEST_GAP) + 1e-12)

    def at(self, l0: np.ndarray) -> np.ndarray:
        return np.interp(np.log(l0), self._log_l0, self._value)


def compare_at_equal_l0(cells: pd.DataFrame, margins: Mapping[str, float] | None = None, level: float = 0.95) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Data against Gaussian control: at the L0 of READ_AT that the fronts of all seeds of both cover (KIND, l0, COLUMNS); and their
    means over log L0 between the lowest and highest that all cover (KIND, from_l0, to_l0, COLUMNS).

    Intervals and verdicts are those of inference.compare_variants, by seed; Holm over all rows of a data set. cells: of Results;
    margins, level: of compare_variants.
    """
    points, means = [], []
    for kind, part in cells[cells["evaluated"]].groupby(KIND, sort=True):
        names = dict(zip(KIND, kind))
        fronts = {(variant, seed): Front(group["l0"].to_numpy(), group["explained_variance"].to_numpy())
                  for (variant, seed), group in part.groupby(["variant", "sae_seed"])}  # fmt: skip
        if part["variant"].nunique() < 2:
            continue
        ends = [front.ends for front in fronts.values()]
        lowest, highest = max(low for low, _ in ends), min(high for _, high in ends)
        shown = _covered(READ_AT, fronts)
        wide = _covered(np.geomspace(lowest, highest, MEAN_POINTS), fronts) if lowest < highest else np.empty(0)
        for (variant, seed), front in fronts.items():
            row = names | {"variant": variant, "sae_seed": seed}
            points += [row | {"l0": l0, "explained_variance": value} for l0, value in zip(shown, front.at(shown))] if len(shown) else []
            means += [row | {"from_l0": wide[0], "to_l0": wide[-1], "explained_variance": front.at(wide).mean()}] if len(wide) else []
    return _compared(points, [*KIND, "l0"], margins, level), _compared(means, [*KIND, "from_l0", "to_l0"], margins, level)


def _covered(l0: np.ndarray, fronts: dict) -> np.ndarray:
    return l0[np.all([front.covers(l0) for front in fronts.values()], axis=0)]


def _compared(rows: list[dict], keys: list[str], margins: Mapping[str, float] | None, level: float) -> pd.DataFrame:
    """Values by variant and seed, compared. To compare_variants each of keys is a layer of the model."""
    if not rows:
        return pd.DataFrame(columns=[*keys, *COLUMNS])
    values = pd.DataFrame(rows)
    values["layer"] = values.groupby(keys, sort=True).ngroup()
    names = values.groupby("layer")[keys].first()
    cells = values[["model", "layer", "variant", "sae_seed", "explained_variance"]].assign(
        init_seed=-1, hookpoint="", architecture="", expansion_factor=0, k=0, penalty=np.nan, tokens=0, evaluated=True
    )
    found = compare_variants(cells, pd.DataFrame({"cell": []}), [EXPLAINED_VARIANCE], margins, level).sort_values("layer", ignore_index=True)
    return pd.concat([names.loc[found["layer"]].reset_index(drop=True), found[COLUMNS]], axis=1)
