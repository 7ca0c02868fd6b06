"""``tgvac app``: serves the page on this machine, and nothing outside of its work folder."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tgvac.app.work import Settings, Work
from tgvac.errors import BadInput
from tgvac.files import locked
from tgvac.loopback import is_foreign, is_loopback, own_names

_CSS = Path(__file__).with_name("page.css")
_QUIET = {
    **{"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_RUN_HISTORY": "False", "GRADIO_SHARE": "False"},
    **{"GRADIO_MCP_SERVER": "False", "GRADIO_NODE_SERVER": "False", "HF_HUB_DISABLE_TELEMETRY": "1"},
}
"""Read by Gradio when it is imported, or launched."""
_MARK = ".tgvac-app"
"""The empty file that says that a folder was made here, and may be emptied."""


def serve(root: Path, out: Path, settings: Settings, host: str, port: int, upload_mb: int) -> None:
    """Serve the page until it is interrupted.

    Args:
        root: the project's folder.
        out: the work folder.
        host: the address to listen on.
        port: 0 for any free one.
        upload_mb: what an upload may have at most, in megabytes.

    Raises:
        BadInput: when Gradio is not installed, or the address cannot be listened on.
    """
    if importlib.util.find_spec("gradio") is None:
        raise BadInput("tgvac app needs Gradio; install it with `pip install -e '.[app]'` in the project's folder.")
    local = is_loopback(host)
    if not local:
        print(
            f"warning: everyone who reaches {host} on port {port} can open this page, upload videos and use this"
            " machine; it asks for no password",
            flush=True,
        )
    work = Work(root, out, settings.model_copy(update={"paths": local}))
    with locked(out / ".lock"), _emptied(work.served):
        os.environ.update(_QUIET, GRADIO_TEMP_DIR=str(work.served), GRADIO_EXAMPLES_CACHE=str(work.served / "examples"))
        _launch(work, host, port, upload_mb)


@contextlib.contextmanager
def _emptied(folder: Path) -> Iterator[None]:
    """A folder that is empty at first but for a mark, and is gone afterwards.

    Raises:
        BadInput: when there is something that has no mark, so that it is not from here.
    """
    if folder.is_symlink() or (folder.exists() and not _is_own(folder)):
        raise BadInput(f"{folder} is not of this page, which would empty it; give another --out, or move it elsewhere.")
    _remove(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()
    try:
        yield
    finally:
        _remove(folder)


def _is_own(folder: Path) -> bool:
    return folder.is_dir() and ((folder / _MARK).is_file() or not any(folder.iterdir()))


def _remove(folder: Path) -> None:
    """Remove a folder, its mark last, so that a removal that was interrupted can be taken up."""
    for each in folder.iterdir() if folder.is_dir() else ():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)
        elif each.name != _MARK:
            each.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _launch(work: Work, host: str, port: int, upload_mb: int) -> None:
    import gradio as gr

    from tgvac.app.page import Page

    blocks = Page(work).build().queue(max_size=32)
    try:
        _, address, _ = blocks.launch(
            server_name=host,
            server_port=port or _free(host),
            share=False,
            show_error=False,
            quiet=True,
            prevent_thread_lock=True,
            max_file_size=upload_mb * 1_000_000,
            allowed_paths=[],
            app_kwargs={"middleware": guards(host)},
            footer_links=[],
            run_history=False,
            mcp_server=False,
            ssr_mode=False,
            enable_monitoring=False,
            css_paths=_CSS,
            # Fonts of the visitor's system: none is fetched from elsewhere.
            theme=gr.themes.Default(font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace")),
        )
    except OSError as error:
        raise BadInput(f"{host}:{port} cannot be listened on ({error}); choose another --port or --host.") from None
    # Gradio takes Ctrl+C as the end only while it waits; before that, too, it is no failure.
    with contextlib.suppress(KeyboardInterrupt):
        print(f"open {address} in a browser; stop with Ctrl+C", flush=True)
        blocks.block_thread()
    blocks.close(verbose=False)


def guards(host: str) -> list[Any]:
    """What each request passes before Gradio answers it, as Starlette's middleware.

    A page of this machine alone opens files by their path, so other sites must not reach it through the visitor's
    browser: neither by a name of theirs that resolves to this machine, nor by a request from their pages.
    """
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    local = is_loopback(host)
    hosts = [Middleware(TrustedHostMiddleware, allowed_hosts=own_names(host))] if local else []
    return [*hosts, Middleware(_OwnFiles, own_pages=local)]


class _OwnFiles:
    """Refuses what Gradio would fetch from other hosts for a visitor.

    Args:
        own_pages: whether to refuse requests from pages of other sites, too.
    """

    def __init__(self, app: Any, own_pages: bool) -> None:
        self._app, self._own_pages = app, own_pages

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        elsewhere = re.search(r"(file|proxy)=\w+:", scope.get("path", ""))
        if elsewhere or (self._own_pages and is_foreign(dict(scope.get("headers", ())))):
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, send)


def _free(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
