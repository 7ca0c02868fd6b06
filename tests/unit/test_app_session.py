"""A visitor's session and its work: opening, marking, tracking, completing, and the files that are given away."""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import CLONE
from tests.unit.moving_square import COUNT, HEIGHT, WIDTH, at, centre_at, iou, mask, picture
from tests.unit.moving_square import write_video as write_folder
from tgvac.app import wording
from tgvac.app.results import OnPage, Served, serve
from tgvac.app.session import Session, Tracked, Visitor
from tgvac.app.videos import Known, Video
from tgvac.app.work import Settings, Wish, Work
from tgvac.complete.outputs import write_video
from tgvac.errors import BadInput


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "upload" / "my clip.mp4"
    path.parent.mkdir()
    write_video(path, (picture(i) for i in range(COUNT)), 12)
    return path


@pytest.fixture
def work(tmp_path: Path) -> Work:
    made = Work(CLONE, tmp_path / "app", Settings())
    made.served.mkdir(parents=True)
    return made


def boxed(video: Video, frame: int = 0) -> Session:
    """The square's box, clicked in the shown frame, which is five times as large."""
    rows, columns = at(frame)
    session = Session(video).at(frame).using("Box")
    for x, y in ((columns.start, rows.start), (columns.stop, rows.stop)):
        session = session.clicked(x * 5, y * 5)
    return session


def test_each_upload_has_a_folder_named_by_its_digest_whatever_it_is_called(work: Work, clip: Path) -> None:
    video = work.take(clip)
    assert (video.known.name, video.known.count) == ("my clip.mp4", COUNT)
    assert (video.known.height, video.known.width) == (HEIGHT, WIDTH)
    other = clip.with_name("other.MP4")
    other.write_bytes(clip.read_bytes())
    again = work.take(other)
    assert again.folder == video.folder
    assert again.known.name == "other.MP4"
    clip.unlink()
    assert Path(video.known.file).is_file(), "the upload may be deleted"
    shown_HW3 = video.frame(3)
    assert shown_HW3.shape == (480, 640, 3)
    assert shown_HW3[200:220, 200:220].mean(axis=(0, 1)) == pytest.approx((220, 70, 70), abs=12), "the square's colour"


def test_a_video_of_this_machine_is_opened_where_it_is(work: Work, clip: Path, tmp_path: Path) -> None:
    assert work.visit(f" {clip} ").known.file == str(clip)
    frames = work.visit(str(write_folder(tmp_path) / "frames"))
    assert (frames.known.name, frames.known.count) == ("frames", COUNT)


