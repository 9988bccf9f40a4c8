"""Writes a results file with made-up numbers, shaped like the quickstart's (docs/results.md), for tests of the reader.

python tests/python/make_results.py OUT.h5 [--running]
"""

import argparse
import hashlib
import re
from functools import cache
from pathlib import Path

import h5py
import numpy as np

VARIANTS = ("trained", "rerandomized_incl", "rerandomized_excl", "step0", "control")
TO_COME, STARTED, DONE, FAILED = range(4)
TRAINED, EVALUATED, HARVESTED, SCORED = range(1, 5)
EXPLAINED = {"trained": 0.82, "step0": 0.72, "rerandomized_excl": 0.68, "rerandomized_incl": 0.63, "control": 0.31}
#: How far the judge's logits of right and wrong examples lie apart, in deviations: fuzzing; detection.
INSIGHT = {"trained": (1.7, 1.2), "step0": (1.5, 1.1), "rerandomized_excl": (1.2, 0.9), "rerandomized_incl": (1.0, 0.6), "control": (0, 0)}
SWEEP = '[sweep]\nname = "quickstart"\noutput = "out/quickstart"\n\n[sae]\nk = 16 # <k> & "seeds"\nseeds = [0, 1]\n'
POINTS = 40
PREDICTIONS, NULLS, EXAMPLES, TOP, WINDOW = 40, 5, 12, 8, 16
WORDS = (
    "<|endoftext|> the . \n , <b> & rain _the _cat _sat _on _a _mat _and _saw _moons _of _iron Ġ ing ed ly _don 't _\"yes\" _日本 語 _№ <<"
).split(" ")
WORDS = [word.replace("_", " ") for word in WORDS]
TIMINGS = ("train_seconds", "tokens_per_second", "train_loss", "tokens_trained", "d_in", "n_latents", "host", "rank")


def make_results(path, models=("models/tiny",), layers=6, seeds=2, latents=2048, states=None, failures=None, without=(), scored=20, rows=None, info=None):
    """states: the state of each cell by row (default: all done); failures: reason by row; without: datasets to leave out;
    latents: of each SAE; scored: how many of them are scored, 0 where the sweep scores none; rows: the cells that the file
    holds, as a shard does; info: root attributes that differ.

    Cells run over models, variants, layers and SAE seeds, the last fastest.
    """
    rng = np.random.default_rng(0)
    grid = [(m, v, l, s) for m in models for v in VARIANTS for l in range(layers) for s in range(seeds)]
    states = np.full(len(grid), DONE) if states is None else np.asarray(states)
    data = _cells(grid, states, failures or {}, latents, rng, SCORED if scored else EVALUATED)
    whole = {f"grid/{name}": data[f"cells/{name}"] for name in ("id", "evaluate_id", "score_id")}
    whole["grid/settings"] = np.array([f"{model} {variant} layers.{layer} SAE seed {seed}" for model, variant, layer, seed in grid])
    data |= _all_latents(len(grid), states, latents, rng)
    data |= _curves(data["cells/explained_variance"], rng)
    data |= _scores(grid, states, latents, scored, np.random.default_rng(1))
    if rows is not None:
        data = {name: values if name.startswith("vocabularies/") else np.asarray(values)[rows] for name, values in data.items()}
    data |= whole
    about = documented()
    with h5py.File(path, "w") as file:
        for name, values in data.items():
            if name not in without:
                file[name] = _padded(values)
                file[name].attrs["stage"] = _stage_of(name)
                for attribute, text in about.get(name, {}).items():
                    file[name].attrs[attribute] = text
        _root(file)
        for name, text in (info or {}).items():
            file.attrs[name] = np.bytes_(text.encode())
    return Path(path)


@cache
def documented():
    """Unit, meaning and whether it is reproducible of each dataset, by its name, from docs/results.md."""
    page = (Path(__file__).parents[2] / "docs/results.md").read_text()
    rows = re.findall(r"^\| `/(\w+/\w+)` \|[^|]+\|[^|]+\|([^|]*)\|([^|]*)\| (yes|no) \|$", page, re.M)
    return {name: {"unit": np.bytes_(unit.strip()), "meaning": np.bytes_(meaning.strip()), "reproducible": np.uint8(same == "yes")} for name, unit, meaning, same in rows}


