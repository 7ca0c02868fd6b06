"""The rules of a study, whatever brings the votes: who may vote, on what, and what is said to who may not."""

from __future__ import annotations

import unicodedata
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tgvac.clips.votes import Level
from tgvac.study.ballot import Trial, ballot, by_token, shown
from tgvac.study.plan import Study
from tgvac.study.store import Kept, Participant, Store, Way

DAY_MS = 24 * 3600 * 1000
LONGEST_FIELD = 80


class Refused(Exception):
    """Something that a participant, or a program, may not do; the message is for the page.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Entry(BaseModel):
    """A participant comes, or comes back."""

    model_config = ConfigDict(extra="forbid", strict=True)

    code: str = Field(max_length=40)


class Form(Entry):
    """What participants say of themselves; no more is asked."""

    level: Level
    field: str = Field(max_length=LONGEST_FIELD)
    consent: Literal[True]

    @field_validator("field")
    @classmethod
    def _plain(cls, text: str) -> str:
        """Without control characters, and with single spaces."""
        shown = "".join(" " if unicodedata.category(c).startswith("C") else c for c in text)
        if not (found := " ".join(shown.split())):
            raise ValueError("fill in what you study")
        return found


class Cast(Entry):
    """A choice for a video."""

    trial: str = Field(max_length=64)
    choice: str = Field(max_length=64)
    ms: float = Field(ge=0, allow_inf_nan=False)


_WRONG = {
    "code": "This code is not known; check it, or ask the study's staff.",
    "level": "Say whether you are an undergraduate or a graduate student.",
    "field": f"Say what you study, in at most {LONGEST_FIELD} characters.",
    "consent": "Tick the box if you agree; without that you cannot take part.",
}


def plainly(error: ValidationError) -> str:
    """What is wrong with something that was sent, in words for a participant."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "request"
    return _WRONG.get(where, f"The {where} is not as it should be; reload the page.")


class Desk:
    """Takes votes for a study."""

    def __init__(self, study: Study, store: Store) -> None:
        self._study, self._store = study, store
        self._ballots: dict[int, list[Trial]] = {}

    def who(self, code: str) -> Participant:
        """The participant of a code.

        Raises:
            Refused: when nobody has it.
        """
        found = self._store.find(code)
        if found is None:
            raise Refused("This code is not known; check it, or ask the study's staff.", 403)
        return found

    def trials(self, participant: int) -> list[Trial]:
        """A participant's trials, in order."""
        if participant not in self._ballots:
            self._ballots[participant] = ballot(self._study, participant)
        return self._ballots[participant]

    def state(self, code: str) -> dict[str, Any]:
        """What a participant sees next; a trial counts as shown from now on."""
        who = self.who(code)
        trials = self.trials(who.number)
        if who.level is None:
            return {"stage": "form", "code": who.code, "of": len(trials)}
        voted = self._store.voted(who.number)
        left = [trial for trial in trials if trial.item.key not in voted]
        if not left:
            return {"stage": "end", "code": who.code, "of": len(trials)}
        self._store.show(who.number, left[0].item.key)
        done = len(trials) - len(left)
        return {"stage": "vote", "code": who.code, "of": len(trials), "done": done, **shown(self._study, left[0])}

    def fill_in(self, form: Form) -> dict[str, Any]:
        """Keep the form of a participant, and go on."""
        self.agree(form)
        return self.state(form.code)

    def agree(self, form: Form) -> None:
        """Keep the form of a participant, and show nothing."""
        self._store.consent(self.who(form.code).number, form.level, form.field)

    def vote(self, given: Cast, way: Way = "server") -> Kept:
        """Record a choice; repeated, it changes nothing.

        Raises:
            Refused: with the reason.
            Unsaved: when the disk does not take it.
        """
        who = self.who(given.code)
        if who.level is None:
            raise Refused("Fill in the form before you vote.", 409)
        trial, choice = self.check(given, way)
        times = self._store.times_shown(who.number, trial.item.key)
        if not times and way == "server":
            raise Refused("This video has not been shown to you yet; reload the page.", 409)
        ms = min(round(given.ms), DAY_MS)
        kept = self._store.vote(who.number, trial.item.key, choice, ms, max(times, 1), way)
        if kept == "other" and way == "file":
            raise Refused("there is another vote on this video already, and the first choice counts.")
        if kept == "other":
            raise Refused("You have voted on this video already, and the first choice counts; reload the page.", 409)
        return kept

    def check(self, given: Cast, way: Way) -> tuple[Trial, str]:
        """The trial of a vote and the name of its choice; nothing is recorded.

        Raises:
            Refused: in words for the participant, or, of a file, for the staff.
        """
        trial = by_token(self.trials(self.who(given.code).number)).get(given.trial)
        if trial is None:
            raise Refused(
                "This vote is for a video that is not in your study; reload the page."
                if way == "server"
                else f"it is for a video that the participant of code {given.code} does not have; ask whose file it is."
            )
        choice = trial.chosen(given.choice)
        if choice is None:
            raise Refused(
                "This choice is none of the videos that were shown; reload the page."
                if way == "server"
                else "its choice is none of the videos that were shown; ask for the file as it was saved."
            )
        return trial, choice
