"""The job scripts and slurm/submit.sh under a real Slurm: chains, preemption, cancelling, kills, two nodes, a judge."""

import http.client
import os
import re
import signal
import stat
import subprocess
import textwrap
import urllib.error
import urllib.request

import h5py
import pytest
from slurm_cluster import MISSING, SlurmCluster, wait_for
from sweep_runs import ENVIRONMENT, PERL_DOC, PROGRAM, ROOT, command, differences, n_done, reproducible, sweep_file

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=f"no Slurm: {MISSING} not on PATH (slurm-wlm, munge)"),
              pytest.mark.skipif(not PERL_DOC.is_dir(), reason="needs Debian's perl-doc")]

# Checkpoints every step, so that there is something to go on from.
OFTEN = "[run]\ncheckpoint_every = 1_024\n"
SCRIPTS = ROOT / "slurm"


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


@pytest.fixture(scope="module", autouse=True)
def job_with_a_time_limit(cluster, tmp_path_factory):
    """Id and log of a job whose minute passes beside the other tests."""
    folder = tmp_path_factory.mktemp("time-limit")
    options = ["--time=1", "--signal=B:USR1@50"]
    return batch(cluster, stand_in(folder, SAVES), "sweep.sbatch", 1, options=options, log=folder / "log"), folder / "log"


def site(folder, **settings):
    """A site.env; returns what the environment needs to name it."""
    lines = {"ALL_JOBS": "(--partition=one)", "SAESWEEP": f"'{PROGRAM}'", **settings}
    path = folder / "site.env"
    path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return {"SITE_ENV": str(path)}


def submit(cluster, environment, *arguments):
    """Ids of the jobs of a chain by their names, and what submit.sh said."""
    said = cluster.run(str(SCRIPTS / "submit.sh"), *map(str, arguments), cwd=ROOT, env=environment)
    return {name: id_ for name, id_ in re.findall(r"^(run|judge down|judge|merge|report): +(\d+)", said, re.MULTILINE)}, said


def batch(cluster, environment, script, *arguments, options=(), log):
    """One job script by hand; id of the job."""
    return cluster.sbatch("--partition=one", f"--output={log}", *options, SCRIPTS / script, *arguments, cwd=ROOT,
                          env=environment)


def exit_codes(records):
    return [record["ExitCode"] for record in records]


def wait_for_event(output, name, n=1, seconds=60):
    """Until the logs of a run hold n events of that name, over all its starts."""
    def count():
        lines = [line for path in output.rglob("logs/rank-*.jsonl") for line in path.read_text().splitlines()]
        return sum(f'"event":"{name}"' in line.replace(" ", "") for line in lines)
    wait_for(lambda: count() >= n, seconds, f"{n} events '{name}' in {output}")
    return count()


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


def test_a_chain_with_a_judge_asks_it_through_the_endpoint_file_and_takes_it_down(cluster, reference, tmp_path):
    endpoint = tmp_path / "out/judge.endpoint"
    sweep = sweep_file(tmp_path, f'[judge]\nkind = "openai"\nmodel = "lexical"\nendpoint_file = "{endpoint}"\n')
    environment = site(tmp_path, JUDGE_COMMAND=f"""'"{PROGRAM}" judge --listen "127.0.0.1:$JUDGE_PORT"'""",
                       JUDGE_HOST="127.0.0.1")
    jobs, _ = submit(cluster, environment, sweep, "--shards", 2, "--judge")
    assert list(jobs) == ["judge", "run", "judge down", "merge", "report"]
    wait_for(endpoint.exists, 30, "the endpoint file")
    assert stat.S_IMODE(endpoint.stat().st_mode) == 0o600
    assert exit_codes(cluster.wait_until_ended(jobs["run"], 90)) == ["0:0"] * 2
    assert exit_codes(cluster.wait_until_ended(jobs["merge"])) == ["0:0"]
    assert cluster.wait_until_ended(jobs["judge"], 30)[0]["JobState"] in ("CANCELLED", "COMPLETED")
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
    assert "'report' was not accepted" in refusal(sweep, "--shards", 2, RUN_JOB="(--hold)",
                                                  SMALL_JOB="()\nsbatch() { [[ $* != *report.sbatch* ]] && command sbatch \"$@\"; }")
    wait_for(lambda: "same-bits" not in cluster.run("squeue", "-h", "-o", "%j"), 20, "the queue to empty")
    assert not (tmp_path / "out/slurm/jobs").exists()


# ---- stopped, killed

