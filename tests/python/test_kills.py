"""Killed at random moments (one rank, mpirun, all at once), on a full disk: nothing finished is lost.

SAESWEEP_LONG=1: 200 kills instead of 10.
"""

import collections
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from sweep_runs import ENVIRONMENT, PERL_DOC, ROOT, command, differences, n_done, reproducible, sweep_file
from test_resume import children, events

pytestmark = pytest.mark.skipif(not PERL_DOC.is_dir(), reason="needs Debian's perl-doc")

IS_LONG = os.environ.get("SAESWEEP_LONG") == "1"
N_KILLS = 200 if IS_LONG else 10
OFTEN = "[run]\ncheckpoint_every = 1_024\n"


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unkilled")
    begin = time.monotonic()
    subprocess.run(command(sweep_file(folder), 2), cwd=ROOT, env=ENVIRONMENT, timeout=300, check=True)
    return folder / "out", time.monotonic() - begin


def rows_of(output):
    """Of each cell done: its reproducible values, whole."""
    rows = {}
    with h5py.File(output / "results.h5", locking=False) as file:
        state, ids = file["cells/state"][:], file["cells/id"].asstr()[:]
        columns = []

        def visit(name, node):
            if isinstance(node, h5py.Dataset) and node.attrs["reproducible"] and len(node) == len(state):
                columns.append(name)

        file.visititems(visit)
        for row in np.flatnonzero(state == 2):
            rows[ids[row]] = {name: file[name][row].tobytes() for name in columns}
    return rows


def processes(process):
    """mpirun and its ranks."""
    return [process.pid, *children(process.pid)]


def kill(process, draw):
    """kill -9 of a rank, of mpirun, or of all at once; which."""
    which = draw.choice(["rank", "mpirun", "all"])
    everyone = processes(process)
    ranks = everyone[1:]
    targets = {"rank": [draw.choice(ranks)] if ranks else everyone, "mpirun": [process.pid], "all": everyone}[which]
    for pid in targets:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait(timeout=60)
    return which


def last_event(output):
    found = events(output)
    return found[-1]["event"] if found else "nothing yet"


def check_rows(output, good):
    """The file, if it is there, opens, and its finished rows are right."""
    if not (output / "results.h5").exists():
        return 0
    rows = rows_of(output)
    for cell, values in rows.items():
        assert [name for name in values if values[name] != good[cell][name]] == [], f"row of {cell} differs"
    return len(rows)


def test_killed_at_random_moments_rows_that_are_done_are_right_and_the_next_start_ends_with_the_same_bits(
        reference, tmp_path):
    unkilled, seconds = reference
    good = rows_of(unkilled)
    draw = random.Random(7)
    kills, moments = collections.Counter(), collections.Counter()
    n, round_ = 0, 0
    while n < N_KILLS:
        output = tmp_path / str(round_) / "out"
        round_ += 1
        finished = False
        while not finished:
            process = subprocess.Popen(command(sweep_file(output.parent, OFTEN), draw.choice([1, 2, 3, 4])), cwd=ROOT,
                                       env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
            try:
                # Once all kills are done the run is left to end.
                process.wait(timeout=draw.uniform(0.3, seconds * 0.8) if n < N_KILLS else 300)
            except subprocess.TimeoutExpired:
                kills[kill(process, draw)] += 1
                moments[last_event(output)] += 1
                n += 1
            finished = process.returncode == 0
            assert finished or process.returncode in (137, -9), process.stderr.read()
            before = check_rows(output, good)
            time.sleep(0.2)
            assert check_rows(output, good) >= before
        assert differences(reproducible(unkilled), reproducible(output)) == []
    print(f"{n} kills: {dict(kills)}; after these lines of a log: {dict(moments)}")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few MB, and how to make it larger."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small tmpfs cannot be mounted here (needs root)")

    def resize(megabytes):
        subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(folder)], check=True)

    yield folder, resize
    subprocess.run(["umount", "-l", str(folder)], check=False)


def used_mb(folder):
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize / 1e6


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9] if not IS_LONG else [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97])
def test_a_disk_that_fills_up_ends_the_run_resumable_and_loses_nothing(reference, small_disk, share):
    unkilled, _ = reference
    folder, resize = small_disk
    whole = sum(path.stat().st_size for path in unkilled.rglob("*") if path.is_file()) / 1e6
    results = (unkilled / "results.h5").stat().st_size / 1e6
    # The file of results fits whole (its space is asked for before the start); what comes after may not.
    resize(int(max(results * 1.1, whole * share)) + 1)
    sweep = sweep_file(folder, OFTEN)
    said = subprocess.run(command(sweep, 2), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert said.returncode in (2, 3), said.stderr
    assert "space" in said.stderr or "full" in said.stderr, said.stderr
    check_rows(folder / "out", rows_of(unkilled))
    resize(int(whole * 3) + 64)
    subprocess.run(command(sweep, 2), cwd=ROOT, env=ENVIRONMENT, check=True, timeout=300, capture_output=True)
    assert differences(reproducible(unkilled), reproducible(folder / "out")) == []


def test_a_read_only_output_is_refused(tmp_path, small_disk):
    folder, _ = small_disk
    sweep = sweep_file(folder)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    said = subprocess.run(command(sweep, 1), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert said.returncode == 2
    assert str(folder / "out") in said.stderr
