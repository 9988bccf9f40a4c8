"""SAEs go both ways between saesweep, sparsify and SAELens: the same latents and reconstruction, and the same metrics
of SAEs that the peers made. Runs in .venv-peers."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

os.environ["SPARSIFY_DISABLE_TRITON"] = "1"  # its kernels want a GPU
sparsify = pytest.importorskip("sparsify", reason="needs .venv-peers (scripts/peers.sh)")
sae_lens = pytest.importorskip("sae_lens", reason="needs .venv-peers (scripts/peers.sh)")

h5py = pytest.importorskip("h5py")

from sae_lens import JumpReLUSAE, JumpReLUSAEConfig, StandardSAE, StandardSAEConfig, TopKSAE, TopKSAEConfig  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SAESWEEP_BIN", ROOT / "build/saesweep"))
CODES = PROGRAM.parent / "tests/sae_codes"
TEXTS = Path("/usr/share/perl/5.36.0/pod")
HELD_OUT = TEXTS / "perlstyle.pod"
CONTEXT = 256
D_IN = 128

pytestmark = [
    pytest.mark.skipif(not HELD_OUT.is_file(), reason="needs Debian's perl-doc"),
    pytest.mark.skipif(not CODES.is_file(), reason="needs the build's tests/sae_codes"),
]

# All codes are float32 sums of 128 products in another order, which differ by some 1e-6 of their size. That may also
# swap a latent at the edge of the k largest, or at a threshold, for its neighbour: such tokens are rare and told apart
# by their set of latents.
RELATIVE = 1e-5
MOST_SWAPS = 1e-3


def program(*arguments, code=0):
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=ROOT, env=environment, capture_output=True, text=True,
                          timeout=300)  # fmt: skip
    assert done.returncode == code, done.stderr
    return done


def sweep(output, sae, layers):
    """The keys of a sweep on the tiny model, whose held-out text is one file, read whole."""
    return {
        "sweep": {"name": "peers", "output": str(output)},
        "model": {"paths": "models/tiny", "variants": "trained", "layers": layers},
        "text": {"train": [str(TEXTS / name) for name in ("perlop.pod", "perlfunc.pod")], "held_out": [str(HELD_OUT)],
                 "context_length": CONTEXT},
        "sae": sae,
        "evaluate": {"tokens": 20000, "ce_tokens": 256},
    }  # fmt: skip


def run_sweep(folder, sae, layers):
    """Runs it; the rows of its results by hookpoint and architecture."""
    tables = sweep(folder / "out", sae, layers)
    lines = [line for name, keys in tables.items() for line in
             [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]]  # fmt: skip
    file = folder / "sweep.toml"
    file.write_text("\n".join(lines))
    program("run", file, "--progress", "none")
    with h5py.File(folder / "out/results.h5") as results:
        columns = {name: column[:] for name, column in results["cells"].items()}
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return {(row["hookpoint"].decode(), row["architecture"].decode()): row for row in rows}


@pytest.fixture(scope="module")
def activations(tmp_path_factory):
    """Of the held-out text, at all layers."""
    file = tmp_path_factory.mktemp("activations") / "x.safetensors"
    program("activations", "models/tiny", "--text", HELD_OUT, "--context-length", CONTEXT, "-o", file,
            *(word for layer in range(6) for word in ("--hookpoint", f"layers.{layer}")))  # fmt: skip
    return load_file(file)


@pytest.fixture(scope="module")
def x(activations):
    return activations["layers.3"][:2048].contiguous()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folders of SAEs trained here, one of each architecture, by name."""
    folder = tmp_path_factory.mktemp("trained")
    kinds = ["topk", "groupmax", "batch_topk", "relu", "jumprelu", "matryoshka"]
    run_sweep(folder, {"architecture": kinds, "expansion_factor": 8, "k": 16, "tokens": 20480, "batch_tokens": 512,
                       "learning_rate": 0.004, "warmup_steps": 4}, [3])  # fmt: skip
    folders = {json.loads((path / "cfg.json").read_text())["activation"]: path
               for path in (folder / "out/saes").glob("*/layers.3")}  # fmt: skip
    assert sorted(folders) == sorted(kinds)
    return folders


def ours(sae_folder, x, folder):
    """Latents, dense, and reconstruction by the program's own code."""
    save_file({"x": x}, folder / "x.safetensors")
    subprocess.run([CODES, sae_folder, folder / "x.safetensors", folder / "codes.safetensors"], check=True, timeout=120)
    out = load_file(folder / "codes.safetensors")
    return out["latents"], out["x_hat"]


