"""The forward pass of `saesweep activations` against transformers, on text the shipped model was not trained on, and on
models with drawn weights of many settings and shapes."""

import json
import os
import random
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SAESWEEP_BIN", ROOT / "build" / "saesweep"))
MODEL = Path(os.environ.get("SAESWEEP_TINY_MODEL", ROOT / "models" / "tiny"))
# Both compute in float32, in another order: some 1e-6 is usual, a fault of the model is far above.
TOLERANCE = 1e-4
# bfloat16 keeps 8 bits, so its errors are some 1e-2 and those of two orders of roundings differ by chance: ours may be at
# most this many times that of transformers' own bfloat16, both against transformers in float32.
BFLOAT16_FACTOR = 1.5


def held_out_texts(n):
    lines = (ROOT / "sweeps" / "quickstart.held_out.txt").read_text().splitlines()
    return [Path(line) for line in lines if line and not line.startswith("#")][:n]


def activations(model, text, hookpoints, output, *options):
    """What the program writes for a text, by hookpoint."""
    command = [PROGRAM, "activations", model, "--text", text, "--logits", "-o", output, *options]
    for hookpoint in hookpoints:
        command += ["--hookpoint", hookpoint]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return load_file(output)


def reference(folder, ids, hookpoints, dtype=torch.float32):
    """The same of transformers: outputs of the modules that the hookpoints name, and logits."""
    model = GPTNeoXForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    found = {}

    def keep(name):
        def hook(module, inputs, output):
            found[name] = (output[0] if isinstance(output, tuple) else output).flatten(0, 1)
        return hook

    for name in hookpoints:
        model.gpt_neox.get_submodule(name).register_forward_hook(keep(name))
    with torch.no_grad():
        found["logits"] = model(ids).logits.flatten(0, 1)
    return found


def largest_error(ours, theirs):
    """The largest over tokens of ||a - b|| / ||b||."""
    assert ours.shape == theirs.shape
    difference = (ours.double() - theirs.double()).norm(dim=-1)
    return (difference / theirs.double().norm(dim=-1)).max().item()


def assert_agree(found, expected):
    assert expected.keys() <= found.keys()
    for name, theirs in expected.items():
        assert largest_error(found[name], theirs) < TOLERANCE, name


def hookpoints_of(n_layers):
    blocks = [f"layers.{i}{part}" for i in range(n_layers) for part in ("", ".attention", ".mlp")]
    return ["embed_in", *blocks]


@pytest.mark.parametrize("variant", ["trained", "step0"])
@pytest.mark.parametrize("text", held_out_texts(3), ids=lambda path: path.name)
def test_agrees_with_transformers_on_held_out_text(variant, text, tmp_path):
    hookpoints = hookpoints_of(6)
    found = activations(MODEL, text, hookpoints, tmp_path / "out.safetensors", "--variant", variant, "--rows", 8)
    ids = found["input_ids"].view(-1, 256)
    assert len(ids) > 0
    assert_agree(found, reference(MODEL / "step0" if variant == "step0" else MODEL, ids, hookpoints))


SHAPE = dict(vocab_size=4096, hidden_size=48, num_hidden_layers=3, num_attention_heads=3, intermediate_size=80,
             max_position_embeddings=64, initializer_range=0.2)


def write_tokenizer(path, n_ids):
    """A tokenizer for which the text <5><17> is the ids 5, 17, so that any ids can be asked for."""
    flags = dict.fromkeys(["single_word", "lstrip", "rstrip", "normalized"], False)
    words = ["<|endoftext|>", *(f"<{i}>" for i in range(1, n_ids))]
    added = [{"id": i, "content": word, "special": True} | flags for i, word in enumerate(words)]
    step = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "vocab": {words[0]: 0}, "merges": []}
    path.write_text(json.dumps({"added_tokens": added, "normalizer": None, "pre_tokenizer": step, "model": model}))


def drawn_model(folder, settings):
    """A model with drawn weights, stored in bfloat16, so that both dtypes compute with the same ones."""
    torch.manual_seed(0)
    model = GPTNeoXForCausalLM(GPTNeoXConfig(**settings))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:  # biases and norms start at 0 and 1, which would hide faults
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
    model.bfloat16().save_pretrained(folder)
    write_tokenizer(folder / "tokenizer.json", settings["vocab_size"])


def assert_both_dtypes_agree(settings, rows, context, folder):
    """Every hookpoint and the logits of a drawn model on drawn ids, in float32 and in bfloat16."""
    drawn_model(folder / "model", settings)
    rng = random.Random(0)
    (folder / "ids.txt").write_text("".join(f"<{rng.randrange(1, settings['vocab_size'])}>" for _ in range(rows * context)))
    hookpoints = hookpoints_of(settings["num_hidden_layers"])
    found = {
        dtype: activations(folder / "model", folder / "ids.txt", hookpoints, folder / "out.safetensors", "--rows", rows,
                           "--context-length", context, "--dtype", dtype) for dtype in ("float32", "bfloat16")
    }  # fmt: skip
    ids = found["float32"]["input_ids"].view(rows, context)
    exact = reference(folder / "model", ids, hookpoints)
    rounded = reference(folder / "model", ids, hookpoints, torch.bfloat16)
    assert_agree(found["float32"], exact)
    for name, values in exact.items():
        theirs = largest_error(rounded[name], values)
        assert largest_error(found["bfloat16"][name], values) <= BFLOAT16_FACTOR * theirs, name