def test_a_job_stopped_twice_by_usr1_goes_on_by_itself_and_ends_right(cluster, reference, tmp_path):
    sweep, log = sweep_file(tmp_path, OFTEN), tmp_path / "job.log"
    job = batch(cluster, site(tmp_path), "sweep.sbatch", sweep, options=["--ntasks=2"], log=log)
    n_units = 0
    for restarts in (1, 2):
        n_units = wait_for_event(tmp_path / "out", "unit", n_units + 1)
        cluster.run("scancel", "--signal=USR1", "--batch", job)
        wait_for(lambda: cluster.shows(job)[0]["Restarts"] == str(restarts), 30, "the job to be requeued")
    [record] = cluster.wait_until_ended(job, 90)
    assert (record["JobState"], record["ExitCode"], record["Restarts"]) == ("COMPLETED", "0:0", "2")
    said = log.read_text()
    assert said.count("ended with exit code 3") == 2 and "requeued (time 2)" in said, "the log was cut"
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
    assert exit_codes(cluster.wait_until_ended(merge)) == ["1:0"], "cells are missing"
    assert n_done(output / "results.h5") < 12

    cluster.run("scontrol", "requeue", f"{job}_1")
    assert set(exit_codes(cluster.wait_until_ended(job, 90))) == {"0:0"}
    merge = batch(cluster, environment, "merge.sbatch", output, log=tmp_path / "merge.log")
    assert exit_codes(cluster.wait_until_ended(merge)) == ["0:0"]
    assert differences(reproducible(reference), reproducible(output)) == []


@pytest.mark.parametrize("launch", ["(mpirun --bind-to none)", "(srun --mpi=pmix)"])
def test_one_job_on_two_nodes_stopped_once_makes_the_same_bits(cluster, reference, tmp_path, launch):
    sweep, log = sweep_file(tmp_path, OFTEN), tmp_path / "job.log"
    job = batch(cluster, site(tmp_path, LAUNCH=launch), "sweep.sbatch", sweep,
                options=["--partition=two", "--nodes=2", "--ntasks=2"], log=log)
    wait_for_event(tmp_path / "out", "unit")
    cluster.run("scancel", "--signal=USR1", "--batch", job)
    [record] = cluster.wait_until_ended(job, 90)
    assert (record["ExitCode"], record["Restarts"]) == ("0:0", "1"), log.read_text()
    assert record["NodeList"] == "n[1-2]" and len(list((tmp_path / "out/logs").glob("rank-*.jsonl"))) == 2
    assert differences(reproducible(reference), reproducible(tmp_path / "out")) == []


# ---- the life of a job, with a stand-in for the program

def stand_in(folder, body, **settings):
    """A site whose program is a bash script: $1 is `run`, $2 what stands for the sweep."""
    path = folder / "program"
    path.write_text(f"#!/bin/bash\n{textwrap.dedent(body)}")
    path.chmod(0o755)
    return site(folder, **{"SAESWEEP": f"'{path}'", "LAUNCH": "()", **settings})


# Goes on until it is stopped, but not in the run after so many restarts as its sweep says.
SAVES = """
    trap 'echo saved; exit 3' USR1 TERM
    echo begun
    [[ ${SLURM_RESTART_COUNT:-0} -lt $2 ]] && while :; do sleep 0.1; done
    exit 0
"""


def test_exit_codes_are_passed_on_and_what_stops_by_itself_is_not_requeued(cluster, tmp_path):
    environment = stand_in(tmp_path, "exit $2")
    jobs = {code: batch(cluster, environment, "sweep.sbatch", code, log=tmp_path / f"{code}.log") for code in range(5)}
    for code, job in jobs.items():
        [record] = cluster.wait_until_ended(job)
        assert (record["ExitCode"], record["Restarts"]) == (f"{code}:0", "0")


@pytest.mark.parametrize("with_usr1", [True, False])
def test_a_job_that_another_preempts_is_requeued(cluster, tmp_path, with_usr1):
    """By USR1 to the script; or, where the site sends none, by TERM to what srun started."""
    log, script = tmp_path / "log", tmp_path / "sweep.sbatch"
    text = (SCRIPTS / "sweep.sbatch").read_text()
    script.write_text(text if with_usr1 else text.replace("#SBATCH --signal=B:USR1@120\n", ""))
    assert with_usr1 or script.read_text() != text
    environment = stand_in(tmp_path, SAVES, LAUNCH="()" if with_usr1 else "(srun --mpi=none)")
    job = batch(cluster, environment, script, 1, options=["--partition=low"], log=log)
    wait_for(lambda: log.exists() and "begun" in log.read_text(), 30, "the job to begin")
    cluster.sbatch("--partition=high", "--exclusive", "--output=/dev/null", "--wrap", "sleep 1")
    [record] = cluster.wait_until_ended(job)
    assert (record["ExitCode"], record["Restarts"]) == ("0:0", "1"), log.read_text()
    assert re.findall("begun|saved", log.read_text()) == ["begun", "saved", "begun"]
    assert ("(USR1)" in log.read_text()) == with_usr1