def assert_same_codes(found, expected):
    """Latents and reconstruction agree on all tokens but those where a latent was swapped."""
    latents, x_hat = expected
    assert (latents > 0).any(1).float().mean() > 0.9  # an SAE that is silent would agree with any other
    same = ((found[0] > 0) == (latents > 0)).all(1)
    assert (~same).float().mean() <= MOST_SWAPS
    for a, b in zip(found, (latents, x_hat), strict=True):
        scale = b[same].abs().max(1, keepdim=True).values
        assert ((a - b)[same].abs() <= RELATIVE * scale).all()


def sparsify_codes(sae, x):
    with torch.no_grad():
        out = sae(x)
        latents = torch.zeros(len(x), sae.num_latents).scatter_(1, out.latent_indices, out.latent_acts)
    return latents, out.sae_out


def sae_lens_codes(sae, x):
    with torch.no_grad():
        latents = sae.encode(x)
        return latents.float(), sae.decode(latents).float()


# SAEs trained here, read by the peers.


@pytest.mark.parametrize("kind", ["topk", "groupmax"])
def test_sparsify_computes_with_our_saes_what_we_do(trained, x, tmp_path, kind):
    sae = sparsify.SparseCoder.load_from_disk(trained[kind])
    assert sae.cfg.k == 16 and sae.cfg.activation == kind
    assert_same_codes(ours(trained[kind], x, tmp_path), sparsify_codes(sae, x))


@pytest.mark.parametrize("kind", ["batch_topk", "relu", "jumprelu", "matryoshka"])
def test_sparsify_refuses_by_name_what_it_does_not_know(trained, x, kind):
    with pytest.raises(Exception, match=kind):
        sparsify.SparseCoder.load_from_disk(trained[kind])(x)


@pytest.mark.parametrize(("kind", "theirs"), [("topk", "topk"), ("relu", "standard"), ("jumprelu", "jumprelu"),
                                              ("batch_topk", "jumprelu"), ("matryoshka", "jumprelu")])  # fmt: skip
def test_sae_lens_computes_with_exported_saes_what_we_do(trained, x, tmp_path, kind, theirs):
    program("export", trained[kind], "--format", "saelens", "-o", tmp_path / "lens", "--model", "tiny")
    sae = sae_lens.SAE.load_from_disk(tmp_path / "lens")
    assert sae.cfg.architecture() == theirs
    assert (sae.cfg.metadata.model_name, sae.cfg.metadata.hook_name) == ("tiny", "blocks.3.hook_resid_post")
    expected = sae_lens_codes(sae, x)
    assert_same_codes(ours(trained[kind], x, tmp_path), expected)
    assert_same_codes(ours(tmp_path / "lens", x, tmp_path), expected)


def test_groupmax_is_not_exported_to_sae_lens(trained, tmp_path):
    done = program("export", trained["groupmax"], "--format", "saelens", "-o", tmp_path / "lens", code=2)
    assert str(trained["groupmax"]) in done.stderr and "groupmax" in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "lens").exists()


# SAEs that the peers made, read here.


def sparsify_sae(kind, x, **settings):
    """Drawn weights; biases that are not 0, and rows of the decoder that are not of unit length."""
    torch.manual_seed(1)
    settings = {"k": 16, "expansion_factor": 8, **settings}
    sae = sparsify.SparseCoder(D_IN, sparsify.SparseCoderConfig(activation=kind, **settings))
    with torch.no_grad():
        sae.b_dec.copy_(x.mean(0))
        sae.encoder.bias.normal_(0, 0.1)
        sae.W_dec.mul_(torch.rand(len(sae.W_dec), 1) + 0.5)
    return sae


def sae_lens_sae(kind, config, x, **settings):
    torch.manual_seed(2)
    sae = kind(config(d_in=D_IN, d_sae=1024, **settings))
    spread = x.std()
    with torch.no_grad():
        sae.W_enc.normal_(0, D_IN**-0.5)
        sae.W_dec.normal_(0, 0.1)
        sae.b_dec.copy_(x.mean(0))
        sae.b_enc.normal_(-spread, 0.1 * spread)  # below 0: few latents are active
        if kind is JumpReLUSAE:
            sae.threshold.copy_(spread * torch.rand(1024))
    sae.cfg.metadata.model_name = "organisation/Tiny"
    return sae


LENS = {"topk": (TopKSAE, TopKSAEConfig), "standard": (StandardSAE, StandardSAEConfig),
        "jumprelu": (JumpReLUSAE, JumpReLUSAEConfig)}  # fmt: skip


@pytest.mark.parametrize("kind", ["topk", "groupmax"])
@pytest.mark.parametrize("settings", [{}, {"num_latents": 1008}])
def test_sparsifys_saes_compute_here_what_they_do_there(x, tmp_path, kind, settings):
    sae = sparsify_sae(kind, x, **settings)
    sae.save_to_disk(tmp_path / "sae")
    assert_same_codes(ours(tmp_path / "sae", x, tmp_path), sparsify_codes(sae, x))


