"""The job scripts and slurm/submit.sh under a real Slurm: chains, preemption, cancelling, kills, two nodes, a judge."""

import os
import re
import signal
import stat
import subprocess

import h5py
import pytest
from slurm_cluster import MISSING, SCRIPTS, SlurmCluster, batch, exit_codes, site, wait_for
from sweep_runs import ENVIRONMENT, PERL_DOC, PROGRAM, ROOT, command, differences, n_done, reproducible, sweep_file

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=f"no Slurm: {MISSING} not on PATH (slurm-wlm, munge)"),
              pytest.mark.skipif(not PERL_DOC.is_dir(), reason="needs Debian's perl-doc")]

# Checkpoints every step, so that there is something to go on from.
OFTEN = "[run]\ncheckpoint_every = 1_024\n"


@pytest.fixture(scope="module")
def cluster():
    with SlurmCluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The output of one job that nothing happened to, without Slurm."""
    folder = tmp_path_factory.mktemp("one-job")
    subprocess.run(command(sweep_file(folder), 2), cwd=ROOT, env=ENVIRONMENT, timeout=300, check=True)
    return folder / "out"


def submit(cluster, environment, *arguments):
    """Ids of the jobs of a chain by their names, and what submit.sh said."""
    said = cluster.run(str(SCRIPTS / "submit.sh"), *map(str, arguments), cwd=ROOT, env=environment)
    return dict(re.findall(r"^(run|judge down|judge|merge|report): +(\d+)", said, re.MULTILINE)), said


def n_events(output, name):
    """Events of that name in the logs of a run, over all its starts."""
    lines = [line for path in output.rglob("logs/rank-*.jsonl") for line in path.read_text().splitlines()]
    return sum(f'"event":"{name}"' in line.replace(" ", "") for line in lines)


def wait_for_event(output, name, n=1, seconds=60):
    wait_for(lambda: n_events(output, name) >= n, seconds, f"{n} events '{name}' in {output}")


def ranks_of(sweep, *words):
    """Process ids of the program's ranks, without mpirun, that run the sweep with these words on their command line."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                arguments = file.read().decode().split("\0")
        except (OSError, UnicodeDecodeError):
            continue
        if arguments[0] == str(PROGRAM) and str(sweep) in arguments and set(words) <= set(arguments):
            found.append(int(entry))
    return found


# ---- chains

def test_an_array_of_four_tasks_merges_to_the_one_jobs_file(cluster, reference, tmp_path):
    sweep = sweep_file(tmp_path)
    jobs, said = submit(cluster, site(tmp_path), sweep, "--shards", 4)
    assert list(jobs) == ["run", "merge", "report"]
    assert f"squeue -j {','.join(jobs.values())}" in said and f"status {tmp_path}/out --watch" in said
    assert exit_codes(cluster.wait_until_ended(jobs["run"], 90)) == ["0:0"] * 4
    assert exit_codes(cluster.wait_until_ended(jobs["merge"])) == ["0:0"]
    assert differences(reproducible(reference), reproducible(tmp_path / "out")) == []
    assert exit_codes(cluster.wait_until_ended(jobs["report"])) == ["0:0"]
    assert (tmp_path / "out/report/index.html").stat().st_size > 1000
    assert len(list((tmp_path / "out/slurm").glob("run-*_?.log"))) == 4


def test_cancelled_in_the_middle_and_submitted_again_the_chain_ends_right(cluster, reference, tmp_path):
    sweep = sweep_file(tmp_path, OFTEN)
    first, _ = submit(cluster, site(tmp_path), sweep, "--shards", 2)
    wait_for_event(tmp_path / "out", "checkpoint")
    cluster.run("scancel", *first.values())
    again, said = submit(cluster, site(tmp_path), sweep, "--shards", 2)
    assert "CANCELLED" in {record["JobState"] for record in cluster.wait_until_ended(first["run"])}
    assert exit_codes(cluster.wait_until_ended(again["run"], 90)) == ["0:0"] * 2, said
    assert exit_codes(cluster.wait_until_ended(again["merge"])) == ["0:0"]
    assert differences(reproducible(reference), reproducible(tmp_path / "out")) == []


def test_submitted_twice_the_second_chain_waits_for_the_first(cluster, tmp_path):
    sweep = sweep_file(tmp_path)
    first, _ = submit(cluster, site(tmp_path), sweep)
    second, said = submit(cluster, site(tmp_path), sweep)
    assert "begin when those of an earlier call have ended" in said and first["run"] in said.splitlines()[0]
    assert first["report"] in cluster.shows(second["run"])[0]["Dependency"]
    cluster.run("scancel", *first.values(), *second.values())


