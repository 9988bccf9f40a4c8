"""Questions that scripts/reproduce.sh asks: of a resolved sweep, of the hub cache, of a run's status.

    reproduce.py settings < RESOLVED.toml     assignments for bash
    reproduce.py missing NAME[@REVISION]...   of these, the models that the hub cache does not hold whole, one a line
    reproduce.py tokenizer NAME[@REVISION]    its tokenizer.json in the hub cache; nothing where it is not there
    reproduce.py done < STATUS.json           exit code 0 where no cell is left, 1 otherwise
"""

import json
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any


def several(value: Any) -> list[Any]:
    """A setting that may be one value or an array."""
    return value if isinstance(value, list) else [value]


def settings(sweep: dict[str, Any]) -> dict[str, str | list[str]]:
    """What the steps need to know of a resolved sweep; "" is false."""
    text = sweep["text"]
    return {
        "output": sweep["sweep"]["output"],
        "models": several(sweep["model"]["paths"]),
        "has_step0": "1" if "step0" in several(sweep["model"]["variants"]) else "",
        "tokenizer": sweep["model"]["tokenizer"],
        "train": several(text["train"]),
        "has_held_out_files": "" if isinstance(text["held_out"], float) else "1",
        "text_key": text["text_key"],
        "store_dir": text["store_dir"] or sweep["sweep"]["output"] + "/tokens",
        "tokens": str(max(several(sweep["sae"]["tokens"]))),
    }


def assignment(name: str, value: str | list[str]) -> str:
    quoted = f"({shlex.join(value)})" if isinstance(value, list) else shlex.quote(value)
    return f"{name}={quoted}"


def cached_file(model: str, file: str) -> Path | None:
    """A file of NAME or NAME@REVISION in the hub cache."""
    from huggingface_hub import try_to_load_from_cache

    name, _, revision = model.partition("@")
    found = try_to_load_from_cache(name, file, revision=revision or None)
    return Path(found) if isinstance(found, str) else None


def is_cached(model: str) -> bool:
    """Whether config, tokenizer and all weights are there."""
    config = cached_file(model, "config.json")
    if config is None or cached_file(model, "tokenizer.json") is None:
        return False
    index = config.parent / "model.safetensors.index.json"
    weights = set(json.loads(index.read_text())["weight_map"].values()) if index.exists() else {"model.safetensors"}
    return all((config.parent / name).exists() for name in weights)


def is_done(status: dict[str, Any]) -> bool:
    """Whether all cells are done or failed (`saesweep status --json`)."""
    cells = status["cells"]
    return 0 < cells["all"] == cells["done"] + cells["failed"]


def main(question: str, *words: str) -> int:
    if question == "settings":
        values = settings(tomllib.load(sys.stdin.buffer))
        print("\n".join(assignment(name, value) for name, value in values.items()))
    elif question == "missing":
        print("\n".join(model for model in words if not is_cached(model)))
    elif question == "tokenizer":
        print(cached_file(words[0], "tokenizer.json") or "")
    elif question == "done":
        return 0 if is_done(json.load(sys.stdin)) else 1
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
