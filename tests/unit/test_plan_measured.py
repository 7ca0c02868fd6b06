"""``tgvac plan``: CPU-hours from the scale's own jobs and from committed measurements."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.params_project import ROOT, copy_params
from tests.unit.plan_project import COSTS, counts
from tests.unit.tiny_models import recipe
from tgvac.errors import BadInput
from tgvac.files import write_json
from tgvac.params import load_params
from tgvac.planning.counts import Counts, Footage
from tgvac.planning.measured import cpu_time
from tgvac.planning.plan import Plan
from tgvac.planning.tables import as_json, as_text
from tgvac.planning.work import CpuTime, PhaseCost, Work

WORLD = counts(recipe("a/1/r0", "a/1", 30, "train"), recipe("b/1/r0", "b/1", 10, "val"))
REAL = replace(WORLD, footage=(Footage("davis", "davis", 3, 60),))
HEAD = "s\th:m:s\tmean_load\tcpu_time\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Params and references, and no measurements."""
    copy_params(tmp_path)
    shutil.copytree(ROOT / "reference", tmp_path / "reference")
    return tmp_path


def measured(project: Path, name: str, figures: Mapping[str, float]) -> Path:
    """A reference file with these figures."""
    rows = [{"what": what, "value": value, "unit": "u", "bar": None, "holds": None} for what, value in figures.items()]
    path = project / "benchmarks" / "results" / f"{name}.reference.json"
    write_json(path, {"commit": "c", "cpu": "a processor", "date": "2026-01-01", "measured": rows})
    return path


def job(project: Path, phase: str, name: str, seconds: str) -> None:
    path = project / "benchmarks" / "smoke" / phase / f"{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEAD}3.0\t0:00:03\t50.0\t{seconds}\n")


def found(project: Path, phase: str, jobs: Sequence[str] = (), data: Counts = WORLD) -> CpuTime | None:
    tables = [f"benchmarks/smoke/{phase}/{name}.tsv" for name in jobs]
    return cpu_time(project, phase, tables, load_params(project, "smoke"), data)


def test_hours_are_frames_by_the_committed_rate(project: Path) -> None:
    measured(project, "stages", {"tracks, one core": 2.0, "synthesis, one core": 4.0})
    measured(project, "data", {"rendering, one core": 5.0})
    measured(project, "data-davis", {"rendering, one core": 10.0})
    tracks, synthesis, latents = (found(project, name) for name in ("tracks", "synthesis", "latents"))
    assert tracks is not None
    assert tracks.hours == pytest.approx(60 / 2 / 3600)
    assert "benchmarks/results/stages.reference.json" in tracks.source
    assert "(a processor)" in tracks.source
    assert not tracks.own
    assert not tracks.least
    assert synthesis is not None
    assert synthesis.hours == pytest.approx(40 / 4 / 3600)
    assert latents is not None
    assert latents.hours == pytest.approx(30 / 5 / 3600), "of the train split"
    assert latents.least, "without encoding"
    of_real = found(project, "latents", data=REAL)
    assert of_real is not None
    assert of_real.hours == pytest.approx(30 / 10 / 3600), "real JPEGs have more bytes"


def test_rates_of_the_world_give_a_lower_bound_for_real_footage_where_images_are_read(project: Path) -> None:
    measured(project, "stages", {"tracks, one core": 2.0, "synthesis, one core": 4.0})
    measured(project, "joins", {"select, one core": 2.0})
    tracks, select, synthesis = (found(project, name, data=REAL) for name in ("tracks", "select", "synthesis"))
    assert tracks is not None
    assert tracks.least
    assert tracks.hours == pytest.approx(60 / 2 / 3600)
    assert tracks.source.startswith("a lower bound, without decoding larger frames and real JPEGs: benchmarks/")
    for each in (select, synthesis):
        assert each is not None
        assert not each.least


def test_without_a_cache_the_latents_phase_renders_nothing(project: Path) -> None:
    measured(project, "data", {"rendering, one core": 5.0})
    params = load_params(project, "smoke")
    bare = params.model_copy(update={"latents": params.latents.model_copy(update={"cache": False})})
    assert cpu_time(project, "latents", (), params, WORLD) is not None
    assert cpu_time(project, "latents", (), bare, WORLD) is None


def test_phases_without_measurements_have_no_hours(project: Path) -> None:
    assert found(project, "tracks") is None, "no file"
    measured(project, "stages", {"tracks, one core": 2.0})
    assert found(project, "completion") is None
    assert found(project, "sources") is None


