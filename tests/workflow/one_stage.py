"""A project of scale smoke for running one stage: all that it reads is there, copied from a finished run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import make_project

BEFORE = ("sources", "tracks", "masks", "select", "synthesis", "captions", "backbones", "latents", "frame")
"""Phases whose results are copied; ``motion`` starts from the smoke run's ``frame``."""


def one_stage(folder: Path, smoke: Path, phase: str, changed: Mapping[str, Mapping[str, object]]) -> Path:
    """The project, with other values of some keys of the scale, by block; only keys that the scale has."""
    make_project(folder)
    scale = folder / "workflow" / "scales" / "smoke.yaml"
    text = scale.read_text()
    for block, values in changed.items():
        for key, value in values.items():
            text, found = re.subn(rf"^({block}: {{.*?\b{key}:) [^,}}]+", rf"\1 {value}", text, flags=re.MULTILINE)
            assert found == 1, f"scale smoke has no {block}.{key}"
    scale.write_text(text)
    for name in BEFORE:
        if name != phase:
            shutil.copytree(smoke / "results" / "smoke" / name, folder / "results" / "smoke" / name)
    return folder
