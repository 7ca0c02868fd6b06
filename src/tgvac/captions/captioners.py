"""Captioners: an object in, a sentence out, or the reasons why there is none."""

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
"""A model's sentence on a picture ``uint8 [S,S,3]``, as it was generated; possibly empty."""


@dataclass(frozen=True)
class Subject:
    """An object that wants a sentence.

    Attributes:
        track: its id in the captions table.
        captions: sentences that the source gives.
        category: "" where none is known, as of pairs.
        look: the picture to describe, or the reason why there is none.
    """

    track: str
    captions: Sequence[str]
    category: str
    look: Callable[[], Look | str]


@dataclass(frozen=True)
class Rejected:
    """An object without a sentence."""

    track: str
    reason: str


def given(subject: Subject) -> str:
    """The source's own first sentence, or ""."""
    return next((c for c in subject.captions if c.strip()), "")


def template(params: CaptionsParams, subject: Subject) -> str:
    """The category in a sentence, or "" without one; "a" becomes "an" before a vowel."""
    if not subject.category:
        return ""
    text = params.template.format(category=subject.category)
    return re.sub(r"\b([Aa]) (?=[aeiouAEIOU])", r"\1n ", text)


def is_looked_at(params: CaptionsParams, subject: Subject) -> bool:
    """Whether a picture of the subject is to be described: no captioner before the model has a sentence."""
    for name in params.order:
        if name == "blip2":
            return True
        if clean(given(subject) if name == "given" else template(params, subject)):
            return False
    return False


def caption(params: CaptionsParams, subject: Subject, describe: Describe) -> Caption | Rejected:
    """The first sentence that a captioner of the order has."""
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
            reasons.append(f"the model says nothing of frame {look.frame}")
            continue
        raw = given(subject) if name == "given" else template(params, subject)
        if text := clean(raw):
            return Caption(track=subject.track, captioner=name, raw=raw, text=text)
        reasons.append("the source gives no sentence" if name == "given" else "no category fills the template")
    return Rejected(subject.track, "; ".join(reasons))
