"""``tgvac study static``: the study as a folder that opens without a server, and the files that it collects.

Each participant saves ``answers-<code>.json`` at the end; ``tgvac study collect`` puts them into the study's store by
the same rules as the server's. The folder has no name of a method, but whoever has it sees all codes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tgvac.errors import BadInput
from tgvac.files import write_text
from tgvac.folders import refuse_others, replacing
from tgvac.study.ballot import ballot, check_media, media_names, same_time, shown
from tgvac.study.desk import Cast, Desk, Form, Refused
from tgvac.study.page import SCRIPT, STYLE, index, web_file
from tgvac.study.plan import MEDIA, Study
from tgvac.study.store import Store, Unsaved

_DATA, _BOOKLETS = "study-data.js", "booklets"
_MOST_BYTES = 1_000_000


def write_static(study: Study, out: Path) -> int:
    """Write the folder; an earlier one is replaced.

    Returns:
        for how many participants it is.

    Raises:
        BadInput: when the folder has other files in it, or the study lacks a video.
    """
    refuse_others(out, "an earlier static study", lambda folder: (folder / _DATA).is_file())
    check_media(study)
    with Store(study) as store:
        people = store.participants()
    with replacing(out) as folder:
        (folder / MEDIA).mkdir(parents=True)
        for name in sorted(media_names(study)):
            shutil.copyfile(study.media / name, folder / MEDIA / name)
        write_text(folder / "index.html", index(study, static=True))
        for name in (SCRIPT, STYLE):
            write_text(folder / name, web_file(name))
        about = {"study": study.plan.study, "booklets": {}}
        write_text(folder / _DATA, f"window.TGVAC_STUDY = {_script(about)};\n")
        for each in people:
            trials = [shown(study, trial) for trial in ballot(study, each.number)]
            booklet = f"window.TGVAC_STUDY.booklets[{_script(each.code)}] = {_script(trials)};\n"
            write_text(folder / _BOOKLETS / f"{each.code}.js", booklet)
        same_time(folder)
    return len(people)


def _script(value: object) -> str:
    """A value as JavaScript; no text in it can end a script."""
    return json.dumps(value).replace("<", "\\u003c")


class _Vote(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    trial: str = Field(max_length=64)
    choice: str = Field(max_length=64)
    ms: float = Field(ge=0, allow_inf_nan=False)


class Answers(BaseModel):
    """A file that a participant saved."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal["tgvac-answers-1"]
    study: str
    code: str = Field(max_length=40)
    level: str
    field: str
    consent: Literal[True]
    votes: list[_Vote] = Field(max_length=1000)


@dataclass(frozen=True)
class Collected:
    """What became of some files.

    Attributes:
        new, known: votes that were recorded, and that were there already.
        refused: a sentence for each file or vote that was not taken.
    """

    new: int
    known: int
    refused: tuple[str, ...]


def answer_files(given: Sequence[Path]) -> list[Path]:
    """The files of some files and folders.

    Raises:
        BadInput: when there is none.
    """
    found = [file for path in given for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    if not found:
        raise BadInput(f"{', '.join(map(str, given))} has no .json file; give the files that participants saved.")
    return found


def collect(study: Study, files: Iterable[Path]) -> Collected:
    """Put files of answers into the store; a file that is bad costs no other one anything.

    Raises:
        BadInput: when the disk does not take a vote; those before it are kept.
    """
    new = known = 0
    refused: list[str] = []
    with Store(study) as store:
        desk = Desk(study, store)
        for path in files:
            try:
                answers = _read(path, study)
                form = Form.model_validate(answers.model_dump(include={"code", "level", "field", "consent"}))
                desk.who(form.code)
            except (Refused, ValidationError, BadInput) as error:
                refused.append(f"{path}: {_said(error)}")
                continue
            taken = []
            for number, vote in enumerate(answers.votes, 1):
                given = Cast(code=answers.code, trial=vote.trial, choice=vote.choice, ms=vote.ms)
                try:
                    desk.check(given, way="file")
                    taken.append((number, given))
                except Refused as error:
                    refused.append(f"{path}, vote {number}: {error}")
            if not taken:
                # Somebody else's file must not agree in the name of the code's owner.
                refused.append(f"{path}: it has no vote that can be taken, so its form is not kept either.")
                continue
            try:
                desk.agree(form)
                for number, given in taken:
                    try:
                        kept = desk.vote(given, way="file")
                    except Refused as error:
                        refused.append(f"{path}, vote {number}: {error}")
                        continue
                    new, known = new + (kept == "new"), known + (kept == "same")
            except Unsaved as error:
                raise BadInput(f"{path}: {error}") from None
    return Collected(new, known, tuple(refused))


def _read(path: Path, study: Study) -> Answers:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadInput(f"it has more than {_MOST_BYTES:,} bytes, which no file of answers has; leave it out.")
        answers = Answers.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(f"it cannot be read ({error.strerror}); give the file that the participant saved.") from None
    if answers.study != study.plan.study:
        raise BadInput(f"it is of study {answers.study[:16]}, not of {study.plan.study}; collect it there.")
    return answers


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        where = ".".join(map(str, error.errors()[0]["loc"]))
        what = f"'{where}' is not as it should be" if where else "it is cut off, or no file of answers"
        return f"{what}; ask the participant to save the answers again."
    return str(error)
