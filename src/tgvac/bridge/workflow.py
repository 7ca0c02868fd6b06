"""Running Snakemake for the user: one command that can be killed and given again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tgvac.bridge.graph import GIVEN, Graph
from tgvac.bridge.mlflow_outcome import forget_failure
from tgvac.config import nearest
from tgvac.errors import BadInput
from tgvac.files import locked, name_holder
from tgvac.phases import PHASES
from tgvac.training.interruption import INTERRUPTED

TARGETS = ("all", *(phase.name for phase in PHASES), "standins", "mlflow")
"""What a run can be asked for."""
SETTINGS = ("--rerun-incomplete", "--quiet", "reason", "--max-checksum-file-size", "100MB")
"""Of Snakemake, for all runs: what was broken off is made again, and large files are compared by content, too."""


def command(scale: str, cores: int, target: str) -> list[str]:
    """The Snakemake command of a run.

    Snakemake's own lock outlives a killed process; ours does not, so ours is held instead.
    """
    return [
        *(sys.executable, "-m", "snakemake", target, f"-c{cores}"),
        *("--nolock", *SETTINGS),
        *("--config", f"scale={scale}"),
    ]


def run_workflow(root: Path, scale: str, cores: int, target: str, given: Mapping[str, str]) -> int:
    """Run the graph up to a target and say where the report is.

    Returns:
        Snakemake's exit code, or ``INTERRUPTED`` where this process was told to stop before all was made.
    """
    # Mistakes in params and options are told in one sentence, before Snakemake wraps them in its own.
    Graph.load({"scale": scale, **given}, root)
    if target not in TARGETS:
        raise BadInput(f"There is no target '{target}'; {nearest(target, list(TARGETS))}")
    began = time.time()
    with locked(root / "scratch" / "run.lock") as lock:
        forget_failure(root, scale)
        # Snakemake inherits the lock: if only this process dies, a second run still waits for the first.
        # The user's footage is looked at in a run of its own: what follows then compares the manifest's content, where
        # within one run Snakemake would take a manifest that was written again for a changed one.
        code = 0
        for step in (["sources"] if given and target != "sources" else []) + [target]:
            child = subprocess.Popen(command(scale, cores, step), cwd=root, env=_environment(given), pass_fds=(lock,))
            name_holder(lock, child.pid)
            code, told = _wait(child)
            if told and (code or step != target):
                code = INTERRUPTED
            if code:
                break
    page = root / "results" / scale / "report" / "index.html"
    if code == 0 and target == "all":
        print(f"the report is at {page}")
    elif code == INTERRUPTED:
        # Last, since Snakemake calls jobs failed that were told to save and end.
        print("stopped; what was running has saved its state; the same command goes on from here", file=sys.stderr)
    elif code != 0:
        logs = root / "logs" / scale
        causes = _causes(logs, began)
        again = "when that is mended, " if causes else ""
        print(*causes, sep="\n", end="\n" if causes else "", file=sys.stderr)
        print(f"the run stopped; logs are in {logs}; {again}the same command goes on from here", file=sys.stderr)
    return code


def _causes(logs: Path, since: float) -> list[str]:
    """What the jobs of a run said was wrong, once more: Snakemake has said much about it since."""
    found: dict[str, None] = {}
    for path in sorted(logs.rglob("*.log")):
        if path.stat().st_mtime >= since:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            found.update(dict.fromkeys(line for line in lines if line.startswith("tgvac: ")))
    return list(found)


def _wait(child: subprocess.Popen[bytes]) -> tuple[int, bool]:
    """Snakemake's exit code, and whether a signal told this process to stop, by which a training would save and end."""
    told = False

    def stop(number: int, frame: object) -> None:
        nonlocal told
        told = True
        if number == signal.SIGINT:
            print("stopping: running jobs are told to save and end", file=sys.stderr, flush=True)
        # An interrupt from the terminal has reached them, too; one that was sent to this process alone has not.
        _stop(child)

    old = {s: signal.signal(s, stop) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    try:
        code = child.wait()
        return code, told
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Tell running stages to save and end, then Snakemake, which by itself would wait until they are done."""
    import psutil

    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(child.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "stage" in process.cmdline():
                    process.terminate()
    child.terminate()


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    """What Snakemake and its jobs see; the user's paths as they are, which Snakemake would read as YAML."""
    told = {GIVEN: json.dumps(dict(given)), "PYTHONUNBUFFERED": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return {**os.environ, **told}
