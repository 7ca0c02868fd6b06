"""The folder of local weights and the device of a stage, for segmenters that are networks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tgvac.config import digest
from tgvac.files import sha256


@dataclass(frozen=True)
class Runtime:
    """Where to look for weights, and where to run networks.

    Attributes:
        root: names of local weights are relative to this folder.
        device: a torch device name.
        tf32: whether matrix products of float32 use TF32 on a GPU.
    """

    root: Path = Path()
    device: str = "cpu"
    tf32: bool = False

    def local(self, weights: str) -> Path | None:
        """The local file or folder of this name; None if there is none, so that it must be a name on a hub."""
        path = self.root / weights
        return path if path.exists() else None

    def digest(self, weights: str) -> str:
        """SHA-256 of the local weights of this name, so that masks are made again if the weights change.

        "" for a name on a hub, whose revision is a param.
        """
        path = self.local(weights)
        if path is None:
            return ""
        files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        return digest([[str(each.relative_to(path)), sha256(each)] for each in files])


HERE = Runtime()
"""The current folder and the CPU."""
