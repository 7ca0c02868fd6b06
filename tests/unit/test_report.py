"""The report: cells equal numbers computed by hand, gaps are dashes, text is escaped, bytes repeat."""

from __future__ import annotations

import csv
import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tgvac.clip.archive import zip_writing
from tgvac.clip.captions import Caption, write_captions
from tgvac.clip.completion import Completion, CompletionMeta, add_completion
from tgvac.clip.geometry import FrameGeometry
from tgvac.clip.images import encode_png
from tgvac.clip.recipe import Placement, Recipe, write_recipes
from tgvac.clip.rows import Row, read_rows, write_rows
from tgvac.clip.tables import write_table
from tgvac.clip.track import TrackMeta, file_stem, write_track
from tgvac.completion.params import EvaluationParams
from tgvac.errors import BadInput
from tgvac.files import sha256, write_json, write_text
from tgvac.metrics.aggregate import Estimate
from tgvac.metrics.params import MetricsParams
from tgvac.report import report_stage
from tgvac.report.basis import basis_of
from tgvac.report.comparisons import _against, _sign
from tgvac.report.curves import Run, _ticks, charts
from tgvac.report.params import ReportParams
from tgvac.report.samples import choose
from tgvac.report.scores import SCORES
from tgvac.report.strips import spaced
from tgvac.report.tables import Cell, Column, Table, missing, to_csv, to_html, to_markdown
from tgvac.report.tables import Row as TableRow
from tgvac.shards import Entry, read_index, write_index
from tgvac.stage import Context
from tgvac.synthesis.clips import recipe_clips
from tgvac.synthesis.select_stage import _TRACK_COLUMNS, TRACKS_FORMAT
from tgvac.synthesis.synthesis_stage import _OCCLUSION_COLUMNS, OCCLUSION_FORMAT

