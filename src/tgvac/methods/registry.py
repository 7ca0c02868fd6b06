"""The methods: what each needs, how tables call it, and which file completes by it. No network is imported here.

The graph, the runner, the plan, the model card and the report ask this table, and nothing else knows what a method
needs. To add a method that is not trained, write one file with a function ``load`` and one entry here. To add a trained
one, add its training under ``variants`` in the params as well. A method with a variant, ``<method>/<variant>``, is a
key of the params' block ``methods``; a scale may add keys of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tgvac.config import nearest
from tgvac.errors import BadInput
from tgvac.methods.params import MethodParams

Methods = Mapping[str, MethodParams]
"""The block ``methods`` of the params: by ``<method>/<variant>``."""

Network = Literal["vae", "text_encoder", "image_encoder"]
"""A part of the folder of backbones."""

TrainingPhase = Literal["frame", "motion"]

Published = Literal["", "converted", "whole"]
"""Published weights that a method takes in place of a training: none; a folder that `tgvac convert` wrote; a model with
all its networks in diffusers' layout, a folder or a name on the hub."""

Given = Literal["input", "truth", "outputs"]
"""What a method completes from: frames, visible masks and text; the truth; or what another program made of them."""

EXTERNAL = "external"
"""The method whose outputs were made elsewhere."""


@dataclass(frozen=True)
class Method:
    """What a method is and needs.

    Attributes:
        module: the file that completes by it; ``load(setup, **params)`` there returns a ``Complete``.
        label: its name in tables; for a variant that is not in ``variants``, the variant's name is added.
        params: the blocks of params that decide its completions, besides its own entry of ``methods``; named as in
            :class:`tgvac.phase_spec.Phase`.
        networks: the frozen networks that it loads.
        training_phases: the phases that train its networks, in order; each starts from the one before. The network of
            the last one is loaded. Which training of a phase it is, ``trained`` of its params says.
        layout: the input channels of these networks (:mod:`tgvac.models.layouts`).
        variants: how tables call its variants.
        mask_source: where its visible masks are from, if not from where ``evaluation.mask_source`` says.
        local_weights: whether it loads weights that no phase made; samples of other weights are made again when the
            phase runs.
        published: what the ``published`` of its params names.
        given: what it completes from.
    """

    module: str
    label: str
    params: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    training_phases: tuple[TrainingPhase, ...] = ()
    layout: str = ""
    variants: Mapping[str, str] = field(default_factory=dict)
    mask_source: str = ""
    local_weights: bool = False
    published: Published = ""
    given: Given = "input"


_OURS = (
    *("framing", "diffusion", "conditions", "variants.{trained}", "motion_module", "sampler", "completion", "compute"),
)

REGISTRY: Mapping[str, Method] = {
    "ours": Method(
        module="tgvac.methods.ours",
        label="Ours",
        params=_OURS,
        networks=("vae", "text_encoder"),
        training_phases=("frame", "motion"),
        layout="frame_mask",
        variants={
            "full": "Ours",
            "no_motion": "Ours without motion",
            "full_pasted": "Ours, visible pixels pasted back",
            "no_motion_pasted": "Ours without motion, visible pixels pasted back",
            "no_mask": "Visible mask ✗, text prompt ✓",
            "no_text": "Visible mask ✓, text prompt ✗",
            "no_mask_g1": "Visible mask ✗, text prompt ✓, guidance 1",
            "no_text_g1": "Visible mask ✓, text prompt ✗, guidance 1",
            "full_g1": "Visible mask ✓, text prompt ✓, guidance 1",
            "start": "Visible mask ✓, text prompt ✓, before fine-tuning",
            "caption_category": "Ours, told the category alone",
            "caption_colours": "Ours, told the colours of what is seen",
            "caption_visible": "Ours, told what BLIP-2 says of what is seen",
            "caption_mismatched": "Ours, told of an object of another category",
            "noise1": "Ours, outline off by 1 pixel",
            "noise2": "Ours, outline off by 2 pixels",
            "noise4": "Ours, outline off by 4 pixels",
            "hop2": "o = 2",
            "hop4": "o = 4",
            "hop8": "o = 8",
            "hop14": "none (o = clip length)",
            "one_window": "One window over the whole video",
            "paper_settings": "o = 4, guidance 7.5 (the paper's own settings)",
        },
    ),
    "ours_tracked": Method(
        module="tgvac.methods.ours_tracked",
        label="Ours",
        params=(*_OURS, "masks"),
        networks=("vae", "text_encoder"),
        training_phases=("frame", "motion"),
        layout="frame_mask",
        variants={"mask": "Ours, from the first frame's mask", "box": "Ours, from a box in the first frame"},
        mask_source="tracked",
        local_weights=True,
    ),
    "pix2gestalt": Method(
        module="tgvac.methods.pix2gestalt",
        label="Pix2gestalt",
        params=("framing", "diffusion", "conditions", "variants.{trained}", "sampler", "completion", "compute"),
        networks=("vae", "image_encoder"),
        training_phases=("frame",),
        layout="frame_mask",
        variants={
            "full": "Pix2gestalt, stand-in",
            "full_pasted": "Pix2gestalt, stand-in, visible pixels pasted back",
            "same_noise": "Pix2gestalt, stand-in, the same noise in all frames",
            "published": "Pix2gestalt",
            "published_same_noise": "Pix2gestalt, the same noise in all frames",
        },
        local_weights=True,
        published="converted",
    ),
    "progressive": Method(
        module="tgvac.methods.progressive",
        label="ProgressiveAmodal",
        params=(*("diffusion", "conditions", "variants.{trained}", "sampler", "progressive", "masks.sam", "compute"),),
        networks=("vae", "text_encoder"),
        training_phases=("frame",),
        layout="inpaint",
        variants={
            "oracle": "ProgressiveAmodal, oracle occluder",
            "oracle_pasted": "ProgressiveAmodal, oracle occluder, visible pixels pasted back",
            "around": "ProgressiveAmodal, told no occluder",
            "outside": "ProgressiveAmodal, completing beyond the frame alone",
        },
        local_weights=True,
        published="whole",
    ),
    "copy_visible": Method(
        module="tgvac.methods.copy_visible",
        label="Copy the visible part (trivial baseline)",
        variants={
            **dict.fromkeys(("plain", "long"), "Copy the visible part (trivial baseline)"),
            "plain_pasted": "Copy the visible part, pasted back (trivial baseline)",
        },
    ),
    "temporal_copy": Method(
        module="tgvac.methods.temporal_copy",
        label="Copy from other frames (trivial baseline)",
        params=("trivial",),
        variants={"plain": "Copy from other frames (trivial baseline)"},
    ),
    "temporal_flow": Method(
        module="tgvac.methods.temporal_flow",
        label="Copy from other frames along optical flow (trivial baseline)",
        params=("trivial", "masks.dense_flow"),
        variants={"plain": "Copy from other frames along optical flow (trivial baseline)"},
    ),
    "telea": Method(
        module="tgvac.methods.telea",
        label="Telea's inpainting (trivial baseline)",
        params=("trivial",),
        variants={"plain": "Telea's inpainting (trivial baseline)"},
    ),
    "white": Method(
        module="tgvac.methods.white",
        label="White picture (trivial baseline)",
        variants={"plain": "White picture (trivial baseline)"},
    ),
    "truth": Method(module="tgvac.methods.truth", label="The truth", variants={"plain": "The truth"}, given="truth"),
    "mean_colour": Method(
        module="tgvac.methods.mean_colour",
        label="Fill with the mean colour (trivial baseline)",
        params=("trivial",),
        variants={"plain": "Fill with the mean colour (trivial baseline)"},
    ),
    "autoencoder": Method(
        module="tgvac.methods.autoencoder",
        label="Autoencoder ceiling",
        params=("framing", "completion", "compute"),
        networks=("vae",),
        variants={
            **dict.fromkeys(("ceiling", "ceiling_long"), "Autoencoder ceiling"),
            "ceiling_pasted": "Autoencoder ceiling, visible pixels pasted back",
        },
        given="truth",
    ),
    EXTERNAL: Method(module="tgvac.methods.external", label="Made elsewhere", given="outputs"),
}


