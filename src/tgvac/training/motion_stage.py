"""Phase `motion`: temporal modules on the frozen frame model (paper, section 3.3, "Motion Training").

motion/<variant>/seed<k>/unet/           a UNetMotionModel, its frame layers those of `frame`
motion/<variant>/seed<k>/events.jsonl    step, loss, lr, gradient norm
motion/<variant>/seed<k>/index.json      digests of both
"""

from __future__ import annotations

import torch

from tgvac.files import sha256
from tgvac.models.backbones import load_backbones
from tgvac.models.motion_unet import inflate
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams, MotionModuleParams
from tgvac.models.runtime import device_of, pin, quiet
from tgvac.models.sampler import video_noise_model
from tgvac.models.schedule import alphas_cumprod
from tgvac.models.trained import load_frame_unet
from tgvac.seeds import seed_of
from tgvac.stage import Context
from tgvac.training.latent_clips import LatentClips, TextStates
from tgvac.training.loop import Job, train
from tgvac.training.objective import make_batch, noise_loss
from tgvac.training.outputs import run_folder, run_key, save_model
from tgvac.training.params import CheckpointParams, TrainingParams


def run(
    ctx: Context,
    *,
    diffusion: DiffusionParams,
    conditions: ConditionsParams,
    motion: TrainingParams,
    motion_module: MotionModuleParams,
    checkpoints: CheckpointParams,
    compute: ComputeParams,
) -> None:
    """Train the motion modules of one seed; the frame layers keep their weights."""
    pin(compute.threads)
    quiet()
    device = device_of(ctx.device)
    seed = int(ctx.options["seed"])
    params = motion.model_copy(update={"seed": motion.seed + seed})
    folder = ctx.results / "backbones"
    backbones = load_backbones(folder, device)
    scaling = backbones.vae.config.scaling_factor
    frame_folder = run_folder(ctx, "frame")
    torch.manual_seed(seed_of("motion modules", params.seed))
    unet = inflate(load_frame_unet(frame_folder), motion_module).to(device)
    clips = LatentClips(ctx, "train", min_frames=params.frame_step * (params.clip_frames - 1) + 1)
    texts = TextStates(backbones, clips.texts())
    alphas_T = alphas_cumprod(diffusion)
    model = video_noise_model(unet)

    def loss(step: int) -> torch.Tensor:
        batch = make_batch(clips, texts, params, conditions, scaling, diffusion.train_steps, "motion", step)
        return noise_loss(model, batch, alphas_T, device)

    latents = sha256(ctx.results / "latents" / "index.json")
    captions = sha256(ctx.results / "captions" / "captions.parquet")
    frame_index = sha256(frame_folder / "index.json")
    key = run_key(ctx, params, latents, captions, frame_index)
    events = train(Job(f"motion seed {seed}", unet, loss, params, checkpoints, key, ctx.scratch))
    save_model(run_folder(ctx), "unet", unet, events)
