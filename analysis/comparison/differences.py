"""What two sweeps measure differently in the cells that both have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from ..inference import compare_variants, rank_correlations
from ..inference.comparisons import FAMILY
from ..inference.decisions import t_interval, verdicts, with_holm
from ..inference.designs import NONE, THIS_SAE
from ..load import Results
from ..metrics import Metric, ordered_variants
from ..summary import SETTINGS, with_settings
from .match import Matched

#: What is compared of each latent.
LATENT_SCORES = ("fuzz_auroc", "detection_auroc", "simulation_correlation", "token_entropy", "firing_rate")
#: Of rank_correlations, what is told of them.
CORRELATION = ["rho", "low", "high", "n_seeds", "n_layers", "basis", "claim"]
KEYS = [*SETTINGS, "model", "variant"]
#: The verdict on numbers that do not differ, beside those of inference.decisions.
EQUAL = "equal"
FRAMES = ("cells", "curves", "latents", "all_latents", "judged")
#: Pairs of cells whose latents and judged examples are held at a time.
PAIRS_AT_ONCE = 16
RESULT = ["mean_a", "mean_b", "difference", "low", "high", "n", "basis", "margin", "p_difference_holm", "p_equivalence_holm", "verdict"]


def by_seed(a: Results, b: Results, matched: Matched, metrics: Sequence[Metric], margins: Mapping[str, float] | None = None, level: float = 0.95) -> pd.DataFrame:
    """A row per setting, model, variant, layer and metric: SETTINGS (A's), model, variant, layer, metric, RESULT (difference:
    A - B; n: pairs; the t interval over seeds, or over latents where there is one seed), max_abs (largest difference of
    a pair) and equal_bits (whether all pairs are equal; then the verdict is EQUAL).

    Pairs are seeds: the SAE seeds of one init seed, or, where there are several init seeds, their means over SAE seeds.
    Only cells in which both sweeps have a metric enter it. Holm over all rows of a metric, model and setting.
    margins, level: as compare_variants takes them.
    """
    parts = []
    for variant, pairs in matched.pairs.groupby("variant"):
        arms = _arms(a, b, pairs)
        if arms is None:
            continue
        cells, latents = arms
        shown = [replace(metric, trained_only=False) for metric in metrics if variant == "trained" or not metric.trained_only]
        cells = _in_both(cells, [metric.name for metric in shown])
        found = compare_variants(cells, latents, shown, margins, level).assign(variant=variant)
        found = _paired_by_latent(found, cells, latents, level)
        parts.append(found.merge(_spread(cells, [metric.name for metric in shown]), how="left"))
    if not parts:
        return pd.DataFrame(columns=[*SETTINGS, "model", "variant", "layer", "metric", *RESULT, "max_abs", "equal_bits"])
    frame = pd.concat(parts, ignore_index=True).rename(columns={"n_a": "n"})
    frame = with_holm(frame[frame["mean_a"].notna() & frame["mean_b"].notna()], FAMILY)
    frame = frame.assign(verdict=verdicts(frame, level))
    frame = frame.assign(verdict=frame["verdict"].where(~frame["equal_bits"].astype(bool), EQUAL))
    order = {name: i for i, name in enumerate([*(metric.name for metric in metrics), *ordered_variants(frame["variant"])])}
    frame = frame.sort_values(["metric", "variant"], key=lambda names: names.map(order), kind="stable")
    return frame[[*SETTINGS, "model", "variant", "layer", "metric", *RESULT, "max_abs", "equal_bits"]].reset_index(drop=True)


def _arms(a: Results, b: Results, pairs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """The pairs' evaluated cells, one under the other, with variants "A" and "B", B under A's axes, and their latents."""
    pairs = pairs[a.cells["evaluated"].loc[pairs["a"]].to_numpy() & b.cells["evaluated"].loc[pairs["b"]].to_numpy()]
    if pairs.empty:
        return None
    axes = a.cells.loc[pairs["a"], ["model", "init_seed", "hookpoint", "layer", "architecture", "expansion_factor", "k", "penalty", "sae_seed", "tokens"]]
    cells: list[pd.DataFrame] = []
    latents: list[pd.DataFrame] = []
    for arm, results, rows in (("A", a, pairs["a"]), ("B", b, pairs["b"])):
        part = results.cells.loc[rows].reset_index(drop=True)
        first = len(cells) * len(pairs)
        cells.append(part.assign(**{name: axes[name].to_numpy() for name in axes}, variant=arm, pair=range(len(part))))
        place = pd.Series(range(first, first + len(part)), index=rows)
        own = results.latents[results.latents["cell"].isin(rows)]
        latents.append(own.assign(cell=own["cell"].map(place)))
    return _one_seed_axis(pd.concat(cells, ignore_index=True)), pd.concat(latents, ignore_index=True)


def _one_seed_axis(cells: pd.DataFrame) -> pd.DataFrame:
    """Where there are several init seeds they are the seeds, and SAE seeds are averaged; else the SAE seeds are."""
    several = cells["init_seed"].nunique() > 1
    return cells.assign(sae_seed=cells["init_seed"] if several else cells["sae_seed"], init_seed=-1)


def _in_both(cells: pd.DataFrame, metrics: list[str]) -> pd.DataFrame:
    """Without the numbers of a metric that one cell of a pair lacks: means over other seeds are no pair."""
    known = cells[metrics].notna().groupby(cells["pair"]).transform("all")
    return cells.assign(**{name: cells[name].where(known[name]) for name in metrics})


def _paired_by_latent(found: pd.DataFrame, cells: pd.DataFrame, latents: pd.DataFrame, level: float) -> pd.DataFrame:
    """With the paired t interval where an interval over latents is one of the same latents of the same SAE."""
    keys = [*SETTINGS, "model", "layer"]
    a, b = (part.reset_index(names="cell") for _, part in with_settings(cells).groupby("variant"))
    rows = found[found["basis"] == THIS_SAE].reset_index(names="row")
    same = rows.merge(a.assign(other=b["cell"])[a["id"] == b["id"]], on=keys, suffixes=("", "_cell"))
    of_cell = dict(iter(latents.set_index("index").groupby("cell")))
    for row, members in same.groupby("row"):
        metric = members["metric"].iloc[0]
        known = members[members[metric].notna()]
        pair = known[["cell", "other"]].to_numpy().ravel()
        if len(known) != 1 or not of_cell.keys() >= set(pair):  # a mean of SAEs is not one
            continue
        one, other = (of_cell[cell][metric].dropna() for cell in pair)
        if len(one) > 1 and one.index.equals(other.index):
            low, high = t_interval(known["difference"].iloc[0], stats.sem(one - other), len(one) - 1, level)
            found.loc[row, ["low", "high"]] = low, high
    return found


def _spread(cells: pd.DataFrame, metrics: list[str]) -> pd.DataFrame:
    """SETTINGS, model, layer, metric, and over the pairs max_abs and equal_bits."""
    cells = with_settings(cells)
    keys = [*SETTINGS, "model", "layer"]
    arms = {arm: part.set_index("pair") for arm, part in cells.groupby("variant")}
    parts = []
    for metric in [name for name in metrics if name in cells]:
        one, other = (arms[arm][metric] for arm in ("A", "B"))
        pairs = arms["A"][keys].assign(metric=metric, max_abs=(one - other).abs(), equal_bits=same_bits(one, other))
        parts.append(pairs.groupby([*keys, "metric"], sort=False).agg({"max_abs": "max", "equal_bits": "all"}).reset_index())
    return pd.concat(parts, ignore_index=True)


def same_bits(a: pd.Series, b: pd.Series) -> np.ndarray:
    """Element by element; a missing number equals a missing one."""
    one, other = a.to_numpy(), b.to_numpy()
    return (one == other) | (pd.isna(one) & pd.isna(other))


def by_column(a: Results, b: Results, matched: Matched) -> pd.DataFrame:
    """A row per column that two runs of a sweep agree in: frame, column, n (values that both have), n_differ and max_abs.
    Without the axes on which all cells differ."""
    left_out = set(matched.axes["axis"])
    described = a.describe()
    kept = described[described["reproducible"]].groupby("frame")["column"].agg(list)
    rows = []
    for frame in FRAMES:
        counts: dict[str, list[tuple[int, int, float]]] = {}
        for one, other in _aligned(frame, a, b, matched.pairs):
            for column in [name for name in kept.get(frame, []) if name in one and name in other and name not in left_out]:
                counts.setdefault(column, []).append(_differences(one[column], other[column]))
        for column in [name for name in kept.get(frame, []) if name in counts]:
            n, n_differ, largest = zip(*counts[column])
            rows.append((frame, column, sum(n), sum(n_differ), pd.Series(largest).max()))
    return pd.DataFrame(rows, columns=["frame", "column", "n", "n_differ", "max_abs"])


def _differences(one: pd.Series, other: pd.Series) -> tuple[int, int, float]:
    """How many values, how many of them differ, and by how much at most: NaN where none are numbers that both have."""
    numeric = pd.api.types.is_numeric_dtype(one) and not pd.api.types.is_bool_dtype(one)
    size = np.abs(one.to_numpy(float) - other.to_numpy(float)) if numeric else np.empty(0)
    return len(one), int((~same_bits(one, other)).sum()), np.nanmax(size) if np.isfinite(size).any() else np.nan


def _aligned(frame: str, a: Results, b: Results, pairs: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The rows of a frame that both have, in one order, of a few pairs at a time. Latents and what was judged belong together by
    the latent's number."""
    if frame == "cells":
        done = a.cells["evaluated"].loc[pairs["a"]].to_numpy() & b.cells["evaluated"].loc[pairs["b"]].to_numpy()
        one, other = (r.cells.loc[pairs.loc[done, name]].drop(columns=["state", "stage"]) for r, name in ((a, "a"), (b, "b")))
        yield one, other
        return
    keys = {"latents": ["cell", "index"], "judged": ["cell", "latent", "scorer", "null", "place"]}.get(frame, ["cell", "slot"])
    for first in range(0, len(pairs), PAIRS_AT_ONCE):
        part = pairs.iloc[first : first + PAIRS_AT_ONCE]
        one, other = a.frame_of(frame, part["a"]), b.frame_of(frame, part["b"])
        other = other.assign(cell=other["cell"].map(pd.Series(part["a"].to_numpy(), index=part["b"])))
        both = one[keys].assign(row_a=range(len(one))).merge(other[keys].assign(row_b=range(len(other))), on=keys)
        yield one.iloc[both["row_a"]].drop(columns=keys), other.iloc[both["row_b"]].drop(columns=keys)


