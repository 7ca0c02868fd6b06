"""Completing a user's own video: composing, outputs, and the command as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.conftest import CLONE
from tests.unit import moving_square
from tests.unit.layouts import write
from tests.unit.moving_square import COUNT, HEIGHT, SIDE, WIDTH, box_at, mask, picture
from tgvac.cli import main
from tgvac.clips.box import Box
from tgvac.clips.framing import Window
from tgvac.clips.images import encode_png
from tgvac.clips.pasting import seen_share
from tgvac.complete import demo, finding
from tgvac.complete.command import Completing, Options, read_options
from tgvac.complete.composing import checkerboard, compose, darker, without_white
from tgvac.complete.outputs import write_video
from tgvac.tracking.prompts import Prompt, Selection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return moving_square.write_video(tmp_path)


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


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mov"])
def test_equal_frames_become_equal_videos_byte_for_byte(tmp_path: Path, suffix: str) -> None:
    channels = 3 if suffix == ".mp4" else 4
    frames = np.random.default_rng(0).integers(0, 256, (4, 48, 86, channels), np.uint8)
    files = [tmp_path / f"{i}{suffix}" for i in range(4)]
    for file in files:
        write_video(file, frames, 25.0)
    assert len({file.read_bytes() for file in files}) == 1


def options(folder: Path, **changes: object) -> Options:
    values = {
        "video": str(folder / "frames"),
        "selection": Selection(prompts=(Prompt(frame=3, box=box_at(3)),)),
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
    for name, changes in (("a", {}), ("b", {"seed": 1}), ("c", {})):  # not pasted, since nothing is hidden
        Completing(CLONE, options(folder, paste=False, **changes), folder / name).run()
    first, second, third = ((folder / name / "layer" / "00003.png").read_bytes() for name in "abc")
    assert first == third
    assert first != second


def run(arguments: list[str]) -> None:
    """Run a command that succeeds."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0


def test_ctrl_c_says_that_the_same_command_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(self: Completing, preview: bool) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Completing, "run", stopped)
    with pytest.raises(SystemExit) as ended:
        main(["complete", str(folder / "frames"), "--box", "20,30,28,28", "--out", str(folder / "out")])
    assert ended.value.code == 130
    assert "stopped; the same command goes on from what is done" in capsys.readouterr().out


def test_the_command_finds_the_shipped_model_from_any_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    run(["complete", "frames", "--box", "20,30,28,28", "--steps", "1", "--out", "elsewhere"])
    assert (folder / "elsewhere" / "beside.mp4").is_file()


def test_prompts_of_the_command_line_are_recorded_and_repeated(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("params.yaml", "workflow", "standins", "reference"):
        (folder / name).symlink_to(CLONE / name)
    monkeypatch.chdir(folder)
    arguments = ["--box", "20,30,28,28", "--point", "5:54,44,50,40", "--not-point", "5:100,80", "--steps", "2"]
    run(["complete", "frames", *arguments, "--out", "first"])
    record = json.loads((folder / "first" / "complete.json").read_text())
    assert record["options"]["format"] == "tgvac-complete-2"
    assert record["options"]["selection"] == {
        "prompts": [
            {"frame": 0, "box": {"x": 20, "y": 30, "w": 28, "h": 28}, "points": [], "not_points": [], "mask": ""},
            {"frame": 5, "box": None, "points": [[54, 44], [50, 40]], "not_points": [[100, 80]], "mask": ""},
        ],
        "every": "",
    }
    assert record["lost"] == record["doubtful"] == []
    run(["complete", "--repeat", "first/complete.json", "--out", "second"])
    layers = [sorted((folder / name / "layer").glob("*.png")) for name in ("first", "second")]
    assert len(layers[0]) == COUNT
    assert [path.read_bytes() for path in layers[0]] == [path.read_bytes() for path in layers[1]]
    capsys.readouterr()


@pytest.mark.parametrize(
    ("given", "selection"),
    [
        (
            {"box": "1,2,3,4", "mask": "", "frame": 3},
            Selection(prompts=(Prompt(frame=3, box=Box(x=1, y=2, w=3, h=4)),)),
        ),
        ({"box": "", "mask": "/m.png", "frame": 0}, Selection(prompts=(Prompt(frame=0, mask="/m.png"),))),
        ({"box": "", "mask": "MASKS", "frame": 0}, Selection(every="MASKS")),
    ],
    ids=["box", "mask", "masks"],
)
def test_a_record_of_a_single_box_or_mask_is_still_read(
    folder: Path, given: dict[str, object], selection: Selection
) -> None:
    masks = str(folder / "masks")
    text = json.dumps({"options": {"format": "tgvac-complete-1", "video": "v.mp4", "seed": 7, **given}, "lost": []})
    write(folder / "complete.json", text.replace("MASKS", masks))
    found = read_options(folder / "complete.json")
    wanted = selection.model_copy(update={"every": masks}) if selection.every else selection
    assert found == Options(video="v.mp4", seed=7, selection=wanted)


def test_what_is_found_by_words_is_a_box_of_the_named_frame(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[object] = []

    def find(*arguments: object) -> finding.Found:
        asked.extend(arguments)
        return finding.Found(box_at(3), 0.734)

    for name in ("params.yaml", "workflow", "standins", "reference"):
        (folder / name).symlink_to(CLONE / name)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(finding, "find_box", find)
    arguments = ["--find", "the red square", "--find-weights", "dino", "--frame", "3", "--steps", "1"]
    run(["complete", "frames", *arguments, "--out", "o"])
    assert asked == [Path("frames"), 3, "the red square", "dino", "cpu"]
    assert "found with a score of 0.73: --box 3:32.0,30.0,28.0,28.0\n" in capsys.readouterr().out
    assert read_options(folder / "o" / "complete.json").selection == Selection(
        prompts=(Prompt(frame=3, box=box_at(3)),)
    )


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
        (["complete", "--repeat", "text.mp4", "--point", "3,4", "--out", "o"], "leave --point out"),
        (["complete", "frames", "--out", "o"], "Select the object by --box x,y,w,h, by --point x,y, by --mask FILE or"),
        (["complete", "frames", "--box", "1,2,9,9", "--find-weights", "w", "--out", "o"], "--find-weights is only for"),
        (["complete", "frames", "--find", "a dog", "--find-weights", "none", "--out", "o"], "give a --box x,y,w,h or"),
        (["complete", "frames", "--not-point", "2:3,4", "--out", "o"], "only says what the object is not"),
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
