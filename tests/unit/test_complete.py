"""Completing a user's own video: selection, tracking both ways, composing, outputs, and the command as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.conftest import CLONE
from tests.unit.layouts import write
from tgvac.cli import main
from tgvac.clips.framing import Window
from tgvac.clips.images import encode_png
from tgvac.complete import demo
from tgvac.complete.command import Completing, Options, read_options
from tgvac.complete.composing import checkerboard, compose, seen_share, without_white
from tgvac.complete.outputs import write_video
from tgvac.complete.selection import select
from tgvac.complete.squares import darker
from tgvac.complete.tracking import Tracker
from tgvac.errors import BadInput
from tgvac.params import load_params
from tgvac.sources.frames import open_frames

HEIGHT, WIDTH, COUNT, SIDE = 96, 128, 8, 28


def at(i: int) -> tuple[slice, slice]:
    """Where the square is in frame ``i``."""
    return slice(30, 30 + SIDE), slice(20 + 4 * i, 20 + 4 * i + SIDE)


def picture(i: int) -> np.ndarray:
    """A textured red square that moves to the right before a green pattern."""
    drawn = np.random.default_rng(5)
    frame_HW3 = np.full((HEIGHT, WIDTH, 3), (40, 120, 60), np.uint8) + drawn.integers(
        0, 30, (HEIGHT, WIDTH, 1), np.uint8
    )
    square = np.full((SIDE, SIDE, 3), (190, 40, 40), np.uint8) + drawn.integers(0, 60, (SIDE, SIDE, 1), np.uint8)
    frame_HW3[at(i)] = square
    return frame_HW3


def mask(i: int) -> np.ndarray:
    out_HW = np.zeros((HEIGHT, WIDTH), np.uint8)
    out_HW[at(i)] = 255
    return out_HW


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(COUNT):
        write(tmp_path / "frames" / f"{i:04d}.png", encode_png(picture(i)))
        write(tmp_path / "masks" / f"{i:04d}.png", encode_png(mask(i)))
    return tmp_path


def iou(a_HW: np.ndarray, b_HW: np.ndarray) -> float:
    return float(((a_HW > 0) & (b_HW > 0)).sum() / ((a_HW > 0) | (b_HW > 0)).sum())


@pytest.mark.parametrize("frame", [0, 3, COUNT - 1])
@pytest.mark.parametrize("kind", ["box", "mask"])
def test_an_object_is_tracked_from_any_frame_to_both_ends(folder: Path, frame: int, kind: str) -> None:
    frames = open_frames(folder / "frames")
    rows, columns = at(frame)
    box = f"{columns.start},{rows.start},{SIDE},{SIDE}" if kind == "box" else ""
    given = folder / "masks" / f"{frame:04d}.png" if kind == "mask" else None
    selection = select(frames, COUNT, frame, box, given)
    params = load_params(CLONE, "paper")
    tracker = Tracker(params.masks.model_copy(update={"first": "follow"}), 96, folder / "work")
    visible = tracker.track(frames, COUNT, selection)
    assert len(visible) == COUNT
    assert visible[0].shape == (HEIGHT, WIDTH)
    assert visible.lost() == []
    assert min(iou(visible[i], mask(i)) for i in range(COUNT)) > 0.75


def test_masks_in_every_frame_are_taken_as_they_are(folder: Path) -> None:
    frames = open_frames(folder / "frames")
    selection = select(frames, COUNT, 0, "", folder / "masks")
    visible = Tracker(load_params(CLONE, "paper").masks, 96, folder / "work").track(frames, COUNT, selection)
    assert all(np.array_equal(visible[i], mask(i)) for i in range(COUNT))
    write(folder / "masks" / "0003.png", encode_png(np.zeros((HEIGHT, WIDTH), np.uint8)))
    assert not Tracker(load_params(CLONE, "paper").masks, 96, folder / "w2").track(frames, COUNT, selection)[3].any()


@pytest.mark.parametrize(
    ("frame", "box", "given", "message"),
    [
        (0, "", None, "Select the object by --box x,y,w,h or by --mask FILE, one of the two"),
        (0, "1,2,3", None, "--box 1,2,3 is not x,y,w,h; give four numbers in pixels"),
        (0, "1,2,0,4", None, "--box 1,2,0,4 has no area"),
        (0, "0.1,0.1,0.5,0.5", None, "lies within one pixel; write x, y, width and height"),
        (0, "500,2,9,9", None, "is outside its frame of 128x96"),
        (
            COUNT,
            "1,2,3,4",
            None,
            f"--frame {COUNT} is not in the video, which has {COUNT} frames, from 0 to {COUNT - 1}",
        ),
        (-1, "1,2,3,4", None, "--frame -1 is not in the video"),
        (0, "", "none.png", "none.png does not exist; give a picture, or a folder or video of one mask a frame"),
        (0, "", "small.png", "small.png is 64x48, the video 128x96; give a mask of its size"),
        (0, "", "empty.png", "empty.png shows nothing; mark what is seen of the object in frame 0"),
        (0, "", "few", "few has 2 masks, the video 8 frames; give one mask a frame"),
        (0, "", "black", "black shows nothing in any frame"),
    ],
)
def test_a_selection_that_does_not_fit_is_refused_in_one_sentence(
    folder: Path, frame: int, box: str, given: str | None, message: str
) -> None:
    write(folder / "small.png", encode_png(np.full((48, 64), 255, np.uint8)))
    write(folder / "empty.png", encode_png(np.zeros((HEIGHT, WIDTH), np.uint8)))
    for i in range(COUNT):
        write(folder / "black" / f"{i}.png", encode_png(np.zeros((HEIGHT, WIDTH), np.uint8)))
    for i in range(2):
        write(folder / "few" / f"{i}.png", encode_png(mask(i)))
    with pytest.raises(BadInput) as caught:
        select(open_frames(folder / "frames"), COUNT, frame, box, None if given is None else folder / given)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_layer_never_cuts_what_is_seen_and_has_the_input_s_pixels_there() -> None:
    frame_HW3 = np.full((HEIGHT, WIDTH, 3), 252, np.uint8)  # a white object on white
    square_SS3 = np.full((64, 64, 3), 255, np.uint8)
    square_SS3[40:56, 20:40] = (10, 90, 200)
    layer = compose(square_SS3, darker(square_SS3, 235), Window(0, 0, 96), frame_HW3, mask(0), seam=3)
    seen = mask(0) > 0
    assert (layer.alpha_HW[seen] == 255).all()
    only_seen = seen & (seen_share(mask(0), layer.alpha_HW, 3) == 1)
    assert (layer.rgb_HW3[only_seen] == 252).all()
    assert layer.alpha_HW[72, 45] == 255
    assert layer.rgb_HW3[72, 45].tolist() == [10, 90, 200]
    assert layer.alpha_HW[5, 5] == 0
    raw = compose(square_SS3, darker(square_SS3, 235), Window(0, 0, 96), frame_HW3, mask(0), 3, paste=False)
    assert raw.rgb_HW3[72, 45].tolist() == [10, 90, 200]


def test_the_seam_is_towards_what_the_model_painted_and_not_at_the_object_s_own_outline() -> None:
    seen_HW, painted_HW = np.zeros((20, 40), np.uint8), np.zeros((20, 40), np.uint8)
    seen_HW[5:15, 5:20] = 255
    painted_HW[5:15, 5:30] = 255
    share_HW = seen_share(seen_HW, painted_HW, 4)
    assert share_HW[10, 5] == share_HW[5, 10] == 1, "the outline to the background"
    assert 0 < share_HW[10, 19] < share_HW[10, 17] < 1, "the seam to the painted part"
    assert share_HW[10, 20] == 0
    assert np.array_equal(seen_share(seen_HW, painted_HW, 0), (seen_HW > 0).astype(np.float32))


def test_half_transparent_pixels_have_no_white_in_them() -> None:
    colour, alpha_HW = np.array([20, 60, 200]), np.array([[255, 128, 64, 0]], np.uint8)
    share = alpha_HW[..., None] / 255
    on_white = (colour * share + 255 * (1 - share)).round().astype(np.uint8)
    own = without_white(on_white, alpha_HW)
    assert np.abs(own[0, :3].astype(int) - colour).max() <= 4
    assert own[0, 3].tolist() == [255, 255, 255]
    assert len(np.unique(checkerboard(24, 24))) == 2


@pytest.mark.parametrize(("suffix", "pixels", "near"), [(".webm", "yuva420p", 12), (".mov", "yuva444p10le", 4)])
def test_videos_with_alpha_keep_it_at_odd_sizes_and_broken_frame_rates(
    tmp_path: Path, suffix: str, pixels: str, near: int
) -> None:
    alpha_HW = np.zeros((33, 41), np.uint8)
    alpha_HW[8:24, 8:32] = 255
    frame_HW4 = np.dstack([np.full((33, 41, 3), (200, 60, 60), np.uint8), alpha_HW])
    path = tmp_path / f"layer{suffix}"
    write_video(path, [frame_HW4] * 5, 30000 / 1001)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert float(stream.average_rate) == pytest.approx(29.97, abs=0.01)
        codec = "libvpx-vp9" if suffix == ".webm" else stream.codec_context.name
        decoder = av.codec.CodecContext.create(codec, "r")
        if suffix == ".mov":
            decoder.extradata, decoder.codec_tag = stream.codec_context.extradata, stream.codec_context.codec_tag
        found = [f for packet in container.demux(stream) for f in decoder.decode(packet)]
    assert len(found) == 5
    assert found[0].format.name.startswith(pixels[:5])
    back_HW4 = found[0].to_ndarray(format="rgba")
    assert back_HW4.shape == (34, 42, 4)
    assert np.abs(back_HW4[12:20, 12:28, 3].astype(int) - 255).max() <= near
    assert back_HW4[:4, :4, 3].max() <= near


def options(folder: Path, **changes: object) -> Options:
    rows, columns = at(3)
    values = {
        "video": str(folder / "frames"),
        "box": f"{columns.start},{rows.start},{SIDE},{SIDE}",
        "frame": 3,
        "steps": 2,
    }
    return Options(**{**values, **changes})


def test_the_command_ends_in_layers_and_the_same_command_takes_up_what_is_there(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = folder / "out"
    look_at = Completing(CLONE, options(folder, text="a red square"), out).run()
    assert look_at == out / "beside.mp4"
    said = capfd.readouterr()
    assert "the demonstration model" in said.out
    layer = [np.asarray(Image.open(path)) for path in sorted((out / "layer").glob("*.png"))]
    assert len(layer) == COUNT
    for i, rgba_HW4 in enumerate(layer):
        assert rgba_HW4.shape == (HEIGHT, WIDTH, 4)
        seen = (mask(i) > 0) & (rgba_HW4[..., 3] == 255)
        assert seen.sum() > 0.7 * SIDE * SIDE
        same = (np.abs(rgba_HW4[..., :3].astype(int) - picture(i)).max(axis=2) == 0) & seen
        assert same.sum() > 0.5 * seen.sum(), "most of what is seen is the input's own"
    before = {path: path.read_bytes() for path in sorted((out / "layer").glob("*.png"))}
    record = json.loads((out / "complete.json").read_text())
    assert record["lost"] == []
    Completing(CLONE, read_options(out / "complete.json"), out).run()
    again = capfd.readouterr()
    assert "tracking" not in again.out
    assert "completing" not in again.err
    assert {path: path.read_bytes() for path in sorted((out / "layer").glob("*.png"))} == before


def test_another_seed_or_text_is_another_completion_and_a_repeat_elsewhere_has_the_same_bytes(folder: Path) -> None:
    for name, changes in (("a", {}), ("b", {"seed": 1}), ("c", {})):
        Completing(CLONE, options(folder, **changes), folder / name).run()
    first, second, third = ((folder / name / "layer" / "00003.png").read_bytes() for name in "abc")
    assert first == third
    assert first != second


def test_a_preview_only_tracks(folder: Path) -> None:
    assert Completing(CLONE, options(folder), folder / "out").run(preview=True) == folder / "out" / "tracked.mp4"
    assert not (folder / "out" / "layer").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["complete", "--out", "o"], "Give a video file or a folder of frames"),
        (["complete", "none.mp4", "--box", "1,2,3,4", "--out", "o"], "none.mp4 does not exist; give a video file"),
        (["complete", "text.mp4", "--box", "1,2,3,4", "--out", "o"], "text.mp4 is truncated, or not a video"),
        (
            ["complete", "frames", "--box", "1,2,3,4", "--format", "gif", "--out", "o"],
            "--format gif is unknown; choose of",
        ),
        (
            ["complete", "frames", "--box", "1,2,9,9", "--model", "x/y", "--out", "o"],
            "x/y is not a folder and cannot",
        ),
        (["complete", "--repeat", "text.mp4", "--out", "o"], "is no record of tgvac complete"),
        (["complete", "--repeat", "text.mp4", "--seed", "3", "--out", "o"], "leave --seed out"),
        (["complete", "frames", "--box", "20,30,28,28", "--tracker", "magic", "--out", "o"], "tracker"),
        (
            ["complete", "frames", "--box", "20,30,28,28", "--out", "frames"],
            "frames would overwrite the input",
        ),
        (["complete", "frames", "--box", "20,30,28,28", "--out", "text.mp4"], "text.mp4 is a file; give a folder"),
        (["complete", "mixed", "--box", "2,3,8,8", "--out", "o"], "mixed: frame 1 is 64x48, another one 128x96; all"),
        (["complete", "frames", "--box", "20,30,28,28", "--steps", "5000", "--out", "o"], "steps"),
    ],
)
def test_bad_input_gets_one_sentence(
    folder: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(folder / "text.mp4", "no video")
    write(folder / "mixed" / "0.png", encode_png(picture(0)))
    write(folder / "mixed" / "1.png", encode_png(picture(1)[::2, ::2]))
    for name in ("params.yaml", "workflow", "standins", "reference"):
        (folder / name).symlink_to(CLONE / name)
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code not in (None, 0)
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("tgvac: ")
    assert message in last


def test_the_demonstration_draws_a_clip_and_completes_what_passes_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "FRAMES", 10)
    monkeypatch.setattr(demo, "HEIGHT", 72)
    monkeypatch.setattr(demo, "WIDTH", 96)
    assert demo.demo(CLONE, tmp_path / "demo") == tmp_path / "demo" / "beside.mp4"
    assert "the object: a" in capsys.readouterr().out
    seen = [np.asarray(Image.open(path)) > 0 for path in sorted((tmp_path / "demo" / "masks").glob("*.png"))]
    layers = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "demo" / "layer").glob("*.png"))]
    assert len(seen) == len(layers) == 10
    assert all((layer[..., 3][mask_HW] == 255).all() for layer, mask_HW in zip(layers, seen, strict=True))
    added = [
        int((layer[..., 3] >= 128).sum()) - int(mask_HW.sum()) for layer, mask_HW in zip(layers, seen, strict=True)
    ]
    assert max(added) > 50, "hidden parts are painted"
