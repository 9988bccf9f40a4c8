"""Training here beside sparsify's own Trainer, from the same weights on the same batches; and beside ThomasHeap/sae's
steps, written as a plain torch loop. Runs in .venv-peers."""

import importlib.util
import json
import os
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

os.environ["SPARSIFY_DISABLE_TRITON"] = "1"  # its kernels want a GPU
transformers = pytest.importorskip("transformers")
sparsify = pytest.importorskip("sparsify", reason="needs .venv-peers (scripts/peers.sh)")

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / os.environ.get("SAESWEEP_BUILD", "build") / "tests/train_sae"
D_IN, EXPANSION, K = 24, 8, 8
CONTEXT, BATCH_TOKENS, N_STEPS = 64, 512, 200
# Both sides keep together to rounding until the order of their sums decides which of two nearly equal latents is active,
# or the sign of a gradient that is nearly zero; how far they then come apart grows with the rate. At these the loss falls
# by a third or more, and tensors that had parted were within 3e-3.
RATES = {"adam": 4e-4, "signum": 3e-4}


@pytest.fixture(autouse=True)
def one_thread():
    """The sums of both sides then have the same order in every run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def activations(n_tokens: int, seed: int = 0) -> torch.Tensor:
    """Sums of 4 of 64 planted directions, noise, and a mean far from zero."""
    draw = torch.Generator().manual_seed(seed)
    directions = torch.nn.functional.normalize(torch.randn(64, D_IN, generator=draw), dim=1)
    chosen = torch.rand(n_tokens, 64, generator=draw).topk(4).indices
    weights = torch.zeros(n_tokens, 64).scatter_(1, chosen, 1 + torch.rand(n_tokens, 4, generator=draw))
    noise = 0.05 * torch.randn(n_tokens, D_IN, generator=draw)
    return weights @ directions + noise + torch.linspace(-1, 1, D_IN)


class RowsOfATable(torch.nn.Module):
    """Stands where sparsify expects a transformer: its one module gives the row of each id."""

    def __init__(self, table: torch.Tensor):
        super().__init__()
        self.table = torch.nn.Embedding.from_pretrained(table)
        self.dummy_inputs = {"input_ids": torch.zeros(1, CONTEXT, dtype=torch.long)}

    base_model = property(lambda self: self)
    device = property(lambda self: self.table.weight.device)

    def forward(self, input_ids):
        return self.table(input_ids)


def lift_bias(bias: torch.Tensor):
    """Away from zero, so that every selected latent is positive: sparsify hands gradients to selected latents of value 0,
    and we do not (theirs is the gradient of no function)."""
    bias.data += 0.2 + 0.1 * torch.rand(bias.shape, generator=torch.Generator().manual_seed(1))


class Theirs:
    """sparsify's Trainer as it is, its SAE at the start written to a folder."""

    def __init__(self, folder: Path, x: torch.Tensor, activation: str, optimizer: str, parts: int, rate=None):
        config = sparsify.TrainConfig(
            sae=sparsify.SparseCoderConfig(activation=activation, expansion_factor=EXPANSION, k=K),
            batch_size=BATCH_TOKENS // parts // CONTEXT, grad_acc_steps=parts, loss_fn="fvu", optimizer=optimizer, lr=rate,
            lr_warmup_steps=0, hookpoints=["table"], log_to_wandb=False, save_dir=str(folder), run_name="theirs",
        )  # fmt: skip
        rows = [{"input_ids": ids} for ids in torch.arange(len(x)).view(-1, CONTEXT)]
        self.folder, self.parts = folder, parts
        self.trainer = sparsify.Trainer(config, rows, RowsOfATable(x))
        self.sae = self.trainer.saes["table"]
        self.rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        lift_bias(self.sae.encoder.bias)
        self.sae.save_to_disk(folder / "start")

    def fit(self):
        """Losses, tensors as saved, and the least value of a selected latent."""
        losses, least = [], []

        def observe(_, __, out):
            losses.append(out.fvu.item())
            least.append(out.latent_acts.min().item())

        self.sae.register_forward_hook(observe)
        self.trainer.fit()
        losses = torch.tensor(losses).view(-1, self.parts).mean(1)
        return losses, load_file(self.folder / "theirs/table/sae.safetensors"), min(least)