def _stage_of(name):
    group, column = name.split("/")
    if group == "grid":
        return 0
    if group in ("examples", "all_latents"):
        return EVALUATED if column == "firing_rate" else HARVESTED
    if group == "latents":
        return SCORED if any(word in column for word in ("auroc", "accuracy", "simulation", "judged", "missing", "null", "explanation")) else HARVESTED
    if group != "cells":
        return {"curves": TRAINED, "predictions": SCORED, "vocabularies": 0}[group]
    if column in TIMINGS:
        return TRAINED
    if column in ("state", "stage", "failure", "id", "evaluate_id", "score_id", "model", "variant", "init_seed", "hookpoint", "layer",
                  "architecture", "expansion_factor", "k", "penalty", "sae_seed", "tokens"):  # fmt: skip
        return 0
    if column.startswith(("fuzz", "detection", "simulation", "n_judged", "n_missing", "n_unparsable", "n_scored", "judge")):
        return SCORED
    return HARVESTED if column.startswith(("token_entropy", "qualifying", "vocabulary", "n_d", "n_rare")) else EVALUATED


def _root(file):
    file.attrs["filetype"] = np.bytes_("saesweep-results")
    file.attrs["version"] = 5
    for name, text in {
        "kind": "sweep", "sweep_name": "quickstart", "sweep": SWEEP, "created": "2026-01-05T12:00:00Z",
        "machine": "node17, 2 cores", "software_saesweep": "0.1.0", "software_hdf5": "1.10.8", "software_torch": "2.11.0",
    }.items():  # fmt: skip
        file.attrs[name] = np.bytes_(text.encode())


def _padded(values):
    values = np.asarray(values)
    return np.char.encode(values, "utf-8") if values.dtype.kind == "U" else values


def _cells(grid, states, failures, latents, rng, last_stage):
    n = len(grid)
    model, variant, layer, seed = (np.array(column) for column in zip(*grid))
    depth = layer / max(1, layer.max())
    ev = np.array([EXPLAINED[v] for v in variant]) - 0.12 * depth + rng.normal(0, 0.012, n)
    trained = variant == "trained"
    score = np.where(trained, 0.93 - 0.1 * depth, np.where(variant == "control", np.nan, rng.normal(-0.3, 0.6, n)))
    floats = {
        "explained_variance": ev,
        "cosine_similarity": 0.5 + 0.5 * ev,
        "mse": (1 - ev) * np.where(trained, 8.0, 0.4) * (1 + layer),
        "explained_variance_no_first": ev - 0.02 - 0.1 * trained,
        "cosine_similarity_no_first": 0.49 + 0.5 * ev,
        "mse_no_first": (1 - ev) * 0.4 * (1 + layer),
        "explained_variance_train": ev + 0.02,
        "penalty": np.full(n, np.nan),
        "mmcs": np.full(n, np.nan),
        "l1_sqrt_l2": np.full(n, np.nan),
        "hoyer": np.full(n, np.nan),
        "l0": np.full(n, 16.0),
        "l1": 20 * (1 + depth) * np.where(trained, 2.0, 1.0) + rng.normal(0, 0.5, n),
        "dead_fraction": np.clip(0.05 + 0.3 * depth * (1 - ev) + rng.normal(0, 0.01, n), 0, 1),
        "ce_clean": np.where(trained, 3.9, 8.4),
        "ce_sae": np.where(trained, 4.2 + 0.4 * depth, 8.45),
        "ce_zero": np.where(trained, 8.1, 8.5),
        "ce_loss_score": score,
        "kl_sae": np.full(n, 0.3),
        "kl_zero": np.full(n, 4.0),
        "kl_score": 0.9 - 0.2 * depth,
        "train_loss": 1 - ev,
        "train_seconds": rng.uniform(30, 40, n),
        "evaluate_seconds": rng.uniform(3, 4, n),
        "tokens_per_second": rng.uniform(5e3, 6e3, n),
    }  # fmt: skip
    for values in floats.values():
        values[states != DONE] = np.nan
    texts = {
        "id": np.array([hashlib.sha256(repr(cell).encode()).hexdigest() for cell in grid]),
        "model": model, "variant": variant, "hookpoint": np.array([f"layers.{i}" for i in layer]),
        "architecture": np.full(n, "topk"), "host": np.full(n, "node17"),
        "failure": np.array([failures.get(row, "") for row in range(n)]),
    }  # fmt: skip
    texts |= {"evaluate_id": texts["id"], "score_id": np.full(n, "")}
    init_seed = np.where(np.isin(variant, ["trained", "step0"]), -1, 0)
    counts = {
        "init_seed": init_seed, "layer": layer, "expansion_factor": np.full(n, 16), "k": np.full(n, 16),
        "sae_seed": seed, "tokens": np.full(n, 204_800), "state": states.astype("u1"),
        "stage": np.where(states == DONE, last_stage, 0).astype("u1"), "d_in": np.full(n, 128), "n_latents": np.full(n, latents),
        "tokens_trained": np.full(n, 204_800), "tokens_evaluated": np.full(n, 50_000), "tokens_ce": np.full(n, 8_000),
        "rank": np.arange(n) % 2,
    }  # fmt: skip
    for name in ("d_in", "n_latents", "tokens_trained", "tokens_evaluated", "tokens_ce", "rank"):
        counts[name] = np.where(states == DONE, counts[name], -1)
    return {f"cells/{name}": values for name, values in (texts | floats | counts).items()}


