"""The votes on a scale's completions: ``reference/votes/<scale>.csv``, without those that are about others."""

from __future__ import annotations

from tgvac.clips.votes import completion_digest, read_votes, votes_file
from tgvac.completion.params import EvaluationParams
from tgvac.methods.registry import Methods
from tgvac.preference.params import ExcludeParams
from tgvac.report.preference import NO_VOTES, Preference, preference_of
from tgvac.report.samples import Outputs
from tgvac.stage import Context


def read_preference(ctx: Context, evaluation: EvaluationParams, methods: Methods, exclude: ExcludeParams) -> Preference:
    """The votes of a scale that are about the completions that it has now.

    Raises:
        BadInput: when the file of votes is damaged.
    """
    path = ctx.root / votes_file(ctx.scale)
    if not path.is_file():
        return NO_VOTES
    votes = read_votes(path)
    where = votes_file(ctx.scale)
    if votes.study.scale != ctx.scale:
        return Preference(f"{where} has votes on scale '{votes.study.scale}', not on this one.", NO_VOTES.lacks)
    if votes.study.origin != "people":
        return preference_of(votes, exclude, where=where)
    outputs = Outputs(ctx, evaluation, methods)
    others = {
        sample for (sample, method), digest in votes.digests().items() if digest != _digest(outputs, sample, method)
    }
    return preference_of(votes, exclude, others, where)


def _digest(outputs: Outputs, sample: str, method: str) -> str | None:
    rgb_FHW3 = outputs.read(method, sample)
    return None if rgb_FHW3 is None else completion_digest(rgb_FHW3)
