"""The toy model: data against its recipe by numpy, an SAE's training and measures against plain torch, and runs of
`saesweep toy`: same bits on any layout, after a kill and a stop, and what it says of bad input."""

import json
import os
import signal
import subprocess
import time

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sweep_runs import ENVIRONMENT, PROGRAM, ROOT, differences, launcher, n_done, reproducible

TOY_SAE = ROOT / os.environ.get("SAESWEEP_BUILD", "build") / "tests/toy_sae"
RECIPE = {"variant": "superposed", "mlp": False, "seed": 3, "penalty": 0.05, "latents": 300, "features": 128, "d_in": 64,
          "samples": 2000, "epochs": 8}  # fmt: skip
SWEEP = """
[sweep]
name = "toy-test"
output = "OUTPUT"
[toy]
hookpoint = "input"
features = 64
d_in = 32
samples = 1000
latents = [48, 200]
penalties = [0.01, 0.1, 1]
seeds = [0, 1]
epochs = EPOCHS
"""


def one_sae(folder, **changes):
    """What toy_sae says, and its tensors."""
    saved = folder / "toy.safetensors"
    options = folder / "options.json"
    options.write_text(json.dumps(RECIPE | changes | {"saved": str(saved)}))
    printed = subprocess.run([TOY_SAE, options], capture_output=True, text=True, check=True)
    return json.loads(printed.stdout), load_file(saved)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return one_sae(tmp_path_factory.mktemp("toy"))


class PlainSae(torch.nn.Module):
    """The recipe in torch's own layers: standardized inputs, ReLU, a decoder with unit columns and no bias."""

    def __init__(self, tensors):
        super().__init__()
        n_latents, d_in = tensors["start.W_enc"].shape
        self.encoder = torch.nn.Linear(d_in, n_latents)
        self.decoder = torch.nn.Linear(n_latents, d_in, bias=False)
        self.encoder.weight.data = tensors["start.W_enc"].clone()
        self.encoder.bias.data = tensors["start.b_enc"].clone()
        self.decoder.weight.data = tensors["start.W_dec"].T.clone()

    def forward(self, x, mean, deviation):
        codes = torch.relu(self.encoder(x))
        with torch.no_grad():
            self.decoder.weight /= self.decoder.weight.norm(dim=0, keepdim=True)
        return codes, self.decoder(codes) * deviation[:, None] + mean[:, None]


def test_training_agrees_with_torch(trained):
    said, tensors = trained
    x, mean, deviation = tensors["x"], tensors["mean"], tensors["deviation"]
    inputs = x * deviation[:, None] + mean[:, None]
    sae = PlainSae(tensors)
    adam = torch.optim.Adam(sae.parameters(), lr=1e-3)
    for order in tensors["order"]:
        assert (order.sort().values == torch.arange(len(x))).all()
        for batch in order.split(256):
            codes, decoded = sae(x[batch], mean[batch], deviation[batch])
            loss = torch.nn.functional.mse_loss(decoded, inputs[batch]) + RECIPE["penalty"] * codes.abs().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
    with torch.no_grad():
        sae(x[:1], mean[:1], deviation[:1])  # unit columns
    assert said["loss"] == pytest.approx(loss.item(), rel=1e-4)
    moved = (tensors["W_enc"] - tensors["start.W_enc"]).abs().max()
    assert moved > 0.03  # the steps were not idle
    for ours, theirs in [(tensors["W_enc"], sae.encoder.weight), (tensors["b_enc"], sae.encoder.bias),
                         (tensors["W_dec"].T, sae.decoder.weight)]:  # fmt: skip
        apart = (ours - theirs.detach()).abs()
        assert apart.mean() < 1e-5 and apart.max() < 0.1 * moved


