"""Frames from arrays, many rows at once: a frame per row would cost more than all of the statistics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd


def alike(masks: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The masks [n, ...] that occur: the indices of their rows, and the mask."""
    patterns, pattern_of = np.unique(masks.reshape(len(masks), int(np.prod(masks.shape[1:]))), axis=0, return_inverse=True)
    for i, pattern in enumerate(patterns):
        yield np.flatnonzero(pattern_of.ravel() == i), pattern.reshape(masks.shape[1:])


def of_groups(groups: pd.DataFrame, names: Mapping[str, str], rows: Iterable[tuple[np.ndarray, Mapping[str, Any]]]) -> dict[str, np.ndarray] | None:
    """Columns of the groups (by their indices), the same names in all rows, and columns a value or an array each; in the
    order of the groups. None without rows."""
    found = [(at, {name: np.broadcast_to(_array(value), len(at)) for name, value in columns.items()}) for at, columns in rows]
    if not found:
        return None
    at = np.concatenate([indices for indices, _ in found])
    order = np.argsort(at, kind="stable")
    columns = {name: np.concatenate([part[name] for _, part in found])[order] for name in found[0][1]}
    texts = {name: np.full(len(at), value, object) for name, value in names.items()}
    return {name: groups[name].to_numpy()[at[order]] for name in groups} | texts | columns


def _array(value: Any) -> np.ndarray:
    return np.asarray(value, object if isinstance(value, str) else None)


def joined(parts: Sequence[Mapping[str, np.ndarray] | None], columns: Sequence[str]) -> pd.DataFrame:
    """Parts with the same columns, one below another; those columns, without rows where there is no part."""
    known = [part for part in parts if part is not None]
    if not known:
        return pd.DataFrame(columns=columns)
    return pd.DataFrame({name: np.concatenate([part[name] for part in known]) for name in known[0]})
