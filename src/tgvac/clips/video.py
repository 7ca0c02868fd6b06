"""Writes H.264 videos for web pages and players."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from tgvac.files import writing


def write_mp4(path: Path, frames_FHW3: np.ndarray, fps: int) -> None:
    """Write ``uint8 [F,H,W,3]`` as H.264 (yuv420p, for every browser); odd sizes are padded with a white line."""
    import av
    import cv2

    frames_FHW3 = np.pad(
        frames_FHW3,
        ((0, 0), (0, frames_FHW3.shape[1] % 2), (0, frames_FHW3.shape[2] % 2), (0, 0)),
        constant_values=255,
    )
    with writing(path) as part, av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        # One thread, because with frame threads of x264 the bytes depend on timing. No assembly, because its sums
        # differ between CPUs, and it has even given two different files from the same frames on one machine.
        stream = container.add_stream(
            "libx264",
            rate=fps,
            options={"crf": "18", "preset": "medium", "threads": "1", "x264-params": "asm=0"},
        )
        stream.height, stream.width = frames_FHW3.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, fps)
        for frame_HW3 in frames_FHW3:
            yuv = cv2.cvtColor(np.ascontiguousarray(frame_HW3), cv2.COLOR_RGB2YUV_I420)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(yuv, format="yuv420p")))
        container.mux(stream.encode())