def test_measures_agree_with_numpy(trained):
    said, tensors = trained
    t = {name: tensor.double().numpy() for name, tensor in tensors.items()}
    codes = np.maximum(t["held_out.x"] @ t["W_enc"].T + t["b_enc"], 0)
    undo = lambda rows: rows * t["held_out.deviation"][:, None] + t["held_out.mean"][:, None]  # noqa: E731
    x, x_hat = undo(t["held_out.x"]), undo(codes @ t["W_dec"])
    l1, l2 = codes.sum(1).mean(), np.linalg.norm(codes, axis=1).mean()
    root = np.sqrt(codes.shape[1])
    assert said["explained_variance"] == pytest.approx(1 - ((x - x_hat) ** 2).sum() / ((x - x.mean(0)) ** 2).sum(), abs=1e-5)
    assert said["mse"] == pytest.approx(((x - x_hat) ** 2).mean(), rel=1e-4)
    assert said["l0"] == pytest.approx((codes > 0).sum(1).mean(), abs=0.02)
    assert said["l1"] == pytest.approx(l1, rel=1e-4)
    assert said["l1_sqrt_l2"] == pytest.approx(l1 / np.sqrt(l2), rel=1e-4)
    assert said["hoyer"] == pytest.approx((root - l1 / l2) / (root - 1), rel=1e-4)
    assert said["dead_fraction"] == pytest.approx((codes == 0).all(0).mean(), abs=0.005)
    cosines = (t["features"] / np.linalg.norm(t["features"], axis=1, keepdims=True)) @ (
        t["W_dec"] / np.linalg.norm(t["W_dec"], axis=1, keepdims=True)
    ).T
    assert said["mmcs"] == pytest.approx(cosines.max(1).mean(), rel=1e-5)


def test_superposed_samples_are_sums_of_few_features_that_fire_as_the_paper_says(tmp_path):
    """Coefficients are found again by least squares, which is exact where there are no more features than dimensions."""
    _, tensors = one_sae(tmp_path, features=512, d_in=512, samples=4000, latents=1, epochs=1)
    features = tensors["features"].double().numpy()
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-6)
    x = (tensors["x"] * tensors["deviation"][:, None] + tensors["mean"][:, None]).double().numpy()
    coefficients = np.linalg.solve(features.T, x.T).T
    is_active = coefficients > 1e-3
    assert is_active.sum(1).mean() == pytest.approx(5, abs=0.15)
    rates = is_active.mean(0)
    assert np.mean((rates > 0.003) & (rates < 0.025)) > 0.98
    assert rates[:50].mean() > 1.1 * rates[-50:].mean()
    active = coefficients[is_active]
    assert active.max() < 1.001 and active.mean() == pytest.approx(0.5, abs=0.02)
    np.testing.assert_allclose(np.quantile(active, [0.25, 0.75]), [0.25, 0.75], atol=0.03)
    assert np.abs(coefficients[~is_active]).max() < 1e-3


def sweep_file(folder, epochs=4, more=""):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "toy.toml"
    path.write_text(SWEEP.replace("OUTPUT", str(folder / "out")).replace("EPOCHS", str(epochs)) + more)
    return path


def command(sweep, n_ranks=1, *arguments):
    return [*launcher(n_ranks), str(PROGRAM), "toy", str(sweep), *arguments]


