"""The world is the same in every process and for any number of videos, and its pixels are frozen."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import get_args

import pytest

from tests.unit.world_samples import decoded, world
from tgvac.code_digests import TREE, SourceTree
from tgvac.files import sha256
from tgvac.world.params import Layout, WorldParams
from tgvac.world.publish import publish, world_digest
from tgvac.world.publish_pix2gestalt import pair_id
from tgvac.world.publish_youtube_vos import video_id
from tgvac.world.spool import Spool

LAYOUTS: tuple[Layout, ...] = get_args(Layout)
STAGED = {"crowded": 0.3, "fenced": 0.2, "late": 0.2, "hidden": 0.2, "leaving": 0.2}

# The digest of the decoded pixels of the world that `_tiny` describes. A change of it changes the data behind every
# earlier result in the world. Like all exact values of the project, it is valid for one lock file and one CPU type.
GOLDEN = "51472654cd3041f6dd5da86e4f7b6fa969576e5285cb2676e4450485a4908ca1"


def _tiny() -> WorldParams:
    return world(2, seed=20, frames=3, crowded=0.5, company=0.1, camouflaged=0.3)


def _pictures(folder: Path) -> dict[str, bytes]:
    """All images in the archives of a folder, by archive and member."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                members = {name: archive.read(name) for name in archive.namelist()}
        else:
            with tarfile.open(path) as archive:
                members = {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]
        found.update({f"{path.name}/{n}": data for n, data in members.items() if n.endswith((".png", ".jpg"))})
    return found


def _pixels_digest(folders: list[Path]) -> str:
    total = hashlib.sha256()
    for folder in folders:
        for name, content in sorted(_pictures(folder).items()):
            pixels = decoded(content)
            total.update(f"{folder.name}/{name} {pixels.shape}\n".encode())
            total.update(pixels.tobytes())
    return total.hexdigest()


def test_the_pixels_of_the_world_are_frozen(tmp_path: Path) -> None:
    for layout in LAYOUTS:
        publish(_tiny(), layout, tmp_path / layout)
    assert _pixels_digest([tmp_path / layout for layout in LAYOUTS]) == GOLDEN


def test_the_digest_covers_all_modules_of_the_world() -> None:
    found = world_digest()
    assert len(found) == 64
    modules = {f"tgvac.world.{path.stem}" for path in (TREE.folder / "world").glob("*.py")} - {"tgvac.world.__init__"}
    assert modules <= set(TREE.closure("tgvac.world.publish"))


@pytest.mark.parametrize(
    ("file", "counts"), [("world/render.py", True), ("seeds.py", True), ("clips/images.py", True), ("files.py", False)]
)
def test_the_digest_changes_with_every_module_that_decides_pixels_and_no_other(
    file: str, counts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = world_digest()
    edited = SourceTree(shutil.copytree(TREE.folder, tmp_path / "tgvac", ignore=shutil.ignore_patterns("__pycache__")))
    with (edited.folder / file).open("a", encoding="utf-8") as source:
        source.write("\nEDITED = True\n")
    assert edited.closure("tgvac.world.publish") != TREE.closure("tgvac.world.publish")
    monkeypatch.setattr("tgvac.world.publish.TREE", edited)
    assert (world_digest() != found) == counts


@pytest.mark.parametrize("layout", LAYOUTS)
def test_another_process_publishes_the_same_bytes(layout: Layout, tmp_path: Path) -> None:
    params = world(2, frames=3, **STAGED)
    publish(params, layout, tmp_path / "here")
    code = (
        "import sys; from pathlib import Path; from tgvac.world.params import WorldParams;"
        "from tgvac.world.publish import publish;"
        "publish(WorldParams.model_validate_json(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))"
    )
    arguments = [params.model_dump_json(), layout, str(tmp_path / "there")]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, env={"PYTHONPATH": ":".join(sys.path)})
    here, there = ({p.name: sha256(p) for p in (tmp_path / place).iterdir()} for place in ("here", "there"))
    assert here == there


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_images_of_a_video_do_not_depend_on_the_number_of_videos(layout: Layout, tmp_path: Path) -> None:
    for count, place in ((2, "few"), (4, "more")):
        publish(world(count, frames=3, **STAGED), layout, tmp_path / place)
    few, more = (_pictures(tmp_path / place) for place in ("few", "more"))
    assert len(few) < len(more)
    assert {name: more[name] for name in few} == few


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_facts_of_a_video_do_not_depend_on_the_number_of_videos(layout: Layout, tmp_path: Path) -> None:
    facts = []
    for count in (2, 4):
        publish(world(count, frames=3, **STAGED), layout, tmp_path / str(count))
        with zipfile.ZipFile(tmp_path / str(count) / "truth.zip") as truth:
            facts.append(json.loads(truth.read("truth.json")))
    assert {video: facts[1][video] for video in facts[0]} == facts[0]


def test_layouts_and_seeds_share_no_image(tmp_path: Path) -> None:
    seen: dict[bytes, str] = {}
    for seed in (7, 8):
        for layout in LAYOUTS:
            publish(world(2, seed=seed, frames=2), layout, tmp_path / f"{seed}-{layout}")
            for name, content in _pictures(tmp_path / f"{seed}-{layout}").items():
                if name.startswith(("truth.zip", "train_all_frames.zip")) or not name.endswith(
                    (".jpg", "_occlusion.png")
                ):
                    continue
                assert content not in seen, (name, seen.get(content))
                seen[content] = name
    assert len(seen) == 2 * (2 * 2 + 2 * 1 + 2 * 2 + 2)


def test_names_are_unique() -> None:
    params = world()
    assert len({video_id(params, index) for index in range(500)}) == 500
    assert len({pair_id(params, index) for index in range(500)}) == 500
    assert not {video_id(params, index) for index in range(50)} & {video_id(world(seed=8), k) for k in range(50)}


def test_an_unknown_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="layout is 'coco'; known are davis, youtube_vos, lasot, pix2gestalt"):
        publish(world(), "coco", tmp_path)  # type: ignore[arg-type]


def test_archives_appear_together_and_only_when_they_are_complete(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.add("one.zip", "b", b"2")
    assert list(tmp_path.iterdir()) == []
    with Spool(tmp_path) as spool:
        spool.add("one.zip", "b", b"2")
        spool.add("one.zip", "a", b"1")
        spool.add("two.zip", "c", b"3")
        with pytest.raises(ValueError, match=r"one\.zip has the member a already"):
            spool.add("one.zip", "a", b"1")
        spool.write()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.zip", "two.zip"]
    assert zipfile.ZipFile(tmp_path / "one.zip").namelist() == ["a", "b"]


def test_archives_of_an_earlier_publication_are_removed(tmp_path: Path) -> None:
    publish(world(3, frames=2), "lasot", tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    publish(world(1, frames=2), "lasot", tmp_path)
    after = {path.name for path in tmp_path.iterdir()}
    assert len(before) == 4
    assert len(after) == 3
    assert after - {"notes.txt"} < before