def _all_latents(n_cells, states, latents, rng):
    """As many latents as the widest SAE has, here with one entry of padding."""
    rate = np.full((n_cells, latents + 1), np.nan)
    status = np.zeros((n_cells, latents + 1), "u1")
    for row in np.flatnonzero(states == DONE):
        rates = np.minimum(1, 10 ** rng.normal(-2.4, 0.6, latents))
        rate[row, :latents] = np.where(rng.uniform(size=latents) < 0.08, 0, rates)
        status[row, :latents] = np.where(rate[row, :latents] == 0, 2, 1)
    return {"all_latents/firing_rate": rate.astype("f4"), "all_latents/status": status}


def _curves(ev, rng):
    shape = (len(ev), POINTS + 2)
    step = np.full(shape, -1)
    step[np.isfinite(ev), :POINTS] = np.arange(1, POINTS + 1) * 5
    share = step[:, :POINTS] / (POINTS * 5)
    curves = {name: np.full(shape, np.nan) for name in ("loss", "explained_variance", "l0", "dead_fraction", "learning_rate")}
    reached = ev[:, None] * (1 - np.exp(-6 * share)) + rng.normal(0, 0.004, share.shape)
    for name, values in {
        "explained_variance": reached, "loss": 1 - reached, "l0": 16 + 0 * reached,
        "dead_fraction": 0.6 * np.exp(-3 * share), "learning_rate": 2e-4 * (1 - share),
    }.items():  # fmt: skip
        curves[name][:, :POINTS] = np.where(step[:, :POINTS] > 0, values, np.nan)
    curves |= {"step": step, "tokens": np.where(step > 0, step * 1024, -1)}
    return {f"curves/{name}": values for name, values in curves.items()}


def _scores(grid, states, latents, scored, rng):
    """Latents of which the last did not qualify; judged examples; windows; and the scores that follow from them."""
    n = len(grid)
    done = states == DONE
    shape = (n, scored)
    has = np.repeat(done[:, None], scored, axis=1)
    has[:, -1:] = False
    data = {"latents/index": np.where(has, 7 * np.arange(scored) % latents, -1).astype("i4")}
    data["latents/status"] = np.where(has, 2, 0).astype("u1")
    data["latents/firing_rate"] = np.where(has, 10 ** rng.normal(-2.2, 0.4, shape), np.nan).astype("f4")
    data["latents/n_windows"] = np.where(has, rng.integers(60, 900, shape), -1)
    depth = np.array([layer for _, _, layer, _ in grid])[:, None]
    trained = np.array([variant == "trained" for _, variant, _, _ in grid])[:, None]
    entropy = np.abs(0.6 + 0.35 * depth * trained + rng.normal(0, 0.5, shape))
    data["latents/token_entropy"] = np.where(has, entropy, np.nan)
    data["latents/explanation"] = np.where(has, [[f"tokens like <{WORDS[(r + s) % len(WORDS)]}> & the rest" for s in range(scored)] for r in range(n)], "")
    data["latents/peak_quantiles"] = np.where(has[..., None], np.sort(rng.gamma(2.0, 1.0, (*shape, 11)), axis=2), np.nan).astype("f4")
    data |= _judged(grid, has, rng) | _examples(has, rng)
    data["vocabularies/token"] = np.array([WORDS])[: 1 if scored else 0]
    return data | _means(data, done, scored)


