"""Which cells of two sweeps belong together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..load import Results

#: What a cell is.
AXES = ["model", "variant", "init_seed", "hookpoint", "architecture", "expansion_factor", "k", "penalty", "sae_seed", "tokens"]


@dataclass(frozen=True)
class Matched:
    """pairs: a row per cell that both sweeps have: AXES (A's), a, b (rows of each `cells`), same_sae (equal train ids: the
    same settings of text, model and training). axes: those on which all cells of A differ from all of B, which do not
    count for the match: axis, a, b. only: cells that one sweep alone has: AXES, sweep ("A" or "B"), state. n_left_out: cells
    of both whose width is not known."""

    pairs: pd.DataFrame
    axes: pd.DataFrame
    only: pd.DataFrame
    n_left_out: int


def with_whole_widths(a: Results, b: Results) -> tuple[Results, Results]:
    """With expansion factors that are not rounded down, so that SAEs of 300 and 400 latents on 256 dimensions are two
    kinds: NaN where a cell has no SAE yet, since its width is not known. As they are where all known ones are whole."""
    factors = [_factors(results.cells) for results in (a, b)]
    if all((known.dropna() % 1 == 0).all() for known in factors):
        return a, b
    return _with_factors(a, factors[0]), _with_factors(b, factors[1])


def _with_factors(results: Results, factors: pd.Series) -> Results:
    return replace(results, cells=results.cells.assign(expansion_factor=factors))


def _factors(cells: pd.DataFrame) -> pd.Series:
    known = (cells["d_in"] > 0) & (cells["n_latents"] > 0)
    return cells["n_latents"].where(known) / cells["d_in"].where(known)


def match(a: Results, b: Results) -> Matched:
    """Matches cells by what they are, also such as are not done yet. Cells of earlier states of a sweep are left out."""
    cells_a, cells_b = (_axes(results.cells) for results in (a, b))
    differing = [axis for axis in AXES if _parts(cells_a[axis], cells_b[axis])]
    shared = [axis for axis in AXES if axis not in differing]
    merged = cells_a.merge(cells_b, on=shared, how="outer", suffixes=("", "_b"), indicator="found")
    both = merged[merged["found"] == "both"]
    pairs = both[AXES].assign(a=both["row"].astype(int), b=both["row_b"].astype(int), same_sae=both["id"] == both["id_b"])
    pairs = pairs.sort_values("a", ignore_index=True)
    cells_a, cells_b = (cells.replace({"penalty": {-np.inf: np.nan}}) for cells in (cells_a, cells_b))
    axes = pd.DataFrame([(axis, cells_a[axis].iloc[0], cells_b[axis].iloc[0]) for axis in differing], columns=["axis", "a", "b"])
    only = [_only(cells, pairs[name], name.upper(), results) for name, cells, results in (("a", cells_a, a), ("b", cells_b, b))]
    left_out = [results.cells["in_sweep"] & results.cells["expansion_factor"].isna() for results in (a, b)]
    return Matched(pairs, axes, pd.concat(only, ignore_index=True), sum(int(rows.sum()) for rows in left_out))


def _axes(cells: pd.DataFrame) -> pd.DataFrame:
    """AXES, id and row of the sweep's cells of known width. Cells without a penalty are alike in it: -inf, since NaN
    equals nothing."""
    cells = cells[cells["in_sweep"] & cells["expansion_factor"].notna()].drop_duplicates(AXES)
    return cells[[*AXES, "id"]].fillna({"penalty": -np.inf}).assign(row=cells.index)


def _parts(a: pd.Series, b: pd.Series) -> bool:
    """Whether each sweep has one value, and not the same one."""
    return a.nunique() == 1 and b.nunique() == 1 and a.iloc[0] != b.iloc[0]


def _only(cells: pd.DataFrame, matched: pd.Series, sweep: str, results: Results) -> pd.DataFrame:
    rest = cells[~cells["row"].isin(matched)]
    return rest[AXES].assign(sweep=sweep, state=results.cells["state"].loc[rest["row"]].to_numpy())
