"""The study's question, answered per model: which metrics separate trained from random, by how much, at which depth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..summary import SETTINGS
from .decisions import DIFFERENT, EQUIVALENT, NO_CLAIM, UNDECIDED

TRAINED = "trained"
KEYS = [*SETTINGS, "model", "metric", "variant"]
OVERALL = ["n_a", "n_b", "mean_a", "mean_b", "difference", "low", "high", "p_difference_holm", "p_equivalence_holm", "margin", "effect_size", "basis", "claim", "verdict"]
COUNTS = {"n_different": DIFFERENT, "n_equivalent": EQUIVALENT, "n_undecided": UNDECIDED, "n_no_claim": NO_CLAIM}
LARGEST = ["largest_layer", "largest_difference", "relative_depth"]
COLUMNS = [*KEYS, "n_layers", *COUNTS, "n_layers_averaged", *OVERALL, *LARGEST]


def model_answers(comparisons: pd.DataFrame, overall: pd.DataFrame) -> pd.DataFrame:
    """A row per setting, model, metric and variant that the trained one (a) was compared with (b, `variant`): COLUMNS.

    comparisons: of compare_variants; overall: of compare_over_layers, whose difference, interval and verdict these are.
    n_layers: layers with a difference; n_<verdict>: of them; largest_layer: where the difference is largest, up or down;
    relative_depth: its place from the first layer of the model in the comparisons, 0, to the last, 1; NaN with one layer.
    """
    rows = comparisons[(comparisons["variant_a"] == TRAINED) & np.isfinite(comparisons["difference"].astype(float))].rename(columns={"variant_b": "variant"})
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    depth = comparisons.groupby([*SETTINGS, "model"])["layer"].agg(["min", "max"])
    rows = rows.join(depth, on=[*SETTINGS, "model"])
    groups = rows.groupby(KEYS, sort=False)
    largest = rows.loc[groups["difference"].apply(lambda values: values.abs().idxmax())].set_index(KEYS)
    span = (largest["max"] - largest["min"]).where(lambda layers: layers > 0)
    found = pd.DataFrame({
        "n_layers": groups.size(),
        **{name: (rows["verdict"] == verdict).groupby([rows[key] for key in KEYS], sort=False).sum() for name, verdict in COUNTS.items()},
        "largest_layer": largest["layer"], "largest_difference": largest["difference"],
        "relative_depth": (largest["layer"] - largest["min"]) / span,
    })  # fmt: skip
    of_all = overall[overall["variant_a"] == TRAINED].rename(columns={"variant_b": "variant", "n_layers": "n_layers_averaged"})
    return found.join(of_all.set_index(KEYS)[["n_layers_averaged", *OVERALL]]).reset_index()[COLUMNS]
