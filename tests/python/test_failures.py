"""What goes wrong in one place stays there: memory, diverging cells, damaged files of other jobs, clocks."""

import json
import os
import subprocess

import h5py
import pytest
from sweep_runs import ENVIRONMENT, PERL_DOC, PROGRAM, ROOT, command, differences, n_done, reproducible, sweep_file
from test_resume import events

pytestmark = pytest.mark.skipif(not PERL_DOC.is_dir(), reason="needs Debian's perl-doc")

# Two steps of four wide SAEs in one unit, 300 MB each; and no scores.
WIDE = ["sae.expansion_factor=768", "model.variants=trained", "model.layers=[0, 2]", "sae.tokens=2048",
        "sae.warmup_steps=1", "evaluate.tokens=1024", "evaluate.ce_tokens=512", "run.memory_gb=20"]  # fmt: skip


def settings(words):
    return [word for setting in words for word in ("--set", setting)]


def without_scores(folder):
    path = sweep_file(folder)
    path.write_text(path.read_text().split("[autointerp]")[0])
    return path


def run(words, **more):
    return subprocess.run(words, cwd=ROOT, env=ENVIRONMENT, timeout=300, capture_output=True, text=True, **more)


@pytest.fixture
def small(tmp_path):
    """A finished run of four cells, and the words that start it again."""
    words = command(without_scores(tmp_path), 1, *settings(["model.variants=trained", "model.layers=[0, 2]",
                                                            "sae.tokens=2048", "sae.warmup_steps=1"]))  # fmt: skip
    assert run(words).returncode == 0
    return tmp_path / "out", words


def test_a_unit_that_memory_does_not_hold_is_run_in_halves_to_the_same_bits(tmp_path):
    words = [str(PROGRAM), "run", str(without_scores(tmp_path / "roomy")), *settings(WIDE)]
    assert run(words).returncode == 0
    # What a process takes beside its SAEs differs between machines.
    for n, megabytes in enumerate([1600, 1450, 1750, 1300]):
        folder = tmp_path / f"tight{n}"
        words[2] = str(without_scores(folder))
        said = run(["prlimit", f"--as={megabytes}000000", *words])
        if said.returncode == 0 and any(event["event"] == "halved" for event in events(folder / "out")):
            break
    else:
        pytest.fail(f"no unit was halved under any limit; the last one said {said.stderr}")
    assert differences(reproducible(tmp_path / "roomy/out"), reproducible(folder / "out")) == []


def test_failed_cells_stay_failed_with_their_reason_until_they_are_to_be_tried_again(tmp_path):
    words = command(without_scores(tmp_path), 2, *settings(["sae.learning_rate=1e30", "sae.tokens=4096"]))
    first = run(words)
    assert first.returncode == 1, first.stderr
    assert "12 failed" in first.stderr
    with h5py.File(tmp_path / "out/results.h5") as file:
        assert set(file["cells/state"][:]) == {3}
        reasons = file["cells/failure"].asstr()[:]
    assert all("diverged" in reason and "learning rate" in reason for reason in reasons)
    n_units = sum(event["event"] == "unit" for event in events(tmp_path / "out"))
    assert run(words).returncode == 1
    assert sum(event["event"] == "unit" for event in events(tmp_path / "out")) == n_units
    assert run([*words, "--retry-failed"]).returncode == 1
    assert sum(event["event"] == "unit" for event in events(tmp_path / "out")) > n_units


def test_results_that_are_cut_short_are_refused(small):
    output, words = small
    results = output / "results.h5"
    os.truncate(results, results.stat().st_size // 2)
    said = run(words)
    assert said.returncode == 2
    assert str(results) in said.stderr


def test_results_of_another_version_are_refused(small):
    output, words = small
    with h5py.File(output / "results.h5", "a") as file:
        file.attrs["version"] = 99
    said = run(words)
    assert said.returncode == 2
    assert "version 99" in said.stderr and "expected version" in said.stderr


def test_damaged_results_of_another_job_are_passed_over_and_named(small):
    output, words = small
    other = output / "shards/0-of-2"
    other.mkdir(parents=True)
    (other / "results.h5").write_bytes(b"rubbish")
    said = run(words)
    assert said.returncode == 0
    assert str(other / "results.h5") in said.stderr and "nothing is taken from it" in said.stderr
    assert "4 of 4 cells done (4 by an earlier run)" in said.stderr


@pytest.mark.parametrize("when", [0, 4_000_000_000])
def test_a_clock_that_jumps_hinders_no_start(small, when):
    output, words = small
    for path in [output / "run.lock", output / "results.h5", output / "ranks.lock", *output.glob("logs/*")]:
        os.utime(path, (when, when))
    said = run([*words, "--set", "sae.seeds=[0, 1, 2]"])
    assert said.returncode == 0, said.stderr
    assert n_done(output / "results.h5") == 6


def test_a_grown_grid_keeps_what_is_done_and_runs_what_is_new(small):
    output, words = small
    before = {path: path.stat().st_mtime_ns for path in (output / "saes").rglob("*.safetensors")}
    grown = [*words, "--set", "sae.seeds=[1, 2, 0]", "--set", "sae.k=[8, 4]"]
    said = run(grown)
    assert said.returncode == 0 and "(4 by an earlier run)" in said.stderr
    assert n_done(output / "results.h5") == 12
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    with h5py.File(output / "results.h5") as file:
        assert len(file["grid/id"]) == 12


def test_the_end_of_a_run_tells_prediction_and_fact(small):
    output, words = small
    said = run([*words, "--set", "sae.seeds=[0, 1, 2]"]).stderr
    assert "Predicted (by 4 finished cells)" in said and "times that" in said
    prediction = [event for event in events(output) if event["event"] == "prediction"][-1]
    assert prediction["seconds"] > 0 and prediction["predicted_seconds"] > 0
    assert json.dumps(prediction)


def test_an_endpoint_file_that_never_comes_leaves_cells_harvested_and_names_it(tmp_path):
    words = command(sweep_file(tmp_path), 2, "--set", "model.variants=trained", "--set", "model.layers=[0]")
    endpoint = tmp_path / "never"
    said = run([*words, *settings(['judge.kind="openai"', 'judge.model="m"', f'judge.endpoint_file="{endpoint}"',
                                   "judge.endpoint_wait=2"])])  # fmt: skip
    assert said.returncode == 3, said.stderr
    assert str(endpoint) in said.stderr
    with h5py.File(tmp_path / "out/results.h5") as file:
        assert set(file["cells/stage"][:]) == {3}
        assert set(file["cells/state"][:]) == {1}
    assert run(words).returncode == 0
    assert n_done(tmp_path / "out/results.h5") == 2
