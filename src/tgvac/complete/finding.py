"""Finds an object by words: Grounding DINO (Liu et al., 2023) gives the box that a sentence describes best."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from tgvac.clips.box import Box
from tgvac.devices import device_of
from tgvac.errors import BadInput
from tgvac.models.runtime import quiet
from tgvac.sources.frames import open_frames

if TYPE_CHECKING:
    from transformers import GroundingDinoForObjectDetection, GroundingDinoProcessor

WEIGHTS = "IDEA-Research/grounding-dino-tiny"
THRESHOLD = 0.3
"""The least score of a box that is taken, in [0, 1]."""
_INSTEAD = "give a --box x,y,w,h or a --point x,y instead"


@dataclass(frozen=True)
class Found:
    """A box in pixels of its frame, and its score in [0, 1]."""

    box: Box
    score: float

    @property
    def option(self) -> str:
        """The box as an option of the command."""
        return f"{self.box.x:.1f},{self.box.y:.1f},{self.box.w:.1f},{self.box.h:.1f}"


@dataclass(frozen=True)
class Finder:
    """Grounding DINO with its weights."""

    model: GroundingDinoForObjectDetection
    processor: GroundingDinoProcessor
    device: torch.device

    def find(self, frame_HW3: np.ndarray, text: str, threshold: float = THRESHOLD) -> Found | None:
        """The best box of what a sentence names in a frame ``uint8 [H,W,3]``; None if no score is high enough."""
        height, width = frame_HW3.shape[:2]
        # The network was trained on lower-case phrases that end with a full stop.
        phrase = f"{text.strip().rstrip('.').lower()}."
        inputs = self.processor(images=np.array(frame_HW3), text=phrase, return_tensors="pt")
        inputs = inputs.to(self.device)
        with torch.inference_mode():
            outputs = self.model(**inputs)
        (result,) = self.processor.post_process_grounded_object_detection(
            outputs, inputs["input_ids"], threshold=threshold, target_sizes=[(height, width)]
        )
        for k in torch.argsort(result["scores"], descending=True, stable=True).tolist():
            left, top, right, bottom = (float(value) for value in result["boxes"][k])
            if right > left and bottom > top:
                box = Box(x=left, y=top, w=right - left, h=bottom - top).clipped(height, width)
                if box is not None:
                    return Found(box, float(result["scores"][k]))
        return None


def load_finder(weights: str = WEIGHTS, device: str = "cpu") -> Finder:
    """Load Grounding DINO from a folder, or by its name on a hub; safetensors only.

    Raises:
        BadInput: when it cannot be had, or is another network.
    """
    from safetensors import SafetensorError
    from transformers import AutoProcessor, GroundingDinoConfig, GroundingDinoForObjectDetection

    quiet()
    named, on = f"--find-weights {weights}", device_of(device)
    folder = _folder(weights)
    try:
        kind = GroundingDinoConfig.get_config_dict(str(folder))[0].get("model_type")
        if kind != "grounding-dino":
            raise BadInput(
                f"{named} is a model of type {kind!r}, not 'grounding-dino'; give its weights, or {_INSTEAD}."
            )
        model, report = GroundingDinoForObjectDetection.from_pretrained(
            str(folder),
            use_safetensors=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
        processor = AutoProcessor.from_pretrained(str(folder))
    except (OSError, ValueError, SafetensorError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{named} cannot be loaded ({_first(error)}); fetch the folder again, or {_INSTEAD}.") from None
    wrong = sorted([*report["missing_keys"], *(str(key[0]) for key in report["mismatched_keys"])])
    if wrong:
        raise BadInput(
            f"{named} does not fit its config.json: {len(wrong)} of its tensors are missing or have another size (the"
            f" first is {wrong[0]}); fetch the folder again, or {_INSTEAD}."
        )
    return Finder(model.requires_grad_(False).eval().to(on), processor, on)


def find_box(
    video: Path, frame: int, text: str, weights: str = WEIGHTS, device: str = "cpu", threshold: float = THRESHOLD
) -> Found:
    """The box of what a sentence names in a frame of a video.

    Raises:
        BadInput: when the frame is not in the video, the weights cannot be had, or nothing is found.
    """
    frames = open_frames(video)
    count = frames.examine().count
    if not 0 <= frame < count:
        raise BadInput(f"--frame {frame} is not in the video, which has {count} frames, from 0 to {count - 1}.")
    if not text.strip():
        raise BadInput("--find is empty; name the object, such as --find 'the dog behind the fence'.")
    found = load_finder(weights, device).find(frames.frame(frame), text, threshold)
    if found is None:
        raise BadInput(
            f"--find '{text}' finds nothing in frame {frame} with a score above {threshold:g}; say it in other words,"
            f" name another --frame, or {_INSTEAD}."
        )
    return found


def _folder(weights: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    folder = Path(weights).expanduser()
    if folder.is_dir():
        return folder
    # Neither code nor pickles.
    files = ["*.json", "*.txt", "*.safetensors"]
    try:
        return Path(snapshot_download(weights, allow_patterns=files))
    except (OSError, HFValidationError, HfHubHTTPError) as error:
        try:
            return Path(snapshot_download(weights, allow_patterns=files, local_files_only=True))
        except (OSError, HFValidationError):
            raise BadInput(
                f"--find-weights {weights} is not a folder and cannot be fetched ({_first(error)}); give a folder with"
                f" the weights of Grounding DINO, or {_INSTEAD}."
            ) from None


def _first(error: Exception) -> str:
    """The first line of an error."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