def ours(folder: Path, x: torch.Tensor, **options):
    """Losses and learning rates of a run of ours from the folder `start`, and its tensors."""
    save_file({"x": x}, folder / "x.safetensors")
    options = {"start": str(folder / "start"), "activations": str(folder / "x.safetensors"),
               "saved": str(folder / "ours"), "batch_tokens": BATCH_TOKENS, "warmup_steps": 0} | options  # fmt: skip
    (folder / "options.json").write_text(json.dumps(options))
    done = subprocess.run([PROGRAM, folder / "options.json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), load_file(folder / "ours/sae.safetensors")


def relative_distances(tensors, expected, start=None) -> dict[str, float]:
    """Frobenius norms of differences, over those of the tensors, or of how far they have moved from a start."""
    assert tensors.keys() == expected.keys()
    start = start or {name: 0 for name in expected}
    return {name: float((tensors[name] - value).norm() / (value - start[name]).norm()) for name, value in expected.items()}


def assert_agree(folder, losses, tensors, their_losses, their_tensors):
    assert len(losses) == len(their_losses)
    assert their_losses[-1] < 0.7 * their_losses[0]
    torch.testing.assert_close(losses, their_losses, rtol=0, atol=1e-3)
    assert max(relative_distances(tensors, their_tensors).values()) < 1e-2
    start = load_file(folder / "start/sae.safetensors")
    assert max(relative_distances(tensors, their_tensors, start).values()) < 2e-2


def test_bitsandbytes_is_absent():
    """With it, sparsify's "adam" would be another optimizer."""
    assert importlib.util.find_spec("bitsandbytes") is None


@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize("optimizer", ["adam", "signum"])
@pytest.mark.parametrize("activation", ["topk", "groupmax"])
def test_training_agrees_with_sparsify(tmp_path, activation, optimizer, parts):
    x = activations(N_STEPS * BATCH_TOKENS)
    theirs = Theirs(tmp_path, x, activation, optimizer, parts, RATES[optimizer])
    report, tensors = ours(
        tmp_path, x, optimizer=optimizer, gradient_accumulation=parts, learning_rate=RATES[optimizer])
    their_losses, their_tensors, least = theirs.fit()
    assert least > 0
    assert_agree(tmp_path, torch.tensor(report["loss"]), tensors, their_losses, their_tensors)


@pytest.mark.parametrize("optimizer", ["adam", "signum"])
def test_rates_are_sparsifys_where_none_is_given(tmp_path, optimizer):
    x = activations(2 * BATCH_TOKENS)
    theirs = Theirs(tmp_path, x, "topk", optimizer, 1)
    report, _ = ours(tmp_path, x, optimizer=optimizer)
    assert report["learning_rate"][0] == pytest.approx(theirs.rate)


def geometric_median(points: torch.Tensor) -> torch.Tensor:
    """As ThomasHeap/sae takes it (sae/utils.py)."""
    guess = points.mean(0)
    for _ in range(100):
        before = guess
        weights = 1 / (points - guess).norm(dim=1)
        guess = (weights / weights.sum()) @ points
        if (guess - before).norm() < 1e-5:
            break
    return guess


def heap_training(folder: Path, x: torch.Tensor, parts: int, warmup: int, clip: float):
    """The steps of ThomasHeap/sae's trainer by dense torch: losses, tensors and how often the gradient was clipped."""
    tensors = load_file(folder / "start/sae.safetensors")
    W_enc, b_enc, W_dec, b_dec = (
        tensors[name].requires_grad_() for name in ("encoder.weight", "encoder.bias", "W_dec", "b_dec"))
    part_tokens = BATCH_TOKENS // parts
    b_dec.data = geometric_median(x[:part_tokens])
    optimizer = torch.optim.Adam(tensors.values(), lr=RATES["adam"])
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, warmup, len(x) // part_tokens)
    losses, n_clipped = [], 0
    for place, part in enumerate(x.split(part_tokens)):
        W_dec.data /= W_dec.data.norm(dim=1, keepdim=True) + torch.finfo(torch.float32).eps
        values, indices = torch.relu((part - b_dec) @ W_enc.T + b_enc).topk(K)
        x_hat = torch.zeros(part_tokens, len(W_enc)).scatter(1, indices, values) @ W_dec + b_dec
        loss = (x_hat - part).pow(2).sum() / (part - part.mean(0)).pow(2).sum()
        (loss / parts).backward()
        losses.append(loss.item())
        n_clipped += int(torch.nn.utils.clip_grad_norm_(tensors.values(), clip) > clip)
        if (place + 1) % parts == 0:
            W_dec.grad -= (W_dec.grad * W_dec.data).sum(1, keepdim=True) * W_dec.data
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    tensors = {name: tensor.detach() for name, tensor in tensors.items()}
    return torch.tensor(losses).view(-1, parts).mean(1), tensors, n_clipped


@pytest.mark.parametrize("clip", [1.0, 0.1])
def test_training_agrees_with_the_authors_code(tmp_path, clip):
    """heap2025: geometric median, 8 parts a step, the gradient clipped after each, decay counted in parts."""
    x = activations(N_STEPS * BATCH_TOKENS)
    torch.manual_seed(0)
    config = sparsify.SparseCoderConfig(expansion_factor=EXPANSION, k=K)
    start = sparsify.SparseCoder(D_IN, config, dtype=torch.float32)
    lift_bias(start.encoder.bias)
    start.save_to_disk(tmp_path / "start")
    options = {} if clip == 1 else {"gradient_clip": clip}
    report, tensors = ours(
        tmp_path, x, recipe="heap2025", warmup_steps=10, learning_rate=RATES["adam"], **options)
    their_losses, their_tensors, n_clipped = heap_training(tmp_path, x, 8, 10, clip)
    # These activations never make a gradient above 1; a smaller limit is what tries the clipping.
    assert n_clipped == 0 if clip == 1 else n_clipped > N_STEPS
    assert_agree(tmp_path, torch.tensor(report["loss"]), tensors, their_losses, their_tensors)
