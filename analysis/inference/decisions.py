"""Tests, intervals and verdicts from an estimate and its standard error."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from .designs import SEEDS

DIFFERENT, EQUIVALENT, UNDECIDED, NO_CLAIM = "different", "equivalent", "undecided", ""


def t_interval(estimate: np.ndarray, se: np.ndarray, df: np.ndarray | int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Student's two-sided interval; NaN where the standard error is, and without scatter, of which t knows nothing."""
    half = stats.t.ppf((1 + level) / 2, df) * np.where(se > 0, se, np.nan)
    return estimate - half, estimate + half


def p_difference(difference: np.ndarray, se: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Two-sided p of "no difference"; NaN without scatter."""
    return 2 * stats.t.sf(np.abs(_t(difference, se)), df)


def p_equivalence(difference: np.ndarray, se: np.ndarray, df: np.ndarray, margin: float | np.ndarray) -> np.ndarray:
    """p of "the difference is at least the margin, up or down": two one-sided tests (Schuirmann 1987), the larger p; NaN without scatter."""
    above = stats.t.sf(_t(difference + margin, se), df)
    below = stats.t.cdf(_t(difference - margin, se), df)
    return np.maximum(above, below)


def _t(above: np.ndarray, se: np.ndarray) -> np.ndarray:
    return above / np.where(se > 0, se, np.nan)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's (1979) adjusted p: max over j <= i of min(1, (m - j + 1) p_(j)). NaN is no test and counts in no family."""
    p = np.asarray(p, float)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps)) if len(order) else steps
    return adjusted


def with_holm(frame: pd.DataFrame, family: list[str]) -> pd.DataFrame:
    """The frame with p_difference_holm and p_equivalence_holm, each over the rows alike in `family`."""
    groups = frame.groupby(family, sort=False, dropna=False)
    return frame.assign(**{f"{name}_holm": groups[name].transform(lambda p: holm(p.to_numpy())) for name in ("p_difference", "p_equivalence")})


def verdicts(frame: pd.DataFrame, level: float) -> np.ndarray:
    """From the adjusted p. Equivalent goes before different: a difference that is certain but certainly below the margin is
    one that the margin calls too small to matter. Without p (no scatter) seeds leave it undecided."""
    alpha = 1 - level
    tests = [frame["basis"] != SEEDS, frame["p_equivalence_holm"] < alpha, frame["p_difference_holm"] < alpha]
    return np.select(tests, [NO_CLAIM, EQUIVALENT, DIFFERENT], UNDECIDED)
