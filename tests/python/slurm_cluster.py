"""A real Slurm on this machine for tests: munged, slurmctld and slurmd without systemd, on ports and paths of its own.

Partition `one` has one node of four cores, `two` two nodes of one core each, `aside` one of eight for jobs that only
wait; jobs of `low` are preempted by those of `high`. All nodes are this machine, however few cores it has.
"""

import contextlib
import ctypes
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from sweep_runs import PROGRAM, ROOT

SCRIPTS = ROOT / "slurm"
SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
# "" where there is a Slurm, else what is missing.
MISSING = ", ".join(name for name in ("munged", "slurmctld", "slurmd", "sbatch") if not shutil.which(name, path=SBIN))

# cred_expire: a requeued job waits so long, 120 s otherwise. Leftover ranks are found by their process group.
CONF = """
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
TmpFS={folder}/tmp-%n
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,bf_interval=1
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
SlurmdParameters=config_overrides
JobRequeue=1
KillWait=5
ReturnToService=2
MpiDefault=none
{nodes}
PartitionName=one Nodes=n0 Default=YES State=UP PriorityTier=1 PreemptMode=OFF
PartitionName=two Nodes=n[1-2] State=UP PriorityTier=1 PreemptMode=OFF
PartitionName=aside Nodes=n3 State=UP PriorityTier=1 PreemptMode=OFF
PartitionName=low Nodes=n4 State=UP PriorityTier=1 GraceTime=20
PartitionName=high Nodes=n4 State=UP PriorityTier=9 PreemptMode=OFF
"""
NODE = "NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs={cores} RealMemory=4000"
CORES = {"n0": 4, "n1": 1, "n2": 1, "n3": 8, "n4": 1}
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL"}


def free_ports(n):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_for(holds, seconds, what):
    """What holds() gives, once it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


def die_with_parent():
    """Linux: the daemon is killed when the tests end in whatever way."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class SlurmCluster:
    """`with SlurmCluster() as cluster`: up until the block ends; then nothing of it is left."""

    def __init__(self):
        # Not pytest's folder: a socket's path may have 107 bytes, and munge wants one that others can pass.
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.folder.chmod(0o755)
        self.daemons = {}
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SBATCH"))}
        self.environment = {**outer, "SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": SBIN}

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if len(self.daemons) > 1:
            self._end_jobs()
        for daemon in reversed(self.daemons.values()):
            daemon.terminate()
        for daemon in self.daemons.values():
            try:
                daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self):
        for name in ["state", *(f"tmp-{node}" for node in CORES)]:
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        port, *ports = free_ports(1 + len(CORES))
        nodes = [NODE.format(name=name, port=own, cores=cores) for (name, cores), own in zip(CORES.items(), ports)]
        (self.folder / "slurm.conf").write_text(
            CONF.format(port=port, nodes="\n".join(nodes), user=getpass.getuser(), folder=self.folder))
        files = [f"--{option}={self.folder}/munge.{option.removesuffix('-file')}"
                 for option in ("socket", "key-file", "pid-file", "log-file", "seed-file")]
        self._start_daemon("munged", "munged", "--foreground", "--force", *files)
        wait_for(lambda: (self.folder / "munge.socket").exists(), 10, "munged")
        self._start_daemon("slurmctld", "slurmctld", "-D", "-c")
        for node in CORES:
            self._start_daemon(node, "slurmd", "-D", "-N", node)
        wait_for(self._is_up, 30, f"the nodes; logs: {self._logs()}")

    def _start_daemon(self, name, *command):
        with open(self.folder / f"{name}.out", "ab") as out:
            self.daemons[name] = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=out,
                                                  stderr=out, preexec_fn=die_with_parent)

    def _is_up(self):
        for daemon in self.daemons.values():
            assert daemon.poll() is None, f"{daemon.args} ended; logs: {self._logs()}"
        nodes = self.run("sinfo", "-h", "-N", "-o", "%N %T", check=False).splitlines()
        return {f"{node} idle" for node in CORES} <= set(nodes)

    def _logs(self):
        files = sorted([*self.folder.glob("*.log"), *self.folder.glob("*.out")])
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in files)

    def _end_jobs(self):
        """Cancels what is there, and waits until its processes are gone."""
        subprocess.run(["scancel", "--user", getpass.getuser()], env=self.environment, stderr=subprocess.DEVNULL)
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not self.run("squeue", "-h").strip(), 20, "the queue to empty")

    def run(self, *command, check=True, **more):
        """Standard output of a command that sees this Slurm."""
        done = subprocess.run(command, env={**self.environment, **more.pop("env", {})}, capture_output=True, text=True,
                              timeout=60, **more)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def sbatch(self, *arguments, **more):
        """Id of the job."""
        return self.run("sbatch", "--parsable", *map(str, arguments), **more).strip()

    def shows(self, job):
        """Fields of scontrol's record: of a job, or of each task of an array."""
        records = self.run("scontrol", "-o", "show", "job", str(job)).strip().splitlines()
        return [dict(re.findall(r"(\w+)=(\S*)", record)) for record in records]

    def wait_until_ended(self, job, seconds=60):
        """Records of the job, or of all tasks of an array, once they have ended and are not to run again."""
        def ended():
            records = self.shows(job)
            return records if all(record["JobState"] in ENDED for record in records) else None
        return wait_for(ended, seconds, f"job {job} to end")

    def fail_node(self, node):
        """Kills all that runs on the node, its daemon too."""
        self.daemons[node].kill()
        self.daemons[node].wait()
        marks = {f"SLURMD_NODENAME={node}".encode(), f"SLURM_CONF={self.folder}/slurm.conf".encode()}
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if marks <= set((process / "environ").read_bytes().split(b"\0")):
                    os.kill(int(process.name), signal.SIGKILL)

    def mend_node(self, node):
        self._start_daemon(node, "slurmd", "-D", "-N", node)


def site(folder, **settings):
    """A site.env; returns what the environment needs to name it."""
    lines = {"ALL_JOBS": "(--partition=one)", "SAESWEEP": f"'{PROGRAM}'", **settings}
    path = folder / "site.env"
    path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return {"SITE_ENV": str(path)}


def batch(cluster, environment, script, *arguments, options=(), log):
    """One job script by hand; id of the job."""
    return cluster.sbatch("--partition=one", f"--output={log}", *options, SCRIPTS / script, *arguments, cwd=ROOT,
                          env=environment)


def exit_codes(records):
    return [record["ExitCode"] for record in records]
