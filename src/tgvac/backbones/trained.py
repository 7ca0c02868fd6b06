"""Trains the stand-in backbones on the run's train split; the tokenizer has the words of all captions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import torch

from tgvac.backbones.objectives import Loss, clip_loss, measure_latents, unet_loss, vae_loss
from tgvac.backbones.views import Views, render_views
from tgvac.backbones.watching import Watch, watch_autoencoder, watch_text_to_picture
from tgvac.clips.captions import Caption, read_captions
from tgvac.clips.framed import ClipSource
from tgvac.clips.framing import FramingParams
from tgvac.clips.pair_clips import PairClips, pair_sources
from tgvac.clips.recipe import read_recipes
from tgvac.config import digest
from tgvac.devices import pin
from tgvac.files import sha256
from tgvac.models.backbones import Backbones, freeze, load_backbones
from tgvac.models.backbones_params import IMAGE_ENCODER, BackbonesParams
from tgvac.models.centred_latents import centre_latents
from tgvac.models.params import ComputeParams, DiffusionParams
from tgvac.models.runtime import quiet
from tgvac.models.schedule import noise_schedule
from tgvac.models.small_networks import (
    build_clip,
    build_text_encoder,
    build_tokenizer,
    build_unet,
    build_vae,
    image_tower,
)
from tgvac.stage import Context
from tgvac.synthesis.clips import clip_keys, recipe_clips
from tgvac.training.checkpoint import Identity
from tgvac.training.events import write_events
from tgvac.training.loop import StepLoss, Training, train
from tgvac.training.outputs import place_parts, place_pictures
from tgvac.training.params import TrainingParams
from tgvac.training.run_params import CheckpointParams, SamplesParams

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from torch import nn

    from tgvac.sampling.params import SamplerParams

_SCALING_VIEWS = 512
"""Images that the latents' statistics are measured on; more change only their third digit."""


@dataclass(frozen=True)
class _Fitting:
    """The inputs that the trainings of one run share."""

    ctx: Context
    params: BackbonesParams
    framing: FramingParams
    checkpoints: CheckpointParams
    samples: SamplesParams
    captions: dict[str, Caption] = field(default_factory=dict)

    @cached_property
    def views(self) -> Views:
        """The pool of images; rendered only if something is left to train."""
        sources: list[ClipSource] = [recipe_clips(self.ctx, "train"), *self._pairs.values()]
        return render_views(sources, self.framing, self.captions, self.params.views, f"{self.ctx.label} pictures")

    @cached_property
    def _pairs(self) -> dict[str, PairClips]:
        return pair_sources(self.ctx.results / "sources")

    @cached_property
    def data(self) -> str:
        """The digest of the data that the pool is rendered from."""
        recipes = [r for r in read_recipes(self.ctx.results / "synthesis" / "recipes.parquet") if r.split == "train"]
        captions = self.ctx.results / "captions" / "captions.parquet"
        buckets = [[name, [p.digest_of(k) for k in range(p.buckets)]] for name, p in self._pairs.items()]
        return digest([clip_keys(self.ctx, recipes), buckets, sha256(captions)])

    def fit(
        self, name: str, module: nn.Module, steps: int, loss: Callable[[], Loss], watch: Watch | None, *start: str
    ) -> None:
        """Train one network to its last step; ``start`` are digests of the weights it starts with."""
        ctx, key = self.ctx, digest([self.ctx.digest, name, self.data, *start])
        ready = cache(loss)

        def later(_: nn.Module, step: int) -> StepLoss:
            # Prepared at the first step, which a finished training does not have.
            return StepLoss(ready()(step))

        params, folder = _training(self.params, steps), ctx.scratch / name
        every = self.samples.every
        training = Training(
            f"backbones {name}",
            module,
            _whole_batch,
            later,
            params,
            self.checkpoints,
            Identity(key),
            folder,
            watch,
            every,
        )
        write_events(ctx.out / "events" / f"{name}.jsonl", train(training))
        place_pictures(ctx.out / "samples" / name, training.pictures)

    def fit_autoencoder(self, vae: AutoencoderKL, vae_batch: int, *start: str) -> None:
        """Train the autoencoder."""
        params = self.params

        def reconstruction() -> Loss:
            return vae_loss(vae, self.views, params.batch, params.kl_weight, params.seed)

        watch = watch_autoencoder(vae, lambda: self.views, self.samples, vae_batch)
        self.fit("vae", vae, params.vae_steps, reconstruction, watch, *start)


def _fitting(
    ctx: Context,
    params: BackbonesParams,
    framing: FramingParams,
    checkpoints: CheckpointParams,
    samples: SamplesParams,
    compute: ComputeParams,
) -> _Fitting:
    pin(compute.threads)
    quiet()
    captions = read_captions(ctx.results / "captions" / "captions.parquet")
    return _Fitting(ctx, params, framing, checkpoints, samples, captions)


def _whole_batch(step: int, rows: range) -> int:
    """Stand-ins are trained by one process, and the loss draws the whole batch by the step's number."""
    return step


