"""The graph: what it declares, what it plans, and what reruns after which change."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file

from tests.conftest import CLONE, Command
from tests.unit.builders import davis_tree, noise
from tests.workflow.one_stage import one_stage
from tgvac.bridge.graph import Graph
from tgvac.models.backbones import load_backbones
from tgvac.models.latents import round_trip
from tgvac.params import load_params
from tgvac.phases import PHASES

pytestmark = pytest.mark.workflow

RULE_FILES = sorted((CLONE / "workflow" / "rules").glob("*.smk"))
TARGETS_ONLY = {"frame", "motion", "completion"}
NO_PHASE = {"ledger", "standins", "standins_of_another_scale", "mlflow"}


def rules() -> dict[str, str]:
    """The text of each rule, by name."""
    found = {}
    for path in RULE_FILES:
        for block in re.split(r"(?m)^(?=rule )", path.read_text())[1:]:
            # Text between two rules belongs to neither.
            found[block.split(":")[0].removeprefix("rule ").strip()] = block.split("\n\n\n")[0]
    return found


def planned(output: str) -> dict[str, int]:
    """Jobs by rule of a dry run's table; none when there is nothing to be done."""
    table = re.search(r"Job stats:\n.*?\n-+ .*?\n(.*?)\ntotal", output, re.S)
    if table is None:
        return {}
    return {line.split()[0]: int(line.split()[1]) for line in table[1].splitlines()}


# The rules that a change of each phase reaches, written by hand.
DOWN_TO_REPORT = {"report", "ledger", "all"}
MEASURED = {"metrics_method", "metrics", *DOWN_TO_REPORT, "mlflow"}
COMPLETED = {"completion_shard", "completion_method", *MEASURED}
SAMPLED = COMPLETED - {"completion_method"}  # by methods with networks
TRAINED_MOTION = {"train_motion", *SAMPLED}
TRAINED = {"train_frame", *TRAINED_MOTION}
ENCODED = {"latents_shard", "latents", *TRAINED}
FROZEN = {"backbones", *ENCODED, *COMPLETED}
RECIPES = {"synthesis_shard", "synthesis", "dataset", *FROZEN}
CAPTIONED = {"captions_shard", "captions", "dataset", *FROZEN}
SELECTED = {"select", *RECIPES, *CAPTIONED}
CUT = {"tracks_shard", "tracks", "masks_shard", "masks", *SELECTED}


@pytest.mark.parametrize("name", sorted(rules()))
def test_every_rule_has_log_benchmark_resources_and_one_line_of_shell(name: str) -> None:
    block = rules()[name]
    if name in TARGETS_ONLY:
        assert "shell:" not in block
        return
    for directive in ("log:", "benchmark:", "resources:", "threads:", "message:", "params:"):
        assert re.search(rf"(?m)^    {directive}", block), f"{name} has no {directive}"
    shell = block.split("    shell:\n")[1]
    assert len(shell.strip().splitlines()) == 1
    assert "{STAGE:q}" in shell or name in NO_PHASE


def test_every_phase_has_a_rule_file_of_its_name_within_bounds() -> None:
    for phase in PHASES:
        path = CLONE / "workflow" / "rules" / f"{phase.name}.smk"
        assert path.is_file()
        assert len(path.read_text().splitlines()) <= 200


def test_a_run_executes_every_rule_and_leaves_log_and_benchmark_of_each(smoke: Path) -> None:
    for phase in PHASES:
        for folder, suffix in (("logs", ".log"), ("benchmarks", ".tsv")):
            files = list((smoke / folder / "smoke" / phase.name).rglob(f"*{suffix}"))
            assert files, f"{phase.name} left nothing in {folder}"
    assert (smoke / "results" / "smoke" / "report" / "index.html").is_file()
    assert (smoke / "results" / "smoke" / "ledger" / "index.html").is_file()


def test_the_graph_names_the_benchmark_of_each_job_as_the_rules_do(smoke: Path) -> None:
    graph = Graph.load({"scale": "smoke"}, smoke)
    for phase in PHASES:
        left = (smoke / "benchmarks" / "smoke" / phase.name).rglob("*.tsv")
        assert {path.relative_to(smoke).as_posix() for path in left} == set(graph.benchmarks(phase.name))


