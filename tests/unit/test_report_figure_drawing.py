"""A figure's still picture and video: where panels are, and how long they run."""

from __future__ import annotations

import numpy as np

from tgvac.report.figure_drawing import NARROWEST, Part, moving, still
from tgvac.report.strips import GAP, LINE, Layer

HEIGHT, WIDTH, ZOOM = 20, 30, 2
RED, BLUE, GREEN = (200, 10, 20), (10, 20, 200), (0, 150, 60)


def video(colour: tuple[int, int, int], frames: int) -> np.ndarray:
    """A plain video that gets darker by one level a frame, so that each frame is another one."""
    out = np.empty((frames, HEIGHT, WIDTH, 3), np.uint8)
    for i in range(frames):
        out[i] = shade(colour, i)
    return out


def shade(colour: tuple[int, int, int], frame: int) -> tuple[int, int, int]:
    red, green, blue = (max(value - frame, 0) for value in colour)
    return red, green, blue


def part(frames: int, *layers: Layer) -> Part:
    return Part("(a) “a red fish”", "", layers, np.linspace(0, 0.9, frames))


def box(image_HW3: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int, int, int] | None:
    """Top, bottom, left and right of all pixels of a colour, ends excluded."""
    rows, columns = np.nonzero((image_HW3 == np.array(colour)).all(axis=-1))
    return (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) if len(rows) else None


def test_the_still_has_a_row_for_each_layer_and_a_column_for_each_frame_from_first_to_last() -> None:
    image = still([part(9, Layer("Input", video(RED, 9)), Layer("Ours", video(BLUE, 9), "LPIPS 0.1"))], 3, ZOOM)
    reds = [box(image, shade(RED, i)) for i in (0, 4, 8)]
    blues = [box(image, shade(BLUE, i)) for i in (0, 4, 8)]
    for red, blue in zip(reds, blues, strict=True):
        assert red is not None
        assert blue is not None
        assert (red[1] - red[0], red[3] - red[2]) == (HEIGHT * ZOOM, WIDTH * ZOOM)
        assert red[2:] == blue[2:], "one column"
        assert red[0] == GAP + LINE + GAP
        # Below the first row are the occlusion rates.
        assert blue[0] == red[1] + GAP + LINE
    assert reds[0] is not None
    assert reds[1] is not None
    assert reds[2] is not None
    assert reds[1][2] - reds[0][2] == reds[2][2] - reds[1][2] >= WIDTH * ZOOM + GAP
    assert box(image, shade(RED, 1)) is None, "no other frame is shown"


def test_a_clip_of_fewer_frames_than_are_shown_has_each_of_them_once() -> None:
    image = still([part(2, Layer("Input", video(RED, 2)))], 6, ZOOM)
    assert box(image, RED) is not None
    assert box(image, shade(RED, 1)) is not None
    assert box(image, shade(RED, 2)) is None


def test_samples_stand_below_each_other_whatever_their_widths() -> None:
    one = part(6, Layer("Input", video(RED, 6)))
    two = part(2, Layer("Input", video(BLUE, 2)))
    image = still([one, two], 6, ZOOM)
    assert image.shape[1] == still([one], 6, ZOOM).shape[1]
    assert image.shape[0] == still([one], 6, ZOOM).shape[0] + still([two], 6, ZOOM).shape[0]
    red, blue = box(image, RED), box(image, BLUE)
    assert red is not None
    assert blue is not None
    assert red[1] < blue[0]
    assert (image[-GAP:] == 255).all()


def test_panels_of_a_video_are_side_by_side_and_in_step() -> None:
    of = part(5, Layer("Input", video(RED, 5)), Layer("Ours", video(BLUE, 5)), Layer("Truth", video(GREEN, 5)))
    frames = moving([of], ZOOM)
    assert len(frames) == 5
    for i, frame in enumerate(frames):
        boxes = [box(frame, shade(colour, i)) for colour in (RED, BLUE, GREEN)]
        for column, found in enumerate(boxes):
            left = GAP + column * (NARROWEST + GAP)
            assert found == (GAP + 2 * LINE + 2, GAP + 2 * LINE + 2 + HEIGHT * ZOOM, left, left + WIDTH * ZOOM)


def test_a_shorter_clip_waits_at_its_last_frame() -> None:
    frames = moving([part(5, Layer("Input", video(RED, 5))), part(2, Layer("Input", video(BLUE, 2)))], ZOOM)
    assert len(frames) == 5
    assert box(frames[4], shade(RED, 4)) is not None
    assert all(box(frame, shade(BLUE, 1)) is not None for frame in frames[1:])


def test_more_panels_than_columns_go_on_in_the_next_line() -> None:
    of = part(1, *(Layer(f"Method {i}", video((10 * i, 100, 100), 1)) for i in range(5)))
    (frame,) = moving([of], ZOOM, columns=3)
    boxes = [box(frame, (10 * i, 100, 100)) for i in range(5)]
    assert all(found is not None for found in boxes)
    tops, lefts = zip(*((found[0], found[2]) for found in boxes if found), strict=True)
    assert tops[0] == tops[1] == tops[2] < tops[3] == tops[4]
    assert lefts[:2] == lefts[3:]
    assert frame.shape[1] == GAP + 3 * (NARROWEST + GAP)


def test_a_method_without_a_completion_has_words_in_place_of_its_panel() -> None:
    with_one = moving([part(2, Layer("Input", video(RED, 2)), Layer("Ours", video(BLUE, 2)))], ZOOM)
    without = moving([part(2, Layer("Input", video(RED, 2)), Layer("Ours", None))], ZOOM)
    assert with_one.shape == without.shape
    assert box(without[0], BLUE) is None
    assert (without[0][GAP + 2 * LINE :, NARROWEST + GAP :] < 255).any()


def test_long_names_are_wrapped_and_none_reaches_into_the_next_panel() -> None:
    names = ("Input", "ProgressiveAmodal, told no occluder", "Copy from other frames along optical flow")
    (frame,) = moving([part(1, *(Layer(name, video(RED, 1)) for name in names))], ZOOM)
    for column in range(1, 3):
        edge = GAP + column * (NARROWEST + GAP) - GAP
        assert (frame[GAP + LINE : -HEIGHT * ZOOM - 3 * GAP, edge : edge + GAP - 1] == 255).all()
