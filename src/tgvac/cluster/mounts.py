"""How a folder is mounted, and so whether a lock in it (``flock``) holds on other machines, too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_BEEGFS = Path("/proc/fs/beegfs")


@dataclass(frozen=True)
class Mount:
    """A mounted file system.

    Attributes:
        kind: its type, such as ``nfs4``.
        options: those of the mount and of the file system.
    """

    point: str
    kind: str
    options: frozenset[str]


def mount_of(path: Path, table: str) -> Mount | None:
    """The file system that holds a path.

    Args:
        table: the content of ``/proc/self/mountinfo`` (``man 5 proc``).
    """
    target, found = path.resolve().as_posix(), None
    for line in table.splitlines():
        before, _, after = line.partition(" - ")
        # Spaces in names are written as octal numbers.
        point = re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), before.split()[4])
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        if inside and (found is None or len(point) >= len(found.point)):
            kind, _, more = after.split(" ", 2)
            found = Mount(point, kind, frozenset(f"{before.split()[5]},{more.strip()}".split(",")))
    return found


def local_locks(path: Path, table: str | None = None, beegfs: Path = _BEEGFS) -> str:
    """Why locks of this path hold on this machine alone; "" if nothing says so.

    Args:
        table: in place of this machine's mounts.
        beegfs: the folder of BeeGFS's clients, each with its ``config``.
    """
    if table is None:
        table = _MOUNTS.read_text(encoding="utf-8") if _MOUNTS.is_file() else ""
    mount = mount_of(path, table)
    if mount is None:
        return ""
    if mount.kind in ("nfs", "nfs4"):
        told = sorted({"nolock", "local_lock=all", "local_lock=flock"} & mount.options)
        return f"NFS mounted with {told[0]}" if told else ""
    if mount.kind == "lustre":
        return "Lustre mounted with localflock" if "localflock" in mount.options else ""
    if mount.kind == "fuse.sshfs":
        return "sshfs passes no locks on"
    if mount.kind == "beegfs":
        settings = "".join(file.read_text(encoding="utf-8") for file in sorted(beegfs.glob("*/config")))
        told_off = re.search(r"tuneUseGlobalFileLocks\s*=\s*(0|false)", settings)
        return "BeeGFS with tuneUseGlobalFileLocks=false" if told_off else ""
    return ""
