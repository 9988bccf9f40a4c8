"""Results files as other tools see them: read by h5py and h5dump, while a job writes them and after it was killed.

The writer is build/tests/results_writer (tests/support/results_samples.h says what it writes).
SAESWEEP_BUILD names another build folder.
"""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pandas
import pytest

ROOT = Path(__file__).resolve().parents[2]
WRITER = ROOT / os.environ.get("SAESWEEP_BUILD", "build") / "tests" / "results_writer"
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n"]
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
N_CELLS, N_LATENTS = 23, 300
DONE = 2


def write(path, ranks):
    subprocess.run([*MPIRUN, str(ranks), WRITER, path], env=ENVIRONMENT, check=True, capture_output=True, timeout=60)
    return path


def datasets(file):
    found = {}
    file.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write(tmp_path_factory.mktemp("results") / "results.h5", 2)


def test_h5py_reads_what_was_written(written):
    with h5py.File(written) as file:
        assert file.attrs["filetype"].decode() == "saesweep-results"
        assert file.attrs["software_hdf5"].decode() == "1.10.8"
        assert file["cells/model"].asstr()[22] == "/models/π-22"
        assert list(file["cells/explained_variance"][:]) == [row + 0.25 for row in range(N_CELLS)]
        assert file["all_latents/firing_rate"][5, 104] == np.float32(104 / 1024)
        assert np.isnan(file["all_latents/firing_rate"][5, 105])
        assert file["latents/index"].shape == (N_CELLS, 0)
        assert np.isnan(file["cells/l0"][:]).all()


def test_the_example_of_the_docs_works(written, monkeypatch):
    example = re.search(r"```python\n(.*?)```", (ROOT / "docs/results.md").read_text(), re.S).group(1)
    monkeypatch.chdir(written.parent)
    names = {}
    exec(example, names)
    assert isinstance(names["done"], pandas.DataFrame)
    assert list(names["done"].id) == [f"id{row}" for row in range(N_CELLS)]


def test_every_dataset_says_unit_meaning_and_whether_it_may_differ(written):
    with h5py.File(written) as file:
        differing = {name for name, item in datasets(file).items() if item.attrs["reproducible"] == 0}
        assert differing == {
            "cells/train_seconds", "cells/evaluate_seconds", "cells/harvest_seconds", "cells/judge_seconds",
            "cells/planned_train_seconds", "cells/planned_evaluate_seconds", "cells/planned_harvest_seconds",
            "cells/tokens_per_second", "cells/host", "cells/rank"}
        assert all(item.attrs["meaning"] and "unit" in item.attrs for item in datasets(file).values())
        stages = {name: int(file[name].attrs["stage"]) for name in ("cells/id", "cells/host", "cells/l0", "latents/index", "latents/fuzz_auroc")}
        assert list(stages.values()) == [0, 1, 2, 3, 4]
        assert file["cells/ce_clean"].attrs["unit"].decode() == "nats/token"


@pytest.mark.parametrize("ranks", [1, 3, 4])
def test_the_number_of_ranks_changes_no_byte_of_a_dataset(written, tmp_path, ranks):
    with h5py.File(written) as two, h5py.File(write(tmp_path / "results.h5", ranks)) as other:
        assert datasets(two).keys() == datasets(other).keys()
        for name, item in datasets(two).items():
            assert item[()].tobytes() == other[name][()].tobytes(), name


