"""Whether the datasets of a results file have the shapes that docs/results.md gives them."""

from __future__ import annotations

from collections.abc import Iterator

import h5py

#: Axes of the datasets of a group, and of those that have others.
AXES: dict[str, tuple[str, ...]] = {
    "cells": ("cells",),
    "grid": ("grid",),
    "curves": ("cells", "points"),
    "all_latents": ("cells", "all latents"),
    "latents": ("cells", "latents"),
    "latents/peak_quantiles": ("cells", "latents", "quantile edges"),
    "latents/simulation_quantile_correlation": ("cells", "latents", "quantiles"),
    "examples": ("cells", "latents", "examples"),
    "examples/token": ("cells", "latents", "examples", "window"),
    "examples/activation": ("cells", "latents", "examples", "window"),
    "vocabularies": ("vocabularies", "tokens"),
} | {
    f"predictions/{scorer}_{field}": ("cells", "null latents" if "null" in field else "latents", f"{scorer} predictions")
    for scorer in ("fuzz", "detection")
    for field in ("probability", "answer", "truth", "example", "marks", "null_probability", "null_answer")
}  # fmt: skip
#: The datasets whose axes those of the others are held against.
FIRST = ("cells/id", "grid/id", "latents/index")


def misshapen(file: h5py.File) -> str:
    """The first dataset that is not as long in an axis as others are, or has other axes, and both; empty where all fit."""
    length_of: dict[str, tuple[int, str]] = {}
    for name, shape in _shapes(file):
        axes = AXES[name] if name in AXES else AXES[name.split("/")[0]]
        if len(shape) != len(axes):
            return f"/{name} has shape {shape}, expected {len(axes)} axes ({', '.join(axes)})"
        for axis, length in zip(axes, shape):
            known, where = length_of.setdefault(axis, (length, name))
            if length != known:
                return f"/{name} has shape {shape}, of {length} {axis}, but /{where} has {known}"
    return ""


def _shapes(file: h5py.File) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Of the datasets that AXES knows, FIRST first. `items()` of h5py would pass over those that are damaged."""
    groups = dict.fromkeys(name.split("/")[0] for name in AXES)
    names = [f"{group}/{name}" for group in groups if isinstance(file.get(group), h5py.Group) for name in file[group]]
    for name in sorted(names, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST)):
        if name in AXES or name.split("/")[0] in AXES:
            data = file[name]
            if isinstance(data, h5py.Dataset):
                yield name, data.shape