def sae_lens_cases():
    for kind in LENS:
        yield kind, {}
        yield kind, {"apply_b_dec_to_input": False}
    yield "topk", {"k": 16, "rescale_acts_by_decoder_norm": True}
    yield "topk", {"k": 16, "rescale_acts_by_decoder_norm": True, "apply_b_dec_to_input": False}


@pytest.mark.parametrize(("kind", "settings"), list(sae_lens_cases()))
def test_sae_lens_saes_compute_here_what_they_do_there(x, tmp_path, kind, settings):
    sae = sae_lens_sae(*LENS[kind], x, **settings)
    sae.save_model(tmp_path / "sae")
    assert_same_codes(ours(tmp_path / "sae", x, tmp_path), sae_lens_codes(sae, x))


def test_sae_lens_dtype_rounds_the_weights(x, tmp_path):
    """The file holds float32, the config asks for bfloat16: SAELens rounds as it reads. Its sums in bfloat16 are no
    reference, so the rounded SAE is computed in float32."""
    sae = sae_lens_sae(*LENS["jumprelu"], x)
    sae.save_model(tmp_path / "sae")
    config = json.loads((tmp_path / "sae/cfg.json").read_text())
    (tmp_path / "sae/cfg.json").write_text(json.dumps({**config, "dtype": "bfloat16"}))
    read = sae_lens.SAE.load_from_disk(tmp_path / "sae")
    assert read.W_dec.dtype == torch.bfloat16
    assert_same_codes(ours(tmp_path / "sae", x, tmp_path), sae_lens_codes(read.to(torch.float32), x))


@pytest.mark.parametrize("changes", [
    {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 24}, "architecture": "standard"},
    {"activation_fn": "topk", "activation_fn_kwargs": {"k": 24}, "normalize_activations": False},
    {"activation_fn_str": "relu", "architecture": "standard", "normalize_activations": "none"},
])  # fmt: skip
def test_configs_of_older_sae_lens_are_read_as_it_reads_them(x, tmp_path, changes):
    sae_lens_sae(*LENS["topk"], x).save_model(tmp_path / "sae")
    config = {"d_in": D_IN, "d_sae": 1024, "dtype": "torch.float32", "model_name": "tiny", "hook_name": "blocks.3.hook_resid_post",
              "device": "cpu", "sae_lens_version": "3.2.1", **changes}  # fmt: skip
    (tmp_path / "sae/cfg.json").write_text(json.dumps(config))
    sae = sae_lens.SAE.load_from_disk(tmp_path / "sae")
    assert_same_codes(ours(tmp_path / "sae", x, tmp_path), sae_lens_codes(sae, x))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, activations):
    """SAEs of the peers, one a layer, evaluated by [sae] load: their rows, and latents and reconstructions by the peers
    themselves on all the held-out text."""
    folder = tmp_path_factory.mktemp("loaded")
    expected = {}

    def at(layer):
        return activations[f"layers.{layer}"]

    for layer, kind in enumerate(["topk", "groupmax"]):
        sae = sparsify_sae(kind, at(layer))
        sae.save_to_disk(folder / f"saes/layers.{layer}")
        expected[f"layers.{layer}", kind] = at(layer), *sparsify_codes(sae, at(layer))
    for layer, (kind, (cls, config)) in enumerate(LENS.items(), 2):
        sae = sae_lens_sae(cls, config, at(layer))
        sae.save_model(folder / f"saes/layers.{layer}")
        name = "relu" if kind == "standard" else kind
        expected[f"layers.{layer}", name] = at(layer), *sae_lens_codes(sae, at(layer))
    rows = run_sweep(folder, {"load": str(folder / "saes/{hookpoint}")}, [0, 1, 2, 3, 4])
    return rows, expected


def test_metrics_of_loaded_saes_are_those_of_the_peers_codes(loaded):
    rows, expected = loaded
    assert set(rows) == set(expected)
    for key, (x, latents, x_hat) in expected.items():
        x, x_hat, row = x.double(), x_hat.double(), rows[key]
        unexplained = ((x - x_hat) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()
        # The peers compute in float32, too; swapped latents stay within this.
        assert 1 - row["explained_variance"] == pytest.approx(unexplained.item(), rel=1e-4), key
        assert row["l0"] == pytest.approx((latents > 0).double().sum(1).mean().item(), rel=1e-4), key
        assert row["tokens_evaluated"] == len(x)
        assert row["n_latents"] == 1024