def test_the_committed_measurements_have_every_figure_that_plans_ask_for(project: Path) -> None:
    shutil.copytree(ROOT / "benchmarks" / "results", project / "benchmarks" / "results")
    for data in (WORLD, REAL):
        assert all(found(project, name, data=data) for name in ("tracks", "select", "synthesis", "latents"))


def test_a_finished_phase_takes_what_its_own_jobs_took(project: Path) -> None:
    measured(project, "stages", {"tracks, one core": 2.0})
    for name, seconds in (("all", "NA"), ("shard-000", "30.0"), ("shard-001", "6.0")):
        job(project, "tracks", name, seconds)
    own = found(project, "tracks", ("shard-000", "shard-001", "all"))
    assert own is not None
    assert (own.hours, own.own, own.least) == (0.01, True, False)
    assert own.source.startswith("last run of each job as sampled by Snakemake")
    assert own.source.endswith("(benchmarks/smoke/tracks/)")
    not_all, unfinished = (
        found(project, "tracks", ("shard-000", "shard-001", "shard-002", "all")),
        found(project, "tracks"),
    )
    assert not_all is not None
    assert not not_all.own, "a job has left no file"
    assert unfinished == not_all


def test_benchmarks_of_jobs_that_the_scale_no_longer_has_are_ignored(project: Path) -> None:
    job(project, "completion", "ours-full-seed0-000", "36.0")
    job(project, "completion", "ours-gone-seed0-000", "100.0")
    own = found(project, "completion", ["ours-full-seed0-000"])
    assert own is not None
    assert own.hours == 0.01


def test_jobs_too_short_to_be_sampled_give_no_hours(project: Path) -> None:
    job(project, "report", "all", "-")
    assert found(project, "report", jobs=["all"]) is None


@pytest.mark.parametrize("text", ["", HEAD, f"{HEAD}3.0\t0:00:03\t50.0\tmuch\n", "s\n3.0\n"])
def test_a_damaged_benchmark_of_a_job_is_refused_in_one_sentence(project: Path, text: str) -> None:
    job(project, "report", "all", "1.0")
    (project / "benchmarks" / "smoke" / "report" / "all.tsv").write_text(text)
    with pytest.raises(
        BadInput, match=r"report/all\.tsv is not a table of one row .*; delete it, and the plan leaves it out"
    ):
        found(project, "report", jobs=["all"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"stages\.reference\.json is not valid JSON \(.*\); restore it from the repository"),
        ("[]", r"stages\.reference\.json holds a list, not measurements; restore it"),
        ('{"commit": "c", "cpu": "p", "date": "d", "measured": []}', "has no figure 'tracks, one core'; restore it"),
        ('{"commit": "c", "cpu": "p", "date": "d"}', "the key 'measured' is missing"),
    ],
)
def test_damaged_committed_measurements_are_refused_in_one_sentence(project: Path, text: str, message: str) -> None:
    measured(project, "stages", {}).write_text(text)
    with pytest.raises(BadInput, match=message):
        found(project, "tracks")


def test_tables_and_json_have_the_hours_and_where_they_are_from() -> None:
    line = Work("tracks", "at working resolution", 60, "frames")
    phases = (
        PhaseCost("tracks", (line,), 1, cpu=CpuTime(12.0, False, "a file")),
        PhaseCost("select", (), 1, cpu=CpuTime(0.5, True, "its jobs")),
        PhaseCost("latents", (), 1, cpu=CpuTime(2.0, False, "at least: a file", least=True)),
        PhaseCost("report", (), 1),
    )
    plan = Plan("mine", WORLD, "none", phases)
    text = as_text(plan, COSTS, 0.5, details=False)
    rows = {row.split("|")[1].strip(): row.split("|")[7].strip() for row in text.splitlines() if row.startswith("| ")}
    hours = {"tracks": "12", "select": "0.5*", "latents": "2.0 + ?", "report": "–", "all": "14 + ?"}
    assert rows == {"phase": "CPU hours", **hours}
    assert "tracks, CPU hours: a file" in text.splitlines()
    keys = ("cpu_hours", "cpu_hours_at_least", "cpu_hours_from")
    said = {each["phase"]: tuple(each[key] for key in keys) for each in as_json(plan, COSTS, 0.5)["phases"]}
    assert said == {
        "tracks": (12.0, False, "a file"),
        "select": (0.5, False, "its jobs"),
        "latents": (2.0, True, "at least: a file"),
        "report": (None, None, None),
    }
