"""The study's server as an application: the page, the videos under blinded names, and three calls.

    POST api/enter  {code}                          what comes next for this participant
    POST api/form   {code, level, field, consent}   keep the form, then the same
    POST api/vote   {code, trial, choice, ms}       keep a vote, then the same

A refusal has a status of 4xx and a sentence in ``detail``. Statuses of 5xx and 429 mean: not saved, ask again.
"""

from __future__ import annotations

import hmac
from email.utils import formatdate
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tgvac.loopback import is_foreign, own_names
from tgvac.study.ballot import MEDIA_TIME, media_names
from tgvac.study.desk import Cast, Desk, Entry, Form, Refused, plainly
from tgvac.study.limits import Limit
from tgvac.study.page import SCRIPT, STYLE, index, web_file
from tgvac.study.plan import Study
from tgvac.study.store import Store, Unsaved

_MOST_BYTES = 4096
_COOKIE = "tgvac-study"
_NEVER = formatdate(MEDIA_TIME, usegmt=True)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; img-src"
    " data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
B = TypeVar("B", bound=BaseModel)


class Server:
    """The routes of one study.

    Args:
        attempts: wrong codes and tokens from one address. Many participants may share one.
        calls: calls of one participant.
    """

    def __init__(self, study: Study, store: Store, attempts: Limit | None = None, calls: Limit | None = None) -> None:
        self._study, self._desk = study, Desk(study, store)
        self._media = media_names(study)
        self._index = index(study, static=False)
        self._attempts = attempts or Limit(burst=60, rate=0.5)
        self._calls = calls or Limit(burst=30, rate=5)

    def app(self, host: str, token: str | None) -> Starlette:
        """The application.

        Args:
            host: the address that it listens on.
            token: what every browser must bring once, as ``?token=…``; None for a page of this machine alone.
        """
        routes = [
            Route("/", self._page),
            Route(f"/{SCRIPT}", self._file),
            Route(f"/{STYLE}", self._file),
            Route("/media/{name}", self._video),
            Route("/api/enter", self._enter, methods=["POST"]),
            Route("/api/form", self._form, methods=["POST"]),
            Route("/api/vote", self._vote, methods=["POST"]),
        ]
        guards = [Middleware(_Headers)]
        if token is None:
            guards.append(Middleware(TrustedHostMiddleware, allowed_hosts=own_names(host)))
        guards.append(Middleware(_Guard, token=token, attempts=self._attempts))
        handlers: dict[Any, Any] = {Refused: _refused, Unsaved: _unsaved}
        return Starlette(routes=routes, middleware=guards, exception_handlers=handlers)

    async def _page(self, request: Request) -> Response:
        return Response(self._index, media_type="text/html", headers={"Cache-Control": "no-store"})

    async def _file(self, request: Request) -> Response:
        name = request.url.path.removeprefix("/")
        kind = "text/javascript" if name == SCRIPT else "text/css"
        return Response(web_file(name), media_type=kind, headers={"Cache-Control": "no-cache"})

    async def _video(self, request: Request) -> Response:
        # A name is looked up among those of the study, and never joined to a path before that.
        name = request.path_params["name"]
        if name not in self._media:
            return PlainTextResponse("There is no such video.", status_code=404)
        # A time or a size-and-time tag could tell which method a file is of. A name is given to one content alone.
        headers = {"Cache-Control": "private, max-age=86400", "ETag": f'"{name}"', "Last-Modified": _NEVER}
        return FileResponse(self._study.media / name, media_type="video/mp4", headers=headers)

    async def _enter(self, request: Request) -> Response:
        given = await self._given(request, Entry)
        return await self._answer(self._desk.state, given.code)

    async def _form(self, request: Request) -> Response:
        given = await self._given(request, Form)
        return await self._answer(self._desk.fill_in, given)

    async def _vote(self, request: Request) -> Response:
        given = await self._given(request, Cast)
        await run_in_threadpool(self._desk.vote, given)
        return await self._answer(self._desk.state, given.code)

    async def _answer(self, act: Any, *given: Any) -> Response:
        return JSONResponse(await run_in_threadpool(act, *given), headers={"Cache-Control": "no-store"})

    async def _given(self, request: Request, kind: type[B]) -> B:
        """What a browser sent, checked.

        Raises:
            Refused: when it is too much, too often, no JSON, not of this form, or of an unknown participant.
        """
        address = request.client.host if request.client else ""
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise Refused("The study takes JSON alone.", 415)
        body = b""
        try:
            async for part in request.stream():
                body += part
                if len(body) > _MOST_BYTES:
                    raise Refused(f"More than {_MOST_BYTES} bytes are never needed here.", 413)
        except ClientDisconnect:
            raise Refused("The request was not sent to its end.") from None  # nobody is there to read it
        try:
            given = kind.model_validate_json(body)
        except ValidationError as error:
            raise Refused(plainly(error)) from None
        code = getattr(given, "code", "")
        try:
            who = await run_in_threadpool(self._desk.who, code)
        except Refused:
            if not self._attempts.allows(address):
                raise Refused("Too many unknown codes came from here; wait a minute, then try again.", 403) from None
            raise
        if not self._calls.allows(str(who.number)):
            raise Refused("That was too fast.", 429)
        return given


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, Refused) else 400
    return JSONResponse({"detail": str(error)}, status_code=status, headers={"Cache-Control": "no-store"})


async def _unsaved(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, status_code=507, headers={"Cache-Control": "no-store"})


class _Headers:
    """Adds headers that keep a browser from running, embedding or telling anything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(key.lower().encode(), value.encode()) for key, value in _HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", ()), *added]}
            await send(message)

        await self._app(scope, receive, with_headers)


class _Guard:
    """Refuses pages of other sites, and browsers that do not have the token."""

    def __init__(self, app: ASGIApp, token: str | None, attempts: Limit) -> None:
        self._app, self._token, self._attempts = app, token, attempts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = self._refusal(HTTPConnection(scope))
        await (answer or self._app)(scope, receive, send)

    def _refusal(self, asked: HTTPConnection) -> Response | None:
        if is_foreign(dict(asked.scope["headers"])):
            return PlainTextResponse("The study is not open to pages of other sites.", status_code=403)
        if self._token is None or _same(asked.cookies.get(_COOKIE, ""), self._token):
            return None
        given = asked.query_params.get("token", "")
        address = asked.client.host if asked.client else ""
        if _same(given, self._token):
            # Lax, since with Strict a link in a web mail would not work; calls are checked by their Origin.
            # The address without the token: it is not left where others look at the screen.
            answer = RedirectResponse("/", status_code=303)
            answer.set_cookie(_COOKIE, self._token, httponly=True, samesite="lax")
            return answer
        if given and not self._attempts.allows(address):
            return PlainTextResponse("Too many wrong links came from here; wait a minute.", status_code=403)
        return PlainTextResponse("Open the study by the full link that its staff gave you.", status_code=403)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