def method_of(name: str) -> Method:
    """The method of ``<method>/<variant>``, or of a bare ``<method>``.

    Raises:
        BadInput: when there is none; names the nearest.
    """
    head = name.partition("/")[0]
    if head not in REGISTRY:
        raise BadInput(f"Method '{head}' is unknown; {nearest(head, list(REGISTRY))}")
    return REGISTRY[head]


def params_of(name: str, methods: Methods) -> MethodParams:
    """The params of ``<method>/<variant>``.

    Raises:
        BadInput: when ``methods`` has no such name; names the nearest.
    """
    if name not in methods:
        raise BadInput(f"Method '{name}' is unknown; {nearest(name, list(methods))}")
    return methods[name]


def mask_source_of(name: str, methods: Methods) -> str:
    """Where the visible masks of ``<method>/<variant>`` are from; "" for where ``evaluation.mask_source`` says."""
    return "noisy" if params_of(name, methods).mask_noise is not None else method_of(name).mask_source


def label_of(name: str) -> str:
    """How tables and pictures call ``<method>/<variant>``."""
    head, _, variant = name.partition("/")
    if head not in REGISTRY:
        return name
    method = REGISTRY[head]
    return method.variants.get(variant, f"{method.label}, {variant}")


def training_phases_of(name: str, methods: Methods) -> tuple[TrainingPhase, ...]:
    """The phases that train the networks of ``<method>/<variant>``, in order.

    None for a method that is not trained, or whose weights are published ones.
    """
    params = params_of(name, methods)
    if params.published is not None:
        return ()
    return tuple(phase for phase in method_of(name).training_phases if params.motion or phase != "motion")


def network_files(name: str, methods: Methods, seed: str) -> tuple[str, ...]:
    """The indices of the networks that ``<method>/<variant>`` loads, below ``results/<scale>/``.

    First that of the backbones, then that of its last training; none for a method without networks.
    """
    # Published weights have all networks with them.
    ours = params_of(name, methods).published is None
    files = ("backbones/index.json",) if method_of(name).networks and ours else ()
    variant = params_of(name, methods).trained
    return (*files, *(f"{phase}/{variant}/seed{seed}/index.json" for phase in training_phases_of(name, methods)[-1:]))


def seeds_of(name: str, train_seeds: tuple[int, ...], methods: Methods) -> tuple[int, ...]:
    """The training seeds that a method is run with: its own, or all of them, for a trained method, else the first."""
    if not training_phases_of(name, methods):
        return train_seeds[:1]
    return methods[name].seeds or train_seeds


def variants_trained(names: Iterable[str], phase: str, methods: Methods) -> tuple[str, ...]:
    """The variants that a phase trains for some methods, sorted."""
    return tuple(sorted({methods[name].trained for name in names if phase in training_phases_of(name, methods)}))


def trained_phases() -> tuple[TrainingPhase, ...]:
    """All phases that train a method's networks, in order."""
    return tuple(dict.fromkeys(phase for method in REGISTRY.values() for phase in method.training_phases))
