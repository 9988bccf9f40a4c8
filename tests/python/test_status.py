"""`saesweep status` beside real runs: while they write, after they were killed, over shards, in a loop, for scripts."""

import json
import os
import signal
import subprocess

import pytest
from sweep_runs import ENVIRONMENT, PERL_DOC, PROGRAM, ROOT, command, sweep_file
from test_resume import children, events, wait_for

pytestmark = pytest.mark.skipif(not PERL_DOC.is_dir(), reason="needs Debian's perl-doc")

STATES = ["done", "failed", "at_work", "with_judge", "left", "to_come"]


def status(*arguments):
    return subprocess.run([str(PROGRAM), "status", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def told(output):
    """What it says to scripts; every cell is in one state."""
    said = status(output, "--json")
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert sum(found["cells"][state] for state in STATES) == found["cells"]["all"]
    return found


def at_work(output):
    return any(event["event"] == "unit" for event in events(output))


def start(folder, n_ranks, *arguments):
    process = subprocess.Popen(command(sweep_file(folder, "[run]\ncheckpoint_every = 1_024\n"), n_ranks, *arguments),
                               cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    return process


def run(folder, n_ranks, *arguments):
    return subprocess.run(command(sweep_file(folder), n_ranks, *arguments), cwd=ROOT, env=ENVIRONMENT, timeout=300,
                          capture_output=True).returncode


def end(process):
    for pid in children(process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait(timeout=60)


def test_it_tells_who_runs_and_what_is_left_when_that_one_was_killed(tmp_path):
    output = tmp_path / "out"
    process = start(tmp_path, 2)
    wait_for(lambda: at_work(output))
    found = told(output)
    assert found["is_running"] and found["sweep"] == "same-bits"
    assert found["cells"]["all"] == 12 and found["cells"]["at_work"] > 0
    job = found["jobs"][0]
    assert job["n_ranks"] == 2 and "process" in job["holder"] and "since" in job["holder"]
    assert any(rank["unit"] for rank in job["ranks"])
    text = status(output).stdout
    assert "12 cells done" in text and "Running: host" in text and "tiny" not in text.splitlines()[0]
    wait_for(lambda: any(event["event"] == "checkpoint" for event in events(output)))
    assert told(output)["checkpoint"]["bytes"] > 0
    end(process)
    wait_for(lambda: not told(output)["is_running"])
    found = told(output)
    assert found["cells"]["at_work"] == 0 and found["cells"]["left"] + found["cells"]["done"] > 0
    assert found["seconds_left"] is None
    text = status(output).stdout
    assert "begun and left" in text and "was killed" in text
    # Another start; nothing of the killed run is told as being at work.
    assert run(tmp_path, 1) == 0
    found = told(output)
    assert found["cells"]["done"] == 12 and found["stages"]["scored"] == 12
    assert found["jobs"][0]["n_ranks"] == 1 and len(found["jobs"][0]["ranks"]) == 1
    assert found["jobs"][0]["ranks"][0]["has_ended"]
    assert "12 of 12 cells done" in status(output / "results.h5").stdout


def test_cells_of_all_shards_are_counted_once(tmp_path):
    output = tmp_path / "out"
    assert run(tmp_path, 2, "--shard", "1/3") == 0
    found = told(output)
    done = found["cells"]["done"]
    assert found["cells"]["all"] == 12 and 0 < done < 12
    assert found["cells"]["to_come"] == 12 - done
    assert f"{12 - done} of those to come belong to jobs that have not begun" in status(output).stdout
    shard = told(output / "shards/1-of-3")
    assert shard["cells"]["all"] == shard["cells"]["done"] == done
    assert shard["jobs"][0]["shard"] == "1/3"
    # A whole run takes the shard's cells over: they stand in two files now.
    assert run(tmp_path, 2) == 0
    found = told(output)
    assert found["cells"] == {**found["cells"], "all": 12, "done": 12}
    assert len(found["jobs"]) == 2


def test_watching_ends_with_the_run_and_with_ctrl_c(tmp_path):
    output = tmp_path / "out"
    process = start(tmp_path, 2)
    wait_for(lambda: at_work(output))
    watching = [str(PROGRAM), "status", "--watch", "0.3", str(output)]
    whole = subprocess.Popen([*watching, "--json"], stdout=subprocess.PIPE, text=True)
    interrupted = subprocess.Popen(watching, stdout=subprocess.PIPE, text=True)
    blocks = ""
    while blocks.count("Sweep same-bits") < 2:
        line = interrupted.stdout.readline()
        assert line, f"it ended by itself after {blocks}"
        blocks += line
    interrupted.send_signal(signal.SIGINT)
    blocks += interrupted.communicate(timeout=10)[0]
    assert interrupted.returncode == 0
    assert "\033" not in blocks, "not a terminal"
    assert process.wait(timeout=300) == 0
    lines = [json.loads(line) for line in whole.communicate(timeout=30)[0].splitlines()]
    assert whole.returncode == 0
    assert lines[0]["is_running"] and not lines[-1]["is_running"]
    assert lines[-1]["cells"]["done"] == 12
    assert [line["cells"]["done"] for line in lines] == sorted(line["cells"]["done"] for line in lines)


def test_failed_cells_are_told_with_their_reason(tmp_path):
    assert run(tmp_path, 2, "--set", "sae.learning_rate=1e9") == 1
    found = told(tmp_path / "out")
    assert found["cells"]["failed"] == len(found["failed_cells"]) > 0
    assert all(cell["reason"] and "tiny" in cell["settings"] for cell in found["failed_cells"])
    text = status(tmp_path / "out").stdout
    assert "--retry-failed" in text and found["failed_cells"][0]["reason"] in text


def test_torn_and_foreign_lines_in_logs_are_passed_over(tmp_path):
    output = tmp_path / "out"
    assert run(tmp_path, 1) == 0
    log = output / "logs/rank-0.jsonl"
    log.write_bytes(log.read_bytes() + b'\xff\xfe\0\n{"event": {}, "run": 7}\n{"time": "20')
    (output / "logs/rank-x.jsonl").write_text("no number")
    found = told(output)
    assert found["cells"]["done"] == 12 and found["jobs"][0]["ranks"][0]["has_ended"]


def test_bad_input_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "other.h5").write_text("no HDF5")
    for arguments in [[tmp_path / "empty"], [tmp_path / "missing"], [tmp_path / "other.h5"],
                      [tmp_path / "empty", "--watch", "0"], [tmp_path / "empty", "--watch=soon"], []]:
        said = status(*arguments)
        assert said.returncode == 2, (arguments, said.stderr)
        assert said.stderr.startswith("saesweep: error:") and said.stderr.count("\n") == 1


def test_a_damaged_file_of_one_shard_does_not_hide_the_others(tmp_path):
    output = tmp_path / "out"
    assert run(tmp_path, 2, "--shard", "1/3") == 0
    damaged = output / "shards/0-of-3"
    damaged.mkdir()
    (damaged / "results.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    found = told(output)
    assert found["cells"]["done"] > 0 and len(found["problems"]) == 1 and "0-of-3" in found["problems"][0]
    assert "Cannot be read: " in status(output).stdout


def test_a_lost_judge_is_given_as_the_reason_of_the_end(tmp_path):
    judge = '[judge]\nkind = "openai"\nmodel = "none"\nbase_url = "http://127.0.0.1:9/v1"\ngive_up_after = 1\n'
    sweep = sweep_file(tmp_path, judge)
    said = subprocess.run([str(PROGRAM), "run", str(sweep)], cwd=ROOT, env=ENVIRONMENT, timeout=300,
                          capture_output=True, text=True)
    assert said.returncode == 3 and "http://127.0.0.1:9/v1: no usable reply" in said.stderr
    rank = told(tmp_path / "out")["jobs"][0]["ranks"][0]
    assert rank["end_reason"].startswith("http://127.0.0.1:9/v1: no usable reply") and rank["is_idle"]
    assert rank["judge_lost"] == rank["end_reason"]
    text = status(tmp_path / "out").stdout
    assert "\nNot running; ended early: http://127.0.0.1:9/v1: no usable reply" in text, text