def test_a_chain_with_a_judge_that_is_stopped_once_asks_it_through_the_endpoint_file_and_takes_it_down(cluster, reference, tmp_path):
    endpoint = tmp_path / "out/judge.endpoint"
    sweep = sweep_file(tmp_path, f'[judge]\nkind = "openai"\nmodel = "lexical"\nendpoint_file = "{endpoint}"\n{OFTEN}')
    environment = site(tmp_path, JUDGE_COMMAND=f"""'"{PROGRAM}" judge --listen "127.0.0.1:$JUDGE_PORT"'""",
                       JUDGE_HOST="127.0.0.1")
    jobs, _ = submit(cluster, environment, sweep, "--shards", 2, "--judge")
    assert list(jobs) == ["judge", "run", "judge down", "merge", "report"]
    wait_for(endpoint.exists, 30, "the endpoint file")
    assert stat.S_IMODE(endpoint.stat().st_mode) == 0o600
    wait_for_event(tmp_path / "out", "checkpoint")
    cluster.run("scancel", "--signal=USR1", "--batch", jobs["judge"])  # it comes back with another address
    assert exit_codes(cluster.wait_until_ended(jobs["run"], 90)) == ["0:0"] * 2
    assert exit_codes(cluster.wait_until_ended(jobs["merge"])) == ["0:0"]
    [judge] = cluster.wait_until_ended(jobs["judge"])
    assert (judge["JobState"], judge["Restarts"]) == ("CANCELLED", "1")
    assert not endpoint.exists()
    with h5py.File(reference / "results.h5") as one, h5py.File(tmp_path / "out/results.h5") as judged:
        assert (judged["cells/state"][:] == 2).all()
        for name in ("fuzz_auroc", "detection_auroc", "n_judged"):
            assert one[f"cells/{name}"][()].tobytes() == judged[f"cells/{name}"][()].tobytes()
    assert cluster.wait_until_ended(jobs["report"])[0]["ExitCode"] == "0:0"


def test_the_judge_is_taken_down_when_the_array_fails(cluster, tmp_path):
    endpoint = tmp_path / "out/judge.endpoint"
    sweep = sweep_file(tmp_path, f'[judge]\nkind = "openai"\nmodel = "lexical"\nendpoint_file = "{endpoint}"\n')
    environment = site(tmp_path, JUDGE_COMMAND=f"""'"{PROGRAM}" judge --listen "127.0.0.1:$JUDGE_PORT"'""",
                       JUDGE_HOST="127.0.0.1", LAUNCH="(false)")
    jobs, _ = submit(cluster, environment, sweep, "--shards", 2, "--judge")
    assert exit_codes(cluster.wait_until_ended(jobs["run"])) == ["1:0"] * 2
    cluster.wait_until_ended(jobs["judge"])
    assert not endpoint.exists()
    assert exit_codes(cluster.wait_until_ended(jobs["merge"])) == ["2:0"]
    [log] = (tmp_path / "out/slurm").glob("merge-*.log")
    assert "no shard has written its results yet" in log.read_text()


