"""Parameters of downloads and of archive checks. None of them changes a result."""

from __future__ import annotations

from pydantic import Field

from tgvac.config import Block


class FetchParams(Block):
    """How archives are fetched, and which are refused.

    Attributes:
        workers: the number of archives fetched at the same time.
        attempts: the number of attempts at one place without a new byte, before the next place is tried.
        wait_s: seconds before the second attempt; doubled before each further one.
        timeout_s: seconds without an answer after which an attempt fails.
        chunk_bytes: the bytes written at a time; a broken connection loses the last incomplete chunk.
        overlap_bytes: the bytes that a resumed download requests again and compares.
        keep_free_bytes: the bytes of the disk that stay free.
        member_max_bytes: the largest unpacked size of a member of an archive.
        archive_max_bytes: the largest unpacked size of an archive.
        archive_max_ratio: the largest ratio of an archive's unpacked size to its own size.
    """

    workers: int = Field(ge=1, le=64)
    attempts: int = Field(ge=1)
    wait_s: float = Field(ge=0)
    timeout_s: float = Field(gt=0)
    chunk_bytes: int = Field(ge=1)
    overlap_bytes: int = Field(ge=1)
    keep_free_bytes: int = Field(ge=0)
    member_max_bytes: int = Field(ge=1)
    archive_max_bytes: int = Field(ge=1)
    archive_max_ratio: float = Field(ge=1)
