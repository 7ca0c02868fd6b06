"""The transfer of one file from one place, over HTTP with pooch; for Google Drive see ``drive``.

pooch opens connections and streams, but does not resume. Here, a header requests the missing range, and a hook checks
the response before its first byte.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from tgvac.fetch.drive import from_drive, in_folder
from tgvac.fetch.params import FetchParams
from tgvac.fetch.partial import Fault, Interruption, OtherBytes, Part, Sink, Watch, reason_of

if TYPE_CHECKING:
    import requests

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


def transfer(place: str, part: Part, params: FetchParams, watch: Watch) -> None:
    """Fetch the missing bytes of a part from a place; returns when the place has no more bytes.

    Raises:
        Fault: when the place does not give the file.
        Interruption: when the transfer was interrupted.
        OtherBytes: when the part belongs to another file.
    """
    kind, _, rest = place.partition(":")
    if kind == "drive":
        from_drive(rest, place, part, params, watch)
    elif kind == "drive-folder":
        folder, _, name = rest.partition("/")
        from_drive(in_folder(folder, name), place, part, params, watch)
    else:
        _from_http(_url(place), place, part, params, watch)


def _url(place: str) -> str:
    """The URL of a place that is fetched over HTTP."""
    if not place.startswith("hub:"):
        return place
    from huggingface_hub import hf_hub_url

    owner, name, file = place.removeprefix("hub:").split("/", 2)
    url: str = hf_hub_url(f"{owner}/{name}", file, repo_type="dataset")
    return url


def size_at(place: str, params: FetchParams) -> int | None:
    """The number of bytes that a place states; None if it states none or cannot be reached."""
    if place.startswith(("drive:", "drive-folder:")):
        return None
    import requests

    try:
        headers = {"Accept-Encoding": "identity"}
        with requests.head(_url(place), headers=headers, timeout=params.timeout_s, allow_redirects=True) as answer:
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
    totals: list[int | None] = []
    with Sink(part, watch.received) as sink, contextlib.ExitStack() as stack:

        def check(response: requests.Response, **_: Any) -> None:
            stack.callback(response.close)
            answers.append(response)
            if response.is_redirect or not response.ok:
                return  # a redirect is followed, an error is raised below
            begin, total = _check_answer(response, asked)
            totals.append(total)
            watch.total(total)
            sink.begin(begin, place, total)

        downloader = pooch.HTTPDownloader(
            chunk_size=params.chunk_bytes, headers=headers, timeout=params.timeout_s, hooks={"response": check}
        )
        try:
            downloader(url, sink, None)
        except requests.HTTPError:
            status = answers[-1].status_code
            if status == 416:
                raise OtherBytes from None  # the file is shorter than the part
            words = f"answers {status} {answers[-1].reason}"
            raise (Interruption if status in _PASSING else Fault)(words) from None
        except requests.exceptions.InvalidURL as error:
            raise Fault(str(error)) from None
        except requests.RequestException as error:
            raise Interruption(reason_of(error)) from None
    if totals and totals[-1] is not None and part.size > totals[-1]:
        raise OtherBytes
    if totals and totals[-1] is not None and part.size < totals[-1]:
        raise Interruption(f"was interrupted after {part.size} of {totals[-1]} bytes")


def _check_answer(response: requests.Response, asked: int) -> tuple[int, int | None]:
    """The offset of the first byte of a response, and the size of the complete file, if it is stated."""
    if _is_html(response):
        raise Fault("answers with a web page instead of the archive")
    # Some servers declare a tar.gz as a tar with transfer compression, but the compressed file is wanted.
    response.raw.headers.pop("Content-Encoding", None)
    length = response.headers.get("Content-Length", "")
    if response.status_code != 206:
        # The server does not support ranges and sends everything. The bytes of the part are compared and kept.
        return 0, int(length) if length.isdigit() else None
    match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != asked:
        raise Fault(f"answers with {response.headers.get('Content-Range')!r} when asked for the bytes from {asked}")
    return asked, None if match[3] == "*" else int(match[3])
