"""Training as a sweep asks for it: architectures, recipes, number formats, mixing of activations, and failures."""

import re
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
import sweep_runs
from sweep_runs import ENVIRONMENT, PERL_DOC, PROGRAM, ROOT, launcher

ARCHITECTURES = ["topk", "groupmax", "batch_topk", "relu", "jumprelu", "matryoshka"]

pytestmark = pytest.mark.skipif(not PERL_DOC.is_dir(), reason="needs Debian's perl-doc")

SWEEP = f"""
[sweep]
name = "training"
output = "OUTPUT"
[model]
paths = "{ROOT}/models/tiny"
variants = "trained"
layers = [3]
[text]
train = ["{PERL_DOC}/perlfunc.pod", "{PERL_DOC}/perlop.pod"]
held_out = ["{PERL_DOC}/perltie.pod", "{PERL_DOC}/perlipc.pod"]
context_length = 256
[sae]
expansion_factor = 8
k = 8
tokens = 40_960
batch_tokens = 1024
learning_rate = 0.005
warmup_steps = 3
SAE
[evaluate]
tokens = 4096
ce_tokens = 256
"""


class Run:
    """A sweep with more settings of [sae], run; and what it made."""

    def __init__(self, folder: Path, sae: str, ranks: int = 1, code: int = 0, command: str = "run"):
        folder.mkdir(parents=True, exist_ok=True)
        sweep = folder / "sweep.toml"
        keys = {line.split("=")[0].strip() for line in sae.splitlines()}
        lines = [line for line in SWEEP.splitlines() if line.split("=")[0].strip() not in keys]
        sweep.write_text("\n".join(lines).replace("OUTPUT", str(folder / "out")).replace("SAE\n", sae + "\n"))
        mpi = launcher(ranks) if ranks > 1 else []
        done = subprocess.run([*mpi, str(PROGRAM), command, str(sweep)], cwd=ROOT, capture_output=True, text=True,
                              timeout=300, env=ENVIRONMENT)  # fmt: skip
        assert done.returncode == code, done.stderr
        self.folder, self.stdout, self.stderr = folder / "out", done.stdout, done.stderr

    def cells(self, column: str) -> np.ndarray:
        with h5py.File(self.folder / "results.h5") as file:
            values = file["cells"][column]
            return values.asstr()[()] if values.dtype.kind in "SO" else values[()]

    def reproducible(self) -> dict[str, bytes]:
        return sweep_runs.reproducible(self.folder)


def test_a_sweep_over_all_architectures_has_the_same_bits_on_every_layout(tmp_path: Path) -> None:
    sae = f"architecture = {ARCHITECTURES}\ntokens = 8192\nbuffer_tokens = 4096\nmulti_topk = false\nauxk_alpha = 0.03125\n" \
        "dead_after_tokens = 2048\ngradient_accumulation = 2\ngradient_clip = 0.5"  # fmt: skip
    one, two = Run(tmp_path / "one", sae), Run(tmp_path / "two", sae, ranks=2)
    parts, others = one.reproducible(), two.reproducible()
    assert parts.keys() == others.keys()
    assert [name for name in parts if parts[name] != others[name]] == []
    assert list(one.cells("architecture")) == ARCHITECTURES
    assert list(one.cells("k")) == [8, 8, 8, 0, 0, 8]
    penalty = one.cells("penalty")
    assert np.isnan(penalty[[0, 1, 2, 5]]).all() and (penalty[[3, 4]] > 0).all()


@pytest.mark.parametrize("recipe", ["heap2025", "gao", "sparsify"])
@pytest.mark.parametrize("optimizer", ["adam", "signum"])
def test_recipes_learn(tmp_path: Path, recipe: str, optimizer: str) -> None:
    rate = 0.005 if optimizer == "adam" else 0.003
    run = Run(tmp_path, f'recipe = "{recipe}"\noptimizer = "{optimizer}"\nlearning_rate = {rate}')
    assert run.cells("explained_variance")[0] > 0.5


def test_bfloat16_costs_no_explained_variance(tmp_path: Path) -> None:
    """Products in bfloat16, and the optimizer's memory in it: less than 0.005 each."""
    full = Run(tmp_path / "float32", "").cells("explained_variance")[0]
    product = Run(tmp_path / "product", 'precision = "bfloat16"').cells("explained_variance")[0]
    state = Run(tmp_path / "state", 'optimizer_state = "bfloat16"').cells("explained_variance")[0]
    assert full > 0.5
    assert abs(product - full) < 0.005 and product != full
    assert abs(state - full) < 0.005 and state != full


def test_mixing_changes_the_order_and_not_the_quality(tmp_path: Path) -> None:
    as_read = Run(tmp_path / "rows", "").cells("explained_variance")[0]
    mixed = Run(tmp_path / "mixed", "buffer_tokens = 10240").cells("explained_variance")[0]
    assert mixed != as_read
    assert abs(mixed - as_read) < 0.05


def test_a_cell_that_diverges_says_when_and_the_others_go_on(tmp_path: Path) -> None:
    run = Run(tmp_path, 'architecture = "relu"\nl1_penalty = [0.05, 1e300, 0.1]\ntokens = 8192', code=1)
    assert list(run.cells("state")) == [2, 3, 2]
    reason = run.cells("failure")[1]
    assert re.fullmatch(r"training diverged: loss \S+ at step \d+, learning rate \S+", reason), reason
    assert np.isfinite(run.cells("explained_variance")[[0, 2]]).all()
    assert np.isnan(run.cells("explained_variance")[1])


@pytest.mark.parametrize(
    ("sae", "said"),
    [
        ("buffer_tokens = 1_024_000_000_000", "sae.buffer_tokens (1024000000000 x width 128 x 2 bytes x hookpoints)"),
        ("buffer_tokens = 1000", "sae.buffer_tokens: found 1000, expected a multiple of sae.batch_tokens, 1024"),
        ("gradient_accumulation = 3", "sae.gradient_accumulation: found 3, expected a divisor of sae.batch_tokens, 1024"),
        ('architecture = "groupmax"\nk = 7', "sae.k: 7 groups of groupmax do not part evenly the 1024 latents"),
        ("k = 1025", "sae.k: 1025 is more than the 1024 latents"),
        ("expansion_factor = 0", "sae.expansion_factor: found 0, expected an integer from 1 to 65536"),
        ('architecture = "relu"\nmulti_topk = true', "sae.multi_topk: found true, but MultiTopK"),
        ('architecture = "gated"', 'found the string "gated", expected "topk", "groupmax"'),
        ('precision = "float16"', "sae.precision"),
    ],
)
def test_what_cannot_be_trained_is_refused_by_plan_and_run(tmp_path: Path, sae: str, said: str) -> None:
    for command in ("plan", "run"):
        refused = Run(tmp_path, sae, code=2, command=command)
        assert said in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_plan_says_what_the_buffer_takes(tmp_path: Path) -> None:
    text = Run(tmp_path, "buffer_tokens = 1_024_000", command="plan").stdout
    assert "Activation buffer: up to 262 MB of it (1024000 tokens x width x 2 bytes x hookpoints)" in text
