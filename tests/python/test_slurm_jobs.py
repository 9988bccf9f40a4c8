"""The life of a job under a real Slurm, with stand-ins for the program and for a judge's server."""

import concurrent.futures
import http.client
import re
import stat
import subprocess
import textwrap
import urllib.error
import urllib.request

import pytest
from slurm_cluster import MISSING, SCRIPTS, SlurmCluster, batch, exit_codes, site, wait_for

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"no Slurm: {MISSING} not on PATH (slurm-wlm, munge)")


@pytest.fixture(scope="module")
def cluster():
    with SlurmCluster() as cluster:
        yield cluster


# Jobs wait for Slurm's clocks most of the time: all begin with the first test, and each has a test of its name.
ASIDE = []


def aside(body):
    ASIDE.append(body)

    def test(begun):
        begun[body].result()

    test.__name__ = body.__name__
    return test


@pytest.fixture(scope="module", autouse=True)
def begun(cluster, tmp_path_factory):
    with concurrent.futures.ThreadPoolExecutor(len(ASIDE)) as pool:
        yield {body: pool.submit(body, cluster, tmp_path_factory.mktemp("aside")) for body in ASIDE}


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
    [[ ${SLURM_RESTART_COUNT:-0} -lt $2 ]] && for _ in {1..2000}; do sleep 0.1; done
    exit 0
