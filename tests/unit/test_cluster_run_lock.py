"""One run in a folder at a time, and file systems whose locks other machines do not see."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tgvac.cluster.mounts import local_locks, mount_of
from tgvac.cluster.run_lock import hold_run_lock
from tgvac.errors import BadInput

HOLDER = "import sys, time; from pathlib import Path; from tgvac.cluster.run_lock import hold_run_lock\n"
HOLDER += "print('held', hold_run_lock(Path(sys.argv[1])), flush=True); time.sleep(600)"


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that holds the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("held")
    return process


def test_a_second_run_in_a_folder_is_refused_and_one_after_a_kill_is_not(tmp_path: Path) -> None:
    first = holder(tmp_path)
    with pytest.raises(BadInput, match=rf"Another run is using this folder \(process {first.pid} on .*\); wait"):
        hold_run_lock(tmp_path)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    again = holder(tmp_path)
    again.kill()
    again.communicate()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(stream: object, what: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(BadInput, match=r"has no locks .*Lustre: `flock`"):
        hold_run_lock(tmp_path)


# Of /proc/self/mountinfo: ids, device, root, mount point, options, optional fields, "-", type, source, more options.
LOCAL = "21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("40 21 0:44 / {at} rw shared:2 - nfs4 server:/home rw,vers=4.2,local_lock=none", ""),
        ("40 21 0:44 / {at} rw shared:2 - nfs server:/home rw,vers=3,nolock", "NFS mounted with nolock"),
        ("40 21 0:44 / {at} rw - nfs server:/home rw,vers=3,local_lock=flock", "NFS mounted with local_lock=flock"),
        ("40 21 0:44 / {at} rw - lustre mds@o2ib:/scratch rw,flock,lazystatfs", ""),
        ("40 21 0:44 / {at} rw - lustre mds@o2ib:/scratch rw,localflock", "Lustre mounted with localflock"),
        ("40 21 0:44 / {at} rw - fuse.sshfs me@host:/ rw,user_id=0", "sshfs passes no locks on"),
        ("40 21 0:44 / {at} rw - beegfs beegfs_nodev rw", "BeeGFS with tuneUseGlobalFileLocks=false"),
        ("40 21 0:44 / {at}/else rw - nfs server:/home rw,nolock", ""),
    ],
)
def test_locks_that_hold_on_one_machine_alone_are_found_in_its_mounts(tmp_path: Path, line: str, said: str) -> None:
    at = tmp_path / "project"
    (tmp_path / "beegfs" / "client").mkdir(parents=True)
    (tmp_path / "beegfs" / "client" / "config").write_text("tuneUseGlobalFileLocks = 0\n")
    table = f"{LOCAL}\n{line.format(at=at)}\n"
    assert local_locks(at / "scratch" / "run.lock", table, tmp_path / "beegfs") == said


def test_the_innermost_mount_counts_also_with_spaces_in_its_name(tmp_path: Path) -> None:
    table = f"{LOCAL}\n40 21 0:44 / {tmp_path}/a\\040b rw - nfs server:/home rw,nolock\n"
    found = mount_of(tmp_path / "a b" / "c", table)
    assert found is not None
    assert (found.point, found.kind) == (f"{tmp_path}/a b", "nfs")
    outside = mount_of(tmp_path / "a bc", table)
    assert outside is not None
    assert outside.kind == "ext4"
