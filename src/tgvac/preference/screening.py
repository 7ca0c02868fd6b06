"""Whose votes count: participants are left out by stated rules, never by what they preferred."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from tgvac.clips.votes import Vote, Votes
from tgvac.preference.params import ExcludeParams


@dataclass(frozen=True)
class Screened:
    """Votes that count, without attention checks.

    Attributes:
        excluded: why, by participant.
        levels: of those whose votes count, by participant.
    """

    votes: tuple[Vote, ...]
    excluded: Mapping[int, str]
    levels: Mapping[int, str]


def screen(votes: Votes, exclude: ExcludeParams) -> Screened:
    """Leave participants out; the first rule that holds is the reason."""
    by_person: dict[int, list[Vote]] = defaultdict(list)
    for vote in votes.votes:
        by_person[vote.participant].append(vote)
    excluded = {}
    for person, mine in by_person.items():
        reason = _reason(mine, 2 * votes.study.per_class, exclude)
        if reason:
            excluded[person] = reason
    kept = tuple(v for v in votes.votes if v.kind == "vote" and v.participant not in excluded)
    return Screened(kept, excluded, {v.participant: v.level for v in kept})


def rules(exclude: ExcludeParams) -> list[str]:
    """The rules in words, as they stand beside the results."""
    found = ["not all videos are voted on"] if exclude.unfinished else []
    return [
        *found,
        f"more than {exclude.checks_failed * 100:g} % of the attention checks are wrong",
        f"the median choice took less than {exclude.fastest:g} seconds",
        f"all of {exclude.same_position} or more votes are for the same place on the page",
    ]


def _reason(mine: list[Vote], of: int, exclude: ExcludeParams) -> str:
    votes = [vote for vote in mine if vote.kind == "vote"]
    checks = [vote for vote in mine if vote.kind == "check"]
    wrong = sum(vote.choice != "truth" for vote in checks)
    if not votes:
        return "no vote on a video"
    if exclude.unfinished and len(votes) < of:
        return f"unfinished: {len(votes)} of {of} videos"
    if checks and wrong > exclude.checks_failed * len(checks):
        return f"{wrong} of {len(checks)} attention checks are wrong"
    if (middle := median(vote.ms for vote in votes) / 1000) < exclude.fastest:
        return f"the median choice took {middle:.1f} seconds"
    if len(votes) >= exclude.same_position and len({vote.position for vote in votes}) == 1:
        return f"all {len(votes)} votes are for place {votes[0].position + 1}"
    return ""
