"""What a video file claims, and whether its frames bear it out.

Obeyed: the stream that is a video and no cover picture, rotation, mirroring, the shape of pixels, edit lists.
Checked: the number of frames and the duration against what was decoded; a file that was cut is refused.
Said: frames that cannot be decoded, a frame rate that varies, HDR, dropped transparency.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tgvac.clips.images import resize_rgb
from tgvac.errors import BadInput

if TYPE_CHECKING:
    import av

_CUT = 0.9
"""A file is taken as cut if less than this share of the duration that it claims can be decoded."""
_EVEN = 1.5
"""The frame rate varies if the longest gap between frames is so many times the usual one."""
_SQUARE = 0.01
_LISTS = {"concat", "hls", "dash", "imf", "sdp"}
"""Formats of text that names other files or addresses, whatever the file is called."""
_HDR = {16: "PQ", 18: "HLG"}
"""Transfer functions of HDR, by their number in ITU-T H.273."""


@dataclass(frozen=True)
class Facts:
    """What was found in a video file.

    Attributes:
        count: frames that are decoded.
        said: sentences for people on what was changed or is missing.
    """

    count: int
    said: tuple[str, ...] = ()


def open_container(path: Path) -> av.container.InputContainer:
    """Open a video file.

    Raises:
        BadInput: when it is not readable, or only a list of other files.
    """
    import av

    try:
        # Tags may be in any encoding, and are not used.
        container = av.open(str(path), metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise damaged(path, str(error)) from None
    if _LISTS & set(container.format.name.split(",")):
        container.close()
        raise BadInput(
            f"{path} is a list of other files ({container.format.name}), and no video; give the video itself."
        )
    return container


def damaged(path: Path, why: str) -> BadInput:
    """The error of a file that cannot be decoded."""
    return BadInput(f"{path} is truncated, or not a video that can be decoded ({why}); replace it with an intact copy.")


def video_stream(path: Path, container: av.container.InputContainer) -> int:
    """The number of the video among a file's video streams: neither a cover picture nor a shorter extra stream.

    Raises:
        BadInput: when the file has no video stream.
    """
    import av
    from av.stream import Disposition

    streams = container.streams.video
    if not streams:
        raise BadInput(f"{path} has no video stream; replace it with a video, or remove it from the folder.")
    moving = [i for i, s in enumerate(streams) if not s.disposition & Disposition.attached_pic] or [0]
    if len(moving) == 1:
        return moving[0]
    counts = dict.fromkeys(moving, 0)
    numbers = {streams[i].index: i for i in moving}
    try:
        for packet in container.demux([streams[i] for i in moving]):
            counts[numbers[packet.stream.index]] += packet.size > 0
    except av.FFmpegError as error:
        raise damaged(path, str(error)) from None
    # The first of several that are equally long.
    return max(moving, key=lambda i: (counts[i], -i))


def upright(frame: av.VideoFrame, aspect: float) -> np.ndarray:
    """A frame as it is to be shown: rotated, mirrored, and with square pixels, ``uint8 [H,W,3]``.

    Args:
        aspect: width of a pixel over its height.
    """
    stored_HW3 = frame.to_ndarray(format="rgb24")
    if abs(aspect - 1) > _SQUARE:
        height, width = stored_HW3.shape[:2]
        stored_HW3 = resize_rgb(stored_HW3, height, max(1, round(width * aspect)))
    a, b, c, d = _matrix(frame)
    if abs(a) + abs(d) < abs(b) + abs(c):
        # x of the shown frame follows y of the stored one.
        shown_HW3, flip_x, flip_y = stored_HW3.transpose(1, 0, 2), c < 0, b < 0
    else:
        shown_HW3, flip_x, flip_y = stored_HW3, a < 0, d < 0
    shown_HW3 = shown_HW3[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    return np.ascontiguousarray(shown_HW3)


def _matrix(frame: av.VideoFrame) -> tuple[float, float, float, float]:
    """The display matrix's rotation and mirroring: x' = a x + c y, y' = b x + d y, with y downwards."""
    data = next((d for d in frame.side_data if d.type.name == "DISPLAYMATRIX"), None)
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = struct.unpack("=5i", bytes(data)[:20])
    return a, b, c, d


def aspect_of(stream: Any) -> float:
    """Width of a pixel over its height; 1 where the file does not say."""
    ratio = stream.sample_aspect_ratio
    return float(ratio) if ratio else 1.0


