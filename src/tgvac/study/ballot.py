"""What each participant sees: the order of videos and of methods, drawn anew, under blinded names."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tgvac.errors import BadInput
from tgvac.seeds import rng
from tgvac.study.plan import INPUT, TRUTH, Item, Study

MEDIA_TIME = 946_684_800
"""The time of change of all files that browsers get, the first second of 2000: their own would tell the order in which
they were written."""


def same_time(folder: Path) -> None:
    """Give all files of a folder one time of change."""
    for path in folder.rglob("*"):
        os.utime(path, (MEDIA_TIME, MEDIA_TIME))


@dataclass(frozen=True)
class Trial:
    """One page of one participant.

    Attributes:
        number: its place in the participant's order, from 1.
        token: names the trial to the browser; no other participant has it.
        order: what is compared, from left to right.
        choices: the token of each, in that order.
    """

    item: Item
    number: int
    token: str
    order: tuple[str, ...]
    choices: tuple[str, ...]

    def chosen(self, token: str) -> str | None:
        """The name behind the token of a choice, or None."""
        return dict(zip(self.choices, self.order, strict=True)).get(token)


def blinded(study: Study, *names: str | int) -> str:
    """A name that says nothing to who lacks the study's secret; 24 hexadecimal digits."""
    text = "\x1f".join(f"{type(name).__name__}:{name}" for name in names)
    return hmac.new(study.secret, text.encode(), sha256).hexdigest()[:24]


def media_name(study: Study, item: Item, layer: str) -> str:
    """The file of an item's layer; the truth among the answers of a check is another file than the shown one."""
    return f"{blinded(study, 'file', item.key, layer)}.mp4"


def media_names(study: Study) -> set[str]:
    """All files that browsers may get."""
    return {media_name(study, item, layer) for item in study.plan.items for layer in study.plan.layers(item)}


def check_media(study: Study) -> None:
    """Refuse a study of which a video is missing.

    Raises:
        BadInput: with how many there are.
    """
    lost = sorted(name for name in media_names(study) if not (study.media / name).is_file())
    if lost:
        raise BadInput(f"{study.media} lacks {len(lost)} videos, such as {lost[0]}; copy the study's folder again.")


def ballot(study: Study, participant: int) -> list[Trial]:
    """All trials of a participant, in order.

    Both orders are uniform permutations: that of the videos one a participant, that of the methods one a video and
    participant. They are drawn from the secret, so that a page tells nothing about another one.
    """
    secret = study.secret.hex()
    items = study.plan.items
    order = rng("study", secret, "videos", participant).permutation(len(items))
    return [_trial(study, participant, items[i], number) for number, i in enumerate(order, 1)]


def _trial(study: Study, participant: int, item: Item, number: int) -> Trial:
    names = sorted(item.digests)
    places = rng("study", study.secret.hex(), "places", participant, item.key).permutation(len(names))
    order = tuple(names[i] for i in places)
    return Trial(
        item,
        number,
        blinded(study, "trial", participant, item.key),
        order,
        tuple(blinded(study, "choice", participant, item.key, name) for name in order),
    )


def shown(study: Study, trial: Trial) -> dict[str, Any]:
    """A trial as the browser gets it: no name of a method, of a sample or of a class."""

    def file(layer: str) -> str:
        return f"media/{media_name(study, trial.item, layer)}"

    return {
        "trial": trial.token,
        "number": trial.number,
        "of": len(study.plan.items),
        "frames": trial.item.frames,
        "fps": study.plan.fps,
        "width": trial.item.width,
        "height": trial.item.height,
        "input": file(INPUT),
        "truth": file(f"shown-{TRUTH}") if study.plan.truth else None,
        "methods": [
            {"choice": token, "video": file(name)} for token, name in zip(trial.choices, trial.order, strict=True)
        ],
    }


def by_token(trials: list[Trial]) -> dict[str, Trial]:
    """Trials by the token that the browser knows."""
    return {trial.token: trial for trial in trials}
