"""One file from one place: over HTTP by pooch, which goes on from a part; from Google Drive see ``drive``.

pooch brings connections and streams, and no resuming: the range asked for, and the check of what the answer says, are
added here by a hook that sees the answer before its first byte.
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
    """Fetch from a place what a part lacks; returns when the place has no more bytes.

    Raises:
        Fault: the place will not give it.
        Interruption: it broke off.
        OtherBytes: the part is of another file.
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
            raise Interruption(reason_of(error)) from None
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
