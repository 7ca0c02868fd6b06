"""The report's page: text is escaped, nothing is loaded from elsewhere, bytes repeat."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.unit.report_project import (
    EVALUATED,
    HEIGHT,
    REPORT,
    WIDTH,
    index_shard,
    report_project,
    run_report,
)
from tgvac.clips.archive import zip_writing
from tgvac.clips.completion import Completion, CompletionMeta, add_completion
from tgvac.clips.rows import read_frame
from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.report import pictures
from tgvac.report.samples import Sample
from tgvac.report.sheets import Tiles, sheet
from tgvac.report.strips import strip
from tgvac.shards import read_index
from tgvac.stage import Context
from tgvac.synthesis.clips import recipe_clips


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return report_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def out(project: Context) -> Path:
    run_report(project)
    return project.out


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
    assert page.count("data:image/png") == page.count('loading="lazy"')
    samples = page[page.index('<section id="samples"') :]
    assert samples.count("data:image/png") == 3 + 1
    assert samples.count("data:video/mp4") == 2
    targets = {address[1:] for address in addresses if address.startswith("#")}
    assert targets <= set(re.findall(r'id="([^"]*)"', page))


def test_strips_of_chosen_samples_and_a_complete_index(out: Path) -> None:
    from PIL import Image

    index = read_index(out / "index.json")
    strips = sorted(name for name in index if name.startswith("strips/"))
    assert len(strips) == 3
    for name, entry in index.items():
        assert sha256(out / name) == entry.sha256
    assert {"index.html", "videos/easy.mp4", "videos/hard.mp4", "tables/table2.md", "tables/table4.tex"} <= set(index)
    on_disk = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert on_disk == {*index, "index.json"}
    with Image.open(out / strips[0]) as image:
        assert image.width > 4 * WIDTH * REPORT.zoom
        assert image.height > 9 * HEIGHT * REPORT.zoom


def test_the_sheet_has_evenly_spaced_ranks_from_best_to_worst_each_with_its_most_hidden_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Tiles] = []

    def recording(samples: list[Tiles], columns: int, side: int) -> np.ndarray:
        drawn.extend(samples)
        return sheet(samples, columns, side)

    monkeypatch.setattr(pictures, "sheet", recording)
    ctx = report_project(tmp_path)
    run_report(ctx)
    rows = read_frame(ctx.results / "metrics" / "rows.parquet")
    ours = rows[(rows["metric"] == "hidden_psnr") & (rows["method"] == "ours") & (rows["variant"] == "full")]
    means = ours.groupby("sample")["value"].mean()
    ranked = sorted(means.index, key=lambda name: (-means[name], name))
    assert len(ranked) == 5
    assert [tiles.name for tiles in drawn] == [ranked[0], ranked[2], ranked[4]]
    for tiles in drawn:
        clip = recipe_clips(ctx, "val").render(tiles.name, range(EVALUATED))
        frame = int(np.nanargmax(clip.occlusion_F))
        given, _, truth = tiles.pictures
        np.testing.assert_array_equal(given, clip.frames_FHW3[frame])
        np.testing.assert_array_equal(truth, clip.whole_FHW3[frame])
        assert tiles.note == f"{clip.occlusion_F[frame] * 100:.0f} % hidden, {means[tiles.name]:.1f} dB"
    page = (ctx.out / "index.html").read_text(encoding="utf-8")
    assert "3 of 5 samples, from the best to the worst by the rule above" in page
    assert "sheet.png" in read_index(ctx.out / "index.json")


def test_each_method_s_own_psnr_of_a_sample_goes_into_its_strip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Sample] = []

    def recording(sample: Sample, count: int, zoom: int) -> np.ndarray:
        drawn.append(sample)
        return strip(sample, count, zoom)

    monkeypatch.setattr(pictures, "strip", recording)
    ctx = report_project(tmp_path)
    run_report(ctx)
    rows = read_frame(ctx.results / "metrics" / "rows.parquet")
    rows = rows[rows["metric"] == "hidden_psnr"]
    assert len(drawn) == 3
    for sample in drawn:
        mine = rows[rows["sample"] == sample.clip.sample]
        means = (mine["method"] + "/" + mine["variant"]).to_frame("name").assign(value=mine["value"]).groupby("name")
        expected = {name: value for name, value in means["value"].mean().items() if name in sample.completions}
        assert expected
        assert sample.hidden_psnr == pytest.approx(expected)


def test_no_sheet_is_drawn_if_none_is_wanted(tmp_path: Path) -> None:
    ctx = report_project(tmp_path)
    run_report(ctx, REPORT.model_copy(update={"sheet": 0}))
    assert not (ctx.out / "sheet.png").exists()
    assert "At a glance" not in (ctx.out / "index.html").read_text(encoding="utf-8")


def test_the_rule_that_chose_the_samples_is_on_the_page(out: Path) -> None:
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "ranked by the mean PSNR of hidden pixels of “Ours”" in page
    # One sample is easy, four are hard; two of each class are wanted.
    assert "easy, median and best (rank 1 of 1 from the worst" in page
    assert "hard, median (rank 2 of 4 from the worst" in page
    assert "hard, best (rank 4 of 4 from the worst" in page


def test_the_page_has_contents_the_worlds_digest_and_its_verdicts(out: Path) -> None:
    page = (out / "index.html").read_text(encoding="utf-8")
    contents = page[page.index('<nav aria-label="Contents">') : page.index("</nav>")]
    sections = re.findall(r'<section id="([a-z]+)"', page)
    assert re.findall(r'href="#([a-z]+)"', contents) == sections
    assert {"claims", "streams", "strides", "bins", "samples", "video"} <= set(sections)
    assert "feed" * 16 in page
    assert "not measured: no votes of people" in page
    assert page.count("<table>") == len(re.findall(r'<div class="scroll"[^>]*><table>', page))


def test_the_page_tells_how_occlusions_were_made_and_warns_of_a_split_that_leaks(project: Context, out: Path) -> None:
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "placement paper, hard edges" in page
    assert "by source video" in page
    assert "AT RANDOM" not in page
    path = project.results / "synthesis" / "account.json"
    kept = path.read_text()
    try:
        path.write_text(json.dumps({**json.loads(kept), "split_by": "random", "shared_videos": 3}))
        run_report(project)
        page = (out / "index.html").read_text(encoding="utf-8")
        assert "AT RANDOM, by recipe: 3 videos are on more than one side" in page
    finally:
        path.write_text(kept)
        run_report(project)


def test_the_same_bytes_twice_and_nothing_is_left_of_an_earlier_report(project: Context, out: Path) -> None:
    before = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    (out / "strips" / "stale.png").write_bytes(b"")
    (out / "video.mp4").write_bytes(b"")
    run_report(project)
    after = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []


def test_completions_of_another_size_are_refused_and_the_last_report_is_kept(project: Context, out: Path) -> None:
    path = project.results / "completion" / "ours/full" / "seed0" / "shard-000.zip"
    good = (project.out / "index.json").read_bytes()
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
        index_shard(project, path)
        with pytest.raises(BadInput, match="run `tgvac stage completion` again"):
            run_report(project)
        assert (project.out / "index.json").read_bytes() == good, "the last good report is kept"
    finally:
        path.write_bytes(kept)
        index_shard(project, path)
        run_report(project)
