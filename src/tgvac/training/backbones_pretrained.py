"""Pretrained backbones: a Stable Diffusion folder or hub name, and the CLIP that scores."""

from __future__ import annotations

from tgvac.errors import BadInput
from tgvac.models.fit import check_fit
from tgvac.models.params import BackbonesParams
from tgvac.models.runtime import quiet
from tgvac.stage import Context
from tgvac.training.outputs import place_parts


def fetch(ctx: Context, params: BackbonesParams, prediction: str) -> dict[str, str]:
    """Load both by the ordinary path and keep a frozen copy; returns what was taken from where.

    Raises:
        BadInput: when a folder or name cannot be loaded, or its parts don't fit.
    """
    from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
    from transformers import CLIPImageProcessor, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    quiet()
    try:
        origin, revision = params.stable_diffusion, params.stable_diffusion_revision
        # Before anything of some gigabytes is read.
        check_fit(
            origin,
            UNet2DConditionModel.load_config(origin, subfolder="unet", revision=revision),
            AutoencoderKL.load_config(origin, subfolder="vae", revision=revision),
            CLIPTextConfig.from_pretrained(origin, subfolder="text_encoder", revision=revision).to_dict(),
            DDPMScheduler.load_config(origin, subfolder="scheduler", revision=revision),
            prediction,
        )
        for name, kind in (("vae", AutoencoderKL), ("text_encoder", CLIPTextModel), ("unet", UNet2DConditionModel)):
            part = kind.from_pretrained(origin, subfolder=name, revision=revision, use_safetensors=True)
            place_parts(ctx.out / name, part)
        tokenizer = CLIPTokenizer.from_pretrained(origin, subfolder="tokenizer", revision=revision)
        place_parts(ctx.out / "tokenizer", tokenizer)
        origin, revision = params.scoring_clip, params.scoring_clip_revision
        place_parts(
            ctx.out / "scoring_clip",
            CLIPModel.from_pretrained(origin, revision=revision, use_safetensors=True),
            CLIPImageProcessor.from_pretrained(origin, revision=revision),
            CLIPTokenizer.from_pretrained(origin, revision=revision),
        )
    except OSError as error:
        first = str(error).strip().splitlines()[0]
        raise BadInput(
            f"The backbones '{origin}' cannot be loaded ({first});"
            " name a local folder or a reachable hub name in backbones.stable_diffusion and backbones.scoring_clip."
        ) from None
    return {
        "stable_diffusion": f"{params.stable_diffusion}@{params.stable_diffusion_revision}",
        "scoring_clip": f"{params.scoring_clip}@{params.scoring_clip_revision}",
    }
