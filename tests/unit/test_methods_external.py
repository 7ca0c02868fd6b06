"""Outputs that were made elsewhere as a method of a scale: a row of its report, made again when they change."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.unit.params_project import overlay, refusal
from tests.unit.report_project import EVALUATION, METRICS, PROJECT
from tests.unit.scored_project import EVALUATED, SAMPLES, SCALE, darker, exported, save_outputs, scored_project
from tests.unit.tiny_models import context
from tgvac.bridge.dvc_stages import _Settings, _stage
from tgvac.bridge.graph import Graph
from tgvac.bridge.workflow import run_workflow
from tgvac.clips.completion import Completions
from tgvac.complete.plain_methods import load_plain, names
from tgvac.completion import completion_stage
from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.methods.registry import label_of
from tgvac.params import load_params
from tgvac.phases import phase
from tgvac.report.basis import basis_of
from tgvac.report.paper import load_paper
from tgvac.report.scores import Measured
from tgvac.report.table2 import quality_table
from tgvac.stage import Context
from tgvac.synthesis.clips import recipe_clips

NAME = "external/theirs"
OWN = SCALE.replace("copy_visible/plain]", f"copy_visible/plain, {NAME}]") + (
    f"methods: {{{NAME}: {{outputs: theirs}}}}\n"
)


@pytest.fixture(autouse=True)
def _unpinned() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A scale without rows, one of whose methods was made elsewhere; its outputs lack a sample."""
    ctx = scored_project(tmp_path_factory.mktemp("project"), {})
    overlay(ctx.root, OWN, "fake")
    record = exported(ctx, ctx.root / "inputs") / "export.json"
    save_outputs(ctx, ctx.root / "theirs", darker(40), record, SAMPLES[1:])
    return ctx


@pytest.fixture
def project(base: Context, tmp_path: Path) -> Context:
    shutil.copytree(base.root, tmp_path / "project")
    return Context(tmp_path / "project", "fake", "completion", "d" * 64)


def run(project: Context) -> tuple[Completions, dict[str, str]]:
    params = load_params(project.root, "fake")
    options = {"method": "external", "variant": "theirs", "seed": "0"}
    ctx = context(project.root, "completion", shard=0, shards=1, options=options)
    facts = completion_stage.run(ctx, methods=params.methods, evaluation=params.evaluation)
    return Completions(project.results / "completion" / NAME / "seed0" / "shard-000.zip"), facts


