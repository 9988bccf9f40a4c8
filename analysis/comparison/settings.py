"""In what two sweeps were asked for, and made by, different things."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pandas as pd

from ..load import Results

#: Root attributes that are no setting, or stand elsewhere.
LEFT_OUT = {"sweep", "filetype", "created"}
LONGEST = 200
#: Keys that say which cells there are, and tables that say nothing of what a cell holds.
OF_CELLS = {
    "model.paths", "model.variants", "model.init_seeds", "model.layers", "model.hookpoint", "sae.architecture", "sae.expansion_factor", "sae.k", "sae.l1_penalty",
    "sae.l0_penalty", "sae.seeds", "sae.tokens", "toy.data", "toy.hookpoint", "toy.latents", "toy.penalties", "toy.seeds",
}  # fmt: skip
OTHER_TABLES = {"sweep", "run"}


def settings(a: Results, b: Results) -> pd.DataFrame:
    """Keys of the two sweeps, with every default filled in, and root attributes (machine, software, prompts) that differ:
    where ("sweep" or "made by"), name, a, b; empty where one has none."""
    rows = _different("sweep", _keys(a), _keys(b))
    others = [{name: str(value) for name, value in results.info.items() if name not in LEFT_OUT} for results in (a, b)]
    return pd.DataFrame(rows + _different("made by", *others), columns=["where", "name", "a", "b"])


def asked_differently(differing: pd.DataFrame) -> str:
    """What a cell of one sweep was asked for that its counterpart was not, beside what the cells are: "text (train, held_out), evaluate
    (tokens)". differing: of settings."""
    tables: dict[str, list[str]] = {}
    for name in differing.loc[differing["where"] == "sweep", "name"]:
        table, _, key = name.partition(".")
        if name not in OF_CELLS and table not in OTHER_TABLES:
            tables.setdefault(table, []).append(key)
    said = [f"{table} ({', '.join(keys)})" if any(keys) else table for table, keys in tables.items()]
    made_by = differing.loc[differing["where"] == "made by", "name"]
    return ", ".join([*said, *["prompts"] * bool(made_by.str.startswith("prompt_").any())])


def _different(where: str, a: dict[str, str], b: dict[str, str]) -> list[tuple[str, str, str, str]]:
    names = [name for name in {**a, **b} if a.get(name) != b.get(name)]
    return [(where, name, _cut(a.get(name, "")), _cut(b.get(name, ""))) for name in names]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def _keys(results: Results) -> dict[str, str]:
    """The sweep's keys as table.key; nothing where it is no TOML."""
    try:
        return _flat(tomllib.loads(str(results.info.get("sweep", ""))))
    except tomllib.TOMLDecodeError:
        return {}


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    keys: dict[str, str] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            keys |= _flat(value, f"{prefix}{name}.")
        else:
            keys[prefix + name] = json.dumps(value, default=str, ensure_ascii=False)
    return keys
