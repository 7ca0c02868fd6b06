"""Exports synthesised videos as plain files that any tool opens: folders in DAVIS layout, MP4 videos, or what methods
are given and what they must find, apart from each other.

    JPEGImages/480p/<video>/00000.jpg           the input: object and occluders          Inputs/<video>.mp4
    Annotations/480p/<video>/00000.png          its visible part, palette PNG, id 1      Annotations/<video>.mp4
    AmodalAnnotations/480p/<video>/00000.png    the mask of the whole object             AmodalAnnotations/<video>.mp4
    Occluders/480p/<video>/00000.png            the mask of everything in front of it    Occluders/<video>.mp4
    Targets/480p/<video>/00000.png              the whole object on white                Targets/<video>.mp4
    Originals/480p/<video>/00000.jpg            the frames before anything hid it        Originals/<video>.mp4
    ImageSets/2017/<split>.txt, objects.json    as in DAVIS, with our captions
    captions.csv, occlusion.csv                 one row per video; one row per frame
    export.json                                 describes the export (``clips/export_record.py``)

``480p`` is the name that the tools of DAVIS look for; the size is the working resolution. The other two kinds are
lossless, and never in one folder, so that a method cannot read the truth by accident:

    inputs    <video>/frames/00000.png, <video>/visible/00000.png (black and white), <video>/text.txt
    truth     <video>/target/, original/ and, in black and white, amodal/, occluder/; occlusion.csv
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from tgvac.clips.captions import Caption, read_captions
from tgvac.clips.clip import Clip
from tgvac.clips.export_record import (
    EXPORT_FILE,
    ExportedSample,
    ExportRecord,
    input_digest,
    is_export,
)
from tgvac.clips.images import encode_indices, encode_jpeg, encode_mask, encode_png
from tgvac.clips.recipe import Recipe, read_recipes
from tgvac.clips.track import Track, file_stem
from tgvac.clips.video import write_mp4
from tgvac.config import nearest
from tgvac.errors import BadInput
from tgvac.files import sha256, write_json, write_text
from tgvac.folders import refuse_others, replacing
from tgvac.progress import with_progress
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener

FORMATS = ("davis", "mp4", "inputs", "truth")
SPLITS = ("train", "dev", "val")
_RESOLUTION = "480p"
_Kind = Literal["Inputs", "Annotations", "AmodalAnnotations", "Occluders", "Targets", "Originals"]
_PHOTOGRAPHS = ("Inputs", "Originals")
_GIVEN: dict[_Kind, str] = {"Inputs": "frames", "Annotations": "visible"}
_TRUTH: dict[_Kind, str] = {
    "Targets": "target",
    "Originals": "original",
    "AmodalAnnotations": "amodal",
    "Occluders": "occluder",
}


def export(ctx: Context, split: str, out: Path, kind: str, fps: int, frames: Mapping[str, int] | None = None) -> int:
    """Write the videos of a split; an earlier export in the folder is only replaced when the new one is complete.

    Args:
        kind: one of ``FORMATS``.
        fps: frames per second of MP4 videos whose source does not give it.
        frames: the samples that are written, and how many of their first frames; None: all of them, whole.

    Returns:
        The number of videos written.

    Raises:
        BadInput: when there is nothing to write, or when the folder contains other files.
    """
    for word, known, what in ((split, SPLITS, "Split"), (kind, FORMATS, "Format")):
        if word not in known:
            raise BadInput(f"{what} '{word}' is unknown; {nearest(word, list(known))}")
    out = out.absolute()
    refuse_others(out, "an earlier export", is_export)
    path = ctx.results / "synthesis" / "recipes.parquet"
    recipes = [r for r in read_recipes(path) if r.split == split and (frames is None or r.recipe in frames)]
    if not recipes:
        evaluated = "" if frames is None else " that is evaluated"
        raise BadInput(
            f"Scale '{ctx.scale}' has no synthesised video{evaluated} in the split '{split}'; choose another split."
        )
    captions = read_captions(ctx.results / "captions" / "captions.parquet")
    with replacing(out) as staged:
        samples = _write(ctx, recipes, captions, staged, kind, fps, frames or {})
        record = ExportRecord(
            scale=ctx.scale, split=split, kind=kind, videos=len(recipes), recipes=sha256(path), samples=samples
        )
        write_json(staged / EXPORT_FILE, record.model_dump(mode="json"))
    return len(recipes)


def _write(
    ctx: Context,
    recipes: Sequence[Recipe],
    captions: Mapping[str, Caption],
    out: Path,
    kind: str,
    fps: int,
    frames: Mapping[str, int],
) -> dict[str, ExportedSample]:
    open_track = track_opener(ctx)
    clips = RecipeClips(recipes, open_track)
    texts: list[tuple[object, ...]] = [("name", "sample", "video", "track", "captioner", "text")]
    rates: list[tuple[object, ...]] = [("name", "sample", "frame", "rate")]
    objects: dict[str, object] = {}
    samples = {}
    for recipe in with_progress(recipes, f"export of {len(recipes)} videos", len(recipes)):
        name, count = file_stem(recipe.recipe), frames.get(recipe.recipe, recipe.frames)
        clip = clips.render(recipe.recipe, range(count))
        with open_track(recipe.target) as track:
            meta, images = track.meta, _images(clip, recipe, track)
        caption = captions.get(recipe.target)
        source, text = (caption.captioner, caption.text) if caption else ("", "")
        if kind == "mp4":
            _videos(out, name, images, max(1, round(meta.fps / recipe.frame_step)) if meta.fps > 0 else fps)
        elif kind == "davis":
            _folders(out, name, images)
        else:
            _apart(out / name, images, _GIVEN if kind == "inputs" else _TRUTH)
        if kind == "inputs":
            write_text(out / name / "text.txt", f"{text}\n" if text else "")
        texts.append((name, recipe.recipe, recipe.video, recipe.target, source, text))
        for i, rate in enumerate(clip.occlusion_F.tolist()):
            rates.append((name, recipe.recipe, i, "" if math.isnan(rate) else f"{rate:.6f}"))
        objects[name] = {"1": {"category": meta.category, "captions": [text] if text else []}}
        digest = input_digest(clip.frames_FHW3, clip.visible_FHW)
        samples[recipe.recipe] = ExportedSample(name=name, frames=count, digest=digest)
    if kind != "inputs":
        _write_csv(out / "occlusion.csv", rates)
    if kind in ("davis", "mp4"):
        _write_csv(out / "captions.csv", texts)
    if kind == "davis":
        names = "".join(f"{name}\n" for name in sorted(objects))
        write_text(out / "ImageSets" / "2017" / f"{recipes[0].split}.txt", names)
        write_json(out / "objects.json", objects)
    return samples


def _images(clip: Clip, recipe: Recipe, target: Track) -> dict[_Kind, np.ndarray]:
    frames = len(clip.frames_FHW3)
    return {
        "Inputs": clip.frames_FHW3,
        "Annotations": clip.visible_FHW,
        "AmodalAnnotations": clip.amodal_FHW,
        "Occluders": clip.occluder_FHW,
        "Targets": clip.whole_FHW3,
        "Originals": np.stack([target.frame(i) for i in recipe.target_indices()[:frames]]),
    }


def _folders(out: Path, name: str, images: Mapping[_Kind, np.ndarray]) -> None:
    for kind, images_F in images.items():
        # Only photographs may lose something. White and masks must stay exact, so they are not JPEG.
        folder = out / ("JPEGImages" if kind == "Inputs" else kind) / _RESOLUTION / name
        folder.mkdir(parents=True)
        for i, image in enumerate(images_F):
            if image.ndim == 2:
                data = encode_indices((image > 0).astype(np.uint8))
            else:
                data = encode_jpeg(image) if kind in _PHOTOGRAPHS else encode_png(image)
            (folder / f"{i:05d}.{'jpg' if kind in _PHOTOGRAPHS else 'png'}").write_bytes(data)


def _videos(out: Path, name: str, images: Mapping[_Kind, np.ndarray], fps: int) -> None:
    for kind, images_F in images.items():
        frames_FHW3 = images_F if images_F.ndim == 4 else np.repeat(images_F[..., None], 3, axis=3)
        write_mp4(out / kind / f"{name}.mp4", frames_FHW3, fps)


def _apart(folder: Path, images: Mapping[_Kind, np.ndarray], wanted: Mapping[_Kind, str]) -> None:
    for kind, part in wanted.items():
        (folder / part).mkdir(parents=True)
        for i, image in enumerate(images[kind]):
            data = encode_mask(image) if image.ndim == 2 else encode_png(image)
            (folder / part / f"{i:05d}.png").write_bytes(data)


def _write_csv(path: Path, rows: Iterable[tuple[object, ...]]) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    write_text(path, stream.getvalue())
