"""``tgvac complete-export``: each sample of an export, completed by one method, as ``tgvac evaluate`` reads it.

    <out>/<sample>/rgba/00000.png, amodal/00000.png, completion.json    contract 3
    <out>/export.json      of the export, which says of which clips they were made
    <out>/left_out.csv     samples without a completion, and why

A sample is completed as a user's own video is by ``tgvac complete``, in a square that follows the object; the masks are
those of the export, so nothing is tracked. A stopped run goes on where it was, and one bad sample costs no other.
Completions of another method, other options or another export are never replaced.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

import numpy as np

from tgvac.clips.completion import CompletionMeta
from tgvac.clips.export_record import EXPORT_FILE, ExportedSample, ExportRecord, input_digest, read_export
from tgvac.clips.framing import windows_of
from tgvac.clips.images import decode_mask, decode_rgb, encode_mask, encode_png
from tgvac.clips.text_files import read_text
from tgvac.clips.track import file_stem
from tgvac.code_digests import code_digest
from tgvac.complete.command import Completing, Options
from tgvac.complete.composing import compose
from tgvac.complete.model import Loaded
from tgvac.complete.plain_methods import OURS, PROGRESSIVE
from tgvac.complete.squares import Framed, Input
from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.external.export import left_out_csv
from tgvac.external.sample_folders import LEFT_OUT, SampleFolders
from tgvac.files import locked, write_text
from tgvac.progress import with_progress
from tgvac.sources.rejected import reason_of

_KIND = "tgvac-completions-1"
_QUOTED = 60
"""Letters of a text that a message quotes."""


@dataclass(frozen=True)
class Completed:
    """The outcome: how many samples are completed, and why the others are not."""

    samples: int
    left_out: Mapping[str, str]


def complete_export(root: Path, inputs: Path, out: Path, options: Options, device: str) -> Completed:
    """Complete each sample of an export.

    Args:
        root: the project's folder.
        inputs: a folder of ``tgvac export --format inputs``, or of ``tgvac export --truth``.
        out: a folder that is new, empty, or of this command with the same options and export; that may have got more
            samples.
        options: of ``tgvac complete``: the method, the model, the sampler, the seed, and whether what is seen is taken
            from the input. The text is the sample's own.

    Raises:
        BadInput: when there is no such export, the method cannot be loaded, the folder has other completions, or no
            sample can be completed.
    """
    record = _export(inputs)
    if record.kind != "inputs":
        raise BadInput(f"{inputs} is an export of the kind '{record.kind}'; make one with --format inputs.")
    if out.resolve() == inputs.resolve():
        raise BadInput(f"--out {out} is the export itself; give another folder.")
    loaded = Completing(root, options, out, device).model()
    folders, left_out = SampleFolders(out, _KIND, _common(record, options)), {}
    if more := sorted(set(folders.names()) - {file_stem(sample) for sample in record.samples}):
        raise BadInput(
            f"{out} has completions that are not of samples of {inputs}, such as {more[0]} ({len(more)} in all); give"
            " another folder, or the export that they are of."
        )
    with locked(folders.work / "lock"):
        for sample in with_progress(sorted(record.samples), f"{options.method} on {inputs}", len(record.samples)):
            try:
                _Sample(inputs, sample, record.samples[sample]).complete(folders, loaded, options)
            except BadInput as error:
                folders.set_aside(file_stem(sample))
                left_out[sample] = reason_of(error, inputs)
        write_text(out / LEFT_OUT, left_out_csv(left_out))
        if len(left_out) == len(record.samples):
            first = next(iter(left_out.values()), "there is none")
            raise BadInput(f"No sample of {inputs} can be completed, the first because of this: {first}")
        write_text(out / EXPORT_FILE, (inputs / EXPORT_FILE).read_text(encoding="utf-8"))
    return Completed(len(record.samples) - len(left_out), left_out)


def _export(inputs: Path) -> ExportRecord:
    if not (inputs / EXPORT_FILE).exists():
        raise BadInput(
            f"{inputs} has no {EXPORT_FILE}, so it is no export; run `tgvac export --truth LAYOUT:FOLDER --out DIR`"
            " first (of a scale: `--scale S --format inputs`), and give that folder."
        )
    return read_export(inputs / EXPORT_FILE)


def _common(record: ExportRecord, options: Options) -> dict[str, str]:
    """What all completions of a folder have in common; anything else would replace them."""
    asked = {
        **{"--method": options.method, "--model": options.model, "--steps": options.steps, "--stride": options.stride},
        **{"--fast": options.fast, "--seed": options.seed, "--paste": options.paste, "--seam": options.seam},
    }
    said = {name: "none" if value in (None, "") else str(value) for name, value in asked.items()}
    return {"an export of": f"{record.scale} {record.split}".strip(), **said}


class _Sample:
    """One sample of an export; its pictures are read when they are asked for."""

    def __init__(self, inputs: Path, sample: str, said: ExportedSample) -> None:
        if said.name != file_stem(sample) or said.name.startswith("."):
            raise BadInput(f"{EXPORT_FILE} has the folder '{said.name}' for '{sample}'; export the clips again.")
        self.sample, self.said, self.folder = sample, said, inputs / said.name

    def frame(self, i: int) -> np.ndarray:
        name = f"{self.folder}/frames/{i:05d}.png"
        return decode_rgb(_bytes(Path(name)), name)

    def visible(self, i: int) -> np.ndarray:
        name = f"{self.folder}/visible/{i:05d}.png"
        return decode_mask(_bytes(Path(name)), name)

    def check(self) -> None:
        """Check that all pictures are those that were exported, so that no damaged copy is completed.

        Raises:
            BadInput: names the frame.
        """
        each = len(self.said.digest) // self.said.frames
        for i in range(self.said.frames):
            found = input_digest(self.frame(i)[None], self.visible(i)[None])
            if found != self.said.digest[i * each : (i + 1) * each]:
                raise BadInput(f"Frame {i} of '{self.sample}' is not as it was exported; export it again.")

    def complete(self, folders: SampleFolders, loaded: Loaded, options: Options) -> None:
        """Complete the sample, unless it is done."""
        said, name, seed = self.said, self.said.name, options.seed
        text = read_text(_bytes(self.folder / "text.txt"), f"{self.folder}/text.txt").strip()
        how = [loaded.digest, options.method, text, seed, options.paste, options.seam, code_digest(__name__)]
        decided = [said.model_dump(mode="json"), how]
        if folders.is_done(name, decided):
            return
        self.check()
        visible = Framed(self.visible, said.frames)
        height, width = visible[0].shape
        windows = windows_of(loaded.completer.framing, visible)
        given = Input.of(loaded.completer.framing, windows, self.frame, visible)
        if options.method in (OURS, PROGRESSIVE) and (lost := loaded.not_read(text)):
            print(f"{self.sample}: the end of its text is not read: '{shorten(lost, _QUOTED)}'", flush=True)
        if not any(mask_SS.any() for mask_SS in given.visible_FSS):
            raise BadInput(f"'{self.sample}': what is seen of the object is less than a pixel of the model.")
        squares = folders.work / f"squares-{digest([name, decided])[:16]}"
        made = loaded.completer.squares(given, text, seed, squares)
        meta = CompletionMeta(
            sample=self.sample,
            method=options.method,
            variant="full",
            mask_source="given",
            train_seed=-1,
            sample_seed=seed,
            frames=said.frames,
            height=height,
            width=width,
        )

        def write(part: Path) -> None:
            for kind in ("rgba", "amodal"):
                (part / kind).mkdir()
            for i, window in enumerate(windows):
                seam = options.seam * window.side
                layer = compose(
                    made.rgb_FSS3[i], made.object_FSS[i], window, self.frame(i), visible[i], seam, options.paste
                )
                rgb_HW3 = layer.over(np.full((height, width, 3), 255, np.uint8))
                (part / "rgba" / f"{i:05d}.png").write_bytes(encode_png(np.dstack([rgb_HW3, layer.amodal_HW])))
                (part / "amodal" / f"{i:05d}.png").write_bytes(encode_mask(layer.amodal_HW))
            write_text(part / "completion.json", meta.model_dump_json(indent=1))

        folders.make(name, decided, write)
        shutil.rmtree(squares, ignore_errors=True)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); export the clips again.") from None
