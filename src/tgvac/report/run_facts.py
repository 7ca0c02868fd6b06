"""The facts that the report lists about a run, first of all where its numbers come from."""

from __future__ import annotations

import json

from tgvac.completion.params import EvaluationParams
from tgvac.metrics.params import MetricsParams
from tgvac.report.basis import STANDINS, Basis
from tgvac.stage import Context
from tgvac.synthesis.account import read_account


def facts_of(
    ctx: Context, basis: Basis, metrics: MetricsParams, evaluation: EvaluationParams, start: str
) -> list[tuple[str, str]]:
    """The facts that the page lists about the run; nothing in them differs between equal runs."""
    origin = {**STANDINS, "pretrained": "pretrained weights"}
    path = ctx.results / "backbones" / "provenance.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    world = world_digest(ctx)
    named = [f"{key} {value}" for key, value in sorted(record.items()) if key != "origin"]
    made = read_account(ctx.results / "synthesis" / "account.json")
    leaks = f"AT RANDOM, by recipe: {made['shared_videos']} videos are on more than one side, so all scores here leak"
    return [
        ("Scale", ctx.scale),
        ("Synthesis", f"placement {made['placement']}, {made['edge']} edges"),
        ("Split", "by source video" if made["split_by"] == "video" else leaks),
        ("Digest of parameters and code", ctx.digest[:16]),
        ("Backbones", "; ".join([origin.get(str(record.get("origin")), "unknown origin"), *named])),
        ("Frame models start from", start or "the backbones' text-to-image network"),
        ("Sources of video", ", ".join(basis.sources)),
        *([("Digest of the world's generator", str(world))] if world else []),
        ("Measured on", _measured_on(evaluation)),
        ("Visible masks", evaluation.mask_source),
        ("Methods", ", ".join(evaluation.methods)),
        ("Training seeds", ", ".join(map(str, evaluation.train_seeds))),
        ("LPIPS network", metrics.lpips_net),
    ]


def world_digest(ctx: Context) -> str | None:
    """The digest of the world's generator, as the phase `sources` recorded it; None without a world."""
    manifest = ctx.results / "sources" / "manifest.json"
    return json.loads(manifest.read_text(encoding="utf-8")).get("world_digest") if manifest.is_file() else None


def _measured_on(evaluation: EvaluationParams) -> str:
    drawn = f"{evaluation.per_video} drawn from each source video" if evaluation.per_video else "all"
    return f"split '{evaluation.split}': {drawn} of its synthesized videos, their first {evaluation.frames} frames"
