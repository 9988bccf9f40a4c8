"""[sae] load: SAEs that are there are evaluated like those trained in the run."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sweep_runs import ENVIRONMENT, PERL_DOC, PROGRAM, ROOT, launcher

pytestmark = pytest.mark.skipif(not PERL_DOC.is_dir(), reason="needs Debian's perl-doc")

SWEEP = f"""
[sweep]
name = "load"
output = "OUTPUT"
[model]
paths = "{ROOT}/models/tiny"
variants = ["trained", "control"]
layers = [0, 4]
[text]
train = ["{PERL_DOC}/perlfunc.pod", "{PERL_DOC}/perlop.pod"]
held_out = ["{PERL_DOC}/perltie.pod"]
context_length = 256
[evaluate]
tokens = 4096
ce_tokens = 1024
[sae]
"""
TRAINING = "architecture = 'jumprelu'\nexpansion_factor = 8\ntokens = 10_240\nbatch_tokens = 1024\nlearning_rate = 0.005\nwarmup_steps = 3\n"


def start(*command) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], cwd=ROOT, env=ENVIRONMENT,
                          capture_output=True, text=True, timeout=300)  # fmt: skip


class Run:
    """A run of the sweep with these keys of [sae]."""

    def __init__(self, folder: Path, sae: str, n_ranks: int = 1):
        folder.mkdir(parents=True, exist_ok=True)
        self.output = folder / "out"
        self.file = folder / "sweep.toml"
        self.file.write_text(SWEEP.replace("OUTPUT", str(self.output)) + sae)
        self.launcher = launcher(n_ranks) if n_ranks > 1 else []
        self.again()

    def again(self) -> None:
        self.done = start(*self.launcher, PROGRAM, "run", self.file, "--progress", "none")

    def cells(self) -> dict[str, np.ndarray]:
        assert self.done.returncode == 0, self.done.stderr
        with h5py.File(self.output / "results.h5") as file:
            cells = {name: column[:] for name, column in file["cells"].items()}
            cells["firing_rate"] = file["all_latents/firing_rate"][:]
        return cells


METRICS = ["explained_variance", "cosine_similarity", "mse", "explained_variance_no_first", "cosine_similarity_no_first",
           "mse_no_first", "explained_variance_train", "l0", "l1", "dead_fraction", "ce_clean", "ce_sae", "ce_zero",
           "ce_loss_score", "kl_sae", "kl_zero", "kl_score", "firing_rate"]  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Run:
    run = Run(tmp_path_factory.mktemp("trained"), TRAINING)
    assert (run.cells()["l0"] > 1).all()
    return run


@pytest.fixture(scope="module")
def saes(trained: Run, tmp_path_factory) -> Path:
    """The SAEs that it trained, by variant, seed and hookpoint; layer 4's in SAELens' form."""
    folder = tmp_path_factory.mktemp("saes")
    with h5py.File(trained.output / "results.h5") as file:
        columns = [file[f"cells/{name}"][:] for name in ("id", "variant", "init_seed", "hookpoint")]
    for cell, variant, seed, hookpoint in zip(*columns, strict=True):
        sae = trained.output / "saes" / cell.decode() / hookpoint.decode()
        place = folder / "tiny" / variant.decode() / str(seed) / hookpoint.decode()
        if hookpoint == b"layers.4":
            done = start(PROGRAM, "export", sae, "--format", "saelens", "--model", "organisation/Tiny@step3", "-o", place)
            assert done.returncode == 0, done.stderr
        else:
            shutil.copytree(sae, place)
    return folder


PLACES = "{model}/{variant}/{init_seed}/{hookpoint}"


@pytest.fixture(scope="module")
def loaded(saes: Path, tmp_path_factory) -> Run:
    return Run(tmp_path_factory.mktemp("loaded"), f'load = "{saes}/{PLACES}"\n', n_ranks=2)


def exported(sae: Path, form: str, output: Path) -> dict:
    """The cfg.json of an export."""
    done = start(PROGRAM, "export", sae, "--format", form, "-o", output)
    assert done.returncode == 0, done.stderr
    return json.loads((output / "cfg.json").read_text())


def test_export_there_and_back_keeps_every_bit(saes: Path, tmp_path: Path) -> None:
    sae = saes / "tiny/trained/-1/layers.0"
    exported(sae, "saelens", tmp_path / "there")
    config = exported(tmp_path / "there", "sparsify", tmp_path / "back")
    assert (tmp_path / "back/sae.safetensors").read_bytes() == (sae / "sae.safetensors").read_bytes()
    kept = json.loads((sae / "cfg.json").read_text())
    assert kept.pop("penalty") == 0.002  # SAELens has no place for it
    assert config == kept


@pytest.mark.parametrize(("name", "hook"), [("layers.2.mlp", "blocks.2.hook_mlp_out"), ("embed_in", "hook_embed"),
                                            ("layers.1.attention", "blocks.1.hook_attn_out"), ("mine", None)])  # fmt: skip
def test_export_names_the_hook_by_the_folder(saes: Path, tmp_path: Path, name: str, hook: str | None) -> None:
    (tmp_path / name).symlink_to(saes / "tiny/trained/-1/layers.0")
    metadata = exported(tmp_path / name, "saelens", tmp_path / "out")["metadata"]
    assert metadata.get("hook_name") == hook
    assert "model_name" not in metadata


# The same weights, text and forward pass give the same bits, in whichever form the weights were kept.
def test_metrics_are_the_bits_of_the_run_that_trained(trained: Run, loaded: Run) -> None:
    expected, found = trained.cells(), loaded.cells()
    assert (found["variant"] == expected["variant"]).all() and (found["hookpoint"] == expected["hookpoint"]).all()
    for name in METRICS:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_rows_say_that_nothing_was_trained(loaded: Run) -> None:
    cells = loaded.cells()
    assert (cells["state"] == 2).all() and (cells["stage"] == 2).all()
    assert (cells["sae_seed"] == -1).all() and (cells["tokens"] == 0).all()
    assert (cells["architecture"] == b"jumprelu").all()
    assert (cells["expansion_factor"] == 8).all() and (cells["n_latents"] == 1024).all() and (cells["k"] == 0).all()
    assert (cells["tokens_trained"] == -1).all()
    for name in ["train_loss", "train_seconds", "tokens_per_second"]:
        assert np.isnan(cells[name]).all(), name
    # sparsify's form keeps the penalty, SAELens' has no place for it.
    np.testing.assert_array_equal(np.isnan(cells["penalty"]), cells["layer"] == 4)
    assert not (loaded.output / "saes").exists()


def test_a_second_run_has_nothing_to_do(loaded: Run) -> None:
    loaded.again()
    assert "4 of 4 cells done (4 by an earlier run)" in loaded.done.stderr


def test_report_is_made_of_loaded_saes(loaded: Run, tmp_path: Path) -> None:
    done = start(sys.executable, "-m", "analysis", "report", loaded.output / "results.h5", "-o", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    assert "not trained in this sweep" in (tmp_path / "report/index.html").read_text()


def test_resolved_sweep_in_the_results_loads_the_same(loaded: Run, tmp_path: Path) -> None:
    with h5py.File(loaded.output / "results.h5") as file:
        (tmp_path / "again.toml").write_text(file.attrs["sweep"].decode())
    done = start(PROGRAM, "plan", tmp_path / "again.toml", "--cells")
    assert done.returncode == 0, done.stderr
    for cell in loaded.cells()["id"]:
        assert cell.decode() in done.stdout


def test_another_sae_in_the_folder_is_another_cell(loaded: Run, saes: Path, tmp_path: Path) -> None:
    shutil.copytree(saes, tmp_path / "saes")
    sae = tmp_path / "saes/tiny/control/0/layers.0/sae.safetensors"
    tensors = load_file(sae)
    tensors["b_dec"][0] += 1
    save_file(tensors, sae)
    file = tmp_path / "sweep.toml"
    file.write_text(loaded.file.read_text().replace(str(saes), str(tmp_path / "saes")))
    done = start(PROGRAM, "plan", file, "--cells")
    assert done.returncode == 0, done.stderr
    assert [cell.decode() in done.stdout for cell in loaded.cells()["id"]] == [True, True, False, True]


def test_latents_need_be_no_multiple_of_the_width(saes: Path, tmp_path: Path) -> None:
    """1,000 latents at width 128; and one SAE may serve all variants."""
    sae = tmp_path / "layers.0"
    shutil.copytree(saes / "tiny/trained/-1/layers.0", sae)
    tensors = load_file(sae / "sae.safetensors")
    kept = {name: value if name == "b_dec" else value[:1000].copy() for name, value in tensors.items()}
    save_file(kept, sae / "sae.safetensors")
    config = json.loads((sae / "cfg.json").read_text())
    (sae / "cfg.json").write_text(json.dumps({**config, "num_latents": 1000}))
    shutil.copytree(sae, tmp_path / "layers.4")
    cells = Run(tmp_path / "run", f'load = "{tmp_path}/{{hookpoint}}"\n').cells()
    assert (cells["n_latents"] == 1000).all() and (cells["expansion_factor"] == 7).all()
    assert cells["firing_rate"].shape[1] == 1000
    np.testing.assert_allclose(cells["firing_rate"].sum(1), cells["l0"], rtol=1e-5)
