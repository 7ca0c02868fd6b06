"""Video files: playable, with an even size and every frame, and the same bytes every time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import av
import numpy as np
import pytest

from tests.unit.builders import Array
from tgvac.clips.video import write_mp4


def gradient(frames: int, height: int, width: int) -> Array:
    """Grey frames of increasing brightness."""
    return np.stack([np.full((height, width, 3), 20 + 20 * i, np.uint8) for i in range(frames)])


def read(path: Path) -> tuple[Array, float, str]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = np.stack([f.to_ndarray(format="rgb24") for f in container.decode(stream)])
        return frames, float(stream.average_rate or 0), stream.codec_context.pix_fmt or ""


@pytest.mark.parametrize(("height", "width"), [(32, 48), (33, 48), (33, 47)])
def test_every_frame_is_there_and_odd_sizes_gain_a_white_line(tmp_path: Path, height: int, width: int) -> None:
    frames = gradient(9, height, width)
    write_mp4(tmp_path / "v.mp4", frames, 8)
    found, rate, pixels = read(tmp_path / "v.mp4")
    assert found.shape == (9, height + height % 2, width + width % 2, 3)
    assert (rate, pixels) == (8.0, "yuv420p")
    inner = found[:, 4 : height - 4, 4 : width - 4].astype(int)
    assert np.abs(inner - frames[:, 4 : height - 4, 4 : width - 4]).max() < 12


def test_the_same_frames_are_the_same_bytes_on_every_machine(tmp_path: Path) -> None:
    """The digest belongs to the encoder of one lock file. Its assembly code gave other bytes on another CPU."""
    for name in ("a.mp4", "b.mp4"):
        write_mp4(tmp_path / name, gradient(12, 32, 32), 12)
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()[:16] == "4ff8946255f1b197"


def test_colours_are_kept(tmp_path: Path) -> None:
    frames = np.empty((3, 32, 32, 3), np.uint8)
    frames[:] = (200, 60, 30)
    write_mp4(tmp_path / "v.mp4", frames, 8)
    assert np.abs(read(tmp_path / "v.mp4")[0].astype(int) - frames).max() < 6


def test_only_the_finished_file_is_left(tmp_path: Path) -> None:
    write_mp4(tmp_path / "v.mp4", gradient(1, 16, 16), 8)
    assert [p.name for p in tmp_path.iterdir()] == ["v.mp4"]
