"""DVC's files: up to date, and watching what Snakemake watches, in the file that sets it."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import CLONE
from tgvac.bridge.dvc_stages import check_dvc, dvc_files, file_of, write_dvc
from tgvac.bridge.graph import DEFAULT_SCALE, Graph
from tgvac.code_digests import TREE
from tgvac.errors import BadInput
from tgvac.params import load_params
from tgvac.phase_spec import NO_OPTIONS
from tgvac.phases import PHASES, join_module, params_digest, phase

SCALES = sorted(path.stem for path in (CLONE / "workflow" / "scales").glob("*.yaml"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What DVC's files are generated from, and the files as committed."""
    for name in ("workflow", "reference"):
        shutil.copytree(CLONE / name, tmp_path / name)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(CLONE / name, tmp_path)
    return tmp_path


@cache
def stages(scale: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((CLONE / file_of(scale)).read_text())["stages"]
    return found


def watched(stage: dict[str, Any]) -> dict[str, str]:
    """The file of each leaf that a stage watches."""
    out = {}
    for entry in stage["params"]:
        file, leaves = next(iter(entry.items())) if isinstance(entry, dict) else ("params.yaml", [entry])
        out |= dict.fromkeys(leaves, file)
    return out


def test_the_files_of_all_scales_are_up_to_date() -> None:
    check_dvc(CLONE)


def test_the_default_scale_s_file_is_at_the_top_and_each_other_scale_s_below_workflow() -> None:
    others = {f"workflow/dvc/{scale}/dvc.yaml" for scale in SCALES if scale != DEFAULT_SCALE}
    assert set(dvc_files(CLONE)) == {"dvc.yaml"} | others


@pytest.mark.parametrize("scale", SCALES)
def test_each_phase_has_a_stage_that_keeps_its_folder_and_runs_its_target_from_the_top_of_the_clone(scale: str) -> None:
    found = stages(scale)
    assert list(found) == [p.name for p in PHASES]
    for name, stage in found.items():
        assert stage["outs"] == [{f"results/{scale}/{name}": {"persist": True}}]
        command = stage["cmd"] if isinstance(stage["cmd"], str) else stage["cmd"][-1]
        assert command == f"workflow/dvc/tgvac run --scale {scale} --cores 2 --target {name}"
        top = (CLONE / file_of(scale)).parent / stage.get("wdir", ".")
        assert top.resolve() == CLONE


@pytest.mark.parametrize("scale", SCALES)
def test_the_headline_metrics_are_named_where_dvc_compares_them(scale: str) -> None:
    file = CLONE / file_of(scale)
    (named,) = yaml.safe_load(file.read_text())["metrics"]
    assert (file.parent / named).resolve() == CLONE / "results" / scale / "report" / "metrics.json"


@pytest.mark.parametrize("scale", SCALES)
def test_a_stage_reads_what_earlier_stages_made(scale: str) -> None:
    graph = Graph.load({"scale": scale}, CLONE)
    # Of every scale, ours/full is evaluated, whose networks are the backbones and the motion model.
    indices = [index for method, seed in graph.evaluated() for index in graph.networks(method, str(seed))]
    networks = {index.split("/")[2] for index in indices}
    assert {"backbones", "motion"} <= networks <= {"backbones", "frame", "motion"}
    made: list[str] = []
    for name, stage in stages(scale).items():
        results = [dep for dep in stage["deps"] if dep.startswith("results/")]
        wanted = {*phase(name).after, *(networks if phase(name).loads_method else ())}
        assert {dep.split("/")[2] for dep in results} == wanted
        assert wanted <= set(made)
        made.append(name)


@pytest.mark.parametrize("name", [p.name for p in PHASES])
def test_every_file_of_the_project_that_a_rule_reads_is_watched(name: str) -> None:
    rule = (CLONE / "workflow" / "rules" / f"{name}.smk").read_text()
    assert not re.findall(r'"reference/[^"]+"', rule), "name it in phases.py, under reads"
    deps = stages("smoke")[name]["deps"]
    assert f"workflow/rules/{name}.smk" in deps
    assert set(phase(name).reads) <= set(deps)


@pytest.mark.parametrize("name", [p.name for p in PHASES])
def test_every_module_behind_a_phase_is_watched(name: str) -> None:
    deps = [CLONE / dep for dep in stages("smoke")[name]["deps"] if dep.startswith("src/")]
    wanted = phase(name)
    methods = (name.split("/") for name, _ in Graph.load({"scale": "smoke"}, CLONE).evaluated())
    jobs = [{"method": m, "variant": v} for m, v in methods] if wanted.loads_method else [NO_OPTIONS]
    entries = {module for options in jobs for module in wanted.modules(options)}
    modules = {*TREE.closure(*entries), *(TREE.closure(join_module(wanted)) if wanted.shards else ())}
    for module in modules:
        file = TREE.file(module)
        assert file is not None
        inside = CLONE / "src" / file.relative_to(TREE.folder.parent)
        assert any(inside.is_relative_to(dep) for dep in deps), inside
    assert all(dep.exists() for dep in deps)


def test_a_leaf_is_watched_in_the_file_that_sets_it() -> None:
    motion = watched(stages("smoke")["motion"])
    assert motion["motion.steps"] == "workflow/scales/smoke.yaml"
    assert motion["motion.beta1"] == "params.yaml"
    assert watched(stages("smoke-davis")["sources"])["sources.use"] == "workflow/scales/smoke-davis.yaml"
    assert watched(stages("smoke-davis")["motion"])["motion.steps"] == "workflow/scales/smoke.yaml"
    assert set(watched(stages("paper")["motion"]).values()) == {"params.yaml"}


def test_no_stage_watches_what_decides_nothing() -> None:
    for stage in stages("smoke").values():
        assert not {"checkpoints.every", "checkpoints.seconds", "checkpoints.keep"} & watched(stage).keys()


def test_every_number_that_changes_a_phase_s_digest_is_watched(project: Path) -> None:
    path, found = project / "params.yaml", stages("paper")
    tree = yaml.safe_load(path.read_text())
    methods = [name.split("/") for name, _ in Graph.load({"scale": "paper"}, project).evaluated()]

    def digests() -> dict[str, list[str]]:
        """Of each phase, and of completion by each evaluated method."""
        params, options = load_params(project, "paper"), [{"method": m, "variant": v} for m, v in methods]
        jobs = {p: options if p.loads_method else [NO_OPTIONS] for p in PHASES}
        return {p.name: [params_digest(params, p, each) for each in jobs[p]] for p in PHASES}

    before = digests()
    numbers = [(b, k, v) for b, keys in tree.items() for k, v in keys.items() if isinstance(v, float) and 0 < v < 0.9]
    seen = set()
    for block, key, value in numbers:
        path.write_text(yaml.safe_dump({**tree, block: {**tree[block], key: value * 1.01}}))
        changed = {name for name, after in digests().items() if after != before[name]}
        for name in changed:
            assert f"{block}.{key}" in watched(found[name]), name
        seen |= changed
    assert {"select", "synthesis", "backbones", "frame", "motion", "completion"} <= seen


def test_a_scale_that_sets_a_key_for_the_first_time_makes_its_file_stale_and_the_first_stage_says_so(
    project: Path,
) -> None:
    write_dvc(project)
    check_dvc(project)
    path = project / "workflow" / "scales" / "smoke.yaml"
    path.write_text(
        path.read_text().replace("sampler: {steps: 3, guidance: 2.0}", "sampler: {steps: 3, guidance: 2.0, stride: 2}")
    )
    with pytest.raises(
        BadInput,
        match=r"^workflow/dvc/smoke-davis/dvc\.yaml, workflow/dvc/smoke/dvc\.yaml no longer .*`tgvac dvc --write`",
    ):
        check_dvc(project)
    with pytest.raises(BadInput, match=r"^workflow/dvc/smoke/dvc\.yaml no longer"):
        check_dvc(project, "smoke")
    check_dvc(project, "paper")
    first = stages("smoke")["sources"]
    assert first["cmd"][0] == "workflow/dvc/tgvac dvc --check --scale smoke"
    assert {"params.yaml", "workflow/scales/smoke.yaml"} <= set(first["deps"])


def test_writing_updates_stale_files_and_deletes_those_without_a_scale(project: Path) -> None:
    write_dvc(project)
    (project / "workflow" / "scales" / "another.yaml").write_text("extends: smoke\nsampler: {stride: 2}\n")
    assert write_dvc(project) == ["workflow/dvc/another/dvc.yaml"]
    assert write_dvc(project) == []
    (project / "workflow" / "scales" / "another.yaml").unlink()
    with pytest.raises(BadInput, match=r"workflow/dvc/another/dvc\.yaml no longer"):
        check_dvc(project)
    assert write_dvc(project) == ["workflow/dvc/another/dvc.yaml"]
    assert not (project / "workflow" / "dvc" / "another" / "dvc.yaml").exists()


def test_dvc_s_settings_send_nothing_anywhere_and_stage_nothing() -> None:
    settings = (CLONE / ".dvc" / "config").read_text()
    for line in ("autostage = false", "analytics = false", "check_update = false"):
        assert line in settings
    assert "remote" not in settings