class Writer:
    """The writer going on for ever, alone or under mpirun."""

    def __init__(self, path, ranks, how="forever"):
        launch = [] if ranks is None else [*MPIRUN, str(ranks)]
        self.path = path
        self.process = subprocess.Popen(
            [*launch, WRITER, path, how], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def wait_until_created(self):
        assert self.process.stdout.readline() == b"created\n"

    def pids(self):
        """The writing processes."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            except OSError:
                continue
            if arguments and arguments[0] == bytes(WRITER) and bytes(self.path) in arguments:
                found.append(int(entry.name))
        return found

    def kill(self, who):
        victims = {"launcher": [self.process.pid], "one": self.pids()[:1], "all": self.pids()}[who]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=30)
        self.process.stdout.close()
        while self.pids():  # ranks outlive a killed mpirun by up to a second
            time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.kill("all")


@pytest.fixture
def start(tmp_path):
    writers = []

    def start_writer(ranks, how="forever"):
        writers.append(Writer(tmp_path / "results.h5", ranks, how))
        return writers[-1]

    yield start_writer
    for writer in writers:
        writer.stop()


def check_rows(path):
    """Every row that says it is done is whole. Returns how many are."""
    with h5py.File(path) as file:
        state, stage = file["cells/state"][:], file["cells/stage"][:]
        assert list(file["cells/id"].asstr()[:]) == [f"id{row}" for row in range(N_CELLS)]
        for row in range(N_CELLS):
            own = 100 + row
            if stage[row] >= 1:
                assert file["cells/n_latents"][row] == own
                assert list(file["curves/step"][row]) == [1, 10, 20, -1, -1]
            if stage[row] >= 2:
                assert file["cells/explained_variance"][row] == row + 0.25
                assert (file["all_latents/firing_rate"][row, :own] == np.arange(own, dtype=np.float32) / 1024).all()
                assert np.isnan(file["all_latents/firing_rate"][row, own:]).all()
            assert state[row] != DONE or stage[row] >= 1
        return int((state == DONE).sum())


@pytest.mark.parametrize("who,ranks", [("all", None), ("one", 3), ("launcher", 2), ("all", 4)])
@pytest.mark.parametrize("delay_s", [0, 0.01, 0.2])
def test_a_killed_job_leaves_a_file_that_opens(start, who, ranks, delay_s):
    writer = start(ranks)
    writer.wait_until_created()
    time.sleep(delay_s)
    writer.kill(who)
    check_rows(writer.path)
    dump = subprocess.run(["h5dump", "-d", "/cells/state", writer.path], capture_output=True, text=True)
    assert dump.returncode == 0 and "DATASET" in dump.stdout, dump.stderr


def test_a_job_killed_while_it_makes_the_file_leaves_none_or_a_whole_one(start):
    writer = start(None)
    unfinished = Path(f"{writer.path}.new")
    while not unfinished.exists() and not writer.path.exists():
        pass
    writer.kill("all")
    assert not writer.path.exists() or check_rows(writer.path) >= 0


@pytest.mark.parametrize("who,ranks", [("all", None), ("one", 3)])
@pytest.mark.parametrize("delay_s", [0.003, 0.1, 0.31])
def test_a_job_killed_while_it_grows_the_file_leaves_the_old_or_the_new_one(start, tmp_path, who, ranks, delay_s):
    path = write(tmp_path / "results.h5", 1)
    writer = start(ranks, "again")
    writer.wait_until_created()
    time.sleep(delay_s)
    writer.kill(who)
    assert check_rows(path) == N_CELLS
    with h5py.File(path) as file:
        assert file["all_latents/firing_rate"].shape[1] in (300, 400)


def test_h5py_reads_while_a_job_writes(start):
    writer = start(2)
    writer.wait_until_created()
    for _ in range(20):
        n_done = check_rows(writer.path)
        time.sleep(0.02)
    assert writer.process.poll() is None
    assert n_done > 0


def test_a_full_disk_is_refused_before_anything_is_made(tmp_path):
    command = f"mount -t tmpfs -o size=1m tmpfs {tmp_path} && {WRITER} {tmp_path}/results.h5; code=$?; ls {tmp_path}; exit $code"
    if subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("this user may not mount a small file system")
    run = subprocess.run(["unshare", "--mount", "sh", "-c", command], capture_output=True, text=True, env=ENVIRONMENT)
    assert run.returncode == 2, run.stderr
    assert re.search(r"results.h5: needs \d+ bytes, the file system has \d+ free", run.stderr)
    assert run.stdout == ""
