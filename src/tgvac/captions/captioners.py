"""Captioners: they return the caption of an object, or the reasons why there is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tgvac.captions.looks import Look
from tgvac.captions.params import CaptionsParams
from tgvac.captions.sentences import clean, tidy
from tgvac.clips.captions import Caption

Describe = Callable[[np.ndarray], str]
"""Returns a model's raw caption of an image ``uint8 [S,S,3]``, possibly empty."""


@dataclass(frozen=True)
class Subject:
    """An object to caption.

    Attributes:
        track: its id in the captions table.
        captions: captions from the source.
        category: "" if unknown, as for pairs.
        look: returns the image to describe, or the reason why there is none.
    """

    track: str
    captions: Sequence[str]
    category: str
    look: Callable[[], Look | str]


@dataclass(frozen=True)
class Rejected:
    """An object without a caption."""

    track: str
    reason: str


def given(subject: Subject) -> str:
    """The first caption that is not empty from the source, or ""."""
    return next((c for c in subject.captions if c.strip()), "")


def template(params: CaptionsParams, subject: Subject) -> str:
    """The template with the category, or "" without a category; "a" becomes "an" before a vowel."""
    if not subject.category:
        return ""
    text = params.template.format(category=subject.category)
    return re.sub(r"\b([Aa]) (?=[aeiouAEIOU])", r"\1n ", text)


def is_looked_at(params: CaptionsParams, subject: Subject) -> bool:
    """Whether the model has to describe the subject, because no captioner before it has a caption."""
    for name in params.order:
        if name == "blip2":
            return True
        if clean(given(subject) if name == "given" else template(params, subject)):
            return False
    return False


def caption(params: CaptionsParams, subject: Subject, describe: Describe) -> Caption | Rejected:
    """The caption of the first captioner in the order that has one."""
    reasons = []
    for name in params.order:
        if name == "blip2":
            look = subject.look()
            if isinstance(look, str):
                reasons.append(look)
                continue
            raw = describe(look.image_SS3)
            if text := tidy(raw, params.blip2.drop):
                model = f"{params.blip2.model}@{params.blip2.revision}"
                return Caption(track=subject.track, captioner=name, raw=raw, text=text, frame=look.frame, model=model)
            reasons.append(f"the model gives no caption for frame {look.frame}")
            continue
        raw = given(subject) if name == "given" else template(params, subject)
        if text := clean(raw):
            return Caption(track=subject.track, captioner=name, raw=raw, text=text)
        reasons.append("the source gives no caption" if name == "given" else "there is no category for the template")
    return Rejected(subject.track, "; ".join(reasons))
