"""What an export says of itself, in ``export.json``: which clips it has, and digests of what methods are given of them.

Outputs that were made elsewhere are scored only on the clips that they were made of. A clip's id stays the same when
its pixels change, so the digests are of pixels.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tgvac.errors import BadInput

EXPORT_FORMAT = "tgvac-export-2"
EXPORT_FILE = "export.json"
_DIGITS = 8
"""Hexadecimal digits of each frame's digest. A clip has many frames, so few digits tell clips apart."""


class ExportedSample(BaseModel):
    """One clip of an export.

    Attributes:
        name: of its folder or file: the sample's id, with '/' written '--'.
        digest: see :func:`input_digest`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    frames: int = Field(ge=1)
    digest: str


class ExportRecord(BaseModel):
    """The content of ``export.json``.

    Attributes:
        recipes: SHA-256 of the table of recipes.
        samples: the clips by the ids of their samples.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["tgvac-export-2"] = "tgvac-export-2"
    scale: str
    split: str
    kind: str
    videos: int
    recipes: str
    samples: dict[str, ExportedSample]

    def check_given(self) -> None:
        """Check that the export has what methods are given, and not the truth.

        Raises:
            BadInput: when outputs cannot have been made of it.
        """
        if self.kind == "truth":
            raise BadInput(
                f"The {EXPORT_FILE} of the outputs is that of an export of the truth, which no method may read; take"
                " that of the inputs, `tgvac export --format inputs`."
            )

    def check(self, sample: str, frames_FHW3: np.ndarray, visible_FHW: np.ndarray) -> None:
        """Check that a clip's first frames are those that were exported.

        Raises:
            BadInput: when they differ, or more frames are asked for than were exported.
        """
        mine = self.samples[sample]
        if len(frames_FHW3) > mine.frames:
            raise BadInput(
                f"Of '{sample}' {mine.frames} frames were exported, but {len(frames_FHW3)} are evaluated;"
                " export and complete it again."
            )
        if not mine.digest.startswith(input_digest(frames_FHW3, visible_FHW)):
            raise BadInput(
                f"The outputs were made of other clips: '{sample}' has changed since it was exported;"
                " run `tgvac export` and the method again."
            )


def input_digest(frames_FHW3: np.ndarray, visible_FHW: np.ndarray) -> str:
    """The digest of what a method is given of a clip; that of its first frames is the beginning of that of the whole.

    Args:
        frames_FHW3: ``uint8``.
        visible_FHW: ``uint8`` in {0, 255}.
    """
    shape = str(frames_FHW3.shape[1:3]).encode()
    parts = []
    for frame_HW3, visible_HW in zip(frames_FHW3, visible_FHW, strict=True):
        found = hashlib.sha256(shape)
        found.update(np.ascontiguousarray(frame_HW3).tobytes())
        found.update(np.ascontiguousarray(visible_HW).tobytes())
        parts.append(found.hexdigest()[:_DIGITS])
    return "".join(parts)


def is_export(folder: Path) -> bool:
    """Whether a folder has an export of this or an earlier format."""
    try:
        return str(json.loads((folder / EXPORT_FILE).read_text(encoding="utf-8"))["format"]).startswith("tgvac-export-")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def read_export(path: Path) -> ExportRecord:
    """Read an ``export.json``.

    Raises:
        BadInput: when it is missing, damaged, or of an earlier format.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist; copy it from the folder that `tgvac export` wrote.") from None
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read ({error.strerror}); copy it from the folder that `tgvac export` wrote."
        ) from None
    return parse_export(data, str(path))


def parse_export(data: bytes, name: str) -> ExportRecord:
    """Decode the bytes of an ``export.json``.

    Args:
        name: used in messages.

    Raises:
        BadInput: when they are damaged, or of an earlier format.
    """
    try:
        return ExportRecord.model_validate_json(data)
    except ValidationError as error:
        raise BadInput(
            f"{name} is no record of format {EXPORT_FORMAT} ({error.errors()[0]['msg']}); copy it from the folder that"
            " `tgvac export` wrote."
        ) from None
