"""A study as it is kept on the server: ``study.json``, the key to what the blinded files show.

study/<scale>/study.json       this plan: samples, methods, digests
study/<scale>/secret           the key of blinded names and of the shuffles
study/<scale>/media/<name>.mp4 what browsers get, under blinded names
study/<scale>/votes.sqlite     participants and votes
study/<scale>/codes.csv        the participants' codes, to give away
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from tgvac.clips.votes import Difficulty, Digest, Name, Origin, Sample, VotedStudy
from tgvac.config import Record
from tgvac.errors import BadInput

PLAN, SECRET, MEDIA, STORE, CODES, TOKEN, REPORT = (
    *("study.json", "secret", "media", "votes.sqlite", "codes.csv"),
    *("token", "report"),
)
INPUT, TRUTH = "input", "truth"
"""Names of what is shown beside the methods; no method of the registry has them, since those have a slash."""
MOST_METHODS = 8


class Item(Record):
    """What participants vote on once.

    Attributes:
        key: the sample; of an attention check, ``check-<n>``.
        video: the source video.
        rate: mean occlusion rate over the frames that have the object.
        height, width: of its files, in pixels.
        digests: of what stands among the methods, by name.
    """

    key: Sample
    kind: Literal["vote", "check"]
    sample: Sample
    video: Sample
    difficulty: Difficulty
    rate: float = Field(ge=0, le=1)
    frames: int = Field(ge=1)
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    digests: dict[Name, Digest]


class Plan(Record):
    """A study.

    Attributes:
        study: its id, drawn when it was built.
        origin: ``synthetic`` for studies in which programs vote, whose votes no table shows.
        seed: the name from which samples were drawn.
        outline: whether a line marks the object's visible part in the input.
        fps: frames per second of the files.
        contact: whom participants may ask; "" for nobody.
    """

    format: Literal["tgvac-study-1"] = "tgvac-study-1"
    study: Digest
    origin: Origin
    scale: str
    seed: str
    methods: tuple[Name, ...] = Field(min_length=3, max_length=MOST_METHODS)
    per_class: int = Field(ge=1)
    truth: bool
    outline: bool = False  # studies of earlier versions have no line
    hard_from: float
    fps: int = Field(ge=1)
    contact: str
    items: tuple[Item, ...]

    @property
    def voted(self) -> VotedStudy:
        """What the votes' own file says of the study."""
        return VotedStudy(
            study=self.study,
            origin=self.origin,
            scale=self.scale,
            methods=tuple(sorted(self.methods)),
            per_class=self.per_class,
            truth=self.truth,
            hard_from=self.hard_from,
        )

    def layers(self, item: Item) -> Iterator[str]:
        """The names of an item's files: the input, the truth if it is shown, and what is compared."""
        yield INPUT
        # In a check, the truth stands among the answers, so it has a file of its own anyhow.
        if self.truth:
            yield f"shown-{TRUTH}"
        yield from item.digests


@dataclass(frozen=True)
class Study:
    """A plan with its folder and its secret."""

    folder: Path
    plan: Plan
    secret: bytes

    @property
    def media(self) -> Path:
        return self.folder / MEDIA

    @property
    def store(self) -> Path:
        return self.folder / STORE


def new_secret(folder: Path) -> bytes:
    """Write a new secret that only its owner can read."""
    secret = secrets.token_bytes(32)
    path = folder / SECRET
    path.touch(mode=0o600)
    path.write_text(secret.hex(), encoding="ascii")
    return secret


def open_study(folder: Path) -> Study:
    """Read a study.

    Raises:
        BadInput: when the folder is none, or a file of it is damaged or missing.
    """
    path = folder / PLAN
    try:
        there = path.is_file()
        for each in (path, folder / SECRET):
            if each.is_file():
                each.open("rb").close()
    except PermissionError as error:
        raise BadInput(f"{error.filename} cannot be read; give your user the right to read {folder}.") from None
    if not there:
        raise BadInput(f"{folder} has no {PLAN}; give the folder that `tgvac study build` made, by --study.")
    try:
        plan = Plan.model_validate_json(path.read_text(encoding="utf-8"))
        secret = bytes.fromhex((folder / SECRET).read_text(encoding="ascii"))
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(
            f"{path} is no study of format tgvac-study-1 ('{'.'.join(map(str, first['loc']))}' is missing or wrong);"
            " restore it from a copy, or build the study again."
        ) from None
    except (OSError, ValueError):
        raise BadInput(
            f"{folder / SECRET} is missing or damaged, so nobody can tell which file shows what; restore it from a"
            " copy."
        ) from None
    if len(secret) != 32:
        raise BadInput(f"{folder / SECRET} is cut off; restore it from a copy.")
    return Study(folder, plan, secret)
