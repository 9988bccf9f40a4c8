"""Fetches models into the local hub cache and converts their weights; scripts/fetch_models.sh says how to call it."""

import argparse
import json
import os
import struct
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

GRID = [f"EleutherAI/pythia-{size}" for size in ("70m", "160m", "410m", "1b", "6.9b")]
GRID_REVISIONS = ["main", "step0"]
SETTINGS = ["config.json", "tokenizer.json"]
INDEX = "model.safetensors.index.json"
PICKLE = "pytorch_model.bin"
PICKLE_INDEX = "pytorch_model.bin.index.json"
DTYPES = {
    "torch.float64": "F64", "torch.float32": "F32", "torch.float16": "F16", "torch.bfloat16": "BF16",
    "torch.int64": "I64", "torch.int32": "I32", "torch.uint8": "U8", "torch.bool": "BOOL",
}  # fmt: skip


def wanted(files):
    """Of a revision's files and sizes, those that a model needs; folders hold other formats."""
    files = {name: size for name, size in files.items() if "/" not in name}
    safetensors = [name for name in files if fnmatch(name, "*.safetensors") or name == INDEX]
    pickles = [name for name in files if fnmatch(name, "pytorch_model*.bin") or name == PICKLE_INDEX]
    names = [*SETTINGS, *(safetensors or pickles)]
    return {name: files[name] for name in names if name in files}


def files_on_hub(model, revision):
    """The files of a revision with their sizes; None where the hub cannot be reached."""
    try:
        info = HfApi().model_info(model, revision=revision, files_metadata=True, timeout=30)
    except HfHubHTTPError as error:
        raise SystemExit(f"fetch_models.sh: {model}@{revision}: {error}") from None
    except Exception as error:  # those of the HTTP library, which is another one in each release of huggingface_hub
        print(f"{model}@{revision}: the hub cannot be reached ({type(error).__name__})", flush=True)
        return None
    return {file.rfilename: file.size or 0 for file in info.siblings}


def gigabytes(sizes):
    return f"{sum(sizes) / 1e9:.2f} GB"


def plan(models):
    """What is to be fetched: (model, revision, files with sizes or None); prints it."""
    jobs, sizes = [], []
    for model, revision in models:
        files = files_on_hub(model, revision)
        if files is not None:
            files = wanted(files)
            sizes += files.values()
            print(f"{model}@{revision}: {gigabytes(files.values())}", flush=True)
        jobs.append((model, revision, files))
    unknown = any(files is None for *_, files in jobs)
    print(f"in all {'an unknown size' if unknown else gigabytes(sizes)}, into {constants.HF_HUB_CACHE}", flush=True)
    return jobs


def fetch(model, revision, files):
    """The folder of the revision's snapshot, whole."""
    if files is not None and not files:
        raise SystemExit(f"fetch_models.sh: {model}@{revision}: no config.json, tokenizer.json or weights are there")
    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=list(files) if files else None,
                                      local_files_only=files is None))
    except LocalEntryNotFoundError:
        raise SystemExit(f"fetch_models.sh: {model}@{revision}: not in {constants.HF_HUB_CACHE}, and the hub cannot be "
                         "reached; call this on a machine with network") from None


def load_pickle(path):
    """A pickled checkpoint's tensors; mapped, where its format allows."""
    import torch  # takes seconds, and only conversion needs it

    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError:  # the format before torch 1.6 cannot be mapped
        return torch.load(path, map_location="cpu", weights_only=True)


class NewFile:
    """A file that appears under its name when it is whole."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.file = tempfile.NamedTemporaryFile(dir=self.path.parent, prefix=".converting-", delete=False)
        return self.file

    def __exit__(self, failed, *_):
        self.file.close()
        if failed:
            os.unlink(self.file.name)
        else:
            os.chmod(self.file.name, 0o644)
            os.replace(self.file.name, self.path)


def write_safetensors(path, tensors):
    """Writes tensors one after another: the file is never whole in memory."""
    import torch

    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))  # aligned
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name in order:
        tensor, begin = tensors[name], end
        end += tensor.numel() * tensor.element_size()
        header[name] = {"dtype": DTYPES[str(tensor.dtype)], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with NewFile(path) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().tofile(file)


def safetensors_name(pickle):
    return pickle.replace("pytorch_model", "model").replace(".bin", ".safetensors")


def convert(folder):
    """Writes safetensors beside pytorch_model*.bin where a folder has only these; the index last."""
    if (folder / "model.safetensors").exists() or (folder / INDEX).exists():
        return
    index = folder / PICKLE_INDEX
    if not index.exists() and not (folder / PICKLE).exists():
        raise SystemExit(f"fetch_models.sh: {folder}: neither safetensors nor {PICKLE} is there")
    weight_map = json.loads(index.read_text())["weight_map"] if index.exists() else {}
    for pickle in sorted(set(weight_map.values())) or [PICKLE]:
        print(f"{folder / pickle}: converting", flush=True)
        write_safetensors(folder / safetensors_name(pickle), load_pickle(folder / pickle))
    if weight_map:
        with NewFile(folder / INDEX) as file:
            names = {tensor: safetensors_name(pickle) for tensor, pickle in weight_map.items()}
            file.write(json.dumps({"metadata": {}, "weight_map": names}).encode())


def models_of(names, revisions):
    """(model, revision) of every name; a revision of its own goes before the others."""
    chosen = revisions or ([] if names else GRID_REVISIONS) or ["main"]
    pairs = []
    for name in names or GRID:
        model, _, own = name.partition("@")
        if model.count("/") != 1:
            raise SystemExit(f"fetch_models.sh: found '{name}', expected ORG/NAME or ORG/NAME@REVISION")
        pairs += [(model, revision) for revision in ([own] if own else chosen)]
    return pairs


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/fetch_models.sh", add_help=False)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--revision", action="append", default=[])
    parser.add_argument("--convert", action="store_true")
    parser.add_argument("names", nargs="*")
    return parser.parse_args()


def main():
    given = arguments()
    if given.convert:
        for folder in given.names:
            convert(Path(folder))
        return
    jobs = plan(models_of(given.names, given.revision))
    if given.dry_run:
        return
    for model, revision, files in jobs:
        folder = fetch(model, revision, files)
        convert(folder)
        print(f"{model}@{revision}: {folder}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            sys.exit(2)
        raise