def _judged(grid, has, rng):
    """Predictions with ties and gaps, and each latent's AUROC of them."""
    n, scored = has.shape
    data = {}
    truth = np.where(has[..., None], np.arange(PREDICTIONS) % 2, -1)
    for i, name in enumerate(("fuzz", "detection")):
        insight = np.array([INSIGHT[variant][i] for _, variant, _, _ in grid])[:, None, None]
        own = _probabilities(rng.normal(insight * truth, 1), has, rng)
        null = _probabilities(rng.normal(0 * truth, 1), has, rng)[:, :NULLS]
        data[f"predictions/{name}_probability"], data[f"predictions/{name}_null_probability"] = own, null
        data[f"predictions/{name}_truth"] = truth.astype("i1")
        data[f"predictions/{name}_example"] = np.where(truth >= 0, np.arange(PREDICTIONS) % EXAMPLES, -1).astype("i4")
        data[f"latents/{name}_auroc"] = _aurocs(own, truth)
        data[f"latents/{name}_auroc_null"] = np.full(has.shape, np.nan)
        data[f"latents/{name}_auroc_null"][:, :NULLS] = _aurocs(null, truth[:, :NULLS])
    return data


def _probabilities(logits, has, rng):
    probability = np.round(1 / (1 + np.exp(-logits)), 2)
    probability[~has[..., None] | (rng.uniform(size=probability.shape) < 0.01)] = np.nan
    return probability.astype("f4")


def _aurocs(probability, truth):
    """Of the pairs of a right and a wrong example, the share whose right one has the higher probability; a tie counts half."""
    scores = np.full(probability.shape[:2], np.nan)
    for row, (p, t) in enumerate(zip(probability, truth)):
        right, wrong = (np.where(t == of, p, np.nan) for of in (1, 0))
        above = right[:, :, None] - wrong[:, None, :]
        n_pairs = np.isfinite(above).sum((1, 2))
        wins = (above > 0).sum((1, 2)) + (above == 0).sum((1, 2)) / 2
        scores[row] = np.where(n_pairs > 0, wins / np.maximum(1, n_pairs), np.nan)
    return scores


def _examples(has, rng):
    """Windows in which up to three tokens fire, the highest peak first."""
    n, scored = has.shape
    shape = (n, scored, EXAMPLES, WINDOW)
    kind = np.where(has[..., None], np.where(np.arange(EXAMPLES) < TOP, 0, 1), -1)
    active = np.argsort(rng.uniform(size=shape), axis=3) < 3
    active[..., TOP:, :] &= np.arange(EXAMPLES - TOP)[:, None] < 2
    height = rng.uniform(0.2, 1, shape) * np.linspace(9, 3, EXAMPLES)[:, None]
    token = np.where(has[..., None, None], rng.integers(1, len(WORDS), shape), -1)
    activation = np.where(has[..., None, None], np.where(active, height, 0), np.nan)
    return {
        "examples/kind": kind.astype("i1"), "examples/token": token.astype("i4"), "examples/activation": activation.astype("f4"),
        "examples/row": np.where(kind >= 0, np.arange(EXAMPLES), -1), "examples/start": np.where(kind >= 0, 32, -1).astype("i4"),
    }  # fmt: skip


def _means(data, done, scored):
    """Columns of /cells."""
    def mean(name):
        known = np.isfinite(data[name])
        return np.where(known.any(axis=1), np.nansum(data[name], axis=1) / np.maximum(1, known.sum(axis=1)), np.nan)

    columns = {f"cells/{name}": mean(f"latents/{name}") for name in
               ("token_entropy", "fuzz_auroc", "fuzz_auroc_null", "detection_auroc", "detection_auroc_null")}  # fmt: skip
    is_scored = done & (scored > 0)
    columns["cells/qualifying_share"] = np.where(is_scored, 0.8 + 0.1 * np.sin(np.arange(len(done))), np.nan)
    for name, value in {"n_drawn": 25, "n_judged": 800, "n_missing": 8, "n_unparsable": 1, "n_scored": max(0, scored - 1), "vocabulary": 0}.items():
        columns[f"cells/{name}"] = np.where(is_scored, value, -1)
    return columns | {"cells/judge": np.where(is_scored, "lexical", "")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--running", action="store_true", help="17 cells done, 2 failed, 2 started, the others to come")
    options = parser.parse_args()
    states = [DONE] * 17 + [FAILED] * 2 + [STARTED] * 2 + [TO_COME] * 39 if options.running else None
    failures = {17: "loss is NaN at step 12 (tokens 12,288)", 18: "out of memory: 3.1 GiB wanted, 2.0 GiB free"} if options.running else {}
    make_results(options.output, states=states, failures=failures)


if __name__ == "__main__":
    main()
