"""One file from one place: over HTTP by pooch, from Google Drive by gdown; both go on from a part.

pooch brings connections and streams, and no resuming: the range asked for, and the check of what the answer says, are
added here by a hook that sees the answer before its first byte.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tgvac.sources.params import FetchParams
from tgvac.sources.partial import Fault, Interruption, OtherBytes, Part, Sink

if TYPE_CHECKING:
    import requests

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
# gdown finds a part by eight letters between the name of its output and ".part".
_OF_GDOWN = "-resumed.part"


@dataclass(frozen=True)
class Watch:
    """Who is told of a transfer while it goes on; each may raise to end it.

    Attributes:
        total: how many bytes the whole has, before the first is written; None when the place does not say.
        came: how many bytes came.
        stop: set when the user wants to end.
    """

    total: Callable[[int | None], None]
    came: Callable[[int], None]
    stop: threading.Event


def transfer(place: str, part: Part, params: FetchParams, watch: Watch) -> None:
    """Fetch from a place what a part lacks; returns when the place has no more bytes.

    Raises:
        Fault: the place will not give it.
        Interruption: it broke off.
        OtherBytes: the part is of another file.
    """
    kind, _, rest = place.partition(":")
    if kind == "drive":
        _from_drive(rest, place, part, params, watch)
    elif kind == "drive-folder":
        folder, _, name = rest.partition("/")
        _from_drive(_in_folder(folder, name), place, part, params, watch)
    else:
        _from_http(_url(place), place, part, params, watch)


def _url(place: str) -> str:
    """The address of a place that answers over HTTP."""
    if not place.startswith("hub:"):
        return place
    from huggingface_hub import hf_hub_url

    owner, name, file = place.removeprefix("hub:").split("/", 2)
    url: str = hf_hub_url(f"{owner}/{name}", file, repo_type="dataset")
    return url


def size_at(place: str, params: FetchParams) -> int | None:
    """How many bytes a place says that it has; None where it doesn't, or isn't there, which fetching tells later."""
    if place.startswith(("drive:", "drive-folder:")):
        return None
    import requests

    try:
        asked = {"Accept-Encoding": "identity"}
        with requests.head(_url(place), headers=asked, timeout=params.timeout_s, allow_redirects=True) as answer:
            length = answer.headers.get("Content-Length", "") if answer.ok and not _is_html(answer) else ""
    except requests.RequestException:
        return None
    return int(length) if length.isdigit() else None


def _is_html(response: requests.Response) -> bool:
    return response.headers.get("Content-Type", "").startswith("text/html")


def _from_http(url: str, place: str, part: Part, params: FetchParams, watch: Watch) -> None:
    import pooch
    import requests

    asked = max(0, part.size - params.overlap_bytes)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={asked}-"} if part.size else {})
    answers: list[requests.Response] = []
    whole: list[int | None] = []
    with Sink(part, watch.came) as sink, contextlib.ExitStack() as stack:

        def look(response: requests.Response, **_: Any) -> None:
            stack.callback(response.close)
            answers.append(response)
            if response.is_redirect or not response.ok:
                return  # followed, or refused below
            begin, total = _check_answer(response, asked)
            whole.append(total)
            watch.total(total)
            sink.begin(begin, place, total)

        downloader = pooch.HTTPDownloader(
            chunk_size=params.chunk_bytes, headers=headers, timeout=params.timeout_s, hooks={"response": look}
        )
        try:
            downloader(url, sink, None)
        except requests.HTTPError:
            status = answers[-1].status_code
            if status == 416:
                raise OtherBytes from None  # it is shorter than what is here
            words = f"answers {status} {answers[-1].reason}"
            raise (Interruption if status in _PASSING else Fault)(words) from None
        except requests.exceptions.InvalidURL as error:
            raise Fault(str(error)) from None
        except requests.RequestException as error:
            raise Interruption(_why(error)) from None
    if whole and whole[-1] is not None and part.size > whole[-1]:
        raise OtherBytes
    if whole and whole[-1] is not None and part.size < whole[-1]:
        raise Interruption(f"broke off after {part.size} of {whole[-1]} bytes")


def _check_answer(response: requests.Response, asked: int) -> tuple[int, int | None]:
    """The number of the first byte that an answer brings, and how many the whole has, if it says so."""
    if _is_html(response):
        raise Fault("answers with a web page and not with the archive")
    # Some servers call a tar.gz a tar that is compressed on the way; it is wanted as it lies there.
    response.raw.headers.pop("Content-Encoding", None)
    length = response.headers.get("Content-Length", "")
    if response.status_code != 206:
        # All of it, from a server that knows no ranges; what is here already is compared, and kept.
        return 0, int(length) if length.isdigit() else None
    match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != asked:
        raise Fault(f"answers with {response.headers.get('Content-Range')!r} when asked for bytes from {asked} on")
    return asked, None if match[3] == "*" else int(match[3])


def _why(error: Exception) -> str:
    """The innermost reason of a failed connection, in a few words."""
    while isinstance(cause := error.__cause__ or error.__context__, Exception):
        error = cause
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _from_drive(identifier: str, place: str, part: Part, params: FetchParams, watch: Watch) -> None:
    import gdown
    import requests
    from gdown.exceptions import DownloadCancelled, DownloadError, FileURLRetrievalError

    if part.size and part.place != place:
        # A kill between joining and comparing would leave one file made of two.
        raise Fault(f"goes on with its own parts alone: delete {part.path} to start over here")
    part.tell(place, part.total)
    before, told = 0, False

    def progress(here: int, total: int | None) -> None:
        nonlocal before, told
        if not told:
            watch.total(total)
            part.tell(place, total)
            told = True
        watch.came(here - before)
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
            raise Fault(f"refuses it, as it does when its quota is used up: {_short(error)}") from None
        except DownloadCancelled:
            raise Interruption("stopped") from None
        except DownloadError as error:
            raise (Fault if "byte range" in str(error) else Interruption)(_short(error)) from None
        except requests.HTTPError as error:
            raise Fault(_short(error)) from None
        except requests.RequestException as error:
            raise Interruption(_why(error)) from None


@contextlib.contextmanager
def _compared(part: Part, overlap: int) -> Iterator[int]:
    """Let the last bytes of a part be fetched again, and see that they are the same; yields where that begins.

    gdown itself joins whatever it gets to whatever is there.
    """
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
    lent = part.path.with_name(part.path.name + _OF_GDOWN)
    reclaim(part)
    if part.path.is_file():
        part.path.replace(lent)
    try:
        yield
    finally:
        # A part that gdown began has a name of its own choice.
        for begun in part.path.parent.glob(f"{part.path.name}{'?' * 8}.part"):
            begun.replace(lent)
        reclaim(part)


def reclaim(part: Part) -> None:
    """Take back what a killed process had lent to gdown."""
    for lent in sorted(part.path.parent.glob(f"{part.path.name}{'?' * 8}.part"), key=lambda p: p.stat().st_size):
        if not part.path.is_file() or lent.stat().st_size > part.path.stat().st_size:
            lent.replace(part.path)
        else:
            lent.unlink()


def _in_folder(folder: str, name: str) -> str:
    """The id of the file of that name, somewhere in a shared folder of Google Drive."""
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
        raise Fault(f"holds {len(found)} files of the name {name}")
    identifier: str = found[0]
    return identifier
