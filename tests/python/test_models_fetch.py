"""scripts/fetch_models.sh without network: what it plans, what it says, and the conversion of .bin files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SAESWEEP_BIN", ROOT / "build" / "saesweep"))
SCRIPT = ROOT / "scripts" / "fetch_models.sh"
TINY = ROOT / "models" / "tiny"
SHAPE = dict(vocab_size=4096, hidden_size=64, num_hidden_layers=3, num_attention_heads=2, intermediate_size=96,
             max_position_embeddings=64)
sys.path.insert(0, str(ROOT / "scripts"))
from fetch_models import models_of, wanted  # noqa: E402


def offline(home):
    """No network, and an empty cache of its own."""
    hidden = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
    return {key: value for key, value in os.environ.items() if key not in hidden} | {
        "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}


def fetch(home, *words, cwd=ROOT):
    return subprocess.run([SCRIPT, *map(str, words)], capture_output=True, text=True, env=offline(home), cwd=cwd, timeout=120)


class Cache:
    """A hub cache as huggingface_hub lays it out, with one model."""

    def __init__(self, home, model="someone/net-7m"):
        self.home = home
        self.folder = home / "hub" / f"models--{model.replace('/', '--')}"

    def snapshot(self, revision):
        commit = revision.encode().hex().ljust(40, "0")[:40]
        (self.folder / "refs").mkdir(parents=True, exist_ok=True)
        (self.folder / "refs" / revision).write_text(commit)
        folder = self.folder / "snapshots" / commit
        folder.mkdir(parents=True)
        return folder


def write_pickles(folder, model, n_files):
    """The model as transformers wrote it before safetensors, with a buffer of old Pythia files."""
    tensors = {name.replace("lm_head", "embed_out"): tensor for name, tensor in model.half().state_dict().items()}
    tensors["gpt_neox.layers.0.attention.bias"] = torch.ones(1, 1, 64, 64, dtype=torch.bool).tril()
    tensors["gpt_neox.layers.0.attention.masked_bias"] = torch.tensor(-1e9)
    (folder / "config.json").write_text(json.dumps(model.config.to_dict() | {"model_type": "gpt_neox"}))
    (folder / "tokenizer.json").write_bytes((TINY / "tokenizer.json").read_bytes())
    if n_files == 1:
        torch.save(tensors, folder / "pytorch_model.bin")
        return tensors
    weight_map = {name: f"pytorch_model-{1 + i % n_files:05}-of-{n_files:05}.bin" for i, name in enumerate(tensors)}
    for file in set(weight_map.values()):
        torch.save({name: tensors[name] for name in tensors if weight_map[name] == file}, folder / file)
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return tensors


def activations(home, model, output):
    words = [PROGRAM, "activations", model, "--text", ROOT / "README.md", "--logits", "--context-length", 32, "--rows", 2,
             "-o", output]
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, env=offline(home))


@pytest.mark.parametrize("n_files", [1, 2])
def test_a_revision_in_pickles_is_refused_then_converted_then_read_by_its_name(n_files, tmp_path):
    torch.manual_seed(0)
    model = GPTNeoXForCausalLM(GPTNeoXConfig(**SHAPE)).eval()
    folder = Cache(tmp_path).snapshot("step0")
    tensors = write_pickles(folder, model, n_files)
    before = activations(tmp_path, "someone/net-7m@step0", tmp_path / "out")
    assert before.returncode == 2
    assert "scripts/fetch_models.sh" in before.stderr and "pytorch_model" in before.stderr
    done = fetch(tmp_path, "someone/net-7m@step0")
    assert done.returncode == 0, done.stderr
    written = {}
    for path in folder.glob("*.safetensors"):
        written |= load_file(path)
    assert written.keys() == tensors.keys()
    assert all(torch.equal(written[name], tensors[name]) and written[name].dtype == tensors[name].dtype for name in tensors)
    after = activations(tmp_path, "someone/net-7m@step0", tmp_path / "out")
    assert after.returncode == 0, after.stderr
    found = load_file(tmp_path / "out")
    with torch.no_grad():
        expected = model.float()(found["input_ids"].view(2, 32)).logits.flatten(0, 1)
    assert torch.allclose(found["logits"], expected, rtol=1e-4, atol=1e-5)
    assert fetch(tmp_path, "someone/net-7m@step0").returncode == 0  # nothing left to do
    assert not list(folder.glob(".converting-*"))


def test_a_folder_given_from_elsewhere_is_converted(tmp_path):
    (tmp_path / "net").mkdir()
    write_pickles(tmp_path / "net", GPTNeoXForCausalLM(GPTNeoXConfig(**SHAPE)), 1)
    assert fetch(tmp_path, "--convert", "net", cwd=tmp_path).returncode == 0
    assert (tmp_path / "net" / "model.safetensors").exists()


def test_pickles_that_hold_code_are_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "trapped"),))

    (tmp_path / "net").mkdir()
    torch.save({"weight": Trap()}, tmp_path / "net" / "pytorch_model.bin")
    assert fetch(tmp_path, "--convert", tmp_path / "net").returncode != 0
    assert not (tmp_path / "trapped").exists()
    assert not (tmp_path / "net" / "model.safetensors").exists()


def test_without_network_a_dry_run_plans_the_papers_grid(tmp_path):
    done = fetch(tmp_path, "--dry-run")
    assert done.returncode == 0, done.stderr
    for size in ("70m", "160m", "410m", "1b", "6.9b"):
        for revision in ("main", "step0"):
            assert f"EleutherAI/pythia-{size}@{revision}: the hub cannot be reached" in done.stdout
    assert str(tmp_path / "hub") in done.stdout
    assert not (tmp_path / "hub").exists()


@pytest.mark.parametrize("words, message", [
    (["nobody/nothing"], "not in"),
    (["noslash"], "ORG/NAME"),
    (["--convert", "."], "pytorch_model.bin"),
    (["--wrong"], "--wrong"),
])
def test_what_cannot_be_done_ends_with_2(words, message, tmp_path):
    done = fetch(tmp_path, *words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


def test_names_and_revisions_make_the_jobs():
    assert models_of(["a/b", "a/c@step3000"], []) == [("a/b", "main"), ("a/c", "step3000")]
    assert models_of(["a/b"], ["step0", "step1"]) == [("a/b", "step0"), ("a/b", "step1")]
    assert len(models_of([], [])) == 10
    assert models_of([], ["step3000"])[0] == ("EleutherAI/pythia-70m", "step3000")


def test_pickles_are_fetched_only_where_there_is_nothing_else():
    both = {"config.json": 1, "tokenizer.json": 2, "model.safetensors": 30, "pytorch_model.bin": 40, "README.md": 5,
            "onnx/model.safetensors": 6}
    assert wanted(both) == {"config.json": 1, "tokenizer.json": 2, "model.safetensors": 30}
    del both["model.safetensors"]
    assert wanted(both) == {"config.json": 1, "tokenizer.json": 2, "pytorch_model.bin": 40}
