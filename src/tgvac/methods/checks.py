"""Checks of methods that sample: their network, their guidance, and their sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tgvac.config import nearest
from tgvac.methods.params import MethodParams
from tgvac.methods.registry import Method
from tgvac.methods.sampler import sampler_of, sampler_of_frames
from tgvac.models.backbones_params import BackbonesParams
from tgvac.models.params import ConditionsParams, DiffusionParams, VariantParams
from tgvac.sampling.params import SamplerParams, check_sampling

SAMPLED = (
    *("steps", "guidance", "stride", "seeds", "solver", "eta", "unconditional", "overlap", "guided_levels", "weights"),
    *("ends", "same_noise", "votes"),
)
"""Keys that do nothing for a method that does not sample."""
_SHIPPED = "standins/"


def with_keys_of_raw(name: str, methods: Mapping[str, Any]) -> Any:
    """A method's entry; one with ``completions_of`` gets the other keys of the method that it names.

    Args:
        methods: the block as it was read, before its types are checked.

    Raises:
        ValueError: when it names no method whose completions can be pasted, or has a key besides ``paste``.
    """
    entry = methods[name]
    raw = entry.get("completions_of") if isinstance(entry, Mapping) else None
    if raw is None:
        return entry
    of = f"methods.{name}.completions_of is '{raw}'"
    if raw not in methods:
        raise ValueError(f"{of}, which is not in 'methods'; {nearest(str(raw), list(methods))}")
    if raw.partition("/")[0] != name.partition("/")[0]:
        raise ValueError(f"{of}, another method; name one of '{name.partition('/')[0]}'")
    given, own = methods[raw] or {}, {key for key, value in entry.items() if value is not None}
    if given.get("completions_of") is not None or given.get("paste") is not None:
        raise ValueError(f"{of}, which is pasted itself; name the method that paints")
    if odd := sorted(own - {"completions_of", "paste"}):
        raise ValueError(f"methods.{name}.{odd[0]} is set, but all keys but paste are those of '{raw}'; remove it")
    if "paste" not in own:
        raise ValueError(f"{of}, but paste is not set, so nothing differs; set methods.{name}.paste")
    return {**given, **entry}


def check_sampled(
    name: str,
    kind: Method,
    method: MethodParams,
    conditions: ConditionsParams,
    sampler: SamplerParams,
    diffusion: DiffusionParams,
) -> None:
    """Refuse a method whose sampler cannot sample, or whose guidance leaves out what its training never dropped.

    Args:
        conditions: those of the training whose network it loads.
        sampler: the block of the params.

    Raises:
        ValueError: with the method, the key and its value.
    """
    embeds = "image_encoder" in kind.networks
    if (conditions.attends == "image") != embeds:
        raise ValueError(
            f"methods.{name} loads variants.{method.trained}, which attends to the {conditions.attends}; name another"
            " variant in 'trained'"
        )
    try:
        own = sampler_of_frames(method, sampler) if embeds else sampler_of(method, sampler)
    except ValueError as error:
        raise ValueError(f"methods.{name} cannot sample: {error}") from None
    check_sampling(own, diffusion, f"methods.{name}.steps")
    dropped = conditions.drop_both if own.unconditional == "text_and_image" else conditions.drop_text
    if own.guidance != 1 and dropped == 0 and (embeds or method.unconditional is not None):
        key = "drop_both" if own.unconditional == "text_and_image" else "drop_text"
        raise ValueError(
            f"methods.{name} is guided away from '{own.unconditional}', but {key} of variants.{method.trained} is 0, so"
            " its training never went without; set unconditional to what was dropped"
        )


def check_given(name: str, kind: Method, method: MethodParams, conditions: ConditionsParams) -> None:
    """Refuse other sentences or masks of a method that reads none, or makes its own.

    Args:
        conditions: those of the training whose network it loads.

    Raises:
        ValueError: with the method, the key and its value.
    """
    reads_text = "text_encoder" in kind.networks and conditions.text
    if method.caption is not None and not reads_text:
        raise ValueError(
            f"methods.{name}.caption is {method.caption}, but the method reads no text, so it does nothing"
        )
    if method.mask_noise is not None and kind.given != "input":
        raise ValueError(
            f"methods.{name}.mask_noise is {method.mask_noise:g}, but the method is not given the visible masks"
        )
    if method.mask_noise is not None and kind.mask_source:
        raise ValueError(
            f"methods.{name}.mask_noise is {method.mask_noise:g}, but the method's masks are {kind.mask_source}"
        )


def check_captioner(name: str, method: MethodParams, order: Sequence[str]) -> None:
    """Refuse a method that needs BLIP-2 at a scale that has none.

    Args:
        order: the captioners of the scale.

    Raises:
        ValueError: with the method, and what to do.
    """
    if method.caption == "visible" and "blip2" not in order:
        raise ValueError(
            f"methods.{name}.caption is visible, which BLIP-2 describes, but captions.order is {list(order)}; take"
            " ours/caption_colours, which needs no model, or add blip2 to captions.order"
        )


def check_stand_in(name: str, method: MethodParams, variant: VariantParams, backbones: BackbonesParams) -> None:
    """Refuse a shipped stand-in that is used as it is beside networks that it was not trained with.

    Raises:
        ValueError: with the method and the origin of the backbones.
    """
    if variant.steps_of("frame") == 0 and (variant.start or "").startswith(_SHIPPED) and backbones.origin != "shipped":
        raise ValueError(
            f"methods.{name} samples {variant.start} as it is, which fits the shipped backbones alone, but"
            f" backbones.origin is {backbones.origin}; make that shipped, or train variants.{method.trained}"
        )


def check_image_encoder(name: str, backbones: BackbonesParams) -> None:
    """Refuse a method that embeds frames where no image encoder is made.

    Raises:
        ValueError: with the method and the origin of the backbones.
    """
    if backbones.origin == "pretrained" or (backbones.origin == "train" and not backbones.image_steps):
        raise ValueError(
            f"methods.{name} embeds frames, but backbones of origin {backbones.origin} have no image encoder; set"
            " 'published', or backbones.image_steps where stand-ins are trained"
        )
