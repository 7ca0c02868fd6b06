"""Join the shards of phase `tracks`: one index of all tracks, and the list of what was left out.

tracks/index.json       the tracks
tracks/rejected.csv     videos and objects without a track, and why
"""

from __future__ import annotations

from tgvac.errors import BadInput
from tgvac.shards import read_index, write_index
from tgvac.sources.faults import check_share
from tgvac.sources.params import SourcesParams
from tgvac.sources.rejected import REJECTED, Rejected, write_rejected
from tgvac.stage import Context


def join(ctx: Context, *, sources: SourcesParams) -> None:
    """Write both files.

    Raises:
        BadInput: when too many videos of a source have no track, or when an object has none and ``sources.faulty`` is
            ``refuse``.
    """
    entries = [entry for k in range(ctx.shards) for entry in read_index(ctx.shard_index(k)).values()]
    tracks = [entry for entry in entries if "rejected" not in entry.facts]
    rejected = sorted(
        Rejected(entry.id, number, reason)
        for entry in entries
        for number, reason in entry.facts.get("rejected", {}).items()
    )
    kept = {entry.facts["video"] for entry in tracks}
    videos = {entry.facts["video"] for entry in entries}
    for source in sorted({video.partition("/")[0] for video in videos}):
        lost = {r.video.partition("/")[2]: r.reason for r in rejected if r.source == source and r.video not in kept}
        check_share(sources, source, lost, sum(video.startswith(f"{source}/") for video in videos))
    if rejected and sources.faulty == "refuse":
        raise BadInput(
            f"Object {rejected[0].name} has no track ({len(rejected)} in total):"
            f" {rejected[0].reason.rstrip('.')}; or set sources.faulty to skip, which leaves it out."
        )
    write_index(ctx.out / "index.json", tracks)
    write_rejected(ctx.out / REJECTED, rejected)
    for each in rejected:
        print(f"{each.name} is left out: {each.reason}", flush=True)
