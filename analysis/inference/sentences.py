"""The answer in three sentences, from the numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..metrics import METRICS, variant_label
from ..summary import SETTINGS
from .decisions import DIFFERENT, EQUIVALENT, NO_CLAIM, UNDECIDED
from .estimates import OTHER_WEIGHTS, THESE_WEIGHTS

#: Variants that are a random model; the control is none.
RANDOM = ("step0", "rerandomized_excl", "rerandomized_incl")
SCORES = ("fuzz_auroc", "detection_auroc", "simulation_correlation")
#: Below so many seeds the last sentence says that they are few: Student's t still doubles the normal's interval there.
FEW = 4
_METRICS = {metric.name: metric for metric in METRICS}


def answer_sentences(answers: pd.DataFrame, comparisons: pd.DataFrame) -> list[str]:
    """How the scores compare, what separates trained from random, and how far that can be trusted; plain text.

    answers: of model_answers. Empty where no trained variant stands beside a random one.
    """
    answers = answers[answers["variant"].isin(RANDOM) & np.isfinite(answers["difference"])]
    if answers.empty:
        return []
    return [_scores(answers), _separating(answers), _trust(answers, comparisons)]


def _scores(answers: pd.DataFrame) -> str:
    name = next((name for name in SCORES if (answers["metric"] == name).any()), None)
    if name is None:
        name, start = answers["metric"].iloc[0], "No explanations were scored here; "
    else:
        start = ""
    rows = answers[answers["metric"] == name]
    models = f"the trained model's {_lower(name)}" if _n_models(rows) == 1 else f"the trained models' {_lower(name)}"
    text = f"{start}{models} is {_span(rows['mean_a'], name)} and the random ones' {_span(rows['mean_b'], name)}, means over the layers"
    if (rows["verdict"] == NO_CLAIM).all():
        return _sentence(f"{text}; with one seed this compares single SAEs and decides nothing about the models")
    margin = rows["margin"].iloc[0]
    parts = [_counted(rows, DIFFERENT, "different"), _counted(rows, EQUIVALENT, f"equivalent within {margin:g}"), _counted(rows, UNDECIDED, "undecided")]
    return _sentence(f"{text}: {_joined([part for part in parts if part])}")


def _counted(rows: pd.DataFrame, verdict: str, words: str) -> str:
    found = rows[rows["verdict"] == verdict]
    if found.empty:
        return ""
    if _n_models(rows) > 1:
        return f"{words} in {len(found)} of {len(rows)} comparisons"
    return f"{words} for {_joined([variant_label(variant) for variant in found['variant']])}"


def _separating(answers: pd.DataFrame) -> str:
    """Metrics whose overall verdict is different for all random variants of all models, the largest effect first."""
    groups = answers.groupby("metric", sort=False)
    every = groups["verdict"].agg(lambda verdicts: (verdicts == DIFFERENT).all())
    same_sign = groups["difference"].agg(lambda values: abs(np.sign(values).sum()) == len(values))
    size = groups["effect_size"].agg(lambda values: values.abs().min())
    names = list(size[every & same_sign].sort_values(ascending=False).index)
    if not names:
        if (answers["verdict"] == NO_CLAIM).all():
            return "Which metrics separate trained from random stays open: at least two seeds are needed, and five are advised."
        some = int((answers["verdict"] == DIFFERENT).sum())
        return f"No metric separates trained from every random model with certainty; {some} of {len(answers)} comparisons over all metrics differ."
    parts = [_how_far(answers[answers["metric"] == name], name) for name in names[:3]]
    more = f"; {len(names) - 3} more metrics do so too" if len(names) > 3 else ""
    return _sentence(f"What separates trained from every random model: {'; '.join(parts)}{more}")


def _how_far(rows: pd.DataFrame, name: str) -> str:
    sign = "higher" if rows["difference"].iloc[0] > 0 else "lower"
    deepest = rows.loc[rows["largest_difference"].abs().idxmax()]
    where = f", most at layer {deepest['largest_layer']}" if rows["n_layers"].max() > 1 else ""
    return f"{_lower(name)} ({_span(rows['difference'].abs(), name)} {sign} in trained{where})"


def _trust(answers: pd.DataFrame, comparisons: pd.DataFrame) -> str:
    fewest = int(answers[["n_a", "n_b"]].min(axis=None))
    if fewest < 2:
        return "There is one seed to an arm, so the intervals are over the latents of these SAEs only and another seed may give other numbers."
    claims = set(answers["claim"])
    if claims == {THESE_WEIGHTS}:
        text = f"All of this rests on {fewest} SAE seeds of one set of weights a variant: it speaks of these weights and not of other random initializations"
    elif THESE_WEIGHTS in claims:
        text = f"Each arm has at least {fewest} seeds; where a random variant has one init seed, it speaks of those weights only"
    else:
        starts = "several init seeds and SAE seeds" if OTHER_WEIGHTS in claims else "several init seeds"
        text = f"Random variants have {starts} (at least {fewest}), so it speaks of other random initializations, too, beside this one trained model"
    open_ones = int((comparisons["verdict"] == UNDECIDED).sum())
    total = int((comparisons["verdict"] != NO_CLAIM).sum())
    few = f"; {fewest} seeds are few, and undecided ({open_ones} of {total} comparisons by layer) does not mean similar" if fewest < FEW else ""
    return _sentence(text + few)


def _n_models(rows: pd.DataFrame) -> int:
    return rows.groupby([*SETTINGS, "model"]).ngroups


def _lower(name: str) -> str:
    label = _METRICS[name].label.removesuffix(" (nats)") if name in _METRICS else name
    return label[0].lower() + label[1:] if label[1:2].islower() else label


def _span(values: pd.Series, name: str) -> str:
    """0.812, or 0.781 to 0.862; with the unit where it has one."""
    ends = [_number(value) for value in (values.min(), values.max())]
    unit = " nats" if name.startswith("token_entropy") else ""
    return (ends[0] if ends[0] == ends[1] else " to ".join(ends)) + unit


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:,.0f}"


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
