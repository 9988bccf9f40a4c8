"""Numbers of the explanations' scores: ROC curves, and what a score is above its null."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from .metrics import METRICS, Metric
from .summary import SETTINGS, with_settings

#: The metrics that have a null.
SCORES = tuple(metric for metric in METRICS if metric.null)
#: Judged examples by their names in /predictions.
SCORERS = {"fuzz": "fuzzing", "detection": "detection"}
#: A drawn curve moves at least this far, right and up together, from point to point.
ROC_STEP = 0.01


def roc(probability: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates at every threshold, from (0, 0) to (1, 1); equal probabilities are one step.

    Empty where one of the classes is.
    """
    n_true = int((truth == 1).sum())
    n_false = len(truth) - n_true
    if not n_true or not n_false:
        return np.empty(0), np.empty(0)
    order = np.argsort(-probability, kind="stable")
    last_of_equals = np.append(np.flatnonzero(np.diff(probability[order])), len(truth) - 1)
    hits = np.cumsum(truth[order] == 1)[last_of_equals]
    return np.append(0, (last_of_equals + 1 - hits) / n_false), np.append(0, hits / n_true)


def area(false_rate: np.ndarray, true_rate: np.ndarray) -> float:
    """Area under a curve of roc(): the AUROC, ties counted half. NaN without a curve."""
    return float(np.trapezoid(true_rate, false_rate)) if len(false_rate) else np.nan


def thinned(false_rate: np.ndarray, true_rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A curve of roc() with as many points as a picture shows."""
    if not len(false_rate):
        return false_rate, true_rate
    steps = np.floor((false_rate + true_rate) / ROC_STEP)
    kept = np.append(True, np.diff(steps) > 0)
    kept[-1] = True
    return false_rate[kept], true_rate[kept]


def interval(values: pd.Series, level: float) -> tuple[float, float]:
    """Confidence interval of the mean by Student's t; NaN below two values."""
    if len(values) < 2:
        return np.nan, np.nan
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * values.std() / np.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def above_null(cells: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """SETTINGS, model, variant, score (a name of SCORES), mean, null, difference, low, high, n_seeds, n_cells.

    Over the cells with both the score and its null, each the mean over its latents, of the layers that all seeds have; low
    and high: interval of the difference over seeds (init seeds where there are several), NaN with one.
    """
    cells = with_settings(cells)
    rows = []
    for keys, part in cells.groupby([*SETTINGS, "model", "variant"], sort=False):
        rows += [(*keys, *row) for row in (_above_null(part, metric, level) for metric in SCORES) if row]
    names = [*SETTINGS, "model", "variant", "score", "mean", "null", "difference", "low", "high", "n_seeds", "n_cells"]
    return pd.DataFrame(rows, columns=names)


def _above_null(cells: pd.DataFrame, metric: Metric, level: float) -> tuple | None:
    cells = cells.dropna(subset=[metric.name, metric.null])
    if cells.empty:
        return None
    cells = cells.assign(difference=cells[metric.name] - cells[metric.null])
    by_seed = cells.pivot_table(index=["init_seed", "sae_seed"], columns="layer", values="difference").dropna(axis=1)
    cells = cells[cells["layer"].isin(by_seed.columns)] if by_seed.shape[1] else cells
    seeds = by_seed.mean(axis=1)
    if seeds.index.get_level_values("init_seed").nunique() > 1:
        seeds = seeds.groupby("init_seed").mean()
    means = cells[[metric.name, metric.null, "difference"]].mean()
    return (metric.name, *means, *interval(seeds.dropna(), level), len(seeds), len(cells))