PROJECT = Path(__file__).resolve().parents[2]
HEIGHT, WIDTH, FRAMES, CLIP_FRAMES, EVALUATED = 24, 32, 10, 8, 6
METHODS = ("ours/full", "ours/no_motion", "copy_visible/plain", "autoencoder/ceiling")
NASTY = '<script>alert("x")</script> & a | fish'
REPORT = ReportParams(strips=3, strip_frames=4, fps=8, zoom=2)
METRICS = MetricsParams(lpips_net="alex", hard_from=0.5, white_psnr_cap=60.0, bootstrap=50, confidence=0.95, batch=8)
EVALUATION = EvaluationParams(
    split="val", frames=EVALUATED, mask_source="given", methods=METHODS, train_seeds=(0,), sample_seed=0
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
                    stride=1,
                    frames=CLIP_FRAMES,
                    occluders=(placement,),
                    seed=0,
                    mean_rate=0.3,
                    max_rate=0.6,
                )
            )
    return out


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A tiny scale with everything that the report reads, by the real writers."""
    root = tmp_path_factory.mktemp("project")
    (root / "reference").mkdir()
    shutil.copy(PROJECT / "reference" / "paper.yaml", root / "reference")
    ctx = Context(root=root, scale="fake", phase="report", digest="0123456789abcdef" * 4)
    made = [_track(ctx, video, seed) for seed, video in enumerate(VIDEOS)]
    write_index(ctx.results / "tracks" / "index.json", [track for track, _ in made])
    write_index(ctx.results / "masks" / "index.json", [masks for _, masks in made])
    write_json(ctx.results / "backbones" / "provenance.json", {"origin": "train"})
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
    captions = [Caption(track=f"{v}/1", captioner="given", raw=NASTY, text=f"{NASTY} {v}") for v in VIDEOS]
    write_captions(ctx.results / "captions" / "captions.parquet", captions)
    _write_clips(ctx)
    for phase in ("frame", "motion"):
        events = [{"step": s, "loss": 1 / s, "lr": 1e-4, "grad_norm": 2.0} for s in range(5, 50, 5)]
        text = "".join(json.dumps(event) + "\n" for event in events)
        write_text(ctx.results / phase / "full" / "seed0" / "events.jsonl", text)
    return ctx


def _index_shard(ctx: Context, path: Path) -> None:
    """The index of a shard of completions, as the phase writes it."""
    file = path.relative_to(ctx.results / "completion").as_posix()
    write_index(path.with_suffix(".json"), [Entry(path.stem, file, sha256(path), path.stat().st_size)])


def _write_clips(ctx: Context) -> None:
    """Occlusion rates, completions (one sample is in no shard of no_motion) and rows."""
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
        for shard in range(2):
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
            _index_shard(ctx, path)
        for sample in clips.samples():
            clip = clips.render(sample, range(EVALUATED))
            for score in SCORES:
                for i, rate in enumerate(clip.occlusion_F):
                    # Ours has no PSNR of hard frames: such a cell is a dash, though others have theirs.
                    gap = (score.metric == "tc" and i == 0) or (
                        score.metric == "hidden_psnr" and name == "ours/full" and rate >= 0.5
                    )
                    value = math.nan if gap else float(draw.uniform(0.2, 0.9))
                    key = ("fake", method, variant, "given", 0, 0, sample, clip.video, i, score.metric)
                    rows.append(Row(*key, rate=float(rate), value=value))
    write_rows(ctx.results / "metrics" / "rows.parquet", rows)


def _run(ctx: Context) -> None:
    report_stage.run(ctx, report=REPORT, metrics=METRICS, evaluation=EVALUATION)


@pytest.fixture(scope="module")
def out(project: Context) -> Path:
    _run(project)
    return project.out


def _csv(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text(encoding="utf-8").splitlines()))


def _values(ctx: Context, name: str, metric: str, hard: bool) -> list[float]:
    """The values of a cell, straight from the rows."""
    return [
        row.value
        for row in read_rows(ctx.results / "metrics" / "rows.parquet")
        if f"{row.method}/{row.variant}" == name
        and row.metric == metric
        and (row.rate >= 0.5) == hard
        and not math.isnan(row.value)
    ]


def _videos(ctx: Context, name: str, metric: str, hard: bool) -> int:
    """The source videos behind a cell."""
    rows = read_rows(ctx.results / "metrics" / "rows.parquet")
    mine = [row for row in rows if f"{row.method}/{row.variant}" == name and row.metric == metric]
    return len({row.video for row in mine if (row.rate >= 0.5) == hard and not math.isnan(row.value)})


def test_table_2_has_the_means_of_the_rows(project: Context, out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "table2.csv")
    by_label = {line[1]: dict(zip(heads, line, strict=True)) for line in lines if line[0] == "Measured here"}
    assert list(by_label) == [
        "Ours",
        "Ours without motion",
        "Copy the visible part (floor)",
        "Autoencoder ceiling",
    ]
    names = dict(zip(by_label, METHODS, strict=True))
    checked = 0
    for label, cells in by_label.items():
        for score in SCORES:
            for heading, hard in (("Easy cases", False), ("Hard cases", True)):
                text = cells[f"{heading}: {score.label}"]
                values = _values(project, names[label], score.metric, hard)
                if not values:
                    assert text.startswith("–")
                    continue
                mean, interval = text.split(" ", 1)
                assert float(mean) == pytest.approx(np.mean(values), abs=0.51 * 10**-score.decimals)
                if _videos(project, names[label], score.metric, hard) == 1:
                    assert interval == "[–]"
                else:
                    low, high = map(float, interval.strip("[]").split(", "))
                    assert low <= float(mean) <= high
                checked += 1
        assert cells["Verdict"] == "not comparable; stand-in backbones"
        assert cells["Easy cases: User preference↑"].startswith("– (Published only")
    assert checked == 4 * 2 * len(SCORES) - 1


def test_estimates_are_full_numbers(project: Context, out: Path) -> None:
    with (out / "tables" / "estimates.csv").open(encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == 4 * 2 * len(SCORES)
    for line in lines:
        values = _values(project, f"{line['method']}/{line['variant']}", line["metric"], line["class"] == "hard")
        assert int(line["frames"]) == len(values)
        if values:
            assert float(line["mean"]) == pytest.approx(np.mean(values), abs=1e-12)
        else:
            assert line["mean"] == line["low"] == line["high"] == ""
    assert {line["paper"] for line in lines if line["paper_cell"] == "table2.ours.hard.lpips"} == {"0.14"}


def test_a_cell_without_a_value_is_a_dash_with_its_reason(out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "table2.csv")
    ours = dict(
        zip(heads, next(line for line in lines if line[1] == "Ours" and line[0] == "Measured here"), strict=True)
    )
    assert ours["Hard cases: Hidden PSNR↑ (dB)"] == "– (Not defined on any of these frames.)"
    text = "".join(path.read_text(encoding="utf-8") for path in (out / "tables").iterdir())
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)


def test_published_cells_stand_apart_and_unchanged(out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "table2.csv")
    published = [dict(zip(heads, line, strict=True)) for line in lines if line[0] == "Published in the paper"]
    assert [row["Method"] for row in published] == ["ProgressiveAmodal [52]", "Pix2Gestalt [33]", "Ours"]
    assert published[0]["Easy cases: LPIPS↓"] == "0.14"
    assert published[2]["Hard cases: TC↑"] == "0.93"
    assert published[2]["Hard cases: User preference↑"] == "0.82"
    assert published[1]["Easy cases: Amodal IoU↑"].startswith("–")
    text = (out / "tables" / "table2.md").read_text(encoding="utf-8")
    assert "No row of ProgressiveAmodal or Pix2Gestalt is measured here yet" in text


def test_no_difference_to_the_paper_with_stand_ins(out: Path) -> None:
    _, *lines = _csv(out / "tables" / "paper.csv")
    assert len(lines) == 8
    assert lines[0][1] == "0.93"
    assert all(line[3].startswith("–") for line in lines)
    assert {line[4] for line in lines} == {"not comparable; stand-in backbones", "published only"}


def test_table_1_counts_selected_tracks_only(out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "table1.csv")
    cells = {line[0]: dict(zip(heads, line, strict=True)) for line in lines}
    assert cells["# instances"]["world: here"] == "3"
    assert cells["# object classes"]["world: here"] == "3"
    assert cells["# tracks judged"]["world: here"] == "4"
    assert cells["# synthesized video"]["world: here"] == "6"
    assert cells["# synthesized video, validation"]["world: here"] == "5"
    assert cells["Mean #frames"]["world: here"] == f"{FRAMES}.0"
    assert cells["Mean #frames"]["LaSOT [10]: paper"] == "1,797"
    _, *selection = _csv(out / "tables" / "selection.csv")
    dog = next(line for line in selection if line[0] == "world/dog-4/1")
    assert dog[2:] == ["10", "2", "0", "refused", "whole in too few frames", "touches another object 8"]


def test_frames_are_counted_by_class(project: Context, out: Path) -> None:
    _, *lines = _csv(out / "tables" / "frames.csv")
    counts = {line[0].split(":")[0]: int(line[1]) for line in lines}
    assert counts["All"] == 5 * EVALUATED == counts["Easy"] + counts["Hard"] + counts["Object absent"]
    assert counts["Hard"] == len(_values(project, "ours/full", "clip", True))


def test_free_text_is_escaped(out: Path) -> None:
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_page_needs_nothing_from_elsewhere(out: Path, project: Context) -> None:
    page = (out / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://", page)
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert str(project.root) not in page
    assert page.count("data:image/png") == 3
    assert page.count("data:video/mp4") == 1
    targets = {address[1:] for address in addresses if address.startswith("#")}
    assert targets <= set(re.findall(r'id="([^"]*)"', page))


def test_strips_of_chosen_samples_and_a_whole_index(out: Path) -> None:
    from PIL import Image

    index = read_index(out / "index.json")
    strips = sorted(name for name in index if name.startswith("strips/"))
    assert len(strips) == 3
    for name, entry in index.items():
        assert sha256(out / name) == entry.sha256
    assert {"index.html", "video.mp4", "tables/table2.md"} <= set(index)
    on_disk = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert on_disk == {*index, "index.json"}
    with Image.open(out / strips[0]) as image:
        assert image.width > 4 * WIDTH * REPORT.zoom
        assert image.height > 7 * HEIGHT * REPORT.zoom


def test_the_same_bytes_twice_and_nothing_left_of_an_earlier_report(project: Context, out: Path) -> None:
    before = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    (out / "strips" / "stale.png").write_bytes(b"")
    _run(project)
    after = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert before == after


def test_completions_of_another_size_are_refused(project: Context) -> None:
    path = project.results / "completion" / "ours/full" / "seed0" / "shard-000.zip"
    kept = path.read_bytes()
    try:
        with zip_writing(path) as sink:
            for sample in recipe_clips(project, "val").samples():
                small = np.zeros((2, 8, 8, 3), np.uint8)
                meta = CompletionMeta(
                    sample=sample,
                    method="ours",
                    variant="full",
                    mask_source="given",
                    train_seed=0,
                    sample_seed=0,
                    frames=2,
                    height=8,
                    width=8,
                )
                add_completion(sink, Completion(small, small[..., 0]), meta)
        _index_shard(project, path)
        with pytest.raises(BadInput, match="run `tgvac stage completion` again"):
            _run(project)
        assert not (project.out / "index.json").exists()
    finally:
        path.write_bytes(kept)
        _index_shard(project, path)
        _run(project)


def test_only_pretrained_backbones_on_the_papers_sources_compare() -> None:
    assert not basis_of("train", ("davis",)).comparable
    assert not basis_of("pretrained", ("davis", "world")).comparable
    assert not basis_of("unknown", ("davis",)).comparable
    assert basis_of("pretrained", ("davis", "lasot")).comparable


def test_a_verdict_needs_enough_source_videos_and_comparable_numbers() -> None:
    up, down = SCORES[0], SCORES[1]
    assert [_sign(Estimate(0.1, 0.05, 0.2, 6, 60), score) for score in (up, down)] == [" ✓", " ✗"]
    assert [_sign(Estimate(-0.1, -0.2, -0.05, 6, 60), score) for score in (up, down)] == [" ✗", " ✓"]
    assert _sign(Estimate(0.1, -0.1, 0.2, 6, 60), up) == ""
    assert _sign(Estimate(0.1, 0.05, 0.2, 5, 60), up) == ""
    real, stand_in = basis_of("pretrained", ("davis",)), basis_of("train", ("davis",))
    assert _against(Estimate(0.92, 0.91, 0.94, 9, 90), 0.93, up, real)[0].text == "-0.010"
    assert _against(Estimate(0.92, 0.91, 0.94, 9, 90), 0.93, up, real)[1] == "the paper's number lies in our interval"
    assert _against(Estimate(0.10, 0.09, 0.11, 9, 90), 0.14, down, real)[1] == "better than the paper's"
    assert _against(Estimate(0.80, 0.75, 0.85, 9, 90), 0.93, up, real)[1] == "worse than the paper's"
    assert _against(Estimate(0.80, 0.75, 0.85, 2, 90), 0.93, up, real)[1].startswith("too few source videos")
    assert _against(Estimate(0.80, 0.75, 0.85, 9, 90), 0.93, up, stand_in)[1] == stand_in.verdict
    assert _against(Estimate(math.nan, math.nan, math.nan, 0, 0), 0.93, up, real)[1] == "not measured"


def test_chosen_samples_span_the_rates() -> None:
    rates = {f"s{i}": i / 10 for i in range(10)}
    assert choose(rates, 4) == ["s0", "s3", "s6", "s9"]
    assert choose(rates, 1) == ["s9"]
    assert choose(rates, 0) == []
    assert choose(rates, 99) == sorted(rates)
    assert spaced(18, 6) == [0, 3, 6, 10, 13, 17]
    assert spaced(3, 6) == [0, 1, 2]
    assert spaced(5, 1) == [0]


def test_tables_escape_and_number_their_notes() -> None:
    rows = (TableRow((Cell("a|b <i>"), missing("no <data>"))), TableRow((Cell("c"), missing("no <data>")), "Part"))
    table = Table("t", "T & U", (Column("x", number=False), Column("y", "G")), rows)
    html = to_html(table)
    assert "a|b &lt;i&gt;" in html
    assert html.count("<sup>1</sup>") == 2
    assert html.count("<li>") == 1
    assert "a\\|b &lt;i&gt;" in to_markdown(table)
    assert to_csv(table).splitlines()[0] == "Section,x,G: y"
    assert "– (no <data>)" in to_csv(table)
    with pytest.raises(ValueError, match="cells"):
        Table("t", "T", (Column("x"),), rows)


def test_curves_are_short_and_have_round_ticks() -> None:
    events = [{"step": float(s), "loss": float("nan") if s == 3 else 1.0 / s, "lr": 1e-4} for s in range(1, 5000)]
    drawn = charts([Run("a<b", events), Run("one", events[:1])])
    assert len(drawn) == 2
    assert all(len(svg) < 12_000 and "nan" not in svg for svg in drawn)
    assert _ticks(0, 1.1) == [0.0, 0.5, 1.0]
    assert _ticks(0, 0) == [0.0, 0.5, 1.0]
    assert charts([Run("empty", [])]) == []
