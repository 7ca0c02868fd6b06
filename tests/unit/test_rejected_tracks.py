"""Faults found by decoding: a faulty video has no track, the others have theirs, and later phases see no gap."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.archive_server import PARAMS as FETCH
from tests.unit.builders import davis_tree, noise, png, zipped
from tests.unit.layouts import ids_image, lasot_sequence, write, youtube_vos_tree
from tests.unit.test_tracks_stage import PARAMS, SOURCES, pair, remade
from tgvac.errors import BadInput
from tgvac.shards import read_index
from tgvac.sources import join_tracks, sources_stage, tracks_stage
from tgvac.sources.davis import Davis
from tgvac.sources.params import SourcesParams
from tgvac.sources.rejected import Rejected, read_rejected
from tgvac.stage import Context

FRAME, MASK = "JPEGImages/480p/bee", "Annotations/480p/bee"


def davis(root: Path) -> Path:
    return davis_tree(root, {name: [pair(k, 1), pair(k + 9, 1)] for k, name in enumerate(("ant", "bee", "cat"))})


def joined(root: Path, layout: str = "davis", shards: int = 1, sources: SourcesParams = SOURCES) -> list[Rejected]:
    """The list of rejected items, after all shards have run and are joined."""
    remade(root, shards=shards, layout=layout)
    ctx = Context(root, "t", "tracks", "d", shards=shards)
    join_tracks.join(ctx, sources=sources)
    return read_rejected(ctx.out / "rejected.csv")


def tracks(root: Path) -> list[str]:
    return list(read_index(root / "results/t/tracks/index.json"))


def put(name: str, data: bytes) -> Callable[[Path], Any]:
    return lambda root: write(root / name, data)


def empty(root: Path) -> None:
    for path in (root / MASK).iterdir():
        path.write_bytes(png(np.zeros((24, 32), np.uint8), palette=True))


whole = png(noise(3, 24, 32, 3))
DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "an unreadable frame": (
        put(f"{FRAME}/00001.png", b"no image"),
        f"{FRAME}/00001.png is not a readable image (cannot identify image file); replace it with an intact copy.",
    ),
    "a truncated frame": (put(f"{FRAME}/00001.png", whole[:-700]), f"{FRAME}/00001.png is not a readable image ("),
    "an unreadable mask": (
        put(f"{MASK}/00001.png", b""),
        f"{MASK}/00001.png is not a readable mask (cannot identify image file); replace it with an intact copy.",
    ),
    "an RGB mask": (
        put(f"{MASK}/00000.png", whole),
        f"{MASK}/00000.png has 768 colours, such as ",
    ),
    "a mask of another size": (
        put(f"{MASK}/00001.png", png(np.ones((24, 31), np.uint8))),
        "mine: the annotation of frame 00001 of 'bee' is 31x24, its frame 32x24; both must have the same size.",
    ),
    "a frame of another size": (
        put(f"{FRAME}/00001.png", png(noise(3, 12, 16, 3))),
        "mine: frame 00001 of 'bee' is 16x12, its first frame 32x24; all frames of a video must have the same size.",
    ),
    "empty masks": (
        empty,
        "mine: video 'bee' shows no object in its first 2 frames (the masks have only background, or the"
        " object is always absent); fix its annotations or remove it from the source.",
    ),
}


@pytest.mark.parametrize("what", DAMAGES)
@pytest.mark.parametrize("archive", [False, True])
def test_a_faulty_video_is_left_out_and_listed_and_the_others_have_their_tracks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str, archive: bool
) -> None:
    damage, reason = DAMAGES[what]
    damage(davis(tmp_path / "given"))
    if archive:
        # The zip has the name of the folder, so that nothing else differs.
        packed = zipped(tmp_path / "given", tmp_path / "packed.zip", "DAVIS/")
        shutil.rmtree(tmp_path / "given")
        packed.rename(tmp_path / "given")
    (only,) = joined(tmp_path)
    assert (only.video, only.object) == ("mine/bee", "")
    assert only.reason.replace("DAVIS/", "").startswith(reason)
    assert "\n" not in only.reason
    assert str(tmp_path) not in only.reason
    assert tracks(tmp_path) == ["mine/ant/1", "mine/cat/1"]
    files = {p.name for p in (tmp_path / "results/t/tracks/files").iterdir()}
    assert files == {"mine--ant--1.zip", "mine--cat--1.zip"}
    assert f"mine/bee is left out: {only.reason}\n" in capsys.readouterr().out


def test_frames_with_only_boxes_must_also_have_the_same_size(tmp_path: Path) -> None:
    for k in (1, 2):
        lasot_sequence(tmp_path / f"given/cat/cat-{k}", ["2,2,4,6"] * 3)
    write(tmp_path / "given/cat/cat-2/img/00000003.png", png(noise(3, 24, 32, 3)))
    (only,) = joined(tmp_path, "lasot")
    assert only == Rejected(
        "mine/cat-2",
        "",
        "mine: frame 00003 of 'cat-2' is 32x24, its first frame 16x12; all frames of a video must have the same size.",
    )


def test_an_object_that_is_always_absent_costs_its_video(tmp_path: Path) -> None:
    lasot_sequence(tmp_path / "given/cat/cat-1", ["2,2,4,6", "0,0,0,0"], full=[1])
    lasot_sequence(tmp_path / "given/cat/cat-2", ["2,2,4,6"] * 2)
    (only,) = joined(tmp_path, "lasot")
    assert only.video == "mine/cat-1"
    assert "'cat-1' shows no object in its first 2 frames" in only.reason


def test_an_id_that_meta_does_not_name_costs_its_video(tmp_path: Path) -> None:
    youtube_vos_tree(tmp_path / "given", {name: {0: [1], 5: [1]} for name in ("ant", "bee")})
    write(tmp_path / "given/train/Annotations/bee/00005.png", png(ids_image(1, 4), palette=True))
    (only,) = joined(tmp_path, "youtube_vos")
    assert only.reason == (
        "train/Annotations/bee/00005.png has the id 4, which meta.json does not list for 'bee'; restore the official"
        " files."
    )
    assert tracks(tmp_path) == ["mine/ant/1"]


def test_an_id_that_is_not_in_the_first_mask_of_davis_costs_only_its_object(tmp_path: Path) -> None:
    given = davis_tree(tmp_path / "given", {"v": [pair(0), pair(1, 1), pair(2, 1, 2)]}, None, {"v": {"9": {}}})
    assert joined(tmp_path) == [
        Rejected(
            "mine/v",
            "2",
            "the id 2 first appears in frame 00002, but neither objects.json nor the mask of frame 00001 has it; fix"
            " the mask, or add the id to objects.json.",
        )
    ]
    assert tracks(tmp_path) == ["mine/v/1"]
    # Objects listed in objects.json may appear at any time.
    davis_tree(given, {}, None, {"v": {"2": {"category": "dog"}}})
    assert joined(tmp_path) == []
    assert tracks(tmp_path) == ["mine/v/1", "mine/v/2"]
    assert not list((tmp_path / "results/t/tracks/rejected").iterdir())


def test_with_the_rule_refuse_the_error_names_the_first(tmp_path: Path) -> None:
    put(f"{FRAME}/00001.png", b"no image")(davis(tmp_path / "given"))
    refuse = SOURCES.model_copy(update={"faulty": "refuse"})
    with pytest.raises(
        BadInput,
        match=r"^1 of 3 videos of source 'mine' are faulty, for example 'bee': JPEGImages.*; or set sources\.faulty",
    ):
        joined(tmp_path, sources=refuse)
    davis_tree(tmp_path / "given", {"bee": [pair(0, 1), pair(1, 1, 2)]})
    with pytest.raises(
        BadInput, match=r"^Object mine/bee/2 has no track \(1 in total\): the id 2 .*; or set sources\.faulty to"
    ):
        joined(tmp_path, sources=refuse)


def test_too_many_faulty_videos_end_the_joining_and_empty_shards_are_valid(tmp_path: Path) -> None:
    given = davis(tmp_path / "given")
    for name in ("ant", "bee"):
        put(f"JPEGImages/480p/{name}/00001.png", b"no image")(given)
    with pytest.raises(BadInput, match=r"^2 of 3 videos of source 'mine' are faulty, more than sources\.max_fau"):
        joined(tmp_path, shards=4)
    assert len(joined(tmp_path, shards=4, sources=SOURCES.model_copy(update={"max_faulty": 0.7}))) == 2
    put("JPEGImages/480p/cat/00001.png", b"no image")(given)
    with pytest.raises(
        BadInput, match=r"^3 of 3 videos of source 'mine' are faulty, so none is left, for example 'ant'"
    ):
        joined(tmp_path, sources=SOURCES.model_copy(update={"max_faulty": 1.0}))


def test_a_faulty_video_is_decoded_once_and_again_after_it_was_fixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = davis(tmp_path / "given")
    put(f"{FRAME}/00001.png", b"no image")(given)
    first = joined(tmp_path)
    lists = [tmp_path / "results/t/tracks" / name for name in ("index.json", "rejected.csv", "shards/shard-000.json")]
    before = [path.read_bytes() for path in lists]
    asked: list[str] = []
    frame = Davis.frame

    def counting(self: Davis, video: Any, i: int) -> Any:
        asked.append(video.name)
        return frame(self, video, i)

    monkeypatch.setattr(Davis, "frame", counting)
    assert joined(tmp_path) == first
    assert (asked, [path.read_bytes() for path in lists]) == ([], before)
    davis(given)
    assert joined(tmp_path) == []
    assert set(asked) == {"bee"}
    assert tracks(tmp_path) == ["mine/ant/1", "mine/bee/1", "mine/cat/1"]


def test_a_temporary_failure_is_not_a_fault_of_the_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    davis(tmp_path / "given")
    frame, failed = Davis.frame, []

    def failing_once(self: Davis, video: Any, i: int) -> Any:
        if video.name == "bee" and i == 1 and not failed:
            failed.append(i)
            raise BadInput("the network is down for a moment.")
        return frame(self, video, i)

    monkeypatch.setattr(Davis, "frame", failing_once)
    assert joined(tmp_path) == []
    assert failed == [1]
    assert tracks(tmp_path) == ["mine/ant/1", "mine/bee/1", "mine/cat/1"]


def test_the_number_of_shards_does_not_change_what_is_left_out(tmp_path: Path) -> None:
    found = []
    for shards in (1, 3):
        root = tmp_path / str(shards)
        put(f"{MASK}/00001.png", b"no image")(davis(root / "given"))
        found.append((joined(root, shards=shards), (root / "results/t/tracks/index.json").read_bytes()))
    assert found[0] == found[1]


def lose_a_file(given: Path) -> None:
    (given / FRAME / "00001.png").unlink()


def change_a_file(given: Path) -> None:
    put(f"{FRAME}/00001.png", b"no image")(given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lose_a_file, r"bee has no frame 00001, which is annotated \(1 missing\); restore it"),
        (
            change_a_file,
            r"Video 'bee' of source 'mine' has changed since it was listed; run `tgvac stage sources --scale t` ag",
        ),
    ],
)
def test_a_change_since_the_listing_is_not_a_fault_of_the_video(
    tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    given = davis(tmp_path / "given")
    write(tmp_path / "reference/registry.csv", "name,layout,location,bytes,sha256,licence\nmine,davis,given,,,own\n")
    ctx = Context(tmp_path, "t", "sources", "d", locations={"mine": str(given)})
    sources_stage.run(ctx, sources=SOURCES, fetch=FETCH)
    change(given)
    with pytest.raises(BadInput, match=message):
        tracks_stage.run(Context(tmp_path, "t", "tracks", "d", shard=0), tracks=PARAMS)
    # The failure is not stored: with the file restored, the same command succeeds.
    davis(given)
    assert joined(tmp_path) == []
