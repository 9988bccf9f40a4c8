"""The main job end to end: same bits on every layout of ranks and units, and after a kill."""

import os
import shutil
import signal
import subprocess
import time

import h5py
import numpy as np
import pytest
import sweep_runs
from sweep_runs import ENVIRONMENT, PERL_DOC, ROOT, command, differences, n_done, sweep_file

pytestmark = pytest.mark.skipif(not PERL_DOC.is_dir(), reason="needs Debian's perl-doc")

def run(folder, n_ranks, *arguments):
    finished = subprocess.run(command(sweep_file(folder), n_ranks, *arguments), cwd=ROOT, timeout=300,
                              env=ENVIRONMENT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stderr


def reproducible(folder):
    return sweep_runs.reproducible(folder / "out")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one-rank")
    run(folder, 1, "--set", "run.cells_per_unit=12")
    return folder


def test_every_cell_is_done_and_its_metrics_are_numbers(reference):
    with h5py.File(reference / "out/results.h5") as file:
        cells = file["cells"]
        assert (cells["state"][:] == 2).all() and (cells["stage"][:] == 4).all()
        for column in ["explained_variance", "cosine_similarity", "mse", "l0", "l1", "dead_fraction", "ce_clean",
                       "ce_sae", "ce_zero", "kl_sae", "kl_zero", "explained_variance_train"]:
            assert np.isfinite(cells[column][:]).all(), column
        assert (cells["explained_variance"][:] > 0).all() and (cells["explained_variance"][:] < 1).all()
        assert (cells["tokens_trained"][:] == 10_240).all()
        rates = file["all_latents/firing_rate"][:]
        np.testing.assert_allclose(rates.sum(axis=1), cells["l0"][:], rtol=1e-5)
        for column in ["fuzz_auroc", "fuzz_auroc_null", "detection_auroc", "token_entropy"]:
            assert np.isfinite(cells[column][:]).all(), column
        assert (cells["n_scored"][:] == 6).all() and (cells["n_missing"][:] == 0).all()
        losses = file["curves/loss"][:]
        assert (losses[:, -1] < losses[:, 0]).all()


# 4 ranks with 12 cells a unit: more ranks than units. With little memory the text is harvested several times.
@pytest.mark.parametrize("n_ranks, cells_per_unit, memory_gb", [(1, 1, 2), (2, 0, 0.001), (3, 5, 2), (4, 12, 2)])
def test_results_are_the_same_bits_on_every_layout(reference, tmp_path, n_ranks, cells_per_unit, memory_gb):
    run(tmp_path, n_ranks, "--set", f"run.cells_per_unit={cells_per_unit}",
        "--set", f"autointerp.harvest_memory_gb={memory_gb}")
    assert differences(reproducible(reference), reproducible(tmp_path)) == []


def test_a_second_run_has_nothing_to_do_and_changes_nothing(reference):
    before = reproducible(reference)
    start = time.monotonic()
    said = run(reference, 2)
    assert "12 of 12 cells done (12 by an earlier run)" in said
    assert time.monotonic() - start < 60
    assert reproducible(reference) == before


def test_a_killed_run_is_continued_to_the_same_bits(reference, tmp_path):
    process = subprocess.Popen(command(sweep_file(tmp_path), 2, "--set", "run.cells_per_unit=2"), cwd=ROOT,
                               env=ENVIRONMENT, stderr=subprocess.DEVNULL, start_new_session=True)
    results = tmp_path / "out/results.h5"
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and n_done(results) < 2:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(2)  # ranks outlive mpirun by up to a second
    done = n_done(results)
    assert 2 <= done
    said = run(tmp_path, 3)
    if done < 12:
        assert "by an earlier run" in said
    assert reproducible(reference) == reproducible(tmp_path)


def test_fresh_moves_the_old_output_aside(reference, tmp_path):
    shutil.copytree(reference / "out", tmp_path / "out")
    run(tmp_path, 2, "--fresh")
    aside = [path for path in tmp_path.iterdir() if path.name.startswith("out.")]
    assert len(aside) == 1 and (aside[0] / "results.h5").is_file()
    assert reproducible(reference) == reproducible(tmp_path)


def test_two_runs_at_once_on_one_output_do_not_mix(tmp_path):
    first = subprocess.Popen(command(sweep_file(tmp_path), 1), cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    while not (tmp_path / "out/results.h5").exists():
        assert first.poll() is None
        time.sleep(0.05)
    rank = int(subprocess.run(["pgrep", "-P", str(first.pid)], capture_output=True, text=True, check=True).stdout)
    os.kill(rank, signal.SIGSTOP)  # or it may be done before the second one has started
    try:
        second = subprocess.run(command(tmp_path / "sweep.toml", 2), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=100)
    finally:
        os.kill(rank, signal.SIGCONT)
    assert second.returncode == 2
    assert "process" in second.stderr and str(tmp_path / "out") in second.stderr
    assert first.wait(timeout=300) == 0


def test_cells_that_diverge_are_recorded_with_their_reason_and_exit_1(tmp_path):
    finished = subprocess.run(command(sweep_file(tmp_path), 2, "--set", "sae.learning_rate=1e30"), cwd=ROOT,
                              env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 1
    assert "12 failed" in finished.stderr
    with h5py.File(tmp_path / "out/results.h5") as file:
        assert (file["cells/state"][:] == 3).all()
        assert np.isnan(file["cells/explained_variance"][:]).all()
        reasons = file["cells/failure"].asstr()[:]
    assert all("step" in reason and "learning rate" in reason for reason in reasons), reasons
