"""Models of every form and size: the shipped configs, checkpoints as real Pythia files are, memory for loading, draws."""

import hashlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.special import ndtri
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SAESWEEP_BIN", ROOT / "build" / "saesweep"))
TINY = ROOT / "models" / "tiny"
CONFIGS = ROOT / "sweeps" / "configs"
TEXT = ROOT / "README.md"
SHAPE = dict(vocab_size=4096, hidden_size=64, num_hidden_layers=3, num_attention_heads=2, intermediate_size=96,
             max_position_embeddings=64, initializer_range=0.2)


def activations(model, output, *options, **environment):
    """What `saesweep activations` writes for two rows of the text; the tokenizer is the shipped model's."""
    words = [PROGRAM, "activations", model, "--text", TEXT, "-o", output, "--logits", "--tokenizer", TINY,
             "--context-length", 32, "--rows", 2, *options]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return load_file(output)


# Name: layers, d, heads, rows of the embedding.
PYTHIA = {
    "14m": (6, 128, 4, 50304), "31m": (6, 256, 8, 50304), "70m": (6, 512, 8, 50304), "160m": (12, 768, 12, 50304),
    "410m": (24, 1024, 16, 50304), "1b": (16, 2048, 8, 50304), "1.4b": (24, 2048, 16, 50304),
    "2.8b": (32, 2560, 32, 50304), "6.9b": (32, 4096, 32, 50432), "12b": (36, 5120, 40, 50688),
}  # fmt: skip


@pytest.mark.parametrize("size", PYTHIA)
def test_transformers_reads_the_shipped_configs(size):
    n_layers, d, n_heads, vocab = PYTHIA[size]
    config = GPTNeoXConfig.from_json_file(CONFIGS / f"pythia-{size}.json")
    assert (config.num_hidden_layers, config.hidden_size, config.num_attention_heads) == (n_layers, d, n_heads)
    assert (config.vocab_size, config.intermediate_size, config.max_position_embeddings) == (vocab, 4 * d, 2048)
    assert config.rope_parameters == {"rope_type": "default", "rope_theta": 10000, "partial_rotary_factor": 0.25}
    assert (config.hidden_act, config.layer_norm_eps, config.use_parallel_residual) == ("gelu", 1e-5, True)
    assert (config.tie_word_embeddings, config.attention_bias) == (False, True)
    assert (config.bos_token_id, config.eos_token_id) == (0, 0)
    assert config.saesweep_step0 == ("neox_default" if size in ("6.9b", "12b") else "small_init")


def test_the_ten_configs_and_no_other_are_shipped():
    assert {path.name for path in CONFIGS.iterdir()} == {f"pythia-{size}.json" for size in PYTHIA}


def philox(counter, key):
    """Philox 4x32-10 of counters [n, 4] (Salmon et al., SC 2011)."""
    c = counter.astype(np.uint64)
    k0, k1, mask = key[0], key[1], np.uint64(0xFFFFFFFF)
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[:, 0], np.uint64(0xCD9E8D57) * c[:, 2]
        c = np.stack([(b >> np.uint64(32)) ^ c[:, 1] ^ np.uint64(k0), b & mask,
                      (a >> np.uint64(32)) ^ c[:, 3] ^ np.uint64(k1), a & mask], axis=1)
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