def test_what_cannot_be_submitted_is_refused_and_nothing_stays_in_the_queue(cluster, tmp_path):
    sweep = sweep_file(tmp_path)

    def refusal(*arguments, **settings):
        done = subprocess.run([SCRIPTS / "submit.sh", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True,
                              env={**cluster.environment, **site(tmp_path, **settings)}, timeout=60)
        assert done.returncode == 2
        return done.stderr

    assert "endpoint_file" in refusal(sweep, "--judge")
    assert "--shards: found '0'" in refusal(sweep, "--shards", 0)
    assert "unknown option --shard;" in refusal(sweep, "--shard", 2)
    assert "run.nothing" in refusal(sweep, "--set", "run.nothing=1")
    but_the_report = "()\nsbatch() { [[ $* != *report.sbatch* ]] && command sbatch \"$@\"; }"
    assert "'report' was not accepted" in refusal(sweep, "--shards", 2, RUN_JOB="(--hold)", SMALL_JOB=but_the_report)
    wait_for(lambda: "same-bits" not in cluster.run("squeue", "-h", "-o", "%j"), 20, "the queue to empty")
    assert not (tmp_path / "out/slurm/jobs").exists()


# ---- stopped, killed

def test_a_job_stopped_twice_by_usr1_goes_on_by_itself_and_ends_right(cluster, reference, tmp_path):
    sweep, log = sweep_file(tmp_path, OFTEN), tmp_path / "job.log"
    job = batch(cluster, site(tmp_path), "sweep.sbatch", sweep, options=["--ntasks=2"], log=log)
    for restarts in (1, 2):
        # More than the start before, and its stop, have saved: the signal meets ranks that train, not mpirun's start.
        wait_for_event(tmp_path / "out", "checkpoint", n_events(tmp_path / "out", "checkpoint") + 1)
        cluster.run("scancel", "--signal=USR1", "--batch", job)
        wait_for(lambda: cluster.shows(job)[0]["Restarts"] == str(restarts), 30, "the job to be requeued")
    [record] = cluster.wait_until_ended(job, 90)
    assert (record["JobState"], record["ExitCode"], record["Restarts"]) == ("COMPLETED", "0:0", "2")
    said = log.read_text()
    assert said.count("ended with exit code 3") == 2 and "into the queue (time 2)" in said, said
    assert differences(reproducible(reference), reproducible(tmp_path / "out")) == []


def test_a_task_that_was_killed_goes_on_when_it_is_requeued(cluster, reference, tmp_path):
    sweep, environment, output = sweep_file(tmp_path, OFTEN), {**site(tmp_path), "SHARDS": "2"}, tmp_path / "out"
    job = batch(cluster, environment, "array.sbatch", sweep, options=["--array=0-1", "--ntasks=2"],
                log=tmp_path / "task-%a.log")
    wait_for_event(output / "shards/1-of-2", "checkpoint")
    os.kill(wait_for(lambda: ranks_of(sweep, "1/2"), 5, "a rank")[0], signal.SIGKILL)
    codes = {record["ArrayTaskId"]: record["ExitCode"] for record in cluster.wait_until_ended(job, 90)}
    assert codes == {"0": "0:0", "1": "137:0"}

    merge = batch(cluster, environment, "merge.sbatch", output, log=tmp_path / "merge.log")
    assert exit_codes(cluster.wait_until_ended(merge)) == ["3:0"], "cells are missing"
    assert n_done(output / "results.h5") < 12

    cluster.run("scontrol", "requeue", f"{job}_1")
    assert set(exit_codes(cluster.wait_until_ended(job, 90))) == {"0:0"}
    merge = batch(cluster, environment, "merge.sbatch", output, log=tmp_path / "merge.log")
    assert exit_codes(cluster.wait_until_ended(merge)) == ["0:0"]
    assert differences(reproducible(reference), reproducible(output)) == []


def on_two_nodes(cluster, folder, launch):
    """A job of two ranks, a node each, once it works on a unit; its id and log."""
    log = folder / "job.log"
    job = batch(cluster, site(folder, LAUNCH=launch), "sweep.sbatch", sweep_file(folder, OFTEN),
                options=["--partition=two", "--nodes=2", "--ntasks=2"], log=log)
    wait_for_event(folder / "out", "unit")
    return job, log


@pytest.mark.parametrize("launch", ["(mpirun --bind-to none)", "(srun --mpi=pmix)"])
def test_one_job_on_two_nodes_stopped_once_makes_the_same_bits(cluster, reference, tmp_path, launch):
    job, log = on_two_nodes(cluster, tmp_path, launch)
    cluster.run("scancel", "--signal=USR1", "--batch", job)
    [record] = cluster.wait_until_ended(job, 90)
    assert (record["ExitCode"], record["Restarts"]) == ("0:0", "1"), log.read_text()
    assert record["NodeList"] == "n[1-2]" and len(list((tmp_path / "out/logs").glob("rank-*.jsonl"))) == 2
    assert differences(reproducible(reference), reproducible(tmp_path / "out")) == []


def test_a_job_that_loses_a_node_goes_on_when_there_are_nodes_again(cluster, reference, tmp_path):
    job, log = on_two_nodes(cluster, tmp_path, "(mpirun --bind-to none)")
    cluster.fail_node("n2")
    wait_for(lambda: cluster.shows(job)[0]["Restarts"] == "1", 60, "the job to be requeued")
    cluster.mend_node("n2")
    [record] = cluster.wait_until_ended(job, 90)
    assert (record["ExitCode"], record["Restarts"]) == ("0:0", "1"), log.read_text()
    assert differences(reproducible(reference), reproducible(tmp_path / "out")) == []