def test_completions_are_the_outputs_and_a_missing_sample_costs_the_others_nothing(
    project: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    done, _ = run(project)
    assert done.samples() == SAMPLES[1:]
    assert f"left out: {project.root}/theirs has no pictures of '{SAMPLES[0]}'" in capsys.readouterr().out
    clip = recipe_clips(project).render(SAMPLES[1], range(EVALUATED))
    found = done.read(SAMPLES[1])
    assert np.array_equal(found.amodal_FHW, clip.amodal_FHW)
    inside = clip.amodal_FHW > 0
    assert np.array_equal(found.rgb_FHW3[inside], np.maximum(clip.whole_FHW3[inside], 40) - np.uint8(40))
    meta = done.meta(SAMPLES[1])
    assert (meta.method, meta.variant, meta.train_seed, meta.frames) == ("external", "theirs", -1, EVALUATED)
    assert label_of(NAME) == "Made elsewhere, theirs"


def test_changed_outputs_are_other_completions_of_that_sample_and_other_provenance(project: Context) -> None:
    done, facts = run(project)
    shard = done.store.path
    before = sha256(shard)
    assert run(project)[1] == facts
    assert sha256(shard) == before
    folder = project.root / "theirs" / "world--bee--1--r0"
    shutil.copy(folder / "00001.png", folder / "00000.png")
    changed, other = run(project)
    assert other != facts
    assert sha256(shard) != before
    found = changed.read("world/bee/1/r0").rgb_FHW3
    assert np.array_equal(found[0], found[1])


def test_a_file_that_cannot_be_read_costs_the_other_samples_nothing(
    project: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.match("theirs/world--bee--1--r0/00001.png"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    done, _ = run(project)
    assert done.samples() == tuple(s for s in SAMPLES[1:] if s != "world/bee/1/r0")
    said = capsys.readouterr().out
    assert "world--bee--1--r0/00001.png cannot be read ([Errno 13] Permission denied)" in said


def test_outputs_of_other_clips_end_the_job(project: Context) -> None:
    path = project.root / "theirs" / "export.json"
    record = json.loads(path.read_text())
    record["samples"][SAMPLES[2]]["digest"] = "f" * 32
    path.write_text(json.dumps(record))
    with pytest.raises(BadInput, match=f"made of other clips: '{SAMPLES[2]}' has changed"):
        run(project)


def test_outputs_of_the_truth_end_the_job(project: Context) -> None:
    path = project.root / "theirs" / "export.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"kind": "truth"}))
    with pytest.raises(BadInput, match="is that of an export of the truth, which no method may read"):
        run(project)


def test_outputs_of_no_sample_are_refused(project: Context) -> None:
    for folder in [f for f in (project.root / "theirs").iterdir() if f.is_dir()]:
        folder.rename(folder.with_name(f"my-{folder.name}"))
    with pytest.raises(BadInput, match=r"has pictures of none of the 7 samples of its export\.json, such as"):
        run(project)


def test_the_graph_notices_changed_outputs_and_only_for_that_method(
    project: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)

    def digests() -> list[str]:
        digest = Graph("fake", load_params(project.root, "fake"), {}).digest("completion")
        assert not isinstance(digest, str)
        names = (NAME, "copy_visible/plain")
        return [digest({"method": n.split("/")[0], "variant": n.split("/")[1], "seed": "0"}) for n in names]

    before = digests()
    assert digests() == before
    image = project.root / "theirs" / "world--bee--1--r0" / "00000.png"
    os.utime(image, ns=(1, 1))
    after = digests()
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_dvc_lists_the_folder_of_the_outputs(project: Context) -> None:
    graph = Graph("fake", load_params(project.root, "fake"), {})
    settings = _Settings(project.root, "fake")
    assert "theirs" in _stage(graph, settings, phase("completion"))["deps"]
    assert "theirs" not in _stage(graph, settings, phase("metrics"))["deps"]


def test_a_run_is_refused_at_once_where_the_outputs_are_missing(project: Context) -> None:
    shutil.copy(Path(__file__).parents[2] / "Snakefile", project.root)
    shutil.rmtree(project.root / "theirs")
    with pytest.raises(BadInput, match=r"methods\.external/theirs\.outputs is 'theirs', which is no folder; give the"):
        run_workflow(project.root, "fake", 1, "report", {})


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ("external/theirs: {}", "methods.external/theirs.outputs is None, but 'external' needs it, a folder of"),
        ("ours/mine: {outputs: x}", "methods.ours/mine.outputs is 'x', but 'ours' completes by itself"),
    ],
)
def test_only_outputs_from_elsewhere_name_a_folder(methods: str, message: str, project: Context) -> None:
    overlay(project.root, f"{SCALE}\nmethods: {{{methods}}}\n", "mine")
    assert message in refusal(project.root)


def test_table_2_says_which_method_has_fewer_samples_than_the_others() -> None:
    def rows(method: str, variant: str, samples: int) -> list[dict[str, object]]:
        key = {"scale": "t", "method": method, "variant": variant, "mask_source": "given", "sample_seed": 0}
        return [
            key | {"train_seed": -1, "sample": f"v{i}/r0", "video": f"v{i}", "frame": 0, "metric": "lpips"}
            | {"rate": 0.5, "value": 0.1}
            for i in range(samples)
        ]  # fmt: skip

    def remarks(samples: int) -> tuple[str, ...]:
        table = [*rows("copy_visible", "plain", 3), *rows("external", "theirs", samples)]
        numbers = Measured(pd.DataFrame(table), METRICS, "given")
        evaluation = EVALUATION.model_copy(update={"methods": ("copy_visible/plain", NAME)})
        paper = load_paper(PROJECT / "reference" / "paper.yaml")
        return quality_table(numbers, paper, basis_of("train", ("world",)), evaluation, {}).remarks[1:]

    assert remarks(3) == ()
    (said,) = remarks(2)
    assert said.startswith("Made elsewhere, theirs has rows of 2 samples, others of 3; its means are not of the same")


def test_only_methods_that_need_neither_weights_nor_the_truth_nor_outputs_complete_a_users_video() -> None:
    assert {"temporal_copy", "temporal_flow", "telea"} < set(names())
    assert not {"truth", "external", "autoencoder"} & set(names())
    assert load_plain("temporal_flow", load_params(PROJECT, "smoke")).framing.mode == "follow"
