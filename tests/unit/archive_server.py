"""A local server of archives that can interrupt, refuse or answer with web pages, and counts the bytes it sends."""

from __future__ import annotations

import http.server
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tgvac.fetch.params import FetchParams

PARAMS = FetchParams(
    workers=2,
    attempts=2,
    wait_s=0.0,
    timeout_s=10.0,
    chunk_bytes=100,
    overlap_bytes=100,
    keep_free_bytes=0,
    member_max_bytes=1 << 20,
    archive_max_bytes=1 << 22,
    archive_max_ratio=50.0,
)
PAGE = b"<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body>Sorry</body></html>"


@dataclass
class Served:
    """What is served at one path, and how.

    Attributes:
        cuts: the number of bytes after which each response is interrupted, in turn; later responses are complete.
        ranges: whether range requests are supported.
        lies: how many bytes the response announces beyond those it has.
        pause: seconds between chunks of 4 KB.
        length: whether the response states its length.
        leads_to: the target of a redirect.
    """

    data: bytes
    status: int = 200
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    lies: int = 0
    kind: str = "application/zip"
    encoding: str = ""
    pause: float = 0.0
    length: bool = True
    leads_to: str = ""


class ArchiveServer:
    """Files by path. ``sent`` counts body bytes by path; ``asked`` lists ranges and ``probed`` size requests."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.sent: dict[str, int] = {}
        self.asked: list[tuple[str, str]] = []
        self.probed: list[str] = []
        self.url = ""

    def put(self, path: str, data: bytes, **how: object) -> str:
        """Serve bytes; returns the URL."""
        self.files[path] = Served(data, **how)  # type: ignore[arg-type]
        self.sent.setdefault(path, 0)
        return f"{self.url}/{path}"


def _handler(server: ArchiveServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            served = server.files.get(self.path.lstrip("/"))
            server.probed.append(self.path.lstrip("/"))
            self.send_response(404 if served is None else served.status)
            if served is not None and served.length:
                self.send_header("Content-Type", served.kind)
                self.send_header("Content-Length", str(len(served.data) + served.lies))
            self.end_headers()

        def do_GET(self) -> None:
            path = self.path.lstrip("/")
            asked = self.headers.get("Range", "")
            server.asked.append((path, asked))
            served = server.files.get(path)
            if served is None:
                self.send_error(404)
                return
            match = re.fullmatch(r"bytes=(\d+)-", asked) if served.ranges else None
            if served.leads_to:
                self.send_response(302)
                self.send_header("Location", served.leads_to)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = int(match[1]) if match else 0
            total = len(served.data) + served.lies
            if start > len(served.data):
                self.send_error(416)
                return
            self.send_response(206 if match and served.status == 200 else served.status)
            self.send_header("Content-Type", served.kind)
            if served.encoding:
                self.send_header("Content-Encoding", served.encoding)
            if served.length:
                self.send_header("Content-Length", str(total - start))
            if match:
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            self.end_headers()
            body = served.data[start:]
            if served.cuts:
                body = body[: served.cuts.pop(0)]
            for at in range(0, len(body), 4096):
                piece = body[at : at + 4096]
                try:
                    self.wfile.write(piece)
                except OSError:
                    return
                server.sent[path] += len(piece)
                time.sleep(served.pause)

    return Handler


@contextmanager
def serving() -> Iterator[ArchiveServer]:
    """A running server on a free port of 127.0.0.1."""
    server = ArchiveServer()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(server)) as it:
        it.daemon_threads = True
        server.url = f"http://127.0.0.1:{it.server_address[1]}"
        thread = threading.Thread(target=it.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            it.shutdown()
            thread.join()
