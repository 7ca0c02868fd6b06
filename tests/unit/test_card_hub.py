"""What a hub is given: the card's front matter and text, and Croissant metadata that its validator lets pass."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.card_project import PARAMS, card_project, copied
from tgvac.card.agreement import BY_STRETCH, Agreement
from tgvac.card.archives import used_sources
from tgvac.card.croissant import validate, write_croissant
from tgvac.card.facts import Facts, read_facts
from tgvac.card.readme import front_matter, leakage, limits, readme
from tgvac.card.statistics import splits_table
from tgvac.files import sha256
from tgvac.stage import Context


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> Context:
    made = card_project(tmp_path_factory.mktemp("project"))
    (made.out / "data").mkdir(parents=True)
    for phase, name in (("synthesis", "recipes"), ("synthesis", "occlusion"), ("captions", "captions")):
        data = (made.results / phase / f"{name}.parquet").read_bytes()
        (made.out / "data" / f"{name}.parquet").write_bytes(data)
    return made


@pytest.fixture(scope="module")
def facts(ctx: Context) -> Facts:
    return read_facts(ctx)


def with_source(facts: Facts, name: str, archive: str | None) -> Facts:
    """The same videos under the name of a source of the registry."""
    source = facts.registry[name]
    entry = {**facts.sources["world"], "layout": source.layout, "licence": source.licence, "archive": archive}
    return replace(facts, sources={name: entry})


def test_the_front_matter_is_yaml_that_a_hub_can_read(ctx: Context, facts: Facts) -> None:
    from huggingface_hub import DatasetCard

    text = readme(facts, used_sources(ctx, facts), {}, [splits_table(facts, 0.5)], ctx.out)
    read = DatasetCard(text).data.to_dict()
    assert read == front_matter(facts, used_sources(ctx, facts))
    assert read["license"] == "apache-2.0"
    assert read["size_categories"] == ["n<1K"]
    assert yaml.safe_load(text.split("---\n")[1]) == read


def test_sources_with_several_licences_have_no_single_one(ctx: Context, facts: Facts) -> None:
    both = replace(facts, sources={**facts.sources, **with_source(facts, "davis", "ab" * 32).sources})
    read = front_matter(both, used_sources(ctx, both))
    assert (read["license"], read["license_name"]) == ("other", "by-source")
    terms = {each["source"]: each for each in read["source_licenses"]}
    assert "non-commercial" in terms["davis"]["license"]
    assert terms["davis"]["license_link"] == "https://davischallenge.org/"


def test_a_single_licence_that_the_hub_does_not_know_is_other(ctx: Context, facts: Facts) -> None:
    alone = with_source(facts, "davis", None)
    assert front_matter(alone, used_sources(ctx, alone))["license"] == "other"


@pytest.mark.parametrize(("count", "size"), [(999, "n<1K"), (1000, "1K<n<10K"), (10_000, "10K<n<100K")])
def test_the_size_follows_from_the_number_of_videos(ctx: Context, facts: Facts, count: int, size: str) -> None:
    many = replace(facts, recipes=[facts.recipes[0]] * count)
    assert front_matter(many, [])["size_categories"] == [size]


def test_the_card_names_digests_sources_and_the_paper(ctx: Context, facts: Facts) -> None:
    text = readme(facts, used_sources(ctx, facts), {}, [splits_table(facts, 0.5)], ctx.out)
    assert sha256(ctx.out / "data" / "recipes.parquet") in text
    assert "feed" * 16 in text
    assert "tgvac run --scale fake --target dataset" in text
    assert "1 videos for training, 0 for decisions" in text
    assert "author = {Minh Tran and Winston Bounsvay" in text
    assert "<video>" not in text, "angle brackets are no tags"


def test_leakage_is_described_from_the_account(facts: Facts) -> None:
    clean = replace(facts, account={**facts.account, "shared_videos": 0})
    assert "none is on more than one" in leakage(clean)
    broken = replace(facts, account={**facts.account, "shared_videos": 2})
    assert "**2 are** on more than one" in leakage(broken)
    random = replace(facts, account={**facts.account, "split_by": "random", "shared_videos": 3})
    assert leakage(random).startswith("**WARNING: synthesis.split.by is 'random'")
    assert leakage(random).endswith("3 videos are on more than one side.")


def test_limits_have_the_scores_of_selection_and_missing_captions(facts: Facts) -> None:
    count = Agreement(frames=40, whole=36, taken=30, both=27)
    found = " ".join(limits(replace(facts, account={**facts.account, "missing": 4}), {(BY_STRETCH, "world"): count}))
    assert "In world, which has ground truth, 90.0 % of the kept frames" in found
    assert "75.0 % of such frames were kept" in found
    assert "1 objects have no caption." in found
    assert "4 recipes are left out because no acceptable occlusion was found." in found


def test_archives_of_generated_sources_have_digests_and_the_truth_is_left_out(ctx: Context, facts: Facts) -> None:
    (world,) = used_sources(ctx, facts)
    (archive,) = world.archives
    assert archive.url == "../sources/world/DAVIS-2017-trainval-480p.zip"
    assert archive.sha256 == sha256(ctx.results / "sources" / "world" / archive.file)
    assert world.holds == "4 videos"


def test_a_fetched_archive_has_its_download_address_and_checksum(ctx: Context, facts: Facts) -> None:
    (davis,) = used_sources(ctx, with_source(facts, "davis", "ab" * 32))
    (archive,) = davis.archives
    assert archive.url.startswith("https://data.vision.ee.ethz.ch/")
    assert (archive.sha256, archive.encoding) == ("ab" * 32, "application/zip")


@pytest.mark.parametrize(("name", "archive"), [("davis", None), ("youtube_vos", None), ("lasot", None)])
def test_an_archive_without_a_known_checksum_is_left_out(
    ctx: Context, facts: Facts, name: str, archive: str | None
) -> None:
    (source,) = used_sources(ctx, with_source(facts, name, archive))
    assert source.archives == ()
    assert source.pages


def test_pairs_of_images_are_a_source_of_their_own(ctx: Context, facts: Facts) -> None:
    entry = {
        "layout": "pix2gestalt",
        "licence": "x",
        "archive": None,
        "buckets": {"b0": {"pairs": 1200}, "b1": {"pairs": 34}},
    }
    found = used_sources(ctx, replace(facts, pairs={"given": entry}))
    assert [(source.name, source.holds) for source in found] == [
        ("world", "4 videos"),
        ("given", "1,234 pairs of images"),
    ]


@pytest.fixture(scope="module")
def croissant(ctx: Context, facts: Facts) -> Path:
    path = ctx.out / "croissant.json"
    params = PARAMS.dataset.model_copy(update={"published": "2026-01-31", "url": "https://example.org/tgvac"})
    write_croissant(path, facts, used_sources(ctx, facts), "Videos & <tags>.", params)
    return path


def test_the_metadata_is_valid_without_a_warning_and_has_all_columns(croissant: Path) -> None:
    import mlcroissant as mlc

    found = mlc.Dataset(jsonld=croissant)
    assert found.metadata.ctx.issues.warnings == set()
    assert {s.id: len(s.fields) for s in found.metadata.record_sets} == {"recipes": 13, "occlusion": 3, "captions": 6}
    said = json.loads(croissant.read_text())
    assert said["datePublished"] == "2026-01-31"
    assert said["url"] == "https://example.org/tgvac"
    assert said["description"] == "Videos & <tags>."


# mlcroissant uses this argument of pandas.
@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_records_can_be_read_through_the_metadata_without_a_network(croissant: Path, facts: Facts) -> None:
    import mlcroissant as mlc

    records = list(mlc.Dataset(jsonld=croissant).records("recipes"))
    assert [record["recipes/recipe"].decode() for record in records] == [recipe.recipe for recipe in facts.recipes]
    assert [record["recipes/mean_rate"] for record in records] == [recipe.mean_rate for recipe in facts.recipes]


def test_a_run_writes_no_date_of_its_own(ctx: Context, facts: Facts, tmp_path: Path) -> None:
    again = copied(ctx, tmp_path)
    path = again.out / "croissant.json"
    write_croissant(path, facts, [], "Videos.", PARAMS.dataset)
    said = validate(path)
    assert "datePublished" not in said
    assert said["url"] == facts.paper.page


def wrong_reference(said: dict[str, Any]) -> None:
    said["recordSet"][1]["field"][0]["references"] = {"field": {"@id": "recipes/nothing"}}


def no_checksum(said: dict[str, Any]) -> None:
    del said["distribution"][0]["sha256"]


def no_file(said: dict[str, Any]) -> None:
    said["recordSet"][0]["field"][0]["source"]["fileObject"] = {"@id": "other.parquet"}


@pytest.mark.parametrize("spoil", [wrong_reference, no_checksum, no_file])
def test_the_validator_refuses_inconsistent_metadata(croissant: Path, tmp_path: Path, spoil: Any) -> None:
    said = json.loads(croissant.read_text())
    spoil(said)
    path = tmp_path / "croissant.json"
    path.write_text(json.dumps(said))
    with pytest.raises(ValueError, match=r"croissant\.json is not valid: "):
        validate(path)
