"""Parameters of fetching: how archives get here, and what is refused. None of them changes a result."""

from __future__ import annotations

from pydantic import Field

from tgvac.config import Block


class FetchParams(Block):
    """How archives get here, and what is not let in; decides nothing of what is made of them.

    Attributes:
        workers: archives fetched at a time.
        attempts: at one place, without a byte more than before; then the next place is tried.
        wait_s: before a second attempt, in seconds; twice as long before each further one.
        timeout_s: after which a silent server is given up.
        chunk_bytes: written at a time; of a connection that breaks, the last piece that was not full is lost.
        overlap_bytes: asked for again when a download goes on, and compared with what is here.
        keep_free_bytes: of the disk, that are left free.
        member_max_bytes: of a member of an archive, unpacked.
        archive_max_bytes: of all members of an archive, unpacked.
        archive_max_ratio: of an archive's size unpacked to its size.
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
