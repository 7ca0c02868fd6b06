"""Downloads of archives: places are tried in turn, partial files are resumed, each file is verified before it is named.

data/<source>/<file>              complete and verified
data/<source>/<file>.part         incomplete, with <file>.part.json
data/<source>/<file>.refused      complete, but failed verification; may be inspected and deleted
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.fetch.disk import Disk
from tgvac.fetch.drive import reclaim
from tgvac.fetch.params import FetchParams
from tgvac.fetch.partial import Fault, Interruption, OtherBytes, Part, Watch
from tgvac.fetch.registry import Archive, Source
from tgvac.fetch.transfer import size_at, transfer
from tgvac.fetch.trust import Trust
from tgvac.fetch.verify import archive_path, is_verified, verify
from tgvac.files import locked
from tgvac.progress import Progress

_MB = 1_000_000


class Fetch:
    """Fetches archives of sources into a folder.

    Args:
        data: the folder with one folder per source.
        label: of the progress messages.
    """

    def __init__(self, data: Path, params: FetchParams, label: str = "fetch") -> None:
        self._data, self._params, self._label = data, params, label
        self._trust, self._disk = Trust(data), Disk(data, params.keep_free_bytes)
        self._stop = threading.Event()

    def run(self, wanted: Sequence[tuple[Source, Archive]]) -> None:
        """Fetch missing archives, several at a time, and verify those that exist.

        Raises:
            BadInput: before the first byte, when a licence is not accepted or the disk is too small for the known
                sizes; at the end, when an archive could not be fetched. The others are fetched nevertheless.
        """
        paths = {(s.name, a.file): archive_path(self._data, s, a) for s, a in wanted}
        # Verified archives are not touched, so they may be in a read-only folder.
        wanted = [(s, a) for s, a in wanted if not is_verified(s, a, paths[s.name, a.file], self._trust)]
        missing = [(s, a) for s, a in wanted if not paths[s.name, a.file].is_file()]
        for source in {s.name: s for s, _ in missing}.values():
            self._trust.require(source)
        with Progress(f"{self._label} (MB)", 0) if missing else nullcontext() as progress:
            meter = _Meter(progress)
            pool = ThreadPoolExecutor(self._params.workers, thread_name_prefix="fetch")
            try:
                self._claim(missing, meter, pool)
                jobs = [pool.submit(self._ensure, source, archive, meter) for source, archive in wanted]
                _watch(jobs)
            except BaseException:
                self._stop.set()
                raise
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        faults = [str(error) for job in jobs if (error := job.exception()) is not None]
        if faults:
            more = len(faults) - 1
            others = f" (and {more} more failed: the same command names {'it' if more == 1 else 'them'} next)"
            raise BadInput(faults[0] if not more else faults[0].removesuffix(".") + others + ".")

    def _claim(self, missing: Sequence[tuple[Source, Archive]], meter: _Meter, pool: Executor) -> None:
        """Reserve disk space for the missing archives whose sizes are known or stated by their first places."""

        def size_of(source: Source, archive: Archive) -> int | None:
            known = self._expected(source, archive) or Part(archive_path(self._data, source, archive)).total
            return known or (size_at(archive.places[0], self._params) if archive.places else None)

        for (source, archive), size in zip(missing, pool.map(lambda each: size_of(*each), missing), strict=True):
            target = archive_path(self._data, source, archive)
            here = Part(target).size
            if size is not None:
                self._disk.claim(target, max(0, size - here))
                meter.expect(target, size, here)

    def _expected(self, source: Source, archive: Archive) -> int | None:
        """The size of an archive in the registry or the user's lock."""
        known = self._trust.archive(f"{source.name}/{archive.file}")
        return archive.bytes or (known["bytes"] if known else None)

    def _ensure(self, source: Source, archive: Archive, meter: _Meter) -> None:
        """Make sure that one archive exists and is verified."""
        path = archive_path(self._data, source, archive)
        with locked(path.with_name(f".{path.name}.lock")):
            try:
                if not path.is_file():
                    self._fetch(source, archive, path, meter)
                verify(source, archive, path, self._params, self._trust)
            finally:
                self._disk.release(path)

    def _fetch(self, source: Source, archive: Archive, path: Path, meter: _Meter) -> None:
        """Try the places in turn until one gives the complete archive."""
        part, faults = Part(path), []
        reclaim(part)
        # The place where the part came from is tried first, because another place may have another file.
        for place in sorted(archive.places, key=lambda each: each != part.place):
            if self._stop.is_set():
                break
            try:
                self._from_place(place, part, path, self._expected(source, archive), meter)
            except Fault as fault:
                faults.append(f"{place} {fault}")
                continue
            try:
                verify(source, archive, part.path, self._params, self._trust)
            except BadInput as error:
                refused = part.path.replace(path.with_name(f"{path.name}.refused"))
                part.drop()
                faults.append(f"{place} gave a wrong file ({str(error).rstrip('.')}; it is kept as {refused.name})")
                continue
            part.finish(path)
            return
        reasons = "; ".join(faults) or "no place is known"
        raise BadInput(
            f"{archive.file} of source '{source.name}' cannot be fetched ({reasons});"
            + (f" {part.size} bytes are kept, and the same command resumes from there;" if part.size else "")
            + f" or get it another way{f', such as from {archive.page},' if archive.page else ''} and put it at {path},"
            " where the same command verifies it."
        )

    def _from_place(self, place: str, part: Part, target: Path, expected: int | None, meter: _Meter) -> None:
        """Fetch the rest from one place. Only attempts that bring no bytes are counted."""
        failed, started_over = 0, False
        while True:
            before = part.size

            def total(size: int | None) -> None:
                if size is None:
                    return
                if expected is not None and size != expected:
                    raise Fault(f"has {size} bytes, but the registry or the lock says {expected}")
                self._disk.claim(target, max(0, size - part.size))
                meter.expect(target, size, part.size)

            def received(count: int) -> None:
                self._disk.fill(target, count)
                meter.add(count, target.name)
                if self._stop.is_set():
                    raise Interruption("stopped")

            try:
                transfer(place, part, self._params, Watch(total, received, self._stop))
                return
            except OtherBytes:
                if part.place != place:
                    raise Fault(
                        f"has other bytes than {part.path}, which came from {part.place or 'elsewhere'}: delete that"
                        " file to start again from this place"
                    ) from None
                if started_over:
                    raise Fault("gives other bytes on every request") from None
                part.drop()  # the place now has another version, so its remaining bytes do not match
                started_over = True
            except Interruption as interruption:
                failed = 0 if part.size > before else failed + 1
                if failed >= self._params.attempts or self._stop.is_set():
                    raise Fault(str(interruption)) from None
                self._stop.wait(self._params.wait_s * 2 ** max(0, failed - 1))
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                raise BadInput(
                    f"The disk of {part.path} is full; free some space, then run the same command again, which resumes"
                    f" from the {part.size} bytes that are kept."
                ) from None


class _Meter:
    """Progress in megabytes, updated by several threads."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress, self._guard, self._bytes = progress, threading.Lock(), 0
        self._expected: dict[Path, int] = {}

    def expect(self, target: Path, total: int, here: int) -> None:
        """Set the size of a file; ``here`` is the number of its bytes from earlier runs."""
        with self._guard:
            if self._progress and target not in self._expected:
                self._expected[target] = total
                self._progress.expect(total // _MB, here // _MB)

    def add(self, count: int, note: str) -> None:
        with self._guard:
            before, self._bytes = self._bytes // _MB, self._bytes + count
            if self._progress and (done := self._bytes // _MB - before):
                self._progress.step(note, by=done)


def _watch(jobs: Sequence[Future[None]]) -> None:
    """Wait for all jobs; an error that no user can fix also ends the others."""
    open_jobs = set(jobs)
    while open_jobs:
        done, open_jobs = wait(open_jobs, return_when=FIRST_EXCEPTION)
        for job in done:
            error = job.exception()
            if error is not None and not isinstance(error, BadInput):
                raise error
