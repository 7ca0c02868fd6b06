"""What methods are given of a data set that comes with the truth: the same folder as ``tgvac export --format inputs``.

    <sample>/frames/00000.png, <sample>/visible/00000.png (black and white), <sample>/text.txt
    export.json       the samples, and digests of their pixels; it is written last
    left_out.csv      samples that cannot be completed, and why

The truth is never in this folder.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tgvac.clips.export_record import EXPORT_FILE, ExportedSample, ExportRecord, input_digest
from tgvac.clips.images import encode_mask, encode_png
from tgvac.clips.track import file_stem
from tgvac.errors import BadInput
from tgvac.external.sample_folders import LEFT_OUT, SampleFolders
from tgvac.external.truth import ExternalClips
from tgvac.files import locked, write_json, write_text
from tgvac.progress import with_progress
from tgvac.seeds import unit
from tgvac.sources.rejected import reason_of

_KIND = "tgvac-external-inputs-1"
SCALE = "external/"
"""Where an export has the scale, one of a data set has this and the data set's name."""


@dataclass(frozen=True)
class Exported:
    """The outcome: how many samples were written, and why the others were not."""

    samples: int
    left_out: Mapping[str, str]


def choose(samples: Sequence[str], most: int) -> list[str]:
    """At most so many samples (0: all), drawn by their names, so that the choice does not depend on the others'."""
    chosen = sorted(samples, key=lambda sample: (unit("external sample", sample), sample))
    return sorted(chosen[: most or None])


def export_inputs(truth: ExternalClips, folder: Path, out: Path, texts: Mapping[str, str], most: int = 0) -> Exported:
    """Write what methods are given; a stopped export, run again, writes what is missing.

    Args:
        folder: of the data set; reasons do not name what is above it.
        out: a folder that is new, empty, or an earlier export of a data set.
        texts: sentences by sample; without one, the text is empty.
        most: at most so many samples; 0: all.

    Raises:
        BadInput: when no sample can be written, or the folder has other files in it.
    """
    if folder.resolve() in (out.resolve(), *out.resolve().parents):
        raise BadInput(f"{out} is in the data set itself; give a folder outside of {folder}.")
    samples = choose(truth.samples(), most)
    left_out: dict[str, str] = {}
    written: dict[str, ExportedSample] = {}
    folders = SampleFolders(out, _KIND)
    with locked(folders.work / "lock"):
        (out / EXPORT_FILE).unlink(missing_ok=True)
        folders.keep_only({file_stem(sample) for sample in samples})
        for sample in with_progress(samples, f"export of {len(samples)} samples", len(samples)):
            try:
                written[sample] = _write(truth, folders, sample, texts.get(sample, ""))
            except BadInput as error:
                folders.forget(file_stem(sample))
                left_out[sample] = reason_of(error, folder)
        write_text(out / LEFT_OUT, left_out_csv(left_out))
        if not written:
            first = next(iter(left_out.values()))
            raise BadInput(f"No sample of {folder} can be exported, the first because of this: {first}")
        record = ExportRecord(
            scale=f"{SCALE}{truth.name}", split="", kind="inputs", videos=len(written), recipes="", samples=written
        )
        write_json(out / EXPORT_FILE, record.model_dump(mode="json"))
    return Exported(len(written), left_out)


def _write(truth: ExternalClips, folders: SampleFolders, sample: str, text: str) -> ExportedSample:
    name, decided = file_stem(sample), [_KIND, truth.digest(sample), text]
    digests = folders.work / "digests" / f"{name}.txt"
    if not (folders.is_done(name, decided) and digests.is_file()):
        truth.examine(sample)

        def write(part: Path) -> None:
            found = ""
            for i in range(truth.length(sample)):
                clip = truth.render(sample, [i])
                for kind, data in (
                    ("frames", encode_png(clip.frames_FHW3[0])),
                    ("visible", encode_mask(clip.visible_FHW[0])),
                ):
                    (part / kind).mkdir(exist_ok=True)
                    (part / kind / f"{i:05d}.png").write_bytes(data)
                found += input_digest(clip.frames_FHW3, clip.visible_FHW)
            write_text(part / "text.txt", f"{text}\n" if text else "")
            write_text(digests, found)

        folders.make(name, decided, write)
    return ExportedSample(name=name, frames=truth.length(sample), digest=digests.read_text(encoding="utf-8"))


def left_out_csv(left_out: Mapping[str, str]) -> str:
    """Samples and reasons as CSV."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([("name", "reason"), *sorted(left_out.items())])
    return stream.getvalue()
