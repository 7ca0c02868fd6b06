"""The registry: the location, verification and archives of sources."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.unit.archive_server import PARAMS
from tgvac.config import canonical
from tgvac.errors import BadInput
from tgvac.fetch.locate import locate
from tgvac.fetch.registry import Archive, Source, choose_archives, find_source, read_registry

ROOT = Path(__file__).resolve().parents[2]
_ZIP = io.BytesIO()
with zipfile.ZipFile(_ZIP, "w") as _archive:
    _archive.writestr("frame", (b"an archive" * 90)[:892])
DATA = _ZIP.getvalue()
SHA = hashlib.sha256(DATA).hexdigest()
HEADER = "name,layout,location,bytes,sha256,licence\n"


def source(location: str, size: int | None = len(DATA), sha: str | None = SHA) -> Source:
    return Source("mine", "davis", location, size, sha, "none")


def test_the_projects_registry_names_the_procedural_world_and_the_papers_sources() -> None:
    found = read_registry(ROOT / "reference" / "registry.csv")
    layouts = {name: s.layout for name, s in found.items() if s.location == "generated"}
    assert layouts == {
        "world": "davis",
        "world_youtube_vos": "youtube_vos",
        "world_lasot": "lasot",
        "world_pix2gestalt": "pix2gestalt",
    }
    assert found["davis"].location.startswith("https://")
    assert found["pix2gestalt"].location.endswith("/pix2gestalt_occlusions_release.tar.gz")
    for name in ("davis", "youtube_vos", "lasot", "pix2gestalt"):
        assert found[name].layout == name
    assert all(s.licence for s in found.values())


def test_a_row_is_read_and_empty_cells_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(f"{HEADER}a,davis,given,,,free\nb,davis,b.zip,12,{SHA},'x'\n")
    assert read_registry(tmp_path / "r.csv") == {
        "a": Source("a", "davis", "given", None, None, "free"),
        "b": Source("b", "davis", "b.zip", 12, SHA, "'x'"),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"r\.csv does not exist; restore it"),
        ("name,layout\n", r"r\.csv has the columns .*; it must have name, layout, location"),
        ("", r"r\.csv has the columns None"),
        (f"{HEADER}a,davis,given,many,,free\n", r"r\.csv: the bytes of 'a' are 'many'; write an integer"),
    ],
)
def test_an_invalid_registry_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "r.csv").write_text(text)
    with pytest.raises(BadInput, match=message):
        read_registry(tmp_path / "r.csv")


def test_the_error_for_an_unknown_source_suggests_the_most_similar() -> None:
    known = {"davis": source("given"), "world": source("given")}
    assert find_source(known, "davis", Path("r.csv")) is known["davis"]
    with pytest.raises(BadInput, match=r"r\.csv has no source 'daviss'; did you mean 'davis'\?"):
        find_source(known, "daviss", Path("r.csv"))
    with pytest.raises(BadInput, match="use one of davis, world"):
        find_source(known, "qqq", Path("r.csv"))


def test_an_archive_in_the_project_is_found_and_verified(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(DATA)
    assert locate(source("a.zip"), tmp_path, None, PARAMS) == tmp_path / "a.zip"


def test_a_missing_archive_is_refused_naming_where_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"a\.zip, the archive of source 'mine', does not exist; put it there"):
        locate(source("a.zip"), tmp_path, None, PARAMS)


def test_an_archive_of_the_wrong_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(DATA[:-1])
    with pytest.raises(
        BadInput, match=r"a\.zip has 999 bytes, but the registry says 1000; it is not complete: delete it"
    ):
        locate(source("a.zip"), tmp_path, None, PARAMS)


def test_an_archive_of_the_wrong_checksum_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(DATA[::-1])
    with pytest.raises(BadInput, match=rf"a\.zip has the checksum .*, but the registry says {SHA[:12]}…; delete it"):
        locate(source("a.zip"), tmp_path, None, PARAMS)


def test_a_path_from_the_user_replaces_the_registrys_location(tmp_path: Path) -> None:
    assert locate(source("https://nowhere.invalid/a.zip"), tmp_path, str(tmp_path), PARAMS) == tmp_path
    with pytest.raises(BadInput, match=r"none, given as source 'mine', does not exist; give the correct path"):
        locate(source("given"), tmp_path, str(tmp_path / "none"), PARAMS)


def test_the_error_for_a_source_that_must_be_given_says_how(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"'mine' has no location of its own; give its folder with .*mine=PATH"):
        locate(source("given"), tmp_path, None, PARAMS)


# ---------------------------------------------------------------- archives of a source

ARCHIVES = "source,file,part,places,page,bytes,sha256\n"


def tables(folder: Path, rows: str, archives: str) -> dict[str, Source]:
    (folder / "registry.csv").write_text(f"{HEADER.strip()},terms,kind\n{rows}")
    (folder / "archives.csv").write_text(f"{ARCHIVES}{archives}")
    return read_registry(folder / "registry.csv")


def test_the_projects_registry_lists_the_places_of_each_real_archive() -> None:
    found = read_registry(ROOT / "reference" / "registry.csv")
    (davis,) = found["davis"].archives
    assert davis.places == (found["davis"].location, "drive:1kiaxrX_4GuW6NmiVuKGSGVoKGWjOdp6d")
    assert [a.file for a in found["youtube_vos"].archives] == ["train.zip", "train_all_frames.zip"]
    assert found["youtube_vos"].archives[0].places[0] == "drive:13Eqw0gVK-AO5B-cqvJ203mZ2vzWck9s4"
    lasot = found["lasot"].archives
    assert len({a.part for a in lasot}) == 70
    assert all(a.places == (f"hub:l-lt/LaSOT/{a.part}.zip",) and a.file == f"{a.part}.zip" for a in lasot)
    assert {name: s.kind for name, s in found.items() if s.kind == "pairs"} == {
        "world_pix2gestalt": "pairs",
        "pix2gestalt": "pairs",
    }
    assert all(s.terms.startswith("https://") for s in found.values() if s.archives)
    assert all(s.archives == () for s in found.values() if s.location in ("generated", "given"))


def test_a_source_with_all_its_archives_can_be_digested() -> None:
    assert "lion.zip" in canonical(asdict(read_registry(ROOT / "reference" / "registry.csv")["lasot"]))


def test_a_rows_own_url_comes_before_the_mirrors_and_its_checksum_is_used(tmp_path: Path) -> None:
    found = tables(
        tmp_path,
        f"a,davis,https://one/x.zip,12,{SHA.upper()},free,https://terms,videos\nb,lasot,archives,,,free,,\n",
        "a,x.zip,,drive:abc https://one/x.zip,https://page,,\nb,cat.zip,cat,hub:o/n/cat.zip,,5,\n",
    )
    assert found["a"].archives == (Archive("x.zip", ("https://one/x.zip", "drive:abc"), "", "https://page", 12, SHA),)
    assert (found["a"].terms, found["a"].kind, found["b"].kind) == ("https://terms", "videos", "videos")
    assert found["b"].archives == (Archive("cat.zip", ("hub:o/n/cat.zip",), "cat", "", 5, None),)


@pytest.mark.parametrize(
    ("rows", "archives", "message"),
    [
        ("a,davis,archives,,,free,,film\n", "", r"registry\.csv: the kind of 'a' is 'film'; write videos or pairs"),
        ("", "a,../x.zip,,drive:1,,,\n", r"archives\.csv: the file of 'a' is '\.\./x\.zip'; write a file name without"),
        ("", "a,x.zip,,ftp://one,,,\n", r"archives\.csv: 'x\.zip' has the place 'ftp://one'; begin it with"),
        ("", "a,x.zip,,drive:1,,many,\n", r"archives\.csv: the bytes of 'x\.zip' are 'many'; write an integer"),
    ],
)
def test_wrong_rows_are_refused(tmp_path: Path, rows: str, archives: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        tables(tmp_path, rows, archives)


def test_parts_are_chosen_by_name(tmp_path: Path) -> None:
    found = tables(
        tmp_path,
        "a,davis,https://one/x.zip,,,free,,\nb,lasot,archives,,,free,,\n",
        "b,cat.zip,cat,hub:o/n/cat.zip,,,\nb,dog.zip,dog,hub:o/n/dog.zip,,,\n",
    )
    assert [a.part for a in choose_archives(found["b"], (), tmp_path)] == ["cat", "dog"]
    assert [a.part for a in choose_archives(found["b"], ("dog", "dog"), tmp_path)] == ["dog"]
    with pytest.raises(BadInput, match=r"source 'b' has no part 'dogs'; did you mean 'dog'\?"):
        choose_archives(found["b"], ("dogs",), tmp_path)
    with pytest.raises(BadInput, match=r"'a' has no parts .* do not list it in --only or sources\.parts"):
        choose_archives(found["a"], ("bear",), tmp_path)
