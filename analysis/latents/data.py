"""What a latent's dashboard shows, as plain records read from a results file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from ..load import Results, texts_of
from ..scores import SCORERS, roc, thinned

#: Of /examples/kind.
TOP, FIRING, SILENT = 0, 1, 2
NAMES = (
    *(f"examples/{name}" for name in ("kind", "row", "start", "token", "activation")),
    *(f"predictions/{scorer}{null}_probability" for scorer in SCORERS for null in ("", "_null")),
    *(f"predictions/{scorer}_truth" for scorer in SCORERS),
    "predictions/detection_example", "latents/peak_quantiles", "latents/null_of",
)  # fmt: skip

Curve = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Most:
    """The most windows that a dashboard shows, of each kind."""

    top: int
    firing: int
    silent: int


@dataclass(frozen=True)
class Window:
    """A window of text: its tokens, the latent's activation on each, and the judge's probability (detection) that the
    latent fires in it, NaN where it was not asked."""

    tokens: list[str]
    activations: np.ndarray
    detection: float

    @property
    def peak(self) -> float:
        return float(self.activations.max(initial=0))


@dataclass(frozen=True)
class Dashboard:
    """Of one latent: windows of the highest peaks, others in which it fires, both highest first, and silent ones;
    quantiles 0, 0.1 to 1 of its windows' peaks (empty where the file has none); ROC curves (false and true positive rates)
    by the names in `scores.SCORERS`, those under the null's explanation as `<name>_null`; the slot of the latent that gave
    this explanation, or -1."""

    slot: int
    top: list[Window] = field(default_factory=list)
    firing: list[Window] = field(default_factory=list)
    silent: list[Window] = field(default_factory=list)
    peak_quantiles: np.ndarray = field(default_factory=lambda: np.empty(0))
    rocs: dict[str, Curve] = field(default_factory=dict)
    null_of: int = -1

    def shortened(self, most: Most) -> Dashboard:
        """With fewer windows; those in which it fires spread from the highest peak to the lowest."""
        firing = [self.firing[i] for i in _spread(np.arange(len(self.firing)), most.firing)]
        return replace(self, top=self.top[: most.top], firing=firing, silent=self.silent[: most.silent])


def dashboards(results: Results, row: int, slots: Iterable[int], most: Most) -> Iterator[Dashboard]:
    """Dashboards of some latents (places in /latents) of one cell (row of `results.cells`), which is read once."""
    block = results.of_cell(row, NAMES)
    words = results.token_texts(row)
    for slot in slots:
        one = {name: values[slot] for name, values in block.items() if slot < len(values)}
        top, firing, silent = _windows(one, words, most)
        quantiles = one.get("latents/peak_quantiles", np.empty(0))
        yield Dashboard(
            int(slot), top, firing, silent,
            peak_quantiles=quantiles if np.isfinite(quantiles).all() else np.empty(0),
            rocs=dict(_rocs(one)), null_of=int(one.get("latents/null_of", -1)),
        )  # fmt: skip


def _windows(one: dict[str, np.ndarray], words: list[str], most: Most) -> tuple[list[Window], list[Window], list[Window]]:
    if not {"examples/kind", "examples/token", "examples/activation"} <= set(one):
        return [], [], []
    kind, tokens = one["examples/kind"], one["examples/token"]
    activations = np.nan_to_num(one["examples/activation"])
    peaks = activations.max(axis=1, initial=0)
    asked = _detection(one, len(kind))
    top = np.flatnonzero(kind == TOP)[: most.top]
    firing = _without(np.flatnonzero(kind == FIRING), top, one)
    firing = _spread(firing[np.argsort(-peaks[firing], kind="stable")], most.firing)
    silent = np.flatnonzero(kind == SILENT)
    silent = silent[np.argsort(-np.nan_to_num(asked[silent], nan=-1), kind="stable")][: most.silent]

    def window(at: int) -> Window:
        ids = tokens[at]
        return Window(texts_of(ids.tolist(), words), activations[at][ids >= 0], float(asked[at]))

    return [window(i) for i in top.tolist()], [window(i) for i in firing.tolist()], [window(i) for i in silent.tolist()]


def _detection(one: dict[str, np.ndarray], n_examples: int) -> np.ndarray:
    """For each window of /examples, the probability that detection gave it."""
    asked = np.full(n_examples, np.nan)
    places, given = one.get("predictions/detection_example"), one.get("predictions/detection_probability")
    if places is not None and given is not None and len(places) == len(given):
        known = (places >= 0) & (places < n_examples)
        asked[places[known]] = given[known]
    return asked


def _without(places: np.ndarray, shown: np.ndarray, one: dict[str, np.ndarray]) -> np.ndarray:
    """The places whose window of text is not among those shown: the judge may be shown a window of the highest peaks."""
    if not {"examples/row", "examples/start"} <= set(one):
        return places
    at = list(zip(one["examples/row"].tolist(), one["examples/start"].tolist()))
    seen = {at[i] for i in shown}
    return np.array([i for i in places if at[i] not in seen], dtype=int)


def _spread(places: np.ndarray, most: int) -> np.ndarray:
    """At most so many of them, evenly spaced, with the first and the last."""
    if len(places) <= most:
        return places
    return places[np.round(np.linspace(0, len(places) - 1, most)).astype(int)]


def _rocs(one: dict[str, np.ndarray]) -> Iterator[tuple[str, Curve]]:
    for scorer in SCORERS:
        truth = one.get(f"predictions/{scorer}_truth")
        for name in (scorer, f"{scorer}_null"):
            probability = one.get(f"predictions/{name}_probability")
            if truth is None or probability is None or truth.shape != probability.shape:
                continue
            answered = (truth >= 0) & np.isfinite(probability)
            curve = thinned(*roc(probability[answered], truth[answered]))
            if len(curve[0]):
                yield name, curve
