"""``/sparql``: the SPARQL 1.1 Protocol for queries, and what programs ask first: service description and VoID."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Final, Protocol
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from mskgraph.errors import AnswerNotAcceptable, Busy, MskGraphError, QueryError, QueryStopped, StoreError
from mskgraph.sparql import description
from mskgraph.sparql.gate import Gate
from mskgraph.sparql.guard import QUERY_SIZE
from mskgraph.sparql.messages import Request
from mskgraph.sparql.negotiation import preferred
from mskgraph.sparql.worker import Worker
from mskgraph.store import Dataset, Store, is_iri

TABLES: Final = (
    "application/sparql-results+json",
    "application/sparql-results+xml",
    "text/csv",
    "text/tab-separated-values",
)
GRAPHS: Final = ("text/turtle", "application/n-triples", "application/rdf+xml", "application/ld+json")

_FORM: Final = "application/x-www-form-urlencoded"
_QUERY: Final = "application/sparql-query"
_VARY: Final = {"Vary": "Accept"}


class Opened(Protocol):
    """What is asked: a knowledge graph with its store and the worker that runs queries on it."""

    @property
    def store(self) -> Store:
        """Answers the program's own queries."""
        ...

    @property
    def worker(self) -> Worker:
        """Runs strangers' queries."""
        ...


class _Refused(Exception):
    """A request that is answered with an error.

    :ivar status: HTTP status code
    """

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        self.status, self.headers = status, headers
        super().__init__(text)

    def response(self) -> Response:
        return PlainTextResponse(f"{self}\n", self.status, self.headers)


def query_timeout() -> float:
    """Return how many seconds a query may take: ``MSKGRAPH_QUERY_TIMEOUT``, or 10.

    :raises MskGraphError: if that is no positive number
    """
    given = os.environ.get("MSKGRAPH_QUERY_TIMEOUT", "10")
    with suppress(ValueError):
        if 0 < float(given) < 86_400:
            return float(given)
    raise MskGraphError(f"MSKGRAPH_QUERY_TIMEOUT has to be a number of seconds, not {given!r}.")


def routes(open_knowledge: Callable[[], Opened]) -> list[BaseRoute]:
    """Return the addresses that answer programs.

    :param open_knowledge: gives what is asked; cheap if nothing has changed
    """
    gate = Gate()

    allowed = [origin.strip() for origin in os.environ.get("MSKGRAPH_CORS", "").split(",") if origin.strip()]

    def told(answer: Callable[[HttpRequest], Awaitable[Response]]) -> Callable[[HttpRequest], Awaitable[Response]]:
        """Make answers of errors."""

        async def answered(request: HttpRequest) -> Response:
            try:
                response = await answer(request)
            except _Refused as refused:
                response = refused.response()
            except MskGraphError as error:
                response = _refusal(error).response()
            if allowed:
                response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            return response

        return answered

    @told
    async def sparql(request: HttpRequest) -> Response:
        """Answer a query, or describe the service if there is none."""
        asked = await _asked(request)
        if asked is not None:
            opened = await run_in_threadpool(open_knowledge)
            return await _Answering(gate, opened.worker, asked, request).response()
        media = preferred(_accept(request), [*GRAPHS, "text/html"])
        if media == "text/html":
            return RedirectResponse("/query", 303, _VARY)
        address = base(request)
        return await described(media, lambda opened, form: description.service(opened.store.graphs(), address, form))

    @told
    async def void(request: HttpRequest) -> Response:
        """Describe the dataset."""
        address = base(request)

        def written(opened: Opened, form: str) -> bytes:
            counts: dict[str, str] = {}
            with suppress(QueryStopped):  # too many to count: then it is described without
                counts = description.sizes(opened.worker)
            return description.dataset(counts, opened.store.graphs(), address, form)

        return await described(preferred(_accept(request), GRAPHS), written)

    async def described(media: str | None, write: Callable[[Opened, str], bytes]) -> Response:
        if media is None:
            raise _Refused(406, f"Available are {', '.join(GRAPHS)}.")
        opened = await run_in_threadpool(open_knowledge)
        return Response(await run_in_threadpool(write, opened, media), media_type=media, headers=_VARY)

    cors = [Middleware(CORSMiddleware, allow_origins=allowed, allow_methods=["GET", "POST"], allow_headers=["*"])]
    methods = ["GET", "POST", "OPTIONS"] if allowed else ["GET", "POST"]
    return [
        Route("/sparql", sparql, methods=methods, middleware=cors if allowed else []),
        Route("/void", void, methods=["GET"]),
        Route("/.well-known/void", void, methods=["GET"]),
    ]


def _accept(request: HttpRequest) -> str:
    return ", ".join(request.headers.getlist("accept"))


def base(request: HttpRequest) -> str:
    """Return the address of this server as the client knows it, without a slash at its end.

    :raises _Refused: if what it is called cannot be part of an address
    """
    if not re.fullmatch(r"[\w.:\[\]-]+", request.url.netloc, re.ASCII):
        raise _Refused(400, "The name of this server cannot be read.")
    return str(request.base_url).rstrip("/")


