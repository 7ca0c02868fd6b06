"""The given box of a frame, clipped to the image."""

from __future__ import annotations

from tgvac.clips.box import Box
from tgvac.clips.track import Track
from tgvac.errors import BadInput


def given_box(track: Track, i: int) -> Box | None:
    """The box of frame ``i``, clipped to the image; None if the source says that the object is absent.

    Raises:
        BadInput: when the box is outside of the image.
    """
    given = track.meta.boxes[i]
    if given is None:
        return None
    height, width = track.meta.height, track.meta.width
    box = given.clipped(height, width)
    if box is None:
        raise BadInput(
            f"{track.meta.track}: the box of frame {track.meta.frame_numbers[i]} is outside of the image"
            f" ({width}x{height}); correct the box or mark the object as absent in this frame."
        )
    return box
