"""User preference as the tables ask for it: shares of the votes that count, or why there are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

from tgvac.clips.votes import Vote, VotedStudy, Votes
from tgvac.metrics.aggregate import Estimate
from tgvac.metrics.difficulty import Group
from tgvac.preference.params import ExcludeParams
from tgvac.preference.screening import Screened, rules, screen
from tgvac.preference.shares import NOTHING, difference, share

NOT_ASKED = "The study did not compare it."
NO_VOTE = "No vote on such a video counts."
_PAPER = "the paper: 20 students, 8 of them graduates, on 10 easy and 10 hard videos"


@dataclass(frozen=True)
class Preference:
    """The votes of a study.

    Attributes:
        why: why the column is empty, as a sentence; "" if there are votes.
        lacks: the same in a few words, for a claim.
        said: sentences on which votes there are, for below a table.
    """

    why: str
    lacks: str = "votes of people"
    study: VotedStudy | None = None
    screened: Screened | None = None
    said: tuple[str, ...] = ()

    def votes(self, group: Group = "all") -> list[Vote]:
        """The votes that count, on videos of a class."""
        every = self.screened.votes if self.screened and not self.why else ()
        return [vote for vote in every if group in ("all", vote.difficulty)]

    def compares(self, *methods: str) -> bool:
        """Whether the study showed all of these methods."""
        return self.study is not None and set(methods) <= set(self.study.methods)

    def share(self, method: str, group: Group, confidence: float) -> Estimate:
        """The share of a method on videos of a class; ``frames`` counts votes."""
        return share(self.votes(group), method, confidence) if self.compares(method) else NOTHING

    def difference(self, a: str, b: str, group: Group, confidence: float) -> Estimate:
        """The share of one method minus that of another."""
        return difference(self.votes(group), a, b, confidence) if self.compares(a, b) else NOTHING


NO_VOTES = Preference("No votes of people yet; `tgvac study` collects them (docs/user-study.md).")


def preference_of(
    votes: Votes, exclude: ExcludeParams, others: Collection[str] = (), where: str = "the file"
) -> Preference:
    """The preference in votes.

    Args:
        others: samples whose completions are no longer those that were shown; votes on them do not count.
        where: the file, for sentences.
    """
    if votes.study.origin != "people":
        return Preference(
            f"{where} has {votes.study.origin} votes, which no table shows.", "votes of people, only synthetic ones"
        )
    # The rules look at everything that a participant did, also at votes that no longer count.
    screened = screen(votes, exclude)
    kept = tuple(vote for vote in screened.votes if vote.sample not in others)
    if not votes.votes:
        return Preference(f"{where} has no votes yet.")
    if not screened.votes:
        return Preference(f"The rules of exclusion leave none of the votes of {where}.", "votes of people that count")
    if not kept:
        return Preference(
            f"All votes of {where} are about other completions than this run's; ask people again.",
            "votes of people on this run's completions",
        )
    left_out = len(screened.votes) - len(kept)
    screened = replace(screened, votes=kept)
    return Preference("", "", votes.study, screened, _said(votes.study, screened, exclude, left_out))


def _said(study: VotedStudy, screened: Screened, exclude: ExcludeParams, left_out: int) -> tuple[str, ...]:
    levels = Counter(screened.levels.values())
    videos = {name: len({v.sample for v in screened.votes if v.difficulty == name}) for name in ("easy", "hard")}
    people = ", ".join(f"{levels[name]} {name}" for name in ("graduate", "undergraduate"))
    out = [
        f"User preference: shares of {len(screened.votes):,} votes by {len(screened.levels)} students ({people}) on"
        f" {videos['easy']} easy and {videos['hard']} hard videos ({_PAPER}), with intervals clustered by participant"
        f" and by video. Chance is {1 / len(study.methods):.2f}. A video is hard from a mean occlusion of"
        f" {study.hard_from * 100:g} % on. The truth was {'shown' if study.truth else 'hidden'}. Participants are left"
        f" out if {'; '.join(rules(exclude))}: {len(screened.excluded)} here."
    ]
    if left_out:
        out.append(f"{left_out:,} votes are about other completions than this run's and do not count.")
    return tuple(out)
