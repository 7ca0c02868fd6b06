"""Several completions of one video, methods without weights, and runs of `tgvac complete` that are stopped."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import CLONE
from tests.unit.layouts import write
from tgvac.clips.images import encode_png
from tgvac.complete.command import Completing, Options
from tgvac.complete.model import Asked, load_method, load_model
from tgvac.complete.plain_methods import names
from tgvac.complete.several import disagreement, middle
from tgvac.complete.squares import Diffusing, Framed, Input
from tgvac.errors import BadInput
from tgvac.methods.ours import TemporalDiffusion
from tgvac.params import load_params
from tgvac.sampling.params import FAST, SamplerParams
from tgvac.tracking.prompts import read_selection

COUNT, HEIGHT, WIDTH = 6, 72, 96


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A blue disc that passes behind a grey bar, with the mask of what is seen of it."""
    y_HW, x_HW = np.mgrid[:HEIGHT, :WIDTH]
    for i in range(COUNT):
        disc_HW = (y_HW - 36) ** 2 + (x_HW - 24 - 8 * i) ** 2 <= 14**2
        bar_HW = (x_HW >= 48) & (x_HW < 58)
        frame_HW3 = np.full((HEIGHT, WIDTH, 3), (60, 140, 70), np.uint8)
        # The disc is brighter at its top, so that a copy can be checked.
        frame_HW3[disc_HW] = np.stack([40 + 0 * y_HW, 60 + 0 * y_HW, 250 - 2 * y_HW], axis=2)[disc_HW]
        frame_HW3[bar_HW] = 128
        write(tmp_path / "frames" / f"{i}.png", encode_png(frame_HW3))
        write(tmp_path / "masks" / f"{i}.png", encode_png(np.where(disc_HW & ~bar_HW, 255, 0).astype(np.uint8)))
    return tmp_path


def options(folder: Path, **changes: object) -> Options:
    selection = read_selection(0, masks=[str(folder / "masks")])
    values = {"video": str(folder / "frames"), "selection": selection, "steps": 2, **changes}
    return Options(**values)


def test_the_middle_one_differs_least_from_the_others() -> None:
    levels = [10, 200, 90, 100, 110]
    made = [np.full((2, 4, 4, 3), level, np.uint8) for level in levels]
    assert middle(made) == levels.index(100)
    assert middle(made[:1]) == 0


def test_disagreement_is_the_mean_distance_from_the_median() -> None:
    frames = [np.zeros((2, 2, 3), np.uint8) for _ in range(3)]
    frames[2][0, 0] = 48
    frames[1][1, 1] = 255
    frames[2][1, 1] = 255
    expected = [[48 / 3 * 255 / 64, 0], [0, 255]]  # 255 / 3 = 85 is beyond what is drawn white
    assert np.abs(disagreement(frames).astype(float) - np.round(expected)).max() <= 1


def test_several_samples_give_the_middle_one_s_layer_and_a_map(folder: Path) -> None:
    out = folder / "out"
    Completing(CLONE, options(folder, samples=3, seed=4), out).run()
    record = json.loads((out / "complete.json").read_text())
    assert record["seed"] in (4, 5, 6)
    assert sorted(path.name for path in (out / "samples").iterdir()) == ["4.mp4", "5.mp4", "6.mp4"]
    with av.open(str(out / "disagreement.mp4")) as container:
        drawn = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert len(drawn) == COUNT
    assert drawn[0].shape == (HEIGHT, WIDTH)
    layers = {path.name: path.read_bytes() for path in (out / "layer").glob("*.png")}
    # The seed that was chosen, alone, gives the same layer, and removes what it does not write.
    Completing(CLONE, options(folder, seed=record["seed"]), out).run()
    assert {path.name: path.read_bytes() for path in (out / "layer").glob("*.png")} == layers
    assert not (out / "disagreement.mp4").exists()
    assert not list((out / "samples").glob("*"))


def test_hidden_parts_are_copied_from_frames_that_show_them(folder: Path) -> None:
    out = folder / "out"
    Completing(CLONE, options(folder, method="temporal_copy", steps=None), out).run()
    rgba_HW4 = np.asarray(Image.open(out / "layer" / "00003.png")).astype(int)
    assert rgba_HW4[36, 52, 3] == 255, "behind the bar"
    assert np.abs(rgba_HW4[36, 52, :3] - [40, 60, 250 - 72]).max() <= 8
    assert rgba_HW4[5, 5, 3] == 0


