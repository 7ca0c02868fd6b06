"""Exports synthesised videos as plain files that any tool opens: folders in DAVIS layout, or MP4 videos.

    JPEGImages/480p/<video>/00000.jpg           the input: object and occluders          Inputs/<video>.mp4
    Annotations/480p/<video>/00000.png          its visible part, palette PNG, id 1      Annotations/<video>.mp4
    AmodalAnnotations/480p/<video>/00000.png    the mask of the whole object             AmodalAnnotations/<video>.mp4
    Occluders/480p/<video>/00000.png            the mask of everything in front of it    Occluders/<video>.mp4
    Targets/480p/<video>/00000.png              the whole object on white                Targets/<video>.mp4
    ImageSets/2017/<split>.txt, objects.json    as in DAVIS, with our captions
    captions.csv, occlusion.csv                 one row per video; one row per frame
    export.json                                 describes the export

``480p`` is the name that the tools of DAVIS look for; the size is the working resolution.
"""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from tgvac.clips.captions import Caption, read_captions
from tgvac.clips.clip import Clip
from tgvac.clips.images import encode_indices, encode_jpeg, encode_png
from tgvac.clips.recipe import Recipe, read_recipes
from tgvac.clips.track import file_stem
from tgvac.clips.video import write_mp4
from tgvac.config import nearest
from tgvac.errors import BadInput
from tgvac.files import sha256, write_json, write_text
from tgvac.progress import with_progress
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener

EXPORT_FORMAT = "tgvac-export-1"
FORMATS = ("davis", "mp4")
SPLITS = ("train", "dev", "val")
_RESOLUTION = "480p"
_Kind = Literal["Inputs", "Annotations", "AmodalAnnotations", "Occluders", "Targets"]


def export(ctx: Context, split: str, out: Path, kind: str, fps: int) -> int:
    """Write the videos of a split; an earlier export in the folder is only replaced when the new one is complete.

    Args:
        kind: ``davis`` or ``mp4``.
        fps: frames per second of MP4 videos whose source does not give it.

    Returns:
        The number of videos written.

    Raises:
        BadInput: when there is nothing to write, or when the folder contains other files.
    """
    for word, known, what in ((split, SPLITS, "Split"), (kind, FORMATS, "Format")):
        if word not in known:
            raise BadInput(f"{what} '{word}' is unknown; {nearest(word, list(known))}")
    out = out.absolute()
    _refuse_others(out)
    path = ctx.results / "synthesis" / "recipes.parquet"
    recipes = [r for r in read_recipes(path) if r.split == split]
    if not recipes:
        raise BadInput(f"Scale '{ctx.scale}' has no synthesised video in the split '{split}'; choose another split.")
    captions = read_captions(ctx.results / "captions" / "captions.parquet")
    staged = out.with_name(f".{out.name}.part")
    shutil.rmtree(staged, ignore_errors=True)
    try:
        _write(ctx, recipes, captions, staged, kind, fps)
        facts = {"format": EXPORT_FORMAT, "scale": ctx.scale, "split": split, "kind": kind, "videos": len(recipes)}
        write_json(staged / "export.json", {**facts, "recipes": sha256(path)})
        _replace(staged, out)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return len(recipes)


def _refuse_others(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out} is a file; give a folder that is new, empty, or an earlier export.")
    if not out.is_dir() or not any(out.iterdir()):
        return
    try:
        found = json.loads((out / "export.json").read_text(encoding="utf-8"))["format"]
    except (OSError, ValueError, KeyError, TypeError):
        found = None
    if found != EXPORT_FORMAT:
        raise BadInput(f"{out} has other files in it; give a folder that is new, empty, or an earlier export.")


def _replace(staged: Path, out: Path) -> None:
    """Replace a folder by renaming, so that it is always complete."""
    old = out.with_name(f".{out.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    staged.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _write(
    ctx: Context, recipes: Sequence[Recipe], captions: Mapping[str, Caption], out: Path, kind: str, fps: int
) -> None:
    open_track = track_opener(ctx)
    clips = RecipeClips(recipes, open_track)
    texts: list[tuple[object, ...]] = [("name", "sample", "video", "track", "captioner", "text")]
    rates: list[tuple[object, ...]] = [("name", "sample", "frame", "rate")]
    objects = {}
    for recipe in with_progress(recipes, f"export of {len(recipes)} videos", len(recipes)):
        name = file_stem(recipe.recipe)
        clip = clips.render(recipe.recipe)
        with open_track(recipe.target) as track:
            meta = track.meta
        if kind == "mp4":
            _videos(out, name, clip, max(1, round(meta.fps / recipe.frame_step)) if meta.fps > 0 else fps)
        else:
            _folders(out, name, clip)
        caption = captions.get(recipe.target)
        source, text = (caption.captioner, caption.text) if caption else ("", "")
        texts.append((name, recipe.recipe, recipe.video, recipe.target, source, text))
        for i, rate in enumerate(clip.occlusion_F.tolist()):
            rates.append((name, recipe.recipe, i, "" if math.isnan(rate) else f"{rate:.6f}"))
        objects[name] = {"1": {"category": meta.category, "captions": [text] if text else []}}
    _write_csv(out / "captions.csv", texts)
    _write_csv(out / "occlusion.csv", rates)
    if kind == "davis":
        names = "".join(f"{name}\n" for name in sorted(objects))
        write_text(out / "ImageSets" / "2017" / f"{recipes[0].split}.txt", names)
        write_json(out / "objects.json", objects)


def _images(clip: Clip) -> dict[_Kind, np.ndarray]:
    return {
        "Inputs": clip.frames_FHW3,
        "Annotations": clip.visible_FHW,
        "AmodalAnnotations": clip.amodal_FHW,
        "Occluders": clip.occluder_FHW,
        "Targets": clip.whole_FHW3,
    }


def _folders(out: Path, name: str, clip: Clip) -> None:
    for kind, images in _images(clip).items():
        # Only the input is a photograph. White and masks must stay exact, so they are not JPEG.
        folder = out / ("JPEGImages" if kind == "Inputs" else kind) / _RESOLUTION / name
        folder.mkdir(parents=True)
        for i, image in enumerate(images):
            if image.ndim == 2:
                data = encode_indices((image > 0).astype(np.uint8))
            else:
                data = encode_jpeg(image) if kind == "Inputs" else encode_png(image)
            (folder / f"{i:05d}.{'jpg' if kind == 'Inputs' else 'png'}").write_bytes(data)


def _videos(out: Path, name: str, clip: Clip, fps: int) -> None:
    for kind, images in _images(clip).items():
        frames_FHW3 = images if images.ndim == 4 else np.repeat(images[..., None], 3, axis=3)
        write_mp4(out / kind / f"{name}.mp4", frames_FHW3, fps)


def _write_csv(path: Path, rows: Iterable[tuple[object, ...]]) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    write_text(path, stream.getvalue())
