"""Faulty videos are left out and listed, unless there are too many."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.archive_server import PARAMS as FETCH
from tests.unit.builders import davis_tree, png, zipped
from tests.unit.layouts import lasot_sequence, write, youtube_vos_tree
from tests.unit.test_tracks_stage import SOURCES, pair
from tests.unit.test_video_folder import beside, film, frames_of, mask_image
from tgvac.clips.images import decode_rgb
from tgvac.errors import BadInput
from tgvac.sources import sources_stage
from tgvac.sources.faults import check_share
from tgvac.sources.rejected import Rejected, read_rejected, reason_of, write_rejected
from tgvac.stage import Context

HEADER = "name,layout,location,bytes,sha256,licence\n"


def davis(root: Path) -> None:
    davis_tree(root, {name: [pair(3 * k, 1), pair(3 * k + 1, 1)] for k, name in enumerate(("ant", "bee", "cat"))})


def youtube_vos(root: Path) -> None:
    youtube_vos_tree(root, {name: {0: [1], 5: [1]} for name in ("ant", "bee", "cat")})


def lasot(root: Path) -> None:
    for k in (1, 2, 3):
        lasot_sequence(root / f"cat/cat-{k}", ["1,1,2,2"] * 3)


def videos(root: Path) -> None:
    for name, levels in (("ant", (9, 99)), ("bee", (50, 120)), ("cat", (200, 90))):
        film(root / f"{name}.avi", frames_of(levels))
        beside(root, name, mask=mask_image(1))


BUILD = {"davis": davis, "youtube_vos": youtube_vos, "lasot": lasot, "videos": videos}


def listed(root: Path, layout: str, **changes: Any) -> Context:
    """The phase `sources` over ``root/given``."""
    write(root / "reference/registry.csv", f"{HEADER}mine,{layout},given,,,my own\n")
    given = next(p for p in (root / "given.zip", root / "given") if p.exists())
    ctx = Context(root, "t", "sources", "d", locations={"mine": str(given)})
    sources_stage.run(ctx, sources=SOURCES.model_copy(update=changes), fetch=FETCH)
    return ctx


def valid(ctx: Context) -> list[str]:
    record = json.loads((ctx.out / "manifest.json").read_text(encoding="utf-8"))
    return sorted(record["sources"]["mine"]["videos"])


def damaged_zip(root: Path) -> None:
    """Damage a member, so that its bytes do not match its checksum."""
    path = zipped(root, root.with_name("given.zip"))
    data = bytearray(path.read_bytes())
    data[data.index(b"JPEGImages/480p/bee/00001.png") + 200] ^= 0xFF
    path.write_bytes(data)


def say(root: Path, **values: Any) -> None:
    path = root / "train/meta.json"
    record = json.loads(path.read_text())
    record["videos"]["bee"]["objects"]["1"].update(values)
    path.write_text(json.dumps(record))


def as_link(folder: Path, inside: Path) -> None:
    """Move a folder elsewhere, and replace it by a link."""
    away = inside.with_name(f"away of {folder.name}")
    shutil.move(folder, away)
    folder.symlink_to(away)


# The layout, the damage to the second video, and its reason in rejected.csv.
CASES: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "a mask is missing": (
        "davis",
        lambda r: (r / "Annotations/480p/bee/00001.png").unlink(),
        "Annotations/480p/bee has no annotation of frame 00001 (1 missing); DAVIS annotates every frame: restore them.",
    ),
    "a frame is missing": (
        "davis",
        lambda r: (r / "JPEGImages/480p/bee/00001.png").unlink(),
        "JPEGImages/480p/bee has no frame 00001, which is annotated (1 missing); restore it.",
    ),
    "all frames are missing": (
        "davis",
        lambda r: shutil.rmtree(r / "JPEGImages/480p/bee"),
        "JPEGImages/480p/bee has no frames, but it has annotations; restore the sequence.",
    ),
    "a single frame": (
        "davis",
        lambda r: [(r / k / "480p/bee/00001.png").unlink() for k in ("JPEGImages", "Annotations")],
        "the video has a single frame; give at least two frames, or remove it from the source.",
    ),
    "a linked folder": (
        "davis",
        lambda r: as_link(r / "JPEGImages/480p/bee", r),
        "JPEGImages/480p/bee is a link to a folder, and such links are not followed: put the folder itself there.",
    ),
    "a link that leads nowhere": (
        "davis",
        lambda r: (
            (r / "JPEGImages/480p/bee/00001.png").unlink(),
            (r / "JPEGImages/480p/bee/00001.png").symlink_to("gone.png"),
        ),
        "JPEGImages/480p/bee/00001.png is a broken link: put the file itself there.",
    ),
    "an annotated frame is missing": (
        "youtube_vos",
        lambda r: (r / "train/JPEGImages/bee/00005.png").unlink(),
        "train/JPEGImages/bee has no frame 00005, which is annotated (1 missing); restore them.",
    ),
    "meta names a frame that is not there": (
        "youtube_vos",
        lambda r: say(r, frames=["00000", "00007"]),
        "train/meta.json lists frame 00007 of object 1 of 'bee', which train/JPEGImages/bee does not have; restore it.",
    ),
    "a linked folder of annotations": (
        "youtube_vos",
        lambda r: as_link(r / "train/Annotations/bee", r),
        "train/Annotations/bee is a link to a folder, and such links are not followed: put the folder itself there.",
    ),
    "a box outside": (
        "lasot",
        lambda r: write(r / "cat/cat-2/groundtruth.txt", "1,1,2,2\n99,1,2,2\n1,1,2,2\n"),
        "cat/cat-2/groundtruth.txt, line 2: the box 99,1,2,2 is outside its frame of 16x12; correct it, or mark the"
        " frame in out_of_view.txt.",
    ),
    "a frame of many is missing": (
        "lasot",
        lambda r: (r / "cat/cat-2/img/00000002.png").unlink(),
        "cat/cat-2/img has no frame 00000002 (1 missing); LaSOT numbers every frame from 1: restore them.",
    ),
    "flags are missing": (
        "lasot",
        lambda r: (r / "cat/cat-2/out_of_view.txt").unlink(),
        "cat/cat-2/out_of_view.txt is missing; restore it or give a complete copy of the data.",
    ),
    "a linked sequence": (
        "lasot",
        lambda r: as_link(r / "cat/cat-2", r),
        "cat/cat-2 is a link to a folder, and such links are not followed: put the folder itself there.",
    ),
    "an empty mask": (
        "videos",
        lambda r: beside(r, "bee", mask=mask_image()),
        "bee.png shows no object, only background; draw the object of the first frame.",
    ),
    "nothing beside a video": (
        "videos",
        lambda r: (r / "bee.png").unlink(),
        "bee.avi has no object in its first frame; write bee.json with a box, or bee.png with a mask, beside it.",
    ),
    "two of one name": (
        "videos",
        lambda r: film(r / "bee.mp4", frames_of((1, 2))),
        "bee.avi and bee.mp4 are two videos with the same name; rename one of them.",
    ),
}
SECOND = {"lasot": ["cat-1", "cat-3"]}


@pytest.mark.parametrize("case", CASES)
def test_a_faulty_video_is_left_out_and_listed_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    layout, damage, reason = CASES[case]
    BUILD[layout](tmp_path / "given")
    damage(tmp_path / "given")
    ctx = listed(tmp_path, layout)
    assert valid(ctx) == SECOND.get(layout, ["ant", "cat"])
    video = "mine/cat-2" if layout == "lasot" else "mine/bee"
    assert read_rejected(ctx.out / "rejected.csv") == [Rejected(video, "", reason)]
    assert f"{video} is left out: {reason}\n" in capsys.readouterr().out
    # The reason is not in the manifest, so a change of wording does not rerun anything.
    assert "missing" not in (ctx.out / "manifest.json").read_text(encoding="utf-8")


def test_a_damaged_member_of_a_zip_costs_only_its_video(tmp_path: Path) -> None:
    davis(tmp_path / "given")
    damaged_zip(tmp_path / "given")
    ctx = listed(tmp_path, "davis")
    assert valid(ctx) == ["ant", "cat"]
    (only,) = read_rejected(ctx.out / "rejected.csv")
    assert only.reason.startswith("JPEGImages/480p/bee/00001.png cannot be read (")
    assert only.reason.endswith("replace it with an intact copy.")


@pytest.mark.parametrize("case", ["a mask is missing", "a box outside", "a single frame", "a linked sequence"])
def test_with_the_rule_refuse_one_faulty_video_ends_the_run(tmp_path: Path, case: str) -> None:
    layout, damage, reason = CASES[case]
    BUILD[layout](tmp_path / "given")
    damage(tmp_path / "given")
    with pytest.raises(BadInput) as caught:
        listed(tmp_path, layout, faulty="refuse")
    name = "cat-2" if layout == "lasot" else "bee"
    assert str(caught.value) == (
        f"1 of 3 videos of source 'mine' are faulty, for example '{name}': {reason[:-1]}; or set sources.faulty to"
        " skip, which leaves them out."
    )


def test_too_many_faulty_videos_are_refused(tmp_path: Path) -> None:
    davis(tmp_path / "given")
    for name in ("ant", "bee"):
        (tmp_path / "given/Annotations/480p" / name / "00000.png").unlink()
    with pytest.raises(
        BadInput,
        match=r"2 of 3 videos of source 'mine' are faulty, more than sources\.max_faulty \(0\.5\) allows, which"
        r" suggests another layout, for example 'ant': Annotations/480p/ant has no annotation of frame 00000"
        r" .*restore them\.$",
    ):
        listed(tmp_path, "davis")
    assert valid(listed(tmp_path, "davis", max_faulty=0.67)) == ["cat"]


def test_a_source_without_any_valid_video_is_refused_whatever_the_share(tmp_path: Path) -> None:
    davis_tree(tmp_path / "given", {"ant": [pair(0, 1)], "bee": [pair(1, 1)]})
    with pytest.raises(
        BadInput, match="2 of 2 videos of source 'mine' are faulty, so none is left, for example 'ant': t"
    ):
        listed(tmp_path, "davis", max_faulty=1.0)


@pytest.mark.parametrize(("faulty", "count", "fails"), [(0, 4, False), (2, 4, False), (3, 4, True), (1, 1, True)])
def test_exactly_the_allowed_share_is_accepted(faulty: int, count: int, fails: bool) -> None:
    found = {f"v{k}": "why." for k in range(faulty)}
    if not fails:
        check_share(SOURCES, "s", found, count)
        return
    with pytest.raises(
        BadInput, match=f"^{faulty} of {count} videos of source 's' are faulty, .* for example 'v0': why.$"
    ):
        check_share(SOURCES, "s", found, count)


def test_faults_of_the_whole_source_end_the_stage(tmp_path: Path) -> None:
    davis(tmp_path / "given")
    path = zipped(tmp_path / "given", tmp_path / "given.zip")
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(BadInput, match=r"given\.zip is truncated or not a zip archive"):
        listed(tmp_path, "davis")
    path.unlink()
    with pytest.raises(BadInput, match="is not in LaSOT layout"):
        listed(tmp_path, "lasot")
    with pytest.raises(BadInput, match="is not in YouTube-VOS layout"):
        listed(tmp_path, "youtube_vos")


# ---------------------------------------------------------------- links


def test_links_to_files_are_read_like_files(tmp_path: Path) -> None:
    davis(tmp_path / "given")
    before = listed(tmp_path, "davis").out / "manifest.json"
    digests = json.loads(before.read_text())["sources"]
    for path in sorted((tmp_path / "given").rglob("00001.png")):
        away = tmp_path / "away" / f"{path.parent.name}{path.parts[-4]}"
        away.parent.mkdir(exist_ok=True)
        path.rename(away)
        path.symlink_to(away)
    ctx = listed(tmp_path, "davis")
    assert json.loads((ctx.out / "manifest.json").read_text())["sources"] == digests
    assert read_rejected(ctx.out / "rejected.csv") == []


def test_the_error_for_another_layout_names_a_link_that_may_be_the_cause(tmp_path: Path) -> None:
    davis(tmp_path / "given")
    as_link(tmp_path / "given/JPEGImages", tmp_path / "given")
    with pytest.raises(
        BadInput,
        match=r"is not in DAVIS layout .*; note that .*given/JPEGImages is a link to a folder, and such links are not",
    ):
        listed(tmp_path, "davis")


def test_cyclic_and_unrelated_links_cost_no_video(tmp_path: Path) -> None:
    davis(tmp_path / "given")
    (tmp_path / "given/JPEGImages/480p/round").symlink_to(tmp_path / "given")
    (tmp_path / "notes").mkdir()
    (tmp_path / "given/notes").symlink_to(tmp_path / "notes")
    ctx = listed(tmp_path, "davis")
    assert valid(ctx) == ["ant", "bee", "cat"]
    assert read_rejected(ctx.out / "rejected.csv") == []


def test_a_linked_folder_of_frames_is_a_video_of_a_folder_of_videos(tmp_path: Path) -> None:
    videos(tmp_path / "given")
    for i, frame in enumerate(frames_of((30, 60))):
        write(tmp_path / f"away/{i:05d}.png", png(frame))
    (tmp_path / "given/dog").symlink_to(tmp_path / "away")
    beside(tmp_path / "given", "dog", mask=mask_image(1))
    assert "dog" in valid(listed(tmp_path, "videos"))


def test_sequences_behind_links_in_a_linked_part_are_found_missing(tmp_path: Path) -> None:
    lasot(tmp_path / "given")
    as_link(tmp_path / "given/cat/cat-2", tmp_path / "given")
    as_link(tmp_path / "given/cat", tmp_path / "given")
    ctx = listed(tmp_path, "lasot")
    assert valid(ctx) == ["cat-1", "cat-3"]
    assert [r.video for r in read_rejected(ctx.out / "rejected.csv")] == ["mine/cat-2"]


# ---------------------------------------------------------------- the table


def test_the_table_is_sorted_and_reads_back_unchanged(tmp_path: Path) -> None:
    rows = [Rejected("s/b", "2", 'a "word", and\nanother'), Rejected("s/a", "", "why"), Rejected("s/b", "", "why")]
    write_rejected(tmp_path / "rejected.csv", rows)
    assert read_rejected(tmp_path / "rejected.csv") == sorted(rows)
    assert (tmp_path / "rejected.csv").read_text().splitlines()[:2] == ["video,object,reason", "s/a,,why"]
    assert [r.name for r in sorted(rows)] == ["s/a", "s/b", "s/b/2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "does not exist; run the phase that makes it"),
        ("", "does not have the columns video, object, reason"),
        ("track,reason\n", "does not have the columns"),
        ("video,object,reason\na,b\n", "does not have the columns"),
    ],
)
def test_another_table_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        write(tmp_path / "rejected.csv", text)
    with pytest.raises(BadInput, match=message):
        read_rejected(tmp_path / "rejected.csv")


def test_a_reason_is_the_same_on_any_machine() -> None:
    with pytest.raises(BadInput) as caught:
        decode_rgb(b"no image", "/data/d.zip: DAVIS/a.png")
    assert "0x" in str(caught.value)
    reason = reason_of(caught.value, Path("/data/d.zip"))
    assert reason == (
        "DAVIS/a.png is not a readable image (cannot identify image file); replace it with an intact copy."
    )
    assert reason_of(BadInput("/data/d/a/b lacks x; see /data/d."), Path("/data/d")) == "a/b lacks x; see d."
