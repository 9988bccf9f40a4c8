"""A small run of the program against plain torch: its SAE folder read as sparsify reads it, its metrics recomputed."""

import json
import os
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SAESWEEP_BIN", ROOT / "build" / "saesweep"))
MODEL = ROOT / "models" / "tiny"
# One file is the held-out text, so that `saesweep activations` reads the same rows; whole, since more is asked for
# than it has.
HELD_OUT = Path("/usr/share/perl/5.36.0/pod/perlstyle.pod")
CONTEXT = 256


def program(*words) -> None:
    done = subprocess.run([str(word) for word in (PROGRAM, *words)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Run:
    """One SAE trained and evaluated by the program."""

    def __init__(self, folder: Path):
        output = folder / "out"
        settings = {
            "sweep.output": json.dumps(str(output)),
            "model.layers": "[3]",
            "model.variants": '["trained"]',
            "sae.seeds": "[0]",
            "sae.tokens": "20480",
            "sae.warmup_steps": "4",
            "text.train": json.dumps([str(HELD_OUT.with_name(name)) for name in ("perlop.pod", "perlfunc.pod")]),
            "text.held_out": json.dumps([str(HELD_OUT)]),
            "text.exclude": "[]",
            "autointerp.latents": "0",
            "evaluate.tokens": "20000",
            "evaluate.ce_tokens": "20000",
        }
        options = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        program("run", "sweeps/quickstart.toml", "--progress", "none", *options)
        self.folder = next((output / "saes").glob("*/layers.3"))
        with h5py.File(output / "results.h5") as file:
            self.row = {name: column[0] for name, column in file["cells"].items()}
            self.firing_rate = file["all_latents/firing_rate"][0]
        text = folder / "held_out.safetensors"
        program("activations", MODEL, "--text", HELD_OUT, "--hookpoint", "layers.3", "--context-length", CONTEXT,
                "--logits", "-o", text)  # fmt: skip
        self.text = load_file(text)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    return Run(tmp_path_factory.mktemp("sae"))


class SparsifySae:
    """sparsify's SparseCoder, by its formulas: encode, top k, decode."""

    def __init__(self, folder: Path):
        self.config = json.loads((folder / "cfg.json").read_text())
        tensors = load_file(folder / "sae.safetensors")
        self.weight = tensors["encoder.weight"]
        self.bias = tensors["encoder.bias"]
        self.W_dec = tensors["W_dec"]
        self.b_dec = tensors["b_dec"]

    def encode(self, x: torch.Tensor):
        latents = torch.relu(torch.nn.functional.linear(x - self.b_dec, self.weight, self.bias))
        return latents.topk(self.config["k"], sorted=False)

    def decode(self, values: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        return torch.einsum("tk,tkd->td", values, self.W_dec[indices]) + self.b_dec


@pytest.fixture(scope="module")
def numbers(run: Run) -> dict[str, np.ndarray]:
    """Held-out activations, active values and reconstructions by plain torch, in float64 from here on."""
    sae = SparsifySae(run.folder)
    x = run.text["layers.3"]
    values, indices = sae.encode(x)
    x_hat = sae.decode(values, indices)
    return {name: tensor.numpy() for name, tensor in
            {"x": x.double(), "x_hat": x_hat.double(), "values": values.double(), "indices": indices}.items()}  # fmt: skip


def explained_variance(x: np.ndarray, x_hat: np.ndarray) -> float:
    return 1 - ((x - x_hat) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()


def cosine_similarity(x: np.ndarray, x_hat: np.ndarray) -> float:
    return ((x * x_hat).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(x_hat, axis=1)).mean()


def test_folder_is_sparsifys(run: Run) -> None:
    sae = SparsifySae(run.folder)
    config = sae.config
    assert config["d_in"] == 128 and config["k"] == 16 and config["expansion_factor"] == 16
    assert config["activation"] == "topk" and not config["transcode"] and not config["skip_connection"]
    assert sae.weight.shape == sae.W_dec.shape == (2048, 128)
    assert sae.bias.shape == (2048,) and sae.b_dec.shape == (128,)
    assert torch.allclose(sae.W_dec.norm(dim=1), torch.ones(2048), atol=1e-5)


def test_sae_reconstructs_text_it_has_not_seen(numbers) -> None:
    assert 0.3 < explained_variance(numbers["x"], numbers["x_hat"]) < 1


def test_all_held_out_rows_were_evaluated(run: Run, numbers) -> None:
    n_rows = len(numbers["x"]) // CONTEXT
    assert run.row["tokens_evaluated"] == n_rows * CONTEXT
    assert run.row["tokens_ce"] == n_rows * (CONTEXT - 1)
    assert run.row["tokens_trained"] == 20480


# Both compute in float32, in another order; the SAE's top k may change with a latent near the threshold: 1e-4.


def test_reconstruction_metrics_are_those_of_the_formulas(run: Run, numbers) -> None:
    x, x_hat = numbers["x"], numbers["x_hat"]
    rest = np.arange(len(x)) % CONTEXT > 0
    for ending, part in {"": slice(None), "_no_first": rest}.items():
        expected = {
            "explained_variance": explained_variance(x[part], x_hat[part]),
            "cosine_similarity": cosine_similarity(x[part], x_hat[part]),
            "mse": ((x[part] - x_hat[part]) ** 2).mean(),
        }
        for name, value in expected.items():
            assert run.row[name + ending] == pytest.approx(value, rel=1e-4, abs=1e-6), name + ending


def test_firing_metrics_are_those_of_the_formulas(run: Run, numbers) -> None:
    fired = numbers["values"] > 0
    counts = np.bincount(numbers["indices"][fired], minlength=2048)
    assert run.row["l0"] == pytest.approx(fired.sum(1).mean(), rel=1e-4)
    assert run.row["l1"] == pytest.approx(numbers["values"].sum(1).mean(), rel=1e-4)
    assert run.row["dead_fraction"] == pytest.approx((counts == 0).mean(), abs=1 / 2048)
    # A token near the threshold may count for another latent.
    assert np.abs(run.firing_rate - counts / len(fired)).max() < 2 / len(fired)


def test_clean_cross_entropy_is_torchs(run: Run) -> None:
    logits = run.text["logits"].view(-1, CONTEXT, run.text["logits"].shape[-1])[:, :-1]
    ids = run.text["input_ids"].view(-1, CONTEXT)[:, 1:]
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1).double(), ids.flatten())
    assert run.row["ce_clean"] == pytest.approx(expected.item(), rel=1e-5)


def test_losses_are_ordered_as_a_useful_sae_orders_them(run: Run) -> None:
    assert run.row["ce_clean"] < run.row["ce_sae"] < run.row["ce_zero"]
    assert 0 < run.row["kl_sae"] < run.row["kl_zero"]
    ce_clean, ce_sae, ce_zero = (run.row[name] for name in ("ce_clean", "ce_sae", "ce_zero"))
    assert run.row["ce_loss_score"] == pytest.approx((ce_zero - ce_sae) / (ce_zero - ce_clean))
    assert run.row["kl_score"] == pytest.approx(1 - run.row["kl_sae"] / run.row["kl_zero"])