def normals(key, indices):
    """Normals of the stream of a key (src/base/random.h), by numpy and scipy."""
    digest = hashlib.sha256()
    for part in key:
        if isinstance(part, str):
            digest.update(struct.pack("<QQ", 0, len(part)) + part.encode())
        else:
            digest.update(struct.pack("<Qq", 1, part))
    words = struct.unpack(">4I", digest.digest()[:16])
    low = indices // 2
    counter = np.stack([low & 0xFFFFFFFF, low >> 32, np.full_like(low, words[3]), np.full_like(low, words[2])], axis=1)
    block = philox(counter, words[:2])
    odd = indices % 2 == 1
    bits = np.where(odd, block[:, 2] << np.uint64(32) | block[:, 3], block[:, 0] << np.uint64(32) | block[:, 1])
    return ndtri(((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52)


def embedding_rows(ids, d):
    return (ids.numpy()[:, None] * d + np.arange(d)).reshape(-1)


@pytest.mark.parametrize("seed", [0, 7])
def test_a_drawn_embedding_is_what_numpy_and_scipy_draw(seed, tmp_path):
    found = activations(CONFIGS / "pythia-14m.json", tmp_path / "o", "--variant", "step0", "--init-seed", seed,
                        "--hookpoint", "embed_in")
    z = normals(["step0", seed, "gpt_neox.embed_in.weight"], embedding_rows(found["input_ids"], 128))
    expected = (np.sqrt(2 / (5 * 128)) * z).reshape(-1, 128)
    # scipy's ndtri is good to some 1e-15; the rest is one rounding to float32.
    assert np.abs(found["embed_in"].double().numpy() / expected - 1).max() < 2**-23


def test_a_rerandomized_embedding_is_what_numpy_and_scipy_draw(tmp_path):
    found = activations(TINY, tmp_path / "o", "--variant", "rerandomized_incl", "--init-seed", 3, "--hookpoint", "embed_in")
    own = load_file(TINY / "model.safetensors")["gpt_neox.embed_in.weight"].double()
    z = normals(["rerandomize", 3, "gpt_neox.embed_in.weight"], embedding_rows(found["input_ids"], 128))
    expected = (own.mean().item() + own.std().item() * z).reshape(-1, 128)
    # A rounding to float32; mean and deviation are sums in another order.
    np.testing.assert_allclose(found["embed_in"].double().numpy(), expected, rtol=2**-23, atol=1e-12)


def random_model(**settings):
    torch.manual_seed(0)
    model = GPTNeoXForCausalLM(GPTNeoXConfig(**SHAPE, **settings))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:  # biases and norms start at 0 and 1, which would hide faults
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return model


def old_names(model):
    """The parameters by the names of Pythia's files, rounded so that every dtype holds them exactly."""
    named = {name.replace("lm_head", "embed_out"): tensor for name, tensor in model.state_dict().items()}
    # bfloat16 and float16 share 8 bits of significand and exponents from -14 to 15.
    return {name: (tensor * 2**7).round().clamp(-255, 255) / 2**7 for name, tensor in named.items()}


OLD_CONFIG = dict(
    architectures=["GPTNeoXForCausalLM"], model_type="gpt_neox", bos_token_id=0, eos_token_id=0, hidden_act="gelu",
    initializer_range=0.02, layer_norm_eps=1e-5, rotary_emb_base=500, rotary_pct=0.5, tie_word_embeddings=False,
    torch_dtype="float16", transformers_version="4.24.0", use_cache=True, use_parallel_residual=True,
    **{key: SHAPE[key] for key in SHAPE if key != "initializer_range"},
)  # fmt: skip
NEW_ROPE = dict(rope_type="default", rope_theta=500, partial_rotary_factor=0.5)


def old_buffers(bias_dtype):
    """What Pythia's files carry beside parameters."""
    buffers = {}
    for i in range(SHAPE["num_hidden_layers"]):
        prefix = f"gpt_neox.layers.{i}.attention."
        buffers[prefix + "bias"] = torch.ones(1, 1, 64, 64, dtype=torch.bool).tril().to(bias_dtype)
        buffers[prefix + "masked_bias"] = torch.tensor(-1e4, dtype=torch.float16)
        buffers[prefix + "rotary_emb.inv_freq"] = torch.rand(8, dtype=torch.float16)
    return buffers


@pytest.fixture(scope="module")
def new_form(tmp_path_factory):
    """A checkpoint as transformers 5 writes it, its parameters by their old names, and what the program makes of it."""
    folder = tmp_path_factory.mktemp("new")
    model = random_model(rope_parameters=NEW_ROPE)
    tensors = old_names(model)
    model.load_state_dict({name.replace("embed_out", "lm_head"): tensor for name, tensor in tensors.items()})
    model.save_pretrained(folder / "model")
    config = json.loads((folder / "model" / "config.json").read_text())
    assert "rope_parameters" in config and "dtype" in config and "rotary_pct" not in config
    return tensors, activations(folder / "model", folder / "out.safetensors", "--hookpoint", "layers.2")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("bias_dtype", [torch.uint8, torch.bool])
def test_files_in_pythias_old_form_give_the_same_bits(new_form, dtype, bias_dtype, tmp_path):
    tensors, expected = new_form
    for tensor in tensors.values():
        assert torch.equal(tensor.to(dtype).float(), tensor)
    (tmp_path / "config.json").write_text(json.dumps(OLD_CONFIG))
    save_file({name: tensor.to(dtype) for name, tensor in tensors.items()} | old_buffers(bias_dtype),
              tmp_path / "model.safetensors")
    found = activations(tmp_path, tmp_path / "out.safetensors", "--hookpoint", "layers.2")
    assert torch.equal(found["layers.2"], expected["layers.2"])
    assert torch.equal(found["logits"], expected["logits"])


@pytest.mark.parametrize("settings", [
    dict(rope_parameters=dict(rope_type="linear", factor=4.0, rope_theta=500.0, partial_rotary_factor=0.5)),
    dict(rope_scaling=dict(type="linear", factor=2.5), rotary_pct=1.0, rotary_emb_base=100),
    dict(rope_scaling=dict(type="linear", factor=8.0), rope_parameters=dict(rope_type="default", rope_theta=5.0)),
], ids=["new", "old", "both"])
def test_linearly_scaled_positions_agree_with_transformers(settings, tmp_path):
    model = random_model(**settings).eval()
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for key in ("rope_parameters", "rope_scaling"):
        config.pop(key, None)
    (tmp_path / "config.json").write_text(json.dumps(config | settings))  # as its author wrote it
    found = activations(tmp_path, tmp_path / "out.safetensors")
    with torch.no_grad():
        expected = model(found["input_ids"].view(2, 32)).logits.flatten(0, 1)
    errors = (found["logits"] - expected).norm(dim=1) / expected.norm(dim=1)
    assert errors.max() < 1e-4  # float32 in another order: some 1e-6; positions unscaled: near 1


def big_checkpoint(folder, n_layers, d, n_shards):
    """Random float32 weights in shards of about the same size; returns the bytes of all and of the largest."""
    config = GPTNeoXConfig(**SHAPE | dict(hidden_size=d, num_hidden_layers=n_layers, intermediate_size=4 * d))
    config.save_pretrained(folder)
    config_file = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config_file | {"model_type": "gpt_neox"}))
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in GPTNeoXForCausalLM(config).state_dict().items()}
    values = np.random.default_rng(0).normal(scale=0.02, size=max(shape.numel() for shape in shapes.values()))
    values = torch.from_numpy(values).float()
    whole = 4 * sum(shape.numel() for shape in shapes.values())
    shards, weight_map = [{}], {}
    for name, shape in shapes.items():
        tensor = values[:shape.numel()].view(shape)
        if sum(t.nbytes for t in shards[-1].values()) > whole / n_shards:
            shards.append({})
        shards[-1][name] = tensor
        weight_map[name] = f"model-{len(shards):05}.safetensors"
    for number, shard in enumerate(shards, 1):
        save_file({name: tensor.clone() for name, tensor in shard.items()}, folder / f"model-{number:05}.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    return whole, max(path.stat().st_size for path in folder.glob("*.safetensors"))


# Between the test and the program, since Linux counts the memory of a process's parent as its own until it starts.
MEASURE = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss * 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak_memory(*words):
    done = subprocess.run([sys.executable, "-S", "-c", MEASURE, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("n_layers, options, bytes_a_weight", [
    (11, ["--variant", "trained"], 4),
    (4, ["--variant", "rerandomized_incl", "--dtype", "bfloat16"], 2),
], ids=["copied", "drawn"])
def test_loading_takes_little_more_than_the_model(n_layers, options, bytes_a_weight, tmp_path):
    big, small = tmp_path / "big", tmp_path / "small"
    stored, largest = big_checkpoint(big, n_layers, 1024, 3)
    small_stored, _ = big_checkpoint(small, 1, 64, 1)

    def peak(model):
        return peak_memory(PROGRAM, "activations", model, "--text", TEXT, "--tokenizer", TINY, "--hookpoint", "embed_in",
                           "--context-length", 16, "--rows", 1, "-o", tmp_path / "out.safetensors", *options)

    model_bytes = (stored - small_stored) / 4 * bytes_a_weight
    beside = peak(big) - peak(small) - model_bytes
    # The model lies in host memory here. A copy of a shard, or its mapped pages, would be another 1.0 of the largest.
    assert beside < 0.2 * largest, f"{beside / 1e6:.0f} MB beside the model, the largest shard has {largest / 1e6:.0f} MB"


def test_inspecting_a_checkpoint_takes_little_memory(tmp_path):
    big, small = tmp_path / "big", tmp_path / "small"
    _, largest = big_checkpoint(big, 4, 1024, 1)
    big_checkpoint(small, 1, 64, 1)
    # It hashes all weights.
    assert peak_memory(PROGRAM, "inspect", big) - peak_memory(PROGRAM, "inspect", small) < 0.2 * largest


SWEEP = """[sweep]
name = "plan"
output = "{folder}/out"
[model]
paths = "{model}"
variants = {variants}
init_seeds = [4, 5]
layers = [0]
tokenizer = "{tokenizer}"
[text]
train = "{folder}/train.txt"
held_out = "{folder}/held_out.txt"
context_length = 32
[sae]
expansion_factor = 2
k = 4
tokens = 512
batch_tokens = 128
[evaluate]
tokens = 128
ce_tokens = 64
"""


def plan(folder, model, variants):
    (folder / "train.txt").write_text("The quick brown fox jumps over the lazy dog.\n" * 400)
    (folder / "held_out.txt").write_text("Jackdaws love my big sphinx of quartz; how vexing!\n" * 60)
    (folder / "sweep.toml").write_text(SWEEP.format(folder=folder, model=model, variants=json.dumps(variants), tokenizer=TINY))
    return subprocess.run([PROGRAM, "plan", folder / "sweep.toml", "--cells"], capture_output=True, text=True,
                          env={**os.environ, "HF_HUB_CACHE": str(folder / "hub")})


def cells_of(done):
    """(id, settings) of a plan's cells."""
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=3) for line in done.stdout.splitlines()]
    return [(words[2], words[3]) for words in lines if len(words) == 4 and len(words[2]) == 32]


@pytest.fixture
def three_forms(tmp_path):
    """A checkpoint with a recipe, as a folder, as a name in a hub cache, and as its config alone."""
    folder = tmp_path / "net-7m"
    random_model().save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text()) | {"saesweep_step0": "small_init"}
    (folder / "config.json").write_text(json.dumps(config))
    (tmp_path / "net-7m.json").write_text(json.dumps(config))
    hub = tmp_path / "hub" / "models--someone--net-7m"
    for part in ("refs", "snapshots"):
        (hub / part).mkdir(parents=True)
    for revision in ("main", "step3000"):
        (hub / "refs" / revision).write_text("0123abcd")
    (hub / "snapshots" / "0123abcd").symlink_to(folder)
    return tmp_path


