"""Captions images with BLIP-2 (paper, section 3.2)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tgvac.captions.params import Blip2Params
from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.files import sha256


def identity(params: Blip2Params) -> str:
    """A digest of everything that determines a caption, except the image.

    A model on a hub is identified by its name and revision, a folder by the contents of its files.
    """
    weights: Any = [params.model, params.revision]
    if (folder := Path(params.model)).is_dir():
        weights = {p.relative_to(folder).as_posix(): sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}
    generation = [params.prompt, params.max_new_tokens, params.beams, params.repetition_penalty]
    return digest([weights, params.dtype, params.batch, generation])


class Blip2:
    """The loaded model.

    Args:
        device: a torch device name.
        threads: number of torch threads.
        tf32: whether matrix products of float32 use TF32 on a GPU.

    Raises:
        BadInput: when the model cannot be loaded from safetensors.
    """

    def __init__(self, params: Blip2Params, device: str, threads: int, tf32: bool) -> None:
        import torch
        import transformers
        from transformers import Blip2ForConditionalGeneration, Blip2Processor

        from tgvac.devices import device_of, pin

        pin(threads)
        transformers.utils.logging.disable_progress_bar()
        self._params, self._device, self._dtype = params, device_of(device, tf32), getattr(torch, params.dtype)
        name, revision = params.model, params.revision
        # It may have to download gigabytes first.
        print(f"captions: loading '{name}'", file=sys.stderr, flush=True)
        try:
            self._processor: Any = Blip2Processor.from_pretrained(name, revision=revision)
            model: Any = Blip2ForConditionalGeneration.from_pretrained(
                name, revision=revision, use_safetensors=True, dtype=self._dtype
            )
            if model.config.image_token_index is None:
                # Exports before transformers 4.46 do not have it; they combine images and text in another way.
                raise ValueError("its config.json names no image_token_index")
        except (OSError, ValueError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise BadInput(
                f"The captioning model '{name}' cannot be loaded ({first}); name a local folder or a reachable hub name"
                " with safetensors in captions.blip2.model, or choose another captions.order."
            ) from None
        if self._processor.num_query_tokens is None:
            self._processor.num_query_tokens = model.config.num_query_tokens
        self._model = model.to(self._device).eval()

    def __call__(self, images: Sequence[np.ndarray]) -> list[str]:
        """A caption for each image ``uint8 [S,S,3]``, without the prompt.

        The batch is always filled to ``batch`` images by repeating the last one, because the batch size changes the
        last bits of the result. Beam search without sampling: the same images give the same captions.

        Raises:
            ValueError: when there are no images, or more than ``batch``.
        """
        import torch
        from PIL import Image

        params = self._params
        if not 0 < len(images) <= params.batch:
            raise ValueError(f"{len(images)} images were given, but a batch has 1 to {params.batch}")
        filled = [*images, *[images[-1]] * (params.batch - len(images))]
        inputs = self._processor(
            images=[Image.fromarray(image) for image in filled],
            text=[params.prompt] * len(filled),
            return_tensors="pt",
        ).to(self._device, self._dtype)
        with torch.inference_mode():
            tokens = self._model.generate(
                **inputs,
                do_sample=False,
                num_beams=params.beams,
                max_new_tokens=params.max_new_tokens,
                repetition_penalty=params.repetition_penalty,
            )
        prompt = inputs["input_ids"].shape[1]
        if tokens.shape[1] >= prompt and torch.equal(tokens[:, :prompt], inputs["input_ids"]):
            tokens = tokens[:, prompt:]
        texts: list[str] = self._processor.batch_decode(tokens, skip_special_tokens=True)
        return [text.strip() for text in texts[: len(images)]]
