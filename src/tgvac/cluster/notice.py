"""How long before its time limit a training must be told, so that its state is saved in time.

The step that runs is finished, the state is written and flushed, and read once for its digest
(:mod:`tgvac.training.checkpoint`). It is verified when the next process reads it.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tgvac.errors import BadInput

SAMPLE_MB = 256
STEP_S = 30.0
"""Seconds for the step that runs, and for SLURM, which looks at its clock every half minute."""
MARGIN = 2.0
"""A disk that other jobs use, too, may be as much slower than when it was measured."""


def saving_rate(folder: Path, megabytes: int = SAMPLE_MB, clock: Callable[[], float] = time.monotonic) -> float:
    """Bytes per second of writing a file, flushing it to disk and reading it for its digest.

    Args:
        folder: where checkpoints are; made if it is not there.
        megabytes: size of the file, which is deleted.
        clock: returns seconds.

    Raises:
        OSError: when it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Not zeros, which some file systems do not store.
    block = os.urandom(2**20)
    path = folder / f".rate-{os.getpid()}.part"
    began = clock()
    try:
        with path.open("wb") as stream:
            for _ in range(megabytes):
                stream.write(block)
            stream.flush()
            os.fsync(stream.fileno())
        with path.open("rb") as stream:
            hashlib.file_digest(stream, "sha256")
        return megabytes * 2**20 / (clock() - began)
    finally:
        path.unlink(missing_ok=True)


def needed_notice(size: int, rate: float) -> int:
    """Seconds from the notice until a state is safe, in whole minutes.

    Args:
        size: of a checkpoint, bytes.
        rate: of :func:`saving_rate`, bytes per second.

    >>> needed_notice(14_000_000_000, 250e6)
    180
    """
    seconds = STEP_S + MARGIN * size / rate
    return int(-(-seconds // 60) * 60)


def notice_of(extra: str) -> int:
    """Seconds of notice that sbatch's options ask for; 0 for none.

    >>> notice_of("--signal=USR1@600 --exclusive"), notice_of("--signal=B:USR1@600"), notice_of("")
    (600, 0, 0)
    """
    # With "B:" the batch shell alone would be told, and end.
    found = re.search(r"--signal[= ](?:SIG)?USR1@(\d+)", extra)
    return int(found[1]) if found else 0


def check_notice(rules: Mapping[str, tuple[str, int, int]], rate: float, profile: str) -> None:
    """Refuse trainings that would be told too late to save.

    Args:
        rules: for each rule the extra options of sbatch, the time limit in minutes and the bytes of a checkpoint.
        rate: of :func:`saving_rate`, bytes per second.
        profile: where the options are set.

    Raises:
        BadInput: with the rule, and the option that it needs.
    """
    for rule, (extra, minutes, size) in rules.items():
        given, needed = notice_of(extra), needed_notice(size, rate)
        option = f"slurm_extra: '\"--signal=USR1@{needed}\"'"
        if given < needed:
            told = f"is told {given} s before its time limit" if given else "is not told before its time limit"
            raise BadInput(
                f"{rule} {told}, but saving a checkpoint of {size / 1e9:.1f} GB at the measured"
                f" {rate / 1e6:.0f} MB/s may take {needed} s; set {option} in {profile}."
            )
        if 60 * minutes < 4 * given:
            raise BadInput(
                f"{rule} has a time limit of {minutes} minutes and is told {given} s before it, so that it would work"
                f" for less than three quarters of the time; raise its runtime in {profile}."
            )
