"""Stopped by signals and started again, with other numbers of ranks: the same bits as of a run that never stopped."""

import json
import os
import random
import signal
import subprocess
import time

import pytest
from sweep_runs import ENVIRONMENT, PERL_DOC, PROGRAM, ROOT, command, differences, n_done, reproducible, sweep_file

pytestmark = pytest.mark.skipif(not PERL_DOC.is_dir(), reason="needs Debian's perl-doc")

N_STOPS = 20
SEED = 20260131
# Checkpoints every second step, so that stops fall between them, on them and into their writing.
OFTEN = "[run]\ncheckpoint_every = 2_048\n"


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unstopped")
    subprocess.run(command(sweep_file(folder), 2), cwd=ROOT, env=ENVIRONMENT, timeout=300, check=True)
    return folder / "out"


def events(output):
    """Lines of all logs, in the order of their time."""
    found = []
    for path in output.glob("logs/rank-*.jsonl"):
        for line in path.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    return sorted(found, key=lambda event: event["time"])


def children(pid):
    return [int(text) for text in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()]


def wait_for(holds, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def start(folder, n_ranks, *arguments):
    """Starts the sweep and waits until it works on a unit, or has ended."""
    n_before = sum(event["event"] == "unit" for event in events(folder / "out"))
    process = subprocess.Popen(command(sweep_file(folder, OFTEN), n_ranks, *arguments), cwd=ROOT, env=ENVIRONMENT,
                               stderr=subprocess.PIPE, text=True)
    wait_for(lambda: process.poll() is not None
             or sum(event["event"] == "unit" for event in events(folder / "out")) > n_before)
    return process


def stop(process, draw):
    """USR1 to mpirun, which forwards it to all ranks, or to one rank, which tells the others."""
    ranks = children(process.pid)
    target = process.pid if draw.random() < 0.5 or not ranks else draw.choice(ranks)
    try:
        os.kill(target, signal.SIGUSR1)
    except ProcessLookupError:
        pass
    return process.communicate(timeout=120)[1]


def test_stopped_at_20_points_and_gone_on_with_other_ranks_the_bits_are_the_same(reference, tmp_path):
    draw = random.Random(SEED)
    n_stops, steps, round_ = 0, set(), 0
    while n_stops < N_STOPS:
        folder = tmp_path / str(round_)
        round_ += 1
        code = 3
        while code == 3:
            process = start(folder, draw.choice([1, 2, 3, 4]))
            time.sleep(draw.uniform(0, 1.2))
            said = stop(process, draw)
            code = process.returncode
            n_stops += code == 3
            assert code in (0, 3), said
            if code == 3:
                assert "stopped by" in said and "the same command goes on" in said
        assert differences(reproducible(reference), reproducible(folder / "out")) == []
        steps |= {event["step"] for event in events(folder / "out") if event["event"] == "resumed"}
        assert not list((folder / "out/checkpoints").glob("*/*")), "a finished cell's checkpoints are removed"
    assert len(steps) > 2, f"training was taken up from no more than these steps: {steps}"


def test_a_signal_saves_what_is_trained_though_no_checkpoint_was_due(tmp_path):
    folder = tmp_path
    process = start(folder, 1, "--set", "run.checkpoint_every=never")
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGUSR1)
    process.communicate(timeout=60)
    assert process.returncode == 3
    saved = [event for event in events(folder / "out") if event["event"] == "checkpoint"]
    trained = [event for event in events(folder / "out") if event["event"] == "stage"]
    assert saved or trained


def test_without_the_time_for_it_no_checkpoint_is_written(tmp_path):
    process = start(tmp_path, 1, "--set", "run.checkpoint_every=never", "--set", "run.grace=0")
    os.kill(process.pid, signal.SIGUSR1)
    process.communicate(timeout=60)
    assert process.returncode == 3
    assert not list((tmp_path / "out").glob("checkpoints/*/*"))


def test_a_run_without_mpirun_stops_at_ctrl_c(tmp_path):
    process = subprocess.Popen([str(PROGRAM), "run", str(sweep_file(tmp_path, OFTEN))], cwd=ROOT, env=ENVIRONMENT,
                               stderr=subprocess.PIPE, text=True)
    wait_for(lambda: process.poll() is not None or any(event["event"] == "unit" for event in events(tmp_path / "out")))
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 3 and "asked to stop (SIGINT)" in said


