"""The table of phases: which params and code decide each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.params_project import ROOT, copy_params, overlay
from tgvac import phases, scales
from tgvac.bridge.graph import Graph
from tgvac.config import Block, digest
from tgvac.errors import BadInput
from tgvac.params import Params, load_params
from tgvac.phase_spec import NO_OPTIONS
from tgvac.phases import PHASES, join_params_digest, params_digest

PAPER = load_params(ROOT, "paper")
DUMP = PAPER.model_dump(mode="json")
LEAVES = [".".join(leaf) for leaf in scales.leaves(DUMP)]

# Which phases a change must run again; written by hand, not read from the table of phases.
DECIDES = {
    "sources.use": {"sources", "report"},
    "sources.parts": {"sources"},
    "sources.same_footage": {"sources"},
    "sources.faulty": {"sources"},
    "sources.max_faulty": {"sources"},
    "sources.pairs": {"sources", "report"},
    "sources.pair_buckets": {"sources"},
    "sources.world.seed": {"sources", "report"},
    "fetch.workers": set(),
    "tracks.long_side": {"tracks"},
    "masks.sparse": {"masks", "completion"},
    "masks.grabcut.memory.bins": {"masks", "completion"},
    "masks.sam.revision": {"masks", "completion"},
    "masks.sam2.prompt_every": {"masks", "completion"},
    "select.max_touch": {"select", "dataset"},
    "synthesis.split.val": {"synthesis", "report"},
    "captions.template": {"captions", "completion"},
    "framing.size": {"backbones", "latents", "completion", "metrics"},
    "backbones.standin.vae_channels": {"backbones"},
    "diffusion.beta_end": {"backbones", "frame", "motion", "completion"},
    "conditions.text": {"frame", "motion", "completion"},
    "frame.lr": {"frame"},
    "frame_model.start": {"frame", "report"},
    "motion.steps": {"motion"},
    "motion_module.heads": {"motion", "completion"},
    "sampler.stride": {"completion"},
    "variants.no_mask.mask": {"frame", "motion", "completion", "report"},
    "methods.ours/hop2.stride": {"completion", "report"},
    "evaluation.frames": {"completion", "report"},
    "evaluation.per_video": {"completion", "report"},
    "evaluation.methods": {"report"},
    "metrics.bootstrap": {"report"},
    "metrics.lpips_net": {"metrics"},
    "metrics.views": {"metrics"},
    "metrics.box_margin": {"metrics"},
    "metrics.kept_gib": set(),
    "metrics.hard_from": {"report", "dataset"},
    "report.strips": {"report"},
    "dataset.words": {"dataset"},
    "latents.splits": {"latents"},
    "latents.cache": {"latents"},
    "latents.mask_draws": {"latents"},
    "checkpoints.every": set(),
    "checkpoints.seconds": set(),
    "shards.data": set(),
    "captions.blip2.model": {"captions", "completion"},
    "compute.tf32": {"masks", "captions", "backbones", "latents", "frame", "motion", "completion", "metrics"},
    "compute.threads": {"captions", "backbones", "latents", "frame", "motion", "completion", "metrics"},
}


def root(block: str) -> str:
    """The part of a block's name that no option of a job decides."""
    return block.split(".{", maxsplit=1)[0]


def with_another(leaf: str) -> Params:
    """The params with one leaf changed to another value of its kind, past validation: a digest takes any."""

    def changed(block: Block | dict[str, Any], path: list[str]) -> Block | dict[str, Any]:
        old = block[path[0]] if isinstance(block, dict) else getattr(block, path[0])
        new: Any
        if len(path) > 1:
            new = changed(old, path[1:])
        elif old is None:
            new = 1
        elif isinstance(old, bool):
            new = not old
        elif isinstance(old, tuple):
            new = (*old, old[-1]) if old else {"sources.parts": ("x/y",)}.get(leaf, (1.0,))
        else:
            new = old + ("x" if isinstance(old, str) else 1)
        return {**block, path[0]: new} if isinstance(block, dict) else block.model_copy(update={path[0]: new})

    params = changed(PAPER, leaf.split("."))
    assert isinstance(params, Params)
    return params


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
@pytest.mark.parametrize("leaf", LEAVES)
def test_a_changed_leaf_changes_the_digests_of_the_phases_that_read_it_and_no_other(leaf: str) -> None:
    params = with_another(leaf)
    changed = {p.name for p in PHASES if params_digest(params, p) != params_digest(PAPER, p)}
    readers = {
        p.name for p in PHASES if any(f"{leaf}.".startswith(f"{root(block)}.") for block in p.blocks_of(NO_OPTIONS))
    }
    assert changed == readers


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
@pytest.mark.parametrize(("leaf", "expected"), DECIDES.items())
def test_a_key_decides_the_phases_it_should(leaf: str, expected: set[str]) -> None:
    params = with_another(leaf)
    assert {p.name for p in PHASES if params_digest(params, p) != params_digest(PAPER, p)} == expected


