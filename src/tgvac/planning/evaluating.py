"""Completion and metrics: each method on the clips that it completes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tgvac.completion.evaluated import evaluated, frames_of
from tgvac.methods.registry import method_of, seeds_of, training_phases_of
from tgvac.methods.sampler import sampler_of, sampler_of_frames
from tgvac.params import Params
from tgvac.planning.captioning import blip2_sentence
from tgvac.planning.counts import Counts
from tgvac.planning.model_costs import ModelCosts
from tgvac.planning.reference import Costs
from tgvac.planning.segmenting import precision_of, segmenting
from tgvac.planning.work import Work
from tgvac.sampling.evaluations import calls

_METRICS = 11
"""Rows per frame: clip, lpips, clip_t, tc of completion and truth, iou; PSNR, SSIM and IoU of the hidden part, PSNR of
the visible one; warp error."""
_OF_DRAWS = 3
"""Further rows per frame of a method with several draws: hidden_psnr_best, hidden_psnr_mean and diversity."""
_ROW_BYTES = 40
"""Bytes of a row, in ``rows.parquet`` and again in its shard. Words are stored once per column, so numbers dominate."""

_EMBEDDING_BYTES = 3072
"""Bytes of an embedding of ViT-L/14; other networks' are no longer."""


def completion(params: Params, counts: Counts, models: ModelCosts, costs: Costs) -> Iterator[Work]:
    """One line per method and seed: windows, sampling steps, guidance, autoencoder and text."""
    for name in params.evaluation.methods:
        lengths = _lengths(params, counts, name)
        frames = sum(length * count for length, count in lengths.items())
        flops = sum(count * _one(params, models, name, length) for length, count in lengths.items())
        evaluations = sum(count * unet_evaluations(params, name, length) for length, count in lengths.items())
        # The items of a shard stay in scratch/.
        made = frames * params.methods[name].draws
        size = round(made * working_pixels(params) * (costs.disk.object + costs.disk.mask))
        what, seeds = name, seeds_of(name, params.evaluation.train_seeds, params.methods)
        for seed in seeds:
            what = f"{name} seed {seed}" if len(seeds) > 1 else name
            yield Work(
                *("completion", what, frames, "frames", flops, size, size),
                evaluations=evaluations,
                note=_painting(params, name),
                precision=_precision(params, name),
            )
            if method_of(name).mask_source == "tracked":
                yield _tracking(params, what, frames)
            if params.methods[name].caption == "visible":
                yield _describing(params, what, sum(lengths.values()))


def _precision(params: Params, name: str) -> str:
    """Of a method's sampling network, which is nearly all of its work."""
    method = method_of(name)
    sampled = method.training_phases and "completion" in method.params
    return (sampled and params.completion.precision) or "float32"


def _painting(params: Params, name: str) -> str:
    """What the estimate of a method that paints square after square leaves open."""
    if "progressive" not in method_of(name).params or params.methods[name].published is None:
        return ""
    return (
        f"at most, {params.progressive.iterations} squares a frame; with this scale's networks in place of"
        f" {params.methods[name].published}, and without what finds the whole object in a square"
    )


def _tracking(params: Params, what: str, frames: int) -> Work:
    """The masks of clips that are tracked from their first frame."""
    by = params.masks.first
    flops, note = segmenting(params.masks, "first", by)
    precision = precision_of(params.masks, by)
    return Work("completion", f"{what}: by {by}", frames, "masks", frames * flops, note=note, precision=precision)


def _describing(params: Params, what: str, clips: int) -> Work:
    """The sentences of what is seen, one a clip. Other captions cost nothing that counts."""
    each, block = blip2_sentence(params), params.captions.blip2
    note = "" if each is not None else f"{block.model}: shapes not known"
    return Work(
        "completion", f"{what}: by BLIP-2", clips, "images", clips * (each or 0), note=note, precision=block.dtype
    )


