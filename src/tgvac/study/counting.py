"""From a study's store to the contract of votes."""

from __future__ import annotations

import shutil
from pathlib import Path

from tgvac.clips.votes import Vote, Votes, read_votes, votes_file, write_votes
from tgvac.errors import BadInput
from tgvac.study.ballot import ballot
from tgvac.study.plan import REPORT, Study
from tgvac.study.store import Store


def votes_of(study: Study, store: Store) -> Votes:
    """All votes of a study, with what stood in which place; codes and fields of study stay in the store."""
    levels = {each.number: each.level for each in store.participants()}
    trials = {number: {trial.item.key: trial for trial in ballot(study, number)} for number in levels}
    votes = []
    for each in store.votes():
        level, trial = levels.get(each.participant), trials.get(each.participant, {}).get(each.item)
        if level is None or trial is None:
            raise BadInput(
                f"{study.store} has a vote of participant {each.participant} on '{each.item}', whom or which the study"
                " does not have; restore the folder from a copy."
            )
        votes.append(
            Vote(
                participant=each.participant,
                level=level,
                number=trial.number,
                kind=trial.item.kind,
                sample=trial.item.sample,
                video=trial.item.video,
                difficulty=trial.item.difficulty,
                shown=tuple((name, trial.item.digests[name]) for name in trial.order),
                choice=each.choice,
                ms=each.ms,
                times_shown=each.times_shown,
            )
        )
    return Votes(study.plan.voted, tuple(votes))


def written(root: Path, study: Study) -> list[Path]:
    """The files that have votes of this study: of its report, and for the tables of the project at ``root``."""
    found = [path for path in (study.folder / REPORT / "votes.csv",) if path.is_file()]
    published = root / votes_file(study.plan.scale)
    if published.is_file() and read_votes(published).study.study == study.plan.study:
        found.append(published)
    return found


def withdraw(root: Path, study: Study) -> list[Path]:
    """Delete the report of a study whose votes are all deleted, and the votes that tables show; returns what was."""
    paths = written(root, study)
    for path in paths:
        path.unlink()
    shutil.rmtree(study.folder / REPORT, ignore_errors=True)
    return paths


def publish(votes: Votes, root: Path) -> Path:
    """Write votes where the tables find them, under version control.

    Raises:
        BadInput: for synthetic votes, and where the votes of another study are already.
    """
    path = root / votes_file(votes.study.scale)
    if votes.study.origin != "people":
        raise BadInput(f"These votes are {votes.study.origin}, so no table may show them; {path} is not written.")
    if path.is_file() and (other := read_votes(path).study.study) != votes.study.study:
        raise BadInput(
            f"{path} has the votes of another study, {other}, which cannot be made again; move that file elsewhere"
            " first."
        )
    write_votes(path, votes)
    return path
