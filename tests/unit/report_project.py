"""A tiny project with everything that the report reads, written by the real code."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np

from tgvac.clips.archive import zip_writing
from tgvac.clips.captions import Caption, write_captions
from tgvac.clips.completion import Completion, CompletionMeta, add_completion
from tgvac.clips.geometry import FrameGeometry
from tgvac.clips.images import encode_png
from tgvac.clips.recipe import Placement, Recipe, write_recipes
from tgvac.clips.rows import Row, write_rows
from tgvac.clips.tables import write_table
from tgvac.clips.track import TrackMeta, file_stem, write_track
from tgvac.completion.params import EvaluationParams, LongParams
from tgvac.files import sha256, write_json, write_text
from tgvac.masks.join_quality import _COLUMNS as _QUALITY_COLUMNS
from tgvac.masks.join_quality import QUALITY_FORMAT
from tgvac.masks.params import DenseFlowParams
from tgvac.methods.params import MethodParams
from tgvac.metrics.params import MetricsParams
from tgvac.models.params import VariantParams
from tgvac.params import load_params
from tgvac.report import report_stage
from tgvac.report.params import ReportParams
from tgvac.report.scores import SCORES
from tgvac.shards import Entry, write_index
from tgvac.stage import Context
from tgvac.synthesis.account import account
from tgvac.synthesis.clips import recipe_clips
from tgvac.synthesis.select_stage import _TRACK_COLUMNS, TRACKS_FORMAT
from tgvac.synthesis.synthesis_stage import _OCCLUSION_COLUMNS, OCCLUSION_FORMAT
from tgvac.training.params import FrameModelParams

PROJECT = Path(__file__).resolve().parents[2]
HEIGHT, WIDTH, FRAMES, CLIP_FRAMES, EVALUATED = 24, 32, 10, 8, 6
QUALITY = (
    *("ours/full", "ours/no_motion", "copy_visible/plain", "temporal_copy/plain", "mean_colour/plain"),
    "autoencoder/ceiling",
)
STREAMS = ("ours/no_mask", "ours/no_text", "ours/no_mask_g1", "ours/no_text_g1", "ours/full_g1")
LONG = (
    *("ours/hop2", "ours/hop4", "ours/hop8", "ours/hop14", "ours/one_window"),
    *("copy_visible/long", "autoencoder/ceiling_long"),
)
METHODS = (*QUALITY, *STREAMS, *LONG)
METHOD_PARAMS = {
    name: MethodParams(motion=name != "ours/no_motion", clips="long" if name in LONG else "short") for name in METHODS
}
UNMEASURED = "ours/hop8"
"""Evaluated, but without rows."""
OVERLAPS = (
    {"iou_raw": 0.5, "iou_refined": 0.7, "verdicts": '{"ok": 9, "jump": 1}'},
    {"iou_raw": 0.7, "iou_refined": 0.8, "verdicts": '{"ok": 10}'},
)
NASTY = '<script>alert("x")</script> & a | fish'
SMOKE = load_params(PROJECT, "smoke")
REPORT = ReportParams(
    strips=2,
    strip_frames=4,
    fps=8,
    zoom=2,
    sheet=3,
    sheet_columns=2,
    sheet_side=48,
    listed=60,
    smallest=SMOKE.report.smallest,
)
FLOW = DenseFlowParams(preset="medium", finest_scale=0)
METRICS = MetricsParams(
    lpips_net="alex",
    lpips_also=(),
    views=(),
    box_margin=0.1,
    hard_from=0.5,
    white_psnr_cap=60.0,
    bootstrap=50,
    confidence=0.95,
    flow=FLOW,
    batch=8,
    kept_gib=0.0,
)
STUDY = SMOKE.study
EVALUATION = EvaluationParams(
    split="val",
    frames=EVALUATED,
    per_video=0,
    long=LongParams(frames=EVALUATED, videos=0),
    mask_source="given",
    methods=METHODS,
    train_seeds=(0,),
    sample_seed=0,
)
VIDEOS = ("world/ape-1", "world/bee-2", "world/cat-3", "world/dog-4")


def _track(ctx: Context, video: str, seed: int) -> tuple[Entry, Entry]:
    """A square that moves to the right over noise, with its masks."""
    identifier = f"{video}/1"
    draw = np.random.default_rng(seed)
    frames, masks = [], []
    for i in range(FRAMES):
        mask_HW = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask_HW[6:18, 4 + i + seed : 16 + i + seed] = 255
        frame_HW3 = draw.integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        frame_HW3[mask_HW > 0] = (40 * seed, 90, 200 - 40 * seed)
        frames.append(frame_HW3)
        masks.append(mask_HW)
    meta = TrackMeta(
        track=identifier,
        source="world",
        video=video.split("/")[1],
        object="1",
        category=video.split("/")[1].partition("-")[0],
        captions=(),
        licence="",
        fps=8,
        height=HEIGHT,
        width=WIDTH,
        frame_numbers=tuple(range(FRAMES)),
        annotated=(True,) * FRAMES,
        geometry=(FrameGeometry(area=0.1, parts=(0.1,), border=0.0, touch=0.0),) * FRAMES,
    )
    file = f"files/{file_stem(identifier)}.zip"
    write_track(ctx.results / "tracks" / file, meta, iter(zip(frames, masks, strict=True)), "png")
    with zip_writing(ctx.results / "masks" / file) as sink:
        for i, mask_HW in enumerate(masks):
            sink.add(f"masks/{i:05d}.png", encode_png(mask_HW))
    facts = {"video": video, "frames": FRAMES, "category": meta.category}
    entries = [
        Entry(identifier, file, sha256(path), path.stat().st_size, facts)
        for path in (ctx.results / "tracks" / file, ctx.results / "masks" / file)
    ]
    return entries[0], entries[1]


def _recipes() -> list[Recipe]:
    """Two validation videos of each of the first three sources, one for training."""
    out = []
    for n, video in enumerate(VIDEOS[:3]):
        for k in range(2):
            placement = Placement(track="world/dog-4/1", start=0, dx=0.1 * k + 0.06 * n)
            out.append(
                Recipe(
                    recipe=f"{video}/1/r{k}",
                    target=f"{video}/1",
                    video=video,
                    source="world",
                    split="val" if n < 2 or k == 0 else "train",
                    start=0,
                    frame_step=1,
                    frames=CLIP_FRAMES,
                    occluders=(placement,),
                    seed=0,
                    mean_rate=0.3,
                    max_rate=0.6,
                )
            )
    return out


def report_project(root: Path) -> Context:
    """A tiny scale with everything that the report reads, written by the real code."""
    (root / "reference").mkdir()
    for name in ("paper.yaml", "claims.yaml", "figures.yaml"):
        shutil.copy(PROJECT / "reference" / name, root / "reference")
    ctx = Context(root=root, scale="fake", phase="report", digest="0123456789abcdef" * 4)
    made = [_track(ctx, video, seed) for seed, video in enumerate(VIDEOS)]
    write_index(ctx.results / "tracks" / "index.json", [track for track, _ in made])
    write_index(ctx.results / "masks" / "index.json", [masks for _, masks in made])
    quality = [
        {"source": "world_lasot", "segmenter": "grabcut", "track": f"{video}/1", "frames": 10, **overlap}
        for video, overlap in zip(VIDEOS, OVERLAPS, strict=False)
    ]
    write_table(ctx.results / "masks" / "quality.parquet", quality, _QUALITY_COLUMNS, QUALITY_FORMAT)
    write_json(ctx.results / "backbones" / "provenance.json", {"origin": "train"})
    write_json(ctx.results / "sources" / "manifest.json", {"world_digest": "feed" * 16})
    write_text(
        ctx.results / "sources" / "rejected.csv",
        'video,object,reason\nworld/eel-5,,"eel-5 lacks frame 00002, which is annotated (1 in all); restore it."\n',
    )
    write_text(
        ctx.results / "tracks" / "rejected.csv",
        "video,object,reason\nworld/cat-3,2,the id 2 shows first in frame 00004\nworld/fox-6,,damaged\n",
    )
    refused = VIDEOS[3]
    write_table(
        ctx.results / "select" / "tracks.parquet",
        [
            {
                "track": f"{video}/1",
                "video": video,
                "source": "world",
                "category": video.split("/")[1].partition("-")[0],
                "frames": FRAMES,
                "whole": 2 if video == refused else FRAMES,
                "kept": 0 if video == refused else FRAMES,
                "refused": "share" if video == refused else "",
                "reasons": json.dumps({"touch": 8} if video == refused else {}),
            }
            for video in VIDEOS
        ],
        _TRACK_COLUMNS,
        TRACKS_FORMAT,
    )
    write_recipes(ctx.results / "synthesis" / "recipes.parquet", _recipes())
    made_by = SMOKE.synthesis
    write_json(ctx.results / "synthesis" / "account.json", account(made_by, _recipes(), {}))
    captions = [Caption(track=f"{v}/1", captioner="given", raw=NASTY, text=f"{NASTY} {v}") for v in VIDEOS]
    write_captions(ctx.results / "captions" / "captions.parquet", captions)
    _write_clips(ctx)
    for phase in ("frame", "motion"):
        events = [{"step": s, "loss": 1 / s, "lr": 1e-4, "grad_norm": 2.0} for s in range(5, 50, 5)]
        text = "".join(json.dumps(event) + "\n" for event in events)
        write_text(ctx.results / phase / "full" / "seed0" / "events.jsonl", text)
    return ctx


def index_shard(ctx: Context, path: Path) -> None:
    """Write the index of a shard of completions, as the phase does."""
    file = path.relative_to(ctx.results / "completion").as_posix()
    write_index(path.with_suffix(".json"), [Entry(path.stem, file, sha256(path), path.stat().st_size)])


def _write_clips(ctx: Context) -> None:
    """Write occlusion rates, completions (one sample is in no shard of no_motion) and rows."""
    clips = recipe_clips(ctx)
    occlusion = []
    for sample in clips.samples():
        rates = clips.render(sample).occlusion_F
        occlusion += [{"recipe": sample, "frame": i, "rate": float(rate)} for i, rate in enumerate(rates)]
    write_table(ctx.results / "synthesis" / "occlusion.parquet", occlusion, _OCCLUSION_COLUMNS, OCCLUSION_FORMAT)
    clips = recipe_clips(ctx, "val")
    rows: list[Row] = []
    draw = np.random.default_rng(7)
    for position, name in enumerate(METHODS):
        method, variant = name.split("/")
        for shard in range(2) if name in QUALITY else ():
            path = ctx.results / "completion" / name / "seed0" / f"shard-{shard:03d}.zip"
            with zip_writing(path) as sink:
                for number, sample in enumerate(clips.samples()):
                    if number % 2 != shard or (name == "ours/no_motion" and number == 0):
                        continue
                    clip = clips.render(sample, range(EVALUATED))
                    tinted = np.clip(clip.whole_FHW3.astype(int) - 20 * position, 0, 255).astype(np.uint8)
                    meta = CompletionMeta(
                        sample=sample,
                        method=method,
                        variant=variant,
                        mask_source="given",
                        train_seed=0,
                        sample_seed=0,
                        frames=EVALUATED,
                        height=HEIGHT,
                        width=WIDTH,
                    )
                    add_completion(sink, Completion(tinted, clip.amodal_FHW), meta)
            index_shard(ctx, path)
        # Table 4 has the samples with the most frames; here, those of the first video.
        measured = [s for s in clips.samples() if name not in LONG or s.startswith(VIDEOS[0])]
        for sample in measured if name != UNMEASURED else ():
            clip = clips.render(sample, range(EVALUATED))
            for score in SCORES:
                for i, rate in enumerate(clip.occlusion_F):
                    # Ours has no IoU of hard frames, so its cell is a dash while others have a value.
                    missing = (score.metric == "tc" and i == 0) or (
                        score.metric == "iou" and name == "ours/full" and rate >= 0.5
                    )
                    value = math.nan if missing else float(draw.uniform(0.2, 0.9))
                    key = ("fake", method, variant, "given", 0, 0, sample, clip.video, i, score.metric)
                    rows.append(Row(*key, rate=float(rate), value=value))
    write_rows(ctx.results / "metrics" / "rows.parquet", rows)


def run_report(ctx: Context, report: ReportParams = REPORT) -> None:
    report_stage.run(
        ctx,
        report=report,
        metrics=METRICS,
        methods=METHOD_PARAMS,
        evaluation=EVALUATION,
        frame_model=FrameModelParams(start="", start_revision="main"),
        variants={"full": VariantParams()},
        study=STUDY,
        sources=SMOKE.sources,
        synthesis=SMOKE.synthesis,
        sampler=SMOKE.sampler,
    )
