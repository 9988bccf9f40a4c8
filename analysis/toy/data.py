"""Frames of the toy model's SAEs: means over seeds by penalty, Pareto fronts, and the penalties that find the features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

#: What an SAE is trained on, and how wide it is: a line of a figure, without the variant.
KIND = ["model", "hookpoint", "n_latents"]
#: Above this mean max cosine similarity the features count as found.
FOUND = 0.9
METRICS = ("mmcs", "explained_variance", "l0", "l1", "l1_sqrt_l2", "hoyer", "dead_fraction")


@dataclass(frozen=True)
class Measure:
    """A measure of how sparse latents are, a column of cells. sign: 1 where small is sparse, -1 where large is."""

    name: str
    label: str
    meaning: str
    is_log: bool
    sign: int = 1


MEASURES = (
    Measure("l0", "L0", "active latents, mean over samples", True),
    Measure("l1", "L1", "L1 norm of the latents, mean over samples", True),
    Measure("l1_sqrt_l2", "L1 / √L2", "mean L1 norm over the root of the mean L2 norm", True),
    Measure("hoyer", "Hoyer", "(√n − L1 / L2) / (√n − 1) of n latents: 1 where one latent is active, 0 where all are alike", False, -1),
)


def pareto(cost: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Indices of the points that no other one dominates (at most the cost and at least the value, and not both equal), by rising
    cost. Points with a NaN are on no front; of equal points the first is."""
    known = np.flatnonzero(np.isfinite(cost) & np.isfinite(value))
    order = known[np.lexsort((-value[known], cost[known]))]
    before = np.maximum.accumulate(np.concatenate([[-np.inf], value[order]]))[:-1]
    return order[value[order] > before]


def by_penalty(cells: pd.DataFrame) -> pd.DataFrame:
    """A row per KIND, variant and penalty, in this order: of each of METRICS its mean over seeds (NAME), NAME_min and NAME_max;
    n_seeds; and for each measure front_NAME, whether the means are on the Pareto front of explained variance against it.

    cells: of Results; the evaluated ones count.
    """
    done = cells[cells["evaluated"]]
    groups = done.groupby([*KIND, "variant", "penalty"], sort=True)[list(METRICS)]
    table = groups.mean().join([groups.agg(how).add_suffix(f"_{how}") for how in ("min", "max")]).reset_index()
    table.insert(len(KIND) + 2, "n_seeds", done.groupby([*KIND, "variant", "penalty"], sort=True).size().to_numpy())
    for measure in MEASURES:
        table[f"front_{measure.name}"] = False
        for _, line in table.groupby([*KIND, "variant"]):
            front = pareto(measure.sign * line[measure.name].to_numpy(), line["explained_variance"].to_numpy())
            table.loc[line.index[front], f"front_{measure.name}"] = True
    return table


def best_penalties(table: pd.DataFrame) -> pd.DataFrame:
    """Where the true features are found, a row per KIND with known ones: penalty, the one of the highest MMCS; mmcs, mmcs_min and
    mmcs_max there, over n_seeds; lowest_penalty and highest_penalty, the ends of the grid, and mmcs_lowest_penalty and
    mmcs_highest_penalty there; from_penalty and to_penalty, the lowest and highest with an MMCS above FOUND (NaN: none); n_found,
    how many they are, of n_penalties.

    table: of by_penalty.
    """
    rows = []
    for kind, line in table[table["mmcs"].notna()].groupby(KIND, sort=True):
        best, found = line.loc[line["mmcs"].idxmax()], line.loc[line["mmcs"] > FOUND, "penalty"]
        rows.append(dict(zip(KIND, kind)) | best[["penalty", "mmcs", "mmcs_min", "mmcs_max", "n_seeds"]].to_dict() | {
            "lowest_penalty": line["penalty"].iloc[0], "highest_penalty": line["penalty"].iloc[-1],
            "mmcs_lowest_penalty": line["mmcs"].iloc[0], "mmcs_highest_penalty": line["mmcs"].iloc[-1],
            "from_penalty": found.min(), "to_penalty": found.max(), "n_found": len(found), "n_penalties": len(line),
        })  # fmt: skip
    columns = [*KIND, "penalty", "mmcs", "mmcs_min", "mmcs_max", "n_seeds", "lowest_penalty", "highest_penalty", "mmcs_lowest_penalty",
               "mmcs_highest_penalty", "from_penalty", "to_penalty", "n_found", "n_penalties"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)
