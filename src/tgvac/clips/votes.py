"""Contract 5, the votes: what people preferred in a study, beside the rows.

    # tgvac-votes-1 {"study": …, "origin": "people", "scale": …, "methods": […], …}
    participant,level,number,kind,sample,video,difficulty,shown,choice,ms,times_shown

A vote is about the very completions that were shown, so ``shown`` has a digest beside each method, in the order in
which they stood on the page: ``ours/full=0123456789abcdef pix2gestalt/full=…``. Votes cannot be made again, so the
file is under version control. It has numbers of participants, never their codes or what they study.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tgvac.errors import BadInput
from tgvac.files import write_text

VOTES_FORMAT = "tgvac-votes-1"
Difficulty = Literal["easy", "hard"]
Level = Literal["graduate", "undergraduate"]
Origin = Literal["people", "synthetic"]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Name = Annotated[str, Field(pattern=r"^[^\s=,]+$")]
"""A method: no space, '=' or comma, which separate names in the file."""
Sample = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A sample or a video; control characters would end its line."""

_COLUMNS = (
    *("participant", "level", "number", "kind", "sample", "video", "difficulty"),
    *("shown", "choice", "ms", "times_shown"),
)


class VotedStudy(BaseModel):
    """The study that votes are from.

    Attributes:
        study: the id that its builder gave it.
        origin: ``synthetic`` votes were drawn by a program, to test this one; no table shows them.
        methods: what was compared, sorted.
        per_class: videos of each class.
        truth: whether the truth was shown beside the methods.
        hard_from: the mean occlusion rate from which a video is hard.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: Digest
    origin: Origin
    scale: str
    methods: tuple[Name, ...] = Field(min_length=2)
    per_class: int = Field(ge=1)
    truth: bool
    hard_from: float = Field(ge=0, le=1)


class Vote(BaseModel):
    """One choice of one participant.

    Attributes:
        participant: a number from 1.
        number: where the sample came in the participant's order, from 1.
        kind: ``check`` for an attention check: its right answer is the method ``truth``.
        sample, video, difficulty: the sample, its source video, and its class.
        shown: method and digest of what was shown, by position from left to right.
        choice: the chosen method.
        ms: milliseconds between the first frame and the choice, by a clock that only counts up.
        times_shown: 1, or more after the page was loaded again; then ``ms`` counts from the last time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    participant: int = Field(ge=1)
    level: Level
    number: int = Field(ge=1)
    kind: Literal["vote", "check"]
    sample: Sample
    video: Sample
    difficulty: Difficulty
    shown: tuple[tuple[Name, Digest], ...] = Field(min_length=2)
    choice: Name
    ms: int = Field(ge=0)
    times_shown: int = Field(ge=1)

    @property
    def position(self) -> int:
        """The place of the chosen video among the methods, from 0 on the left."""
        return [name for name, _ in self.shown].index(self.choice)


@dataclass(frozen=True)
class Votes:
    """A file of votes."""

    study: VotedStudy
    votes: tuple[Vote, ...]

    @property
    def people(self) -> set[int]:
        """The numbers of those who voted."""
        return {vote.participant for vote in self.votes}

    def digests(self) -> dict[tuple[str, str], str]:
        """The digest of each completion that was shown, by sample and method; attention checks have none."""
        return {
            (vote.sample, method): digest for vote in self.votes if vote.kind == "vote" for method, digest in vote.shown
        }


def votes_file(scale: str) -> str:
    """The file of a scale's votes, below the project's folder."""
    return f"reference/votes/{scale}.csv"


def completion_digest(rgb_FHW3: np.ndarray) -> str:
    """Sixteen digits that identify the pixels of a completion, ``uint8 [F,H,W,3]``."""
    shape = ",".join(map(str, rgb_FHW3.shape))
    return hashlib.sha256(shape.encode() + np.ascontiguousarray(rgb_FHW3).tobytes()).hexdigest()[:16]


