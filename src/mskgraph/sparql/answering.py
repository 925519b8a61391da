"""What all routes share: refusals as answers, bodies read under a limit, and an answer that is sent as it comes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from email.message import Message
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from mskgraph.errors import AnswerNotAcceptable, Busy, MskGraphError, QueryError, QueryStopped, StoreError
from mskgraph.sparql.gate import Gate
from mskgraph.sparql.messages import Request
from mskgraph.sparql.worker import Worker
from mskgraph.store import Dataset, is_iri

TABLES: Final = (
    "application/sparql-results+json",
    "application/sparql-results+xml",
    "text/csv",
    "text/tab-separated-values",
)
"""Media types in which SELECT and ASK are answered, the first if anything will do."""

PLAIN: Final = ("application/json", "application/xml")
"""What many clients call the first two of these; answered so to who takes nothing else."""

GRAPHS: Final = ("text/turtle", "application/n-triples", "application/rdf+xml", "application/ld+json")
"""Media types in which a graph is given, likewise."""

FORM: Final = "application/x-www-form-urlencoded"
VARY: Final = {"Vary": "Accept"}

Answer = Callable[[HttpRequest], Awaitable[Response]]


class Refused(Exception):
    """A request that is answered with an error.

    :ivar status: HTTP status code
    """

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        self.status, self.headers = status, headers
        super().__init__(text)

    def response(self) -> Response:
        """Return it as an answer."""
        return PlainTextResponse(f"{self}\n", self.status, self.headers)


class Address:
    """What an address answers, by a few methods; who uses another one is told these (RFC 9110, section 15.5.6).

    :param answer: to a request by one of them
    :param methods: which these are
    """

    def __init__(self, answer: Answer, methods: Sequence[str]) -> None:
        self._answer, self._methods = answer, methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as an ASGI application."""
        request = HttpRequest(scope, receive, send)
        allowed = request.method in self._methods
        response = await self._answer(request) if allowed else not_allowed(self._methods).response()
        await response(scope, receive, send)


def told(answer: Answer) -> Answer:
    """Make answers of errors."""

    async def answered(request: HttpRequest) -> Response:
        try:
            return await answer(request)
        except Refused as refused:
            return refused.response()
        except MskGraphError as error:
            return refusal(error).response()

    return answered


def gated(answer: Answer) -> Answer:
    """Let answers that are worked out in this very process be asked for as queries are: so many at once, and told."""
    gate = Gate()

    async def let_in(request: HttpRequest) -> Response:
        async with gate.inside(client_of(request)):
            return await answer(request)

    return told(let_in)


# What is asked


def query_timeout() -> float:
    """Return how many seconds a query may take: ``MSKGRAPH_QUERY_TIMEOUT``, or 10.

    :raises MskGraphError: if that is no positive number
    """
    given = os.environ.get("MSKGRAPH_QUERY_TIMEOUT", "10")
    with suppress(ValueError):
        if 0 < float(given) < 86_400:
            return float(given)
    raise MskGraphError(f"MSKGRAPH_QUERY_TIMEOUT has to be a number of seconds, not {given!r}.")


def accept_of(request: HttpRequest) -> str:
    """Return in what forms a client wants the answer."""
    return ", ".join(request.headers.getlist("accept"))


def client_of(request: HttpRequest) -> str:
    """Return the address of a client."""
    return request.client.host if request.client else ""


def parameters_of(text: str) -> list[tuple[str, str]]:
    """Return names and values of what is written as in an address.

    :raises Refused: if it cannot be read
    """
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=1_000)
    except ValueError as error:  # UnicodeDecodeError is one
        raise Refused(400, f"The parameters cannot be read: {error}.") from None


def dataset_of(parameters: list[tuple[str, str]], default: str, named: str) -> Dataset | None:
    """Return the graphs that a request is about, each once; ``None`` if it names none.

    :param default: name of the parameters that name those asked as one
    :param named: name of the parameters that name those told apart
    :raises Refused: if a graph's name is no IRI
    """
    graphs = Dataset(*(tuple(dict.fromkeys(v for n, v in parameters if n == name)) for name in (default, named)))
    if not all(map(is_iri, (*graphs.default, *(graphs.named or ())))):
        raise Refused(400, "The name of a graph has to be an IRI.")
    return graphs if any(graphs) else None


async def body_of(request: HttpRequest, what: str, sizes: Mapping[str, int]) -> tuple[str, bytes]:
    """Return the media type and the content of a body.

    :param what: that it is, to begin a sentence with
    :param sizes: how many bytes there may be, by media type
    :raises Refused: if it is another one, too large, packed, or not in UTF-8
    """
    kind = Message()
    kind["Content-Type"] = request.headers.get("content-type", "")
    media = kind.get_content_type()
    if media not in sizes:
        raise Refused(415, f"{what} comes as {' or '.join(sizes)}.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refused(415, f"{what} comes uncompressed.")
    if kind.get_content_charset("utf-8") not in ("utf-8", "utf8", "us-ascii"):
        raise Refused(415, f"{what} comes in UTF-8.")
    limit = sizes[media] * 3 + 10_000 if media == FORM else sizes[media]  # percent signs make three of one
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise Refused(413, f"{what} may have {sizes[media]} bytes.")
    return media, bytes(body)


# What is answered


class Answering:
    """One query on its way: from the gate to the last byte."""

    def __init__(self, gate: Gate, worker: Worker, asked: Request, request: HttpRequest) -> None:
        self._gate, self._worker, self._asked, self._request = gate, worker, asked, request
        self._held = AsyncExitStack()

    async def response(self) -> Response:
        """Return the answer as soon as its first part is there.

        :raises MskGraphError: if there is none
        """
        try:
            await self._held.enter_async_context(self._gate.inside(client_of(self._request)))
            reply = self._held.enter_context(await run_in_threadpool(self._worker.open, self._asked))
            parts = aiter(reply)
            first = await self._unless_gone(anext(parts))
        except BaseException:
            await self._held.aclose()
            raise
        assert reply.head is not None
        whole = self._all(first, parts)
        return _Held(self._held, reply.seconds_left, whole, media_type=reply.head.media, headers=VARY)

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
    """An answer that gives back what it holds when it is sent, or cannot be, or is not taken in time."""

    def __init__(self, held: AsyncExitStack, seconds_left: Callable[[], float], *args: object, **options: Any) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self._held, self._seconds_left = held, seconds_left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held:
            # Whoever does not read lets the server wait for long after the query has ended.
            async with asyncio.timeout(self._seconds_left()):
                await super().__call__(scope, receive, send)


def refusal(error: MskGraphError) -> Refused:
    """Return how an error is told."""
    match error:
        case AnswerNotAcceptable():
            return not_acceptable()
        case QueryError():
            return Refused(400, str(error))
        case QueryStopped(limit="time"):
            return Refused(408, str(error))
        case QueryStopped():
            return Refused(500, str(error))
        case Busy(retry_after=seconds):
            return Refused(503, str(error), {"Retry-After": str(seconds)})
        case StoreError():
            return Refused(502, str(error))
    return Refused(500, str(error))


def not_allowed(methods: Sequence[str], why: str = "This cannot be done here by that method.") -> Refused:
    """Return what is said to who uses another method than those that there are."""
    return Refused(405, why, {"Allow": ", ".join(methods)})


def not_acceptable() -> Refused:
    """Return what is said to who takes none of the forms that there are."""
    return Refused(406, f"Available are {', '.join(TABLES)}; for a graph {', '.join(GRAPHS)}.", VARY)
