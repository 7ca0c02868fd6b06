"""``claims.csv``: each comparison of each claim in full precision, for programs, with its verdict."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from tgvac.report.basis import Basis
from tgvac.report.claims_table import what_of
from tgvac.report.paper import Paper
from tgvac.report.scores import p_outside
from tgvac.report.verdicts import Judged, Tested

COLUMNS = (
    *("claim", "section", "quote", "says", "published", "claim_verdict", "place"),
    *("comparison", "what", "kind", "better", "metric", "method", "other"),
    *("difference", "low", "high", "p", "smallest", "videos", "frames", "trainings", "of"),
    *("power", "decidable", "decided", "verdict", "why"),
)


def claims_csv(judged: Sequence[Judged], paper: Paper, basis: Basis) -> str:
    """A line for each comparison; a claim without comparisons has one line, whose fields of a comparison are empty.

    ``published`` is the verdict on the paper's own cells, empty where it needs a number that the paper does not print.
    ``p`` is of a difference no larger than the smallest one of interest. ``verdict`` is of the comparison, and
    ``claim_verdict`` of the whole claim. Missing values are empty.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for each in judged:
        claim = each.claim
        about = {
            **{"claim": claim.id, "section": claim.section, "quote": claim.quote, "says": claim.says},
            "published": claim.published(paper) or "",
            "claim_verdict": basis.word(each.verdict),
            "place": basis.place,
        }
        for tested in each.tested:
            writer.writerow(about | _fields(tested, basis))
        if not each.tested:
            writer.writerow(about | {"verdict": basis.word(each.verdict), "why": claim.untested or ""})
    return stream.getvalue()


def _fields(tested: Tested, basis: Basis) -> dict[str, str | int]:
    comparison, value = tested.comparison, tested.estimate
    pair = tested.pair
    return {
        "comparison": comparison.id,
        "what": what_of(tested),
        "kind": comparison.kind,
        "better": comparison.direction,
        "metric": tested.score.metric,
        "method": pair[0].name if pair else "",
        "other": pair[1].name if pair else "",
        **{"difference": _number(value.mean), "low": _number(value.low), "high": _number(value.high)},
        "p": _number(p_outside(value, tested.bound)),
        "smallest": _number(tested.bound),
        **{"videos": value.videos, "frames": value.frames, "trainings": value.trainings},
        "of": "" if math.isnan(value.mean) else value.of,
        "power": "" if tested.power is None else _number(tested.power),
        "decidable": _yes(tested.decidable),
        "decided": _yes(tested.decided),
        "verdict": basis.word(tested.verdict),
        "why": tested.why,
    }


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _yes(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"
