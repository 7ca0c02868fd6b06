"""Small data sets in the layouts of TABE-51 and MOVi-MC-AC, drawn by code: a textured disc passes behind a bar."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tgvac.clips.mask_values import davis_palette

FRAMES, HEIGHT, WIDTH, RADIUS = 5, 48, 64, 12
BAR = slice(34, 46)
VIDEOS = ("ant", "bee", "cat", "dog", "eel", "fox_1")


@dataclass(frozen=True)
class Drawn:
    """One frame: the input, the object without the bar, its mask, and what is seen of it."""

    frame_HW3: np.ndarray
    whole_HW3: np.ndarray
    amodal_HW: np.ndarray
    visible_HW: np.ndarray


def drawn(name: str, frame: int, hidden: bool = False) -> Drawn:
    """A frame of a sequence; its name decides the colours.

    Args:
        hidden: the bar covers everything, so that nothing is seen of the object.
    """
    colour = np.random.default_rng(sum(name.encode())).integers(30, 200, 3)
    y_H1, x_1W = np.mgrid[:HEIGHT, :1][0], np.mgrid[:1, :WIDTH][1]
    inside_HW = (y_H1 - 24) ** 2 + (x_1W - (18 + 5 * frame)) ** 2 <= RADIUS**2
    texture_HW3 = np.clip(colour + 40 * ((y_H1 // 3 + x_1W // 3) % 2)[..., None], 0, 255).astype(np.uint8)
    background_HW3 = np.full((HEIGHT, WIDTH, 3), (90, 120, 150), np.uint8)
    frame_HW3 = np.where(inside_HW[..., None], texture_HW3, background_HW3)
    bar_HW = np.zeros((HEIGHT, WIDTH), bool)
    bar_HW[:, slice(None) if hidden else BAR] = True
    frame_HW3[bar_HW] = (30, 30, 30)
    mask_HW = np.where(inside_HW, 255, 0).astype(np.uint8)
    whole_HW3 = np.where(inside_HW[..., None], texture_HW3, 0).astype(np.uint8)
    return Drawn(frame_HW3, whole_HW3, mask_HW, np.where(bar_HW, 0, mask_HW).astype(np.uint8))


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="PNG")
    return stream.getvalue()


def jpeg(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="JPEG", quality=95)
    return stream.getvalue()


def palette(ids_HW: np.ndarray) -> bytes:
    """A segmentation as Kubric writes it: a palette PNG whose indices are objects."""
    image = Image.fromarray(ids_HW)
    image.putpalette(davis_palette().tobytes())
    stream = io.BytesIO()
    image.save(stream, format="PNG")
    return stream.getvalue()


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_tabe51(folder: Path, videos: Iterable[str] = VIDEOS, hidden: Iterable[str] = ()) -> Path:
    """A data set in the layout of TABE-51; returns its folder.

    Args:
        hidden: videos in which nothing is seen of the object.
    """
    for video in videos:
        base = folder / "data" / video
        for i in range(FRAMES):
            each = drawn(video, i, video in set(hidden))
            put(base / "frames" / f"{i:05d}.jpg", jpeg(each.frame_HW3))
            put(base / "visible_masks" / f"{i:05d}.png", png(each.visible_HW))
            put(base / "gt_masks" / f"{i:05d}.png", png(each.amodal_HW))
        levels = [{"level": "SLIGHT_OCCLUSION", "amount": 0.2}] * FRAMES
        put(base / "annos.json", json.dumps({"occlusion": levels}).encode())
    return folder


def write_movi_mc_ac(folder: Path, scenes: Iterable[str] = ("3f2a", "77b0"), cameras: int = 2) -> Path:
    """A data set in the layout of MOVi-MC-AC; returns its folder. The bar is object 2, and is whole itself."""
    for scene in scenes:
        for number in range(cameras):
            camera = folder / "test" / scene / f"camera_{number:04d}"
            for i in range(FRAMES):
                each = drawn(f"{scene}{number}", i)
                bar_HW = np.zeros((HEIGHT, WIDTH), np.uint8)
                bar_HW[:, BAR] = 255
                ids_HW = np.where(bar_HW > 0, 2, np.where(each.visible_HW > 0, 1, 0)).astype(np.uint8)
                put(camera / f"rgba_{i:05d}.png", png(np.dstack([each.frame_HW3, np.full_like(bar_HW, 255)])))
                put(camera / f"segmentation_{i:05d}.png", palette(ids_HW))
                put(camera / f"depth_{i:05d}.tiff", b"not read")
                bar_HW3 = np.where(bar_HW[..., None] > 0, np.uint8(30), np.uint8(0)).repeat(3, axis=2)
                for value, mask_HW, whole_HW3 in ((1, each.amodal_HW, each.whole_HW3), (2, bar_HW, bar_HW3)):
                    base = camera / f"obj_{value:04d}"
                    put(base / f"rgba_{i:05d}.png", png(np.dstack([whole_HW3, mask_HW])))
                    put(base / f"segmentation_{i:05d}.png", palette((mask_HW > 0).astype(np.uint8) * value))
    return folder