@pytest.mark.parametrize("settings", [
    dict(use_parallel_residual=False),
    dict(tie_word_embeddings=True),
    dict(attention_bias=False),
    dict(hidden_act="gelu_new"),
    dict(hidden_act="gelu_fast"),
    dict(hidden_act="gelu_pytorch_tanh"),
    dict(hidden_act="relu"),
    dict(layer_norm_eps=0.1),
    dict(rope_parameters=dict(rope_type="default", partial_rotary_factor=1.0, rope_theta=500.0)),
    dict(rope_parameters=dict(rope_type="default", partial_rotary_factor=0.5, rope_theta=10000.0)),
    dict(use_parallel_residual=False, attention_bias=False, tie_word_embeddings=True, hidden_act="relu"),
], ids=lambda settings: ",".join(settings))
def test_agrees_with_transformers_on_other_settings(settings, tmp_path):
    assert_both_dtypes_agree(SHAPE | settings, 5, 50, tmp_path)


@pytest.mark.parametrize("context", [1, 2, 3, 63, 64, 65, 257, 2048])
def test_agrees_with_transformers_on_every_length(context, tmp_path):
    small = dict(vocab_size=512, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256,
                 max_position_embeddings=2048, initializer_range=0.15)  # fmt: skip
    assert_both_dtypes_agree(small, 2, context, tmp_path)


@pytest.mark.parametrize("shape", [
    dict(hidden_size=512, num_hidden_layers=6, num_attention_heads=8, intermediate_size=2048, initializer_range=0.05),
    dict(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072, initializer_range=0.04),
], ids=["pythia-70m", "pythia-160m"])
def test_agrees_with_transformers_on_pythias_shapes(shape, tmp_path):
    assert_both_dtypes_agree(dict(vocab_size=50304, max_position_embeddings=2048) | shape, 3, 40, tmp_path)


def test_shards_give_what_the_whole_file_gives(tmp_path):
    torch.manual_seed(0)
    model = GPTNeoXForCausalLM(GPTNeoXConfig(**SHAPE))
    found = []
    for size in ("1GB", "100KB"):
        folder = tmp_path / size
        model.save_pretrained(folder, max_shard_size=size)
        (folder / "tokenizer.json").write_bytes((MODEL / "tokenizer.json").read_bytes())
        output = tmp_path / f"{size}.safetensors"
        found.append(activations(folder, held_out_texts(1)[0], ["layers.2"], output, "--rows", 2))
    assert (tmp_path / "100KB" / "model.safetensors.index.json").exists()
    assert torch.equal(found[0]["logits"], found[1]["logits"])
    assert torch.equal(found[0]["layers.2"], found[1]["layers.2"])


def test_control_reads_noise_that_no_token_decides(tmp_path):
    text = held_out_texts(1)[0]
    options = ["--variant", "control", "--rows", 2]
    first = activations(MODEL, text, ["embed_in"], tmp_path / "a.safetensors", *options, "--init-seed", 1)
    again = activations(MODEL, text, ["embed_in"], tmp_path / "b.safetensors", *options, "--init-seed", 1)
    other = activations(MODEL, text, ["embed_in"], tmp_path / "c.safetensors", *options, "--init-seed", 2)
    noise = first["embed_in"].double()
    assert torch.equal(first["embed_in"], again["embed_in"])
    assert not torch.equal(first["embed_in"], other["embed_in"])
    assert abs(noise.mean()) < 5 / noise.numel() ** 0.5
    assert abs(noise.std() - 1) < 5 / (2 * noise.numel()) ** 0.5
    assert len(noise.unique(dim=0)) == len(noise)  # each occurrence of a token has its own
    trained = GPTNeoXForCausalLM.from_pretrained(MODEL, dtype=torch.float32).eval()
    with torch.no_grad():
        logits = trained(inputs_embeds=first["embed_in"].view(2, 256, -1)).logits.flatten(0, 1)
    assert largest_error(first["logits"], logits) < TOLERANCE


@pytest.mark.parametrize("arguments, message", [
    ([], "no MODEL given"),
    ([MODEL, "--text", "x"], "-o OUT.safetensors"),
    ([MODEL, "--text", "x", "-o", "{tmp}/o"], "--hookpoint"),
    ([MODEL, "--text", "{tmp}/none.txt", "--logits", "-o", "{tmp}/o"], "none.txt"),
    ([MODEL, "--text", __file__, "--hookpoint", "layers.6", "-o", "{tmp}/o"], "6 layers"),
    ([MODEL, "--text", __file__, "--hookpoint", "blocks.1", "-o", "{tmp}/o"], "blocks.1"),
    ([MODEL, "--text", __file__, "--hookpoint", "layers.1", "--hookpoint", "layers.1", "-o", "{tmp}/o"], "twice"),
    ([MODEL, "--text", os.devnull, "--logits", "-o", "{tmp}/o"], "null"),
    ([MODEL, "--text", __file__, "--logits", "--context-length", "300", "-o", "{tmp}/o"], "at most 256"),
    (["{tmp}", "--text", __file__, "--logits", "-o", "{tmp}/o"], "config.json"),
])
def test_bad_arguments_end_with_2_and_write_nothing(arguments, message, tmp_path):
    words = [str(word).replace("{tmp}", str(tmp_path)) for word in arguments]
    done = subprocess.run([PROGRAM, "activations", *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []
