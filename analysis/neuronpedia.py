"""Explained latents as Neuronpedia takes them.

The files are bodies of POST https://www.neuronpedia.org/api/feature/upload-batch: a model, a source (an SAE: layer, a
hyphen, the name of its source set), and at most 128 features. The fields and their limits are those of
apps/webapp/app/api/feature/upload-batch/route.tsx in github.com/hijohnnylin/neuronpedia (August 2026); the Python client
there (webapp-python-client, PyPI: neuronpedia) sends the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .load import Results, ResultsError, texts_of
from .summary import model_labels

FEATURES_A_FILE = 128
LONGEST_EXPLANATION = 512
#: What Neuronpedia's own source sets call hookpoints.
HOOKS = {"layers.N": "res", "layers.N.mlp": "mlp", "layers.N.attention": "att", "embed_in": "emb"}
#: Axes of a sweep as they stand in the name of a source set, where they vary: column, prefix.
AXES = {"variant": "", "init_seed": "i", "architecture": "", "expansion_factor": "x", "k": "k", "penalty": "p", "tokens": "t", "sae_seed": "s"}
SILENT = 2


def write_neuronpedia(results: Results, folder: Path, model_id: str | None = None) -> Path:
    """Writes FOLDER/MODEL/SOURCE/batch-N.json for every SAE of the sweep with harvested latents, and FOLDER/sources.csv: which
    cell each source is, by model, source set and number of features; returns the path of that. model_id: the model's on
    Neuronpedia, where not its name in the results. Throws ResultsError where no latent has examples, or model_id would
    name several models."""
    cells = results.cells[results.cells["in_sweep"]]
    names, models = source_sets(cells), model_labels(cells["model"].unique())
    if model_id and len(models) > 1:
        raise ResultsError(f"{results.path}: has {len(models)} models ({', '.join(models)}), which cannot all be '{model_id}'; leave the model's id out")
    if len(results.latents) and "firing_rate" not in results.latents:
        raise ResultsError(f"{results.path}: found no dataset /latents/firing_rate, which Neuronpedia is told; the file is damaged")
    rows = []
    latents_of = results.latents[results.latents["cell"].isin(cells.index)].groupby("cell")
    for row, latents in latents_of:
        features = list(_features(results, int(row), latents))
        if features:
            cell = cells.loc[row]
            source = f"{max(0, cell['layer'])}-{names[row]}"
            model = model_id or _name(models[cell["model"]])
            _write_batches(folder / model / source, {"modelId": model.lower(), "source": source}, features)
            rows.append((model, source, names[row], len(features), row, cell["id"]))
    if not rows:
        raise ResultsError(f"{results.path}: no latent with examples to export; a sweep with [autointerp] harvests them")
    table = pd.DataFrame(rows, columns=["model", "source", "source_set", "features", "cell", "id"])
    table.to_csv(folder / "sources.csv", index=False)
    return folder / "sources.csv"


def source_sets(cells: pd.DataFrame) -> pd.Series:
    """The source set of each cell: hookpoint, then each axis on which cells of the results differ (res-trained-s0).
    The cells of one set differ in their layer only."""
    kinds = cells["hookpoint"].map(lambda hookpoint: re.sub(r"\d+", "N", hookpoint, count=1))
    parts = [kinds.map(lambda kind: HOOKS.get(kind, _name(kind)))]
    for column, prefix in AXES.items():
        meant = cells[column].notna() & ~cells[column].isin([-1, ""])
        if cells.loc[meant, column].nunique() > 1:
            parts.append(cells[column].map(lambda value: f"-{prefix}{_name(value)}").where(meant, ""))
    return pd.Series(["".join(row) for row in zip(*parts)], index=cells.index)


def _name(value: object) -> str:
    """Lower-case letters, digits and hyphens, as names there are; a point stays, models have it."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")


def _write_batches(folder: Path, head: dict[str, str], features: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("batch-*.json"):
        old.unlink()
    for number, first in enumerate(range(0, len(features), FEATURES_A_FILE)):
        body = head | {"features": features[first : first + FEATURES_A_FILE]}
        (folder / f"batch-{number}.json").write_text(json.dumps(body, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def _features(results: Results, row: int, latents: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """One for each latent with a window in which it fires."""
    found = results.of_cell(row, ["examples/kind", "examples/token", "examples/activation", "examples/row", "examples/start", "latents/peak_quantiles"])
    if not {"examples/kind", "examples/token", "examples/activation"} <= set(found):
        return
    words = [word or f"[{i}]" for i, word in enumerate(results.token_texts(row))]
    explained = latents.get("explanation", pd.Series("", index=latents.index))
    for index, slot, rate, explanation in zip(latents["index"], latents["slot"], latents["firing_rate"], explained):
        edges = found["latents/peak_quantiles"][slot] if "latents/peak_quantiles" in found else np.empty(0)
        activations = [_activation(texts_of(found["examples/token"][slot, i], words), found["examples/activation"][slot, i], edges)
                       for i in _firing(found, slot)]  # fmt: skip
        if activations:
            feature: dict[str, Any] = {"index": int(index), "density": _short(rate), "activations": activations}
            if explanation:
                feature["explanations"] = [{"text": explanation[:LONGEST_EXPLANATION]}]
            yield feature


def _firing(found: dict[str, np.ndarray], slot: int) -> list[int]:
    """Places of the windows in which a latent fires, those of the highest peaks first, each once."""
    kind = found["examples/kind"][slot]
    places = [int(i) for i in np.argsort(kind, kind="stable") if 0 <= kind[i] < SILENT]
    if not {"examples/row", "examples/start"} <= set(found):
        return places
    where = {i: (int(found["examples/row"][slot, i]), int(found["examples/start"][slot, i])) for i in places}
    return list({at: i for i, at in reversed(where.items())}.values())[::-1]


def _activation(tokens: list[str], values: np.ndarray, edges: np.ndarray) -> dict[str, Any]:
    """A window, and the tenth of the latent's windows that its peak falls in. edges: of the tenths."""
    values = values[: len(tokens)]
    activation: dict[str, Any] = {"tokens": tokens, "values": [_short(value) for value in values]}
    if len(edges) > 1 and np.isfinite(edges).all():
        tenth = int(np.clip(np.searchsorted(edges, values.max(), side="right") - 1, 0, len(edges) - 2))
        activation |= {"quantileMin": _short(edges[tenth]), "quantileMax": _short(edges[tenth + 1]), "quantileFraction": 1 / (len(edges) - 1)}
    return activation


def _short(value: float) -> float:
    """Six significant digits: float32 holds no more."""
    return float(f"{value:.6g}")
