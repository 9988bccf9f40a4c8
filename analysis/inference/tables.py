"""Frames from arrays, many rows at once: a frame per row would cost more than all of the statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd


def alike(masks: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The masks [n, ...] that occur: the indices of their rows, and the mask."""
    patterns, pattern_of = np.unique(masks.reshape(len(masks), -1), axis=0, return_inverse=True)
    for i, pattern in enumerate(patterns):
        yield np.flatnonzero(pattern_of.ravel() == i), pattern.reshape(masks.shape[1:])


def part(groups: pd.DataFrame, at: np.ndarray, columns: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Some rows of a frame and further columns, a value or an array each."""
    of_groups = {name: groups[name].to_numpy()[at] for name in groups}
    return of_groups | {name: np.broadcast_to(np.asarray(value, object if isinstance(value, str) else None), len(at)) for name, value in columns.items()}


def joined(parts: Sequence[Mapping[str, np.ndarray]]) -> pd.DataFrame:
    """Parts with the same columns, one below another."""
    return pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