def examine(path: Path) -> Facts:
    """Decode a video once, and compare its frames with what the file claims.

    Raises:
        BadInput: when it cannot be decoded, or was cut.
    """
    import av

    with open_container(path) as container:
        number = video_stream(path, container)
    with open_container(path) as container:
        stream = container.streams.video[number]
        stream.thread_type = "NONE"
        times: list[float] = []
        packets = hidden = before_key = 0
        said: list[str] = []
        broken: int | None = None
        try:
            for packet in container.demux(stream):
                if packet.size:
                    packets, hidden = packets + 1, hidden + bool(packet.is_discard)
                    before_key += not packet.is_keyframe and before_key == packets - 1
                for frame in packet.decode():
                    broken = len(times) if frame.is_corrupt and broken is None else broken
                    times.append(float(frame.time or 0.0))
                    if len(times) == 1:
                        said += _of_first(frame, stream)
        except (av.FFmpegError, ValueError) as error:
            raise damaged(path, str(error)) from None
        _check_whole(path, container, stream, packets, times)
        if broken is not None:
            raise damaged(path, f"frame {broken} is damaged")
    lost = packets - hidden - len(times)
    if lost > 0 and before_key:
        said.append(f"it begins between key frames, so {lost} frames at its start cannot be decoded")
    elif lost > 0:
        said.append(f"{lost} of {packets} frames cannot be decoded")
    said += _rate(times)
    return Facts(len(times), tuple(said))


def _of_first(frame: av.VideoFrame, stream: Any) -> Iterator[str]:
    """Sentences on what the first frame shows of all."""
    a, b, c, d = _matrix(frame)
    if a * d - b * c < 0:
        yield "mirrored as the file says"
    if abs(aspect := aspect_of(stream) - 1) > _SQUARE:
        yield f"pixels are {aspect + 1:.3g} times as wide as high: frames are resized to square ones"
    if frame.color_trc in _HDR:
        yield f"HDR ({_HDR[int(frame.color_trc)]}) is converted to 8 bits without tone mapping"
    if any(component.is_alpha for component in frame.format.components):
        alpha_HW = frame.to_ndarray(format="rgba")[..., 3]
        if (alpha_HW < 255).any():
            yield "transparency is dropped"


def _check_whole(path: Path, container: Any, stream: Any, packets: int, times: list[float]) -> None:
    """Refuse a file that has fewer frames, or is much shorter, than it claims.

    Fewer frames alone are no fault: an edit list may hide some, and a file may count frames that were dropped.
    """
    if len(times) < 2:
        if stream.frames > max(packets, 1):
            raise BadInput(f"{path} says that it has {stream.frames} frames, but only {packets} are there: {_AGAIN}")
        return
    gaps = sorted(b - a for a, b in itertools.pairwise(times))
    usual = gaps[len(gaps) // 2]
    lasts, claimed = times[-1] - times[0] + usual, _claimed_seconds(container, stream)
    if not claimed or lasts >= _CUT * claimed or claimed - lasts <= 3 * usual:
        return
    if stream.frames and packets < stream.frames:
        raise BadInput(f"{path} says that it has {stream.frames} frames, but only {packets} are there: {_AGAIN}")
    if not stream.frames:
        raise BadInput(f"{path} says that it lasts {claimed:.2f} s, but only {lasts:.2f} s can be decoded: {_AGAIN}")


_AGAIN = "it was cut; replace it with a whole copy."


def _claimed_seconds(container: Any, stream: Any) -> float:
    """The duration that a file claims for a stream; 0 where it does not."""
    alone = container.duration / 1e6 if container.duration and len(container.streams) == 1 else 0.0
    if stream.duration:
        # The file's own is shorter where an edit list hides frames.
        claimed = float(stream.duration * stream.time_base)
        return min(claimed, alone) if alone else claimed
    tag = next((value for key, value in stream.metadata.items() if key.upper().startswith("DURATION")), "")
    parts = tag.split(":")
    if len(parts) == 3 and all(part.replace(".", "", 1).isdigit() for part in parts):
        hours, minutes, seconds = map(float, parts)
        return 3600 * hours + 60 * minutes + seconds
    # That of the whole file, which another stream may make longer.
    return alone


def _rate(times: list[float]) -> Iterator[str]:
    """A sentence if the gaps between frames differ."""
    gaps = sorted(b - a for a, b in itertools.pairwise(times))
    if len(gaps) < 2 or gaps[-1] <= 0:
        return
    usual = gaps[len(gaps) // 2]
    if usual > 0 and gaps[-1] > _EVEN * usual:
        yield f"its frame rate varies (gaps of {gaps[0]:.3f} to {gaps[-1]:.3f} s); frames are taken one by one"
