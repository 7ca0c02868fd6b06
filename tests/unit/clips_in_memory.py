"""Hand-made clips as a source of clips."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tgvac.clips.clip import Clip
from tgvac.clips.framed import FramedClip, Seen, frame_clip
from tgvac.clips.framing import FramingParams


class ClipsInMemory:
    """Clips by their ids."""

    def __init__(self, *clips: Clip) -> None:
        self._clips = {clip.sample: clip for clip in clips}

    def samples(self) -> tuple[str, ...]:
        return tuple(sorted(self._clips))

    def length(self, sample: str) -> int:
        return len(self._clips[sample].amodal_FHW)

    def render(self, sample: str, frames: Iterable[int] | None = None) -> Clip:
        clip = self._clips[sample]
        if frames is None:
            return clip
        at = list(frames)
        names = ("frames_FHW3", "visible_FHW", "whole_FHW3", "amodal_FHW", "occluder_FHW")
        return replace(clip, **{name: getattr(clip, name)[at] for name in names})

    def framed(
        self, sample: str, framing: FramingParams, frames: Iterable[int] | None = None, seen: Seen | None = None
    ) -> FramedClip:
        return frame_clip(self.render(sample, frames), framing, seen)
