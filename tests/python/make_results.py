"""Writes a results file with made-up numbers, shaped like the quickstart's (docs/results.md), for tests of the reader.

python tests/python/make_results.py OUT.h5 [--running]
"""

import argparse
import hashlib
from pathlib import Path

import h5py
import numpy as np

VARIANTS = ("trained", "rerandomized_incl", "rerandomized_excl", "step0", "control")
TO_COME, STARTED, DONE, FAILED = range(4)
EXPLAINED = {"trained": 0.82, "step0": 0.72, "rerandomized_excl": 0.68, "rerandomized_incl": 0.63, "control": 0.31}
SWEEP = '[sweep]\nname = "quickstart"\noutput = "out/quickstart"\n\n[sae]\nk = 16 # <k> & "seeds"\nseeds = [0, 1]\n'
POINTS = 40


def make_results(path, models=("models/tiny",), layers=6, seeds=2, latents=2048, states=None, failures=None, without=()):
    """states: the state of each cell by row (default: all done); failures: reason by row; without: datasets to leave out.

    Cells run over models, variants, layers and SAE seeds, the last fastest.
    """
    rng = np.random.default_rng(0)
    grid = [(m, v, l, s) for m in models for v in VARIANTS for l in range(layers) for s in range(seeds)]
    states = np.full(len(grid), DONE) if states is None else np.asarray(states)
    data = _cells(grid, states, failures or {}, latents, rng) | _latents(len(grid), states, latents, rng)
    data |= _curves(data["cells/explained_variance"], rng)
    with h5py.File(path, "w") as file:
        for name, values in data.items():
            if name not in without:
                file[name] = _padded(values)
        _root(file)
    return Path(path)


def _root(file):
    file.attrs["filetype"] = np.bytes_("saesweep-results")
    file.attrs["version"] = 2
    for name, text in {
        "sweep_name": "quickstart", "sweep": SWEEP, "created": "2026-01-05T12:00:00Z",
        "machine": "node17, 2 cores", "software_saesweep": "0.1.0", "software_hdf5": "1.10.8", "software_torch": "2.11.0",
    }.items():  # fmt: skip
        file.attrs[name] = np.bytes_(text.encode())


def _padded(values):
    values = np.asarray(values)
    return np.char.encode(values, "utf-8") if values.dtype.kind == "U" else values


def _cells(grid, states, failures, latents, rng):
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
        "stage": np.where(states == DONE, 2, 0).astype("u1"), "d_in": np.full(n, 128), "n_latents": np.full(n, latents),
        "tokens_trained": np.full(n, 204_800), "tokens_evaluated": np.full(n, 50_000), "tokens_ce": np.full(n, 8_000),
        "rank": np.arange(n) % 2,
    }  # fmt: skip
    for name in ("d_in", "n_latents", "tokens_trained", "tokens_evaluated", "tokens_ce", "rank"):
        counts[name] = np.where(states == DONE, counts[name], -1)
    return {f"cells/{name}": values for name, values in (texts | floats | counts).items()}


def _latents(n_cells, states, latents, rng):
    """As many latents as the widest SAE has, here with one entry of padding."""
    index = np.full((n_cells, latents + 1), -1)
    rate = np.full((n_cells, latents + 1), np.nan)
    for row in np.flatnonzero(states == DONE):
        index[row, :latents] = np.arange(latents)
        rates = np.minimum(1, 10 ** rng.normal(-2.4, 0.6, latents))
        rate[row, :latents] = np.where(rng.uniform(size=latents) < 0.08, 0, rates)
    return {"latents/index": index, "latents/firing_rate": rate.astype("f4")}


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
