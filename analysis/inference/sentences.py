"""The answer in three sentences, from the numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..metrics import METRICS
from ..summary import SETTINGS
from .answers import TRAINED
from .decisions import DIFFERENT, EQUIVALENT, NO_CLAIM, UNDECIDED
from .designs import SEEDS, THESE_WEIGHTS

#: Variants that are a random model, and what a sentence calls them. The control is none.
RANDOM = {
    "step0": "the model at step 0",
    "rerandomized_excl": "the re-randomized model that keeps its embeddings",
    "rerandomized_incl": "the wholly re-randomized model",
}
CONTROL = "control"
NO_FIRST = "_no_first"
SCORES = ("fuzz_auroc", "detection_auroc", "simulation_correlation")
#: What the second sentence may name. Not what grows with the activations' norm, as MSE and L1: that differs in any case. Over
#: all positions only where NO_FIRST is missing: a trained model's massive activations at the first position are no finding.
SEPARATING = ("token_entropy", *SCORES, "explained_variance_no_first", "explained_variance", "cosine_similarity_no_first", "cosine_similarity", "dead_fraction")
#: Below so many seeds the last sentence says that they are few: Student's t makes intervals half as wide again, and more.
FEW = 5
_METRICS = {metric.name: metric for metric in METRICS}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def answer_sentences(answers: pd.DataFrame, comparisons: pd.DataFrame, level: float = 0.95) -> list[str]:
    """How the scores compare, what separates trained from random, and how far that can be trusted; plain text.

    answers: of model_answers, comparisons: of compare_variants, at this level. Empty where no trained variant stands beside a random one.
    """
    answers = answers[np.isfinite(answers["difference"].astype(float))]
    random = answers[answers["variant"].isin(RANDOM)]
    if random.empty:
        return []
    n_pairs = comparisons[["variant_a", "variant_b"]].drop_duplicates().shape[0]
    return [_scores(random, answers, level, n_pairs), _separating(random), _trust(random, comparisons)]


def _scores(random: pd.DataFrame, answers: pd.DataFrame, level: float, n_pairs: int) -> str:
    name = next((name for name in SCORES if (random["metric"] == name).any()), random["metric"].iloc[0])
    rows = random[random["metric"] == name]
    start = "" if name in SCORES else "no explanations were scored here; "
    text = f"{start}{_lower(name)} is {_span(rows['mean_a'], name)} in the trained {_models(rows)} and {_span(rows['mean_b'], name)} in {_random_ones(rows)}"
    control = answers[(answers["metric"] == name) & (answers["variant"] == CONTROL)]
    text += f" ({_span(control['mean_b'], name)} in the control)" if len(control) else ""
    text += _over(rows)
    if (rows["verdict"] == NO_CLAIM).all():
        return _sentence(f"{text}, but with one seed this compares single SAEs and decides nothing about the models")
    words = {DIFFERENT: "is different from", EQUIVALENT: f"is equivalent within {rows['margin'].iloc[0]:g} to", UNDECIDED: "cannot be told different from or equivalent to"}
    verdicts = [f"{words[verdict]} {_which(rows, verdict)}" for verdict in words if (rows["verdict"] == verdict).any()]
    known = rows[rows["verdict"] != NO_CLAIM]
    largest = known.loc[known["difference"].abs().idxmax()]
    text += f": trained {_joined(verdicts)}, the {'largest ' if len(known) > 1 else ''}difference being {_number(largest['difference'], name)} ({_certainty(largest, name, level, n_pairs)})"
    return _sentence(text + (f"; for {_which(rows, NO_CLAIM)} one seed decides nothing" if len(known) < len(rows) else ""))


def _certainty(row: pd.Series, name: str, level: float, n_pairs: int) -> str:
    """Interval, and the p that the verdict rests on: an interval without 0 does not decide where several pairs are compared."""
    if not np.isfinite(row["low"]):
        return "the same in all seeds"
    of, p = ("equivalence", row["p_equivalence_holm"]) if row["verdict"] == EQUIVALENT else ("difference", row["p_difference_holm"])
    span = f"{100 * level:g}% interval {_number(row['low'], name)} to {_number(row['high'], name)}"
    value = "below 0.001" if p < 0.001 else f"{p:.3f}"
    return f"{span} taken alone; p of {of} {value} after Holm over all pairs of variants" if n_pairs > 1 else f"{span}, p of {of} {value}"


def _random_ones(rows: pd.DataFrame) -> str:
    """All random models of the rows, or the one by its name."""
    return "the random ones" if len(rows) > 1 else RANDOM[rows["variant"].iloc[0]]


def _which(rows: pd.DataFrame, verdict: str) -> str:
    found = rows[rows["verdict"] == verdict]
    if _n_groups(rows) > 1:
        return f"random in {len(found)} of {len(rows)} comparisons"
    if len(found) == len(rows) > 1:
        if verdict == UNDECIDED:
            return "any of them"
        return "both of them" if len(rows) == 2 else f"all {_word(len(rows))} of them"
    return "it" if len(rows) == 1 else _joined([RANDOM[variant] for variant in found["variant"]])


def _separating(random: pd.DataFrame) -> str:
    """The metrics that differ, in one direction, from all random variants of all models that have the seeds to tell."""
    known = random[(random["verdict"] != NO_CLAIM) & random["metric"].isin(SEPARATING)]
    if known.empty:
        return "Which metrics separate trained from random stays open: that takes at least two seeds, and better five."
    to_tell = _random_models(known)
    every = f"{'the' if len(to_tell) == 1 else 'every'} random model" + ("" if to_tell == _random_models(random) else " that has the seeds to tell")
    present = set(known["metric"])
    of_metric = {name: known[known["metric"] == name] for name in SEPARATING if name + NO_FIRST not in present}
    found = [_how_far(rows, name) for name, rows in of_metric.items() if _random_models(rows) == to_tell and _separates(rows)]
    if not found:
        some = int((known["verdict"] == DIFFERENT).sum())
        return f"No metric separates trained from {every} with certainty: of {len(known)} comparisons, metric by metric, {some} are different."
    return _sentence(f"what separates trained from {every} is {_joined(found)}")


def _random_models(rows: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(rows["model"], rows["variant"]))


def _separates(rows: pd.DataFrame) -> bool:
    return bool((rows["verdict"] == DIFFERENT).all()) and rows["difference"].gt(0).nunique() == 1


def _how_far(rows: pd.DataFrame, name: str) -> str:
    sign = "higher" if rows["difference"].iloc[0] > 0 else "lower"
    layers = sorted(set(rows["largest_layer"]))
    if rows["n_layers"].max() == 1:
        where = ""
    elif len(layers) == 1:
        where = f", most at layer {layers[0]}"
    else:
        where = f", most at layers {layers[0]} to {layers[-1]}"
    return f"{_lower(name)} ({_span(rows['difference'].abs(), name)} {sign} in trained{where})"


def _trust(random: pd.DataFrame, comparisons: pd.DataFrame) -> str:
    known = random[random["basis"] == SEEDS]
    if known.empty:
        return "There is one seed to an arm, so the intervals are over the latents of these SAEs only; another seed may give other numbers."
    fewest = int(known[["n_a", "n_b"]].min(axis=None))
    alone = len(_random_models(random)) == 1
    each, their, these = ("the", "the random model's", "this model") if alone else ("each", "the random models'", "these models")
    if set(known["claim"]) == {THESE_WEIGHTS}:
        text = f"all of this rests on {_word(fewest)} SAE seeds and one draw of {each} random model's weights, so it speaks of these weights and not of other random initializations"
    elif THESE_WEIGHTS in set(known["claim"]):
        text = f"all of this rests on {_word(fewest)} seeds or more; of a random model that was drawn once it speaks of those weights only, not of other random initializations"
    else:
        text = f"all of this rests on {_word(fewest)} seeds or more and several draws of {their} weights, so it speaks of other random initializations of {these} too, but of one training run"
    if len(known) < len(random):
        text += "; where an arm has one seed, a difference is one of single SAEs"
    if fewest >= FEW:
        return _sentence(text)
    of_these = comparisons[(comparisons["variant_a"] == TRAINED) & comparisons["variant_b"].isin(RANDOM)]
    open_ones, total = (int(mask.sum()) for mask in (of_these["verdict"] == UNDECIDED, of_these["verdict"] != NO_CLAIM))
    return _sentence(f"{text}; {_word(fewest)} seeds are few, {open_ones} of {total} comparisons of trained with random by layer and metric stay undecided, and undecided does not mean similar")


def _over(rows: pd.DataFrame) -> str:
    layers = sorted({int(n) for n in rows["n_layers_averaged"]})
    text = "" if layers == [1] else f", means over {_word(layers[0]) if len(layers) == 1 else 'the'} layers"
    settings = len(rows[SETTINGS].drop_duplicates())
    return text + (f", with {_word(settings)} SAE settings" if settings > 1 else "")


def _n_groups(rows: pd.DataFrame) -> int:
    return rows.groupby([*SETTINGS, "model"]).ngroups


def _models(rows: pd.DataFrame) -> str:
    return "model" if rows["model"].nunique() == 1 else "models"


def _lower(name: str) -> str:
    label = _METRICS[name].label.removesuffix(" (nats)") if name in _METRICS else name
    return label[0].lower() + label[1:] if label[1:2].islower() else label


def _span(values: pd.Series, name: str) -> str:
    """0.81, or 0.78 to 0.86; with the unit where it has one."""
    ends = [_number(value, name) for value in (values.min(), values.max())]
    unit = " nats" if name.startswith("token_entropy") else ""
    return (ends[0] if ends[0] == ends[1] else " to ".join(ends)) + unit


def _number(value: float, name: str) -> str:
    """Three decimals for scores, whose differences are small."""
    digits = 3 if name in SCORES else 2
    return (f"{value:.{digits}f}" if abs(value) < 10 else f"{value:,.0f}").replace("-", "\N{MINUS SIGN}")


def _word(n: int) -> str:
    return _NUMBERS[n] if n < len(_NUMBERS) else str(n)


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
