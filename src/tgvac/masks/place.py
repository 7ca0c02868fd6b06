"""Where a stage runs, as far as segmenters that are networks want to know it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tgvac.config import digest
from tgvac.files import sha256


@dataclass(frozen=True)
class Place:
    """Where weights are looked for, and where networks run.

    Attributes:
        root: the folder that local weights are named relative to.
        device: a torch device name.
        tf32: on a GPU, products of float32 are tf32.
    """

    root: Path = Path()
    device: str = "cpu"
    tf32: bool = False

    def local(self, weights: str) -> Path | None:
        """The file or folder of this machine that a name of weights means; None where it must be a name of a hub."""
        path = self.root / weights
        return path if path.exists() else None

    def digest(self, weights: str) -> str:
        """SHA-256 of what a name of weights means on this machine, so that other weights make other masks.

        "" where it is a name of a hub, whose revision is a param.
        """
        path = self.local(weights)
        if path is None:
            return ""
        files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        return digest([[str(each.relative_to(path)), sha256(each)] for each in files])


HERE = Place()
"""The folder one is in, and the CPU."""
