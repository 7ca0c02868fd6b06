"""Phase `backbones`: the frozen networks of a scale, in one folder for `from_pretrained`.

backbones/vae  text_encoder  tokenizer  unet  scheduler  scoring_clip
backbones/events/<part>.jsonl     loss curves of the parts that were trained here
backbones/samples/<part>/         images made during training; not in the index
backbones/provenance.json         where the networks come from
backbones/index.json              digests of all files
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from tgvac.backbones.pretrained import fetch
from tgvac.backbones.shipped import take_shipped
from tgvac.backbones.trained import fit_autoencoder, renew, train_all
from tgvac.clips.framing import FramingParams
from tgvac.files import write_json
from tgvac.models.backbones_params import BackbonesParams
from tgvac.models.params import ComputeParams, DiffusionParams
from tgvac.models.schedule import network_scheduler
from tgvac.stage import Context
from tgvac.training.outputs import indexed, write_folder_index
from tgvac.training.run_params import CheckpointParams, SamplesParams

if TYPE_CHECKING:
    from tgvac.sampling.params import SamplerParams


def run(
    ctx: Context,
    *,
    backbones: BackbonesParams,
    framing: FramingParams,
    diffusion: DiffusionParams,
    checkpoints: CheckpointParams,
    samples: SamplesParams,
    sampler: SamplerParams,
    compute: ComputeParams,
) -> None:
    """Train stand-ins, copy the shipped ones, or fetch pretrained networks; the folder's layout is always the same."""
    (ctx.out / "index.json").unlink(missing_ok=True)
    # They may be from an earlier run that trained other networks. Those of this run are written again.
    for name in ("events", "samples"):
        shutil.rmtree(ctx.out / name, ignore_errors=True)
    named: dict[str, Any]
    match backbones.origin:
        case "pretrained":
            named = fetch(ctx, backbones, diffusion)
        case "train":
            named = train_all(ctx, backbones, framing, diffusion, checkpoints, samples, sampler, compute)
        case "shipped":
            named = take_shipped(ctx, backbones, diffusion)
            if backbones.renew:
                renew(ctx, backbones, framing, checkpoints, samples, compute)
                named["renewed"] = ", ".join(backbones.renew)
        case "fit":
            named = take_shipped(ctx, backbones, diffusion)
            fit_autoencoder(ctx, backbones, framing, checkpoints, samples, compute)
    network_scheduler(diffusion).save_pretrained(ctx.out / "scheduler")
    write_json(ctx.out / "provenance.json", {"origin": backbones.origin, **named})
    write_folder_index(ctx.out, indexed(ctx.out))
