"""Files that are not archives, and unsafe archives, are refused before anything reads them."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import pytest

from tests.unit.archive_server import PAGE, PARAMS
from tests.unit.builders import davis_tree, noise
from tgvac.clips.archive import Store
from tgvac.errors import BadInput
from tgvac.fetch.archive_checks import check_archive, check_folder, check_through, is_page
from tgvac.fetch.locate import locate
from tgvac.fetch.registry import Source


def zip_at(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], deflated: bool = False) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def link(name: str, kind: int = 0o120777) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = kind << 16
    return info


def refusal(path: Path, **changes: float) -> str:
    with pytest.raises(BadInput) as caught:
        check_archive(path, PARAMS.model_copy(update=changes))
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.endswith(".")
    assert "\n" not in message
    return message


def test_a_valid_archive_passes(tmp_path: Path) -> None:
    check_archive(zip_at(tmp_path / "a.zip", ("DAVIS/x/0.jpg", b"1"), ("DAVIS/y/", b"")), PARAMS)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (PAGE, True),
        (b"\xef\xbb\xbf\n <HTML lang=en>", True),
        (b"<?xml version='1.0'?><Error>", True),
        (b"PK\x03\x04<html>", False),
        (b"", False),
    ],
)
def test_web_pages_are_distinguished_from_archives(head: bytes, expected: bool) -> None:
    assert is_page(head) is expected


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar"])
def test_a_web_page_saved_as_an_archive_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(PAGE)
    assert "is a web page, not an archive (Google Drive sends one" in refusal(tmp_path / name)


@pytest.mark.parametrize("data", [b"", b"something else"])
def test_a_file_that_is_not_a_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    assert "truncated or not a zip archive; delete it and fetch it again" in refusal(tmp_path / "a.zip")


def test_a_truncated_zip_is_refused(tmp_path: Path) -> None:
    path = zip_at(tmp_path / "a.zip", ("x", b"1" * 1000))
    path.write_bytes(path.read_bytes()[:-20])
    assert "truncated or not a zip archive" in refusal(path)


def test_a_tar_that_is_not_compressed_as_its_name_says_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"plain")
    assert "is not compressed with gzip, although its name says so" in refusal(tmp_path / "a.tar.gz")


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "C:/x", "a\\..\\x"])
def test_a_member_with_a_path_outside_is_refused(tmp_path: Path, name: str) -> None:
    message = refusal(zip_at(tmp_path / "a.zip", ("good", b"1"), (name, b"2")))
    assert f"the member {name!r} has a path outside the archive; give the official archive" in message


@pytest.mark.parametrize("kind", [0o120777, 0o020666, 0o010666])
def test_a_link_a_device_and_a_pipe_are_refused(tmp_path: Path, kind: int) -> None:
    message = refusal(zip_at(tmp_path / "a.zip", (link("passwd", kind), b"/etc/passwd")))
    assert "the member 'passwd' is a link or a device, not a plain file" in message


def test_a_member_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = zip_at(tmp_path / "a.zip", ("x", bytes(5000)), deflated=True)
    assert "'x' unpacks to 5000 bytes, more than fetch.member_max_bytes (4999)" in refusal(path, member_max_bytes=4999)


def test_an_archive_that_unpacks_to_too_many_bytes_is_refused(tmp_path: Path) -> None:
    path = zip_at(tmp_path / "a.zip", *((f"x{i}", noise(i, 1000).tobytes()) for i in range(5)))
    message = refusal(path, archive_max_bytes=4999)
    assert "unpacks to 5000 bytes, more than fetch.archive_max_bytes (4999) allows" in message


def test_an_archive_that_unpacks_to_many_times_its_size_is_refused(tmp_path: Path) -> None:
    path = zip_at(tmp_path / "a.zip", *((f"x{i}", bytes(900_000)) for i in range(4)), deflated=True)
    assert "more than fetch.archive_max_ratio (50) allows" in refusal(path)


def test_a_member_is_not_read_beyond_its_declared_size(tmp_path: Path) -> None:
    """The limit on declared sizes also limits real sizes, because a zip with a false size is damaged."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", bytes(500_000))
    data = stream.getvalue()
    # The unpacked size is in the header of the member and in the directory.
    assert data.count(struct.pack("<L", 500_000)) == 2
    (tmp_path / "a.zip").write_bytes(data.replace(struct.pack("<L", 500_000), struct.pack("<L", 500)))
    check_archive(tmp_path / "a.zip", PARAMS)
    with Store(tmp_path / "a.zip") as store, pytest.raises(BadInput, match=r"a\.zip: x cannot be read"):
        store.read("x")


def test_a_compressed_tar_is_not_read_beyond_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(bytes(500_000)))
    with pytest.raises(
        BadInput, match=r"a\.tar\.gz unpacks to more than .* the limit set by .* fetch\.archive_max_ratio;"
    ):
        check_through(path, PARAMS, path.name)
    path.write_bytes(gzip.compress(noise(1, 500_000).tobytes()))
    check_through(path, PARAMS, path.name)
    with pytest.raises(BadInput, match=r"unpacks to more than 499999 bytes"):
        check_through(path, PARAMS.model_copy(update={"archive_max_bytes": 499_999}), path.name)


def test_each_zip_that_a_folder_needs_is_checked(tmp_path: Path) -> None:
    zip_at(tmp_path / "train.zip", ("train/JPEGImages/a/00000.jpg", b"1"))
    check_folder(tmp_path, PARAMS, "youtube_vos")
    (tmp_path / "train_all_frames.zip").write_bytes(PAGE)
    with pytest.raises(BadInput, match=r"train_all_frames\.zip is a web page"):
        check_folder(tmp_path, PARAMS, "youtube_vos")


@pytest.mark.parametrize("layout", ["videos", "davis", "youtube_vos", "lasot"])
def test_a_stray_zip_that_nothing_opens_ends_nothing(tmp_path: Path, layout: str) -> None:
    (tmp_path / "logs.zip").write_bytes(PAGE)
    check_folder(tmp_path, PARAMS, layout)


def test_archives_and_folders_from_the_user_are_checked_too(tmp_path: Path) -> None:
    mine = Source("mine", "youtube_vos", "given", None, None, "free")
    (tmp_path / "train.zip").write_bytes(PAGE)
    for given in (tmp_path, tmp_path / "train.zip"):
        with pytest.raises(BadInput, match="is a web page"):
            locate(mine, tmp_path, str(given), PARAMS)
    grey = noise(1, 8, 8, 3), noise(2, 8, 8) % 2
    davis_tree(tmp_path / "tree", {"v": [grey]})
    assert locate(mine, tmp_path, str(tmp_path / "tree"), PARAMS) == tmp_path / "tree"
