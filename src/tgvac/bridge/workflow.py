"""Running Snakemake for the user: one command that can be killed and repeated."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tgvac.bridge.duration import announced
from tgvac.bridge.footage import GIVEN
from tgvac.bridge.graph import Graph
from tgvac.bridge.mlflow_outcome import forget_failure
from tgvac.config import nearest
from tgvac.errors import BadInput
from tgvac.files import locked, name_holder
from tgvac.phases import PHASES
from tgvac.training.interruption import INTERRUPTED

TARGETS = ("all", *(phase.name for phase in PHASES), "ledger", "standins", "mlflow")
"""The targets of a run."""
_COMPLETED = ("all", "completion", "metrics", "report", "ledger", "mlflow")
"""Those that read outputs that were made elsewhere."""
SETTINGS = ("--rerun-incomplete", "--quiet", "reason", "--max-checksum-file-size", "100MB")
"""Options of Snakemake for all runs: interrupted jobs are run again, and large files, too, are compared by content."""


def command(scale: str, cores: int, target: str) -> list[str]:
    """The Snakemake command of a run.

    Snakemake's own lock stays after its process was killed. Ours does not, so it is used instead.
    """
    return [
        *(sys.executable, "-m", "snakemake", target, f"-c{cores}"),
        *("--nolock", *SETTINGS),
        *("--config", f"scale={scale}"),
    ]


def run_workflow(
    root: Path,
    scale: str,
    cores: int,
    target: str,
    given: Mapping[str, str],
    prepare: Callable[[Graph], None] = lambda graph: None,
) -> int:
    """Run the workflow up to a target and print where the report is.

    Args:
        prepare: called before Snakemake starts, when no other run is in the folder.

    Returns:
        Snakemake's exit code, or ``INTERRUPTED`` if a signal stopped this process before the target was made.
    """
    # Checked here, so that mistakes in params and options are printed in one sentence without Snakemake's messages.
    graph = Graph.load({"scale": scale, **given}, root)
    if target not in TARGETS:
        raise BadInput(f"There is no target '{target}'; {nearest(target, list(TARGETS))}")
    if target in _COMPLETED:
        graph.check_outputs(root)
    if target == "all" and (said := announced(root, scale, cores)):
        print(said, flush=True)
    began = time.time()
    with locked(root / "scratch" / "run.lock") as lock:
        forget_failure(root, scale)
        prepare(graph)
        # Snakemake inherits the lock, so that a second run waits for it even if only this process dies.
        # The user's footage is scanned in a run of its own: the next run then compares the manifest's content. Within
        # one run, Snakemake takes a manifest that was written again for a changed one.
        code = 0
        for step in (["sources"] if given and target != "sources" else []) + [target]:
            child = subprocess.Popen(command(scale, cores, step), cwd=root, env=_environment(given), pass_fds=(lock,))
            name_holder(lock, child.pid)
            code, stopped = _wait(child)
            if stopped and (code or step != target):
                code = INTERRUPTED
            if code:
                break
    results = root / "results" / scale
    if code == 0 and target == "all":
        print(f"the report is at {results / 'report' / 'index.html'}")
        print(f"the ledger is at {results / 'ledger' / 'index.html'}: each published number beside ours")
    elif code == INTERRUPTED:
        # Printed last, since Snakemake reports jobs that saved their state and ended as failed.
        print("stopped; the same command resumes from what is saved", file=sys.stderr)
    elif code != 0:
        logs = root / "logs" / scale
        causes = _causes(logs, began)
        again = "when that is fixed, " if causes else ""
        print(*causes, sep="\n", end="\n" if causes else "", file=sys.stderr)
        print(f"the run failed; logs are in {logs}; {again}the same command resumes from here", file=sys.stderr)
    return code


def _causes(logs: Path, since: float) -> list[str]:
    """The error messages of the jobs of a run, to repeat them after Snakemake's own output."""
    found: dict[str, None] = {}
    for path in sorted(logs.rglob("*.log")):
        if path.stat().st_mtime >= since:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            found.update(dict.fromkeys(line for line in lines if line.startswith("tgvac: ")))
    return list(found)


def _wait(child: subprocess.Popen[bytes]) -> tuple[int, bool]:
    """Snakemake's exit code, and whether a signal told this process to stop."""
    stopped = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopped
        stopped = True
        if number == signal.SIGINT:
            print("stopping: running jobs save their state and end", file=sys.stderr, flush=True)
        # An interrupt from the terminal reaches the jobs, too; one that is sent to this process alone does not.
        _stop(child)

    old = {s: signal.signal(s, stop) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    try:
        code = child.wait()
        return code, stopped
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Terminate running stages, which then save their state, and Snakemake, which would wait until they are done."""
    import psutil

    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(child.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "stage" in process.cmdline():
                    process.terminate()
    child.terminate()


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of Snakemake and its jobs. It has the user's paths, since Snakemake reads options as YAML."""
    ours = {GIVEN: json.dumps(dict(given)), "PYTHONUNBUFFERED": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return {**os.environ, **ours}