# What is asked


async def _asked(request: HttpRequest) -> Request | None:
    """Return the query of a request; ``None`` for a GET without one.

    :raises _Refused: if it is no request of the protocol
    """
    try:
        parameters = parse_qsl(request.url.query, keep_blank_values=True, errors="strict", max_num_fields=1_000)
        if request.method == "POST":
            parameters += await _body(request)
    except ValueError as error:  # UnicodeDecodeError is one
        raise _Refused(400, f"The parameters cannot be read: {error}.") from None
    queries = [value for name, value in parameters if name == "query"]
    if any(name == "update" for name, _ in parameters):
        raise _Refused(400, "Updates are not taken here.")
    if not parameters and request.method in ("GET", "HEAD"):
        return None
    if len(queries) != 1:
        raise _Refused(400, f"There has to be one query; there are {len(queries)}.")
    if len(queries[0].encode()) > QUERY_SIZE:
        raise _Refused(413, f"A query may have {QUERY_SIZE} bytes.")
    accept = _accept(request)
    table, graph = preferred(accept, TABLES), preferred(accept, GRAPHS)
    if table is None and graph is None:
        raise _not_acceptable()
    return Request(queries[0], query_timeout(), table, graph, _dataset(parameters))


async def _body(request: HttpRequest) -> list[tuple[str, str]]:
    media, _, rest = request.headers.get("content-type", "").partition(";")
    media = media.strip().lower()
    if media not in (_FORM, _QUERY):
        raise _Refused(415, f"A query comes as {_FORM} or {_QUERY}.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise _Refused(415, "A query comes uncompressed.")
    charset = rest.lower().partition("charset=")[2].strip(' "') or "utf-8"
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise _Refused(415, "A query comes in UTF-8.")
    limit = QUERY_SIZE * (3 if media == _FORM else 1) + 10_000  # percent signs make three of one
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise _Refused(413, f"A query may have {QUERY_SIZE} bytes.")
    text = bytes(body).decode("utf-8")
    if media == _QUERY:
        return [("query", text)]
    return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=1_000)


def _dataset(parameters: list[tuple[str, str]]) -> Dataset | None:
    default = tuple(value for name, value in parameters if name == "default-graph-uri")
    named = tuple(value for name, value in parameters if name == "named-graph-uri")
    if not default and not named:
        return None
    if not all(map(is_iri, (*default, *named))):
        raise _Refused(400, "The name of a graph has to be an IRI.")
    return Dataset(default, named)


# What is answered


class _Answering:
    """One query on its way: from the gate to the last byte."""

    def __init__(self, gate: Gate, worker: Worker, asked: Request, request: HttpRequest) -> None:
        self._gate, self._worker, self._asked, self._request = gate, worker, asked, request
        self._held = AsyncExitStack()

    async def response(self) -> Response:
        """Return the answer as soon as its first part is there.

        :raises MskGraphError: if there is none
        """
        client = self._request.client
        try:
            await self._held.enter_async_context(self._gate.inside(client.host if client else ""))
            reply = self._held.enter_context(await run_in_threadpool(self._worker.open, self._asked))
            parts = aiter(reply)
            first = await self._unless_gone(anext(parts))
        except BaseException:
            await self._held.aclose()
            raise
        assert reply.head is not None
        return _Held(self._held, self._all(first, parts), media_type=reply.head.media, headers=_VARY)

    async def _unless_gone(self, first: object) -> bytes:
        """Wait for the first part, but no longer than the client does."""
        coming = asyncio.ensure_future(first)  # type: ignore[call-overload]
        gone = asyncio.ensure_future(self._disconnected())
        try:
            await asyncio.wait({coming, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                raise QueryStopped("time", "Nobody waits for the answer any more.")
            return bytes(coming.result())
        finally:
            for task in (coming, gone):
                task.cancel()
            await asyncio.gather(coming, gone, return_exceptions=True)

    async def _disconnected(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass

    async def _all(self, first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        yield first
        # An error from here on breaks the answer off, which the client sees: its last chunk does not come.
        async for part in parts:
            yield part


class _Held(StreamingResponse):
    """An answer that gives back what it holds when it is sent, or cannot be."""

    def __init__(self, held: AsyncExitStack, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held:
            await super().__call__(scope, receive, send)


def _refusal(error: MskGraphError) -> _Refused:
    match error:
        case AnswerNotAcceptable():
            return _not_acceptable()
        case QueryError():
            return _Refused(400, str(error))
        case QueryStopped(limit="time"):
            return _Refused(408, str(error))
        case QueryStopped():
            return _Refused(500, str(error))
        case Busy(retry_after=seconds):
            return _Refused(503, str(error), {"Retry-After": str(seconds)})
        case StoreError():
            return _Refused(502, str(error))
    return _Refused(500, str(error))


def _not_acceptable() -> _Refused:
    return _Refused(406, f"Available are {', '.join(TABLES)}; for a graph {', '.join(GRAPHS)}.", _VARY)
