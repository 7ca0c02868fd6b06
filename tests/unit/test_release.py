"""A finished run becomes a crate, and every alteration of the crate is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import Command, make_project
from tgvac.errors import BadInput
from tgvac.files import sha256, write_text
from tgvac.params import load_params
from tgvac.phases import join_params_digest, params_digest, phase
from tgvac.provenance import write_provenance
from tgvac.release.checksums import MANIFEST
from tgvac.release.crate import names_of, release
from tgvac.release.crate_metadata import METADATA
from tgvac.release.verify import verify

DAY = date(2026, 1, 2)
ROWS, TABLE = "results/metrics/rows.parquet", "results/report/tables/table2.csv"
READS = {
    "sources/manifest.json": (),
    "tracks/index.json": ("sources/manifest.json",),
    "metrics/rows.parquet": ("tracks/index.json",),
    "dataset/index.json": ("sources/manifest.json", "tracks/index.json"),
    "report/index.json": ("metrics/rows.parquet", "tracks/index.json"),
}
"""Files of a small finished run, and what each was made from."""


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A project with a finished run of scale smoke, as far as a release reads it."""
    project = make_project(tmp_path / "project")
    params, results = load_params(project, "smoke"), project / "results" / "smoke"
    write_text(results / "report" / "index.html", "<p>report</p>")
    write_text(results / "report" / "tables" / "table2.csv", "method,clip\nours,0.9\n")
    for name, reads in READS.items():
        of = phase(name.partition("/")[0])
        beside = sorted(path for path in (results / of.name).rglob("*") if path.is_file())
        entries = [{"file": path.relative_to(results / of.name).as_posix(), "sha256": sha256(path)} for path in beside]
        write_text(results / name, json.dumps({"of": name, "entries": entries}))
        decided = join_params_digest(params, of) if of.shards else params_digest(params, of)
        write_provenance(results / name, of.name, decided, "code", {read: results / read for read in reads})
    return project


@pytest.fixture
def crate(finished: Path, tmp_path: Path) -> Path:
    release(finished, "smoke", tmp_path / "crate", DAY)
    return tmp_path / "crate"


def test_a_crate_has_the_results_the_workflow_the_params_and_the_environment(crate: Path) -> None:
    names = names_of(crate)
    assert {f"results/{name}" for name in READS} <= set(names)
    assert {f"results/{name}.prov.json" for name in READS} <= set(names)
    assert {TABLE, "results/report/index.html", "Snakefile", "workflow/rules/masks.smk", "params.yaml"} <= set(names)
    assert "sampler:" in (crate / "params.yaml").read_text()
    assert "python" in json.loads((crate / "environment.json").read_text())


def test_the_metadata_are_those_of_an_ro_crate_whose_main_entity_is_the_workflow(crate: Path) -> None:
    graph = {each["@id"]: each for each in json.loads((crate / METADATA).read_text())["@graph"]}
    assert graph[METADATA]["about"] == {"@id": "./"}
    assert graph["./"]["mainEntity"] == {"@id": "Snakefile"}
    assert graph["./"]["datePublished"] == "2026-01-02"
    assert "ComputationalWorkflow" in graph["Snakefile"]["@type"]
    assert graph[TABLE]["sha256"] == sha256(crate / TABLE)
    assert graph["#run"]["instrument"] == {"@id": "Snakefile"}
    assert {each["@id"] for each in graph["./"]["hasPart"]} == set(names_of(crate)) - {METADATA, MANIFEST}


def test_the_manifest_is_one_that_sha256sum_reads(crate: Path) -> None:
    lines = (crate / MANIFEST).read_text().splitlines()
    assert f"{hashlib.sha256((crate / ROWS).read_bytes()).hexdigest()}  {ROWS}" in lines
    assert len(lines) == len(names_of(crate)) - 1


def test_an_unaltered_crate_is_as_it_was_released_as_a_folder_and_as_a_zip(finished: Path, crate: Path) -> None:
    done = release(finished, "smoke", crate.with_suffix(".zip"), DAY)
    for path in (crate, crate.with_suffix(".zip")):
        found = verify(path)
        assert found.differences == ()
        assert (found.files, found.digest) == (done.files, done.digest)


def test_the_same_run_gives_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    one, two = (release(finished, "smoke", tmp_path / name, DAY).path.read_bytes() for name in ("a.zip", "b.zip"))
    assert one == two


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def everywhere(crate: Path, name: str, text: str, *records: str) -> None:
    """Change a file, and its checksum in these records, as somebody would who wants to hide it."""
    before = sha256(crate / name)
    (crate / name).write_text(text)
    for record in records:
        rewrite(crate / record, before, sha256(crate / name))


def in_manifest_and_metadata(crate: Path, name: str) -> None:
    """Change a file, its checksums in manifest and metadata, and that of the metadata."""
    before = sha256(crate / METADATA)
    everywhere(crate, name, "other content", METADATA, MANIFEST)
    rewrite(crate / MANIFEST, before, sha256(crate / METADATA))