def test_pix2gestalt_s_stand_in_completes_frame_by_frame(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "out"
    Completing(CLONE, options(folder, method="pix2gestalt", guidance=1.5), out).run()
    assert "a small stand-in for pix2gestalt" in capsys.readouterr().out
    first = (out / "layer" / "00003.png").read_bytes()
    Completing(CLONE, options(folder, method="pix2gestalt", guidance=2.5), out).run()
    assert (out / "layer" / "00003.png").read_bytes() != first


def test_frames_without_the_object_are_empty_on_request_and_painted_otherwise(folder: Path) -> None:
    (folder / "masks" / "2.png").write_bytes(encode_png(np.zeros((HEIGHT, WIDTH), np.uint8)))
    out = folder / "out"

    def alpha(i: int) -> np.ndarray:
        return np.asarray(Image.open(out / "layer" / f"{i:05d}.png"))[..., 3]

    Completing(CLONE, options(folder, method="temporal_copy", steps=None), out).run()
    assert json.loads((out / "complete.json").read_text())["lost"] == [2]
    assert alpha(2).any()
    Completing(CLONE, options(folder, method="temporal_copy", steps=None, lost="empty"), out).run()
    assert not alpha(2).any()
    assert alpha(1).any()
    assert alpha(3).any()


@pytest.mark.parametrize("out", [Path("/"), Path.home()])
def test_a_folder_that_holds_everything_else_is_refused(folder: Path, out: Path) -> None:
    with pytest.raises(BadInput, match="holds other things than results"):
        Completing(CLONE, options(folder), out).run()


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_tracked(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"--out /proc/nothing cannot be written \(.*\); give another folder"):
        Completing(CLONE, options(folder), Path("/proc/nothing")).run()


def test_masks_and_a_video_on_a_colour_show_what_the_layer_shows(folder: Path) -> None:
    out, formats = folder / "out", ("png", "mask", "mp4")
    Completing(CLONE, options(folder, method="mean_colour", steps=None, formats=formats, colour="#0000ff"), out).run()
    with av.open(str(out / "layer.mp4")) as container:
        on_blue = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    for i in range(COUNT):
        rgba_HW4 = np.asarray(Image.open(out / "layer" / f"{i:05d}.png"))
        amodal_HW = np.asarray(Image.open(out / "amodal" / f"{i:05d}.png"))
        assert np.array_equal(amodal_HW, np.where(rgba_HW4[..., 3] >= 128, 255, 0))
        assert np.abs(on_blue[i][2, 2] - [0, 0, 255]).max() <= 12
    Completing(CLONE, options(folder, method="mean_colour", steps=None), out).run()
    assert not (out / "layer.mp4").exists()
    assert not list((out / "amodal").glob("*")), "what another run wrote is removed"
    with pytest.raises(BadInput, match="--colour nothing is no colour; give a name such as white, or #rrggbb"):
        Completing(CLONE, options(folder, colour="nothing"), out).run()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "autoencoder"}, "--method autoencoder cannot complete a video of yours; choose of ours, pix2ges"),
        ({"method": "temporal_copy"}, "--method temporal_copy does not use --steps; leave that out"),
        ({"method": "mean_colour", "steps": None, "text": "a disc"}, "--method mean_colour does not use --text"),
        ({"method": "mean_colour", "steps": None, "samples": 2}, "--method mean_colour does not use --samples"),
        ({"method": "mean_colour", "steps": None, "fast": True}, "--method mean_colour does not use --fast"),
        ({"method": "pix2gestalt", "text": "a disc"}, "--method pix2gestalt does not use --text"),
        ({"method": "pix2gestalt", "fast": True}, "--method pix2gestalt does not use --fast"),
        (
            {"method": "pix2gestalt", "model": "standins"},
            "is no folder of converted weights; make it with `tgvac convert",
        ),
        ({"method": "pix2gestalt", "steps": 5000}, "--steps 5000 is more than the 1000"),
        ({"fast": True, "stride": 4}, "stride has no effect with fast"),
        ({"method": "mean_colour", "steps": None, "guidance": 0.0}, "--method mean_colour does not use --guidance"),
        ({"guidance": 3.0}, "--guidance is by the text, and there is none; give --text, or leave --guidance out"),
    ],
)
def test_what_a_method_cannot_do_is_refused(folder: Path, changes: dict[str, object], message: str) -> None:
    assert "temporal_copy" in names()
    with pytest.raises(BadInput, match=message):
        Completing(CLONE, options(folder, **changes), folder / "out").run()


class Stopped(Exception):
    """Stands for a kill."""


