"""What a SLURM cluster offers: partitions with their nodes, and the accounts of the user."""

from __future__ import annotations

import getpass
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tgvac.errors import BadInput

_NO_LIMIT = ("infinite", "UNLIMITED", "n/a")
_DAY_MIN, _HOUR_MIN = 24 * 60, 60

Run = Callable[[Sequence[str]], str]
"""Runs a command and returns its output; "" if it fails."""


@dataclass(frozen=True)
class Nodes:
    """Nodes of one kind.

    Attributes:
        memory: MB of each.
        gpus: of each, by model; the model is "" where the cluster does not name it.
    """

    cpus: int
    memory: int
    gpus: Mapping[str, int]


@dataclass(frozen=True)
class Partition:
    """A partition.

    Attributes:
        default: whether jobs that name none go there.
        minutes: the longest time limit; None if there is none.
    """

    name: str
    default: bool
    minutes: int | None
    nodes: tuple[Nodes, ...]


@dataclass(frozen=True)
class Site:
    """A cluster, as the user sees it.

    Attributes:
        accounts: those that the user may charge; empty if the cluster keeps no accounts.
        account_needed: whether it refuses jobs without one.
        remembers: whether it keeps the states of jobs that have ended (``sacct``).
    """

    partitions: tuple[Partition, ...]
    accounts: tuple[str, ...] = ()
    account_needed: bool = False
    remembers: bool = True

    def partition(self, name: str) -> Partition | None:
        """The partition of a name, or the default one for ""; None if there is none."""
        return next((each for each in self.partitions if each.name == name or (not name and each.default)), None)


def read_site(run: Run | None = None) -> Site:
    """Ask the cluster.

    Args:
        run: in place of running SLURM's commands.

    Raises:
        BadInput: when it does not answer.
    """
    ask = run or run_command
    shown = ask(["sinfo", "--noheader", "--format=%P|%l|%c|%m|%G"])
    partitions = parse_partitions(shown)
    if not partitions:
        raise BadInput(
            "SLURM does not answer (`sinfo` shows no partition); start the run on a login node of the cluster, or"
            " without --profile slurm and with -c2."
        )
    config = ask(["scontrol", "show", "config"])
    enforced = re.search(r"AccountingStorageEnforce\s*=\s*(.*)", config)
    mine = f"user={getpass.getuser()}"
    accounts = ask(["sacctmgr", "--noheader", "--parsable2", "list", "associations", mine, "format=account"])
    return Site(
        partitions,
        tuple(sorted(set(accounts.split()))),
        account_needed=enforced is not None and "associations" in enforced[1],
        remembers=re.search(r"AccountingStorageType\s*=\s*(accounting_storage/none|\(null\))", config) is None,
    )


def parse_partitions(shown: str) -> tuple[Partition, ...]:
    """Partitions from lines of ``sinfo --format=%P|%l|%c|%m|%G``, which has a line for each kind of nodes.

    >>> parse_partitions("gpu*|2-00:00:00|64|512000+|gpu:a100:8(S:0-1)")[0].nodes[0].gpus
    {'a100': 8}
    """
    found: dict[str, Partition] = {}
    for line in shown.splitlines():
        name, limit, cpus, memory, gres = line.strip().split("|")
        plain = name.rstrip("*")
        nodes = Nodes(int(cpus.rstrip("+")), int(memory.rstrip("+")), parse_gpus(gres))
        before = found[plain].nodes if plain in found else ()
        found[plain] = Partition(plain, name.endswith("*"), parse_minutes(limit), (*before, nodes))
    return tuple(found.values())


def parse_gpus(gres: str) -> dict[str, int]:
    """GPUs by model, from a node's generic resources.

    >>> parse_gpus("gpu:a100:4(S:0),gpu:2,shard:8"), parse_gpus("(null)")
    ({'a100': 4, '': 2}, {})
    """
    found: dict[str, int] = {}
    for model, count in re.findall(r"(?:^|,)gpu(?::([A-Za-z_][\w.\-]*))?(?::(\d+))?(?=[(,]|$)", gres):
        found[model] = found.get(model, 0) + int(count or 1)
    return found


def parse_minutes(limit: str) -> int | None:
    """Minutes of SLURM's ``days-hours:minutes:seconds``; None for no limit.

    >>> parse_minutes("2-12:00:00"), parse_minutes("30:00"), parse_minutes("infinite")
    (3600, 30, None)
    """
    if limit in _NO_LIMIT:
        return None
    days, _, clock = limit.rpartition("-")
    hours, minutes, _ = (int(part) for part in f"0:{clock}".split(":")[-3:])
    return int(days or 0) * _DAY_MIN + hours * _HOUR_MIN + minutes


def run_command(command: Sequence[str]) -> str:
    """The output of a command; "" if there is no such command, or it fails or does not answer within a minute."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