def test_a_model_has_the_same_cells_by_every_name(three_forms):
    variants = ["trained", "rerandomized_excl", "step0"]
    by_folder = cells_of(plan(three_forms, three_forms / "net-7m", variants))
    assert [settings.split(" layers")[0] for _, settings in by_folder] == [
        "net-7m trained", "net-7m rerandomized_excl init 4", "net-7m rerandomized_excl init 5", "net-7m step0 init 4",
        "net-7m step0 init 5"]
    assert cells_of(plan(three_forms, "someone/net-7m", variants)) == by_folder
    assert cells_of(plan(three_forms, three_forms / "net-7m.json", ["step0"])) == by_folder[3:]
    revision = cells_of(plan(three_forms, "someone/net-7m@step3000", variants))
    assert [cell_id for cell_id, _ in revision] == [cell_id for cell_id, _ in by_folder]
    assert revision[0][1].startswith("net-7m@step3000 trained")


@pytest.mark.parametrize("model, variants, message", [
    ("{folder}/net-7m.json", ["step0", "control"], "the variant control cannot be made, only step0"),
    ("someone/net-8m", ["trained"], "`scripts/fetch_models.sh someone/net-8m`"),
    ("someone/net-7m@step1", ["trained"], "`scripts/fetch_models.sh someone/net-7m@step1`"),
    ("{folder}/net-9m", ["trained"], "no such file or folder"),
])
def test_models_that_cannot_be_made_are_refused_by_the_plan(model, variants, message, three_forms):
    done = plan(three_forms, model.format(folder=three_forms), variants)
    assert done.returncode == 2
    assert message in done.stderr and done.stderr.count("\n") == 1