ALTERATIONS: dict[str, tuple[Callable[[Path], object], str]] = {
    "one byte of a table": (lambda c: rewrite(c / TABLE, "0.9", "0.8"), f"{TABLE} has changed"),
    "a file without content": (lambda c: (c / TABLE).write_bytes(b""), f"{TABLE} has changed"),
    "a file removed": (lambda c: (c / ROWS).unlink(), f"{ROWS} is missing"),
    "a file added": (lambda c: (c / "results" / "extra.csv").write_text("1"), "results/extra.csv was not released"),
    "a file renamed": (lambda c: (c / TABLE).rename(c / "results/report/tables/table3.csv"), f"{TABLE} is missing"),
    "params": (lambda c: rewrite(c / "params.yaml", "stride: 4", "stride: 2"), "params.yaml has changed"),
    "a checksum": (lambda c: rewrite(c / MANIFEST, sha256(c / ROWS), "0" * 64), f"{ROWS} has changed"),
    "no manifest": (lambda c: (c / MANIFEST).unlink(), f"{MANIFEST} is missing"),
    "a line of the manifest": (
        lambda c: rewrite(c / MANIFEST, f"  {ROWS}\n", f" {ROWS}\n"),
        f"{MANIFEST} has no checksum in line",
    ),
    "metadata": (lambda c: rewrite(c / METADATA, '"2026-01-02"', '"2025-01-02"'), f"{METADATA} has changed"),
    "metadata that are none": (lambda c: (c / METADATA).write_text("{}"), f"{METADATA} has changed"),
    "a record of provenance": (
        lambda c: rewrite(c / f"{ROWS}.prov.json", '"code": "code"', '"code": "other"'),
        f"{ROWS}.prov.json has changed",
    ),
    "a file and its checksum": (lambda c: everywhere(c, ROWS, "other rows", MANIFEST), f"{ROWS} has changed"),
    "rows, manifest and metadata": (
        lambda c: in_manifest_and_metadata(c, ROWS),
        f"{ROWS} is not what its provenance says",
    ),
    "a table, manifest and metadata": (
        lambda c: in_manifest_and_metadata(c, TABLE),
        f"{TABLE} is not what results/report/index.json lists",
    ),
}


@pytest.mark.parametrize("what", ALTERATIONS)
def test_an_alteration_is_found(what: str, crate: Path) -> None:
    alter, said = ALTERATIONS[what]
    alter(crate)
    assert any(difference.startswith(said) for difference in verify(crate).differences)


def test_a_damaged_member_of_a_zip_is_found(finished: Path, tmp_path: Path) -> None:
    path = release(finished, "smoke", tmp_path / "crate.zip", DAY).path
    data = path.read_bytes()
    path.write_bytes(data.replace(b"ours,0.9", b"ours,0.8", 1))
    assert [each for each in verify(path).differences if each.startswith(TABLE)] == [f"{TABLE} cannot be read"]


def test_a_folder_that_is_no_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is no release: it has neither"):
        verify(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: (r / "report" / "index.json").unlink(), "report/index.json is missing, or has changed since it was"),
        (lambda r: (r / "tracks" / "index.json").write_text("x"), "tracks/index.json has changed since"),
        (lambda r: (r / "sources" / "manifest.json").unlink(), "sources/manifest.json is missing"),
        (lambda r: (r / "report" / "index.json.prov.json").unlink(), "report/index.json is missing, or has changed"),
    ],
)
def test_a_run_that_is_not_finished_is_refused(
    change: Callable[[Path], object], message: str, finished: Path, tmp_path: Path
) -> None:
    change(finished / "results" / "smoke")
    with pytest.raises(BadInput, match=message):
        release(finished, "smoke", tmp_path / "crate", DAY)
    assert not (tmp_path / "crate").exists()


def test_a_run_of_other_params_is_refused(finished: Path, tmp_path: Path) -> None:
    scale = finished / "workflow" / "scales" / "smoke.yaml"
    rewrite(scale, "report: {strip_frames: 6", "report: {strip_frames: 5")
    with pytest.raises(BadInput, match=r"report/index.json was made with other params .* `tgvac run --scale smoke`"):
        release(finished, "smoke", tmp_path / "crate", DAY)


def test_other_files_are_never_overwritten_and_an_earlier_crate_is(finished: Path, crate: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match="mine has other files; give a folder that is new, empty, or an earlier release"):
        release(finished, "smoke", mine, DAY)
    (crate / "results" / "extra.csv").write_text("1")
    release(finished, "smoke", crate, DAY)
    assert verify(crate).differences == ()


def test_the_commands_say_in_one_line_what_differs(finished: Path, tgvac: Command) -> None:
    released = tgvac(finished, "release", "--scale", "smoke", "--to", "crate.zip", "--date", "2026-01-02")
    assert released.returncode == 0, released.stderr
    digest = released.stdout.split()[-1]
    fine = tgvac(finished, "verify", "crate.zip", "--manifest", digest)
    assert (fine.returncode, fine.stdout.count("\n")) == (0, 1)
    assert "crate.zip is as it was released: " in fine.stdout
    other = tgvac(finished, "verify", "crate.zip", "--manifest", "0" * 64)
    assert other.returncode == 1
    assert "crate.zip has 1 difference: the manifest is" in other.stdout
