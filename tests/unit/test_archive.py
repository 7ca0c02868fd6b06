"""Archives: the same bytes for the same members, the same reading of folders and zips, and errors for damage."""

from __future__ import annotations

import random
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.unit.builders import zipped
from tgvac.clips.archive import Store, zip_writing
from tgvac.errors import BadInput


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    base = tmp_path / "tree"
    for name, data in {"a.txt": b"A", "sub/b.txt": b"B", "sub/deep/c.txt": b"C" * 500, "sub2/d.txt": b"D"}.items():
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return base


@pytest.fixture(params=["folder", "zip"])
def store(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> Path:
    """The same tree as a folder and as a zip."""
    return folder if request.param == "folder" else zipped(folder, tmp_path / "tree.zip")


def test_members_have_the_same_names(store: Path) -> None:
    with Store(store) as it:
        assert it.names() == ["a.txt", "sub/b.txt", "sub/deep/c.txt", "sub2/d.txt"]
        assert it.names("sub/") == ["sub/b.txt", "sub/deep/c.txt"]
        assert it.names("sub") == ["sub/b.txt", "sub/deep/c.txt", "sub2/d.txt"]
        assert it.names("t") == []
        assert "sub/b.txt" in it
        assert "sub" not in it
        assert it.read("sub/deep/c.txt") == b"C" * 500


def test_a_members_checksum_is_that_of_its_bytes(store: Path) -> None:
    with Store(store, "sub") as it:
        assert it.crc("deep/c.txt") == zlib.crc32(b"C" * 500)
        with pytest.raises(BadInput, match=r"missing\.txt is missing; restore it"):
            it.crc("missing.txt")


def test_the_checksums_of_a_zip_are_known_without_reading_its_members(folder: Path, tmp_path: Path) -> None:
    path = zipped(folder, tmp_path / "tree.zip")
    data = bytearray(path.read_bytes())
    data[data.index(b"sub/b.txt") + 9] ^= 0xFF
    path.write_bytes(data)
    with Store(path) as it:
        assert it.crc("sub/b.txt") == zlib.crc32(b"B")
        with pytest.raises(BadInput, match=r"sub/b\.txt cannot be read"):
            it.read("sub/b.txt")


def test_names_are_relative_to_the_root(store: Path) -> None:
    with Store(store, "/sub/") as it:
        assert it.names() == ["b.txt", "deep/c.txt"]
        assert it.read("b.txt") == b"B"
        assert "sub/b.txt" in it.describe("b.txt")


@pytest.mark.parametrize("name", ["missing.txt", "../a.txt", "sub", "/etc/passwd"])
def test_only_members_can_be_read(store: Path, name: str) -> None:
    with Store(store, "sub") as it, pytest.raises(BadInput, match="is missing; restore it"):
        it.read(name)


def test_a_path_outside_the_archive_is_not_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as out:
        out.writestr("../evil.txt", "x")
    with Store(tmp_path / "evil.zip") as it, pytest.raises(BadInput, match="is missing"):
        it.read("../evil.txt")


def test_a_missing_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no\.zip does not exist; put the archive there"):
        Store(tmp_path / "no.zip")


def test_a_truncated_zip_is_refused_naming_the_file(folder: Path, tmp_path: Path) -> None:
    path = zipped(folder, tmp_path / "tree.zip")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BadInput, match=r"tree\.zip is truncated or not a zip archive .*; delete it and fetch it again"):
        Store(path)


def test_a_flipped_byte_is_found_by_the_checksum(tmp_path: Path) -> None:
    with zip_writing(tmp_path / "a.zip") as sink:
        sink.add("x.bin", b"0123456789")
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(b"0123456789", b"0123456788", 1))
    with Store(tmp_path / "a.zip") as it, pytest.raises(BadInput, match=r"a\.zip: x\.bin cannot be read .*CRC"):
        it.read("x.bin")


def test_any_damage_raises_bad_input_or_leaves_the_bytes_unchanged(folder: Path, tmp_path: Path) -> None:
    whole = zipped(folder, tmp_path / "tree.zip").read_bytes()
    true = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    draw = random.Random(1)
    refused = []
    for _ in range(500):
        data = bytearray(whole)
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path = tmp_path / "damaged.zip"
        path.write_bytes(data)
        try:
            with Store(path) as it:
                for name in it.names():
                    assert it.read(name) in true.values()
        except BadInput as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert all("damaged.zip" in message for message in refused)


def test_an_encrypted_zip_is_refused(folder: Path, tmp_path: Path) -> None:
    path = zipped(folder, tmp_path / "tree.zip")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    data[6] |= 1
    path.write_bytes(data)
    with Store(path) as it, pytest.raises(BadInput, match=r"cannot be read .*encrypted"):
        it.read("a.txt")


def test_a_zip_has_reproducible_bytes_and_is_not_compressed(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        with zip_writing(tmp_path / name) as sink:
            sink.add("x/1.bin", b"1" * 100)
            sink.add("x/2.bin", b"2")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as found:
        assert found.testzip() is None
        assert [(i.filename, i.compress_type, i.date_time) for i in found.infolist()] == [
            ("x/1.bin", zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0)),
            ("x/2.bin", zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0)),
        ]


def test_an_error_while_writing_leaves_no_zip(tmp_path: Path) -> None:
    def fail() -> None:
        with zip_writing(tmp_path / "a.zip") as sink:
            sink.add("x", b"1")
            raise RuntimeError("middle")

    with pytest.raises(RuntimeError, match="middle"):
        fail()
    assert list(tmp_path.iterdir()) == []