def test_a_run_that_is_stopped_while_it_samples_goes_on_with_the_next_step(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, complete_squares = [3], TemporalDiffusion.complete_squares

    def stopping(self: TemporalDiffusion, *given: object) -> np.ndarray:
        def on_step(k: int, t: int, z_Fchw: torch.Tensor) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Stopped

        object.__setattr__(self, "on_step", on_step)
        return complete_squares(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(TemporalDiffusion, "complete_squares", stopping)
    with pytest.raises(Stopped):
        Completing(CLONE, options(folder, steps=4), folder / "out").run()
    (record,) = (folder / "out" / ".work").glob("squares-*/done.json")
    assert json.loads(record.read_text())["done"]["steps"] == 2
    left[0] = 100
    Completing(CLONE, options(folder, steps=4), folder / "out").run()
    assert left[0] == 98, "two of four steps were taken"
    Completing(CLONE, options(folder, steps=4), folder / "again").run()
    for path in sorted((folder / "again" / "layer").glob("*.png")):
        assert path.read_bytes() == (folder / "out" / "layer" / path.name).read_bytes()
    assert sorted(path.name for path in record.parent.iterdir()) == ["done.json", "squares.npy"], "latents are removed"


def load_sampler(asked: Asked) -> SamplerParams:
    """The demonstration model's sampler."""
    completer = load_model(CLONE, "", asked, "cpu").completer
    assert isinstance(completer, Diffusing)
    return completer.model.sampler


def test_fast_sets_the_preset_and_other_options_go_before_it() -> None:
    fast, own = Asked(fast=True), Asked()
    sampler = {name: load_sampler(asked) for name, asked in (("fast", fast), ("own", own))}
    assert sampler["fast"] == sampler["own"].model_copy(update=dict(FAST))
    assert load_sampler(Asked(steps=3, fast=True)) == sampler["fast"].model_copy(update={"steps": 3})


def test_frames_are_read_in_parts(tmp_path: Path) -> None:
    """However long a video is, the frames of one part are in memory."""
    loaded = load_model(CLONE, "", Asked(steps=1, guidance=1.0, stride=14), "cpu").completer
    held, most, size = [0], [0], loaded.framing.size

    def frame(i: int) -> np.ndarray:
        return np.full((size, size, 3), i % 255, np.uint8)

    class Counted(Framed):
        def __getitem__(self, i: int | slice) -> np.ndarray:  # type: ignore[override]
            found = super().__getitem__(i)
            held[0] = len(found) if isinstance(i, slice) else 1
            most[0] = max(most[0], held[0])
            return found

    frames = Counted(frame, 300)
    masks = Counted(lambda i: np.where(frame(i)[..., 0] >= 0, 255, 0).astype(np.uint8), 300)
    made = loaded.squares(Input(frames, masks), "", 0, tmp_path / "squares")
    assert len(made.rgb_FSS3) == 300
    assert most[0] < 100


@pytest.mark.parametrize("name", ["layer.mp4", "samples/wedding.mp4", "amodal/00001.png", "disagreement.mp4"])
def test_files_that_somebody_else_put_there_are_not_overwritten_or_removed(folder: Path, name: str) -> None:
    write(folder / "out" / name, "mine")
    with pytest.raises(BadInput, match="that this command did not write; give another folder"):
        Completing(CLONE, options(folder, method="mean_colour", steps=None), folder / "out").run()
    assert (folder / "out" / name).read_text() == "mine"


def test_a_run_leaves_no_file_of_the_run_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, done = folder / "out", options(folder, method="mean_colour", steps=None)
    Completing(CLONE, done, out).run()
    write(out / "samples" / "holiday.mp4", "mine")

    def stopped(*_: object) -> None:
        raise Stopped

    monkeypatch.setattr("tgvac.complete.results.write_layer", stopped)
    with pytest.raises(Stopped):
        Completing(CLONE, options(folder, method="copy_visible", steps=None), out).run()
    assert not list((out / "layer").glob("*.png")), "no layer that is mixed of two runs"
    assert not (out / "complete.json").exists()
    assert (out / "samples" / "holiday.mp4").exists()


def test_a_method_with_other_params_does_not_take_up_what_the_first_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = []
    for reach in (14, 1):
        params = load_params(CLONE, "paper")
        params = params.model_copy(update={"trivial": params.trivial.model_copy(update={"reach": reach})})
        monkeypatch.setattr("tgvac.complete.model.load_params", lambda root, scale, params=params: params)
        digests.append(load_method(CLONE, "temporal_copy").digest)
    assert digests[0] != digests[1]