def test_a_job_that_does_not_end_in_time_is_killed_and_requeued(cluster, tmp_path):
    job = batch(cluster, stand_in(tmp_path, """
        trap '' USR1
        touch "$2"
        [[ -n ${SLURM_RESTART_COUNT:-} ]] || sleep 1000
        """, STOP_SECONDS="4"), "sweep.sbatch", tmp_path / "begun", log=tmp_path / "log")
    wait_for((tmp_path / "begun").exists, 30, "the job to begin")
    cluster.run("scancel", "--signal=USR1", "--batch", job)
    [record] = cluster.wait_until_ended(job)
    assert (record["ExitCode"], record["Restarts"]) == ("0:0", "1")
    assert "killed" in (tmp_path / "log").read_text()


def test_a_job_is_not_requeued_for_ever(cluster, tmp_path):
    log = tmp_path / "log"
    job = batch(cluster, stand_in(tmp_path, SAVES, MAX_REQUEUES="1"), "sweep.sbatch", 9, log=log)
    for n in (1, 2):
        wait_for(lambda: log.exists() and log.read_text().count("begun") == n, 40, "the job to begin")
        cluster.run("scancel", "--signal=USR1", "--batch", job)
    [record] = cluster.wait_until_ended(job)
    assert (record["ExitCode"], record["Restarts"]) == ("3:0", "1")
    assert "MAX_REQUEUES" in log.read_text()


# ---- the judge's job, with a stand-in for the server

SERVER = '''
import http.server, os, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        allowed = self.path == "/health" or self.headers["Authorization"] == "Bearer " + os.environ["VLLM_API_KEY"]
        self.send_response(503 if time.time() < begin + 1.5 else 200 if allowed else 401)
        self.end_headers()
        if self.path == "/die":
            os._exit(7)

begin = time.time()
http.server.HTTPServer(("127.0.0.1", int(os.environ["JUDGE_PORT"])), Handler).serve_forever()
'''


def judge_site(folder, **settings):
    (folder / "server.py").write_text(SERVER)
    return site(folder, JUDGE_COMMAND=f"'python3 {folder}/server.py'", JUDGE_HOST="127.0.0.1", **settings)


def status_of(endpoint, path, token=None):
    """The server's answer; None where there is none."""
    _, url, written = endpoint.read_text().splitlines()
    request = urllib.request.Request(url.removesuffix("/v1") + path, headers={"Authorization": f"Bearer {token or written}"})
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code
    except (urllib.error.URLError, OSError, http.client.HTTPException):
        return None


def test_the_judges_address_is_written_once_the_server_is_healthy_and_goes_with_it(cluster, tmp_path):
    endpoint, log = tmp_path / "folder/endpoint", tmp_path / "log"
    job = batch(cluster, judge_site(tmp_path), "judge.sbatch", endpoint, "a-model", log=log)
    wait_for(endpoint.exists, 30, "the endpoint file")
    first = endpoint.read_text()
    assert stat.S_IMODE(endpoint.stat().st_mode) == 0o600
    assert first.splitlines()[2] not in log.read_text(), "the token stands in the log"
    assert (status_of(endpoint, "/health"), status_of(endpoint, "/v1/models")) == (200, 200)
    assert status_of(endpoint, "/v1/models", token="another") == 401

    cluster.run("scancel", "--signal=USR1", "--batch", job)
    wait_for(lambda: not endpoint.exists(), 10, "the address to go")
    wait_for(endpoint.exists, 40, "the address of the requeued server")
    assert endpoint.read_text() != first and status_of(endpoint, "/v1/models") == 200

    address = tmp_path / "address"
    address.write_text(endpoint.read_text())
    cluster.run("scancel", job)
    assert cluster.wait_until_ended(job)[0]["JobState"] == "CANCELLED"
    wait_for(lambda: not endpoint.exists() and status_of(address, "/health") is None, 10, "the server to go")


def test_a_judge_that_ends_by_itself_passes_its_exit_code_on_and_takes_its_address_away(cluster, tmp_path):
    endpoint = tmp_path / "endpoint"
    job = batch(cluster, judge_site(tmp_path), "judge.sbatch", endpoint, log=tmp_path / "log")
    wait_for(endpoint.exists, 30, "the endpoint file")
    status_of(endpoint, "/die")
    assert exit_codes(cluster.wait_until_ended(job)) == ["7:0"]
    assert not endpoint.exists()


def test_a_judge_that_never_gets_ready_fails_and_writes_no_address(cluster, tmp_path):
    environment = judge_site(tmp_path, JUDGE_START_SECONDS="1")
    job = batch(cluster, environment, "judge.sbatch", tmp_path / "endpoint", log=tmp_path / "log")
    [record] = cluster.wait_until_ended(job)
    assert record["JobState"] == "FAILED"
    assert not (tmp_path / "endpoint").exists() and "is not ready after 1 s" in (tmp_path / "log").read_text()


def test_a_job_at_its_time_limit_is_requeued(cluster, job_with_a_time_limit):
    job, log = job_with_a_time_limit
    [record] = cluster.wait_until_ended(job, 90)
    assert (record["ExitCode"], record["Restarts"]) == ("0:0", "1")
    assert re.findall("begun|saved", log.read_text()) == ["begun", "saved", "begun"]
