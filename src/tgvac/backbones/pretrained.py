"""Pretrained backbones: Stable Diffusion and the scoring CLIP, each from a folder or hub name."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tgvac.errors import BadInput
from tgvac.models.backbones_params import BackbonesParams
from tgvac.models.fit import check_fit
from tgvac.models.params import DiffusionParams
from tgvac.models.runtime import quiet
from tgvac.stage import Context
from tgvac.training.outputs import place_parts

_DIFFUSERS, _TRANSFORMERS = "diffusion_pytorch_model", "model"
_BYTES = 256
"""The smallest vocabulary that can spell any text. A tokenizer has more, and a text encoder may have unused tokens."""


def fetch(ctx: Context, params: BackbonesParams, diffusion: DiffusionParams) -> dict[str, str]:
    """Load both with ``from_pretrained`` and save copies; returns the name and revision of each.

    Raises:
        BadInput: when a part cannot be loaded, or parts do not fit each other or the params.
    """
    from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
    from transformers import CLIPImageProcessor, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    quiet()
    origin, revision, variant = params.stable_diffusion, params.stable_diffusion_revision, params.variant or None
    # Check the configs before loading gigabytes of weights.
    with _loading("unet", origin):
        unet = UNet2DConditionModel.load_config(origin, subfolder="unet", revision=revision)
    with _loading("vae", origin):
        vae = AutoencoderKL.load_config(origin, subfolder="vae", revision=revision)
    with _loading("text_encoder", origin):
        # Without a config.json, transformers would use a default config.
        if not CLIPTextConfig.get_config_dict(origin, subfolder="text_encoder", revision=revision)[0]:
            raise OSError("It has no config.json")
        text_encoder = CLIPTextConfig.from_pretrained(origin, subfolder="text_encoder", revision=revision).to_dict()
    with _loading("scheduler", origin):
        scheduler = DDPMScheduler.load_config(origin, subfolder="scheduler", revision=revision)
    check_fit(origin, unet, vae, text_encoder, scheduler, diffusion)
    with _loading("tokenizer", origin):
        tokenizer = CLIPTokenizer.from_pretrained(origin, subfolder="tokenizer", revision=revision)
        _check_vocabulary(tokenizer, text_encoder["vocab_size"])
    _check_files(Path(origin), params)
    for name, kind in (("vae", AutoencoderKL), ("text_encoder", CLIPTextModel), ("unet", UNet2DConditionModel)):
        _say(name, origin)
        with _loading(name, origin):
            part = kind.from_pretrained(
                origin, subfolder=name, revision=revision, use_safetensors=True, variant=variant
            )
        place_parts(ctx.out / name, part)
    place_parts(ctx.out / "tokenizer", tokenizer)
    origin, revision = params.scoring_clip, params.scoring_clip_revision
    _say("scoring CLIP", origin)
    with _loading("scoring CLIP", origin):
        clip = CLIPModel.from_pretrained(origin, revision=revision, use_safetensors=True)
        processor = CLIPImageProcessor.from_pretrained(origin, revision=revision)
        words = CLIPTokenizer.from_pretrained(origin, revision=revision)
        _check_vocabulary(words, clip.config.text_config.vocab_size)
    place_parts(ctx.out / "scoring_clip", clip, processor, words)
    return {
        "stable_diffusion": f"{params.stable_diffusion}@{params.stable_diffusion_revision}",
        "scoring_clip": f"{params.scoring_clip}@{params.scoring_clip_revision}",
    }


_FILES = {"vae": _DIFFUSERS, "unet": _DIFFUSERS, "text_encoder": _TRANSFORMERS}


def _check_files(folder: Path, params: BackbonesParams) -> None:
    """Refuse a local folder without all of its weights, before minutes are spent on loading the first of them.

    Raises:
        BadInput: names the file that lacks, and what is there instead.
    """
    if not folder.is_dir():
        return  # a name on the Hub
    suffix = f".{params.variant}" if params.variant else ""
    for part, stem in _FILES.items():
        wanted = folder / part / f"{stem}{suffix}.safetensors"
        if not wanted.parent.is_dir():
            continue
        index = wanted.with_name(f"{stem}.safetensors.index{suffix}.json")
        if wanted.is_file() or index.is_file():
            continue
        others = sorted(path.name for path in (folder / part).glob(f"{stem}*") if path.is_file())
        variants = [_variant(name, stem) for name in others if _is_variant(name)]
        if variants:
            todo = f"it has {others[0]}: set backbones.variant to '{variants[0]}'"
        elif any(name.endswith((".bin", ".ckpt")) for name in others):
            todo = f"it has {others[0]}, a pickle, which is never read: convert it to safetensors"
        else:
            todo = f"it has {', '.join(others)}" if others else "fetch the folder again"
        raise BadInput(f"{wanted} does not exist; {todo}.")


def _variant(name: str, stem: str) -> str:
    """The variant in a file's name, without the number of a part of several."""
    return re.sub(r"-\d+-of-\d+$", "", name.removeprefix(f"{stem}.").removesuffix(".safetensors"))


def _is_variant(name: str) -> bool:
    return name.endswith(".safetensors") and name.count(".") == 2


def _say(part: str, origin: str) -> None:
    """Report which part is loaded, since fetching gigabytes from a hub is silent in a log."""
    print(f"backbones: the {part} of '{origin}'", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _loading(part: str, origin: str) -> Iterator[None]:
    """Turn errors into one that names the part, and says whether its file is damaged."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        first = str(error).strip().splitlines()[0].rstrip(". ")
        todo = (
            "its file is damaged: fetch it again"
            if _is_of(error, SafetensorError, json.JSONDecodeError)
            else "name a local folder or a reachable hub name in backbones.stable_diffusion and backbones.scoring_clip"
        )
        raise BadInput(f"The {part} of the backbones '{origin}' cannot be loaded ({first}); {todo}.") from None


def _check_vocabulary(tokenizer: Any, words: int) -> None:
    """Refuse a tokenizer that does not fit the text encoder, or an empty one: transformers makes it without files."""
    if not _BYTES <= len(tokenizer) <= words:
        raise OSError(f"The tokenizer has {len(tokenizer)} tokens, and the text encoder {words}")


def _is_of(error: BaseException | None, *classes: type[BaseException]) -> bool:
    """Whether an error is of some classes, or was raised while one of them was handled."""
    while error is not None and not isinstance(error, classes):
        error = error.__cause__ or error.__context__
    return error is not None