def latents(a: Results, b: Results, matched: Matched, level: float = 0.95) -> pd.DataFrame:
    """A row per setting, model, variant and score of the latents that both sweeps drew: SETTINGS (A's), model, variant, score,
    n (latents), mean_a, mean_b, max_abs, same_sae (whether all stand in SAEs with equal train ids; where not, latents of one
    number share their start at most), CORRELATION: inference.rank_correlations of A's and B's scores, with A's seeds. rho is
    NaN where no SAE has enough latents, or all scores of a sweep are equal in each.
    """
    one, other = _aligned_latents(a, b, matched)
    scores = [name for name in LATENT_SCORES if name in one and name in other]
    columns = {f"{name}_{letter}": part[name] for letter, part in (("a", one), ("b", other)) for name in scores}
    both = one[["cell", "same_sae"]].assign(**columns)
    cells = a.cells.loc[matched.pairs["a"]]
    found = rank_correlations(cells, both, {name: (f"{name}_a", f"{name}_b") for name in scores}, level)
    both = both.join(with_settings(cells)[KEYS], on="cell")
    rows = [row for key, part in both.groupby(KEYS, sort=False) for row in _score_rows(key, part, scores)]
    frame = pd.DataFrame(rows, columns=[*KEYS, "score", "n", "mean_a", "mean_b", "max_abs", "same_sae"])
    found = found.rename(columns={"metric": "score"})[[*KEYS, "score", *CORRELATION]]
    frame = frame.merge(found, on=[*KEYS, "score"], how="left")
    frame = frame.fillna({"n_seeds": 0, "n_layers": 0, "basis": NONE, "claim": NONE})
    return frame.astype({"n_seeds": int, "n_layers": int})


def _score_rows(key: tuple, part: pd.DataFrame, scores: Sequence[str]) -> Iterator[tuple]:
    """A row for each score that some latent has in both."""
    for score in scores:
        one, other = (values for _, values in part[[f"{score}_a", f"{score}_b"]].dropna().items())
        if len(one):
            largest = (one - other).abs().max()
            yield (*key, score, len(one), one.mean(), other.mean(), largest, bool(part["same_sae"].all()))


def _aligned_latents(a: Results, b: Results, matched: Matched) -> tuple[pd.DataFrame, pd.DataFrame]:
    pairs = matched.pairs[["a", "b", "model", "variant", "same_sae"]]
    one = a.latents.merge(pairs, left_on="cell", right_on="a")
    other = b.latents.assign(b=b.latents["cell"])
    both = one[["b", "index"]].assign(place=one.index).merge(other[["b", "index"]].assign(place_b=other.index), on=["b", "index"])
    return one.loc[both["place"]].reset_index(drop=True), other.loc[both["place_b"]].reset_index(drop=True)
