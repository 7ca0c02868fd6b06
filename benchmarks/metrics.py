"""`make bench-metrics`: scoring several methods on the same videos, against calling the packages frame by frame.

By the packages means: for each method and frame, transformers' CLIP embeds the completion and the truth, resized as by
OpenAI's CLIP and open_clip, and ``lpips`` compares the two. Ours is the project's ``Scorer``, method after method as in
phase `metrics`: it keeps what the networks make of the truth, and sends frames through them in batches.

CLIP has the form of ViT-B/32 at 224 pixels with half of its width and layers, and random weights: the whole of it takes
eight times as long. At 64 pixels the shipped stand-in, as scale tiny has it, is measured, too. LPIPS is real. All times
are of one thread's processor time, so that other processes disturb little.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import lpips
import numpy as np
import open_clip
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

from benchmarks.figures import ROOT, Figure, tell
from benchmarks.memory import held
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion
from tgvac.clips.framing import FramingParams
from tgvac.devices import pin
from tgvac.metrics.clip_score import embed, load_scoring_clip
from tgvac.metrics.kept import Kept
from tgvac.metrics.lpips import lpips_features, lpips_per_frame
from tgvac.metrics.lpips_weights import load_lpips
from tgvac.metrics.params import MetricsParams
from tgvac.metrics.scorer import Scorer
from tgvac.params import load_params
from tgvac.seeds import rng

SIZES = (64, 256)
VIDEOS, FRAMES = 2, 8
FASTER = 3.0
"""How many times as fast CLIP and LPIPS together should be."""
EQUAL = 1e-5
GROWTH = 16.0
"""MiB that the allocator may take beside what it had, while four times as many videos are scored."""
CPU = torch.device("cpu")
STANDIN = ROOT / "standins" / "scoring_clip"

METHODS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "darker": lambda x: x - np.minimum(x, 30),
    "blurred": lambda x: np.stack([cv2.GaussianBlur(f, (0, 0), 2.0) for f in x]),
    "moved": lambda x: np.roll(x, 5, axis=2),
    "grey": lambda x: np.repeat(x.mean(axis=-1, keepdims=True).round().astype(np.uint8), 3, axis=-1),
    "coarse": lambda x: x // 64 * 64,
    "mirrored": lambda x: x[:, :, ::-1].copy(),
}


@dataclass(frozen=True)
class Packages:
    """The networks as their packages have them."""

    clip: CLIPModel
    transform: Callable[[Image.Image], torch.Tensor]
    lpips: torch.nn.Module


def clip_of(size: int, number: int) -> Clip:
    """A video of a coloured shape that turns, its upper part hidden; whole frames are square."""
    draw = rng("bench metrics", size, number)
    whole, amodal = np.full((FRAMES, size, size, 3), 255, np.uint8), np.zeros((FRAMES, size, size), np.uint8)
    texture = cv2.resize(draw.integers(0, 220, (9, 9, 3), np.uint8), (size, size), interpolation=cv2.INTER_CUBIC)
    for i in range(FRAMES):
        middle, axes = (size // 2 + i * size // 200, size // 2), (size // 3, size // 5)
        cv2.ellipse(amodal[i], middle, axes, 6.0 * i, 0, 360, 255, -1)
        whole[i][amodal[i] > 0] = texture[amodal[i] > 0]
    visible = amodal.copy()
    visible[:, : size // 2] = 0
    return Clip(
        f"bench/{number}", f"bench/{number}", f"bench/{number}/1", whole, visible, whole, amodal, amodal - visible
    )


def write_clip(folder: Path) -> Path:
    """A CLIP of random weights in a folder."""
    torch.manual_seed(0)
    tower = {"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 6, "num_attention_heads": 6}
    vision = {**tower, "image_size": 224, "patch_size": 32}
    text = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 1}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=256)).save_pretrained(folder)
    CLIPImageProcessor().save_pretrained(folder)
    return folder


def packages_of(folder: Path) -> Packages:
    """Both networks as the packages load them; LPIPS with the project's copy of its weights."""
    model: Any = CLIPModel.from_pretrained(folder).eval()
    side = model.config.vision_config.image_size
    transform: Any = open_clip.image_transform(side, is_train=False, interpolation="bicubic")
    return Packages(model, transform, load_lpips("alex"))


def similarity(packages: Packages, a_HW3: np.ndarray, b_HW3: np.ndarray) -> float:
    """CLIP of two pictures, by transformers."""
    pixels = torch.stack([packages.transform(Image.fromarray(picture)) for picture in (a_HW3, b_HW3)])
    features: Any = packages.clip.get_image_features(pixel_values=pixels)
    a_D, b_D = features.pooler_output
    return float(torch.nn.functional.cosine_similarity(a_D, b_D, dim=0))


def by_packages(packages: Packages, clip: Clip, done: Completion) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """CLIP and LPIPS of each frame, and the seconds of each, and of TC."""
    similar, apart, seconds = [], [], {"CLIP": 0.0, "LPIPS": 0.0, "TC": 0.0}
    before_HW3 = None
    with torch.inference_mode():
        for ours_HW3, truth_HW3 in zip(done.rgb_FHW3, clip.whole_FHW3, strict=True):
            times = [time.process_time()]
            similar.append(similarity(packages, ours_HW3, truth_HW3))
            times.append(time.process_time())
            apart.append(float(packages.lpips(lpips.im2tensor(ours_HW3), lpips.im2tensor(truth_HW3))))
            times.append(time.process_time())
            if before_HW3 is not None:
                similarity(packages, ours_HW3, before_HW3)
            times.append(time.process_time())
            before_HW3 = ours_HW3
            for name, took in zip(seconds, np.diff(times), strict=True):
                seconds[name] += float(took)
    return np.array(similar), np.array(apart), seconds


