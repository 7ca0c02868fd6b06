"""BLIP-2 (paper, 3.2): pictures in, sentences out."""

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
    """A digest of all that decides a sentence but the picture.

    A hub's model is known by its name and revision, a folder by its files' contents.
    """
    weights: Any = [params.model, params.revision]
    if (folder := Path(params.model)).is_dir():
        weights = {p.relative_to(folder).as_posix(): sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}
    speaking = [params.prompt, params.max_new_tokens, params.beams, params.repetition_penalty]
    return digest([weights, params.dtype, params.batch, speaking])


class Blip2:
    """The model, loaded.

    Args:
        device: a torch device name.
        threads: of torch.
        tf32: on a GPU, products of float32 are tf32.

    Raises:
        BadInput: when it cannot be loaded from safetensors.
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
        # Gigabytes may have to come from a hub first.
        print(f"captions: loading '{name}'", file=sys.stderr, flush=True)
        try:
            self._processor: Any = Blip2Processor.from_pretrained(name, revision=revision)
            model: Any = Blip2ForConditionalGeneration.from_pretrained(
                name, revision=revision, use_safetensors=True, dtype=self._dtype
            )
            if model.config.image_token_index is None:
                # As of exports before transformers 4.46, which expect another way of putting pictures before words.
                raise ValueError("its config.json names no image_token_index")
        except (OSError, ValueError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise BadInput(
                f"The captioning model '{name}' cannot be loaded ({first}); name a local folder or a reachable hub name"
                " with safetensors in captions.blip2.model, or take another captions.order."
            ) from None
        if self._processor.num_query_tokens is None:
            self._processor.num_query_tokens = model.config.num_query_tokens
        self._model = model.to(self._device).eval()

    def __call__(self, images: Sequence[np.ndarray]) -> list[str]:
        """A sentence for each picture ``uint8 [S,S,3]``, without the prompt.

        Always as many pictures at once as ``batch`` says, the last ones repeated: how many there are would change the
        last bits of all of them. Beams and no dice: the same pictures give the same sentences.
        """
        import torch
        from PIL import Image

        params = self._params
        if not 0 < len(images) <= params.batch:
            raise ValueError(f"{len(images)} pictures at once; the batch is {params.batch}")
        filled = [*images, *[images[-1]] * (params.batch - len(images))]
        inputs = self._processor(
            images=[Image.fromarray(image) for image in filled],
            text=[params.prompt] * len(filled),
            return_tensors="pt",
        ).to(self._device, self._dtype)
        with torch.inference_mode():
            made = self._model.generate(
                **inputs,
                do_sample=False,
                num_beams=params.beams,
                max_new_tokens=params.max_new_tokens,
                repetition_penalty=params.repetition_penalty,
            )
        asked = inputs["input_ids"].shape[1]
        if made.shape[1] >= asked and torch.equal(made[:, :asked], inputs["input_ids"]):
            made = made[:, asked:]
        texts: list[str] = self._processor.batch_decode(made, skip_special_tokens=True)
        return [text.strip() for text in texts[: len(images)]]
