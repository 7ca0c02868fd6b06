"""The scales of the project: sources that exist, the paper's choices, and few enough jobs."""

from __future__ import annotations

import csv

import pytest

from tests.unit.params_project import ROOT
from tgvac.bridge.graph import Graph
from tgvac.params import load_params
from tgvac.phases import PHASES
from tgvac.report.paper import load_paper

REAL = {"davis", "youtube_vos", "lasot", "pix2gestalt"}
SCALES = sorted(path.stem for path in (ROOT / "workflow" / "scales").glob("*.yaml"))


def archives() -> set[str]:
    with (ROOT / "reference" / "archives.csv").open(newline="", encoding="utf-8") as stream:
        return {f"{row['source']}/{row['part']}" for row in csv.DictReader(stream) if row["part"]}


def seeds_of_the_world() -> dict[str, int]:
    """The seed of each scale that draws a world."""
    scales = {name: load_params(ROOT, name).sources for name in SCALES}
    return {name: s.world.seed for name, s in scales.items() if any(x.startswith("world") for x in (*s.use, *s.pairs))}


def test_stand_ins_tiny_and_tests_have_never_seen_each_other_s_objects() -> None:
    seeds = seeds_of_the_world()
    chosen_on = {seeds.pop("standins-dev")}
    standins = {seed for name, seed in seeds.items() if name.startswith("standins")}
    tiny = {seed for name, seed in seeds.items() if name.startswith("tiny")}
    tests = {seeds["smoke"]}
    assert standins == {1000, 1002}, "that of the last round, beside that of the backbones"
    assert tiny == {5, 7}, "that of tiny-claims is its own"
    every = [*standins, *tiny, *tests, *chosen_on]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("scale", SCALES)
def test_every_part_that_a_scale_names_is_an_archive_of_a_source_in_use(scale: str) -> None:
    sources = load_params(ROOT, scale).sources
    assert set(sources.parts) <= archives()
    assert {part.partition("/")[0] for part in sources.parts} <= {*sources.use, *sources.pairs}


def test_the_paper_s_scale_uses_all_that_the_paper_uses() -> None:
    params = load_params(ROOT, "paper")
    assert {*params.sources.use, *params.sources.pairs} == REAL
    assert params.sources.parts == ()
    assert (params.masks.full, params.masks.sparse, params.masks.boxes) == ("given", "sam2", "sam")
    assert params.captions.order == ("blip2",)
    assert params.frame.pairs_share == 1.0
    assert (params.evaluation.frames, params.evaluation.long.frames) == (126, 126)


def test_the_paper_s_objects_and_videos_per_object_give_its_number_of_videos_except_for_one_misprint() -> None:
    paper, per_object = load_paper(ROOT / "reference" / "paper.yaml"), load_params(ROOT, "paper").synthesis.per_object
    columns = ("davis", "youtube_vos", "lasot")
    objects = [int(paper.cell(f"table1.instances.{c}").value) for c in columns]
    videos = [int(paper.cell(f"table1.synthesized_videos.{c}").value) for c in columns]
    assert (sum(objects), sum(videos)) == (1400, 6940)
    # 332 objects of YouTube-VOS make 1,660 videos, where 1,600 are printed.
    assert [per_object * n - m for n, m in zip(objects, videos, strict=True)] == [0, 60, 0]


@pytest.mark.parametrize("scale", ["tiny-paper", "tiny-safe"])
def test_the_presets_at_tiny_draw_noise_levels_and_drop_conditions_as_the_paper_s_scale(scale: str) -> None:
    preset, paper = load_params(ROOT, scale), load_params(ROOT, "paper")
    assert (preset.frame.level_power, preset.motion.level_power) == (1.0, 1.0)
    assert preset.conditions == paper.conditions


def test_safe_has_sam_2_where_the_paper_has_sam() -> None:
    assert load_params(ROOT, "small").masks.boxes == "sam2"
    assert load_params(ROOT, "paper").masks.boxes == "sam"


def test_the_small_scale_is_real_in_all_but_its_size() -> None:
    small, paper = load_params(ROOT, "small"), load_params(ROOT, "paper")
    assert set(small.sources.use) == {"davis", "youtube_vos", "lasot"}
    assert small.backbones == paper.backbones
    assert small.framing == paper.framing
    assert small.sampler == paper.sampler
    assert small.diffusion == paper.diffusion
    assert small.evaluation.methods == paper.evaluation.methods
    assert small.synthesis.split == paper.synthesis.split


@pytest.mark.parametrize("scale", ["small", "paper"])
def test_no_scale_on_real_footage_has_more_parts_than_a_cluster_queues_well(scale: str) -> None:
    graph = Graph.load({"scale": scale}, ROOT)
    assert sum(len(graph.parts(phase.name)) for phase in PHASES if phase.shards) <= 1500 - 50