def run(sweep, n_ranks=1, *arguments, code=0):
    finished = subprocess.run(command(sweep, n_ranks, *arguments), env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert finished.returncode == code, finished.stderr
    return finished.stderr


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy-run")
    run(sweep_file(folder))
    return folder


def test_every_cell_is_measured(reference):
    with h5py.File(reference / "out/results.h5") as file:
        assert file.attrs["kind"].decode() == "toy"
        cells = {name: column[:] for name, column in file["cells"].items()}
        assert len(cells["id"]) == 2 * 2 * 2 * 3 and (cells["state"] == 2).all() and (cells["stage"] == 2).all()
        superposed = cells["variant"] == b"superposed"
        assert superposed.sum() == 12 and set(cells["variant"][~superposed]) == {b"gaussian"}
        assert np.isfinite(cells["mmcs"][superposed]).all() and np.isnan(cells["mmcs"][~superposed]).all()
        for column in ["explained_variance", "mse", "l0", "l1", "dead_fraction", "train_loss"]:
            assert np.isfinite(cells[column]).all(), column
        assert set(cells["penalty"]) == {0.01, 0.1, 1} and set(cells["n_latents"]) == {48, 200}
        assert (cells["tokens_trained"] == 4 * 900).all() and (cells["tokens_evaluated"] == 100).all()
        by_penalty = [cells["l1"][cells["penalty"] == penalty].mean() for penalty in (0.01, 0.1, 1)]
        assert by_penalty == sorted(by_penalty, reverse=True)


@pytest.mark.parametrize("n_ranks, threads", [(3, 1), (1, 3)])
def test_results_are_the_same_bits_on_every_layout(reference, tmp_path, n_ranks, threads):
    run(sweep_file(tmp_path), n_ranks, "--set", f"run.threads={threads}")
    assert differences(reproducible(reference / "out"), reproducible(tmp_path / "out")) == []


@pytest.mark.parametrize("sent, code", [(signal.SIGKILL, -9), (signal.SIGTERM, 3)])
def test_what_is_done_outlives_a_kill_or_a_stop(tmp_path, sent, code):
    sweep = sweep_file(tmp_path, epochs=60)
    job = subprocess.Popen([str(PROGRAM), "toy", str(sweep)], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while n_done(tmp_path / "out/results.h5") < 3 and job.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    job.send_signal(sent)
    _, said = job.communicate(timeout=60)
    assert job.returncode == code, said
    kept = n_done(tmp_path / "out/results.h5")
    assert 3 <= kept < 24
    assert f"{kept} by an earlier run" in run(sweep)
    whole = tmp_path / "whole"
    run(sweep_file(whole, epochs=60))
    assert differences(reproducible(whole / "out"), reproducible(tmp_path / "out")) == []


def test_a_grown_sweep_trains_what_is_new_and_keeps_what_it_has_no_more(reference, tmp_path):
    sweep = sweep_file(tmp_path)
    run(sweep, 1, "--set", "toy.penalties=[0.1, 0.3]")
    assert "24 of 24 SAEs done (8 by an earlier run)" in run(sweep)
    with h5py.File(tmp_path / "out/results.h5") as file:
        assert len(file["cells/id"]) == 32 and (file["cells/state"][:] == 2).all()


def test_embeddings_are_read_from_gloves_text(tmp_path):
    rows = np.random.default_rng(0).normal(size=(400, 12))
    (tmp_path / "tiny.12d.txt").write_text("".join(f"w{i} {' '.join(f'{v:.4f}' for v in row)}\n" for i, row in enumerate(rows)))
    sweep = tmp_path / "toy.toml"
    sweep.write_text(f"""
[sweep]
name = "embeddings"
output = "{tmp_path}/out"
[toy]
embeddings = ["{tmp_path}/tiny.12d.txt", "{ROOT}/models/tiny"]
samples = 300
expansion_factor = 2
penalties = 0.1
epochs = 2
""")
    run(sweep)
    with h5py.File(tmp_path / "out/results.h5") as file:
        models, variants = file["cells/model"].asstr()[:], file["cells/variant"].asstr()[:]
        assert set(models) == {"tiny.12d", "tiny"} and set(variants) == {"embedding", "gaussian"}
        assert set(file["cells/n_latents"][models == "tiny.12d"]) == {24}
        assert np.isnan(file["cells/mmcs"][:]).all() and np.isfinite(file["cells/explained_variance"][:]).all()
    assert "/no/such" in run(sweep, 1, "--set", "toy.embeddings='/no/such'", code=2)


@pytest.mark.parametrize("more, said", [
    ("latnts = 3\n", "toy.latnts: unknown key; did you mean latents?"),
    ('embeddings = "/no/such"\ndata = "gaussian"\n', "toml:7: toy.features: stands beside toy.embeddings"),
    ('data = "superposd"\n', 'did you mean "superposed"?'),
    ("batch = 0\n", "toy.batch: found 0, expected an integer of at least 1"),
])  # fmt: skip
def test_bad_input_ends_as_one_line(tmp_path, more, said):
    sweep = sweep_file(tmp_path, more=more)
    lines = run(sweep, 1, code=2).strip().splitlines()
    assert len(lines) == 1 and said in lines[0] and lines[0].startswith("saesweep: error: ")


def test_the_output_of_a_sweep_is_not_taken(reference):
    said = run(sweep_file(reference), 1, "--set", "sweep.name=other", code=2)
    assert "holds the toy sweep 'toy-test', expected the toy sweep 'other'" in said


def test_the_plan_counts_saes_and_operations(reference):
    printed = subprocess.run([PROGRAM, "toy", str(sweep_file(reference)), "--plan"], capture_output=True, text=True, check=True)
    assert "24 SAEs" in printed.stdout and "superposed" in printed.stdout
    assert "Memory: up to 1.2 MB a rank" in printed.stdout and "refuse" not in printed.stdout
    assert "On CUDA: up to " in printed.stdout


def test_the_plan_says_where_a_run_would_not_fit(tmp_path):
    asked = command(sweep_file(tmp_path), 1, "--plan", "--set", "toy.samples=100_000_000_000")
    printed = subprocess.run(asked, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout
    assert "Memory: up to 51 TB a rank" in printed and "would refuse the run" in printed
