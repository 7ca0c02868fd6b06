"""``tgvac study serve``: the study on this machine's own address, or with a token on another one."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import re
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.loopback import is_loopback
from tgvac.study.ballot import check_media
from tgvac.study.holding import holding
from tgvac.study.plan import TOKEN, Study, open_study
from tgvac.study.store import Store

_NEEDED = ("starlette", "uvicorn")


def serve(folder: Path, host: str, port: int) -> None:
    """Serve a study until it is interrupted.

    Args:
        port: 0 for any free one.

    Raises:
        BadInput: when a package or a video is missing, another process has the folder, or the address cannot be
            listened on.
    """
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        raise BadInput(
            f"tgvac study serve needs {', '.join(missing)}; install it with `pip install -e '.[study]'` in the"
            " project's folder."
        )
    check_media(open_study(folder))
    # One server at a time; a second would be harmless, but its limits would not be shared.
    with holding(folder, "serve it"):
        study = open_study(folder)  # as it is now that no build can replace it
        check_media(study)
        token = None if is_loopback(host) else _token(study)
        with Store(study) as store, _listening(host, port) as listener:
            _run(study, store, listener, host, token)


def _run(study: Study, store: Store, listener: socket.socket, host: str, token: str | None) -> None:
    import uvicorn

    from tgvac.study.server import Server

    port = listener.getsockname()[1]
    app = Server(study, store).app(host, token)
    # Addresses of participants are written nowhere, and no proxy's word is taken for them.
    settings = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=5,  # seconds that a browser in the middle of a video may take
    )
    logging.getLogger("uvicorn.error").addFilter(_no_fault)
    # Ctrl+C is the end from the first line on, also before uvicorn takes signals.
    with contextlib.suppress(KeyboardInterrupt):
        _tell(host, port, token)
        uvicorn.Server(settings).run(sockets=[listener])
    print(f"stopped; {store.count()} votes are in {study.store}", flush=True)


def _no_fault(record: logging.LogRecord) -> bool:
    """Whether a line is worth a look: that a request ends with the server is no fault, and the page sends it again."""
    ended = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not ended and not str(record.msg).startswith("Cancel %s running task(s)")


def _tell(host: str, port: int, token: str | None) -> None:
    name = f"[{host}]" if ":" in host else host
    if token is None:
        print(f"open http://{name}:{port}/ in a browser; stop with Ctrl+C", flush=True)
        return
    shown = socket.gethostname() if host in {"0.0.0.0", "::"} else name
    print(f"everyone with this link and a code takes part: http://{shown}:{port}/?token={token}", flush=True)
    print("the link is not encrypted; beyond a lab's own network put a server with HTTPS before it", flush=True)
    print("stop with Ctrl+C; the link stays the same", flush=True)


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            # From here on a browser waits, where it would be refused until uvicorn listens.
            listener.listen(128)
        except OSError as error:
            raise BadInput(
                f"{host}:{port} cannot be listened on ({error.strerror}); choose another --port or --host."
            ) from None
        yield listener


def _token(study: Study) -> str:
    """The token of a study, drawn once, so that links outlive a restart."""
    path = study.folder / TOKEN
    if path.is_file():
        found = path.read_text(encoding="ascii").strip()
        if re.fullmatch(r"[\w-]{20,}", found):
            return found
        raise BadInput(f"{path} is damaged; delete it, and a new link is made.")
    token = secrets.token_urlsafe(24)
    path.touch(mode=0o600)
    path.write_text(token, encoding="ascii")
    return token
