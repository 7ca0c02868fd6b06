"""Captioners: a track in, a sentence out, or none."""

from __future__ import annotations

import re

from tgvac.captions.params import CaptionsParams
from tgvac.clip.captions import Caption
from tgvac.clip.pair_clips import PairClips
from tgvac.clip.track import TrackMeta
from tgvac.errors import BadInput


def given(params: CaptionsParams, meta: TrackMeta) -> str:
    """The source's own first sentence, or ""."""
    return next((c for c in meta.captions if c.strip()), "")


def template(params: CaptionsParams, meta: TrackMeta) -> str:
    """The category in a sentence; "a" becomes "an" before a vowel."""
    text = params.template.format(category=meta.category)
    return re.sub(r"\b([Aa]) (?=[aeiouAEIOU])", r"\1n ", text)


CAPTIONERS = {"given": given, "template": template}


def clean(text: str) -> str:
    """One line, single spaces, no closing full stop."""
    return " ".join(text.split()).rstrip(". ")


def pair_caption(params: CaptionsParams, pairs: PairClips, sample: str) -> Caption | None:
    """The source's own sentence on a pair, if it has one: a pair has no category that a template could name."""
    raw = pairs.caption(sample) if "given" in params.order else ""
    text = clean(raw)
    return Caption(track=f"{sample}/1", captioner="given", raw=raw, text=text) if text else None


def caption(params: CaptionsParams, meta: TrackMeta) -> Caption:
    """The first sentence that a captioner of the order has.

    Raises:
        BadInput: when none has any.
    """
    for name in params.order:
        raw = CAPTIONERS[name](params, meta)
        if text := clean(raw):
            return Caption(track=meta.track, captioner=name, raw=raw, text=text)
    raise BadInput(
        f"{meta.track} has an empty text from every captioner of captions.order ({', '.join(params.order)});"
        " give it a caption, or add 'template' to the order."
    )