def scorer_of(folder: Path, size: int, gib: float, kept: Path) -> Scorer:
    """Ours, with headline metrics alone."""
    framing = FramingParams(mode="frame", size=size, pad=127, margin=0.5, smooth=8)
    return Scorer(folder, framing, _params(), CPU, Kept(kept, "bench", round(gib * 2**30)))


def _params() -> MetricsParams:
    return load_params(ROOT, "tiny").metrics.model_copy(update={"views": (), "lpips_also": ()})


def compared(at: str, size: int, folder: Path) -> Iterator[Figure]:
    """All methods on all videos, at one size and by one CLIP."""
    packages = packages_of(folder)
    clips = [clip_of(size, k) for k in range(VIDEOS)]
    work = [(clip, Completion(make(clip.whole_FHW3), clip.amodal_FHW)) for make in METHODS.values() for clip in clips]
    frames = len(work) * FRAMES
    by_packages(packages, *work[0])  # warms up
    reference = [by_packages(packages, *each) for each in work]
    parts = {name: sum(seconds[name] for _, _, seconds in reference) for name in ("CLIP", "LPIPS", "TC")}
    both = parts["CLIP"] + parts["LPIPS"]
    yield Figure(f"{at}, packages", frames / both, "frames/s, one core")
    for name, seconds in parts.items():
        yield Figure(f"{at}, packages, {name}", 1000 * seconds / frames, "ms a frame")
    for gib, label in ((1.0, "ours"), (0.0, "ours, LPIPS's of the truth not kept")):
        with tempfile.TemporaryDirectory() as kept:
            scorer = scorer_of(folder, size, gib, Path(kept))
            scorer_of(folder, size, 0.0, Path(kept) / "warm").by_networks(*work[0])
            began = time.process_time()
            found = [scorer.by_networks(*each) for each in work]
            seconds = time.process_time() - began
        yield Figure(f"{at}, {label}", frames / seconds, "frames/s, one core")
        yield Figure(f"{at}, {label} / packages", both / seconds, "x", at_least=FASTER if gib else None)
        if gib:
            # In ours TC is in the same time, from the same embeddings.
            yield Figure(f"{at}, {label} / packages with TC", (both + parts["TC"]) / seconds, "x")
        for k, name in enumerate(("clip", "lpips")):
            differ = max(np.abs(a[name] - b[k]).max() for a, b in zip(found, reference, strict=True))
            yield Figure(f"{at}, {label}, {name}, differs by", float(differ), "at most", at_most=EQUAL)
    with tempfile.TemporaryDirectory() as kept:
        yield from _where(at, folder, scorer_of(folder, size, 1.0, Path(kept)), work)


def _where(at: str, folder: Path, scorer: Scorer, work: list[tuple[Clip, Completion]]) -> Iterator[Figure]:
    """What a frame takes when the truth's features are there."""
    encoder, network, batch = load_scoring_clip(folder), load_lpips("alex"), _params().batch
    clip, done = work[0]
    there = lpips_features(network, clip.whole_FHW3)
    parts: dict[str, Callable[[], object]] = {
        "CLIP of the completion": lambda: embed(encoder, done.rgb_FHW3, batch),
        "LPIPS with the truth's features": lambda: lpips_per_frame(
            network, done.rgb_FHW3, clip.whole_FHW3, batch, lambda _: there
        ),
        "metrics without networks, flow kept": lambda: scorer.by_pixels(clip, done),
    }
    for name, part in parts.items():
        part()
        began = time.process_time()
        for _ in range(3):
            part()
        yield Figure(f"{at}, ours, {name}", 1000 * (time.process_time() - began) / 3 / FRAMES, "ms a frame")


def growth(folder: Path) -> Iterator[Figure]:
    """Memory while more videos are scored, each by two methods."""
    size = SIZES[0]
    with tempfile.TemporaryDirectory() as kept:
        scorer = scorer_of(folder, size, 1.0, Path(kept))

        def score(numbers: range) -> int:
            for number in numbers:
                clip = clip_of(size, number)
                for make in (METHODS["darker"], METHODS["moved"]):
                    scorer.score(clip, Completion(make(clip.whole_FHW3), clip.amodal_FHW))
            return held("VmHWM")

        few = score(range(8))
        yield Figure("memory, 8 videos", few / 2**20, "MiB")
        more = score(range(8, 40)) - few
        yield Figure("memory, four times as many add", more / 2**20, "MiB", at_most=GROWTH)


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as named:
        folder = write_clip(Path(named))
        yield from growth(STANDIN)
        yield from compared("64 pixels, stand-in CLIP", 64, STANDIN)
        for size in SIZES:
            yield from compared(f"{size} pixels", size, folder)


def main() -> int:
    pin(1)
    return tell("metrics", figures())


if __name__ == "__main__":
    sys.exit(main())
