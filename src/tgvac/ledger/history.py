"""Which earlier commit has the code that a file was made with: digests of the package, commit by commit."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import tgvac
from tgvac.bridge.jobs import Job
from tgvac.code_digests import SourceTree
from tgvac.errors import BadInput
from tgvac.ledger.present import Step

PACKAGE = Path(tgvac.__file__).resolve().parent


def commits_of(steps: Sequence[Step], most: int, package: Path = PACKAGE) -> dict[str, str]:
    """The newest earlier commit whose code has the recorded digest, by file; files without one are left out.

    Args:
        steps: those whose code is not the present one.
        most: commits to look through, newest first, of those that changed the package; each takes about a second.
        package: its folder, in a git repository.

    Raises:
        BadInput: outside of a git repository.
    """
    found: dict[str, str] = {}
    for commit in _commits(package, most):
        wanted = {step.link.file: step.job for step in steps if step.link.file not in found}
        if not wanted:
            break
        codes = {step.link.file: step.link.code for step in steps}
        with tempfile.TemporaryDirectory() as folder:
            digests = _digests(_tree(package, commit, Path(folder)), wanted)
        found |= {file: commit for file, digest in digests.items() if digest == codes[file]}
    return found


def _commits(package: Path, most: int) -> Iterator[str]:
    yield from _git(package, "rev-list", f"--max-count={most}", "HEAD", "--", ".").decode().split()


def _git(package: Path, *arguments: str) -> bytes:
    try:
        return subprocess.run(["git", "-C", str(package), *arguments], capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise BadInput(
            f"{package} is in no git repository with a history; leave --commits out, or run this in a clone."
        ) from None


def _tree(package: Path, commit: str, folder: Path) -> SourceTree:
    """The package as it was at a commit."""
    archive = folder / "package.tar"
    archive.write_bytes(_git(package, "archive", commit, "."))
    with tarfile.open(archive) as opened:
        opened.extractall(folder / package.name, filter="data")
    return SourceTree(folder / package.name)


def _digests(tree: SourceTree, jobs: Mapping[str, Job]) -> dict[str, str]:
    """The digest of each job's code in a tree; without those that the tree has no module for."""
    found = {}
    for file, job in jobs.items():
        try:
            found[file] = job.code_in(tree)
        except ValueError:
            continue  # a module of today did not exist, or a file of that day is none of today's Python
    return found
