"""The whole tree of parameters, joined from the packages that read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from tgvac import config
from tgvac.captions.params import CaptionsParams
from tgvac.card.params import DatasetParams
from tgvac.clips.framing import FramingParams
from tgvac.completion.params import EvaluationParams
from tgvac.config import Block
from tgvac.errors import BadInput
from tgvac.fetch.params import FetchParams
from tgvac.latents.params import LatentsParams
from tgvac.masks.params import MasksParams
from tgvac.methods.checks import (
    SAMPLED,
    check_captioner,
    check_given,
    check_image_encoder,
    check_sampled,
    check_stand_in,
    with_keys_of_raw,
)
from tgvac.methods.params import CompletionParams, MethodParams, TrivialParams
from tgvac.methods.registry import REGISTRY, seeds_of, training_phases_of
from tgvac.metrics.params import MetricsParams
from tgvac.models.backbones_params import BackbonesParams
from tgvac.models.layouts import LAYOUTS
from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams, VariantParams
from tgvac.preference.params import StudyParams
from tgvac.progressive.params import ProgressiveParams
from tgvac.report.params import ReportParams
from tgvac.sampling.params import SamplerParams, check_sampling
from tgvac.scales import load_tree
from tgvac.sources.params import SourcesParams, TracksParams
from tgvac.synthesis.params import SelectParams, SynthesisParams
from tgvac.training.params import FrameModelParams, TrainingParams
from tgvac.training.run_params import CheckpointParams, SamplesParams


class ShardsParams(Block):
    """Numbers of shards; file names contain them."""

    data: int = Field(ge=1, le=999)
    evaluation: int = Field(ge=1, le=999)


class Params(Block):
    """The whole tree, one block for each phase or part that phases share."""

    sources: SourcesParams
    fetch: FetchParams
    tracks: TracksParams
    masks: MasksParams
    select: SelectParams
    synthesis: SynthesisParams
    captions: CaptionsParams
    dataset: DatasetParams
    framing: FramingParams
    backbones: BackbonesParams
    diffusion: DiffusionParams
    conditions: ConditionsParams
    variants: dict[str, VariantParams]
    frame: TrainingParams
    motion: TrainingParams
    frame_model: FrameModelParams
    motion_module: MotionModuleParams
    sampler: SamplerParams
    completion: CompletionParams
    methods: dict[str, MethodParams]
    trivial: TrivialParams
    progressive: ProgressiveParams
    evaluation: EvaluationParams
    metrics: MetricsParams
    study: StudyParams
    report: ReportParams
    latents: LatentsParams
    checkpoints: CheckpointParams
    samples: SamplesParams
    compute: ComputeParams
    shards: ShardsParams

    @model_validator(mode="after")
    def _blocks_agree(self) -> Self:
        """Check what no block can check by itself, before anything is trained."""
        longest = max(self.motion.clip_frames, self.sampler.clip_frames)
        if longest > self.motion_module.max_frames:
            raise ValueError(
                f"motion_module.max_frames {self.motion_module.max_frames} is less than a clip of {longest} frames"
            )
        if (self.frame.clip_frames, self.frame.frame_step) != (1, 1):
            raise ValueError(
                "frame.clip_frames and frame.frame_step must be 1: the frame model is trained on single frames"
            )
        if self.motion.pairs_share != 0:
            raise ValueError(f"motion.pairs_share is {self.motion.pairs_share}, but pairs of images have no motion")
        if self.frame.pairs_share > 0 and not self.sources.pairs:
            raise ValueError(f"frame.pairs_share is {self.frame.pairs_share}, but sources.pairs is empty")
        self._check_sizes()
        if self.sampler.unconditional == "text_and_image" and self.conditions.drop_both == 0:
            raise ValueError(
                "sampler.unconditional is text_and_image, but conditions.drop_both is 0: training never drops both"
            )
        check_sampling(self.sampler, self.diffusion)
        watched = self.sampler.model_copy(update={"steps": self.samples.sampling_steps, "eta": 0.0})
        if self.samples.every:
            check_sampling(watched, self.diffusion, "samples.sampling_steps")
        if "train" not in self.latents.splits:
            raise ValueError("latents.splits lacks 'train', which training reads")
        for key in ("methods", "train_seeds"):
            values = getattr(self.evaluation, key)
            if len(set(values)) != len(values):
                raise ValueError(f"evaluation.{key} has a value twice: {values}")
        for name in self.evaluation.methods:
            if name not in self.methods:
                raise ValueError(
                    f"evaluation.methods has the unknown method '{name}'; {config.nearest(name, list(self.methods))}"
                )
        for name in self.variants:
            self._check_variant(name)
        for name in self.methods:
            self._check_method(name)
        return self

    @property
    def baseline_variants(self) -> list[str]:
        """The variants that are trained to stand in for a baseline's network, sorted."""
        return sorted(
            name
            for name, each in self.variants.items()
            if not each.of(self.conditions).of_the_paper and each.steps_of("frame") != 0
        )

    def trainings(self, phase: str) -> list[tuple[str, int]]:
        """Each variant and seed that a phase trains, sorted: for the methods that are evaluated, and as their start."""
        found: set[tuple[str, int]] = set()
        for name in self.evaluation.methods:
            if phase in training_phases_of(name, self.methods):
                seeds = seeds_of(name, self.evaluation.train_seeds, self.methods)
                variant: str | None = self.methods[name].trained
                while variant is not None:
                    found.update((variant, seed) for seed in seeds)
                    variant = self.variants[variant].after if phase == "frame" else None
        return sorted(found)

    def _check_variant(self, name: str) -> None:
        """Check that a variant's start is there, and that the cache of latents has what it is trained on."""
        self._check_after(name)
        conditions = self.variants[name].of(self.conditions)
        if self.variants[name].steps_of("frame") == 0:
            return  # left as it starts, so it reads no latents
        if LAYOUTS[conditions.layout].has_holes and not self.latents.holes:
            raise ValueError(f"variants.{name} fills holes, but latents.holes is 0, so none are encoded; set it to 1")
        if conditions.attends == "image" and not self.latents.images:
            raise ValueError(f"variants.{name} attends to the image, but latents.images is false; set it to true")
        if conditions.attends == "image" and self.backbones.origin == "train" and not self.backbones.image_steps:
            raise ValueError(
                f"variants.{name} attends to the image, but backbones.image_steps is 0, so none is embedded"
            )

    def _check_after(self, name: str) -> None:
        chain = [name]
        while (before := self.variants[chain[-1]].after) is not None:
            if before not in self.variants:
                hint = config.nearest(before, list(self.variants))
                raise ValueError(f"variants.{chain[-1]}.after is '{before}', which is not in 'variants'; {hint}")
            if self.variants[chain[-1]].start is not None:
                raise ValueError(f"variants.{chain[-1]} has start and after; it can start from one of them alone")
            if before in chain:
                raise ValueError(f"variants start after one another in a circle: {' after '.join([*chain, before])}")
            chain.append(before)
            mine, theirs = (self.variants[v].of(self.conditions).layout for v in chain[-2:])
            if mine != theirs:
                raise ValueError(
                    f"variants.{chain[-2]} starts after '{before}', but has the layout '{mine}' where that has"
                    f" '{theirs}'"
                )

    def _check_method(self, name: str) -> None:
        method, (kind, _, variant) = self.methods[name], name.partition("/")
        if kind not in REGISTRY:
            hint = config.nearest(kind, list(REGISTRY))
            raise ValueError(f"methods has '{name}', but no method is called '{kind}'; {hint}")
        if (method.outputs is not None) != (REGISTRY[kind].given == "outputs"):
            made = "needs it, a folder of outputs" if method.outputs is None else "completes by itself"
            raise ValueError(f"methods.{name}.outputs is {method.outputs!r}, but '{kind}' {made}")
        if method.paste is not None and REGISTRY[kind].mask_source:
            raise ValueError(
                f"methods.{name}.paste is set, but the method's masks are {REGISTRY[kind].mask_source}, and pasting"
                " would take the exact ones"
            )
        if not re.fullmatch(r"[a-z0-9_]+", variant):
            raise ValueError(f"methods has '{name}'; write <method>/<variant> in lower case, digits and underscores")
        if method.trained not in self.variants:
            hint = config.nearest(method.trained, list(self.variants))
            raise ValueError(f"methods.{name}.trained is '{method.trained}', which is not in 'variants'; {hint}")
        conditions = self.variants[method.trained].of(self.conditions)
        # A row is known by its name alone, so that must say who tells the occluders.
        if kind == "progressive" and variant.partition("_")[0] != method.occluders:
            raise ValueError(
                f"methods.{name}.occluders is '{method.occluders}'; call such a method progressive/<occluders>, as"
                " progressive/oracle with occluders oracle"
            )
        if kind != "progressive" and method.occluders is not None:
            raise ValueError(f"methods.{name}.occluders is set, but the method is not told them, so it does nothing")
        if training_phases_of(name, self.methods):
            layout, wanted = conditions.layout, REGISTRY[kind].layout
            if layout != wanted:
                raise ValueError(
                    f"methods.{name} loads networks of the layout '{wanted}', but variants.{method.trained} is trained"
                    f" with '{layout}'"
                )
        elif method.published is not None:
            if not REGISTRY[kind].published:
                raise ValueError(f"methods.{name}.published is set, but no published weights of '{kind}' are known")
        elif given := [key for key in SAMPLED if getattr(method, key) is not None]:
            raise ValueError(f"methods.{name}.{given[0]} is set, but the method is not trained, so it does nothing")
        elif method.draws > 1:
            raise ValueError(f"methods.{name}.draws is {method.draws}, but all completions of such a method are equal")
        check_given(name, REGISTRY[kind], method, conditions)
        if method.votes is not None and kind != "pix2gestalt":
            raise ValueError(f"methods.{name}.votes is set, but only pix2gestalt's mask is a vote of samples")
        if name not in self.evaluation.methods:
            return
        if method.completions_of is not None and method.completions_of not in self.evaluation.methods:
            raise ValueError(
                f"methods.{name}.completions_of is '{method.completions_of}', which evaluation.methods does not list;"
                " add it there"
            )
        if odd := set(method.seeds or ()) - set(self.evaluation.train_seeds):
            raise ValueError(f"methods.{name}.seeds has {min(odd)}, which is not in evaluation.train_seeds")
        window, longest = self.sampler.clip_frames, self.motion_module.max_frames
        if method.stride is not None and method.stride > window:
            raise ValueError(f"methods.{name}.stride {method.stride} is more than sampler.clip_frames {window}")
        if training_phases_of(name, self.methods) or method.published is not None:
            check_sampled(name, REGISTRY[kind], method, conditions, self.sampler, self.diffusion)
        if training_phases_of(name, self.methods):
            check_stand_in(name, method, self.variants[method.trained], self.backbones)
            if "image_encoder" in REGISTRY[kind].networks:
                check_image_encoder(name, self.backbones)
        check_captioner(name, method, self.captions.order)
        frames = self.evaluation.long.frames if method.clips == "long" else self.evaluation.frames
        if method.one_window and method.motion and frames > longest:
            raise ValueError(f"methods.{name} sees {frames} frames at once, but motion_module.max_frames is {longest}")

    def _check_sizes(self) -> None:
        """Check that the levels and patches of the stand-ins divide the image size."""
        if self.backbones.origin != "train":
            return
        shapes, size = self.backbones.standin, self.framing.size
        # The autoencoder halves twice, the UNet once a level.
        for what, divisor in (("latents", 4 * 2 ** (len(shapes.unet_channels) - 1)), ("patches", shapes.clip_patch)):
            if size % divisor:
                raise ValueError(
                    f"framing.size {size} does not fit the stand-ins' {what}: it must be a multiple of {divisor}"
                )


def load_params(root: Path, scale: str) -> Params:
    """The typed params of a scale, from ``params.yaml`` and ``workflow/scales/`` below the project's folder."""
    scales = root / "workflow" / "scales"
    if not (root / "params.yaml").is_file():
        raise BadInput(f"{root} has no params.yaml; run this in the project's folder (the top of the clone).")
    tree = load_tree(root / "params.yaml", scales, scale)
    origin = f"params.yaml with {scales.relative_to(root)}/{scale}.yaml"
    return config.parse(Params, {**tree, "methods": _with_keys_of_raw(tree.get("methods"), origin)}, origin)


def _with_keys_of_raw(methods: Any, origin: str) -> Any:
    """The block ``methods``, in which those that are pasted have the keys of what they paste."""
    if not isinstance(methods, Mapping):
        return methods
    try:
        return {name: with_keys_of_raw(name, methods) for name in methods}
    except ValueError as error:
        raise BadInput(f"{origin}: {error}.") from None
