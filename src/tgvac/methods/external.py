"""Outputs that were made elsewhere, as a method: each clip's completion is read from a folder (docs/evaluate.md)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion
from tgvac.clips.export_record import EXPORT_FILE, ExportRecord
from tgvac.clips.outputs import Outputs
from tgvac.errors import BadInput
from tgvac.methods.contract import Complete, LeftOut, Setup
from tgvac.sources.rejected import reason_of


def load(setup: Setup) -> Complete:
    """The method; ``outputs`` of its params is a folder with an ``export.json`` of the clips they were made of."""
    folder, outputs, record = _opened(setup)
    if not any(outputs.folder(sample) for sample in record.samples):
        raise BadInput(
            f"{folder} has pictures of none of the {len(record.samples)} samples of its {EXPORT_FILE}, such as"
            f" '{min(record.samples, default='')}'; name its folders as the samples are."
        )

    def read(clip: Clip, text: str, seed: int) -> Completion:
        if clip.sample not in record.samples or outputs.folder(clip.sample) is None:
            raise LeftOut(f"{folder} has no pictures of '{clip.sample}', or it was not exported; complete it, too.")
        return completed(outputs, record, clip)

    return read


def completed(outputs: Outputs, record: ExportRecord, clip: Clip) -> Completion:
    """The completion of a clip that was exported.

    Raises:
        LeftOut: when its pictures do not fit; files are named relative to the outputs, because reasons are kept.
        BadInput: when it was made of another clip.
    """
    record.check(clip.sample, clip.frames_FHW3, clip.visible_FHW)
    frames, height, width = clip.amodal_FHW.shape
    try:
        return outputs.read(clip.sample, frames, record.samples[clip.sample].frames, height, width)
    except BadInput as error:
        raise LeftOut(reason_of(error, outputs.path)) from None


def digests(setup: Setup) -> Callable[[str], str]:
    """What is read of a sample, and of which clip it was made, as a digest; a function of the sample."""
    _, outputs, record = _opened(setup)

    def digest(sample: str) -> str:
        export = record.samples.get(sample)
        return f"{outputs.digest(sample)}:{export.digest if export else ''}"

    return digest


def _opened(setup: Setup) -> tuple[Path, Outputs, ExportRecord]:
    assert setup.method.outputs is not None
    folder = setup.root / Path(setup.method.outputs).expanduser()
    if not folder.is_dir():
        raise BadInput(f"{folder}, the outputs of a method, is no folder; give the right path in the scale's methods.")
    outputs = Outputs(folder)
    record = outputs.record()
    record.check_given()
    return folder, outputs, record
