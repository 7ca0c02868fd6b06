"""The files of a completed video, written frame by frame."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import ImageColor

from tgvac.clips.images import encode_png
from tgvac.complete.composing import Layer
from tgvac.errors import BadInput
from tgvac.files import writing

if TYPE_CHECKING:
    import av

USUAL_FPS = 24
"""Frames per second of a folder of pictures, which does not say."""


class _Codec:
    """How frames become a video."""

    def __init__(self, name: str, container: str, pixels: str, given: str, options: dict[str, str]) -> None:
        self.name, self.container, self.pixels, self.given, self.options = name, container, pixels, given, options


CODECS = {
    # No assembly, with which equal frames have sometimes become different files; a faster preset makes up for the time.
    ".mp4": _Codec("libx264", "mp4", "yuv420p", "rgb24", {"crf": "18", "preset": "veryfast", "x264-params": "asm=0"}),
    ".webm": _Codec("libvpx-vp9", "webm", "yuva420p", "rgba", {"crf": "24", "b": "0", "row-mt": "1"}),
    ".mov": _Codec("prores_ks", "mov", "yuva444p10le", "rgba", {"profile": "4444"}),
}
"""By suffix: H.264 for players, VP9 with alpha for web pages, ProRes 4444 with alpha for editors."""


def check_encoders(names: Iterable[str]) -> None:
    """Check that videos can be written, before anything is computed for them.

    Raises:
        BadInput: names the encoder that this build of FFmpeg lacks, and the file.
    """
    import av

    for name in names:
        encoder = CODECS[Path(name).suffix].name
        try:
            av.codec.Codec(encoder, "w")
        except ValueError:
            raise BadInput(
                f"This build of FFmpeg has no encoder {encoder}, which {name} needs; leave that format out, or install"
                " another build of PyAV."
            ) from None


def write_video(path: Path, frames: Iterable[np.ndarray], fps: float) -> None:
    """Write a video of frames ``uint8 [H,W,3]``, or ``[H,W,4]`` with straight alpha, in the format of the suffix.

    Odd sizes are padded by repeating the last row or column, since the formats need even ones.

    Raises:
        BadInput: when this build of FFmpeg lacks the encoder.
    """
    import av

    check_encoders([path.name])
    codec = CODECS[path.suffix]
    rate = Fraction(fps or USUAL_FPS).limit_denominator(1001)
    # Exact bits, because WebM files have random identifiers otherwise.
    exact = {"fflags": "+bitexact"}
    with writing(path) as part, av.open(str(part), "w", format=codec.container, container_options=exact) as container:
        stream = None
        for frame in frames:
            even = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), mode="edge")
            if stream is None:
                stream = _stream(container, codec, rate, even.shape[:2])
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format=codec.given)
            container.mux(stream.encode(picture))
        if stream is not None:
            container.mux(stream.encode())


def _stream(
    container: av.container.OutputContainer, codec: _Codec, rate: Fraction, size: tuple[int, ...]
) -> av.VideoStream:
    # One thread, so that the bytes do not depend on timing.
    stream = container.add_stream(codec.name, rate=rate, options={**codec.options, "threads": "1"})
    stream.height, stream.width = size
    stream.pix_fmt = codec.pixels
    return stream


def write_pictures(folder: Path, frames: Iterable[np.ndarray]) -> None:
    """Write frames as ``00000.png`` and so on; each file is whole or absent. Pictures beyond the last are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for i, frame in enumerate(frames):
        with writing(folder / f"{i:05d}.png") as part:
            part.write_bytes(encode_png(frame))
        count = i + 1
    for path in folder.glob("*.png"):
        if path.stem.isdecimal() and int(path.stem) >= count:
            path.unlink()


Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

PICTURES = {"png": "layer", "mask": "amodal"}
"""The folders of pictures, by format: colours with transparency, and the amodal mask in {0, 255}."""
LAYERS = {"webm": "layer.webm", "prores": "layer.mov", "mp4": "layer.mp4"}
"""The videos, by format."""

FORMATS = (*PICTURES, *LAYERS)
"""What a layer can be written as."""


def write_layer(out: Path, name: str, layers: Iterable[Layer], fps: float, colour: Colour) -> None:
    """Write a layer in one of the formats.

    Args:
        colour: behind the object in ``mp4``, which has no transparency.
    """
    if name == "mp4":
        write_video(out / LAYERS[name], (layer.over(np.array(colour, np.uint8)) for layer in layers), fps)
    elif name == "mask":
        write_pictures(out / PICTURES[name], (layer.amodal_HW for layer in layers))
    elif name == "png":
        write_pictures(out / PICTURES[name], (layer.rgba_HW4 for layer in layers))
    else:
        write_video(out / LAYERS[name], (layer.rgba_HW4 for layer in layers), fps)


def read_colour(text: str) -> Colour:
    """A colour from ``#rrggbb`` or a name, as CSS has them.

    Raises:
        BadInput: when it is neither.
    """
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError:
        raise BadInput(f"--colour {text} is no colour; give a name such as white, or #rrggbb.") from None
    return red, green, blue