def test_every_declared_file_has_its_provenance_beside_it(smoke: Path) -> None:
    results = smoke / "results" / "smoke"
    declared = [p for p in results.rglob("*") if p.name in ("index.json", "manifest.json") or p.suffix == ".parquet"]
    # Joined phases also keep the index of their shards; the table beside it names it, and the manifest that of pairs.
    lone = [p for p in declared if not p.with_name(f"{p.name}.prov.json").is_file()]
    named = {"synthesis/index.json", "captions/index.json", "sources/world_pix2gestalt/pairs/index.json"}
    # The folder that can be published is described by its own Croissant.
    named |= {f"dataset/data/{table}.parquet" for table in ("captions", "occlusion", "recipes")}
    assert {p.relative_to(results).as_posix() for p in lone} <= named


@pytest.mark.parametrize(
    ("run", "part", "steps", "rows"),
    [
        ("frame/full/seed0", "", (12, 24), 4),
        ("motion/full/seed0", "", (12,), 4),
        ("backbones", "vae", "vae_steps", 2),
        ("backbones", "unet", "unet_steps", 2),
    ],
)
def test_trainings_leave_sample_images_that_decide_nothing(
    smoke: Path, run: str, part: str, steps: tuple[int, ...] | str, rows: int
) -> None:
    params = load_params(smoke, "smoke")
    if isinstance(steps, str):
        last, every = getattr(params.backbones, steps), params.samples.every
        steps = tuple(sorted({*range(every, last + 1, every), last}))
    folder = smoke / "results" / "smoke" / run
    pictures = {}
    for path in (folder / "samples" / part).glob("*.png"):
        with Image.open(path) as picture:
            pictures[path.name] = picture.size
    # Four tiles of 64 pixels in a row, two pixels apart.
    assert pictures == {f"step-{step:08d}.png": (4 * 66 - 2, rows * 66 - 2) for step in steps}
    assert "samples" not in (folder / "index.json").read_text()


def test_stand_ins_are_the_same_without_sample_images(smoke: Path, tmp_path: Path, tgvac: Command) -> None:
    folder = one_stage(tmp_path / "project", smoke, "backbones", {"samples": {"every": 0}})
    done = tgvac(folder, "stage", "backbones", "--scale", "smoke")
    assert done.returncode == 0, done.stderr
    made = folder / "results" / "smoke" / "backbones"
    assert not list((made / "samples").rglob("*.png"))
    assert (made / "index.json").read_bytes() == (smoke / "results/smoke/backbones/index.json").read_bytes()


def test_sample_images_of_a_training_show_the_ground_truth_after_its_autoencoder(smoke: Path) -> None:
    with Image.open(
        smoke / "results" / "smoke" / "frame" / "full" / "seed0" / "samples" / "step-00000012.png"
    ) as image:
        picture = np.asarray(image)
    ceiling, truth = (np.stack([picture[y : y + 64, x * 66 : x * 66 + 64] for x in range(4)]) for y in (132, 198))
    vae = load_backbones(smoke / "results" / "smoke" / "backbones", torch.device("cpu")).vae
    np.testing.assert_array_equal(ceiling, round_trip(vae, truth, load_params(smoke, "smoke").compute.vae_batch))


def test_a_second_run_does_nothing(smoke: Path, snakemake: Command) -> None:
    done = snakemake(smoke, "-c2", "all", "--config", "scale=smoke")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout


@pytest.fixture
def finished(smoke: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, dates and Snakemake's records included, to be changed."""
    folder = tmp_path / "finished"
    shutil.copytree(smoke, folder, symlinks=True, copy_function=shutil.copy2)
    return folder


def test_order_of_keys_and_comments_rerun_nothing(finished: Path, snakemake: Command) -> None:
    path = finished / "params.yaml"
    tree = yaml.safe_load(path.read_text())
    turned = {k: dict(reversed(v.items())) for k, v in reversed(tree.items())}
    path.write_text("# another comment\n" + yaml.safe_dump(turned, sort_keys=False))
    assert "Nothing to be done" in snakemake(finished, "-n", "-c2", "all", "--config", "scale=smoke").stdout


def test_a_truncated_input_is_refused_even_if_all_is_made_already(finished: Path, tgvac: Command) -> None:
    path = finished / "results" / "smoke" / "select" / "tracks.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    record = finished / "results" / "smoke" / "synthesis" / "shards" / "shard-000.json.prov.json"
    before = record.read_bytes()
    done = tgvac(finished, "stage", "synthesis", "--scale", "smoke", "--shard", "0")
    assert done.returncode == 2
    assert f"tgvac: {path} differs from what its phase made" in done.stderr
    assert record.read_bytes() == before
    path.unlink()
    assert tgvac(finished, "run", "--scale", "smoke", "--cores", "2", "--target", "select").returncode == 0
    assert path.read_bytes() == whole


def test_a_touched_file_reruns_nothing(finished: Path, snakemake: Command) -> None:
    for path in (finished / "results").rglob("*"):
        if path.is_file():
            path.touch()
    assert "Nothing to be done" in snakemake(finished, "-n", "-c2", "all", "--config", "scale=smoke").stdout


CHANGES: dict[str, tuple[object, set[str]]] = {
    "fetch.workers": (5, set()),
    "tracks.max_frames": (21, CUT),
    "masks.full": ("given", set()),
    "masks.sparse": ("given", {"masks_shard", "masks", *SELECTED}),
    "select.min_area": (0.003, SELECTED),
    "synthesis.rate_max": (0.89, RECIPES),
    "captions.template": ("one {category}", CAPTIONED),
    "framing.pad": (126, FROZEN),
    "backbones.lr": (2.1e-3, FROZEN),
    "frame.steps": (41, TRAINED),
    "motion.lr": (1.1e-3, TRAINED_MOTION),
    "motion_module.norm": ("clip", TRAINED_MOTION),
    "sampler.guidance": (3.0, SAMPLED),
    "sampler.steps": (4, SAMPLED),
    "completion.white_threshold": (240, COMPLETED),
    "evaluation.sample_seed": (1, COMPLETED),
    "metrics.lpips_net": ("vgg", MEASURED),
    "metrics.bootstrap": (201, DOWN_TO_REPORT),
    "report.fps": (9, DOWN_TO_REPORT),
    "dataset.words": (26, {"dataset", "all"}),
    "checkpoints.every": (11, set()),
    "checkpoints.seconds": (10, set()),
    "checkpoints.keep": (3, set()),
}


@pytest.mark.parametrize("key", CHANGES)
def test_a_changed_key_reruns_the_phases_that_use_it_and_what_follows(
    finished: Path, snakemake: Command, key: str
) -> None:
    value, expected = CHANGES[key]
    block, leaf = key.split(".")
    path = finished / "workflow" / "scales" / "smoke.yaml"
    tree = yaml.safe_load(path.read_text())
    tree.setdefault(block, {})[leaf] = value
    path.write_text(yaml.safe_dump(tree))
    done = snakemake(finished, "-n", "-c2", "all", "--config", "scale=smoke")
    assert done.returncode == 0, done.stdout[-3000:]
    assert set(planned(done.stdout)) == expected


def test_a_registry_row_that_is_not_in_use_reruns_nothing(finished: Path, snakemake: Command) -> None:
    path = finished / "reference" / "registry.csv"
    path.write_text(path.read_text().replace("DAVIS 2017, non-commercial", "DAVIS 2017, not for sale") + "\n")
    assert "Nothing to be done" in snakemake(finished, "-n", "-c2", "all", "--config", "scale=smoke").stdout


def test_a_touched_frame_of_the_user_s_reruns_the_look_at_the_footage_alone(
    project: Path, tgvac: Command, tmp_path: Path
) -> None:
    footage = davis_tree(tmp_path / "it's #1: {x}", {"bear": [(noise(i, 48, 64, 3), ids_of(i)) for i in range(16)]})
    run = ("run", "--scale", "smoke-davis", "--at", f"davis={footage}", "--target", "tracks")
    first = tgvac(project, *run)
    assert first.returncode == 0, first.stderr[-3000:]
    made = project / "results" / "smoke-davis" / "tracks" / "index.json"
    assert json.loads((made.parents[1] / "sources" / "locations.json").read_text())["davis"] == str(footage)
    before = made.stat().st_mtime_ns
    os.utime(next(footage.rglob("*.png")))
    again = tgvac(project, *run)
    assert again.returncode == 0
    assert "sources: 2/2" in again.stdout + again.stderr
    assert made.stat().st_mtime_ns == before


def ids_of(i: int) -> np.ndarray:
    ids_HW = np.zeros((48, 64), np.uint8)
    ids_HW[10:30, 10 + i : 30 + i] = 1
    return ids_HW


def test_a_change_of_the_report_alone_runs_the_report_alone(finished: Path, tgvac: Command, snakemake: Command) -> None:
    path = finished / "workflow" / "scales" / "smoke.yaml"
    path.write_text(
        path.read_text().replace("report: {strip_frames: 6, zoom: 2}", "report: {strip_frames: 6, zoom: 1}")
    )
    plan = snakemake(finished, "-n", "-c2", "all", "--config", "scale=smoke")
    assert planned(plan.stdout) == {"report": 1, "ledger": 1, "all": 1}
    assert tgvac(finished, "run", "--scale", "smoke").returncode == 0
    assert "Nothing to be done" in snakemake(finished, "-n", "-c2", "all", "--config", "scale=smoke").stdout


def test_the_slurm_profile_plans_the_paper_s_scale_by_the_literal_command(project: Path, snakemake: Command) -> None:
    done = snakemake(project, "--profile", "slurm", "-n", "all")
    assert done.returncode == 0, done.stdout[-3000:]
    jobs = planned(done.stdout)
    assert jobs["train_frame"] == jobs["train_motion"] == 3, "one of each variant of Table 3"
    assert jobs["tracks_shard"] == yaml.safe_load((CLONE / "params.yaml").read_text())["shards"]["data"]
    assert sum(jobs.values()) <= 1500
    assert "results/paper/" in done.stdout


def test_stand_ins_need_no_scale_named(project: Path, snakemake: Command) -> None:
    done = snakemake(project, "-n", "-c2", "standins")
    assert done.returncode == 0, done.stdout[-3000:]
    jobs = planned(done.stdout)
    assert jobs["train_motion"] == jobs["standins"] == jobs["standins_of_another_scale"] == 1
    assert "results/standins-completion/taken/index.json" in done.stdout, "the backbones' scale comes first"
    assert "results/standins-completion/motion/full/seed0/index.json" in done.stdout
    assert "results/tiny/" not in done.stdout


def test_a_scale_that_takes_another_one_s_stand_ins_has_them_made_first(finished: Path, snakemake: Command) -> None:
    overlay = "extends: smoke\nbackbones: {origin: shipped, shipped: results/smoke/standins}\n"
    (finished / "workflow" / "scales" / "taker.yaml").write_text(overlay)
    done = snakemake(finished, "-c2", "results/taker/backbones/index.json", "--config", "scale=taker")
    assert done.returncode == 0, done.stdout[-3000:]
    for name in ("vae", "unet"):
        weights = Path("backbones") / name / "diffusion_pytorch_model.safetensors"
        made, taken = (load_file(finished / "results" / scale / weights) for scale in ("smoke", "taker"))
        assert made.keys() == taken.keys()
        # Stand-ins are kept in half precision.
        assert all(torch.equal(made[key].half(), taken[key]) for key in made)
    own = snakemake(finished, "-c2", "standins", "--config", "scale=smoke")
    assert own.returncode == 0, own.stdout[-3000:]
    again = snakemake(finished, "-n", "-c2", "results/taker/backbones/index.json", "--config", "scale=taker")
    assert "Nothing to be done" in again.stdout, "each scale has records of its own"
