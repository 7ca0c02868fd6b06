"""A plain folder of videos, with masks or boxes for the first frame."""

from __future__ import annotations

import json
import re
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.unit.archive_server import PARAMS
from tests.unit.builders import Array, noise, png
from tests.unit.layouts import write
from tests.unit.test_tracks_stage import PARAMS as TRACKS
from tests.unit.test_tracks_stage import SOURCES
from tgvac.clips.box import Box
from tgvac.clips.container import Facts
from tgvac.clips.images import resize_mask
from tgvac.clips.track import Track
from tgvac.clips.video_reader import VideoReader
from tgvac.errors import BadInput
from tgvac.shards import read_index
from tgvac.sources import sources_stage, tracks_stage
from tgvac.sources.adapter import ObjectInfo
from tgvac.sources.video_folder import VideoFolder
from tgvac.stage import Context

HEIGHT, WIDTH = 32, 48
LEVELS = (20, 90, 160, 230)


def frames_of(levels: tuple[int, ...] = LEVELS) -> list[Array]:
    """Uniform grey frames with a darker left third, which stay distinct with any codec."""
    out = []
    for level in levels:
        frame = np.full((HEIGHT, WIDTH, 3), level, np.uint8)
        frame[:, : WIDTH // 3] //= 2
        out.append(frame)
    return out


def film(path: Path, frames: list[Array], fps: int = 10, codec: str = "mpeg4") -> Path:
    """A video file, written by PyAV alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        stream.time_base = Fraction(1, fps)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def mask_image(*ids: int) -> Array:
    """Object ``k`` in columns ``8 k`` to ``8 k + 8``."""
    image = np.zeros((HEIGHT, WIDTH), np.uint8)
    for k in ids:
        image[8:24, 8 * k : 8 * k + 8] = k
    return image


def beside(folder: Path, name: str, objects: Any = None, mask: Array | None = None) -> None:
    if objects is not None:
        write(folder / f"{name}.json", json.dumps({"objects": objects}))
    if mask is not None:
        write(folder / f"{name}.png", png(mask, palette=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A video with a box, one with a mask, and a folder of frames with both."""
    root = tmp_path / "videos"
    film(root / "my_dog-2.mp4", frames_of())
    beside(root, "my_dog-2", [{"id": 3, "box": [8, 8, 16, 12.5], "category": "dog", "caption": "a brown dog"}])
    film(root / "swan.avi", frames_of()[:3], fps=25)
    beside(root, "swan", mask=mask_image(1, 3))
    for i, frame in enumerate(frames_of()[:2]):
        write(root / f"two people/img_{i + 7}.png", png(frame))
    beside(root, "two people", [{"id": 1}, {"id": 2, "box": [1, 1, 5, 5]}], mask_image(1))
    write(root / "notes.txt", "not a video")
    write(root / ".hidden.mp4", "nor this")
    return root


def test_only_video_files_and_folders_are_videos(folder: Path) -> None:
    assert [(v.name, v.frame_numbers) for v in VideoFolder(folder).videos()] == [
        ("my_dog-2", (0, 1, 2, 3)),
        ("swan", (0, 1, 2)),
        ("two people", (0, 1)),
    ]


def test_frames_can_be_read_in_any_order(folder: Path) -> None:
    source = VideoFolder(folder)
    dog, _, people = source.videos()
    for i in (0, 1, 3, 3, 2, 0):
        frame = source.frame(dog, i)
        assert frame.shape == (HEIGHT, WIDTH, 3)
        assert abs(int(frame[16, 40].mean()) - LEVELS[i]) < 12
        assert abs(int(frame[16, 4].mean()) - LEVELS[i] // 2) < 12
    assert np.array_equal(source.frame(people, 1), frames_of()[1])


def test_only_the_first_frame_has_masks_and_boxes(folder: Path) -> None:
    source = VideoFolder(folder)
    dog, swan, people = source.videos()
    assert source.boxes(dog, 0) == {3: Box(x=8, y=8, w=16, h=12.5)}
    assert source.annotation(dog, 0) is None
    mask = source.annotation(swan, 0)
    assert mask is not None
    assert np.array_equal(mask, mask_image(1, 3))
    assert source.boxes(swan, 0) is None
    assert source.boxes(people, 0) == {2: Box(x=1, y=1, w=5, h=5)}
    for video in (dog, swan, people):
        assert source.annotation(video, 1) is None
        assert source.boxes(video, 1) is None


def test_category_and_caption_come_from_the_json_or_the_name(folder: Path) -> None:
    source = VideoFolder(folder)
    dog, swan, people = source.videos()
    assert source.info(dog, 3) == ObjectInfo("dog", ("a brown dog",))
    assert source.info(swan, 1) == ObjectInfo("swan", ())
    assert source.info(people, 2) == ObjectInfo("two people", ())
    assert [source.fps(v) for v in (dog, swan, people)] == [10, 25, 0]


def test_a_videos_description_and_bytes_decide_its_digest(folder: Path) -> None:
    before = {v.name: (v.digest, v.footage) for v in VideoFolder(folder).videos()}
    beside(folder, "my_dog-2", [{"id": 3, "box": [8, 8, 16, 12.5], "category": "cat"}])
    beside(folder, "swan", mask=mask_image(1))
    write(folder / "two people/img_7.png", png(frames_of()[3]))
    after = {v.name: (v.digest, v.footage) for v in VideoFolder(folder).videos()}
    assert all(before[name][0] != after[name][0] for name in before)
    assert {n for n in before if before[n][1] != after[n][1]} == {"two people"}


def test_a_copy_under_another_name_has_the_same_footage(folder: Path) -> None:
    (folder / "copy.mp4").write_bytes((folder / "my_dog-2.mp4").read_bytes())
    beside(folder, "copy", [{"id": 1, "box": [8, 8, 16, 12]}])
    found = {v.name: v for v in VideoFolder(folder).videos()}
    assert found["copy"].footage == found["my_dog-2"].footage
    assert found["copy"].digest != found["my_dog-2"].digest


def test_tracks_have_masks_and_boxes_only_in_their_first_frame(folder: Path, tmp_path: Path) -> None:
    header = "name,layout,location,bytes,sha256,licence"
    write(tmp_path / "reference/registry.csv", f"{header}\nmine,videos,given,,,my own\n")
    ctx = Context(tmp_path, "t", "sources", "d", locations={"mine": str(folder)})
    sources_stage.run(ctx, sources=SOURCES, fetch=PARAMS)
    ctx = Context(tmp_path, "t", "tracks", "d", shard=0, shards=1)
    tracks_stage.run(ctx, tracks=TRACKS)
    index = read_index(ctx.shard_index())
    assert sorted(index) == [
        *("mine/my_dog-2/3", "mine/swan/1", "mine/swan/3", "mine/two people/1", "mine/two people/2"),
    ]
    with Track(ctx.out / index["mine/my_dog-2/3"].file) as track:
        # 48 columns become 16.
        first, *later = track.meta.boxes
        assert first is not None
        assert (first.x, first.y, first.w, first.h) == pytest.approx((8 / 3, 8 * 11 / 32, 16 / 3, 12.5 * 11 / 32))
        assert later == [None, None, None]
        assert (track.meta.annotated, track.meta.fps, track.meta.frames) == ((False,) * 4, 10, 4)
    with Track(ctx.out / index["mine/swan/3"].file) as track:
        assert track.meta.annotated == (True, False, False)
        expected = np.where(mask_image(3) == 3, 255, 0).astype(np.uint8)
        assert np.array_equal(track.mask(0), resize_mask(expected, 11, 16))
        assert track.meta.boxes == ()
        assert not track.has_mask(1)


# ---------------------------------------------------------------- the reader of video files


def test_a_reader_counts_decodable_frames_and_can_seek_back(tmp_path: Path) -> None:
    with VideoReader(film(tmp_path / "a.mov", frames_of())) as reader:
        assert reader.examine() == Facts(len(LEVELS))
        last, first = reader.frame(3), reader.frame(0)
        assert last.mean() > first.mean()
        assert np.array_equal(reader.frame(3), last)
        with pytest.raises(BadInput, match=r"a\.mov has no frame 4, which was there when sources were listed"):
            reader.frame(4)


@pytest.mark.parametrize(("a", "b", "c", "d", "tx", "ty"), [(0, 1, -1, 0, HEIGHT, 0), (0, -1, 1, 0, 0, WIDTH)])
def test_frames_are_rotated_as_the_file_states(
    tmp_path: Path, a: int, b: int, c: int, d: int, tx: int, ty: int
) -> None:
    """A phone held upright stores a rotation: pixel (x, y) is shown at (ax + cy + tx, bx + dy + ty)."""
    path = film(tmp_path / "a.mp4", frames_of((200,)))
    plain = struct.pack(">9l", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    turned = struct.pack(">9l", *(v << 16 for v in (a, b, 0, c, d, 0, tx, ty)), 1 << 30)
    data = path.read_bytes()
    header = data.index(b"tkhd")
    at = data.index(plain, header)
    path.write_bytes(data[:at] + turned + data[at + len(plain) :])
    with VideoReader(path) as reader:
        frame = reader.frame(0)
    assert frame.shape == (WIDTH, HEIGHT, 3)
    # The left third of the stored frame is dark.
    dark_at = a * 4 + c * 16 + tx, b * 4 + d * 16 + ty
    light_at = a * 44 + c * 16 + tx, b * 44 + d * 16 + ty
    assert frame[dark_at[1], dark_at[0]].mean() < 130 < frame[light_at[1], light_at[0]].mean()


@pytest.mark.parametrize("data", [b"", b"no video at all" * 100])
def test_a_file_that_is_not_a_video_is_refused(tmp_path: Path, data: bytes) -> None:
    write(tmp_path / "a.mp4", data)
    with pytest.raises(BadInput, match=r"a\.mp4 is truncated, or not a video that can be decoded .*; replace it"):
        VideoReader(tmp_path / "a.mp4")


def test_a_truncated_video_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", [noise(i, HEIGHT, WIDTH, 3) for i in range(8)])
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(BadInput, match=r"a\.mp4 is truncated"):
        VideoReader(path)


def test_a_file_without_a_video_stream_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(BadInput, match=r"a\.mkv has no video stream"):
        VideoReader(path)


# ---------------------------------------------------------------- bad input


def cut(path: Path, instead_of: Path) -> None:
    """A video whose second half is missing, in a container that does not count its frames."""
    instead_of.unlink()
    film(path, [noise(i, HEIGHT, WIDTH, 3) for i in range(12)])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def damaged(folder: Path, what: str) -> None:
    box = {"id": 1, "box": [1, 1, 5, 5]}
    match what:
        case "nothing beside":
            (folder / "swan.png").unlink()
        case "two of one name":
            film(folder / "swan.mp4", frames_of())
        case "size":
            beside(folder, "swan", mask=mask_image(1)[:, :-1])
        case "no mask":
            beside(folder, "swan", mask=mask_image())
        case "form":
            beside(folder, "my_dog-2", [{"id": 1, "box": [1, 1, 5]}])
        case "further key":
            beside(folder, "my_dog-2", [{**box, "colour": "red"}])
        case "area":
            beside(folder, "my_dog-2", [{"id": 1, "box": [1, 1, 0, 5]}])
        case "twice":
            beside(folder, "my_dog-2", [box, box])
        case "nowhere":
            beside(folder, "my_dog-2", [box, {"id": 2}])
        case "outside":
            beside(folder, "my_dog-2", [{"id": 1, "box": [WIDTH, 1, 5, 5]}])
        case "two series":
            for i in range(2):
                write(folder / f"two people/mask_{i}.png", png(frames_of()[0]))
        case "a gap":
            write(folder / "two people/img_12.png", png(frames_of()[0]))
        case "a number twice":
            write(folder / "two people/IMG_7.JPG", png(frames_of()[0]))
        case "a cut video":
            cut(folder / "swan.mkv", folder / "swan.avi")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("nothing beside", r"swan\.avi has no object in its first frame; write swan\.json with a box, or swan\.png"),
        ("two of one name", r"swan\.avi and .*swan\.mp4 are two videos with the same name; rename one"),
        ("size", rf"swan\.png is {WIDTH - 1}x{HEIGHT}, the first frame of its video {WIDTH}x{HEIGHT}; both must"),
        ("no mask", r"swan\.png shows no object, only background; draw the object of the first frame"),
        ("form", r"my_dog-2\.json has an invalid 'objects\.0\.box.*; write \{\"objects\""),
        ("further key", r"my_dog-2\.json has an invalid 'objects\.0\.colour'"),
        ("area", r"my_dog-2\.json has an invalid 'objects\.0\.box\.2'"),
        ("twice", r"my_dog-2\.json has an id twice; give each object its own id"),
        ("nowhere", r"my_dog-2\.json lists object 2, which has no box and is not in my_dog-2\.png; give it one"),
        (
            "outside",
            rf"my_dog-2\.json: the box {WIDTH},1,5,5 of object 1 is outside its frame of",
        ),
        (
            "two series",
            r"two people has two series of pictures, mask_0\.png … mask_1\.png \(2\) and img_7",
        ),
        ("a gap", r"two people has no frame between 8 and 12, though others are 1 apart; restore what is missing"),
        ("a number twice", r"two people has two pictures of frame 7, IMG_7\.JPG and img_7\.png; remove one of them"),
        ("a cut video", r"swan\.mkv says that it lasts 1\.20 s, but only 0\.\d\d s can be decoded: it was cut"),
    ],
)
def test_errors_name_the_file_and_what_to_do(folder: Path, what: str, message: str) -> None:
    damaged(folder, what)
    with pytest.raises(BadInput, match=message) as caught:
        VideoFolder(folder).videos()
    assert "\n" not in str(caught.value)


def test_a_video_removed_after_the_listing_is_refused(folder: Path) -> None:
    _, swan, people = VideoFolder(folder).videos()
    (folder / "two people/img_8.png").unlink()
    with pytest.raises(BadInput, match="two people no longer exists; restore it"):
        VideoFolder(folder).frame(people, 1)
    (folder / "swan.avi").unlink()
    with pytest.raises(BadInput, match="swan no longer exists; restore it"):
        VideoFolder(folder).frame(swan, 0)


def test_a_folder_without_videos_and_a_plain_file_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "notes.txt", "")
    with pytest.raises(BadInput, match=r"has no video \(\.mp4, .*\) and no folder of frames"):
        VideoFolder(tmp_path)
    with pytest.raises(BadInput, match=r"notes\.txt is not a folder; give the folder with the videos"):
        VideoFolder(tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("box", "fault"),
    [
        ([0.1, 0.2, 0.5, 0.6], "lies within one pixel; write x, y, width and height in pixels of its frame"),
        ([20, 10, 44, 30], "fits as two corners; write x, y, width and height, here 20,10,24,20"),
        ([20, 10, 29, 22], ""),
        ([-2, -2, 20, 12], ""),
        ([1, 1, 46, 30], ""),
    ],
)
def test_boxes_in_shares_of_the_frame_or_as_corners_are_refused_with_the_remedy(
    tmp_path: Path, box: list[float], fault: str
) -> None:
    film(tmp_path / "a.mp4", frames_of())
    write(tmp_path / "a.json", json.dumps({"objects": [{"id": 1, "box": box}]}))
    if fault:
        with pytest.raises(BadInput, match=re.escape(fault)):
            VideoFolder(tmp_path).videos()
    else:
        assert len(VideoFolder(tmp_path).videos()) == 1
