"""The losses of a run at every kind of hookpoint against transformers with what the module gives replaced by a hook."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import h5py
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy, linear
from transformers import GPTNeoXForCausalLM

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SAESWEEP_BIN", ROOT / "build" / "saesweep"))
MODEL = ROOT / "models" / "tiny"
PERL_DOC = Path("/usr/share/perl/5.36.0/pod")
HELD_OUT = PERL_DOC / "perlcheat.pod"
CONTEXT = 128
HOOKPOINTS = ["embed_in", "layers.2", "layers.0.attention", "layers.2.attention", "layers.2.mlp"]

pytestmark = pytest.mark.skipif(not PERL_DOC.is_dir(), reason="needs Debian's perl-doc")


def program(*words):
    done = subprocess.run([str(word) for word in (PROGRAM, *words)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def model_folder(folder, parallel):
    """The shipped model; with parallel false, its weights run one part after the other."""
    folder.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        shutil.copy(MODEL / name, folder / name)
    config = json.loads((MODEL / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"use_parallel_residual": parallel}))
    return folder


def swept(model, output):
    """Cells by hookpoint, each with its SAE, trained for a few steps and evaluated on the whole held-out text."""
    settings = {
        "sweep.output": json.dumps(str(output)),
        "model.paths": json.dumps(str(model)),
        "model.layers": "[0, 2]",
        "model.hookpoint": json.dumps(["embed", "residual", "attention", "mlp"]),
        "model.variants": '["trained"]',
        "sae.expansion_factor": "4",
        "sae.seeds": "[0]",
        "sae.tokens": "5120",
        "sae.warmup_steps": "2",
        "text.context_length": str(CONTEXT),
        "text.train": json.dumps([str(PERL_DOC / "perlop.pod")]),
        "text.held_out": json.dumps([str(HELD_OUT)]),
        "text.exclude": "[]",
        "evaluate.tokens": "20000",
        "evaluate.ce_tokens": "20000",
        "autointerp.latents": "0",
    }
    options = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    program("run", "sweeps/quickstart.toml", "--progress", "none", *options)
    with h5py.File(output / "results.h5") as file:
        columns = {name: column[:] for name, column in file["cells"].items()}
    cells = {}
    for row, hookpoint in enumerate(columns["hookpoint"].astype(str)):
        cells[hookpoint] = {name: column[row] for name, column in columns.items()}
    for hookpoint, cell in cells.items():
        folder = next((output / "saes").glob(f"{cell['id'].decode()}/{hookpoint}"))
        cell["sae"] = load_file(folder / "sae.safetensors") | json.loads((folder / "cfg.json").read_text())
    return cells


def reconstruction(sae, x):
    """By sparsify's formulas: encode, top k, decode."""
    latents = torch.relu(linear(x - sae["b_dec"], sae["encoder.weight"], sae["encoder.bias"]))
    values, indices = latents.topk(sae["k"], sorted=False)
    return torch.einsum("...k,...kd->...d", values, sae["W_dec"][indices]) + sae["b_dec"]


def log_probs(model, ids, hookpoint=None, replace=None):
    """Log probabilities of the next token, what the module named hookpoint gives being replaced."""
    def hook(module, inputs, output):
        return (replace(output[0]), *output[1:]) if isinstance(output, tuple) else replace(output)

    handle = model.gpt_neox.get_submodule(hookpoint).register_forward_hook(hook) if hookpoint else None
    with torch.no_grad():
        logits = model(ids).logits[:, :-1].flatten(0, 1).double()
    if handle:
        handle.remove()
    return logits.log_softmax(-1)


@pytest.mark.parametrize("parallel", [True, False], ids=["parallel", "one after the other"])
def test_losses_are_those_of_transformers_with_the_module_replaced(parallel, tmp_path):
    folder = model_folder(tmp_path / "model", parallel)
    cells = swept(folder, tmp_path / "out")
    assert set(HOOKPOINTS) < set(cells)
    program("activations", folder, "--text", HELD_OUT, "--logits", "--context-length", CONTEXT, "-o", tmp_path / "ids")
    ids = load_file(tmp_path / "ids")["input_ids"].view(-1, CONTEXT)
    targets = ids[:, 1:].flatten()
    model = GPTNeoXForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    clean = log_probs(model, ids)
    for hookpoint in HOOKPOINTS:
        cell = cells[hookpoint]
        assert cell["tokens_ce"] == len(targets)
        # Both compute in float32, in another order; a latent near the SAE's threshold may change: 1e-4.
        assert cell["ce_clean"] == pytest.approx(cross_entropy(clean, targets).item(), rel=1e-5)
        replacements = {"sae": lambda x: reconstruction(cell["sae"], x), "zero": torch.zeros_like}
        for name, replace in replacements.items():
            changed = log_probs(model, ids, hookpoint, replace)
            kl = (clean.exp() * (clean - changed)).sum(-1).mean().item()
            assert kl > 1e-3, f"{hookpoint} {name}: the replacement changes nothing"
            assert cell[f"ce_{name}"] == pytest.approx(cross_entropy(changed, targets).item(), rel=1e-4), hookpoint
            assert cell[f"kl_{name}"] == pytest.approx(kl, rel=1e-3, abs=1e-5), hookpoint
