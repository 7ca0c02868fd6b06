"""A clone holds the same bytes whatever git is configured to do with line endings."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tgvac.files import sha256
from tgvac.shards import read_index

ROOT = Path(__file__).resolve().parents[2]


def git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not shutil.which("git") or not (ROOT / ".git").exists(), reason="needs git, and a clone")
@pytest.mark.parametrize("autocrlf", ["true", "input", "false"])
def test_shipped_networks_keep_their_digests_whatever_autocrlf_is(tmp_path: Path, autocrlf: str) -> None:
    clone = tmp_path / "clone"
    git("clone", "--quiet", "--depth", "1", "-c", f"core.autocrlf={autocrlf}", ROOT.as_uri(), str(clone))
    for entry in read_index(clone / "standins" / "index.json").values():
        assert sha256(clone / "standins" / entry.file) == entry.sha256, entry.file
    assert b"\r" not in (clone / "params.yaml").read_bytes()
