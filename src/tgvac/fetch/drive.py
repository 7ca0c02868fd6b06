"""Files on Google Drive, fetched with gdown, which handles Drive's confirmation pages and resumes from its own part.

The part is given to gdown under the name that gdown looks for. gdown appends without a check, so the last bytes are
fetched again and compared here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tgvac.fetch.params import FetchParams
from tgvac.fetch.partial import Fault, Interruption, OtherBytes, Part, Watch, reason_of

# gdown finds a part by eight characters between the name of its output and ".part".
_LENT = "-resumed.part"
_FOUND = f"{'?' * 8}.part"


def from_drive(identifier: str, place: str, part: Part, params: FetchParams, watch: Watch) -> None:
    """Fetch the missing bytes of the file with an id; raises the same errors as ``transfer.transfer``."""
    import gdown
    import requests
    from gdown.exceptions import DownloadCancelled, DownloadError, FileURLRetrievalError

    if part.size and part.place != place:
        # A kill between appending and comparing would leave a file made of two.
        raise Fault(f"can only resume its own parts: delete {part.path} to start again from this place")
    part.record(place, part.total)
    before, recorded = 0, False

    def progress(here: int, total: int | None) -> None:
        nonlocal before, recorded
        if not recorded:
            watch.total(total)
            part.record(place, total)
            recorded = True
        watch.received(here - before)
        before = here

    with _compared(part, params.overlap_bytes) as begin, _lent(part):
        before = begin
        try:
            gdown.download(
                id=identifier,
                output=str(part.path),
                quiet=True,
                use_cookies=False,
                resume=True,
                timeout=params.timeout_s,
                progress=progress,
                cancel=watch.stop,
            )
        except FileURLRetrievalError as error:
            raise Fault(f"refuses it, usually because the quota is exceeded: {_short(error)}") from None
        except DownloadCancelled:
            raise Interruption("stopped") from None
        except DownloadError as error:
            raise (Fault if "byte range" in str(error) else Interruption)(_short(error)) from None
        except requests.HTTPError as error:
            raise Fault(_short(error)) from None
        except requests.RequestException as error:
            raise Interruption(reason_of(error)) from None


@contextlib.contextmanager
def _compared(part: Part, overlap: int) -> Iterator[int]:
    """Remove the last bytes of a part, so that they are fetched again, and compare them; yields the offset."""
    begin = max(0, part.size - overlap)
    tail = b""
    if part.size:
        with part.path.open("r+b") as stream:
            stream.seek(begin)
            tail = stream.read()
            stream.truncate(begin)
    try:
        yield begin
    finally:
        if tail:
            with part.path.open("r+b") as stream:
                stream.seek(begin)
                again = stream.read(len(tail))
                if again != tail:
                    stream.seek(begin)
                    stream.write(tail)
                    stream.truncate()
    if tail and not tail.startswith(again):
        raise OtherBytes


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160]


@contextlib.contextmanager
def _lent(part: Part) -> Iterator[None]:
    """Give the part to gdown under the name that it looks for, and take it back, also after a killed process."""
    lent = part.path.with_name(part.path.name + _LENT)
    reclaim(part)
    if part.path.is_file():
        part.path.replace(lent)
    try:
        yield
    finally:
        # For a new part, gdown chooses the name.
        for started in part.path.parent.glob(f"{part.path.name}{_FOUND}"):
            started.replace(lent)
        reclaim(part)


def reclaim(part: Part) -> None:
    """Take back the part that a killed process had given to gdown."""
    for lent in sorted(part.path.parent.glob(f"{part.path.name}{_FOUND}"), key=lambda p: p.stat().st_size):
        if not part.path.is_file() or lent.stat().st_size > part.path.stat().st_size:
            lent.replace(part.path)
        else:
            lent.unlink()


def in_folder(folder: str, name: str) -> str:
    """The id of the file with a name, anywhere in a shared folder of Google Drive."""
    import gdown
    import requests
    from gdown.exceptions import DownloadError

    try:
        files = gdown.download_folder(id=folder, quiet=True, use_cookies=False, skip_download=True) or []
    except (DownloadError, requests.RequestException) as error:
        raise Fault(f"cannot be listed: {_short(error)}") from None
    listed = [each for each in files if not isinstance(each, str)]
    found = [each.id for each in listed if each.path.rsplit("/", 1)[-1] == name]
    if len(found) != 1:
        raise Fault(f"has {len(found)} files with the name {name}")
    identifier: str = found[0]
    return identifier