def check_votes(votes: Votes, where: str) -> None:
    """Check what single rows cannot show.

    Raises:
        BadInput: a vote that is there twice, for a method that was not shown, or about other completions than the
            rest; it names ``where``.
    """
    seen: set[tuple[int, str, str]] = set()
    digests: dict[tuple[str, str], str] = {}
    facts: dict[str, tuple[str, str]] = {}
    levels: dict[int, str] = {}
    for vote in votes.votes:
        who = f"{where}: participant {vote.participant}, '{vote.sample}'"
        names = [name for name, _ in vote.shown]
        if len(set(names)) != len(names) or vote.choice not in names:
            raise BadInput(f"{who}: the choice '{vote.choice}' is not one of the shown {', '.join(names)}; remove it.")
        if vote.kind == "vote" and tuple(sorted(names)) != votes.study.methods:
            raise BadInput(
                f"{who}: shown were {', '.join(names)}, but the study compares {', '.join(votes.study.methods)}; remove"
                " the vote."
            )
        if (key := (vote.participant, vote.kind, vote.sample)) in seen:
            raise BadInput(f"{who} is there twice; keep the first vote.")
        seen.add(key)
        if levels.setdefault(vote.participant, vote.level) != vote.level:
            raise BadInput(f"{who}: the participant's level is '{vote.level}' here and another elsewhere; correct it.")
        if vote.kind == "check":
            continue
        if facts.setdefault(vote.sample, (vote.video, vote.difficulty)) != (vote.video, vote.difficulty):
            raise BadInput(f"{who}: its video or class is another elsewhere in the file; correct it.")
        for name, digest in vote.shown:
            if digests.setdefault((vote.sample, name), digest) != digest:
                raise BadInput(f"{who}: {name} has another digest elsewhere in the file; keep votes of one study.")


def write_votes(path: Path, votes: Votes) -> None:
    """Write votes, sorted by participant and order; the same votes give the same bytes.

    Raises:
        BadInput: as :func:`check_votes`.
    """
    check_votes(votes, str(path))
    stream = io.StringIO()
    head = json.dumps(votes.study.model_dump(mode="json"), sort_keys=True)
    stream.write(f"# {VOTES_FORMAT} {head}\n")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for vote in sorted(votes.votes, key=attrgetter("participant", "number", "kind", "sample")):
        row = vote.model_dump(mode="json")
        row["shown"] = " ".join(f"{name}={digest}" for name, digest in vote.shown)
        writer.writerow([row[column] for column in _COLUMNS])
    write_text(path, stream.getvalue())


def read_votes(path: Path) -> Votes:
    """Read votes, sorted as :func:`write_votes` has them.

    Raises:
        BadInput: when the file cannot be read, is of another format, or breaks the contract; it names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}); write it again by `tgvac study report`.") from None
    mark, _, head = (lines[0] if lines else "").removeprefix("# ").partition(" ")
    if mark != VOTES_FORMAT:
        raise BadInput(
            f"{path} is of format '{mark[:40]}', expected '{VOTES_FORMAT}' in its first line; write it again by"
            " `tgvac study report`."
        )
    try:
        study = VotedStudy.model_validate_json(head)
    except ValidationError as error:
        raise BadInput(f"{path}, line 1: {_said(error)}; write it again by `tgvac study report`.") from None
    reader = csv.DictReader(lines[1:])
    if tuple(reader.fieldnames or ()) != _COLUMNS:
        raise BadInput(f"{path}, line 2: the columns are not {','.join(_COLUMNS)}; correct them.")
    votes = Votes(study, tuple(_sorted(_vote(row, f"{path}, line {reader.line_num + 1}") for row in reader)))
    check_votes(votes, str(path))
    return votes


def _sorted(votes: Iterable[Vote]) -> list[Vote]:
    return sorted(votes, key=attrgetter("participant", "number", "kind", "sample"))


def _vote(row: dict[str, str], where: str) -> Vote:
    try:
        shown = [tuple(part.split("=")) for part in (row["shown"] or "").split(" ")]
        return Vote.model_validate({**row, "shown": shown})
    except ValidationError as error:
        raise BadInput(f"{where}: {_said(error)}; correct or remove the vote.") from None


def _said(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"'{'.'.join(map(str, first['loc'])) or 'the text'}' is wrong ({first['msg']})"
