"""Backbones, latents, and every training that the evaluated methods need."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

import torch
from torch.nn import functional

from tgvac.latents.encoding import follows_masks
from tgvac.latents.text_states import REMEMBERED
from tgvac.models.cost.memory import kept_bytes_of
from tgvac.models.cost.networks import empty
from tgvac.models.cost.walk import step_flops
from tgvac.params import Params
from tgvac.planning.counts import Counts
from tgvac.planning.evaluating import padded
from tgvac.planning.labelling import captioned_pairs
from tgvac.planning.model_costs import ModelCosts
from tgvac.planning.reference import Costs
from tgvac.planning.work import Work
from tgvac.training.params import TrainingParams
from tgvac.training.run_params import CheckpointParams

_FLOAT = 4
"""Bytes of a number on disk; weights and latents are stored in float32."""


def backbones(params: Params, models: ModelCosts) -> Iterator[Work]:
    """The frozen networks, and their training if they are stand-ins."""
    kept = [n.all * _FLOAT for name, n in models.parameters.items() if name != "motion"]
    yield Work("backbones", "weights", 1, "folder", 0, sum(kept))
    block = params.backbones
    if block.origin in ("train", "fit"):
        vae, batch = models.networks.vae, block.batch
        size = models.networks.size

        def reconstruction() -> torch.Tensor:
            x = empty(1, 3, size, size)
            return functional.l1_loss(vae.decode(vae.encode(x).latent_dist.mean).sample, x)

        flops = step_flops(vae, reconstruction).all
        yield Work("backbones", "training the autoencoder", block.vae_steps, "steps", block.vae_steps * batch * flops)
    if block.origin == "train":
        step = models.frame_step.all
        yield Work(
            "backbones", "training the text-to-image UNet", block.unet_steps, "steps", block.unet_steps * batch * step
        )
        # Two views of each image and its sentence; the backward pass is about twice the forward pass.
        step = 3 * (2 * models.clip_image + models.text)
        yield Work(
            "backbones", "training the CLIP that scores", block.clip_steps, "steps", block.clip_steps * batch * step
        )


def latents(params: Params, counts: Counts, models: ModelCosts) -> Iterator[Work]:
    """Three images per frame are encoded (target, input, mask); four tensors are kept.

    A further draw of masks adds one image and tensor, or all of them if the window follows masks. Without a cache the
    phase only lists the clips, and trainings encode them.
    """
    block, (channels, side) = params.latents, models.networks.latent
    further = (block.mask_draws - 1) if block.cache else 0
    images, tensors = (further * 3, further * 4) if follows_masks(params.framing) else (further, further)
    each = (3 + images) * models.encode if block.cache else 0
    size = (4 + tensors) * channels * side * side * _FLOAT if block.cache else 0
    lengths = [recipe.frames for recipe in counts.split(*block.splits)]
    frames, seen = sum(lengths), sum(padded(length, params) for length in lengths)
    yield Work("latents", "clips", frames, "frames", seen * each, frames * size)
    if counts.pairs:
        yield Work("latents", "pairs", counts.pairs, "pairs", counts.pairs * each, counts.pairs * size)
    if texts := _cached_texts(params, counts):
        encoder = models.networks.text_encoder.config
        states = encoder.max_position_embeddings * encoder.hidden_size * _FLOAT
        yield Work("latents", "sentences", texts, "sentences", texts * models.text, texts * states)


def stage(name: str, params: Params, counts: Counts, models: ModelCosts, costs: Costs) -> Iterator[Work]:
    """One line per training of ``frame`` or ``motion``, by variant and seed."""
    each = models.frame_step.all if name == "frame" else models.motion_step(getattr(params, name).clip_frames).all
    numbers = models.parameters[name]
    for variant, seeds in groupby(params.trainings(name), key=itemgetter(0)):
        block: TrainingParams = getattr(params, name).of_run(0, params.variants[variant].steps_of(name))
        flops = block.steps * block.batch * each + _new_texts(block, params, counts) * models.text
        flops += _pictures(block, params, models) + _encoded(block, params) * models.encode
        model, state = numbers.all * _FLOAT, checkpoint_bytes(name, block, models, costs)
        for _, seed in seeds:
            yield Work(
                name,
                f"{variant} seed {seed}",
                block.steps,
                "steps",
                flops,
                model,
                _kept(params.checkpoints, block.steps) * state,
                precision=block.precision,
            )


def _kept(checkpoints: CheckpointParams, steps: int) -> int:
    """The largest number of checkpoints on disk; with a time limit, any step may make one."""
    made = steps if checkpoints.seconds else -(-steps // checkpoints.every)
    return min(checkpoints.keep, made)


def checkpoint_bytes(name: str, block: TrainingParams, models: ModelCosts, costs: Costs) -> int:
    """Bytes of the trained parameters, of their EMA if there is one, and of the optimizer's state."""
    numbers, state = models.parameters[name].trained, costs.optimizers.model_dump()
    if block.optimizer == "adafactor":
        network = models.networks.frame_unet if name == "frame" else models.networks.video_unet
        kept = kept_bytes_of("adafactor", [tuple(p.shape) for p in network.parameters() if p.requires_grad], state)
    else:
        kept = round(state[block.optimizer] * numbers)
    return (2 if block.ema > 0 else 1) * numbers * _FLOAT + kept


def _texts(block: TrainingParams, params: Params, counts: Counts) -> int:
    pairs = captioned_pairs(params, counts) if block.pairs_share > 0 else 0
    return pairs + (counts.tracks if block.pairs_share < 1 else 0)


def _cached_texts(params: Params, counts: Counts) -> int:
    """Number of sentences whose states are cached: one per track and per pair, up to the limit."""
    return min(params.latents.texts, counts.tracks + captioned_pairs(params, counts)) if params.latents.cache else 0


def _new_texts(block: TrainingParams, params: Params, counts: Counts) -> int:
    """Number of sentences that a training encodes itself."""
    cached = _cached_texts(params, counts)
    of_tracks = min(cached, counts.tracks)
    of_pairs = cached - of_tracks
    texts = _texts(block, params, counts)
    missing = texts - (of_pairs if block.pairs_share > 0 else 0) - (of_tracks if block.pairs_share < 1 else 0)
    # Remembered sentences are encoded once. If there are more of them, nearly every draw is a new one.
    return block.steps * block.batch * missing // texts if missing > REMEMBERED else missing


def _encoded(block: TrainingParams, params: Params) -> int:
    """Number of images that a training encodes itself: all of the chunks that a sample's frames are in, on average."""
    if params.latents.cache:
        return 0
    seen = block.frame_step * (block.clip_frames - 1) + params.compute.vae_batch
    return block.steps * block.batch * 3 * seen


def _pictures(block: TrainingParams, params: Params, models: ModelCosts) -> int:
    """FLOPs of the sample images of held-out clips along a training."""
    samples = params.samples
    if not samples.every:
        return 0
    times = -(-block.steps // samples.every)
    clips = max(1, samples.pictures // min(4, block.clip_frames))
    predict = models.frame_forward if block.clip_frames == 1 else models.motion_forward(block.clip_frames)
    passes = samples.sampling_steps * (1 if samples.guidance == 1.0 else 2)
    shown = padded(block.clip_frames, params)
    return clips * (times * (passes * predict + shown * models.decode) + 2 * shown * models.encode + 2 * models.text)
