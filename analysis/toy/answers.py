"""What the numbers say, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ..inference.decisions import DIFFERENT, EQUIVALENT, NO_CLAIM, UNDECIDED
from .data import FOUND

WHERE = {"input": "", "mlp": " behind the random MLP"}
DATA = {"superposed": "superposed data", "embedding": "the embeddings", "gaussian": "a Gaussian control"}


def answers(best: pd.DataFrame, points: pd.DataFrame, means: pd.DataFrame, labels: dict[str, str], level: float = 0.95) -> list[str]:
    """Of each data set: where its features are found, and how it stands beside its control. best: data.best_penalties; points,
    means: equal_l0.compare_at_equal_l0; labels: of data sets, named where there are several; level: of the intervals."""
    texts = []
    for model in labels:
        name = f"{labels[model]}: " if len(labels) > 1 else ""
        parts = [*_found(best[best["model"] == model]), *_beside_control(points[points["model"] == model], means[means["model"] == model], level)]
        texts += [name + text for text in parts]
    return texts


def _found(best: pd.DataFrame) -> Iterator[str]:
    for hookpoint, part in best.groupby("hookpoint", sort=True):
        top = part.loc[part["mmcs"].idxmax()]
        seeds = f", {_number(top['mmcs_min'])} to {_number(top['mmcs_max'])} over {_counted(top['n_seeds'], 'seed')}" if top["n_seeds"] > 1 else ", one seed"
        highest = f"the highest is {_number(top['mmcs'])}{seeds} ({top['n_latents']:,} latents, penalty {top['penalty']:.3g}), {_in_grid(top)}"
        found = part[part["n_found"] > 0]
        where = WHERE.get(hookpoint, f" at {hookpoint}")
        if found.empty:
            yield f"No penalty finds the true features{where}: MMCS stays at or below {FOUND:g}; {highest}."
            continue
        low, high = found["from_penalty"].min(), found["to_penalty"].max()
        zone = f"the penalty {low:.3g}" if low == high else f"penalties from {low:.3g} to {high:.3g}"
        widths = "" if len(found) == len(part) else f" for {len(found)} of {len(part)} widths"
        yield f"There is a Goldilocks zone{where}: MMCS is above {FOUND:g} at {zone}{widths}; {highest}."


def _in_grid(top: pd.Series) -> str:
    """What the grid has beside its highest MMCS, and where that lies at an end."""
    low, high = (_number(top[f"mmcs_{end}_penalty"]) for end in ("lowest", "highest"))
    if top["n_penalties"] == 1:
        return "the only penalty there is"
    if top["penalty"] == top["lowest_penalty"]:
        return f"at the low end of the grid, so lower penalties may do better; at its high end it is {high}"
    if top["penalty"] == top["highest_penalty"]:
        return f"at the high end of the grid, so higher penalties may do better; at its low end it is {low}"
    return f"against {low} and {high} at the ends of the grid"


def _beside_control(points: pd.DataFrame, means: pd.DataFrame, level: float) -> Iterator[str]:
    if means.empty:
        yield "Data and control cannot be compared at equal L0: their fronts share none, or one of the two is not there."
    for hookpoint, part in means.groupby("hookpoint", sort=True):
        data = part["variant_a"].iloc[0]
        what = DATA.get(data, data) + WHERE.get(hookpoint, f" at {hookpoint}")
        said = _one_width(part.iloc[0], what, level) if len(part) == 1 else _several_widths(part, what)
        yield " ".join([said, *_example(points[points["hookpoint"] == hookpoint], part)])


def _one_width(row: pd.Series, what: str, level: float) -> str:
    claim = {
        DIFFERENT: f"SAEs explain {_more(row['difference'])} of {what} than of the Gaussian control at equal L0",
        EQUIVALENT: f"SAEs explain {what} and the Gaussian control alike at equal L0, within {row['margin']:g}",
        UNDECIDED: f"Whether SAEs explain more of {what} or of the Gaussian control at equal L0 is undecided",
        NO_CLAIM: f"With one seed, SAEs explain {_more(row['difference'])} of {what} than of the Gaussian control at equal L0",
    }[row["verdict"]]
    numbers = f"explained variance {_number(row['mean_a'])} against {_number(row['mean_b'])}, mean over L0 from {row['from_l0']:.3g} to {row['to_l0']:.3g}"
    if row["verdict"] == NO_CLAIM:
        return f"{claim}: {numbers}. There is no interval, and no claim about other seeds."
    return f"{claim}: {numbers}. The difference is {_number(row['difference'])} ({100 * level:g} % interval {_number(row['low'])} to {_number(row['high'])}, {_seeds(row.to_frame().T)})."


def _several_widths(part: pd.DataFrame, what: str) -> str:
    low, high = _number(part["difference"].min()), _number(part["difference"].max())
    span = low if low == high else f"{low} to {high}"
    signs = set(part["difference"] > 0)
    if set(part["verdict"]) == {DIFFERENT} and len(signs) == 1:
        more = _more(part["difference"].iloc[0])
        return f"SAEs explain {more} of {what} than of the Gaussian control at equal L0, at each of {len(part)} widths: the difference in explained variance is {span} ({_seeds(part)})."
    said = f"At equal L0 explained variance of {what} minus that of the Gaussian control is {span} over {len(part)} widths"
    if set(part["verdict"]) == {NO_CLAIM}:
        return f"{said}. With one seed there is no interval, and no claim about other seeds."
    counts = part["verdict"].replace(NO_CLAIM, "without a claim").value_counts()
    return f"{said}: {', '.join(f'{n} {verdict}' for verdict, n in counts.items())} ({_seeds(part)})."


def _more(difference: float) -> str:
    return "more" if difference > 0 else "less"


def _seeds(rows: pd.DataFrame) -> str:
    counts = pd.concat([rows["n_a"], rows["n_b"]]).astype(int)
    low, high = counts.min(), counts.max()
    return f"{low if low == high else f'{low} to {high}'} seeds" + (" in pairs" if rows["paired"].all() else "")


def _example(points: pd.DataFrame, means: pd.DataFrame) -> Iterator[str]:
    """Of the narrowest SAEs, at the round L0 nearest to the middle of those over which the mean is taken."""
    range_of = means.loc[means["n_latents"].idxmin()]
    points = points[points["n_latents"] == range_of["n_latents"]]
    if len(points):
        middle = np.log([range_of["from_l0"], range_of["to_l0"]]).mean()
        row = points.loc[(np.log(points["l0"].astype(float)) - middle).abs().idxmin()]
        yield (
            f"For example, with {row['n_latents']:,} latents and L0 {row['l0']:g}, near the middle of the L0 that data and control share: "
            f"explained variance {_number(row['mean_a'])} against {_number(row['mean_b'])}."
        )


def _number(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def _counted(n: float, noun: str) -> str:
    return f"{int(n):,} {noun}" + ("" if n == 1 else "s")
