"""Phase `sources` generates the archives of the world in its results, and lists their videos."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.unit.archive_server import PARAMS as FETCH
from tests.unit.world_samples import world
from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.sources import sources_stage
from tgvac.sources.params import SourcesParams
from tgvac.stage import Context


def _registry(root: Path, layout: str) -> None:
    (root / "reference").mkdir()
    (root / "reference" / "registry.csv").write_text(
        f"name,layout,location,bytes,sha256,licence\nearth,{layout},generated,,,ours\n", encoding="utf-8"
    )


def _params(**more: object) -> SourcesParams:
    given = {"use": ("earth",), "parts": (), "same_footage": "refuse", "pairs": (), "world": world(3, frames=3), **more}
    given |= {"faulty": "refuse", "max_faulty": 0.5, "instead": ()}
    sizes = {"pair_buckets": 1, "pair_outside_max": 0.0, "pair_max_bytes": 1, "pair_captions_max_bytes": 1}
    return SourcesParams.model_validate({**sizes, **given})


def test_a_generated_source_has_its_own_folder_in_the_results(tmp_path: Path) -> None:
    _registry(tmp_path, "davis")
    params = _params()
    sources_stage.run(Context(tmp_path, "t", "sources", "d"), sources=params, fetch=FETCH)
    folder = tmp_path / "results" / "t" / "sources" / "earth"
    assert sorted(path.name for path in folder.iterdir()) == ["DAVIS-2017-trainval-480p.zip", "truth.zip"]
    archive = folder / "DAVIS-2017-trainval-480p.zip"
    manifest = json.loads((folder.parent / "manifest.json").read_text(encoding="utf-8"))["sources"]
    assert manifest["earth"]["archive"] == sha256(archive)
    assert [video["frames"] for video in manifest["earth"]["videos"].values()] == [[0, 1, 2]] * 3
    locations = json.loads((folder.parent / "locations.json").read_text(encoding="utf-8"))
    assert locations == {"earth": str(archive.relative_to(tmp_path))}


def test_the_stage_reports_while_the_world_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sources_stage, "_SAY_EVERY_S", 0.01)
    _registry(tmp_path, "davis")
    sources_stage.run(Context(tmp_path, "t", "sources", "d"), sources=_params(), fetch=FETCH)
    assert re.search(r"sources: drawing earth, for \d+ s so far", capsys.readouterr().err)


def test_a_layout_that_the_world_does_not_have_is_refused(tmp_path: Path) -> None:
    _registry(tmp_path, "coco")
    params = _params(world=world(1))
    with pytest.raises(
        BadInput, match=r"registry\.csv: source 'earth' is generated, but has the layout 'coco'; use one of"
    ):
        sources_stage.run(Context(tmp_path, "t", "sources", "d"), sources=params, fetch=FETCH)


def test_killing_the_stage_ends_its_worker_processes(tmp_path: Path) -> None:
    _registry(tmp_path, "davis")
    code = (
        "import json, sys; from pathlib import Path; from tgvac.sources import sources_stage;"
        " from tgvac.fetch.params import FetchParams; from tgvac.sources.params import SourcesParams;"
        " from tgvac.stage import Context;"
        " sources_stage.run(Context(Path(sys.argv[1]), 't', 'sources', 'd'),"
        " sources=SourcesParams.model_validate_json(sys.argv[2]),"
        " fetch=FetchParams.model_validate_json(sys.argv[3]))"
    )
    endless = _params(world=world(5000, frames=30)).model_dump_json()
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), endless, FETCH.model_dump_json()], stderr=subprocess.DEVNULL
    )
    folder = tmp_path / "results" / "t" / "sources" / "earth"
    deadline = time.monotonic() + 60
    while not folder.is_dir():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = [p for p in psutil.Process(process.pid).children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]
    assert workers
    process.kill()
    process.wait()
    assert psutil.wait_procs(workers, timeout=10)[1] == []