def test_a_second_signal_ends_the_run_at_once(tmp_path):
    process = start(tmp_path, 2)
    ranks = children(process.pid)
    for number in (signal.SIGUSR1, signal.SIGTERM):
        for rank in ranks:
            try:
                os.kill(rank, number)
            except ProcessLookupError:
                pass  # it has ended by the first
        time.sleep(1.2)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert subprocess.run(command(tmp_path / "sweep.toml", 2), cwd=ROOT, env=ENVIRONMENT, timeout=300).returncode == 0


def test_a_damaged_checkpoint_costs_no_more_than_the_steps_since_the_one_before(reference, tmp_path):
    process = start(tmp_path, 1)
    wait_for(lambda: process.poll() is not None or len(list((tmp_path / "out").glob("checkpoints/*/*.safetensors"))) > 6)
    stop(process, random.Random(0))
    newest = [max(folder.glob("*.safetensors")) for folder in (tmp_path / "out/checkpoints").iterdir()
              if list(folder.glob("*.safetensors"))]
    assert newest
    for n, path in enumerate(newest):
        data = bytearray(path.read_bytes())
        if n % 3 == 0:
            data[len(data) // 2] ^= 1
        elif n % 3 == 1:
            del data[len(data) // 2:]
        else:
            data.clear()
        path.write_bytes(data)
    finished = subprocess.run(command(tmp_path / "sweep.toml", 2), cwd=ROOT, env=ENVIRONMENT, timeout=300,
                              capture_output=True, text=True)
    assert finished.returncode == 0
    assert newest[0].name in finished.stderr
    assert differences(reproducible(reference), reproducible(tmp_path / "out")) == []


def test_shards_and_a_whole_run_after_them_give_the_one_jobs_bits(reference, tmp_path):
    sweep = sweep_file(tmp_path, OFTEN)
    done = 0
    for shard in ["0/3", "2/3"]:
        assert subprocess.run(command(sweep, 2, "--shard", shard), cwd=ROOT, env=ENVIRONMENT, timeout=300).returncode == 0
        done += n_done(tmp_path / f"out/shards/{shard.replace('/', '-of-')}/results.h5")
    assert 0 < done < 12
    finished = subprocess.run(command(sweep, 2), cwd=ROOT, env=ENVIRONMENT, timeout=300, capture_output=True, text=True)
    assert finished.returncode == 0
    assert f"({done} by an earlier run)" in finished.stderr
    assert differences(reproducible(reference), reproducible(tmp_path / "out")) == []


def test_a_whole_run_beside_a_shard_is_refused(tmp_path):
    sweep = sweep_file(tmp_path, OFTEN)
    # Longer than a newcomer gives a holder that may be dying.
    longer = ["--set", "sae.tokens=2_048_000"]
    shard = subprocess.Popen(command(sweep, 1, "--shard", "0/2", *longer), cwd=ROOT, env=ENVIRONMENT,
                             stderr=subprocess.DEVNULL)
    wait_for(lambda: (tmp_path / "out/shards/0-of-2/results.h5").exists())
    try:
        refused = subprocess.run(command(sweep, 1, *longer), cwd=ROOT, env=ENVIRONMENT, timeout=100, capture_output=True,
                                 text=True)
    finally:
        shard.kill()
        shard.wait()
    assert refused.returncode == 2 and "0-of-2" in refused.stderr and "process" in refused.stderr


def test_a_whole_run_beside_a_shard_waits_where_it_is_told_to(reference, tmp_path):
    sweep = sweep_file(tmp_path, OFTEN)
    shard = subprocess.Popen(command(sweep, 1, "--shard", "0/2"), cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    wait_for(lambda: (tmp_path / "out/shards/0-of-2/results.h5").exists())
    waited = subprocess.run(command(sweep, 2, "--wait"), cwd=ROOT, env=ENVIRONMENT, timeout=300, capture_output=True,
                            text=True)
    assert shard.wait(timeout=10) == 0
    assert waited.returncode == 0 and "waiting for the run" in waited.stderr
    assert differences(reproducible(reference), reproducible(tmp_path / "out")) == []


@pytest.mark.parametrize("shard", ["4/4", "-1/4", "1", "a/b", "0/0", "1/2/3"])
def test_a_shard_that_is_none_is_refused(tmp_path, shard):
    finished = subprocess.run(command(sweep_file(tmp_path), 1, f"--shard={shard}"), cwd=ROOT, env=ENVIRONMENT, timeout=60,
                              capture_output=True, text=True)
    assert finished.returncode == 2
    assert "--shard" in finished.stderr and "0/4" in finished.stderr
