"""A real SLURM on one node, for tests: Debian's packages, fake GPUs, and nothing outside its own folder.

Needs root, because slurmd starts jobs as other users; uses free ports of 127.0.0.1 and a munge key of its own, so
that it neither needs nor disturbs a SLURM that this machine may have. Programs find its configuration through
wrappers in ``bin``, which ``PATH`` names first: Snakemake's executor takes ``SLURM_CONF`` from what it starts.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import psutil

DAEMONS = ("slurmctld", "slurmd", "munged")
CLIENTS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sacctmgr", "sshare")
PARTITIONS = ("cpu", "gpu")
GPU_TYPE = "fake"
KILL_WAIT = 30
"""Seconds between SIGTERM and SIGKILL: SLURM's default, which a cluster is likely to have."""


def missing() -> str:
    """Why no SLURM can be started here; "" if one can."""
    if os.geteuid() != 0:
        return "slurmd needs root"
    absent = [name for name in (*DAEMONS, *CLIENTS) if shutil.which(name) is None]
    return f"{', '.join(absent)} not installed: apt-get install slurm-wlm munge" if absent else ""


class OneNode:
    """The cluster. ``start`` it, run commands with ``environment``, and ``stop`` it.

    Args:
        folder: of its own, short: the munge socket's name may have 107 characters.
        gpus: fake ones, which jobs can ask for but not compute on.
        cpus: as many jobs of one thread run at once; may be more than the machine has.
    """

    def __init__(self, folder: Path, gpus: int = 2, cpus: int = 4) -> None:
        self.folder, self.gpus, self.cpus = folder, gpus, cpus
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        with ExitStack() as held:
            # All at once, so that they differ.
            probes = [held.enter_context(socket.socket()) for _ in range(2)]
            for probe in probes:
                probe.bind(("127.0.0.1", 0))
            self._controller_port, self._node_port = (probe.getsockname()[1] for probe in probes)

    @property
    def _conf(self) -> Path:
        return self.folder / "etc" / "slurm.conf"

    @property
    def _socket(self) -> Path:
        return self.folder / "munge" / "socket"

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which commands, Snakemake among them, use this cluster."""
        return {**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}

    def start(self) -> None:
        """Write the configuration, start munge, controller and node, and wait until the node takes jobs."""
        self._write()
        self._start_munge()
        self.start_controller()
        self.start_node()

    def stop(self) -> None:
        """Cancel what runs, and end what was started here."""
        if "slurmctld" in self._running:
            subprocess.run([self.folder / "bin" / "scancel", "--user=root", "--signal=KILL"], check=False, timeout=30)
        for name in ("slurmd", "slurmctld", "munged"):
            self._end(name, signal.SIGTERM)

    def start_controller(self) -> None:
        """Start the controller; jobs and queue are as they were when it stopped."""
        self._launch("slurmctld", ["slurmctld", "-D", "-f", self._conf])
        self._until(lambda: "UP" in self.run("scontrol", "ping", check=False), "the controller answers")

    def stop_controller(self) -> None:
        """Kill the controller, as a crash does."""
        self._end("slurmctld", signal.SIGKILL)

    def start_node(self) -> None:
        """Start the node's daemon."""
        self._launch("slurmd", ["slurmd", "-D", "-f", self._conf, "-N", "localhost"])
        ready = ("idle", "mixed", "allocated")
        self._until(lambda: self.run("sinfo", "-h", "-o", "%T", "-p", "cpu").strip() in ready, "the node takes jobs")

    def set_node(self, state: str) -> None:
        """Set the node to ``down`` or ``resume`` it, as an administrator does."""
        self.run("scontrol", "update", "nodename=localhost", f"state={state}", "reason=test")

    def run(self, *command: str, check: bool = True) -> str:
        """The output of a SLURM command."""
        done = subprocess.run(
            [self.folder / "bin" / command[0], *command[1:]], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.stderr}"
        return done.stdout

    def jobs(self, rule: str, states: str = "R") -> list[str]:
        """Ids of the jobs of a Snakemake rule in some states, such as ``PD,R``; the executor's comment has the rule."""
        lines = self.run("squeue", "-h", "-t", states, "-o", "%i|%k").splitlines()
        found = [line.split("|", 1) for line in lines]
        return [job for job, comment in found if comment.startswith(f"rule_{rule}")]

    def minutes(self, job: str) -> int:
        """Whole minutes that a job has been running."""
        return int(self.run("squeue", "-h", "-j", job, "-o", "%M").strip().split(":")[-2])

    def until_idle(self) -> None:
        """Wait until no job is left in the queue."""
        self._until(lambda: not self.run("squeue", "-h").strip(), "the queue is empty", KILL_WAIT + 30)

    def _write(self) -> None:
        # munged runs as a user of its own, who must reach its socket.
        self.folder.chmod(0o755)
        for name in ("etc", "log", "state", "spool", "dev", "bin"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        # A character device, here /dev/null's: for a plain file slurmd would not set CUDA_VISIBLE_DEVICES.
        for number in range(self.gpus):
            os.mknod(self.folder / "dev" / f"gpu{number}", 0o020666, os.makedev(1, 3))
        for name in CLIENTS:
            wrapper = self.folder / "bin" / name
            wrapper.write_text(f'#!/bin/sh\nSLURM_CONF="{self._conf}" exec {shutil.which(name)} "$@"\n')
            wrapper.chmod(0o755)
        memory = int(psutil.virtual_memory().total * 0.9 / 2**20)
        self._conf.write_text(_CONF.format(**self._names(), memory=memory))
        devices = self.folder / "dev" / f"gpu[0-{self.gpus - 1}]"
        gpu = f"NodeName=localhost Name=gpu Type={GPU_TYPE} Flags=nvidia_gpu_env File={devices}\n"
        (self.folder / "etc" / "gres.conf").write_text(gpu)

    def _names(self) -> Mapping[str, object]:
        return {
            "folder": self.folder,
            "socket": self._socket,
            "controller_port": self._controller_port,
            "node_port": self._node_port,
            "cpus": self.cpus,
            "gpu": f"{GPU_TYPE}:{self.gpus}",
            "kill_wait": KILL_WAIT,
        }

    def _start_munge(self) -> None:
        home = self._socket.parent
        key = home / "var" / "key"
        key.parent.mkdir(parents=True, mode=0o700)
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        for path in (home, key.parent, key):
            shutil.chown(path, "munge", "munge")
        home.chmod(0o755)
        files = {"socket": self._socket, "key-file": key}
        files |= {f"{kind}-file": key.with_name(kind) for kind in ("seed", "pid", "log")}
        options = [f"--{option}={path}" for option, path in files.items()]
        # --force: a folder below /tmp is writable by others.
        as_munge = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups"]
        self._launch("munged", [*as_munge, "munged", "--foreground", "--force", *options])
        self._until(self._socket.exists, "munge listens")

    def _launch(self, name: str, command: Sequence[str | Path]) -> None:
        log = (self.folder / "log" / f"{name}.out").open("ab")
        # A session of its own: Ctrl-C of a test run must not reach it before the jobs are cancelled.
        self._running[name] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        log.close()

    def _end(self, name: str, number: int) -> None:
        process = self._running.pop(name, None)
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _until(self, ready: Callable[[], bool], what: str, seconds: float = 60) -> None:
        limit = time.monotonic() + seconds
        while not ready():
            ended = [name for name, process in self._running.items() if process.poll() is not None]
            assert not ended, f"{ended[0]} ended: {(self.folder / 'log' / f'{ended[0]}.out').read_text()[-2000:]}"
            assert time.monotonic() < limit, f"waited {seconds:.0f} s until {what}"
            time.sleep(0.1)


_CONF = """\
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={socket},cred_expire=5
CryptoType=crypto/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=2,batch_sched_delay=1,sched_min_interval=0
SlurmdParameters=config_overrides
MpiDefault=none
SwitchType=switch/none
ReturnToService=1
MailProg=/bin/true
InactiveLimit=0
KillWait={kill_wait}
MinJobAge=300
SlurmctldTimeout=30
SlurmdTimeout=300
Waittime=0
GresTypes=gpu
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:{gpu} State=UNKNOWN
PartitionName=cpu Nodes=localhost Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=localhost Default=NO MaxTime=INFINITE State=UP
"""