def train_all(
    ctx: Context,
    params: BackbonesParams,
    framing: FramingParams,
    diffusion: DiffusionParams,
    checkpoints: CheckpointParams,
    samples: SamplesParams,
    sampler: SamplerParams,
    compute: ComputeParams,
) -> dict[str, str]:
    """Train autoencoder, text-to-image UNet and scoring CLIP from random weights; returns no further provenance."""
    fitting = _fitting(ctx, params, framing, checkpoints, samples, compute)
    shapes, seed, batch = params.standin, params.seed, params.batch

    texts = [caption.text for caption in fitting.captions.values()]
    tokenizer = build_tokenizer(shapes, texts)
    place_parts(ctx.out / "tokenizer", tokenizer)
    text_encoder = freeze(build_text_encoder(shapes, len(tokenizer), seed))
    place_parts(ctx.out / "text_encoder", text_encoder)

    vae = build_vae(shapes, seed)
    fitting.fit_autoencoder(vae, compute.vae_batch)
    freeze(vae)
    z_Pchw = measure_latents(vae, fitting.views, _SCALING_VIEWS, compute.vae_batch, seed)
    centre_latents(vae, z_Pchw.mean((0, 2, 3)), z_Pchw.std((0, 2, 3)))
    vae.register_to_config(scaling_factor=1.0)
    place_parts(ctx.out / "vae", vae)

    unet = build_unet(shapes, seed)
    frozen = Backbones(vae, text_encoder, tokenizer)
    schedule = noise_schedule(diffusion)
    drop = params.unet_drop_text

    def denoising() -> Loss:
        return unet_loss(
            unet, frozen, fitting.views, schedule, batch, compute.vae_batch, drop, seed, diffusion.prediction
        )

    watch = watch_text_to_picture(unet, frozen, lambda: fitting.views, samples, sampler, diffusion, compute.vae_batch)
    fitting.fit("unet", unet, params.unet_steps, denoising, watch)
    place_parts(ctx.out / "unet", unet)

    # A tokenizer saves the settings of its last call, so fresh ones are used.
    _train_scoring_clip(ctx, params, fitting, lambda: build_tokenizer(shapes, texts), framing.size)
    if params.image_steps:
        _train_image_encoder(ctx, params, fitting, tokenizer, framing.size)
    return {}


def renew(
    ctx: Context,
    params: BackbonesParams,
    framing: FramingParams,
    checkpoints: CheckpointParams,
    samples: SamplesParams,
    compute: ComputeParams,
) -> None:
    """Train the parts that ``params.renew`` names, from random weights; the tokenizer stays the shipped one."""
    fitting = _fitting(ctx, params, framing, checkpoints, samples, compute)

    def tokenizer() -> Any:
        return load_backbones(ctx.out, torch.device("cpu")).tokenizer

    # Its words are the text tower's numbers.
    words = [sha256(path) for path in sorted((ctx.out / "tokenizer").iterdir())]
    if "scoring_clip" in params.renew:
        _train_scoring_clip(ctx, params, fitting, tokenizer, framing.size, *words)
    if IMAGE_ENCODER in params.renew:
        _train_image_encoder(ctx, params, fitting, tokenizer(), framing.size, *words)


def _train_scoring_clip(
    ctx: Context, params: BackbonesParams, fitting: _Fitting, tokenizer: Callable[[], Any], size: int, *start: str
) -> None:
    """Train the CLIP that scores pictures."""
    reading = tokenizer()
    clip, processor = build_clip(params.standin, len(reading), size, params.seed)

    def contrastive() -> Loss:
        return clip_loss(clip, processor, reading, fitting.views, params.batch, params.seed)

    fitting.fit("scoring_clip", clip, params.clip_steps, contrastive, None, *start)
    place_parts(ctx.out / "scoring_clip", clip, processor, tokenizer())


def _train_image_encoder(
    ctx: Context, params: BackbonesParams, fitting: _Fitting, tokenizer: Any, size: int, *start: str
) -> None:
    """Train an encoder that embeds images as wide as a text's states: a CLIP of its own, of which one tower is kept."""
    shapes, name = params.standin, IMAGE_ENCODER.replace("_", " ")
    clip, processor = build_clip(shapes, len(tokenizer), size, params.seed, name, shapes.text_width)

    def contrastive() -> Loss:
        return clip_loss(clip, processor, tokenizer, fitting.views, params.batch, params.seed, name)

    fitting.fit(IMAGE_ENCODER, clip, params.image_steps, contrastive, None, *start)
    place_parts(ctx.out / IMAGE_ENCODER, image_tower(clip), processor)


def fit_autoencoder(
    ctx: Context,
    params: BackbonesParams,
    framing: FramingParams,
    checkpoints: CheckpointParams,
    samples: SamplesParams,
    compute: ComputeParams,
) -> None:
    """Continue to train the autoencoder in the phase's folder, on the run's own clips."""
    fitting = _fitting(ctx, params, framing, checkpoints, samples, compute)
    start = sha256(ctx.out / "vae" / "diffusion_pytorch_model.safetensors")
    vae: Any = load_backbones(ctx.out, torch.device("cpu")).vae.requires_grad_(True)
    fitting.fit_autoencoder(vae, compute.vae_batch, start)
    # Not centred again, since the shipped UNet was trained on the shipped autoencoder's latents, and these are similar.
    z_Pchw = measure_latents(freeze(vae), fitting.views, _SCALING_VIEWS, compute.vae_batch, params.seed)
    # Stable Diffusion's 0.18215 was measured in the same way.
    vae.register_to_config(scaling_factor=round(1.0 / float(z_Pchw.std()), 5))
    place_parts(ctx.out / "vae", vae)


def _training(params: BackbonesParams, steps: int) -> TrainingParams:
    """The params of all stand-in trainings; only the number of steps differs."""
    return TrainingParams(
        steps=steps,
        batch=params.batch,
        optimizer="adamw",
        fused=False,  # as the shipped ones were trained, which must be reproducible to the bit
        lr=params.lr,
        lr_schedule="cosine",
        warmup=min(100, steps // 4),
        weight_decay=0.0,
        beta1=0.9,
        beta2=0.99,
        clip_norm=1.0,
        ema=0.99,
        seed=params.seed,
        clip_frames=1,
        frame_step=1,
        pairs_share=0.0,
        level_power=1.0,
        precision="float32",
        diverged=0.0,
    )
