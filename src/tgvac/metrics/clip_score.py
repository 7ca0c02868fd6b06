"""Scores from CLIP features of images: similarity to the truth, and temporal consistency.

The paper's CLIP scores (0.74 to 0.93) must compare images with images: an image and a text score about 0.3.
Temporal consistency is "the cosine similarity between consecutive frames within the CLIP-Image feature
space, as done in [9, 59]" (section 4.2), which are Gen-1 and AVID.

In this project "clip" is a video clip; the network CLIP is always written as "scoring CLIP" or "encoder".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tgvac.errors import BadInput
from tgvac.metrics.arrays import check_frames

if TYPE_CHECKING:
    import torch
    from transformers import CLIPModel


@dataclass(frozen=True)
class ImageEncoder:
    """A CLIP model with the preprocessing that its folder specifies.

    Attributes:
        model: the network, in evaluation mode, float32.
        resize: length in pixels to which the shorter side is resized.
        crop: side in pixels of the centre crop, which is the network's input.
        mean, std: of the three channels, for values in [0,1].
    """

    model: CLIPModel
    resize: int
    crop: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def load_scoring_clip(folder: Path, device: str = "cpu") -> ImageEncoder:
    """Load a CLIP from a folder as transformers writes it, never from the internet.

    Args:
        folder: with ``config.json``, weights, and ``preprocessor_config.json``.
        device: a torch device, such as 'cpu' or 'cuda:0'.

    Raises:
        BadInput: the folder or its preprocessing is missing, or the preprocessing is not supported.
    """
    path = folder / "preprocessor_config.json"
    for needed in (folder / "config.json", path):
        if not needed.is_file():
            raise BadInput(f"{needed} does not exist; give a folder with a CLIP model as transformers saves it.")
    config = json.loads(path.read_text(encoding="utf-8"))
    # 3 is Pillow's number for bicubic; another filter would silently change every score.
    if config.get("resample", 3) != 3:
        raise BadInput(
            f"{path}: 'resample' is {config['resample']}; only 3 (bicubic) is supported, as in OpenAI's CLIP."
        )
    try:
        crop = _side(config["crop_size"] if config.get("do_center_crop", True) else config["size"])
        resize, mean, std = _side(config["size"]), _triple(config["image_mean"]), _triple(config["image_std"])
    except (KeyError, TypeError, ValueError):
        raise BadInput(
            f"{path} lacks a usable size, crop_size, image_mean or image_std; restore the model's own file."
        ) from None

    import torch
    from transformers import CLIPModel

    model: Any = CLIPModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
    model = model.requires_grad_(False).eval().to(torch.device(device))
    return ImageEncoder(model, resize, crop, mean, std)


def embed(encoder: ImageEncoder, images_FHW3: NDArray[np.uint8], batch: int) -> NDArray[np.float32]:
    """Embeddings of images, of length 1.

    Args:
        encoder: from ``load_scoring_clip``.
        images_FHW3: RGB, uint8 [F,H,W,3]. The centre crop cuts off the ends of frames that are not square, as in
            CLIP's own preprocessing; the project scores square frames.
        batch: images that go through the network at once, at least 1.

    Returns:
        float32 [F,D], L2-normalised.

    Raises:
        ValueError: a shape or dtype that is not as above.
    """
    import torch

    check_frames("images_FHW3", images_FHW3)
    if batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}")
    out_FD = np.empty((len(images_FHW3), encoder.model.visual_projection.out_features), np.float32)
    with torch.inference_mode():
        for start in range(0, len(images_FHW3), batch):
            part = slice(start, start + batch)
            pixels_B3SS = preprocess(encoder, images_FHW3[part]).to(encoder.model.device)
            features: Any = encoder.model.get_image_features(pixel_values=pixels_B3SS)
            # transformers 5 wraps the projected embedding in an output object, transformers 4 gave the tensor.
            embedding_BD = features if isinstance(features, torch.Tensor) else features.pooler_output
            out_FD[part] = torch.nn.functional.normalize(embedding_BD.float(), dim=-1).cpu().numpy()
    return out_FD


def preprocess(encoder: ImageEncoder, images_FHW3: NDArray[np.uint8]) -> torch.Tensor:
    """The network's input: float32 [F,3,crop,crop], resized, cropped and normalised.

    Pillow resizes, as in OpenAI's CLIP and open_clip, so pixels are theirs to the bit. Other bicubic filters round to
    other grey levels, and so does the processor of transformers 5.
    """
    import torch
    from PIL import Image

    height, width = images_FHW3.shape[1:3]
    short = min(height, width)
    size = (height * encoder.resize // short, width * encoder.resize // short)
    top, left = (size[0] - encoder.crop) // 2, (size[1] - encoder.crop) // 2
    if top < 0 or left < 0:
        raise ValueError(
            f"the model crops {encoder.crop} pixels from images resized to {encoder.resize}; resize to that or more"
        )
    cut_FSS3 = np.empty((len(images_FHW3), encoder.crop, encoder.crop, 3), np.uint8)
    for cut_SS3, image_HW3 in zip(cut_FSS3, images_FHW3, strict=True):
        image = Image.fromarray(np.ascontiguousarray(image_HW3))
        resized_HW3 = np.asarray(image.resize((size[1], size[0]), Image.Resampling.BICUBIC))
        cut_SS3[:] = resized_HW3[top : top + encoder.crop, left : left + encoder.crop]
    pixels_F3SS = torch.from_numpy(cut_FSS3).permute(0, 3, 1, 2).to(torch.float32) / 255
    mean, std = torch.tensor(encoder.mean), torch.tensor(encoder.std)
    return (pixels_F3SS - mean[:, None, None]) / std[:, None, None]


def image_similarity(a_FD: NDArray[np.float32], b_FD: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine of the embeddings of each frame of two videos.

    Args:
        a_FD, b_FD: L2-normalised embeddings, float [F,D], as ``embed`` gives them.

    Returns:
        float64 [F] in [-1,1].

    Raises:
        ValueError: shapes that differ, or embeddings that are not of length 1.
    """
    if a_FD.shape != b_FD.shape or a_FD.ndim != 2:
        raise ValueError(f"embeddings must share one shape [F,D], not {list(a_FD.shape)} and {list(b_FD.shape)}")
    for each_FD in (a_FD, b_FD):
        if not np.allclose(np.linalg.norm(each_FD.astype(np.float64), axis=1), 1, atol=1e-4):
            raise ValueError("embeddings must have length 1; take them from embed()")
    cosine_F: NDArray[np.float64] = np.einsum("fd,fd->f", a_FD.astype(np.float64), b_FD.astype(np.float64))
    return np.clip(cosine_F, -1, 1)


def temporal_consistency(a_FD: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine of the embeddings of consecutive frames.

    Args:
        a_FD: L2-normalised embeddings of one video's frames in order, float [F,D], F at least 1.

    Returns:
        float64 [F-1] in [-1,1]. Entry i compares frames i and i+1 and belongs to the later one, i+1: its
        occlusion rate decides whether the pair is easy or hard; the paper does not define this.

    Raises:
        ValueError: as ``image_similarity``, or no frame at all.
    """
    if len(a_FD) == 0:
        raise ValueError("a video without frames has no consecutive frames; give at least one frame")
    return image_similarity(a_FD[:-1], a_FD[1:])


def _side(size: Any) -> int:
    """The side in pixels, from any of the three forms in which transformers writes it."""
    if isinstance(size, dict):
        size = size["shortest_edge"] if "shortest_edge" in size else _square(size["height"], size["width"])
    if not isinstance(size, int) or size < 1:
        raise ValueError(size)
    return size


def _square(height: Any, width: Any) -> Any:
    if height != width:
        raise ValueError((height, width))
    return height


def _triple(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