"""


def batch_aside(*arguments, options=(), log):
    return batch(*arguments, options=["--partition=aside", *options], log=log)


def begin(cluster, environment, *arguments, options=(), log, script=SCRIPTS / "sweep.sbatch"):
    """A job, once its program says that it has begun."""
    job = batch_aside(cluster, environment, script, *arguments, options=options, log=log)
    wait_for(lambda: log.exists() and "begun" in log.read_text(), 60, "the job to begin")
    return job


def told(log):
    return re.findall("begun|saved|killed", log.read_text())


def ended(cluster, job):
    [record] = cluster.wait_until_ended(job, 120)
    return record["ExitCode"], record["Restarts"]


@aside
def test_exit_codes_are_passed_on_and_what_stops_by_itself_is_not_requeued(cluster, folder):
    environment = stand_in(folder, "echo begun; exit $2")
    jobs = {code: begin(cluster, environment, code, log=folder / f"{code}.log") for code in range(5)}
    assert {code: ended(cluster, job) for code, job in jobs.items()} == {code: (f"{code}:0", "0") for code in range(5)}


@aside
def test_a_task_of_an_array_is_requeued_alone_and_what_depends_on_the_array_waits_for_it(cluster, folder):
    environment = {**stand_in(folder, f"[[ $4 == 0/2 ]] && exit 0\n{SAVES}"), "SHARDS": "2"}
    job = batch_aside(cluster, environment, "array.sbatch", 1, options=["--array=0-1"], log=folder / "%a")
    after = cluster.sbatch("--partition=aside", f"--dependency=afterany:{job}", f"--output={folder}/after",
                           "--wrap", f"cat {folder}/1")
    wait_for(lambda: (folder / "1").exists() and "begun" in told(folder / "1"), 60, "task 1 to begin")
    cluster.run("scancel", "--signal=USR1", "--batch", f"{job}_1")
    records = cluster.wait_until_ended(job, 120)
    assert {record["ArrayTaskId"]: (record["ExitCode"], record["Restarts"]) for record in records} == {
        "0": ("0:0", "0"), "1": ("0:0", "1")}
    cluster.wait_until_ended(after)
    assert told(folder / "after") == ["begun", "saved", "begun"]


@aside
def test_a_job_at_its_time_limit_is_requeued(cluster, folder):
    log = folder / "log"
    job = begin(cluster, stand_in(folder, SAVES), 1, options=["--time=1", "--signal=B:USR1@50"], log=log)
    assert ended(cluster, job) == ("0:0", "1")
    assert told(log) == ["begun", "saved", "begun"]


@aside
def test_a_job_that_another_preempts_is_requeued(cluster, folder):
    """By USR1 to the script; or, where the site sends none, by TERM to what srun started."""
    text, script = (SCRIPTS / "sweep.sbatch").read_text(), folder / "without-usr1.sbatch"
    script.write_text(text.replace("#SBATCH --signal=B:USR1@120\n", ""))
    assert script.read_text() != text
    for file, launch in [(SCRIPTS / "sweep.sbatch", "()"), (script, "(srun --mpi=none)")]:
        environment, log = stand_in(folder, SAVES, LAUNCH=launch), folder / f"{file.stem}.log"
        job = begin(cluster, environment, 1, options=["--partition=low"], log=log, script=file)
        cluster.sbatch("--partition=high", "--output=/dev/null", "--wrap", "sleep 1")
        assert ended(cluster, job) == ("0:0", "1")
        assert told(log) == ["begun", "saved", "begun"]
        assert ("(USR1)" in log.read_text()) == (file != script)


@aside
def test_a_job_that_does_not_end_in_time_is_killed_and_requeued(cluster, folder):
    environment = stand_in(folder, """
        trap '' USR1
        echo begun
        [[ -n ${SLURM_RESTART_COUNT:-} ]] || sleep 200
    """, STOP_SECONDS="4")
    job = begin(cluster, environment, "any", log=folder / "log")
    cluster.run("scancel", "--signal=USR1", "--batch", job)
    assert ended(cluster, job) == ("0:0", "1")
    assert told(folder / "log") == ["begun", "killed", "begun"]


@aside
def test_a_job_is_not_requeued_for_ever(cluster, folder):
    log = folder / "log"
    job = begin(cluster, stand_in(folder, SAVES, MAX_REQUEUES="1"), 9, log=log)
    cluster.run("scancel", "--signal=USR1", "--batch", job)
    wait_for(lambda: told(log).count("begun") == 2, 60, "the job to begin again")
    cluster.run("scancel", "--signal=USR1", "--batch", job)
    assert ended(cluster, job) == ("3:0", "1")
    assert "MAX_REQUEUES" in log.read_text()


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
    headers = {"Authorization": f"Bearer {token or written}"}
    request = urllib.request.Request(url.removesuffix("/v1") + path, headers=headers)
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code
    except (urllib.error.URLError, OSError, http.client.HTTPException):
        return None


@aside
def test_the_judges_address_is_written_once_the_server_is_healthy_and_goes_with_it(cluster, folder):
    endpoint, log = folder / "sub/endpoint", folder / "log"
    job = batch_aside(cluster, judge_site(folder), "judge.sbatch", endpoint, "a-model", log=log)
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

    address = folder / "address"
    address.write_text(endpoint.read_text())
    cluster.run("scancel", job)
    assert cluster.wait_until_ended(job)[0]["JobState"] == "CANCELLED"
    wait_for(lambda: not endpoint.exists() and status_of(address, "/health") is None, 10, "the server to go")


@aside
def test_a_judge_that_ends_by_itself_passes_its_exit_code_on_and_takes_its_address_away(cluster, folder):
    endpoint = folder / "endpoint"
    job = batch_aside(cluster, judge_site(folder), "judge.sbatch", endpoint, log=folder / "log")
    wait_for(endpoint.exists, 30, "the endpoint file")
    status_of(endpoint, "/die")
    assert exit_codes(cluster.wait_until_ended(job)) == ["7:0"]
    assert not endpoint.exists()


@aside
def test_a_judge_that_never_gets_ready_fails_and_writes_no_address(cluster, folder):
    environment = judge_site(folder, JUDGE_START_SECONDS="1")
    job = batch_aside(cluster, environment, "judge.sbatch", folder / "endpoint", log=folder / "log")
    [record] = cluster.wait_until_ended(job)
    assert record["JobState"] == "FAILED"
    assert not (folder / "endpoint").exists() and "is not ready after 1 s" in (folder / "log").read_text()


def test_every_setting_of_a_site_stands_in_the_example():
    text = (SCRIPTS / "common.sh").read_text()
    defaults = text[text.index("ALL_JOBS="):text.index("say()")]
    names = re.findall(r"\b([A-Za-z_]+(?==|\(\)))", defaults)
    example = (SCRIPTS / "site.env.example").read_text()
    assert {"RUN_JOB", "LAUNCH", "site_setup"} <= set(names)
    assert [name for name in names if not re.search(rf"^(# )?{name}(=|\(\))", example, re.MULTILINE)] == []


PLAN = """
cat <<'END'
[sweep]
name = "mine"
output = "OUTPUT"
[judge]
endpoint_file = "judge.endpoint"
model = "a model"
END
"""


def test_the_options_of_the_example_go_to_their_jobs(cluster, tmp_path):
    """With a stand-in for `saesweep plan`, and without modules."""
    program = stand_in(tmp_path, PLAN.replace("OUTPUT", f"{tmp_path}/out"), ALL_JOBS="(--account=all)")["SITE_ENV"]
    (tmp_path / "all.env").write_text(f"module() {{ :; }}\nsource {SCRIPTS}/site.env.example\nsource {program}\n")
    said = cluster.run(str(SCRIPTS / "submit.sh"), "mine.toml", "--shards", "8", "--at-once", "2", "--judge",
                       "--dry-run", cwd=tmp_path, env={"SITE_ENV": "all.env"})
    judge, run, down, merge, report = said.splitlines()
    assert all(line.startswith("sbatch --parsable") and "--account=all" in line for line in said.splitlines())
    assert "--cpus-per-task=32" in judge and f"judge.sbatch {tmp_path}/judge.endpoint a\\ model" in judge
    assert "--array=0-7%2" in run and "--ntasks=4" in run and "array.sbatch mine.toml" in run
    assert "--dependency=after:" in run and "--dependency=afterany:" in down and "scancel" in down
    for line in (down, merge, report):
        assert line.index("--account=all") < line.index("--partition=cpu"), "the later option wins"
    assert f"report.sbatch {tmp_path}/out/results.h5 {tmp_path}/out/report" in report
    assert not (tmp_path / "out").exists()


def test_a_site_that_is_not_there_is_refused(tmp_path):
    done = subprocess.run(["bash", "-c", f"source {SCRIPTS}/common.sh; SITE_ENV={tmp_path}/none read_site"],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and "site.env.example" in done.stderr