def metrics(params: Params, counts: Counts, models: ModelCosts) -> Iterator[Work]:
    """CLIP of each completed frame, and LPIPS between it and the ground truth, in each view.

    What CLIP makes of the truth is kept between methods, so each frame of the truth counts once. What LPIPS makes of it
    counts for each completion, since large scales do not keep it. Of several draws, the first is compared with the
    truth, and all with each other.
    """
    frames = between = rows = 0
    also, views = len(params.metrics.lpips_also), len(params.metrics.views)
    truth: dict[str, int] = {}
    for name in params.evaluation.methods:
        seeds, draws = seeds_of(name, params.evaluation.train_seeds, params.methods), params.methods[name].draws
        lengths = _frames(params, counts, name)
        truth |= {recipe: max(length, truth.get(recipe, 0)) for recipe, length in lengths.items()}
        mine = len(seeds) * sum(lengths.values())
        frames, between = frames + mine, between + mine * draws * (draws - 1) // 2
        rows += mine * (_METRICS + also + 2 * views + (_OF_DRAWS if draws > 1 else 0))
    lpips = models.lpips(params.metrics.lpips_net)
    others = sum(models.lpips(net) for net in params.metrics.lpips_also if net != params.metrics.lpips_net)
    # With framing.mode frame the headline's windows are whole frames, which are then not measured twice.
    looks = 1 + sum(view != "frame" or params.framing.mode != "frame" for view in params.metrics.views)
    kept = looks * sum(truth.values())
    images = looks * frames + kept
    flops = images * models.clip_image + frames * (looks * lpips + others) + between * lpips
    # The rows of each sample, and embeddings of the truth, stay in scratch/.
    scratch = rows * _ROW_BYTES + kept * _EMBEDDING_BYTES
    yield Work("metrics", "CLIP and LPIPS", frames, "frames", flops, rows * _ROW_BYTES, scratch)


def working_pixels(params: Params) -> int:
    """Pixels of a 16:9 frame at working resolution; other aspect ratios have more."""
    long = params.tracks.long_side
    return long * round(long * 9 / 16)


def _lengths(params: Params, counts: Counts, name: str) -> Counter[int]:
    """Number of clips of each length that a method completes."""
    return Counter(_frames(params, counts, name).values())


def _frames(params: Params, counts: Counts, name: str) -> dict[str, int]:
    """The frames of each clip that a method completes, by recipe."""
    method, evaluation = params.methods[name], params.evaluation
    return {r.recipe: frames_of(r, evaluation, method) for r in evaluated(counts.recipes, evaluation, method)}


def unet_evaluations(params: Params, name: str, frames: int) -> int:
    """How often a frame goes through the UNet to complete one clip: once a window, step and pass of guidance."""
    if not _samples(params, name) or params.methods[name].completions_of is not None:
        return 0
    return _completions(params, name) * sum(length * passes for length, passes in _calls(params, name, frames))


def _samples(params: Params, name: str) -> bool:
    """Whether a method samples by a UNet, be it trained here or published."""
    return bool(training_phases_of(name, params.methods)) or params.methods[name].published is not None


def _completions(params: Params, name: str) -> int:
    """How often a method completes a clip, at most: for each draw, and in it for each vote or painted square."""
    squares = params.progressive.iterations if "progressive" in method_of(name).params else 1
    return params.methods[name].draws * (params.methods[name].votes or 1) * squares


def _calls(params: Params, name: str, frames: int) -> list[tuple[int, int]]:
    """Each window of one clip that goes through the UNet: its length, and the passes of guidance."""
    of = sampler_of_frames if "image_encoder" in method_of(name).networks else sampler_of
    sampler = of(params.methods[name], params.sampler)
    text = params.variants[params.methods[name].trained].of(params.conditions).text
    return calls(frames, sampler, params.diffusion, text or sampler.unconditional != "text")


def _one(params: Params, models: ModelCosts, name: str, frames: int) -> int:
    """FLOPs of completing one clip."""
    networks = method_of(name).networks
    if not networks or params.methods[name].completions_of is not None:
        return 0
    if not _samples(params, name):
        return padded(frames, params) * (models.encode + models.decode)
    moves = params.methods[name].motion and "motion" in method_of(name).training_phases
    through = Counter(_calls(params, name, frames))
    sampling = 0
    for (length, passes), times in through.items():
        each = models.motion_forward(length) if moves else length * models.frame_forward
        sampling += times * passes * each
    around = padded(frames, params) * (2 * models.encode + models.decode)
    around += 2 * models.text if "text_encoder" in networks else 0
    # Pix2gestalt's encoder of frames is the image tower of such a CLIP.
    around += padded(frames, params) * models.clip_image if "image_encoder" in networks else 0
    return _completions(params, name) * (sampling + around)


def padded(frames: int, params: Params) -> int:
    """Number of images that the autoencoder sees for ``frames`` frames; its batches are always full."""
    batch = params.compute.vae_batch
    return -(-frames // batch) * batch