@pytest.mark.parametrize(
    ("path", "message"),
    [("", "Write the path of a video"), ("/none.mp4", "/none.mp4 does not exist; give a video file")],
)
def test_a_path_without_a_video_is_refused_in_one_sentence(work: Work, path: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        work.visit(path)
    assert message in str(caught.value)


def test_paths_are_refused_where_others_can_open_the_page(work: Work, clip: Path) -> None:
    public = replace(work, settings=Settings(paths=False))
    with pytest.raises(BadInput, match="only when the page listens on"):
        public.visit(str(clip))


def test_an_upload_that_is_no_video_is_refused_by_its_own_name_and_leaves_nothing(work: Work, tmp_path: Path) -> None:
    bad = tmp_path / "holiday.mp4"
    bad.write_text("no video")
    with pytest.raises(BadInput, match=r"^holiday\.mp4 is truncated, or not a video"):
        work.take(bad)
    assert [path.name for path in work.out.iterdir()] == ["served"]


def test_a_video_must_be_opened_and_the_object_marked_first(work: Work, clip: Path) -> None:
    with pytest.raises(BadInput, match="Open a video first"):
        work.track(Session())
    with pytest.raises(BadInput, match="Mark the object first"):
        work.track(Session(work.take(clip)))
    with pytest.raises(BadInput, match="at least one kind of file"):
        work.complete(boxed(work.take(clip)), Wish(formats=()))


def test_a_clicked_object_is_tracked_and_a_later_mark_asks_for_tracking_again(work: Work, clip: Path) -> None:
    session = boxed(work.take(clip), frame=2)
    tracked, served = work.track(session)
    assert tracked.lost == ()
    assert min(iou(tracked.masks[i], mask(i)) for i in range(COUNT)) > 0.75
    assert served.tracked.name == "my_clip-tracked.mp4"
    assert work.served in served.tracked.parents
    with_mask = replace(session, tracked=tracked).at(4)
    assert not with_mask.outdated
    assert not np.array_equal(with_mask.picture(), with_mask.plain())
    assert with_mask.cleared().using("Box").clicked(5, 5).clicked(90, 90).outdated
    assert "track again" in wording.marked(with_mask.at(2).cleared())


def test_clicks_on_the_object_and_a_correction_in_a_later_frame_are_tracked_together(work: Work, clip: Path) -> None:
    session = Session(work.take(clip))
    for frame, mode in ((1, "Object"), (5, "Object"), (5, "Not this")):
        x, y = (5, 5) if mode == "Not this" else (value * 5 for value in centre_at(frame))
        session = session.at(frame).using(mode).clicked(x, y)
    assert [prompt.frame for prompt in session.marking.prompts] == [1, 5]
    tracked, _ = work.track(session)
    assert min(iou(tracked.masks[i], mask(i)) for i in range(COUNT)) > 0.6
    only_not = Session(session.video).using("Not this").clicked(5, 5)
    with pytest.raises(BadInput, match="All marks say “Not this”; mark the object, too"):
        work.track(only_not)


def test_a_painted_mask_is_kept_at_the_video_s_size_and_shown(work: Work, clip: Path) -> None:
    strokes_HW4 = np.zeros((480, 640, 4), np.uint8)
    rows, columns = at(1)
    strokes_HW4[rows.start * 5 : rows.stop * 5, columns.start * 5 : columns.stop * 5] = 255
    session = Session(work.take(clip)).at(1).using("Paint").with_strokes(1, [strokes_HW4])
    assert session.mode == "Object"
    assert np.array_equal(np.asarray(Image.open(session.marking.at(1).mask).convert("L")), mask(1))
    assert not np.array_equal(session.picture(), session.plain())
    tracked, _ = work.track(session)
    assert np.array_equal(tracked.masks[1], mask(1))
    with pytest.raises(BadInput, match="Nothing is painted"):
        session.with_strokes(2, [np.zeros((480, 640, 4), np.uint8)])


def test_a_completed_object_is_given_away_in_the_chosen_formats_and_never_changes_afterwards(
    work: Work, clip: Path
) -> None:
    session = boxed(work.take(clip))
    tracked, served = work.complete(session, Wish("a red square", ("png", "webm", "prores"), steps=1))
    assert {name: path.name for name, path in served.layers.items()} == {
        "png": "my_clip-layer.zip", "webm": "my_clip-layer.webm", "prores": "my_clip-layer.mov",
    }  # fmt: skip
    with zipfile.ZipFile(served.layers["png"]) as archive:
        assert archive.namelist() == [f"layer/{i:05d}.png" for i in range(COUNT)]
        with Image.open(io.BytesIO(archive.read("layer/00002.png"))) as layer:
            assert (layer.mode, layer.size) == ("RGBA", (WIDTH, HEIGHT))
    assert served.beside is not None
    before = served.beside.read_bytes()
    _, again = work.complete(replace(session, tracked=tracked), Wish("a red square", ("png",), 1, 1, fast=True))
    asked = json.loads((session.opened().result / "complete.json").read_text())["options"]
    assert (asked["steps"], asked["seed"], asked["fast"]) == (1, 1, True)
    assert set(again.layers) == {"png"}
    assert again.beside is not None
    assert again.beside.parent != served.beside.parent
    assert served.beside.read_bytes() == before
    assert all(work.served in path.parents for path in (*served.layers.values(), served.beside))


def test_results_are_copied_where_files_cannot_be_linked(
    work: Work, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("another file system")

    monkeypatch.setattr(os, "link", refuse)
    video = work.take(clip)
    _, served = work.track(boxed(video))
    assert served.tracked.read_bytes() == (video.result / "tracked.mp4").read_bytes()


def test_pictures_are_zipped_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    known = Known(name="long.mp4", file="long.mp4", count=100_001, height=2, width=2)
    video = Video(tmp_path / "video", known)
    (video.result / "layer").mkdir(parents=True)
    for name in ("tracked.mp4", "beside.mp4", "layer/10000.png", "layer/10001.png", "layer/100000.png"):
        (video.result / name).write_bytes(b"")
    with zipfile.ZipFile(serve(video, tmp_path / "served", ["png"]).layers["png"]) as archive:
        assert archive.namelist() == ["layer/10000.png", "layer/10001.png", "layer/100000.png"]


def test_results_are_deleted_when_others_replace_them_on_the_page(tmp_path: Path) -> None:
    def made(name: str, completed: bool) -> Served:
        folder = tmp_path / name
        folder.mkdir()
        return Served(folder / "tracked.mp4", folder / "beside.mp4" if completed else None)

    def left() -> list[str]:
        return sorted(path.name for path in tmp_path.iterdir())

    page = OnPage()
    page.show(made("tracked", completed=False))
    page.show(made("completed", completed=True))
    assert left() == ["completed"]
    page.show(made("tracked again", completed=False))
    page.show(made("and again", completed=False))
    assert left() == ["and again", "completed"], "the page still offers the completion"
    page.show(made("completed again", completed=True))
    assert left() == ["completed again"]
    page.clear()
    assert left() == []


def test_a_failed_edit_leaves_the_session_as_it_was(work: Work, clip: Path) -> None:
    visitor = Visitor()
    visitor.change(lambda _: boxed(work.take(clip)).clicked(10, 10))
    before = visitor.session
    with pytest.raises(BadInput, match="opposite corner"):
        visitor.change(lambda session: session.clicked(10, 11))
    assert visitor.session is before


def test_a_click_while_the_frame_is_painted_changes_nothing(work: Work, clip: Path) -> None:
    # The click may have been on its way when the mode changed.
    session = Session(work.take(clip)).using("Paint")
    assert session.clicked(100, 100) is session


def test_a_frame_beyond_the_video_is_its_last_one(work: Work, clip: Path) -> None:
    assert Session(work.take(clip)).at(99).frame == COUNT - 1


def test_what_to_look_at_in_the_tracked_mask_is_told_by_frame(work: Work, clip: Path) -> None:
    video = work.take(clip)
    masks = [np.zeros((2, 2), np.uint8)] * 12
    said = wording.tracked(Session(video, tracked=Tracked((), masks, (2, 3, 4, 9), (6,), (3,))))
    assert said[0].startswith("The object is not found in 4 of 12 frames: frames 2 to 4 and 9.")
    assert said[1].startswith("Look at frame 6:")
    assert said[2].startswith("“Not this” corrects nothing in frame 3,")
    assert wording.tracked(Session(video, tracked=Tracked((), masks))) == wording.tracked(Session(video)) == []


def test_errors_name_the_visitor_s_file_and_not_the_work_folder(work: Work, clip: Path) -> None:
    video = work.take(clip)
    error = BadInput(f"{video.known.file} has no frame 7, <b>; restore the file.")
    assert wording.sentence(error, video) == "my clip.mp4 has no frame 7, <b>; restore the file."
    assert "&lt;b&gt;" in wording.fault(wording.sentence(error, video))
    assert "my clip.mp4: 8 frames of 128 × 96 pixels." in wording.facts(video)
