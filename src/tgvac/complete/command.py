"""``tgvac complete``: an object in a video, whole, as a layer.

    <out>/layer/00000.png       the object with transparency; or layer.webm, layer.mov
    <out>/beside.mp4            the input beside the object on a checkerboard
    <out>/tracked.mp4           the input with the tracked mask
    <out>/complete.json         the options, for --repeat, and what was done
    <out>/samples/0.mp4         with several samples: each one to look at, by its seed
    <out>/disagreement.mp4      and where they disagree
    <out>/.work/                tracked masks, latents and completed squares; the same command goes on from them

Frames are read, completed at the model's size, and written one by one. Latents and squares are in files, so that a
video of any length fits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from textwrap import shorten
from typing import Literal

import numpy as np
from pydantic import Field

from tgvac.clips.framing import Window, windows_of
from tgvac.code_digests import code_digest
from tgvac.complete.kept import (
    BESIDE,
    PREVIEW,
    RECORD,
    WORK,
    check_out,
    contents,
    forget_results,
)
from tgvac.complete.model import (
    Asked,
    Loaded,
    describe,
    describe_progressive,
    load_method,
    load_model,
    load_progressive,
)
from tgvac.complete.outputs import FORMATS, LAYERS, check_encoders, read_colour, write_video
from tgvac.complete.plain_methods import OURS, PROGRESSIVE
from tgvac.complete.results import Results
from tgvac.complete.rivals import RIVALS, UNUSED, describe_rival, load_rival
from tgvac.complete.several import middle
from tgvac.complete.squares import Input, Squares
from tgvac.complete.told import told
from tgvac.config import Block, digest, parse
from tgvac.devices import device_of
from tgvac.errors import BadInput
from tgvac.files import locked, write_json
from tgvac.masks.runtime import Runtime
from tgvac.methods.registry import REGISTRY
from tgvac.params import load_params
from tgvac.progress import with_progress
from tgvac.sources.frames import Frames, SameSize, open_frames
from tgvac.tracking.prompts import Selection, of_one_frame, read_selection
from tgvac.tracking.selection import Selected, select
from tgvac.tracking.tracker import Tracker, VisibleMasks, local_weights_of

FORMAT: Literal["tgvac-complete-2"] = "tgvac-complete-2"
_FORMAT_1 = "tgvac-complete-1"
"""Had one box or mask, and its frame, in place of a selection."""
_COLOUR = np.array([255, 64, 64], np.float32)
"""Of the tracked mask in the preview."""


_QUOTED = 60
"""Letters of a text that a message quotes."""

_OURS = ("model", "text", "steps", "guidance", "stride", "fast")
"""Options that methods without weights do not have."""


class Options(Block):
    """What a user asks for; ``complete.json`` has it.

    Attributes:
        video: a video file, or a folder of frames.
        selection: how the object is selected.
        occluder: how what is in front of it is selected, for a method that is told; None if it is not.
        text: the whole object in a sentence, or "".
        method: of :func:`tgvac.complete.plain_methods.names`.
        model: as in :func:`tgvac.complete.model.load_model`.
        tracker: the segmenter of ``masks.first``.
        steps, guidance, stride: of the sampler; None for the model's own, or for the preset's.
        fast: sample by the preset :data:`tgvac.sampling.params.FAST`.
        seed: of the noise.
        samples: completions from as many noises, of seeds from ``seed`` on.
        formats: how the layer is written, of ``outputs.FORMATS``.
        colour: behind the object in the format ``mp4``.
        paste: whether what is seen is taken from the input.
        lost: what the layer has in frames in which nothing is seen of the object: what the model paints, or nothing.
        seam: width of the transition to the model's pixels, in shares of the square's side.
    """

    format: Literal["tgvac-complete-2"] = FORMAT
    video: str
    selection: Selection = Selection()
    occluder: Selection | None = None
    text: str = ""
    method: str = OURS
    model: str = ""
    tracker: Literal["follow", "sam2"] = "follow"
    steps: int | None = None
    guidance: float | None = None
    stride: int | None = None
    fast: bool = False
    seed: int = 0
    samples: int = Field(default=1, ge=1)
    formats: tuple[str, ...] = Field(default=("png",), min_length=1)
    colour: str = "white"
    paste: bool = True
    lost: Literal["painted", "empty"] = "painted"
    seam: float = Field(default=0.03, ge=0)


def read_occluder(frame: int, masks: Sequence[str]) -> Selection:
    """What is in front of the object, from ``--occluder``, which is read as ``--mask`` is.

    Raises:
        BadInput: as :func:`tgvac.tracking.prompts.read_selection`.
    """
    try:
        return read_selection(frame, masks=masks)
    except BadInput as error:
        raise BadInput(str(error).replace("--mask", "--occluder")) from None


def read_options(path: Path) -> Options:
    """The options of an earlier run, from its ``complete.json``.

    Raises:
        BadInput: when the file is missing or no such record.
    """
    if not path.is_file():
        raise BadInput(f"--repeat {path} does not exist; give the complete.json of an earlier run.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["options"]
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"--repeat {path} is no record of tgvac complete; give the complete.json of a run.") from None
    if not isinstance(found, dict):
        raise BadInput(f"--repeat {path} is no record of tgvac complete; give the complete.json of a run.")
    if found.get("format") == _FORMAT_1:
        one = {name: found.pop(name, "") for name in ("box", "mask", "frame")}
        if not isinstance(one["frame"] or 0, int):
            raise BadInput(f"--repeat {path}: frame is {one['frame']!r}, not a number; restore the record.")
        selection = of_one_frame(one["frame"] or 0, str(one["box"]), str(one["mask"]))
        found |= {"format": FORMAT, "selection": selection.model_dump(mode="json")}
    return parse(Options, found, f"--repeat {path}")


@dataclass(frozen=True)
class Completing:
    """One video on its way to layers.

    Attributes:
        root: the project's folder.
        out: the folder of the results.
    """

    root: Path
    options: Options
    out: Path
    device: str = "cpu"

    @cached_property
    def frames(self) -> Frames:
        return SameSize(open_frames(Path(self.options.video)), self.options.video)

    def run(self, preview: bool = False) -> Path:
        """Complete the video.

        Args:
            preview: write only the tracked mask, before the long part.

        Returns:
            the file to look at.

        Raises:
            BadInput: for whatever the user can fix; what was done until then is kept.
        """
        if preview:
            self.track()
            return self.out / PREVIEW
        options = self.options
        count, selected = self._selected()
        marked = self._occluder_selected(count)
        # Before the object is tracked, which may take minutes.
        loaded = self.model()
        with locked(self.out / WORK / "lock"):
            visible, tracked = self._track(count, selected, options.selection)
            self._preview(visible)
            occluder = None
            if marked is not None and options.occluder is not None:
                print("tracking the occluder", flush=True)
                occluder, tracked_too = self._track(count, marked, options.occluder)
                tracked = digest([tracked, tracked_too])
            windows = windows_of(loaded.completer.framing, visible)
            seeds = range(options.seed, options.seed + options.samples)
            made = [self._squares(visible, occluder, loaded, windows, tracked, seed) for seed in seeds]
            chosen = middle([each.rgb_FSS3 for each in made])
            forget_results(self.out)
            unseen = options.lost == "empty"
            empty = frozenset(i for i, mask_HW in enumerate(visible) if not mask_HW.any()) if unseen else frozenset()
            results = Results(self.out, self.frames, visible, windows, options.seam, options.paste, empty)
            if options.samples > 1:
                results.write_samples(made, options.seed)
            results.write(made[chosen], options.formats, read_colour(options.colour))
            record = {"options": options.model_dump(mode="json"), "frames": count, "seed": seeds[chosen]}
            write_json(self.out / RECORD, record | {"lost": visible.lost(), "doubtful": visible.doubtful()})
        return self.out / BESIDE

    def track(self) -> VisibleMasks:
        """Only track the object, and write the input with its mask.

        Raises:
            BadInput: as in :meth:`run`.
        """
        count, selected = self._selected()
        with locked(self.out / WORK / "lock"):
            visible, _ = self._track(count, selected, self.options.selection)
            self._preview(visible)
        return visible

    def _selected(self) -> tuple[int, Selected]:
        """The number of frames, and the selection; all options are checked."""
        options = self.options
        if unknown := set(options.formats) - set(FORMATS):
            raise BadInput(f"--format {min(unknown)} is unknown; choose of {', '.join(FORMATS)}.")
        read_colour(options.colour)
        check_encoders([PREVIEW, BESIDE, *(LAYERS[name] for name in options.formats if name in LAYERS)])
        check_out(self.out, [Path(options.video), *options.selection.files()])
        facts = self.frames.examine()
        for said in facts.said:
            print(f"{options.video}: {said}", flush=True)
        return facts.count, select(self.frames, facts.count, options.selection)

    def _occluder_selected(self, count: int) -> Selected | None:
        """What is in front of the object, as it was selected; checked."""
        options = self.options
        if options.occluder is None:
            return None
        if options.method != PROGRESSIVE:
            raise BadInput(f"--method {options.method} does not use --occluder; leave that out.")
        check_out(self.out, options.occluder.files())
        try:
            return select(self.frames, count, options.occluder)
        except BadInput as error:
            raise BadInput(str(error).replace("--mask", "--occluder")) from None

    def _track(self, count: int, selected: Selected, selection: Selection) -> tuple[VisibleMasks, str]:
        """The masks of what is selected, and the digest of all that decides them."""
        params = load_params(self.root, "paper")
        masks = params.masks.model_copy(update={"first": self.options.tracker})
        runtime = Runtime(self.root, self.device)
        decided = digest(
            [
                [contents(Path(self.options.video)), [contents(path) for path in selection.files()], count],
                # A prompt of nothing else is one of the masks above, wherever their files lie.
                [prompt.model_dump(mode="json", exclude={"mask"}) for prompt in selection.prompts],
                [masks.model_dump(mode="json"), params.tracks.long_side],
                local_weights_of(masks, runtime),
                code_digest("tgvac.tracking.tracker"),
            ]
        )
        work = self.out / WORK / f"masks-{decided[:16]}"
        work.mkdir(parents=True, exist_ok=True)
        visible = Tracker(masks, params.tracks.long_side, work, runtime).track(self.frames, count, selected)
        for line in told(visible):
            print(line, flush=True)
        return visible, decided

    def _preview(self, visible: VisibleMasks) -> None:
        """The input with the tracked mask."""

        def drawn() -> Iterator[np.ndarray]:
            for i in with_progress(range(len(visible)), PREVIEW, len(visible)):
                frame_HW3 = self.frames.frame(i).copy()
                on = visible[i] > 0
                frame_HW3[on] = (0.5 * frame_HW3[on] + 0.5 * _COLOUR).round()
                yield frame_HW3

        write_video(self.out / PREVIEW, drawn(), self.frames.fps)

    def model(self) -> Loaded:
        """The method that is asked for, ready to complete; what a user should know of it is printed.

        Raises:
            BadInput: when it cannot be loaded, or does not use one of the options.
        """
        options = self.options
        device_of(self.device)
        asked = Asked(options.steps, options.guidance, options.stride, options.fast)
        if options.method in RIVALS:
            self._refuse(UNUSED)
            print(describe_rival(options.model), flush=True)
            return load_rival(self.root, options.model, asked, self.device)
        if options.method not in (OURS, PROGRESSIVE):
            found = load_method(self.root, options.method)
            self._refuse((*_OURS, "samples"))
            print(f"completing with {REGISTRY[options.method].label}", flush=True)
            return found
        if options.method == PROGRESSIVE:
            self._refuse(("stride", "fast"))
            print(describe_progressive(options.model), flush=True)
            loaded = load_progressive(self.root, options.model, asked, self.device)
        else:
            print(describe(options.model), flush=True)
            loaded = load_model(self.root, options.model, asked, self.device)
        if options.guidance is not None and not loaded.guides(options.text):
            raise BadInput("--guidance is by the text, and there is none; give --text, or leave --guidance out.")
        if lost := loaded.not_read(options.text):
            print(
                f"the text encoder does not read the end of --text: '{shorten(lost, _QUOTED)}'; shorten it", flush=True
            )
        return loaded

    def _refuse(self, unused: Sequence[str]) -> None:
        """Refuse options that the method does not use."""
        options = self.options
        if given := [key for key in unused if getattr(options, key) != Options.model_fields[key].default]:
            raise BadInput(f"--method {options.method} does not use --{given[0]}; leave that out.")

    def _squares(
        self,
        visible: VisibleMasks,
        occluder: VisibleMasks | None,
        loaded: Loaded,
        windows: Sequence[Window],
        tracked: str,
        seed: int,
    ) -> Squares:
        """The completed squares, made or taken up."""
        text, model = self.options.text, loaded.completer
        decided = digest([tracked, loaded.digest, text, seed, code_digest("tgvac.complete.command")])
        given = Input.of(model.framing, windows, self.frames.frame, visible, occluder)
        if not any(mask_SS.any() for mask_SS in given.visible_FSS):
            raise BadInput("What is seen of the object is less than a pixel of the model; select a larger object.")
        return model.squares(given, text, seed, self.out / WORK / f"squares-{decided[:16]}")
