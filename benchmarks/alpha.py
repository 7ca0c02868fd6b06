"""`make bench-alpha`: how well the object is found in what a model painted on white, also where it is white itself.

Ways to find it are compared with the truth's amodal mask, on objects of the world whose sentence says white, and on
others: in what the demonstration model painted, and in the truth after the autoencoder, which is the best that a model
of these latents can paint.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import cv2
import numpy as np
from scipy.ndimage import binary_fill_holes

from benchmarks.figures import ROOT, Figure, tell
from benchmarks.world_clips import world_clips
from tgvac.clips.clip import Clip
from tgvac.complete.composing import darker
from tgvac.complete.model import Asked, load_model
from tgvac.complete.squares import Diffusing
from tgvac.devices import pin
from tgvac.methods.ours import TemporalDiffusion
from tgvac.metrics.masks import iou
from tgvac.models.latents import round_trip
from tgvac.params import load_params

SEED, FRAMES = 6, 14
Find = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""A painted square, what is seen of the object, and the model's threshold, to the object's mask."""


def far_from_white(square_SS3: np.ndarray, threshold: int) -> np.ndarray:
    """Where any channel is below a threshold, ``uint8 [S,S]`` in {0, 255}: bright colours count, too."""
    return np.where(square_SS3.min(axis=2) < threshold, 255, 0).astype(np.uint8)


def filled(mask_SS: np.ndarray) -> np.ndarray:
    """A mask with its holes: what is white inside of an outline is the object."""
    return np.where(binary_fill_holes(mask_SS > 0), 255, 0).astype(np.uint8)


def closed(mask_SS: np.ndarray, share: float = 0.03) -> np.ndarray:
    """A mask whose gaps, up to a share of the square's side, are closed, so that an outline that is broken can fill."""
    side = max(1, round(share * mask_SS.shape[0]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * side + 1, 2 * side + 1))
    padded = cv2.copyMakeBorder(mask_SS, side, side, side, side, cv2.BORDER_CONSTANT, value=0)
    found = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)
    return np.ascontiguousarray(found[side:-side, side:-side])


WAYS: Mapping[str, Find] = {
    "grey below the threshold (pix2gestalt)": lambda rgb, seen, t: darker(rgb, t),
    "grey, and what is seen": lambda rgb, seen, t: darker(rgb, t) | seen,
    "any channel, and what is seen": lambda rgb, seen, t: far_from_white(rgb, t) | seen,
    "grey, holes filled": lambda rgb, seen, t: filled(darker(rgb, t) | seen),
    "any channel, holes filled": lambda rgb, seen, t: filled(far_from_white(rgb, t) | seen),
    "any channel, closed, holes filled": lambda rgb, seen, t: filled(closed(far_from_white(rgb, t) | seen)),
}


def figures(count: int) -> Iterator[Figure]:
    found = load_model(ROOT, "", Asked(10, 2.0, FRAMES), "cpu").completer
    assert isinstance(found, Diffusing)
    model = replace(found.model, framing=load_params(ROOT, "tiny").framing)
    clips: dict[str, list[tuple[Clip, str]]] = {"white": [], "other": []}
    for clip, text in world_clips(SEED, 10**6, FRAMES):
        kind = "white" if " white " in text else "other"
        if len(clips[kind]) < count:
            clips[kind].append((clip, text))
        if all(len(some) >= count for some in clips.values()):
            break
    for kind, some in clips.items():
        painted = {
            "autoencoder": [round_trip(model.backbones.vae, clip.whole_FHW3, 8) for clip, _ in some],
            "model": [_painted(model, clip, text) for clip, text in some],
        }
        for by, pictures in painted.items():
            for way, find in WAYS.items():
                score = [_iou(find, rgb, clip, model) for rgb, (clip, _) in zip(pictures, some, strict=True)]
                yield Figure(f"{kind} objects, {by}: {way}", float(np.mean(score)), "IoU")


def _painted(model: TemporalDiffusion, clip: Clip, text: str) -> np.ndarray:
    return model.complete_squares(clip.frames_FHW3, clip.visible_FHW, text, 0)


def _iou(find: Find, rgb_FSS3: np.ndarray, clip: Clip, model: TemporalDiffusion) -> float:
    threshold = model.completion.white_threshold
    masks = [find(rgb, seen, threshold) for rgb, seen in zip(rgb_FSS3, clip.visible_FHW, strict=True)]
    return float(np.nanmean(iou(np.stack(masks), clip.amodal_FHW)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=20, help="of each kind")
    pin(1)
    sys.exit(tell("alpha", figures(parser.parse_args().clips)))
