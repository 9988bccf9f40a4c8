"""SAEs trained here, loaded by sparsify itself: the same latents and reconstruction. Runs in .venv-peers."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

os.environ["SPARSIFY_DISABLE_TRITON"] = "1"  # its kernels want a GPU
sparsify = pytest.importorskip("sparsify", reason="needs .venv-peers (scripts/peers.sh)")

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SAESWEEP_BIN", ROOT / "build/saesweep"))
TEXT = Path("/usr/share/perl/5.36.0/pod/perltie.pod")

pytestmark = pytest.mark.skipif(not TEXT.is_file(), reason="needs Debian's perl-doc")


def program(*arguments):
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    subprocess.run([PROGRAM, *map(str, arguments)], cwd=ROOT, env=environment, check=True, timeout=300)


def test_sparsify_reads_our_saes_and_reconstructs_alike(tmp_path):
    program("run", "sweeps/quickstart.toml", "--progress", "none", *(part for setting in [
        f"sweep.output={tmp_path}/out", "sae.tokens=20480", "evaluate.tokens=4096", "evaluate.ce_tokens=1024",
        "model.layers=[3]", 'model.variants=["trained"]', "sae.seeds=[0]"] for part in ("--set", setting)))
    program("activations", "models/tiny", "--text", TEXT, "--hookpoint", "layers.3", "-o", tmp_path / "x.safetensors")
    folder = next((tmp_path / "out/saes").glob("*/layers.3"))
    x = load_file(tmp_path / "x.safetensors")["layers.3"][:2048]

    sae = sparsify.SparseCoder.load_from_disk(folder)
    assert sae.cfg.k == json.loads((folder / "cfg.json").read_text())["k"] == 16
    with torch.no_grad():
        out = sae(x)
    tensors = load_file(folder / "sae.safetensors")
    latents = torch.relu((x - tensors["b_dec"]) @ tensors["encoder.weight"].T + tensors["encoder.bias"])
    values, indices = latents.topk(16)
    x_hat = torch.einsum("tk,tkd->td", values, tensors["W_dec"][indices]) + tensors["b_dec"]
    torch.testing.assert_close(out.sae_out, x_hat, rtol=1e-5, atol=1e-5)
    assert float(out.fvu) < 0.7
