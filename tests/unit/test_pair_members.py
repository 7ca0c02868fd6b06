"""Members of pairs: identified by folder, joined by id, and streamed from tars that must be complete and safe."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tests.unit.layouts import pair_files, tar_of, write
from tgvac.errors import BadInput
from tgvac.sources.pair_members import Members, identity_of, pair_of, part_of, size_of

FILES = pair_files("sa_1", "sa_2_0", "33")


def members(path: Path, limit: int = 10_000, captions: int = 10_000, total: int = 10**9) -> Members:
    return Members(path, limit, captions, total, lambda count: None)


def refused(path: Path, **limits: int) -> str:
    with pytest.raises(BadInput) as caught:
        list(members(path, **limits))
    return str(caught.value)


@pytest.mark.parametrize(
    ("stem", "pair"),
    [
        ("sa_223750_occlusion", "sa_223750"),
        ("sa_223750_visible_object_mask", "sa_223750"),
        ("sa_223750", "sa_223750"),
        ("17_2_whole_mask", "17_2"),
        ("17", "17"),
        ("SA-1B_17-whole", "SA-1B_17"),
        ("a1b2_whole", "a1b2"),
        ("whole", None),
        ("_17", None),
        ("", None),
    ],
)
def test_an_id_is_the_text_before_the_suffix(stem: str, pair: str | None) -> None:
    assert pair_of(stem) == pair


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("occlusion/17_occlusion.png", ("17", "occlusion")),
        ("some/release/whole/17_whole.png", ("17", "whole")),
        ("./whole_mask/17.png", ("17", "whole_mask")),
        ("visible_object_mask/17_visible_mask.png", ("17", "visible_mask")),
        ("visible_mask/17_anything.png", ("17", "visible_mask")),
        ("__MACOSX/whole/._17_whole.png", None),
        ("other/17_whole.png", None),
        ("whole/17_whole.txt", None),
        ("17_whole.png", None),
    ],
)
def test_the_folder_decides_the_part(name: str, found: tuple[str, str] | None) -> None:
    assert part_of(name) == found


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_is_read_completely_and_its_checksum_is_computed_meanwhile(tmp_path: Path, mode: Any) -> None:
    path = tar_of(tmp_path / "p.tar", {"README": b"x", **FILES, "captions.json": b"{}"}, mode)
    found = members(path)
    assert dict(found) == {**FILES, "captions.json": b"{}"}
    assert found.archive == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_folder_reads_like_its_tar(tmp_path: Path) -> None:
    for name, data in {**FILES, "README": b"x", "captions.json": b"{}", ".hidden/whole/9_whole.png": b"x"}.items():
        write(tmp_path / "folder" / name, data)
    found = members(tmp_path / "folder")
    assert dict(found) == {**FILES, "captions.json": b"{}"}
    assert found.archive is None


def test_progress_ends_at_the_size(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "p.tar.gz", FILES)
    for name, data in FILES.items():
        write(tmp_path / "folder" / name, data)
    for given in (path, tmp_path / "folder"):
        counts: list[int] = []
        list(Members(given, 10_000, 10_000, 10**9, counts.append))
        assert sum(counts) == size_of(given)


def peak_of(path: Path, count: int) -> int:
    """The peak memory of reading, in bytes; it includes anything else that runs in this process."""
    tracemalloc.start()
    assert sum(1 for _ in members(path)) == count
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_archive(tmp_path: Path) -> None:
    peaks = []
    for count in (200, 4000):
        path = tar_of(tmp_path / f"{count}.tar", {f"whole/{i}_whole.png": b"x" for i in range(count)}, "w")
        peaks.append(min(peak_of(path, count) for _ in range(3)))
    # tarfile's records of 3,800 more members would be 3 MB.
    assert peaks[1] < peaks[0] + 200_000


# ---------------------------------------------------------------- unsafe archives


def special(name: str, **values: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in values.items():
        setattr(info, key, value)
    return info


@pytest.mark.parametrize(
    ("info", "fault"),
    [
        (special("/etc/whole/1_whole.png"), "has a path outside the archive"),
        (special("whole/../../1_whole.png"), "has a path outside the archive"),
        (special("..\\whole/1_whole.png"), "has a path outside the archive"),
        (special("whole/1_whole.png", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "is a link or a device"),
        (special("whole/1_whole.png", type=tarfile.LNKTYPE, linkname="x"), "is a link or a device"),
        (special("whole/1_whole.png", type=tarfile.CHRTYPE), "is a link or a device"),
        (special("whole/1_whole.png", type=tarfile.BLKTYPE), "is a link or a device"),
        (special("whole/1_whole.png", type=tarfile.FIFOTYPE), "is a link or a device"),
        (special("unrelated", type=tarfile.SYMTYPE, linkname="x"), "is a link or a device"),
    ],
)
def test_hostile_members_are_refused_by_name(tmp_path: Path, info: tarfile.TarInfo, fault: str) -> None:
    with tarfile.open(tmp_path / "p.tar.gz", "w:gz") as out:
        out.addfile(special("whole", type=tarfile.DIRTYPE))
        out.addfile(info)
    message = refused(tmp_path / "p.tar.gz")
    assert f"the member {info.name!r} {fault}" in message
    assert message.endswith("give the official archive.")


def test_a_member_larger_than_its_key_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "p.tar", {"README": bytes(500), "whole/1_whole.png": bytes(100)}, "w")
    assert len(list(members(path, limit=100))) == 1
    message = refused(path, limit=99)
    assert "'whole/1_whole.png' has 100 bytes, more than sources.pair_max_bytes (99) allows" in message
    path = tar_of(tmp_path / "c.tar", {"captions.json": bytes(100)}, "w")
    assert "more than sources.pair_captions_max_bytes (99)" in refused(path, captions=99)
    write(tmp_path / "folder/whole/1_whole.png", bytes(100))
    assert "more than sources.pair_max_bytes (99)" in refused(tmp_path / "folder", limit=99)


def test_a_tar_truncated_anywhere_is_refused(tmp_path: Path) -> None:
    whole = tar_of(tmp_path / "whole.tar", FILES, "w").read_bytes()
    end = whole.rindex(b"ustar") - 257 + 1024  # the last header and its one block of data
    for size in (0, 100, 512, 700, 1024, 1536, len(whole) // 2, end):
        (tmp_path / "cut.tar").write_bytes(whole[:size])
        assert "cut.tar is truncated, damaged or not a tar archive" in refused(tmp_path / "cut.tar")


def test_a_compressed_tar_truncated_anywhere_is_refused(tmp_path: Path) -> None:
    whole = tar_of(tmp_path / "whole.tar.gz", FILES).read_bytes()
    for size in (0, 5, len(whole) // 3, len(whole) // 2, len(whole) * 9 // 10):
        (tmp_path / "cut.tar.gz").write_bytes(whole[:size])
        assert "cut.tar.gz is truncated, damaged or not a tar archive" in refused(tmp_path / "cut.tar.gz")


def test_a_damaged_header_is_not_the_end_of_the_archive(tmp_path: Path) -> None:
    data = bytearray(tar_of(tmp_path / "p.tar", FILES, "w").read_bytes())
    second = data.index(b"ustar", data.index(b"ustar") + 1)
    data[second - 100] ^= 0xFF
    (tmp_path / "p.tar").write_bytes(data)
    assert "is truncated, damaged or not a tar archive" in refused(tmp_path / "p.tar")


def test_a_header_with_a_huge_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.tar.gz"
    with gzip.open(path, "wb") as out, tarfile.open(fileobj=out, mode="w") as tar:
        tar.addfile(special("x", type=tarfile.XHDTYPE, size=1 << 24), io.BytesIO(bytes(1 << 24)))
    assert "a header of 16777216 bytes" in refused(path)


def test_a_file_that_is_not_a_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.zip").write_bytes(b"PK\x03\x04" + bytes(2000))
    assert "p.zip is truncated, damaged or not a tar archive" in refused(tmp_path / "p.zip")


def test_the_identity_of_a_source_changes_with_its_files(tmp_path: Path) -> None:
    for name, data in FILES.items():
        write(tmp_path / "folder" / name, data)
    tar = tar_of(tmp_path / "p.tar", FILES)
    before = identity_of(tmp_path / "folder"), identity_of(tar)
    assert (identity_of(tmp_path / "folder"), identity_of(tar)) == before
    (tmp_path / "folder/whole/33_whole.png").write_bytes(b"another")
    with tar.open("ab") as file:
        file.write(bytes(512))
    assert identity_of(tmp_path / "folder") != before[0]
    assert identity_of(tar) != before[1]


def test_a_tar_that_declares_too_many_bytes_is_refused(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "r.tar.gz", {"junk": bytes(60_000), "more": bytes(40_001), **FILES})
    assert "unpacks to more than 100000 bytes, the limit set by fetch.archive_max_bytes and" in refused(
        path, total=100_000
    )
