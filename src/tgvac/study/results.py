"""The results of a study as tables: shares, strengths, agreement, places, times, and who was left out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from tgvac.clips.votes import Vote, Votes
from tgvac.methods.registry import label_of
from tgvac.metrics.difficulty import Group
from tgvac.preference.agreement import agreement, position_bias
from tgvac.preference.luce import Strength, fit
from tgvac.preference.params import ExcludeParams
from tgvac.preference.screening import Screened, rules, screen
from tgvac.preference.shares import difference, share
from tgvac.report.scores import ENOUGH_VIDEOS, PREFERENCE, score_cell
from tgvac.report.tables import Cell, Column, Row, Table, missing

GROUPS: tuple[tuple[Group, str], ...] = (("easy", "Easy cases"), ("hard", "Hard cases"), ("all", "All videos"))
_NO_VOTE = "No vote on such a video counts."


def tables_of(votes: Votes, fields: Mapping[int, str], exclude: ExcludeParams, confidence: float) -> list[Table]:
    """All tables; also of synthetic votes, which say so above each table.

    Args:
        fields: what each participant studies.
    """
    screened = screen(votes, exclude)
    lead = "" if votes.study.origin == "people" else f"These votes are {votes.study.origin}: a test of this program."
    by_group = {group: [v for v in screened.votes if group in ("all", v.difficulty)] for group, _ in GROUPS}
    methods = votes.study.methods
    return [
        _shares(by_group, methods, confidence, lead, screened),
        _differences(by_group, methods, confidence, lead),
        _strengths(by_group, methods, confidence, lead),
        _agreement(by_group, methods, confidence, lead),
        _places(by_group, len(methods), lead),
        _times(by_group, lead),
        _participants(votes, screened, exclude, lead),
        _fields(screened, fields, lead),
    ]


Groups = dict[Group, list[Vote]]


def _columns(first: str) -> tuple[Column, ...]:
    return (Column(first, number=False), *(Column(heading) for _, heading in GROUPS))


def _shares(groups: Groups, methods: Sequence[str], confidence: float, lead: str, screened: Screened) -> Table:
    rows = []
    for name in methods:
        values = (share(groups[group], name, confidence) for group, _ in GROUPS)
        rows.append(Row((Cell(label_of(name)), *(score_cell(v, PREFERENCE, _NO_VOTE) for v in values))))
    rows.append(Row((Cell("Votes (source videos)"), *(_count(groups[group]) for group, _ in GROUPS))))
    return Table(
        "shares",
        "Shares of votes",
        _columns("Method"),
        tuple(rows),
        lead,
        (
            f"{len(screened.levels)} participants count. Intervals of {confidence * 100:g} % are clustered by"
            f" participant and by source video. Chance is {1 / len(methods):.2f}.",
        ),
    )


def _count(votes: Sequence[Vote]) -> Cell:
    return Cell(f"{len(votes):,}", f"({len({vote.video for vote in votes}):,})")


def _differences(groups: Groups, methods: Sequence[str], confidence: float, lead: str) -> Table:
    rows = []
    for i, a in enumerate(methods):
        for b in methods[i + 1 :]:
            values = (difference(groups[group], a, b, confidence) for group, _ in GROUPS)
            cells = (score_cell(v, PREFERENCE, _NO_VOTE, signed=True) for v in values)
            rows.append(Row((Cell(f"{label_of(a)} − {label_of(b)}"), *cells)))
    remark = f"Fewer than {ENOUGH_VIDEOS} source videos are too few for a verdict, whatever the interval."
    return Table("differences", "Differences of shares", _columns("Methods"), tuple(rows), lead, (remark,))


def _strengths(groups: Groups, methods: Sequence[str], confidence: float, lead: str) -> Table:
    fitted = {group: fit(votes, methods, confidence) if votes else None for group, votes in groups.items()}
    rows = []
    for name in methods:
        cells = (_strength(f.methods[name]) if (f := fitted[group]) else missing(_NO_VOTE) for group, _ in GROUPS)
        rows.append(Row((Cell(label_of(name)), *cells), "Methods"))
    for place in range(len(methods)):
        cells = (_strength(f.places[place]) if (f := fitted[group]) else missing(_NO_VOTE) for group, _ in GROUPS)
        rows.append(Row((Cell(f"Method {place + 1}"), *cells), "Places on the page"))
    return Table(
        "strengths",
        "Strengths in Luce's choice model",
        _columns("Of"),
        tuple(rows),
        lead,
        (
            "A method is chosen in proportion to its strength and to that of its place. Strengths add up to 1; that of"
            " a method is its share of choices if places did not matter. Intervals are clustered by participant and by"
            " source video.",
        ),
    )


def _strength(of: Strength) -> Cell:
    if math.isnan(of.low):
        return Cell(f"{of.share:.2f}", "[–]", ("A single participant or source video gives no interval.",))
    return Cell(f"{of.share:.2f}", f"[{of.low:.2f}, {of.high:.2f}]")


def _agreement(groups: Groups, methods: Sequence[str], confidence: float, lead: str) -> Table:
    found = {group: agreement(votes, methods, confidence, group) for group, votes in groups.items()}
    why = "It needs votes of two participants on a video, and not all for one method."

    def cell(value: float, low: float = math.nan, high: float = math.nan) -> Cell:
        if math.isnan(value):
            return missing(why)
        return Cell(f"{value:.2f}", "" if math.isnan(low) else f"[{low:.2f}, {high:.2f}]")

    rows = (
        Row((Cell("Pairs of participants that agree"), *(cell(found[group].pairs) for group, _ in GROUPS))),
        Row(
            (
                Cell("Fleiss' kappa"),
                *(cell(found[group].kappa, found[group].low, found[group].high) for group, _ in GROUPS),
            )
        ),
    )
    remark = "Kappa is agreement beyond chance: 1 is full, 0 is none. Its interval comes from drawing videos."
    return Table("agreement", "Agreement between participants", _columns("Measure"), rows, lead, (remark,))


def _places(groups: Groups, count: int, lead: str) -> Table:
    biases = {group: position_bias(votes) if votes else None for group, votes in groups.items()}
    rows = []
    for place in range(count):
        cells = (Cell(f"{b.counts[place]:,}") if (b := biases[group]) else missing(_NO_VOTE) for group, _ in GROUPS)
        rows.append(Row((Cell(f"Votes for Method {place + 1}"), *cells)))
    cells = (Cell(_p(b.p)) if (b := biases[group]) else missing(_NO_VOTE) for group, _ in GROUPS)
    rows.append(Row((Cell("p, if places do not matter"), *cells)))
    remark = (
        "Orders were drawn anew for each video and participant, so without a bias all places get as many votes. A p"
        " below 0.05 is a sign of bias; strengths in Luce's model allow for it."
    )
    return Table("places", "Votes by place on the page", _columns("Place"), tuple(rows), lead, (remark,))


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


def _times(groups: Groups, lead: str) -> Table:
    rows = []
    for label, pick in (("First quarter", 0.25), ("Median", 0.5), ("Third quarter", 0.75)):
        cells = []
        for group, _ in GROUPS:
            seconds = sorted(vote.ms / 1000 for vote in groups[group])
            at = seconds[min(len(seconds) - 1, int(pick * len(seconds)))] if seconds else math.nan
            cells.append(missing(_NO_VOTE) if math.isnan(at) else Cell(f"{at:.1f}"))
        rows.append(Row((Cell(label), *cells)))
    again = (
        Cell(f"{sum(vote.times_shown > 1 for vote in groups[group]):,}") if groups[group] else missing(_NO_VOTE)
        for group, _ in GROUPS
    )
    rows.append(Row((Cell("Choices after the page was loaded again"), *again)))
    remark = "Seconds from the first frame to the choice, by the page's own clock, which only counts up."
    return Table("times", "Time per choice", _columns("Seconds"), tuple(rows), lead, (remark,))


def _participants(votes: Votes, screened: Screened, exclude: ExcludeParams, lead: str) -> Table:
    rows = []
    for person in sorted({vote.participant for vote in votes.votes}):
        mine = [vote for vote in votes.votes if vote.participant == person]
        cast = [vote for vote in mine if vote.kind == "vote"]
        places = Counter(vote.position + 1 for vote in cast)
        middle = f"{median(vote.ms for vote in cast) / 1000:.1f}" if cast else "–"
        rows.append(
            Row(
                (
                    Cell(str(person)),
                    Cell(mine[0].level),
                    Cell(str(len(cast))),
                    Cell(middle),
                    Cell(" ".join(str(places[k]) for k in range(1, len(votes.study.methods) + 1))),
                    Cell(screened.excluded.get(person, "counts")),
                )
            )
        )
    levels = Counter(screened.levels.values())
    columns = (
        Column("Participant"),
        Column("Level", number=False),
        Column("Votes"),
        Column("Median seconds"),
        Column("Votes by place", number=False),
        Column("Whether the votes count", number=False, prose=True),
    )
    remarks = (
        f"{levels['graduate']} graduate and {levels['undergraduate']} undergraduate students count (the paper: 8 and"
        f" 12). Participants are left out if {'; '.join(rules(exclude))}.",
    )
    return Table("participants", "Participants", columns, tuple(rows), lead, remarks)


def _fields(screened: Screened, fields: Mapping[int, str], lead: str) -> Table:
    """What the participants that count study, in their own words."""
    found = Counter((fields[person].casefold(), level) for person, level in screened.levels.items())
    rows = []
    for field in sorted({field for field, _ in found}):
        counts = (Cell(str(found[field, level])) for level in ("graduate", "undergraduate"))
        # In quotation marks, so that no program takes what somebody typed for a formula.
        rows.append(Row((Cell(f"“{field}”"), *counts)))
    columns = (Column("What participants study", number=False), Column("Graduate"), Column("Undergraduate"))
    return Table("fields", "Fields of study", columns, tuple(rows), lead)