STUDY = ("per_class", "truth", "checks", "side", "outline")
DECIDES_NOTHING = (
    "fetch.",
    "samples.",
    "checkpoints.every",
    "checkpoints.seconds",
    "checkpoints.keep",
    "metrics.kept_gib",
    *(f"study.{key}" for key in STUDY),
)
"""Keys that decide no result: how files arrive, pictures along a training, when it saves, what is kept, and what people
are shown."""


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
def test_a_new_key_decides_a_phase_or_is_listed_as_deciding_none() -> None:
    silent = {
        leaf
        for leaf in LEAVES
        if all(params_digest(with_another(leaf), p) == params_digest(PAPER, p) for p in PHASES)
        and all(join_params_digest(with_another(leaf), p) == join_params_digest(PAPER, p) for p in PHASES)
    }
    assert {leaf for leaf in silent if not leaf.startswith(DECIDES_NOTHING)} == set()
    assert [prefix for prefix in DECIDES_NOTHING if not any(leaf.startswith(prefix) for leaf in silent)] == []


FULL, NO_MASK = {"variant": "full"}, {"variant": "no_mask"}
JOBS = {
    "ours/full": {"method": "ours", "variant": "full"},
    "ours/no_mask": {"method": "ours", "variant": "no_mask"},
    "ours/no_mask_g1": {"method": "ours", "variant": "no_mask_g1"},
    "ours/hop2": {"method": "ours", "variant": "hop2"},
    "temporal_copy/plain": {"method": "temporal_copy", "variant": "plain"},
}


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
@pytest.mark.parametrize("name", ["frame", "motion"])
def test_a_variant_decides_its_own_training_alone(name: str) -> None:
    wanted, params = phases.phase(name), with_another("variants.no_mask.mask")
    assert params_digest(params, wanted, FULL) == params_digest(PAPER, wanted, FULL)
    assert params_digest(params, wanted, NO_MASK) != params_digest(PAPER, wanted, NO_MASK)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
@pytest.mark.parametrize(
    ("leaf", "reached"),
    [
        ("variants.no_mask.mask", {"ours/no_mask", "ours/no_mask_g1"}),
        ("methods.ours/no_mask_g1.guidance", {"ours/no_mask_g1"}),
        ("trivial.reach", {"temporal_copy/plain"}),
        ("methods.ours/hop2.stride", {"ours/hop2"}),
        ("sampler.guidance", set(JOBS) - {"temporal_copy/plain"}),
        ("evaluation.methods", set()),
    ],
)
def test_a_method_decides_its_own_completions_alone(leaf: str, reached: set[str]) -> None:
    wanted, params = phases.phase("completion"), with_another(leaf)
    changed = {n for n, job in JOBS.items() if params_digest(params, wanted, job) != params_digest(PAPER, wanted, job)}
    assert changed == reached


def test_every_key_decides_some_phase_except_shards_fetching_samples_and_what_is_kept() -> None:
    decided = {block for p in PHASES for block in p.blocks_of(NO_OPTIONS)}
    idle = {leaf for leaf in LEAVES if not any(f"{leaf}.".startswith(f"{root(block)}.") for block in decided)}
    looked_at = {leaf for leaf in LEAVES if leaf.startswith(("samples.", "fetch."))}
    saved = {"checkpoints.every", "checkpoints.seconds", "checkpoints.keep"}
    asked = {f"study.{key}" for key in STUDY}
    assert idle == {"shards.data", "shards.evaluation", "metrics.kept_gib", *saved, *looked_at, *asked}


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
@pytest.mark.parametrize(
    ("leaf", "expected"),
    [("sources.faulty", {"tracks"}), ("sources.max_faulty", {"tracks"}), ("sources.same_footage", set())],
)
def test_how_many_faulty_videos_are_allowed_decides_the_joining_of_tracks_and_no_track(
    leaf: str, expected: set[str]
) -> None:
    params = with_another(leaf)
    assert {p.name for p in PHASES if join_params_digest(params, p) != join_params_digest(PAPER, p)} == expected


def test_lists_of_what_was_left_out_are_read_by_the_card_and_the_report_alone() -> None:
    lists = {f"results/paper/{name}/rejected.csv" for name in ("sources", "tracks")}
    graph = Graph("paper", PAPER, {})
    options = {"method": "ours", "variant": "full", "seed": "0"}
    readers = {p.name for p in PHASES if lists & set(graph.job(p.name, options, 0 if p.shards else None).inputs)}
    assert readers == {"dataset", "report"}
    assert lists <= set(graph.job("report", options).inputs)


def test_order_and_comments_do_not_count_and_spellings_of_a_number_are_one(tmp_path: Path) -> None:
    project = copy_params(tmp_path)
    overlay(project, "frame: {lr: 0.1, steps: 3}  # a note\ntracks: {codec: png}\n", "one")
    overlay(project, "tracks: {codec: 'png'}\nframe:\n  # another\n  steps: 3\n  lr: 1.0e-1\n", "two")
    one, two = load_params(project, "one"), load_params(project, "two")
    assert digest(one) == digest(two)
    assert all(params_digest(one, p) == params_digest(two, p) for p in PHASES)


def test_an_unknown_phase_names_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean 'tracks'"):
        phases.phase("track")
