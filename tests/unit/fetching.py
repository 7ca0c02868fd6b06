"""Archives, sources that offer them, and a helper that fetches them."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.unit.archive_server import PARAMS
from tests.unit.builders import noise
from tgvac.errors import BadInput
from tgvac.fetch.archives import Fetch
from tgvac.fetch.registry import Archive, Source
from tgvac.fetch.trust import Trust


def zip_of(size: int, seed: int = 0) -> bytes:
    """A zip of one member of random bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo("frame"), noise(seed, size).tobytes())
    return stream.getvalue()


DATA = zip_of(60_000)
OTHER = zip_of(60_000, seed=1)
SHA = hashlib.sha256(DATA).hexdigest()


def source(*places: str, size: int | None = None, sha: str | None = None, file: str = "a.zip") -> Source:
    return Source(
        "mine", "davis", "archives", None, None, "free", files=(Archive(file, places, "", "https://page", size, sha),)
    )


def fetch(data: Path, *sources: Source, **changes: Any) -> Path:
    """Accept the licences and fetch; returns the path of the first archive."""
    trust = Trust(data)
    for each in sources:
        trust.accept(each)
    Fetch(data, PARAMS.model_copy(update=changes)).run([(s, a) for s in sources for a in s.archives])
    return data / sources[0].name / sources[0].archives[0].file


def files(folder: Path) -> list[str]:
    """The files of a folder, without hidden ones."""
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))


def refused(data: Path, *sources: Source, **changes: Any) -> str:
    with pytest.raises(BadInput) as caught:
        fetch(data, *sources, **changes)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    return str(caught.value)
